//! What a port, an address, a peer and a flow take of memory: live bytes at two sizes, and the
//! difference divided.

use std::sync::Arc;

use allocation_counter::measure;
use skerry_overlay::Forwarder;
use skerry_policy::Fabric;

use crate::far::connect;
use crate::layout::{Dimension, Layout, Way};
use crate::scene::Scene;
use crate::world::node::{FDB_LIMIT, NOW, forwarder};
use crate::world::site::Plan;

/// Bytes of one thing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) what: &'static str,
    /// In the compiled policy, which all workers of a node share.
    pub(crate) policy: f64,
    /// In one worker's forwarder and in its tables.
    pub(crate) worker: f64,
}

/// Bytes that stay allocated.
#[derive(Clone, Copy, Debug)]
struct Live {
    policy: i64,
    worker: i64,
}

/// Everything a node has. Building it frees as well as takes, so only what stays is counted.
struct Built {
    fabric: Arc<Fabric>,
    hub: Forwarder,
}

/// The share of each. Peers are those of a node that has sent to few of them: an open batch is a
/// buffer of 64 KiB besides, of which there are 64 at most.
pub(crate) fn shares(small: bool) -> Vec<Share> {
    let plan = Plan {
        here: 1,
        peers: 1,
        there: 1,
        gateway: false,
        guarded: true,
    };
    let (ports, peers) = if small {
        ([16, 32], [2, 4])
    } else {
        ([256, 1_024], [64, 256])
    };
    vec![
        share("port, with its IP address", ports, |here| {
            live(&Plan { here, ..plan }, FDB_LIMIT)
        }),
        // The table is made for all at the start.
        share(
            "MAC address that may be learned",
            [32_768, 65_536],
            |limit| live(&plan, usize::try_from(limit).unwrap()),
        ),
        share("peer with one port, tunnel up", peers, |peers| {
            live(&Plan { peers, ..plan }, FDB_LIMIT)
        }),
        flow(small),
    ]
}

fn share(what: &'static str, [few, many]: [u32; 2], live: impl Fn(u32) -> Live) -> Share {
    let (less, more) = (live(few), live(many));
    let each = |less: i64, more: i64| (more - less) as f64 / f64::from(many - few);
    Share {
        what,
        policy: each(less.policy, more.policy),
        worker: each(less.worker, more.worker),
    }
}

/// What a node takes with every port and tunnel up.
fn live(plan: &Plan, fdb_limit: usize) -> Live {
    let mut fabric = None;
    let policy = measure(|| fabric = Some(plan.fabric())).bytes_current;
    let mut built = None;
    let made = measure(|| {
        let fabric = fabric.take().unwrap();
        let hub = forwarder(&fabric, 0, fdb_limit);
        built = Some(Built { fabric, hub });
    });
    let mut built = built.unwrap();
    let mut far = None;
    let shaken = measure(|| far = Some(connect(&mut built.hub, plan.peers)));
    // The far ends are not part of the node.
    let theirs = measure(|| drop(far.take())).bytes_current;
    assert_eq!(built.hub.fdb(NOW).count(), 0, "nothing is bound by policy");
    drop(built.fabric);
    Live {
        policy,
        worker: made.bytes_current + shaken.bytes_current + theirs,
    }
}

/// There is nothing to look at but what stays after a lot of them.
fn flow(small: bool) -> Share {
    let flows = if small { 1_000 } else { 1_000_000 };
    let mut most: f64 = 0.0;
    for (dimension, way) in [
        (Dimension::Flows, Way::Here),
        (Dimension::Flows, Way::Out),
        (Dimension::TcpFlows, Way::In),
    ] {
        let mut scene = Scene::new(Layout::new(dimension, way, flows));
        // Buffers are taken once, by the first.
        scene.carry(256);
        let left = measure(|| {
            scene.carry(u64::from(flows));
        });
        most = most.max(left.bytes_current as f64 / f64::from(flows));
        assert_eq!(left.bytes_current, 0, "nothing is kept of a flow: {left:?}");
    }
    Share {
        what: "flow",
        policy: 0.0,
        worker: most,
    }
}
