//! Topology T1 in memory: real forwarders with real tunnels, and a network that is a queue.

pub(crate) mod edge;
pub(crate) mod frames;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use skerry_overlay::{
    Claim, Counters, Ecn, Forwarder, Frame, Joins, Offload, Onward, Place, Refused, Setup, Sink,
    Time, Transmit,
};
use skerry_policy::{Fabric, LocalPort, NodeId, Source, Tables, check};
use x25519_dalek::{PublicKey, StaticSecret};

use edge::Edge;

const T1: &str = include_str!("../../../../../pvlan-policy/tests/data/t1.toml");
const T1_OPEN: &str = include_str!("../../../../../pvlan-policy/tests/data/t1-open.toml");

/// Every port that is not behind a stock edge.
pub(crate) const PORTS: [&str; 16] = [
    "n1/b-gw", "n1/b-i1", "n1/b-i2", "n1/b-w1", "n1/b-d1", "n1/r-i1", "n2/b-i3", "n2/b-w2",
    "n2/b-d2", "n2/r-gw", "n2/r-l1", "n3/b-p2", "n3/b-i4", "n3/r-i2", "n3/r-l2", "n4/b-i5",
];

/// The guarded site, with a fourth node in place of the stock edge.
pub(crate) fn guarded() -> String {
    with_n4(T1)
}

/// The same without guards.
pub(crate) fn open() -> String {
    with_n4(T1_OPEN)
}

fn with_n4(text: &str) -> String {
    let mut site: String = text
        .lines()
        .filter(|line| !line.starts_with("e1 ") && !line.starts_with("vx0"))
        .map(|line| {
            if line == "[port.e1]" {
                "[port.n4]"
            } else {
                line
            }
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    site.push_str("b-i5 = { as = \"blue.isolated\", ip = [\"10.1.0.15\", \"2001:db8:1::15\"] }\n");
    for node in 1..=4_u8 {
        let key = public(node);
        let line = format!(
            "n{node} = {{ key = \"{key}\", overlay = \"100.64.0.{node}\", \
             endpoint = \"198.51.100.{node}:51820\" }}"
        );
        let old: String = site
            .lines()
            .find(|line| line.starts_with(&format!("n{node} = ")))
            .map_or_else(|| "[node]".to_owned(), str::to_owned);
        let new = if old == "[node]" {
            format!("[node]\n{line}")
        } else {
            line
        };
        site = site.replace(&old, &new);
    }
    site
}

pub(crate) fn secret(node: u8) -> StaticSecret {
    StaticSecret::from([node; 32])
}

/// The line of a node's public key.
pub(crate) fn public(node: u8) -> String {
    base64(PublicKey::from(&secret(node)).as_bytes())
}

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// What one forwarder did.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) delivered: Vec<(LocalPort, Vec<u8>)>,
    /// Where to, and what its IP header would say of congestion.
    pub(crate) sent: Vec<(SocketAddr, Ecn, Vec<u8>)>,
    pub(crate) claims: Vec<Claim>,
    pub(crate) control: Vec<(NodeId, Vec<u8>)>,
    /// Ports that take nothing.
    pub(crate) full: BTreeSet<LocalPort>,
    /// What a forwarder without lanes gave to the one that has them.
    pub(crate) handed: Vec<(Onward, Vec<u8>, Offload)>,
    /// The ring to that one is full.
    pub(crate) ring_full: bool,
}

impl Sink for Recorder {
    fn deliver(&mut self, port: LocalPort, frame: Frame<'_>) -> Result<(), Refused> {
        if self.full.contains(&port) {
            return Err(Refused::Full);
        }
        self.delivered.push((port, frame.bytes.to_vec()));
        Ok(())
    }

    fn transmit(&mut self, datagrams: Transmit<'_>) {
        for datagram in datagrams.bytes.chunks(datagrams.size.max(1)) {
            self.sent
                .push((datagrams.to, datagrams.ecn, datagram.to_vec()));
        }
    }

    fn handoff(&mut self, to: Onward, frame: Frame<'_>) -> Result<(), Refused> {
        if self.ring_full {
            return Err(Refused::Full);
        }
        self.handed.push((to, frame.bytes.to_vec(), frame.offload));
        Ok(())
    }

    fn control(&mut self, from: NodeId, _at: SocketAddr, message: &[u8]) {
        self.control.push((from, message.to_vec()));
    }

    fn claim(&mut self, claim: Claim) {
        self.claims.push(claim);
    }
}

pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) name: String,
    pub(crate) forwarder: Forwarder,
    pub(crate) recorder: Recorder,
}

impl Node {
    pub(crate) fn apply_claim(&mut self, now: Time, claim: &Claim) {
        self.forwarder.apply_claim(now, claim, &mut self.recorder);
    }
}

/// The nodes, a clock, and what travels between them.
pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) nodes: Vec<Node>,
    /// Stock edges that tests have added.
    pub(crate) edges: Vec<Edge>,
    /// Datagrams per (from, to) since the last [`World::forget`].
    pub(crate) carried: BTreeMap<(String, String), usize>,
    /// What each of them said of congestion when it was sent.
    pub(crate) said: Vec<Ecn>,
    /// What it says when it arrives.
    pub(crate) underlay: fn(Ecn) -> Ecn,
    generation: u64,
}

pub(crate) fn fabric(site: &str) -> Arc<Fabric> {
    let source = Source {
        name: "site.toml".into(),
        text: site.into(),
    };
    let checked = check(&source);
    checked
        .fabric
        .unwrap_or_else(|| panic!("{:#?}", checked.diagnostics))
}

/// The VNI of an access port.
fn vni(tables: &Tables, port: LocalPort) -> u32 {
    let attachment = tables.attachments_of(port)[0];
    let segment = tables.attachment(attachment).unwrap().segment;
    tables.fabric.segment(segment).unwrap().vni.get()
}

impl World {
    /// All nodes up, every port up, every pair of tunnels established.
    pub(crate) fn new(site: &str) -> Self {
        Self::with(site, Joins::Nothing)
    }

    /// The same, where what comes out of tunnels is joined.
    pub(crate) fn joining(site: &str) -> Self {
        Self::with(site, Joins::All)
    }

    fn with(site: &str, joins: Joins) -> Self {
        let fabric = fabric(site);
        let now = Time(1_000_000_000);
        let nodes = (1..=4_u8)
            .map(|number| {
                let name = format!("n{number}");
                let id = fabric.node_named(&name).expect("a node of T1");
                let setup = Setup {
                    tables: Arc::new(fabric.tables_for(id, 1)),
                    secret: secret(number),
                    worker: 0,
                    owns_lanes: true,
                    seed: 0x5eed_0000 + u32::from(number),
                    age: Duration::from_secs(300),
                    fdb_limit: 65_536,
                    joins,
                    shares: false,
                };
                let forwarder = Forwarder::new(now, setup);
                Node {
                    id,
                    name,
                    forwarder,
                    recorder: Recorder::default(),
                }
            })
            .collect();
        let mut world = Self {
            now,
            nodes,
            edges: Vec::new(),
            carried: BTreeMap::new(),
            said: Vec::new(),
            underlay: |ecn| ecn,
            generation: 1,
        };
        world.bring_ports_up();
        for _ in 0..20 {
            world.advance(Duration::from_millis(100));
        }
        for node in &world.nodes {
            // Edges join later.
            let is_here = |id| world.nodes.iter().any(|it| it.id == id);
            let mut peers = node.forwarder.peers().filter(|it| is_here(it.node));
            let up = peers.all(|it| it.has_session);
            let is_stock = node.forwarder.tables().is_stock(node.id);
            assert!(up || is_stock, "{} has its tunnels", node.name);
        }
        world.forget();
        world
    }

    /// Adds an edge of the site, which speaks first.
    pub(crate) fn join(&mut self, edge: Edge) {
        self.edges.push(edge);
        self.edges.last_mut().unwrap().say_packet(&[]);
        self.settle();
        self.forget();
    }

    fn bring_ports_up(&mut self) {
        for node in &mut self.nodes {
            for port in 0..node.forwarder.tables().local.ports.len() {
                let port = LocalPort(u32::try_from(port).unwrap());
                if node.forwarder.tables().edge_behind(port).is_some() {
                    // The shell has no device for it, and says nothing.
                    continue;
                }
                node.forwarder.set_port_up(port, true, &mut node.recorder);
            }
        }
    }

    /// Lets time pass, with every timer run.
    pub(crate) fn advance(&mut self, span: Duration) {
        self.now = self.now + span;
        for node in &mut self.nodes {
            node.forwarder.handle_timeout(self.now, &mut node.recorder);
        }
        self.settle();
    }

    /// Carries datagrams and claims until nothing moves.
    pub(crate) fn settle(&mut self) {
        for _ in 0..100 {
            for node in &mut self.nodes {
                node.forwarder.flush(&mut node.recorder);
            }
            let mut moved = self.hear_edges();
            for from in 0..self.nodes.len() {
                let handed = &self.nodes[from].recorder.handed;
                assert_eq!(handed, &[], "every forwarder here owns its lanes");
                let sent: VecDeque<_> = self.nodes[from].recorder.sent.drain(..).collect();
                for (to, ecn, datagram) in sent {
                    moved = true;
                    self.carry(from, to, ecn, &datagram);
                }
                let claims: Vec<Claim> = self.nodes[from].recorder.claims.drain(..).collect();
                for claim in claims {
                    moved = true;
                    self.relay(from, claim);
                }
            }
            if !moved {
                return;
            }
        }
        panic!("the network does not come to rest");
    }

    /// Carries what the edges have to say to their homes; says whether it was anything.
    fn hear_edges(&mut self) -> bool {
        let mut moved = false;
        for edge in &mut self.edges {
            for datagram in edge.take() {
                moved = true;
                let node = &mut self.nodes[edge.home];
                let ecn = (self.underlay)(edge.ecn);
                node.forwarder.handle_datagram(
                    self.now,
                    edge.at,
                    ecn,
                    &datagram,
                    &mut node.recorder,
                );
            }
        }
        moved
    }

    fn carry(&mut self, from: usize, to: SocketAddr, ecn: Ecn, datagram: &[u8]) {
        self.said.push(ecn);
        let ecn = (self.underlay)(ecn);
        if let Some(edge) = self.edges.iter_mut().find(|edge| edge.at == to) {
            let pair = (self.nodes[from].name.clone(), edge.name.clone());
            *self.carried.entry(pair).or_default() += 1;
            return edge.receive(datagram);
        }
        // Anywhere else nobody lives.
        let number = usize::from(to.to_string().as_bytes()[11].saturating_sub(b'1'));
        let Some(node) = self.nodes.get_mut(number) else {
            return;
        };
        let source: SocketAddr = format!("198.51.100.{}:51820", from + 1).parse().unwrap();
        let name = node.name.clone();
        node.forwarder
            .handle_datagram(self.now, source, ecn, datagram, &mut node.recorder);
        let pair = (self.nodes[from].name.clone(), name);
        *self.carried.entry(pair).or_default() += 1;
    }

    /// As the control protocol does: a node's own addresses, at the node.
    fn relay(&mut self, from: usize, claim: Claim) {
        if matches!(claim.place, Place::Node(_)) {
            return;
        }
        let place = Place::Node(self.nodes[from].id);
        for (index, node) in self.nodes.iter_mut().enumerate() {
            if index != from {
                node.apply_claim(self.now, &Claim { place, ..claim });
            }
        }
    }

    /// Every port goes down and comes up again: what was learned there is forgotten everywhere.
    #[cfg(feature = "captures")]
    pub(crate) fn forget_hosts(&mut self) {
        for node in &mut self.nodes {
            for port in 0..node.forwarder.tables().local.ports.len() {
                let port = LocalPort(u32::try_from(port).unwrap());
                node.forwarder.set_port_up(port, false, &mut node.recorder);
            }
        }
        self.bring_ports_up();
        self.settle();
    }

    /// Forgets what was delivered and carried so far.
    pub(crate) fn forget(&mut self) {
        self.carried.clear();
        self.said.clear();
        for node in &mut self.nodes {
            node.recorder.delivered.clear();
        }
        for edge in &mut self.edges {
            edge.heard.clear();
            edge.heard_ecn.clear();
        }
    }

    pub(crate) fn place(&self, name: &str) -> (usize, LocalPort) {
        for (index, node) in self.nodes.iter().enumerate() {
            let tables = node.forwarder.tables();
            for (local, id) in tables.local.ports.iter().enumerate() {
                if tables.fabric.port_name(*id) == name {
                    return (index, LocalPort(u32::try_from(local).unwrap()));
                }
            }
        }
        panic!("no port {name}")
    }

    /// A guest sends; the frame and its consequences go where they go.
    pub(crate) fn send(&mut self, port: &str, bytes: &[u8]) {
        self.send_frame(port, Frame::plain(bytes));
    }

    pub(crate) fn send_frame(&mut self, port: &str, frame: Frame<'_>) {
        let (node, local) = self.place(port);
        let node = &mut self.nodes[node];
        let tables = Arc::clone(node.forwarder.tables());
        if let Some(id) = tables.edge_behind(local) {
            let name = &tables.fabric.nodes[id.index()].name;
            let edge = self.edges.iter_mut().find(|edge| edge.name == *name);
            edge.expect("an edge").say(vni(&tables, local), frame.bytes);
        } else {
            node.forwarder
                .handle_frame(self.now, local, frame, &mut node.recorder);
        }
        self.settle();
        self.check_balance();
    }

    /// A guest sends one frame: who got a frame, in order of name, and the frames they got.
    pub(crate) fn try_frame(&mut self, port: &str, bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
        self.forget();
        self.send(port, bytes);
        self.received()
    }

    pub(crate) fn received(&self) -> Vec<(String, Vec<u8>)> {
        let mut received = Vec::new();
        for node in &self.nodes {
            let tables = node.forwarder.tables();
            for (port, bytes) in &node.recorder.delivered {
                assert_eq!(tables.edge_behind(*port), None, "an edge has no device");
                let id = tables.local.ports[port.index()];
                received.push((tables.fabric.port_name(id), bytes.clone()));
            }
        }
        for edge in &self.edges {
            let tables = self.nodes[edge.home].forwarder.tables();
            for (number, bytes) in &edge.heard {
                let mut ports = tables.fabric.ports.iter();
                let port = ports.find(|it| {
                    let name = tables.fabric.port_name(it.id);
                    let local = tables.local_attachment(it.attachments[0]);
                    let view = local.and_then(|local| tables.attachment(local));
                    name.starts_with(&format!("{}/", edge.name))
                        && view.is_some_and(|view| vni(tables, view.port) == *number)
                });
                let port = port.unwrap_or_else(|| panic!("{} heard VNI {number}", edge.name));
                received.push((tables.fabric.port_name(port.id), bytes.clone()));
            }
        }
        received.sort();
        received
    }

    /// Who got exactly this frame.
    pub(crate) fn receivers(&mut self, port: &str, bytes: &[u8]) -> Vec<String> {
        let received = self.try_frame(port, bytes);
        for (name, copy) in &received {
            assert_eq!(copy, bytes, "{name} got something else");
        }
        received.into_iter().map(|(name, _)| name).collect()
    }

    /// The one reason a port's last frame was dropped for; panics unless nothing came of it.
    #[track_caller]
    pub(crate) fn refused(&mut self, port: &str, bytes: &[u8]) -> &'static str {
        let before = self.port_counters(port).ingress_drops;
        let received = self.try_frame(port, bytes);
        assert_eq!(received, [], "a refused frame reaches nobody");
        assert_eq!(self.carried, BTreeMap::new(), "nor does it leave the node");
        let after = self.port_counters(port).ingress_drops;
        let changed: Vec<_> = after
            .iter()
            .filter(|&(reason, n)| n != before.get(reason))
            .collect();
        let [(reason, n)] = changed[..] else {
            panic!("one reason, not {changed:?}")
        };
        assert_eq!(n, before.get(reason) + 1);
        reason.name()
    }

    pub(crate) fn port_counters(&self, port: &str) -> skerry_overlay::PortCounters {
        let (node, local) = self.place(port);
        self.nodes[node].forwarder.counters().ports[local.index()].clone()
    }

    pub(crate) fn counters(&self, node: usize) -> &Counters {
        self.nodes[node].forwarder.counters()
    }

    /// Both conservation equations, of every port and every peer.
    #[track_caller]
    pub(crate) fn check_balance(&self) {
        for node in &self.nodes {
            let counters = node.forwarder.counters();
            for (index, port) in counters.ports.iter().enumerate() {
                assert!(port.balanced(), "{} port {index}: {port:#?}", node.name);
            }
            for (index, peer) in counters.peers.iter().enumerate() {
                assert!(peer.balanced(), "{} peer {index}: {peer:#?}", node.name);
            }
        }
    }

    /// Another policy for the nodes picked.
    pub(crate) fn install(&mut self, site: &str, pick: impl Fn(&str) -> bool) {
        self.generation += 1;
        let fabric = fabric(site);
        for node in &mut self.nodes {
            if pick(&node.name) {
                let id = fabric.node_named(&node.name).unwrap();
                let tables = Arc::new(fabric.tables_for(id, self.generation));
                node.id = id;
                node.forwarder.install(self.now, tables, &mut node.recorder);
            }
        }
        self.settle();
    }
}
