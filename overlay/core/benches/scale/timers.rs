//! What grows with the tables and is not of any frame: the sweep for silent addresses, once a
//! second, and the timers of the tunnels, four times a second each.

use std::time::Duration;

use crate::cpu;
use crate::far::connect;
use crate::layout::{Dimension, Layout, Way};
use crate::scene::Scene;
use crate::world::node::{FDB_LIMIT, NOW, forwarder};
use crate::world::sinks::Wire;

/// How long the worker does nothing else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pause {
    pub(crate) what: &'static str,
    pub(crate) count: u32,
    /// CPU time; the median of a few.
    pub(crate) took: Duration,
}

pub(crate) fn pauses(largest: u32) -> Vec<Pause> {
    let macs = [100, 10_000, 65_536].into_iter();
    let peers = [1, 16, 256].into_iter();
    let sweeps = macs.filter(|count| *count <= largest).map(sweep);
    let ticks = peers.filter(|count| *count <= largest).map(tick);
    sweeps.chain(ticks).collect()
}

fn sweep(count: u32) -> Pause {
    let mut scene = Scene::new(Layout::new(Dimension::Macs, Way::Here, count));
    let took = (1..=9).map(|second| scene.pass_time(NOW + Duration::from_secs(2 * second)));
    Pause {
        what: "sweep of the MAC table, addresses",
        count,
        took: median(took.collect()),
    }
}

/// The timers of all tunnels, spread over a quarter of a second by the lanes themselves.
fn tick(count: u32) -> Pause {
    let plan = Layout::new(Dimension::Peers, Way::Out, count).plan;
    let mut hub = forwarder(&plan.fabric(), 0, FDB_LIMIT);
    let _far = connect(&mut hub, count);
    let mut wire = Wire::default();
    let mut took = Vec::new();
    // Before anything is due of the tunnels themselves, which would be a handshake.
    for quarter in 1..=3 {
        let start = cpu::time();
        for step in 1..=16 {
            let at = NOW + Duration::from_micros(250_000 * quarter + 15_625 * step);
            hub.handle_timeout(at, &mut wire);
        }
        took.push(cpu::time() - start);
    }
    Pause {
        what: "timers of all tunnels in 0.25 s, peers",
        count,
        took: median(took),
    }
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}
