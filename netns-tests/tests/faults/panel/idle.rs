//! What a panel takes of the datapath's CPU time while there are no frames: there is hardly any noise
//! then, so that a hundredth of a processor is far more than can be told.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::frame;
use skerry_netns_tests::topology::{Node, Port};

use super::rounds::median;
use super::states::{Rig, State};
use crate::bench::figure;
use crate::talk::DRAIN;

/// Addresses that the node knows meanwhile: what is copied for an answer must not grow with them.
const ADDRESSES: u32 = 30_000;
/// How many of them are told at once.
const BURST: u32 = 100;
/// How often every state has its turn.
const CYCLES: usize = 2;
/// What a panel may take, in milliseconds a second: a hundredth of a processor.
pub(super) const MOST_MS: f64 = 10.0;

/// Compares a node without a panel and with one in every state, in turns.
pub(crate) fn compare(fabric: &Fabric, node: Node, rom: &[u8]) -> Result<()> {
    let known = crowd(fabric, node)?;
    let mut rig = Rig::new(fabric.daemon(node), fabric.folder(), rom)?;
    for state in [State::CYCLE; CYCLES].iter().flatten() {
        rig.round(*state)?;
    }
    let busy_ms = |state: State| {
        let rounds = rig.rounds.iter().filter(|it| it.state == state);
        let busy = rounds.map(|it| {
            let took = it.to.duration_since(it.from).as_secs_f64();
            it.busy.as_secs_f64() * 1e3 / took
        });
        median(busy).context("a state without rounds")
    };
    let usual = busy_ms(State::Off)?;
    let mut failures = Vec::new();
    for (state, what) in State::EACH {
        let more = busy_ms(state)? - usual;
        figure(
            "L08",
            &format!("a panel {what}, while there are no frames, beside {known} addresses"),
            &format!(
                "{more:+.2} ms of the datapath's CPU time a second, {:+.3} % of a processor",
                more / 10.0
            ),
        );
        if more > MOST_MS {
            failures.push(format!("{what}: {more:.1} ms a second"));
        }
    }
    ensure!(
        failures.is_empty(),
        "a panel takes the datapath's time: {}",
        failures.join("; ")
    );
    Ok(())
}

/// Lets a node learn many addresses of one port's; gives how many it knows then.
fn crowd(fabric: &Fabric, node: Node) -> Result<usize> {
    let [from, to] = [Port::named("b-i1")?, Port::named("b-gw")?];
    let host = fabric.hosts.at(from);
    for number in 0..ADDRESSES {
        let [_, _, high, low] = number.to_be_bytes();
        let mac = [2, 0x66, 0, 0, high, low];
        let tag = fabric.tag(from);
        host.send(&frame::experiment(to.mac(), mac, tag, 0))?;
        if number % BURST == 0 {
            sleep(Duration::from_millis(5));
        }
    }
    sleep(DRAIN);
    fabric.hosts.take();
    let known = fabric.fdb(node)?.len();
    // A few may have met a full queue.
    let least = 9 * usize::try_from(ADDRESSES)? / 10;
    ensure!(known > least, "only {known} addresses are known");
    Ok(known)
}
