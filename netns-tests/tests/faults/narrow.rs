//! An underlay that carries less than it did: K11. What the guests' kernels have learned of a path
//! goes with their addresses, so that every run begins with a wide one.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::guest::{Guest, Transfer};
use skerry_netns_tests::relay::{Fault, Relay};
use skerry_netns_tests::suite::{joined, say};
use skerry_netns_tests::topology::{Node, Port};

use crate::bench::{figure, row};
use crate::stage::{OPEN, shared};
use crate::talk::{everybody, talking, unhurried};

const SEED: u64 = 0x0001_1280;
/// The least MTU of IPv6, and what the path shrinks to.
const SHRUNK: usize = 1_280;
/// How long the path is narrow.
const NARROW: Duration = Duration::from_secs(4);
/// What goes before, and what follows.
const WIDE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(8)];
/// TCP is silent for no longer, from the moment that the path becomes narrow. Nodes find out in a
/// second, and the sender's next try after that is answered: it waits 0.2, 0.4, 0.8 seconds and so on.
const SILENCE: Duration = Duration::from_secs(3);
/// On a machine that is busy with other things one try more may be missed, and every wait is twice
/// the one before.
const TRIES: usize = 3;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        row(
            "K11 TCP goes on in a path that shrinks to 1,280, and nothing else is lost [open]",
            || {
                shared(OPEN, |fabric| {
                    let relay = Relay::start(fabric, SEED)?;
                    let narrow = Fault {
                        largest: Some(SHRUNK),
                        ..Fault::GOOD
                    };
                    let set = |fault| {
                        relay.between(Node(1), Node(2), fault);
                        Ok(())
                    };
                    shrink(fabric, "an MTU black hole above 1,280", &|is_narrow| {
                        set(if is_narrow { narrow } else { Fault::GOOD })
                    })?;
                    ensure!(
                        relay.take().too_long > 0,
                        "nothing was too long for the path"
                    );
                    Ok(())
                })
            },
        ),
        row(
            "K11b TCP goes on at a node whose interface shrinks to 1,280, and nothing else is lost [open]",
            || {
                shared(OPEN, |fabric| {
                    let netns = &fabric.daemon(Node(2)).netns;
                    shrink(fabric, "a node's underlay MTU set to 1,280", &|is_narrow| {
                        let mtu = if is_narrow { SHRUNK } else { 1_500 };
                        netns.ip(&format!("link set dev eth0 mtu {mtu}")).map(drop)
                    })
                })
            },
        ),
    ]
}

fn shrink(fabric: &Fabric, what: &str, set: &dyn Fn(bool) -> Result<()>) -> Result<()> {
    for _ in 0..TRIES {
        let silent = unhurried(|rate| once(fabric, what, set, rate))?;
        if silent <= SILENCE {
            return Ok(());
        }
        say(&format!("    TCP was silent for {silent:.1?}; again"));
    }
    bail!("TCP is silent for more than {SILENCE:?} every time")
}

/// Small frames of everybody, and a TCP connection of full-sized segments, while the path is
/// narrow for a while. Gives how many of the small ones were lost, and how long TCP was silent.
fn once(
    fabric: &Fabric,
    what: &str,
    set: &dyn Fn(bool) -> Result<()>,
    rate: u32,
) -> Result<(u64, Duration)> {
    let [before, after] = WIDE;
    let ends = [Port::named("b-i3")?, Port::named("b-gw")?];
    let client = Guest::new(fabric, ends[0])?;
    let server = Guest::new(fabric, ends[1])?;
    // The kernels behind these two ports would answer datagrams of the suite.
    let streams = everybody(rate)?
        .into_iter()
        .filter(|stream| !ends.contains(&stream.from) && !ends.contains(&stream.to));
    let streams: Vec<_> = streams.collect();
    let ((narrowed, widened, transfer), heard) = talking(fabric, &streams, || {
        std::thread::scope(|scope| -> Result<(Instant, Instant, Transfer)> {
            let transfer = scope.spawn(|| client.stream_to(&server, before + NARROW + after));
            sleep(before);
            let narrowed = Instant::now();
            let set_narrow = set(true);
            sleep(NARROW);
            let widened = Instant::now();
            set(false)?;
            set_narrow?;
            Ok((narrowed, widened, joined(transfer)?))
        })
    })?;
    drop((client, server));
    let frames = heard.must_be_clean(fabric)?;
    fabric.counters()?.check()?;
    let lost: u64 = heard
        .between(Node(1), Node(2))
        .map(|talk| heard.lost(talk))
        .sum();
    let within = |from: Instant, to: Instant| -> usize {
        let parts = transfer
            .parts
            .iter()
            .filter(|(at, _)| (from..to).contains(at));
        parts.map(|(_, bytes)| bytes).sum()
    };
    let slack = Duration::from_millis(300);
    let (wide, narrow) = (
        within(transfer.began, narrowed),
        within(narrowed + slack, widened),
    );
    let silent = transfer.stall(narrowed);
    figure(
        "K11",
        &format!("{what}, {} s", NARROW.as_secs()),
        &format!(
            "small frames lost: {lost}; TCP of full segments: {} KiB/s before, {} KiB/s while \
             narrow, silent for {:.1} s; 0 leaks in {frames} frames",
            (wide >> 10) as u64 / before.as_secs(),
            (narrow >> 10) as u64 / NARROW.as_secs(),
            silent.as_secs_f64(),
        ),
    );
    ensure!(
        wide > 0,
        "TCP carried nothing before the path became narrow"
    );
    Ok((lost, silent))
}
