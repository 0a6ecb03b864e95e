//! Paths that lose, double, reorder, corrupt and shorten datagrams: K06 to K10.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::counters::{Change, Snapshot};
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::relay::{Done, Fault, Relay, Share};
use skerry_netns_tests::topology::Node;

use crate::bench::{figure, row};
use crate::stage::{OPEN, shared};
use crate::talk::{Heard, everybody, talking};

const SEED: u64 = 0x5eed_0006;
/// Frames a second of each permitted stream, of which there are eight.
const RATE: u32 = 500;
/// How long the counters may take until nothing is on its way any more.
const SETTLE: Duration = Duration::from_secs(4);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        row(
            "K06 loss costs what is lost and nothing more [open]",
            || shared(OPEN, loss),
        ),
        row("K07 no duplicate is delivered [open]", || {
            shared(OPEN, duplicates)
        }),
        row(
            "K08 reordering costs nothing within the window, and is counted beyond it [open]",
            || shared(OPEN, reordering),
        ),
        row("K09 nothing corrupted is delivered [open]", || {
            shared(OPEN, flips)
        }),
        row("K10 nothing cut short is delivered [open]", || {
            shared(OPEN, truncation)
        }),
    ]
}

/// What a fault did, on the way and at the ends.
struct Outcome {
    heard: Heard,
    done: Done,
    change: Change,
    frames: usize,
}

impl Outcome {
    /// Frames that a node sealed and its peer did not unseal.
    fn missing(&self) -> u64 {
        let pairs = Node::ALL
            .into_iter()
            .flat_map(|a| Node::ALL.map(|b| (a, b)));
        let pairs = pairs.filter(|(a, b)| a != b);
        let change = &self.change;
        pairs
            .map(|(a, b)| {
                change
                    .tunnelled(a, b)
                    .saturating_sub(change.untunnelled(b, a))
            })
            .sum()
    }

    /// Growth of a reason among the datagrams that no node could take.
    fn refused(&self, reason: &str) -> u64 {
        let count = |snapshot: &Snapshot| -> u64 {
            let nodes = snapshot.0.iter();
            nodes
                .filter_map(|node| node.underlay_drops.get(reason))
                .sum()
        };
        count(&self.change.after) - count(&self.change.before)
    }

    /// `wg_auth` and `wg_replay` together.
    fn all_refused(&self) -> u64 {
        self.refused("wg_auth") + self.refused("wg_replay")
    }
}

/// Everybody talks for a while over paths that are all as faulty; then they are good again, and
/// everything that is still on its way arrives.
fn under(fabric: &Fabric, fault: Fault, length: Duration) -> Result<Outcome> {
    let relay = Relay::start(fabric, SEED)?;
    let before = fabric.counters()?;
    relay.everywhere(fault);
    let ((), heard) = talking(fabric, &everybody(RATE)?, || {
        sleep(length);
        Ok(())
    })?;
    relay.everywhere(Fault::GOOD);
    let limit = Instant::now() + SETTLE;
    // What waits to be overtaken is let go after two seconds.
    while relay.is_busy() && Instant::now() < limit {
        sleep(Duration::from_millis(10));
    }
    sleep(Duration::from_millis(100));
    let change = Change {
        before,
        after: fabric.counters()?,
    };
    change.after.check()?;
    let done = relay.take();
    let frames = heard.must_be_clean(fabric)?;
    fabric.hosts.take();
    ensure!(frames > 1_000, "only {frames} frames arrived");
    Ok(Outcome {
        heard,
        done,
        change,
        frames,
    })
}

fn loss(fabric: &mut Fabric) -> Result<()> {
    for permille in [1, 10, 50, 300] {
        let fault = Fault {
            loss: Share(permille),
            ..Fault::GOOD
        };
        let outcome = under(fabric, fault, Duration::from_secs(3))?;
        let (missing, lost) = (outcome.missing(), outcome.done.lost);
        ensure!(
            missing <= lost,
            "{lost} datagrams were lost, and with them {missing} frames"
        );
        ensure!(lost > 0, "the relay lost nothing: {:?}", outcome.done);
        let talks = 0..outcome.heard.talks.len();
        let stall = talks
            .map(|talk| outcome.heard.stall(talk))
            .max()
            .unwrap_or_default();
        figure(
            "K06",
            &format!("{} % loss", f64::from(permille) / 10.0),
            &format!(
                "{lost} datagrams lost, {missing} frames missing; longest silence {} ms; \
                 0 leaks in {} frames",
                stall.as_millis(),
                outcome.frames
            ),
        );
    }
    Ok(())
}

fn duplicates(fabric: &mut Fabric) -> Result<()> {
    let fault = Fault {
        duplicate: Share::percent(10),
        ..Fault::GOOD
    };
    let outcome = under(fabric, fault, Duration::from_secs(3))?;
    let (doubled, refused, missing) = (
        outcome.done.duplicated,
        outcome.all_refused(),
        outcome.missing(),
    );
    ensure!(
        doubled > 100,
        "the relay doubled nothing: {:?}",
        outcome.done
    );
    ensure!(
        refused == doubled,
        "{doubled} datagrams came twice and {refused} were refused"
    );
    ensure!(missing == 0, "{missing} frames are missing");
    figure(
        "K07",
        "10 % of the datagrams twice",
        &format!(
            "{doubled} duplicates, all refused; 0 delivered twice, 0 missing of {} frames",
            outcome.frames
        ),
    );
    Ok(())
}

fn reordering(fabric: &mut Fabric) -> Result<()> {
    for distance in [8, 64, 512] {
        let fault = Fault {
            reorder: Share::percent(2),
            distance,
            ..Fault::GOOD
        };
        let outcome = under(fabric, fault, Duration::from_secs(3))?;
        let (overtaken, missing) = (outcome.done.overtaken, outcome.missing());
        let refused = outcome.all_refused();
        ensure!(
            overtaken > 10,
            "the relay reordered nothing: {:?}",
            outcome.done
        );
        ensure!(
            (missing, refused) == (0, 0),
            "{missing} frames missing, {refused} datagrams refused: {:?}",
            outcome.done
        );
        figure(
            "K08",
            &format!("2 % of the datagrams overtaken by {distance}"),
            &format!(
                "{overtaken} reordered; 0 missing of {} frames",
                outcome.frames
            ),
        );
    }
    beyond_the_window(fabric)
}

fn beyond_the_window(fabric: &Fabric) -> Result<()> {
    let fault = Fault {
        reorder: Share::percent(2),
        distance: 1_200,
        ..Fault::GOOD
    };
    let outcome = under(fabric, fault, Duration::from_secs(5))?;
    let (overtaken, late) = (outcome.done.overtaken, outcome.refused("wg_replay"));
    let missing = outcome.missing();
    ensure!(
        overtaken > 10,
        "the relay reordered too little: {:?}",
        outcome.done
    );
    // What is let go at the end is late too where a thousand others went before it.
    let most = overtaken + outcome.done.let_go;
    ensure!(
        (overtaken..=most).contains(&late) && outcome.refused("wg_auth") == 0,
        "{late} datagrams were too late, of {:?}",
        outcome.done
    );
    ensure!(
        missing <= late,
        "{missing} frames missing, {late} were too late"
    );
    figure(
        "K08",
        "2 % of the datagrams overtaken by 1,200, beyond the window",
        &format!(
            "{late} refused as wg_replay, {missing} frames missing, all of them among these; \
             0 leaks in {} frames",
            outcome.frames
        ),
    );
    Ok(())
}

fn flips(fabric: &mut Fabric) -> Result<()> {
    let fault = Fault {
        flip: Share::percent(1),
        ..Fault::GOOD
    };
    let outcome = under(fabric, fault, Duration::from_secs(4))?;
    let (flipped, refused) = (outcome.done.flipped, outcome.all_refused());
    ensure!(
        flipped > 50,
        "the relay flipped nothing: {:?}",
        outcome.done
    );
    ensure!(
        refused == flipped,
        "{flipped} datagrams were corrupted and {refused} refused"
    );
    ensure!(
        outcome.missing() <= flipped,
        "{} frames missing",
        outcome.missing()
    );
    figure(
        "K09",
        "one bit flipped in 1 % of the datagrams",
        &format!(
            "{flipped} corrupted, all refused; 0 delivered of them, 0 leaks in {} frames",
            outcome.frames
        ),
    );
    Ok(())
}

fn truncation(fabric: &mut Fabric) -> Result<()> {
    let fault = Fault {
        truncate: Share::percent(5),
        ..Fault::GOOD
    };
    let outcome = under(fabric, fault, Duration::from_secs(4))?;
    let (cut, refused) = (outcome.done.truncated, outcome.all_refused());
    ensure!(cut > 100, "the relay cut nothing short: {:?}", outcome.done);
    ensure!(
        refused == cut,
        "{cut} datagrams were cut short and {refused} refused"
    );
    ensure!(
        outcome.missing() <= cut,
        "{} frames missing",
        outcome.missing()
    );
    figure(
        "K10",
        "5 % of the datagrams cut short",
        &format!(
            "{cut} cut short, all refused; 0 delivered of them, 0 leaks in {} frames",
            outcome.frames
        ),
    );
    Ok(())
}
