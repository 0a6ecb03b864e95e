//! Rows H: changing the policy under traffic, and what a bad change does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::counters::Change;
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::frame::BROADCAST;
use skerry_netns_tests::site::Site;
use skerry_netns_tests::stream::{Sent, Stream};
use skerry_netns_tests::suite::{joined, row, say};
use skerry_netns_tests::topology::{Node, Port};

use crate::reach::{must_know, port};
use crate::stage::{GUARDED, OPEN, fresh, shared};

/// Frames a second that rows H01 and H03 ask for.
const RATE: u32 = 50_000;
/// After the last frame was sent: what has not arrived by then is lost.
const DRAIN: Duration = Duration::from_millis(400);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        row(
            "H01 a widened port is heard from the acknowledgement on, and not before [open]",
            || fresh(OPEN, widened),
        ),
        row(
            "H03 a hundred reloads cost a bystander nothing [open]",
            || fresh(OPEN, hundred_reloads),
        ),
        row("H04 a broken file changes nothing [guarded]", || {
            shared(GUARDED, broken_file)
        }),
        row(
            "H05 killed during a reload, a node comes back with a good generation [guarded]",
            || fresh(GUARDED, killed_while_loading),
        ),
        row(
            "H09 without a policy nothing is forwarded [guarded]",
            || fresh(GUARDED, without_policy),
        ),
    ]
}

/// The fastest rate that this machine forwards without loss while nothing else happens.
fn held_rate(fabric: &Fabric, from: Port, to: Port) -> Result<u32> {
    for rate in [RATE, 40_000, 30_000, 20_000, 10_000, 5_000, 2_000] {
        fabric.hosts.take();
        let end = Instant::now() + Duration::from_millis(1_500);
        let sent = Stream { from, to, rate }.run(fabric, || Instant::now() < end)?;
        sleep(DRAIN);
        let logs = fabric.hosts.take();
        let full_speed = sent.rate() > f64::from(rate) * 0.95;
        if full_speed && sent.must_arrive(to, &logs).is_ok() {
            return Ok(rate);
        }
    }
    anyhow::bail!("{from} -> {to}: frames are lost at 2,000 a second while nothing else happens")
}

fn report_rate(what: &str, sent: &[Sent]) {
    let rate: f64 = sent.iter().map(Sent::rate).sum();
    let frames: u32 = sent.iter().map(|sent| sent.count).sum();
    let short = if rate < f64::from(RATE) * 0.95 {
        ", all that this machine held"
    } else {
        ""
    };
    say(&format!(
        "    {what}: {frames} frames at {rate:.0} a second{short}"
    ));
}

fn with_b_i1(site: &Site, segment: &str) -> Result<Site> {
    let mut site = site.clone();
    site.changed = vec![(port("b-i1")?, segment.to_owned())];
    site.edition += 1;
    Ok(site)
}

/// As H03: tried at half the rate when the machine was too slow, and the daemons dropped nothing.
fn widened(fabric: &mut Fabric) -> Result<()> {
    fabric.introduce()?;
    let [from, to] = [port("b-i1")?, port("b-w2")?];
    let mut rate = held_rate(fabric, port("b-w1")?, to)?;
    for attempt in 0..4 {
        must_know(fabric, from, to)?;
        let lost = widen_under(fabric, Stream { from, to, rate }, attempt)?;
        if lost == 0 {
            return fabric.counters()?.check();
        }
        say(&format!(
            "    H01 {lost} frames lost in full queues at {rate} a second; again at half"
        ));
        rate /= 2;
        let mut narrow = with_b_i1(&fabric.site, "blue.isolated")?;
        narrow.edition = 500 + attempt;
        fabric.write_site(&narrow)?;
        load_everywhere(fabric)?;
    }
    anyhow::bail!("frames are lost even at {} a second", rate * 2)
}

/// Gives the number of frames after the edge that were lost in full queues.
fn widen_under(fabric: &Fabric, stream: Stream, attempt: u32) -> Result<u32> {
    fabric.hosts.take();
    let before = fabric.counters()?;
    let mut web = with_b_i1(&fabric.site, "blue.web")?;
    web.edition = 600 + attempt;
    fabric.write_site(&web)?;
    let running = AtomicBool::new(true);
    let go_on = || running.load(Ordering::Relaxed);
    let (sent, asked, acknowledged) = std::thread::scope(|scope| -> Result<_> {
        let sending = scope.spawn(move || stream.run(fabric, go_on));
        sleep(Duration::from_millis(500));
        let asked = Instant::now();
        let loaded = fabric
            .daemons
            .iter()
            .try_for_each(|daemon| daemon.must(&["reload"]).map(drop));
        let acknowledged = Instant::now();
        sleep(Duration::from_millis(700));
        running.store(false, Ordering::Relaxed);
        let sent = joined(sending)?;
        loaded?;
        Ok((sent, asked, acknowledged))
    })?;
    sleep(DRAIN);
    let logs = fabric.hosts.take();
    let change = Change {
        before,
        after: fabric.counters()?,
    };
    let (first, lost) = one_edge(&sent, stream.to, &logs, asked, acknowledged)?;
    let denied = change.dropped(stream.from);
    let (near, far) = (stream.from.node(), stream.to.node());
    // Between the two nodes' reloads the receiving one refuses what the sending one lets pass: all
    // of that comes before the edge, since after it nothing is missing.
    let further = change.dropped(stream.to) + change.dropped_between(near, far);
    ensure!(
        denied + further <= u64::from(first),
        "the edge flaps: {first} frames came before it, {denied} were dropped at {} and {further} \
         further on; {lost} are missing; {near} about {far}: {:?}; {far} about {near}: {:?}",
        stream.from,
        change.after.peer(near, far),
        change.after.peer(far, near)
    );
    if lost == 0 {
        report_rate("H01", &[sent]);
    }
    Ok(lost)
}

/// Nothing before the reload was asked for; all from the acknowledgement on. Gives the offset of
/// the first frame that passed, and the number of later ones that did not.
fn one_edge(
    sent: &Sent,
    to: Port,
    logs: &[skerry_netns_tests::probe::Log],
    asked: Instant,
    acknowledged: Instant,
) -> Result<(u32, u32)> {
    let heard = sent.heard_at(logs);
    ensure!(
        heard == [to],
        "the widened port is heard at {heard:?}, not at {to} alone"
    );
    let arrived = sent.in_log(&logs[to.index()]);
    ensure!(
        arrived.duplicates == 0,
        "{} frames arrived twice",
        arrived.duplicates
    );
    let (first, at) = *arrived.offsets.first().context("nothing arrived")?;
    ensure!(
        at >= asked,
        "a frame passed before the reload was asked for"
    );
    let late = at.saturating_duration_since(acknowledged);
    ensure!(
        late <= Duration::from_millis(20),
        "the first frame passed {late:?} after the last acknowledgement"
    );
    let got = u32::try_from(arrived.offsets.len())?;
    Ok((first, sent.count.saturating_sub(first + got)))
}

/// Tried at half the rate again when the machine, and not the product, was too slow: when no daemon
/// decided to drop a frame, what is missing was lost in full queues.
fn hundred_reloads(fabric: &mut Fabric) -> Result<()> {
    fabric.introduce()?;
    let mut rate = held_rate(fabric, port("b-d1")?, port("b-d2")?)? / 2;
    for attempt in 0..4 {
        let lost = reloads_under(fabric, rate, attempt)?;
        if lost == 0 {
            return fabric.counters()?.check();
        }
        say(&format!(
            "    H03 {lost} frames lost in full queues at 2 x {rate} a second; again at half"
        ));
        rate /= 2;
    }
    anyhow::bail!(
        "frames are lost during reloads even at 2 x {} a second",
        rate * 2
    )
}

/// Isolated and web in turn; a pair of databases talks on, and a forbidden pair stays forbidden.
/// Gives the number of frames that were lost in full queues.
fn reloads_under(fabric: &Fabric, rate: u32, attempt: u32) -> Result<u32> {
    let [one, other, intruder] = [port("b-d1")?, port("b-d2")?, port("b-i2")?];
    fabric.hosts.take();
    let before = fabric.counters()?;
    let running = AtomicBool::new(true);
    let go_on = || running.load(Ordering::Relaxed);
    let started = Instant::now();
    let (there, back, forbidden) = std::thread::scope(|scope| -> Result<_> {
        let stream =
            |from, to, rate| scope.spawn(move || Stream { from, to, rate }.run(fabric, go_on));
        let streams = (
            stream(one, other, rate),
            stream(other, one, rate),
            stream(intruder, other, 500),
        );
        let reloaded = flip_b_i1(fabric, attempt * 100);
        running.store(false, Ordering::Relaxed);
        let sent = (joined(streams.0)?, joined(streams.1)?, joined(streams.2)?);
        reloaded?;
        Ok(sent)
    })?;
    let took = started.elapsed().as_secs_f64();
    sleep(DRAIN);
    let logs = fabric.hosts.take();
    let leaks = forbidden.heard_at(&logs);
    ensure!(
        leaks.is_empty(),
        "a forbidden stream was heard at {leaks:?} during the reloads"
    );
    let lost = there.lost_on_the_way(other, &logs)? + back.lost_on_the_way(one, &logs)?;
    if lost == 0 {
        report_rate("H03, bystanders both ways", &[there, back]);
        say(&format!("    H03 100 reloads of four nodes in {took:.1} s"));
        return Ok(0);
    }
    let change = Change {
        before,
        after: fabric.counters()?,
    };
    for port in [one, other] {
        let dropped = change.dropped(port);
        ensure!(
            dropped == 0,
            "{port}: {dropped} of {lost} lost frames were dropped by a daemon"
        );
    }
    for (from, to) in [(one.node(), other.node()), (other.node(), one.node())] {
        let dropped = change.dropped_between(from, to);
        ensure!(
            dropped == 0,
            "{from} to {to}: {dropped} of {lost} lost frames were dropped by a daemon"
        );
    }
    Ok(lost)
}

/// A hundred generations, of which every second makes b-i1 a web port.
fn flip_b_i1(fabric: &Fabric, first: u32) -> Result<()> {
    (0..100).try_for_each(|round| {
        let segment = if round % 2 == 0 {
            "blue.web"
        } else {
            "blue.isolated"
        };
        let mut site = with_b_i1(&fabric.site, segment)?;
        site.edition = first + round + 1;
        fabric.write_site(&site)?;
        load_everywhere(fabric)
    })
}

/// On every node at once, as a fleet would.
fn load_everywhere(fabric: &Fabric) -> Result<()> {
    std::thread::scope(|scope| {
        let nodes: Vec<_> = fabric
            .daemons
            .iter()
            .map(|daemon| scope.spawn(move || daemon.must(&["reload"]).map(drop)))
            .collect();
        nodes.into_iter().try_for_each(joined)
    })
}

fn broken_file(fabric: &mut Fabric) -> Result<()> {
    let node = Node(1);
    let before = fabric.daemon(node).facts("status")?;
    let text = fabric
        .site
        .text(&fabric.hosts)
        .replacen("blue.isolated", "blue.isolatd", 1);
    std::fs::write(fabric.site_file(), text)?;
    let output = fabric.daemon(node).run(&["reload"])?;
    fabric.write_site(&fabric.site)?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(1),
        "reload ended with {}: {words}",
        output.status
    );
    ensure!(
        words.contains("site.toml:") && words.contains("P003"),
        "no place or code in: {words}"
    );
    let after = fabric.daemon(node).facts("status")?;
    for same in ["generation", "digest"] {
        ensure!(
            before[same] == after[same],
            "{same} was {} and is {}",
            before[same],
            after[same]
        );
    }
    let rejected = |status: &serde_json::Value| status["policy_rejected"].as_u64().unwrap_or(0);
    ensure!(
        rejected(&after) == rejected(&before) + 1,
        "policy_rejected is {}",
        after["policy_rejected"]
    );
    fabric.introduce()
}

/// Killed at a different moment each time; the file is broken before the restart, so that only
/// what the node kept can help it.
fn killed_while_loading(fabric: &mut Fabric) -> Result<()> {
    fabric.introduce()?;
    let node = Node(1);
    let mut good = digest(fabric, node)?;
    for round in 0..8_u64 {
        let mut site = fabric.site.clone();
        site.edition = 100 + u32::try_from(round)?;
        fabric.write_site(&site)?;
        let acknowledged = interrupted_reload(fabric, node, Duration::from_millis(round * 6))?;
        std::fs::write(fabric.site_file(), "version = \"none\"\n")?;
        fabric.daemons[node.index()].start()?;
        fabric.hosts.bring_up(
            Port::all().filter(|port| port.node() == node),
            Duration::from_secs(5),
        )?;
        let back = settled_digest(fabric, node)?;
        let fresh = expected_digest(fabric, &site)?;
        let allowed = if acknowledged {
            vec![&fresh]
        } else {
            vec![&good, &fresh]
        };
        ensure!(
            allowed.contains(&&back),
            "round {round}: came back with {back}, not one of {allowed:?} (acknowledged: {acknowledged})"
        );
        good = back;
    }
    fabric.write_site(&fabric.site)?;
    load_everywhere(fabric)?;
    fabric.settle()?;
    fabric.introduce()
}

/// Whether the reload was acknowledged before the power went.
fn interrupted_reload(fabric: &mut Fabric, node: Node, after: Duration) -> Result<bool> {
    let daemon = &fabric.daemons[node.index()];
    let acknowledged = std::thread::scope(|scope| -> Result<bool> {
        let client = scope.spawn(|| daemon.run(&["reload"]));
        sleep(after);
        daemon.signal(nix::sys::signal::Signal::SIGKILL)?;
        Ok(joined(client)?.status.success())
    })?;
    fabric.daemons[node.index()].wait(Duration::from_secs(5))?;
    Ok(acknowledged)
}

fn digest(fabric: &Fabric, node: Node) -> Result<String> {
    let status = fabric.daemon(node).facts("status")?;
    Ok(status["digest"]
        .as_str()
        .context("status without a digest")?
        .to_owned())
}

fn settled_digest(fabric: &mut Fabric, node: Node) -> Result<String> {
    let limit = Instant::now() + Duration::from_secs(5);
    loop {
        fabric.daemons[node.index()].must_run()?;
        match digest(fabric, node) {
            Ok(digest) => return Ok(digest),
            Err(error) => ensure!(Instant::now() < limit, "{node} does not answer: {error:#}"),
        }
        sleep(Duration::from_millis(10));
    }
}

/// What `skerry check` calls a site file.
fn expected_digest(fabric: &Fabric, site: &Site) -> Result<String> {
    let path = fabric.folder().join("candidate.toml");
    std::fs::write(&path, site.text(&fabric.hosts))?;
    let path = path.to_str().context("a path that is not text")?;
    let checked = skerry_netns_tests::daemon::skerry(&["check", path, "--json"], "")?;
    let facts: serde_json::Value = serde_json::from_slice(&checked.stdout)?;
    Ok(facts["digest"]
        .as_str()
        .with_context(|| format!("no digest in {facts}"))?
        .to_owned())
}

/// n2 starts with neither a site file nor a kept generation.
fn without_policy(fabric: &mut Fabric) -> Result<()> {
    fabric.introduce()?;
    let node = Node(2);
    fabric.daemons[node.index()].stop()?;
    std::fs::remove_dir_all(fabric.folder().join(format!("{node}.state")))?;
    std::fs::remove_file(fabric.site_file())?;
    fabric.hosts.take();
    fabric.daemons[node.index()].start()?;
    sleep(Duration::from_millis(700));
    let ended = fabric.daemons[node.index()].ended()?;
    ensure!(
        ended.is_none_or(|status| !status.success()),
        "started without a policy, and ended well"
    );
    for from in ["b-gw", "b-p2"] {
        let shot = fabric.broadcast(port(from)?);
        fabric.hosts.at(shot.from).send(&shot.frame)?;
    }
    for host in fabric.hosts.iter().filter(|host| host.port.node() == node) {
        let links = host.netns.links()?;
        if links.is_empty() {
            continue;
        }
        let tag = fabric.tag(host.port);
        let frame = fabric.plain(host.port, BROADCAST, [255; 4], tag, 0);
        // A port that is down refuses by itself.
        drop(host.send(&frame));
    }
    sleep(DRAIN);
    let logs = fabric.hosts.take();
    let reached: Vec<Port> = Port::all()
        .filter(|port| {
            let log = &logs[port.index()];
            let from_n2 = |source| Port(source).node() == node;
            let heard = log.seen.iter().any(|seen| from_n2(seen.tag.source));
            heard || port.node() == node && !log.seen.is_empty()
        })
        .collect();
    ensure!(
        reached.is_empty(),
        "without a policy on n2, frames passed it to {reached:?}"
    );
    fabric.revive(node)
}
