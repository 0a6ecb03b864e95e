//! What the machine does to a node: netlink overruns, full disks, limits, stops. K14 to K17.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::hosts::LINK;
use skerry_netns_tests::topology::{Node, Port};

use crate::bench::{figure, row};
use crate::stage::{GUARDED, OPEN, fresh, shared};
use crate::talk::{Heard, converged, everybody, talking, unhurried};

/// The node that suffers.
const NODE: Node = Node(2);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        row(
            "K17 a node that stands still for five seconds goes on [open]",
            || shared(OPEN, stopped),
        ),
        row(
            "K14 after ten thousand link events that it missed, a node knows how things are [open]",
            || fresh(OPEN, overrun),
        ),
        row(
            "K15 a full disk stops no frame, and no file is half written [guarded]",
            || fresh(GUARDED, full_disk),
        ),
        row(
            "K15b a limit on file sizes stops no frame [guarded]",
            || fresh(GUARDED, file_size),
        ),
        row(
            "K16 without descriptors or memory a node forwards, or ends [guarded]",
            || fresh(GUARDED, limits),
        ),
    ]
}

/// Streams that do not end at the node in question.
fn elsewhere(heard: &Heard) -> impl Iterator<Item = usize> {
    let others = Node::ALL.into_iter().filter(|node| *node != NODE);
    let pairs = others
        .clone()
        .flat_map(move |a| others.clone().map(move |b| (a, b)));
    pairs.flat_map(|(a, b)| heard.between(a, b).collect::<Vec<_>>())
}

/// Streams from or to the node in question.
fn there(heard: &Heard) -> impl Iterator<Item = usize> {
    let others = Node::ALL.into_iter().filter(|node| *node != NODE);
    others.flat_map(|other| {
        heard
            .between(NODE, other)
            .chain(heard.between(other, NODE))
            .collect::<Vec<_>>()
    })
}

fn stopped(fabric: &mut Fabric) -> Result<()> {
    const STOP: Duration = Duration::from_secs(5);
    let daemon = fabric.daemon(NODE);
    let (slowest, frames) = unhurried(|rate| {
        let ((resumed, met), heard) = talking(fabric, &everybody(rate)?, || {
            sleep(Duration::from_millis(300));
            daemon.signal(Signal::SIGSTOP)?;
            sleep(STOP);
            daemon.signal(Signal::SIGCONT)?;
            let resumed = Instant::now();
            let met = converged(fabric, resumed, Duration::from_secs(10))?;
            sleep(Duration::from_millis(700));
            Ok((resumed, met))
        })?;
        let frames = heard.must_be_clean(fabric)?;
        fabric.counters()?.check()?;
        let mut slowest = met;
        for talk in there(&heard) {
            let back = heard.back(talk, resumed);
            let back = back.with_context(|| format!("{} never came back", heard.name(talk)))?;
            slowest = slowest.max(back);
        }
        let lost = elsewhere(&heard).map(|talk| heard.lost(talk)).sum();
        Ok((lost, (slowest, frames)))
    })?;
    figure(
        "K17",
        "a node stopped (SIGSTOP) for 5 s",
        &format!(
            "back {:.2} s after it goes on; others lose 0; 0 leaks in {frames} frames",
            slowest.as_secs_f64()
        ),
    );
    ensure!(slowest <= Duration::from_secs(10), "back after {slowest:?}");
    Ok(())
}

/// While the node does not listen, ten thousand changes of a link and its address, and two of
/// its own links that matter.
fn overrun(fabric: &mut Fabric) -> Result<()> {
    const CHANGES: u32 = 10_000;
    let [deleted, downed] = [Port::named("b-i3")?, Port::named("b-d2")?];
    let daemon = fabric.daemon(NODE);
    daemon
        .netns
        .ip("link add name noise0 type veth peer name noise1")?;
    daemon.signal(Signal::SIGSTOP)?;
    let changed = noise(fabric, CHANGES).and_then(|()| {
        let hosts = &fabric.hosts;
        hosts
            .at(deleted)
            .netns
            .ip(&format!("link del dev {LINK}"))?;
        hosts
            .at(downed)
            .netns
            .ip(&format!("link set dev {LINK} down"))?;
        daemon.netns.ip("link del dev noise0")
    });
    daemon.signal(Signal::SIGCONT)?;
    let resumed = Instant::now();
    changed?;
    let took = as_it_is(fabric, resumed, deleted, downed)?;
    // Another warning would come within this.
    sleep(Duration::from_secs(1));
    let log = fs::read_to_string(daemon.log_file())?;
    let warnings = log.matches("ENOBUFS").count();
    figure(
        "K14",
        "10,000 link changes while the node stands still, among them one port deleted and one down",
        &format!(
            "state equal to the kernel's {:.2} s after it goes on; {warnings} warning",
            took.as_secs_f64()
        ),
    );
    ensure!(warnings == 1, "{warnings} warnings of an overrun");
    ensure!(
        took <= Duration::from_secs(5),
        "{took:?} until the state was right"
    );
    fabric.settle()?;
    fabric.introduce()?;
    fabric.counters()?.check()
}

/// How long after a moment the node has made one port anew, and knows that another is down, and
/// that all others are up.
fn as_it_is(fabric: &Fabric, since: Instant, made: Port, down: Port) -> Result<Duration> {
    let host = &fabric.hosts.at(made).netns;
    loop {
        let facts = fabric.daemon(NODE).facts("ports")?;
        let ports = facts["ports"].as_array().context("no list of ports")?;
        let up = |port: Port| {
            let entry = ports.iter().find(|entry| entry["name"] == port.full_name());
            entry.is_some_and(|entry| entry["up"] == true)
        };
        let is_made = host.links()?.iter().any(|link| link == LINK);
        if is_made {
            fabric
                .hosts
                .bring_up(std::iter::once(made), Duration::from_secs(1))?;
        }
        let mut mine = Port::all().filter(|port| port.node() == NODE);
        let took = since.elapsed();
        if is_made && mine.all(|port| up(port) == (port != down)) {
            return Ok(took);
        }
        ensure!(
            took < Duration::from_secs(15),
            "15 s later the node believes: {facts}"
        );
        sleep(Duration::from_millis(10));
    }
}

fn noise(fabric: &Fabric, changes: u32) -> Result<()> {
    let netns = fabric.daemon(NODE).netns.path();
    let netns = netns.file_name().context("a namespace without a name")?;
    let mut child = Command::new("ip")
        .arg("-n")
        .arg(netns)
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    let mut text = String::new();
    for change in 0..changes / 2 {
        let mtu = 1_300 + change % 100;
        text += &format!(
            "link set dev noise0 mtu {mtu}\naddr replace 192.0.2.{}/32 dev noise0\n",
            change % 250
        );
    }
    child
        .stdin
        .take()
        .context("no pipe")?
        .write_all(text.as_bytes())?;
    let status = child.wait()?;
    ensure!(status.success(), "ip -batch: {status}");
    Ok(())
}

/// A process that holds a mount namespace with a tiny file system over the node's state; both go
/// with it. It ends when its input does, so also when the suite is killed.
struct TinyDisk {
    holder: Child,
    state: PathBuf,
}

impl TinyDisk {
    fn mount(fabric: &Fabric) -> Result<Self> {
        let state = fabric.folder().join(format!("{NODE}.state"));
        let name = state
            .to_str()
            .context("a path that is not text")?
            .to_owned();
        let script = format!("mount -t tmpfs -o size=64k,mode=700 none {name} && exec cat");
        let holder = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let disk = Self { holder, state };
        let limit = Instant::now() + Duration::from_secs(5);
        loop {
            let mounts = fs::read_to_string(format!("/proc/{}/mounts", disk.holder.id()))?;
            if mounts.contains(&name) {
                return Ok(disk);
            }
            ensure!(Instant::now() < limit, "no tmpfs over {name}");
            sleep(Duration::from_millis(5));
        }
    }

    fn namespace(&self) -> String {
        format!("--mount=/proc/{}/ns/mnt", self.holder.id())
    }

    /// The folder as the node sees it.
    fn inside(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.state.strip_prefix("/").unwrap_or(&self.state))
    }

    /// Writes until nothing fits any more.
    fn fill(&self) -> Result<()> {
        let mut file = fs::File::create(self.inside().join("filler"))?;
        while file.write_all(&[0; 512]).is_ok() {}
        Ok(())
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}

fn digest(fabric: &Fabric) -> Result<String> {
    let status = fabric.daemon(NODE).facts("status")?;
    Ok(status["digest"]
        .as_str()
        .context("status without a digest")?
        .to_owned())
}

/// Loads another edition on the node alone; gives whether it was accepted, which the running
/// digest must confirm.
fn load(fabric: &Fabric, edition: u32) -> Result<bool> {
    let before = digest(fabric)?;
    let mut site = fabric.site.clone();
    site.edition = edition;
    fabric.write_site(&site)?;
    let output = fabric.daemon(NODE).run(&["reload"])?;
    let after = digest(fabric)?;
    let accepted = output.status.success();
    ensure!(
        accepted == (after != before),
        "reload ended with {} and the digest was {before} and is {after}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(accepted)
}

/// Does something to the node while everybody talks, which must cost no frame; gives what came
/// of it, and how many frames arrived.
fn unharmed<T>(fabric: &Fabric, mut work: impl FnMut() -> Result<T>) -> Result<(T, usize)> {
    unhurried(|rate| {
        let (done, heard) = talking(fabric, &everybody(rate)?, &mut work)?;
        let frames = heard.must_be_clean(fabric)?;
        fabric.counters()?.check()?;
        let talks = elsewhere(&heard).chain(there(&heard));
        let lost = talks.map(|talk| heard.lost(talk)).sum();
        Ok((lost, (done, frames)))
    })
}

fn full_disk(fabric: &mut Fabric) -> Result<()> {
    fabric.daemons[NODE.index()].stop()?;
    let disk = TinyDisk::mount(fabric)?;
    let namespace = disk.namespace();
    fabric.daemons[NODE.index()].start_under(&["nsenter", &namespace])?;
    fabric.settle()?;
    fabric.introduce()?;
    fabric.await_bindings()?;
    let mut editions = 100..;
    let mut edition = move || editions.next().unwrap_or_default();
    let (accepted, frames) = unharmed(fabric, || {
        disk.fill()?;
        let accepted = load(fabric, edition())?;
        sleep(Duration::from_millis(500));
        Ok(accepted)
    })?;
    let running = digest(fabric)?;
    // What is on disk must be whole, also after a crash with the disk still full.
    fabric.write_site(&fabric.site)?;
    fabric.daemons[NODE.index()].kill()?;
    fabric.daemons[NODE.index()].start_under(&["nsenter", &namespace])?;
    let crashed = restarted(fabric)?;
    fs::remove_file(disk.inside().join("filler"))?;
    ensure!(
        load(fabric, 2)?,
        "with room on the disk a reload is still refused"
    );
    figure(
        "K15",
        "the disk under the state folder is full",
        &format!(
            "0 of {frames} frames lost; a reload is {} whole; killed with the disk full the node \
             is back with {}; with room again it loads",
            if accepted { "accepted" } else { "refused" },
            if crashed == running {
                "the generation it ran"
            } else {
                "the site file"
            },
        ),
    );
    fabric.write_site(&fabric.site)?;
    fabric.daemon(NODE).must(&["reload"])?;
    fabric.settle()?;
    fabric.introduce()?;
    fabric.counters()?.check()?;
    fabric.daemons[NODE.index()].stop()?;
    drop(disk);
    fabric.revive(NODE)
}

/// The digest that the node runs once it answers again, with its guests' interfaces up.
fn restarted(fabric: &mut Fabric) -> Result<String> {
    let ports = Port::all().filter(|port| port.node() == NODE);
    fabric.hosts.bring_up(ports, Duration::from_secs(5))?;
    let limit = Instant::now() + Duration::from_secs(5);
    loop {
        fabric.daemons[NODE.index()].must_run()?;
        match digest(fabric) {
            Ok(digest) => return Ok(digest),
            Err(error) => ensure!(Instant::now() < limit, "no answer: {error:#}"),
        }
        sleep(Duration::from_millis(10));
    }
}

/// Sets a limit of the running node.
fn prlimit(fabric: &Fabric, limit: &str) -> Result<()> {
    let pid = fabric.daemon(NODE).pid().context("the node does not run")?;
    let output = Command::new("prlimit")
        .args(["--pid", &pid.to_string(), limit])
        .output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "prlimit {limit}: {words}");
    Ok(())
}

fn file_size(fabric: &mut Fabric) -> Result<()> {
    fabric.introduce()?;
    fabric.await_bindings()?;
    let mut editions = 100..;
    let mut edition = move || editions.next().unwrap_or_default();
    let (accepted, frames) = unharmed(fabric, || {
        prlimit(fabric, "--fsize=512:unlimited")?;
        let accepted = load(fabric, edition())?;
        sleep(Duration::from_millis(300));
        prlimit(fabric, "--fsize=unlimited:unlimited")?;
        ensure!(
            load(fabric, edition())?,
            "without the limit a reload is still refused"
        );
        Ok(accepted)
    })?;
    figure(
        "K15",
        "files may be no longer than 512 bytes (RLIMIT_FSIZE)",
        &format!(
            "0 of {frames} frames lost; a reload is {} whole",
            if accepted { "accepted" } else { "refused" }
        ),
    );
    fabric.write_site(&fabric.site)?;
    fabric.daemon(NODE).must(&["reload"])?;
    fabric.settle()?;
    fabric.counters()?.check()
}

fn limits(fabric: &mut Fabric) -> Result<()> {
    fabric.introduce()?;
    fabric.await_bindings()?;
    descriptors(fabric)?;
    for mebibytes in [8, 1_024] {
        memory(fabric, mebibytes)?;
    }
    Ok(())
}

fn descriptors(fabric: &mut Fabric) -> Result<()> {
    let (refused, frames) = unharmed(fabric, || {
        // What is open stays open, and nothing more can be: nobody is answered.
        prlimit(fabric, "--nofile=3:")?;
        let mut client = Command::new(skerry_netns_tests::daemon::binary()?)
            .args(["status", "--socket"])
            .arg(fabric.daemon(NODE).socket())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        sleep(Duration::from_secs(1));
        let refused = client.try_wait()?.is_none_or(|status| !status.success());
        prlimit(fabric, "--nofile=1024:")?;
        drop(client.kill());
        client.wait()?;
        sleep(Duration::from_millis(300));
        Ok(refused)
    })?;
    ensure!(
        load(fabric, 1)?,
        "with descriptors again a reload is refused"
    );
    fabric.write_site(&fabric.site)?;
    fabric.daemon(NODE).must(&["reload"])?;
    fabric.settle()?;
    fabric.counters()?.check()?;
    figure(
        "K16",
        "no file descriptor left (RLIMIT_NOFILE)",
        &format!(
            "0 of {frames} frames lost; a client is {} meanwhile; all works when there are some \
             again",
            if refused { "not answered" } else { "answered" }
        ),
    );
    Ok(())
}

/// A reload with so much memory beyond what is in use.
fn memory(fabric: &mut Fabric, mebibytes: u64) -> Result<()> {
    let pid = fabric.daemon(NODE).pid().context("the node does not run")?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let used: u64 = line
        .and_then(|line| line.split_whitespace().next())
        .context("no VmSize")?
        .parse()?;
    let limit = (used + (mebibytes << 10)) << 10;
    let ((), heard) = talking(fabric, &everybody(100)?, || {
        prlimit(fabric, &format!("--as={limit}:"))?;
        for edition in 1..6 {
            let mut site = fabric.site.clone();
            site.edition = edition;
            fabric.write_site(&site)?;
            fabric.daemon(NODE).run(&["reload"])?;
        }
        sleep(Duration::from_millis(200));
        fabric.write_site(&fabric.site)?;
        Ok(())
    })?;
    let frames = heard.must_be_clean(fabric)?;
    let ended = fabric.daemons[NODE.index()].ended()?;
    let reached = match ended {
        None => {
            prlimit(fabric, "--as=unlimited:")?;
            fabric.daemon(NODE).must(&["reload"])?;
            fabric.settle()?;
            format!("it runs on; 0 leaks in {frames} frames")
        }
        Some(status) => {
            fabric.revive(NODE)?;
            format!("it ends ({status}) and can be started again; 0 leaks in {frames} frames")
        }
    };
    fabric.introduce()?;
    fabric.counters()?.check()?;
    figure(
        "K16",
        &format!("five reloads with {mebibytes} MiB of address space left (RLIMIT_AS)"),
        &reached,
    );
    Ok(())
}
