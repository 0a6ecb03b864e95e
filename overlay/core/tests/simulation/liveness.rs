//! The end of a run, without faults: everybody who may talk does, within ten seconds
//! (reliability.md 5.2), and from then on every frame reaches exactly whom it should, once.

use std::time::Duration;

use crate::host::{HOWS, How};
use crate::oracle::Kind;
use crate::site::Guard;
use crate::tag::{BROADCAST, GROUP4};
use crate::world::World;

/// How long a fabric may take to be well again.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a frame may take on a good network.
const TRANSIT: Duration = Duration::from_millis(500);

/// A frame, and the ports that must get it, once each.
struct Due {
    what: String,
    key: u64,
    receivers: Vec<(usize, u32)>,
}

/// Runs the end phase.
///
/// # Errors
/// Somebody who may talk cannot, or a frame went elsewhere.
pub(crate) fn run(world: &mut World) -> Result<(), String> {
    world.end_faults();
    begin_talks(world);
    let end = world.now + PATIENCE;
    world.run_until(end)?;
    everybody_was_heard(world)?;
    every_talk_is_done(world)?;
    every_node_agrees(world)?;
    exactness(world)?;
    world.last_look()
}

/// One conversation of a random kind between every two that may talk.
fn begin_talks(world: &mut World) {
    let ports = world.site.ports.len();
    let policy = world.site.versions[world.version()].clone();
    for one in 0..ports {
        for other in one + 1..ports {
            let (from, to) = if world.rng.chance(500) {
                (one, other)
            } else {
                (other, one)
            };
            let how: How = *world.rng.pick(&HOWS);
            if policy.permits(from, to) && world.is_sure(from) && world.is_sure(to) {
                world.talk(from, to, how);
            }
        }
    }
}

fn everybody_was_heard(world: &World) -> Result<(), String> {
    let policy = &world.site.versions[world.version()];
    let honest = |port: &usize| world.hosts[*port].is_some() && world.is_sure(*port);
    let ports = || (0..world.site.ports.len()).filter(honest);
    for from in ports() {
        let unheard = |&to: &usize| policy.permits(from, to) && !world.heard.contains(&(from, to));
        let unheard: Vec<usize> = ports().filter(unheard).collect();
        if !unheard.is_empty() {
            return Err(format!("missing: p{from} was not heard by {unheard:?}"));
        }
    }
    Ok(())
}

fn every_talk_is_done(world: &World) -> Result<(), String> {
    for (from, host) in world.hosts.iter().enumerate() {
        let talks = host.iter().flat_map(|host| &host.talks);
        let open: Vec<_> = talks.filter(|talk| !talk.done).collect();
        if !open.is_empty() {
            return Err(format!("missing: p{from} could not finish {open:?}"));
        }
    }
    Ok(())
}

fn every_node_agrees(world: &World) -> Result<(), String> {
    for (number, node) in world.nodes.iter().enumerate() {
        let Some(node) = node else { continue };
        let fabric = &node.forwarder.tables().fabric;
        let captured = world.intruder.as_ref().map(|it| format!("n{}", it.node));
        let honest =
            |id: skerry_policy::NodeId| Some(&fabric.nodes[id.index()].name) != captured.as_ref();
        let peers = node.mesh.peers().filter(|peer| honest(peer.node));
        let apart: Vec<_> = peers.filter(|peer| !peer.converged).collect();
        if !apart.is_empty() {
            return Err(format!("n{number} has not converged with {apart:?}"));
        }
    }
    Ok(())
}

/// From everybody a broadcast, a multicast, a frame to nobody, and one to each other host.
fn exactness(world: &mut World) -> Result<(), String> {
    let mut dues = Vec::new();
    let ports = world.site.ports.len();
    for from in (0..ports)
        .filter(|&from| speaks(world, from))
        .collect::<Vec<_>>()
    {
        let nobody = world.nobody();
        for (what, to) in [
            ("broadcast", BROADCAST),
            ("multicast", GROUP4),
            ("frame to nobody", nobody),
        ] {
            let frame = world.tagged(from, to);
            dues.push(due(world, what, from, &frame, everybody(world, from)));
            world.send(from, frame, None);
        }
        for to in 0..ports {
            if let Some(receivers) = receivers(world, from, to) {
                let frame = world.tagged(from, world.site.mac(to));
                let what = format!("unicast for p{to}");
                dues.push(due(world, &what, from, &frame, receivers));
                world.send(from, frame, None);
            }
        }
        let pause = world.now + Duration::from_millis(1);
        world.run_until(pause)?;
    }
    let end = world.now + TRANSIT;
    world.run_until(end)?;
    for due in dues {
        let got = world.ledger.receivers(due.key);
        if got != due.receivers {
            let Due {
                what, receivers, ..
            } = due;
            return Err(format!(
                "a {what} reached {got:?}, and should {receivers:?}"
            ));
        }
    }
    Ok(())
}

fn due(world: &World, what: &str, from: usize, frame: &[u8], receivers: Vec<usize>) -> Due {
    Due {
        what: format!("{what} of p{from}"),
        key: world.ledger.key(frame),
        receivers: receivers.into_iter().map(|port| (port, 1)).collect(),
    }
}

/// Whether an honest host is there whose frames everybody believes.
fn speaks(world: &World, port: usize) -> bool {
    let there = world.site.versions[world.version()].roles[port].is_some();
    there && world.hosts[port].is_some() && world.is_sure(port)
}

/// Everybody who may hear a port.
fn everybody(world: &World, from: usize) -> Vec<usize> {
    let policy = &world.site.versions[world.version()];
    let here = |&to: &usize| !world.is_captured(world.site.ports[to].node);
    let ports = (0..world.site.ports.len()).filter(here);
    ports.filter(|&to| policy.permits(from, to)).collect()
}

/// Who must get a unicast for a host; `None` where nodes may differ in what they know of it, so
/// that it may reach whoever may hear it, or nobody.
fn receivers(world: &World, from: usize, to: usize) -> Option<Vec<usize>> {
    let (mine, theirs) = (&world.site.ports[from], &world.site.ports[to]);
    if mine.pvlan != theirs.pvlan {
        // The address is nobody's here, unless an attacker has made it its own.
        return (!world.plan.is_attacked()).then(|| everybody(world, from));
    }
    let policy = &world.site.versions[world.version()];
    let role = policy.roles[to]?;
    // Nobody tells other nodes of addresses of hosts without guards.
    let told = theirs.guard != Guard::Off || role.kind == Kind::Promiscuous;
    let only = || Some(to).filter(|&to| policy.permits(from, to));
    (told && speaks(world, to)).then(|| only().into_iter().collect())
}
