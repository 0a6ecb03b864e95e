//! A relay in the place of the underlay's bridge: it carries every packet between the nodes from
//! packet socket to packet socket, and does to it what a test asked for.
//!
//! The nodes keep their interfaces and addresses and notice nothing. The underlay's listener sees
//! what the nodes sent, before the relay touches it. What the relay does is drawn from a seed, so
//! a run that failed can be repeated as far as timing allows, and everything is counted.

mod datagram;
mod fault;
mod path;
mod random;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;

pub use fault::{Done, Fault};
pub use random::{Random, Share};

use crate::fabric::Fabric;
use crate::netns::{self, eprintln_quietly};
use crate::packet::{self, Receiver, Sender};
use crate::topology::Node;
use path::Path;

/// How long the relay sleeps at most before it looks whether it is to stop.
const NAP: Duration = Duration::from_millis(20);
/// Packets of one turn before what has waited is looked at.
const TURN: usize = 256;

/// By sender and receiver.
type Paths = BTreeMap<(Node, Node), Path>;

/// The relay while it runs. Dropping it gives the nodes back to the bridge.
#[derive(Debug)]
pub struct Relay {
    paths: Arc<Mutex<Paths>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    /// Namespaces of the underlay and of the nodes.
    names: (String, Vec<String>),
}

impl Relay {
    /// Takes the place of the bridge.
    ///
    /// # Errors
    /// When an interface or a packet socket cannot be had.
    pub fn start(fabric: &Fabric, seed: u64) -> Result<Self> {
        let name = |netns: &netns::Netns| {
            let path = netns.path();
            path.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        };
        let underlay = &fabric.underlay.netns;
        let nodes = fabric.daemons.iter().map(|daemon| name(&daemon.netns));
        let names = (name(underlay), nodes.collect());
        let mut wires = Vec::new();
        for (link, interface) in packet::links(underlay)? {
            if let Some(node) = Node::ALL.into_iter().find(|node| node.name() == interface) {
                wires.push((node, link, Sender::open(underlay, &interface)?));
            }
        }
        let pairs = Node::ALL
            .into_iter()
            .flat_map(|a| Node::ALL.map(|b| (a, b)));
        let paths = pairs.filter(|(a, b)| a != b).map(|(a, b)| {
            let own = seed ^ u64::from(a.0) << 40 ^ u64::from(b.0) << 32;
            ((a, b), Path::new(own))
        });
        let paths = Arc::new(Mutex::new(paths.collect::<Paths>()));
        let stop = Arc::new(AtomicBool::new(false));
        let receiver = Receiver::open(underlay)?;
        let (shared, stopped) = (Arc::clone(&paths), Arc::clone(&stop));
        let thread = std::thread::Builder::new()
            .name("relay".into())
            .spawn(move || run(&receiver, &wires, &shared, &stopped))?;
        let relay = Self {
            paths,
            stop,
            thread: Some(thread),
            names,
        };
        relay.plug(true)?;
        Ok(relay)
    }

    /// Between bridge and relay, node by node. Batches of datagrams that a kernel would cut only
    /// at a real network card are cut before the relay sees them.
    fn plug(&self, into_relay: bool) -> Result<()> {
        let (underlay, nodes) = &self.names;
        let (master, segments): (&[&str], _) = if into_relay {
            (&["nomaster"], "1")
        } else {
            (&["master", "br0"], "65535")
        };
        for name in nodes {
            netns::ip(&[
                "-n",
                name,
                "link",
                "set",
                "dev",
                "eth0",
                "gso_max_segs",
                segments,
            ])?;
        }
        for node in Node::ALL.map(Node::name) {
            netns::ip(&[&["-n", underlay, "link", "set", "dev", &node], master].concat())?;
        }
        Ok(())
    }

    fn paths(&self) -> MutexGuard<'_, Paths> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wrong from now on with the path from one node to another.
    pub fn set(&self, from: Node, to: Node, fault: Fault) {
        if let Some(path) = self.paths().get_mut(&(from, to)) {
            path.fault = fault;
        }
    }

    /// The same fault between two nodes both ways.
    pub fn between(&self, one: Node, other: Node, fault: Fault) {
        self.set(one, other, fault);
        self.set(other, one, fault);
    }

    /// The same fault on every path.
    pub fn everywhere(&self, fault: Fault) {
        for path in self.paths().values_mut() {
            path.fault = fault;
        }
    }

    /// What was done on all paths since the last [`Relay::take`].
    pub fn take(&self) -> Done {
        let mut done = Done::default();
        for path in self.paths().values_mut() {
            done += std::mem::take(&mut path.done);
        }
        done
    }

    /// Whether anything is held back or delayed on any path.
    pub fn is_busy(&self) -> bool {
        self.paths().values().any(|path| path.due().is_some())
    }

    /// What was done to one path since the last [`Relay::take`].
    pub fn done(&self, from: Node, to: Node) -> Done {
        self.paths()
            .get(&(from, to))
            .map(|path| path.done)
            .unwrap_or_default()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
        if let Err(error) = self.plug(false) {
            eprintln_quietly(&format!(
                "the bridge does not get its ports back: {error:#}"
            ));
        }
    }
}

/// A node, the index of its interface in the underlay, and the way to it.
type Wire = (Node, usize, Sender);

fn run(receiver: &Receiver, wires: &[Wire], paths: &Mutex<Paths>, stop: &AtomicBool) {
    let mut buffer = vec![0; 1 << 17];
    while !stop.load(Ordering::Relaxed) {
        if let Err(error) = turn(receiver, wires, paths, &mut buffer) {
            eprintln_quietly(&format!("the relay stopped: {error:#}"));
            return;
        }
    }
}

fn turn(
    receiver: &Receiver,
    wires: &[Wire],
    paths: &Mutex<Paths>,
    buffer: &mut [u8],
) -> Result<()> {
    let lock = || paths.lock().unwrap_or_else(PoisonError::into_inner);
    let due = lock().values().filter_map(Path::due).min();
    let nap = due.map_or(NAP, |due| {
        due.saturating_duration_since(Instant::now()).min(NAP)
    });
    receiver.wait(nap)?;
    for _ in 0..TURN {
        let Some((packet, link)) = receiver.receive(buffer)? else {
            break;
        };
        let Some((from, ..)) = wires.iter().find(|(_, index, _)| *index == link) else {
            continue;
        };
        let to = datagram::target(packet).and_then(node_of);
        let Some(path) = to.map(|to| (*from, to)) else {
            continue;
        };
        if let Some(state) = lock().get_mut(&path) {
            state.take(Instant::now(), packet, &mut |packet| {
                send(wires, path.1, packet);
            });
        }
    }
    let now = Instant::now();
    for ((_, to), path) in lock().iter_mut() {
        path.release(now, &mut |packet| send(wires, *to, packet));
    }
    Ok(())
}

fn node_of(address: [u8; 4]) -> Option<Node> {
    Node::ALL
        .into_iter()
        .find(|node| address == [10, 255, 0, node.0])
}

/// An interface that takes no packet now loses it, as any network would.
fn send(wires: &[Wire], to: Node, packet: &[u8]) {
    if let Some((_, _, wire)) = wires.iter().find(|(node, ..)| *node == to) {
        drop(wire.send(packet));
    }
}
