//! Paths that are cut, one way or both, for a moment or for long: K02 to K05.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::relay::{Fault, Relay};
use skerry_netns_tests::topology::Node;

use crate::bench::{figure, long, row};
use crate::stage::{OPEN, shared};
use crate::talk::{Heard, converged, everybody, talking};

const SEED: u64 = 0x0bad_cab1e;
/// A path that returns must carry again within this.
const HEAL: Duration = Duration::from_secs(10);
/// What is on its way when a path is cut has arrived by then.
const TAIL: Duration = Duration::from_millis(300);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        row("K02 a node that was cut off is back [open]", || {
            shared(OPEN, |fabric| {
                let cut = around(Node(1));
                partition(fabric, "K02", "a node cut off, both ways", &cut, 5)
            })
        }),
        row("K03 a path that was cut one way is back [open]", || {
            shared(OPEN, |fabric| {
                let cut = [(Node(1), Node(2)), (Node(4), Node(1))];
                partition(fabric, "K03", "two paths cut one way", &cut, 5)
            })
        }),
        row(
            "K04 a flapping path carries when it is there [open]",
            || shared(OPEN, flapping),
        ),
        row(
            "K05 a path that was cut for longer than WireGuard tries is back [open]",
            || {
                shared(OPEN, |fabric| {
                    let cut = around(Node(1));
                    let lengths: &[u64] = if long() { &[95, 200, 560] } else { &[95] };
                    lengths.iter().try_for_each(|&seconds| {
                        partition(fabric, "K05", "a node cut off, both ways", &cut, seconds)
                    })
                })
            },
        ),
    ]
}

/// Every path from and to a node.
fn around(node: Node) -> Vec<(Node, Node)> {
    let others = Node::ALL.into_iter().filter(|other| *other != node);
    others
        .flat_map(|other| [(node, other), (other, node)])
        .collect()
}

fn partition(
    fabric: &Fabric,
    id: &str,
    what: &str,
    paths: &[(Node, Node)],
    seconds: u64,
) -> Result<()> {
    let relay = Relay::start(fabric, SEED)?;
    let streams = everybody(200)?;
    let ((cut, returned, met), heard) = talking(fabric, &streams, || {
        sleep(Duration::from_millis(500));
        let cut = Instant::now();
        paths
            .iter()
            .for_each(|(from, to)| relay.set(*from, *to, Fault::CUT));
        sleep(Duration::from_secs(seconds));
        relay.everywhere(Fault::GOOD);
        let returned = Instant::now();
        let met = converged(fabric, returned, HEAL * 4)?;
        sleep(Duration::from_secs(1));
        Ok((cut, returned, met))
    })?;
    let frames = heard.must_be_clean(fabric)?;
    fabric.counters()?.check()?;
    let done = relay.take();
    ensure!(done.cut > 0, "the relay cut nothing: {done:?}");
    for (from, to) in paths {
        for talk in heard.between(*from, *to) {
            let passed = heard.within(talk, cut + TAIL, returned);
            ensure!(
                passed == 0,
                "{}: {passed} frames crossed the cut",
                heard.name(talk)
            );
        }
    }
    let back = slowest(&heard, returned)?;
    figure(
        id,
        &format!("{what}, {seconds} s"),
        &format!(
            "permitted streams back {:.2} s after the path, idle tunnels {:.2} s; \
             0 leaks in {frames} frames",
            back.as_secs_f64(),
            met.as_secs_f64()
        ),
    );
    let healed = back.max(met);
    ensure!(healed <= HEAL, "healed {healed:?} after the path returned");
    Ok(())
}

/// When the last of the permitted streams was whole again.
fn slowest(heard: &Heard, since: Instant) -> Result<Duration> {
    let pairs = Node::ALL
        .into_iter()
        .flat_map(|a| Node::ALL.map(|b| (a, b)));
    let talks = pairs.flat_map(|(a, b)| heard.between(a, b));
    let back = |talk| {
        let back = heard.back(talk, since);
        back.with_context(|| format!("{} never came back", heard.name(talk)))
    };
    let all: Result<Vec<Duration>> = talks.map(back).collect();
    all?.into_iter().max().context("nobody talked")
}

/// 700 ms there, 300 ms not, ten times.
fn flapping(fabric: &mut Fabric) -> Result<()> {
    const ROUNDS: u32 = 10;
    let relay = Relay::start(fabric, SEED)?;
    let ((returned, met), heard) = talking(fabric, &everybody(500)?, || {
        for _ in 0..ROUNDS {
            relay.between(Node(1), Node(2), Fault::CUT);
            sleep(Duration::from_millis(300));
            relay.between(Node(1), Node(2), Fault::GOOD);
            sleep(Duration::from_millis(700));
        }
        let returned = Instant::now();
        let met = converged(fabric, returned, HEAL)?;
        sleep(Duration::from_millis(500));
        Ok((returned, met))
    })?;
    let frames = heard.must_be_clean(fabric)?;
    fabric.counters()?.check()?;
    let back = slowest(&heard, returned)?.max(met);
    let talks = heard
        .between(Node(1), Node(2))
        .chain(heard.between(Node(2), Node(1)));
    let (mut sent, mut lost) = (0, 0);
    for talk in talks {
        sent += u64::from(heard.talks[talk].1.count);
        lost += heard.lost(talk);
    }
    // Cut for three tenths of the time; the rest must carry, and half of it is asked for.
    ensure!(
        lost * 100 < sent * 65,
        "of {sent} frames over a path that was there for most of the time {lost} were lost"
    );
    figure(
        "K04",
        "a path flaps: ten times 300 ms cut, 700 ms not",
        &format!(
            "{:.0} % of the frames lost; back after {:.2} s; 0 leaks in {frames} frames",
            lost as f64 * 100.0 / sent as f64,
            back.as_secs_f64()
        ),
    );
    ensure!(back <= HEAL, "healed {back:?} after the last flap");
    Ok(())
}
