//! Row D17: one host floods more than it may, and the others do not suffer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::counters::Change;
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::frame::{BROADCAST, NOBODY};
use skerry_netns_tests::oracle::Receivers;
use skerry_netns_tests::probe::Log;
use skerry_netns_tests::stream::{Sent, Stream};
use skerry_netns_tests::suite::{joined, say};
use skerry_netns_tests::topology::Port;

use crate::control_traffic::with_site;
use crate::reach::{port, ports};
use crate::stage::guarded;

/// Frames of a kind that may always come at once.
const AT_ONCE: f64 = 32.0;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        guarded(
            "D17 ten thousand broadcasts a second become two hundred",
            |fabric| {
                let storm = Storm {
                    to: BROADCAST,
                    ip: [255; 4],
                    rate: 10_000,
                    lasts: Duration::from_secs(5),
                    allowed: 200,
                    reason: "storm_bcast",
                };
                weather(fabric, storm).map(|line| say(&format!("    D17 {line}")))
            },
        ),
        guarded(
            "X21 storms of multicast and of unknown unicast are held too",
            |fabric| {
                let multicast = Storm {
                    to: [1, 0, 0x5e, 0, 0, 0xfb],
                    ip: [224, 0, 0, 251],
                    rate: 3_000,
                    lasts: Duration::from_secs(2),
                    allowed: 200,
                    reason: "storm_mcast",
                };
                let unknown = Storm {
                    to: NOBODY,
                    ip: [192, 0, 2, 1],
                    allowed: 100,
                    reason: "storm_unknown",
                    ..multicast
                };
                for storm in [multicast, unknown] {
                    weather(fabric, storm).map(|line| say(&format!("    X21 {line}")))?;
                }
                Ok(())
            },
        ),
        guarded(
            "X22 a private VLAN makes so many copies a second, and no more",
            copies,
        ),
        guarded(
            "X26 where no unknown unicast may flood, none does",
            unflooded,
        ),
    ]
}

/// What b-w1 does to its private VLAN.
#[derive(Clone, Copy, Debug)]
struct Storm {
    to: [u8; 6],
    ip: [u8; 4],
    /// Frames a second sent.
    rate: u32,
    lasts: Duration,
    /// Frames a second that its port may send of this class.
    allowed: u32,
    /// Under which name the others are dropped.
    reason: &'static str,
}

/// The storm, and a pair of bystanders who lose nothing. Gives a line of figures.
///
/// Tried again when the machine, and not the product, was too slow: when frames of bystanders were
/// lost, and no daemon decided to drop one.
fn weather(fabric: &Fabric, storm: Storm) -> Result<String> {
    let mut lost = 0;
    for _ in 0..4 {
        let (line, missing) = weather_once(fabric, storm)?;
        if missing == 0 {
            return Ok(line);
        }
        say(&format!(
            "    {missing} frames of bystanders lost in full queues; again"
        ));
        lost += missing;
    }
    anyhow::bail!("the bystanders lost {lost} frames in four storms")
}

/// Gives the figures, and how many frames of bystanders were lost in full queues.
fn weather_once(fabric: &Fabric, storm: Storm) -> Result<(String, u32)> {
    let [from, friend, gateway] = [port("b-w1")?, port("b-w2")?, port("b-gw")?];
    // The bystanders are known before they are measured, and the bucket is full.
    fabric.volley(vec![fabric.broadcast(friend), fabric.broadcast(gateway)])?;
    sleep(Duration::from_millis(300));
    fabric.hosts.take();
    let before = fabric.counters()?;
    let (sent, there, back) = among_bystanders(fabric, storm, [from, friend, gateway])?;
    let streams = [&sent, &there, &back].map(|it| (it.from, it.count));
    let change = fabric.await_sent(&before, &streams)?;
    let logs = fabric.hosts.take();
    change.after.check()?;
    fabric.underlay.take().check()?;
    let missing = there.lost_on_the_way(gateway, &logs)? + back.lost_on_the_way(friend, &logs)?;
    for port in [friend, gateway] {
        let dropped = change.ingress_drops(port);
        ensure!(
            dropped.is_empty(),
            "frames of {port} were dropped: {dropped:?}"
        );
    }
    let most = judge(&sent, &change, storm, &logs)?;
    let per_second = f64::from(most) / sent.took.as_secs_f64();
    let line = format!(
        "{} at {:.0} a second became {per_second:.0} a second at each receiver; \
         the bystanders lost {missing} of {}",
        storm.reason,
        sent.rate(),
        there.count + back.count
    );
    Ok((line, missing))
}

/// Storm, and both bystanders' streams.
fn among_bystanders(
    fabric: &Fabric,
    storm: Storm,
    [from, friend, gateway]: [Port; 3],
) -> Result<(Sent, Sent, Sent)> {
    let raging = AtomicBool::new(true);
    std::thread::scope(|scope| {
        let go_on = || raging.load(Ordering::Relaxed);
        let stream = |from, to| {
            let rate = 500;
            scope.spawn(move || Stream { from, to, rate }.run(fabric, go_on))
        };
        let (there, back) = (stream(friend, gateway), stream(gateway, friend));
        let end = Instant::now() + storm.lasts;
        let stormy = Stream {
            from,
            to: gateway,
            rate: storm.rate,
        };
        let sent = stormy.run_as(
            fabric,
            || Instant::now() < end,
            |tag| fabric.plain(from, storm.to, storm.ip, tag, 0),
        );
        raging.store(false, Ordering::Relaxed);
        Ok((sent?, joined(there)?, joined(back)?))
    })
}

/// Every receiver heard the same few frames, nobody else any, and the rest were counted.
fn judge(sent: &Sent, change: &Change, storm: Storm, logs: &[Log]) -> Result<u32> {
    let receivers = ports("b-w2 b-gw b-p2")?;
    let heard = sent.heard_at(logs);
    ensure!(
        heard.iter().all(|port| receivers.contains(port)),
        "the storm is heard at {heard:?}"
    );
    // A tenth of a second's worth may come at once, or a few dozen, whichever is more.
    let at_once = f64::from(storm.allowed / 10).max(AT_ONCE);
    let limit = f64::from(storm.allowed) * sent.took.as_secs_f64() + at_once + 1.0;
    let mut most = 0;
    for receiver in receivers {
        let arrived = sent.in_log(&logs[receiver.index()]);
        let frames = u32::try_from(arrived.offsets.len())?;
        ensure!(arrived.duplicates == 0, "{receiver} heard frames twice");
        ensure!(frames > 0, "{receiver} heard nothing of the storm");
        ensure!(
            f64::from(frames) <= limit,
            "{receiver} heard {frames} of {} frames, more than {limit:.0}",
            sent.count
        );
        most = most.max(frames);
    }
    let dropped = change.ingress(sent.from, storm.reason);
    let delivered = change.port(sent.from, |counters| counters.delivered);
    ensure!(
        dropped + delivered == u64::from(sent.count) && delivered >= u64::from(most),
        "of {} frames {delivered} were delivered and {dropped} dropped as {}: {:?}",
        sent.count,
        storm.reason,
        change.ingress_drops(sent.from)
    );
    Ok(most)
}

/// The router of blue may say 2,000 broadcasts a second, and blue may make 70 copies.
fn copies(fabric: &mut Fabric) -> Result<()> {
    const FRAMES: u32 = 100;
    let scarce = |site: &mut skerry_netns_tests::site::Site| site.blue_copies = Some(70);
    with_site(fabric, scarce, |fabric| {
        let [blue, red] = [port("b-gw")?, port("r-gw")?];
        fabric.hosts.take();
        let before = fabric.counters()?;
        let started = Instant::now();
        let mut shots = Vec::new();
        for _ in 0..FRAMES {
            for from in [blue, red] {
                let shot = fabric.broadcast(from);
                fabric.hosts.at(from).send(&shot.frame)?;
                shots.push(shot);
            }
        }
        let change = fabric.await_sent(&before, &[(blue, FRAMES), (red, FRAMES)])?;
        let took = started.elapsed().as_secs_f64();
        let logs = fabric.hosts.take();
        change.after.check()?;
        let dropped = change.ingress(blue, "storm_bcast");
        let delivered = change.port(blue, |counters| counters.delivered);
        ensure!(
            dropped + delivered == u64::from(FRAMES) && delivered > 0,
            "{delivered} delivered, {dropped} dropped: {:?}",
            change.ingress_drops(blue)
        );
        // At least seven copies of each are made at n1: four hosts, three nodes. A bucket that is
        // not empty pays for a whole frame.
        let limit = (20.0 + 70.0 * took) / 7.0 + 1.0;
        for receiver in fabric.flooded(blue) {
            let heard = frames_of(&logs[receiver.index()], blue);
            ensure!(
                f64::from(heard) <= limit,
                "{receiver} heard {heard} frames in {took:.2} s, more than {limit:.0}"
            );
        }
        // Red has a bucket of its own.
        for receiver in fabric.flooded(red) {
            let heard = frames_of(&logs[receiver.index()], red);
            ensure!(
                heard == FRAMES,
                "{receiver} heard {heard} of {FRAMES} frames of r-gw"
            );
        }
        Ok(())
    })
}

fn unflooded(fabric: &mut Fabric) -> Result<()> {
    let from = port("b-w1")?;
    let deaf = |site: &mut skerry_netns_tests::site::Site| {
        site.more = vec![(from, "storm = { unknown = 0 }")];
    };
    with_site(fabric, deaf, |fabric| {
        let shot = fabric.shot(from, "unknown unicast", Receivers::new(), |tag| {
            fabric.plain(from, NOBODY, [192, 0, 2, 1], tag, 0)
        });
        let report = fabric.volley(vec![shot, fabric.broadcast(from)])?;
        report.change.expect_ingress(from, &[("unknown_drop", 1)])
    })
}

fn frames_of(log: &Log, from: Port) -> u32 {
    let mine = log.seen.iter().filter(|seen| seen.tag.source == from.0);
    u32::try_from(mine.count()).unwrap_or(u32::MAX)
}
