//! Rows that take many frames, or long ones: C09, C12, and twenty kills.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::counters::Change;
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::hosts::LINK;
use skerry_netns_tests::site::mac;
use skerry_netns_tests::stream::Stream;
use skerry_netns_tests::suite::{joined, row, say};
use skerry_netns_tests::topology::{Node, Port};

use crate::fuzz::Fuzz;
use crate::reach::port;
use crate::stage::{GUARDED, OPEN, fresh, shared};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        row("C09 superframes arrive byte for byte [guarded]", || {
            shared(GUARDED, superframes)
        }),
        row("C12 a million fuzzed frames [guarded]", || {
            shared(GUARDED, fuzzed)
        }),
        row(
            "K20 killed twenty times, a node is back within two seconds [open]",
            || fresh(OPEN, twenty_kills),
        ),
    ]
}

/// A real TCP connection between two kernels, whose superframes the ports take whole.
fn superframes(fabric: &mut Fabric) -> Result<()> {
    const BYTES: usize = 8 << 20;
    let [from, to] = [port("b-i1")?, port("b-gw")?];
    for port in [from, to] {
        live(fabric, port)?;
    }
    let outcome = transfer(fabric, from, to, BYTES);
    for port in [from, to] {
        fabric
            .hosts
            .at(port)
            .netns
            .ip(&format!("addr flush dev {LINK}"))?;
    }
    let largest = outcome?;
    fabric.hosts.take();
    fabric.underlay.take().check()?;
    fabric.counters()?.check()?;
    say(&format!(
        "    C09 {BYTES} bytes arrived intact; the largest frame a host received had {largest} bytes"
    ));
    Ok(())
}

fn live(fabric: &Fabric, port: Port) -> Result<()> {
    let netns = &fabric.hosts.at(port).netns;
    let [a, b, c, d] = port.ip();
    netns.ip(&format!("link set {LINK} address {}", mac(port.mac())))?;
    netns.ip(&format!("addr add {a}.{b}.{c}.{d}/24 dev {LINK}"))?;
    Ok(())
}

/// Sends a pattern, compares it at the other end, and gives the length of the largest frame seen.
fn transfer(fabric: &Fabric, from: Port, to: Port, bytes: usize) -> Result<usize> {
    let pattern: Vec<u8> = (0..bytes)
        .flat_map(|index| (index * 31).to_le_bytes())
        .take(bytes)
        .collect();
    let address = SocketAddr::from((Ipv4Addr::from(to.ip()), 7000));
    let listener = fabric
        .hosts
        .at(to)
        .netns
        .enter(|| TcpListener::bind(address))??;
    let (sent, packets) = fabric.hosts.at(to).netns.received(LINK)?;
    let received = std::thread::scope(|scope| -> Result<Vec<u8>> {
        let server = scope.spawn(|| -> Result<Vec<u8>> {
            let (mut stream, _) = listener.accept()?;
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            let mut received = Vec::with_capacity(bytes);
            stream.read_to_end(&mut received)?;
            Ok(received)
        });
        let connect = || TcpStream::connect_timeout(&address, Duration::from_secs(5));
        let mut stream = fabric
            .hosts
            .at(from)
            .netns
            .enter(connect)?
            .context("no connection to b-gw")?;
        stream.write_all(&pattern)?;
        drop(stream);
        joined(server)
    })?;
    ensure!(
        received == pattern,
        "{} of {bytes} bytes arrived, or others",
        received.len()
    );
    let (after, packets_after) = fabric.hosts.at(to).netns.received(LINK)?;
    let largest = fabric
        .hosts
        .at(to)
        .log(|log| log.others.iter().map(Vec::len).max().unwrap_or(0));
    let average = (after - sent) / (packets_after - packets).max(1);
    ensure!(
        average > 1404,
        "frames to b-gw had {average} bytes on average: no superframe crossed"
    );
    Ok(largest)
}

/// What arrives at a permitted port may be anything; what arrives elsewhere is a leak.
fn fuzzed(fabric: &mut Fabric) -> Result<()> {
    const FRAMES: u64 = 1_000_000;
    const BURST: u64 = 4_000;
    let from = port("b-i1")?;
    let allowed = [port("b-gw")?, port("b-p2")?];
    fabric.hosts.take();
    fabric.underlay.take();
    let before = fabric.counters()?;
    let mut fuzz = Fuzz::new(fabric, from);
    let started = Instant::now();
    let mut sent = 0;
    while sent < FRAMES {
        for _ in 0..BURST {
            let frame = fuzz.next();
            sent += u64::from(fabric.hosts.at(from).send(&frame).is_ok());
        }
        nothing_but_permitted(fabric, from, &allowed)?;
        await_frames(fabric, from, &before, sent)?;
    }
    let took = started.elapsed();
    sleep(Duration::from_millis(200));
    nothing_but_permitted(fabric, from, &allowed)?;
    let change = Change {
        before,
        after: fabric.counters()?,
    };
    change.after.check()?;
    let taken = change.port(from, |counters| counters.frames_in);
    ensure!(
        taken == sent,
        "{sent} frames were sent and {taken} were counted in"
    );
    let reasons = change.ingress_drops(from);
    ensure!(
        reasons.len() > 8,
        "the fuzzer reached few checks: {reasons:?}"
    );
    let delivered = change.port(from, |counters| counters.delivered);
    say(&format!(
        "    C12 {sent} frames in {:.1} s: {delivered} delivered to promiscuous ports, drops {reasons:?}",
        took.as_secs_f64()
    ));
    fabric.hosts.take();
    Ok(())
}

fn await_frames(
    fabric: &Fabric,
    from: Port,
    before: &skerry_netns_tests::counters::Snapshot,
    sent: u64,
) -> Result<()> {
    let limit = Instant::now() + Duration::from_secs(5);
    loop {
        let facts = fabric.daemon(from.node()).facts("counters")?;
        let total = facts["ports"][from.full_name()]["frames_in"]
            .as_u64()
            .unwrap_or(0);
        let taken = total.saturating_sub(before.port(from).frames_in);
        if taken >= sent {
            return Ok(());
        }
        ensure!(
            Instant::now() < limit,
            "{sent} frames were sent and {taken} were counted in"
        );
        sleep(Duration::from_millis(2));
    }
}

/// Every frame in the fabric comes from the fuzzer, so silence elsewhere is easy to check.
fn nothing_but_permitted(fabric: &Fabric, from: Port, allowed: &[Port]) -> Result<()> {
    for host in fabric.hosts.iter() {
        let log = host.take();
        // The sender itself may be answered (ARP, neighbour discovery).
        if host.port == from {
            ensure!(
                log.seen.is_empty(),
                "a frame came back to its sender: {:?}",
                log.frames.first()
            );
        } else if !allowed.contains(&host.port) {
            let first = log.frames.first().or_else(|| log.others.first());
            ensure!(
                first.is_none(),
                "{} received a frame of the fuzzer: {first:02x?}",
                host.port
            );
        }
    }
    Ok(())
}

/// b-w1 on n1 writes to b-w2 on n2 all the time, and n2 is killed again and again.
fn twenty_kills(fabric: &mut Fabric) -> Result<()> {
    fabric.introduce()?;
    let [from, to] = [port("b-w1")?, port("b-w2")?];
    let node = Node(2);
    let mut outages = Vec::new();
    for round in 0..20 {
        let outage =
            one_kill(fabric, node, from, to).with_context(|| format!("kill {}", round + 1))?;
        outages.push(outage);
    }
    outages.sort_unstable();
    let (median, longest) = (outages[10], outages[19]);
    say(&format!(
        "    K20 back after median {median:?}, at most {longest:?}"
    ));
    ensure!(
        longest <= Duration::from_secs(2),
        "back after {longest:?}, later than 2 s"
    );
    fabric.settle()?;
    fabric.introduce()
}

/// From the restart until the first frame that arrives again.
fn one_kill(fabric: &mut Fabric, node: Node, from: Port, to: Port) -> Result<Duration> {
    let mut daemon = fabric.daemons.remove(node.index());
    let running = AtomicBool::new(true);
    let shared = &*fabric;
    let outcome = std::thread::scope(|scope| -> Result<_> {
        let go_on = || running.load(Ordering::Relaxed);
        let stream = Stream {
            from,
            to,
            rate: 1_000,
        };
        let stream = scope.spawn(move || stream.run(shared, go_on));
        let killed = kill_and_restart(shared, &mut daemon, to);
        running.store(false, Ordering::Relaxed);
        let sent = joined(stream)?;
        Ok((killed?, sent))
    });
    fabric.daemons.insert(node.index(), daemon);
    let (outage, sent) = outcome?;
    sleep(Duration::from_millis(50));
    let logs = fabric.hosts.take();
    let heard = sent.heard_at(&logs);
    // While b-w2's address is forgotten the stream floods, within its community.
    let may_hear = crate::reach::ports("b-w2 b-gw b-p2")?;
    ensure!(
        heard.iter().all(|port| may_hear.contains(port)),
        "the stream leaked: {heard:?}"
    );
    let twice = sent.in_log(&logs[to.index()]).duplicates;
    ensure!(twice == 0, "{twice} frames arrived twice");
    fabric.underlay.take().check()?;
    fabric.no_orphans(node)?;
    Ok(outage)
}

fn kill_and_restart(
    fabric: &Fabric,
    daemon: &mut skerry_netns_tests::daemon::Daemon,
    to: Port,
) -> Result<Duration> {
    sleep(Duration::from_millis(100));
    let arrived = || fabric.hosts.at(to).log(|log| log.seen.len());
    ensure!(arrived() > 0, "nothing arrives before the kill");
    daemon.kill()?;
    // What was on its way arrives; from then on silence shows that the node is gone.
    sleep(Duration::from_millis(50));
    fabric.hosts.at(to).take();
    sleep(Duration::from_millis(50));
    ensure!(
        arrived() == 0,
        "frames arrive through a node that was killed"
    );
    daemon.start()?;
    let restarted = Instant::now();
    let node = daemon.node;
    let ports = Port::all().filter(move |port| port.node() == node);
    let hosts = &fabric.hosts;
    std::thread::scope(|scope| -> Result<Duration> {
        // The guests' ends come back down when they were made anew; a guest brings its own up.
        let up = scope.spawn(move || hosts.bring_up(ports, Duration::from_secs(5)));
        while arrived() == 0 {
            daemon.must_run()?;
            ensure!(
                restarted.elapsed() < Duration::from_secs(10),
                "nothing arrives 10 s after the restart"
            );
            sleep(Duration::from_millis(1));
        }
        let outage = restarted.elapsed();
        joined(up)?;
        Ok(outage)
    })
}
