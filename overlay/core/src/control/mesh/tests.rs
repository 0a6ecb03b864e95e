//! Two and three machines on one fake clock, with a network that loses, doubles and reorders.

mod offers;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::IpAddr;

use proptest::prelude::*;
use skerry_policy::{Fabric, LocalAttachment, Mac, PvlanId};

use super::*;
use crate::control::probe::probe_len;
use crate::wg::testing::{compile, id, node_line};

const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLI;

/// A machine and everything it has claimed so far.
struct Node {
    name: &'static str,
    mesh: Mesh,
    tables: Arc<Tables>,
    claims: Vec<Claim>,
    /// What it was told of the lanes of others.
    lanes: Vec<(NodeId, u64, Vec<LaneOffer>)>,
    /// What a MAC table that believes every claim would hold: who has a MAC.
    table: BTreeMap<(Mac, Option<IpAddr>), NodeId>,
    /// What its workers were told of paths.
    paths: Vec<(NodeId, u16)>,
}

impl Node {
    fn boot(now: Time, name: &'static str, fabric: &Arc<Fabric>) -> Self {
        let tables = Arc::new(fabric.tables_for(id(fabric, name), 1));
        let boot = u64::from(name.as_bytes()[1]) << 32 | now.0;
        Self {
            name,
            mesh: Mesh::new(now, boot, Arc::clone(&tables)),
            tables,
            claims: Vec::new(),
            lanes: Vec::new(),
            table: BTreeMap::new(),
            paths: Vec::new(),
        }
    }

    fn install(&mut self, now: Time, fabric: &Arc<Fabric>, generation: u64) {
        self.tables = Arc::new(fabric.tables_for(id(fabric, self.name), generation));
        self.mesh.install(now, Arc::clone(&self.tables));
        self.table.clear();
    }

    /// A local claim on the node's port number `port`.
    fn learn(&mut self, now: Time, port: u32, mac: u8, strength: Strength, what: Change) {
        let place = LocalAttachment(port);
        let view = self.tables.attachment(place).unwrap();
        let segment = &self.tables.fabric.segments[view.segment.index()];
        let claim = Claim {
            generation: self.tables.generation,
            pvlan: segment.pvlan,
            segment: segment.id,
            mac: mac_of(mac),
            place: Place::Port(place),
            strength,
            what,
        };
        self.mesh.handle_claim(now, &claim);
    }

    fn pin(&mut self, now: Time, mac: u8) {
        self.learn(now, 0, mac, Strength::Pinned, Change::Here(now));
    }

    fn take(&mut self, claim: Claim) {
        let Place::Node(from) = claim.place else {
            panic!("a peer is no port: {claim:?}")
        };
        assert_eq!(claim.generation, self.tables.generation);
        match claim.what {
            Change::Here(_) => drop(self.table.insert((claim.mac, None), from)),
            Change::Address(ip) => drop(self.table.insert((claim.mac, Some(ip)), from)),
            Change::Gone => self
                .table
                .retain(|&(mac, _), at| mac != claim.mac || *at != from),
            Change::Listens(_) | Change::Leaves(_) | Change::Asks { .. } => {
                panic!("groups stay on their node")
            }
        }
        self.claims.push(claim);
    }

    fn macs(&self) -> Vec<u8> {
        self.table
            .keys()
            .filter(|key| key.1.is_none())
            .map(|key| key.0.0[5])
            .collect()
    }
}

fn mac_of(last: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, last])
}

/// Arrival, a number that keeps order, sender, receiver, message.
type Flight = (Time, u64, usize, usize, Vec<u8>);

/// A network with one latency, which may lose, double and delay.
struct Net {
    now: Time,
    nodes: Vec<Node>,
    in_flight: BinaryHeap<Reverse<Flight>>,
    sent: u64,
    latency: Duration,
    random: u64,
    /// Of 100 messages, so many are lost, doubled, delayed by up to 300 ms.
    faults: (u64, u64, u64),
    /// No longer message arrives.
    longest: usize,
    /// A node of an older version, which knows no probes.
    old: Option<usize>,
}

impl Net {
    fn new(fabric: &Arc<Fabric>, names: &[&'static str]) -> Self {
        let now = Time(7 * SECOND);
        Self {
            now,
            nodes: names
                .iter()
                .map(|name| Node::boot(now, name, fabric))
                .collect(),
            in_flight: BinaryHeap::new(),
            sent: 0,
            latency: Duration::from_millis(5),
            random: 42,
            faults: (0, 0, 0),
            longest: usize::MAX,
            old: None,
        }
    }

    fn roll(&mut self) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.random >> 33) % 100
    }

    fn send(&mut self, from: usize, to: NodeId, message: &[u8]) {
        let fabric = &self.nodes[from].tables.fabric;
        assert!(crate::control::is_short_enough(message, fabric.mtu));
        if message.len() > self.longest {
            return;
        }
        let Some(target) = self.nodes.iter().position(|node| node.tables.me == to) else {
            return;
        };
        let (lost, doubled, delayed) = self.faults;
        let copies = if self.roll() < lost {
            0
        } else {
            1 + u64::from(self.roll() < doubled)
        };
        for _ in 0..copies {
            let late = if self.roll() < delayed {
                self.roll() * 3
            } else {
                0
            };
            let at = self.now + self.latency + Duration::from_millis(late);
            self.sent += 1;
            let entry = (at, self.sent, from, target, message.to_vec());
            self.in_flight.push(Reverse(entry));
        }
    }

    fn drain(&mut self) {
        for from in 0..self.nodes.len() {
            while let Some(output) = self.nodes[from].mesh.poll_output() {
                match output {
                    Output::Send { to, message } => self.send(from, to, &message),
                    Output::Claim(claim) => self.nodes[from].take(claim),
                    Output::Lanes { of, boot, lanes } => {
                        self.nodes[from].lanes.push((of, boot, lanes));
                    }
                    Output::Path { to, mtu } => self.nodes[from].paths.push((to, mtu)),
                }
            }
        }
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            self.drain();
            let timers = self
                .nodes
                .iter()
                .filter_map(|node| node.mesh.poll_timeout());
            let arrival = self.in_flight.peek().map(|Reverse(first)| first.0);
            let next = timers.chain(arrival).min().unwrap_or(end).max(self.now);
            if next > end {
                self.now = end;
                return;
            }
            self.now = next;
            while self
                .in_flight
                .peek()
                .is_some_and(|Reverse(first)| first.0 <= next)
            {
                let Reverse((_, _, from, to, message)) = self.in_flight.pop().unwrap();
                let from = self.nodes[from].tables.me;
                if self.old == Some(to) && matches!(message[3], 3..=5) {
                    continue;
                }
                self.nodes[to].mesh.handle_message(next, from, &message);
            }
            for node in &mut self.nodes {
                if node.mesh.poll_timeout().is_some_and(|at| at <= next) {
                    node.mesh.handle_timeout(next);
                }
            }
        }
    }

    fn status(&self, of: usize, about: usize) -> PeerStatus {
        let about = self.nodes[about].tables.me;
        self.nodes[of]
            .mesh
            .peers()
            .find(|peer| peer.node == about)
            .unwrap()
    }
}

/// n1: gateway of blue; n2, n3: isolated ports of blue; n2 also one of red, n4 only red, the
/// gateway of red on n4; e9 is an edge.
fn site(more: &str) -> Arc<Fabric> {
    let nodes: String = ["n1", "n2", "n3", "n4"]
        .iter()
        .map(|name| node_line(name, ""))
        .collect();
    let edge = node_line("e9", ", stock = \"edge\", home = \"n2\"");
    compile(format!(
        r#"version = 1
[node]
{nodes}{edge}
[pvlan.blue]
primary = 20100
isolated = 20101
community = {{ web = 20102 }}
subnets = ["10.1.0.0/24"]
[pvlan.red]
primary = 21100
isolated = 21101
subnets = ["10.2.0.0/24"]
[port.n1]
gw = {{ as = "blue.promiscuous", ip = ["10.1.0.1"], gateway = true }}
[port.n2]
a = {{ as = "blue.isolated", ip = ["10.1.0.12"] }}
r = {{ as = "red.isolated", ip = ["10.2.0.12"] }}
[port.n3]
b = {{ as = "blue.isolated", ip = ["10.1.0.13"] }}
[port.n4]
gw = {{ as = "red.promiscuous", ip = ["10.2.0.1"], gateway = true }}
[port.e9]
vx0 = {{ as = "blue.isolated", ip = ["10.1.0.19"] }}
{more}"#
    ))
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn two_nodes_know_each_others_policy_within_a_second() {
    let fabric = site("");
    let mut net = Net::new(&fabric, &["n1", "n2"]);
    net.run(seconds(1));
    for (of, about) in [(0, 1), (1, 0)] {
        let status = net.status(of, about);
        assert!(status.converged, "{status:?}");
        assert_eq!(
            (status.generation, status.digest),
            (Some(1), Some(fabric.digest))
        );
    }
}

#[test]
fn the_round_trip_time_is_twice_the_latency() {
    let mut net = Net::new(&site(""), &["n1", "n2"]);
    net.run(seconds(5));
    assert_eq!(net.status(0, 1).rtt, Some(Duration::from_millis(10)));
    assert_eq!(net.status(1, 0).rtt, Some(Duration::from_millis(10)));
    net.latency = Duration::from_millis(20);
    net.run(seconds(60));
    let rtt = net.status(0, 1).rtt.unwrap();
    assert!(
        rtt > Duration::from_millis(39) && rtt <= Duration::from_millis(40),
        "{rtt:?}"
    );
}

#[test]
fn a_first_hello_that_waited_does_not_spoil_the_round_trip_time() {
    let mut net = Net::new(&site(""), &["n1", "n2"]);
    net.latency = seconds(2);
    net.run(Duration::from_millis(1));
    net.latency = Duration::from_millis(5);
    net.run(seconds(10));
    let rtt = net.status(0, 1).rtt.unwrap();
    assert!(rtt <= Duration::from_millis(11), "{rtt:?}");
}

#[test]
fn a_narrow_path_is_told_to_the_workers_and_noticed_when_it_is_wide() {
    let mut net = Net::new(&site(""), &["n1", "n2"]);
    net.run(seconds(5));
    assert_eq!(net.nodes[0].paths, [], "wide as it was");
    net.longest = probe_len(1300);
    net.run(Duration::from_millis(1_500));
    for (of, about) in [(0, 1), (1, 0)] {
        assert_eq!(net.status(of, about).narrow, Some(1290));
        let n = net.nodes[about].tables.me;
        assert_eq!(net.nodes[of].paths.last(), Some(&(n, 1290)));
        assert!(net.status(of, about).converged, "all else is as before");
    }
    net.longest = usize::MAX;
    net.run(seconds(1));
    let n2 = net.nodes[1].tables.me;
    assert_eq!(net.nodes[0].paths.last(), Some(&(n2, 1370)));
    assert_eq!(net.status(0, 1).narrow, None);
}

#[test]
fn a_node_of_an_older_version_is_reached_by_full_frames() {
    let mut net = Net::new(&site(""), &["n1", "n2"]);
    net.old = Some(1);
    net.longest = probe_len(1300);
    net.run(seconds(30));
    assert_eq!(net.status(0, 1).narrow, None);
    assert_eq!(net.nodes[0].paths, []);
}

#[test]
fn a_new_policy_tells_the_new_workers_of_a_narrow_path() {
    let mut net = Net::new(&site(""), &["n1", "n2"]);
    net.longest = probe_len(1300);
    net.run(seconds(4));
    net.nodes[0].paths.clear();
    let now = net.now;
    net.nodes[0].install(now, &site(""), 2);
    net.run(Duration::from_millis(1));
    let n2 = net.nodes[1].tables.me;
    // Of the others nothing is known.
    assert_eq!(net.nodes[0].paths[0], (n2, 1290));
    assert!(net.nodes[0].paths[1..].iter().all(|&(_, mtu)| mtu == 1370));
}

#[test]
fn an_answer_is_shorter_than_its_question_and_there_is_one() {
    let mut net = Net::new(&site(""), &["n1", "n2"]);
    net.run(seconds(2));
    let n1 = net.nodes[0].tables.me;
    let now = net.now;
    for mtu in [576, 1170, 1370] {
        let probe = Message::Probe(Probe { number: 9, mtu }).encode();
        net.nodes[1].mesh.handle_message(now, n1, &probe);
        let answer = Message::Answer(Probe { number: 9, mtu }).encode();
        assert!(answer.len() * 10 < probe.len());
        let output = Some(Output::Send {
            to: n1,
            message: answer,
        });
        assert_eq!(net.nodes[1].mesh.poll_output(), output);
        assert_eq!(net.nodes[1].mesh.poll_output(), None);
    }
    // Longer than a frame of this fabric.
    let probe = Message::Probe(Probe {
        number: 9,
        mtu: 1371,
    })
    .encode();
    net.nodes[1].mesh.handle_message(now, n1, &probe);
    assert_eq!(net.nodes[1].mesh.poll_output(), None);
    assert_eq!(net.nodes[1].mesh.ignored().malformed, 1);
}

#[test]
fn a_silent_peer_is_not_converged() {
    let mut net = Net::new(&site(""), &["n1", "n2"]);
    net.run(seconds(2));
    net.faults = (100, 0, 0);
    net.run(seconds(4));
    assert!(!net.status(0, 1).converged);
    assert_eq!(
        net.status(0, 1).digest,
        Some(net.nodes[0].tables.fabric.digest)
    );
}

#[test]
fn a_binding_reaches_the_nodes_of_its_private_vlan_at_once_and_no_others() {
    let mut net = Net::new(&site(""), &["n1", "n2", "n3", "n4"]);
    net.run(seconds(2));
    let now = net.now;
    net.nodes[2].pin(now, 33);
    net.run(Duration::from_millis(20));
    let macs: Vec<_> = net.nodes.iter().map(Node::macs).collect();
    assert_eq!(macs, [vec![33], vec![33], vec![], vec![]]);
    let claim = net.nodes[0].claims[0];
    assert_eq!(claim.place, Place::Node(net.nodes[2].tables.me));
    assert_eq!(claim.strength, Strength::Pinned);
}

#[test]
fn a_link_local_address_travels_with_its_mac() {
    let mut net = Net::new(&site(""), &["n1", "n2"]);
    net.run(seconds(2));
    let (now, ip) = (net.now, "fe80::1".parse().unwrap());
    net.nodes[1].pin(now, 5);
    net.nodes[1].learn(now, 0, 5, Strength::Pinned, Change::Address(ip));
    net.run(seconds(1));
    let n2 = net.nodes[1].tables.me;
    let expected = BTreeMap::from([((mac_of(5), None), n2), ((mac_of(5), Some(ip)), n2)]);
    assert_eq!(net.nodes[0].table, expected);
    let now = net.now;
    net.nodes[1].learn(now, 0, 5, Strength::Pinned, Change::Gone);
    net.run(seconds(1));
    assert!(net.nodes[0].table.is_empty());
}

#[test]
fn unguarded_and_bound_addresses_are_not_told() {
    let mut net = Net::new(&site(""), &["n1", "n2"]);
    net.run(seconds(2));
    let now = net.now;
    for (mac, strength) in [(1, Strength::Dynamic), (2, Strength::Bound)] {
        net.nodes[1].learn(now, 0, mac, strength, Change::Here(now));
    }
    net.run(seconds(10));
    assert!(net.nodes[0].claims.is_empty(), "{:?}", net.nodes[0].claims);
}

#[test]
fn what_is_told_again_is_passed_on_once_a_minute() {
    let mut net = Net::new(&site(""), &["n1", "n2"]);
    net.run(seconds(2));
    let now = net.now;
    net.nodes[1].pin(now, 5);
    net.run(seconds(50));
    assert_eq!(net.nodes[0].claims.len(), 1);
    net.run(seconds(20));
    assert_eq!(net.nodes[0].claims.len(), 2);
}

#[test]
fn a_restarted_receiver_has_everything_again_within_a_second() {
    let fabric = site("");
    let mut net = Net::new(&fabric, &["n1", "n2"]);
    let now = net.now;
    for mac in 1..200 {
        net.nodes[1].pin(now, mac);
    }
    net.run(seconds(3));
    let now = net.now;
    net.nodes[0] = Node::boot(now, "n1", &fabric);
    net.run(seconds(1));
    assert_eq!(net.nodes[0].macs(), (1..200).collect::<Vec<_>>());
}

#[test]
fn a_list_of_many_pages_is_told_in_steps() {
    let fabric = site("");
    let mut net = Net::new(&fabric, &["n1", "n2"]);
    let now = net.now;
    for mac in 1..=40_u8 {
        net.nodes[1].pin(now, mac);
        for host in 0..20_u16 {
            let ip = IpAddr::from([0xfe80, 0, 0, 0, 0, 0, u16::from(mac), host]);
            net.nodes[1].learn(now, 0, mac, Strength::Pinned, Change::Address(ip));
        }
    }
    net.run(seconds(3));
    let now = net.now;
    net.nodes[0] = Node::boot(now, "n1", &fabric);
    net.run(Duration::from_millis(40));
    let early = net.nodes[0].table.len();
    net.run(seconds(1));
    assert!(early < 840, "{early} records before the first pause");
    assert_eq!(net.nodes[0].table.len(), 840);
}

#[test]
fn a_restarted_sender_takes_back_what_it_no_longer_has() {
    let fabric = site("");
    let mut net = Net::new(&fabric, &["n1", "n2"]);
    let now = net.now;
    net.nodes[1].pin(now, 5);
    net.run(seconds(3));
    assert_eq!(net.nodes[0].macs(), [5]);
    let now = net.now;
    net.nodes[1] = Node::boot(now, "n2", &fabric);
    net.nodes[1].pin(now, 6);
    net.run(seconds(1));
    assert_eq!(net.nodes[0].macs(), [6]);
}

#[test]
fn a_mac_that_changes_its_segment_is_told_in_one() {
    let fabric = site("[port.n3.c]\nas = \"blue.web\"\nip = [\"10.1.0.30\"]");
    let mut net = Net::new(&fabric, &["n1", "n3"]);
    net.run(seconds(2));
    let now = net.now;
    net.nodes[1].learn(now, 0, 5, Strength::Pinned, Change::Here(now));
    net.run(seconds(1));
    let now = net.now;
    net.nodes[1].learn(now, 1, 5, Strength::Pinned, Change::Here(now));
    net.run(seconds(10));
    let last: Vec<_> = net.nodes[0]
        .claims
        .iter()
        .map(|claim| (claim.segment, claim.what == Change::Gone))
        .collect();
    let [first, second] = [0, 1].map(|port| net.nodes[1].tables.local.attachments[port].segment);
    assert_ne!(first, second);
    assert_eq!(last, [(first, false), (first, true), (second, false)]);
}

#[test]
fn a_mac_that_a_worker_found_behind_a_peer_is_told_no_more() {
    let mut net = Net::new(&site(""), &["n1", "n2", "n3"]);
    net.run(seconds(2));
    let (now, n3) = (net.now, net.nodes[2].tables.me);
    net.nodes[1].pin(now, 5);
    net.run(seconds(1));
    assert_eq!(net.nodes[0].macs(), [5]);
    let here = net.nodes[0].claims[0];
    let there = |what| Claim {
        place: Place::Node(n3),
        what,
        ..here
    };
    for what in [Change::Gone, Change::Address("fe80::1".parse().unwrap())] {
        net.nodes[1].mesh.handle_claim(net.now, &there(what));
    }
    net.run(seconds(6));
    assert_eq!(net.nodes[0].macs(), [5], "that says nothing of our port");
    let now = net.now;
    net.nodes[1]
        .mesh
        .handle_claim(now, &there(Change::Here(now)));
    net.run(seconds(1));
    assert!(net.nodes[0].macs().is_empty());
}

#[test]
fn different_policies_exchange_no_bindings_and_converge_when_the_second_follows() {
    let (old, new) = (
        site(""),
        site("# new\n[port.n3.c]\nas = \"blue.web\"\nip = [\"10.1.0.30\"]"),
    );
    assert_ne!(old.digest, new.digest);
    let mut net = Net::new(&old, &["n1", "n2"]);
    net.run(seconds(2));
    let now = net.now;
    net.nodes[1].install(now, &new, 2);
    net.run(Duration::from_millis(200));
    assert!(!net.status(0, 1).converged && !net.status(1, 0).converged);
    assert_eq!(net.status(0, 1).generation, Some(2));
    let now = net.now;
    net.nodes[1].pin(now, 5);
    net.run(seconds(20));
    assert!(net.nodes[0].claims.is_empty(), "{:?}", net.nodes[0].claims);
    let now = net.now;
    net.nodes[0].install(now, &new, 2);
    net.run(Duration::from_millis(300));
    assert!(net.status(0, 1).converged && net.status(1, 0).converged);
    assert_eq!(net.nodes[0].macs(), [5]);
}

#[test]
fn a_binding_stays_over_a_reload_that_keeps_its_port_and_goes_with_its_segment() {
    let old = site("");
    let mut net = Net::new(&old, &["n1", "n3"]);
    net.run(seconds(1));
    let now = net.now;
    net.nodes[1].pin(now, 5);
    net.run(seconds(1));
    assert_eq!(net.nodes[0].macs(), [5]);
    // A port before it is new: the same port has another number now.
    let kept = site("[port.n3.a0]\nas = \"blue.web\"\nip = [\"10.1.0.30\"]");
    let now = net.now;
    net.nodes
        .iter_mut()
        .for_each(|node| node.install(now, &kept, 2));
    net.run(seconds(1));
    assert_eq!(net.nodes[0].macs(), [5], "told again, and passed on again");
    let web = kept_with_b_in_web();
    let now = net.now;
    net.nodes
        .iter_mut()
        .for_each(|node| node.install(now, &web, 3));
    net.run(seconds(61));
    assert!(net.nodes[0].macs().is_empty(), "{:?}", net.nodes[0].table);
}

/// As [`site`], with port n3/b in another segment.
fn kept_with_b_in_web() -> Arc<Fabric> {
    let nodes: String = ["n1", "n2", "n3"]
        .iter()
        .map(|name| node_line(name, ""))
        .collect();
    compile(format!(
        r#"version = 1
[node]
{nodes}
[pvlan.blue]
primary = 20100
isolated = 20101
community = {{ web = 20102 }}
subnets = ["10.1.0.0/24"]
[port.n1]
gw = {{ as = "blue.promiscuous", ip = ["10.1.0.1"], gateway = true }}
[port.n2]
a = {{ as = "blue.isolated", ip = ["10.1.0.12"] }}
[port.n3]
b = {{ as = "blue.web", ip = ["10.1.0.13"] }}
"#
    ))
}

/// Bindings as a hostile but well-keyed n3 would write them.
fn forged(net: &Net, sequence: u64, vni: u32, hold: Hold) -> Vec<u8> {
    let key = Key {
        vni: Vni::new(vni).unwrap(),
        mac: mac_of(66),
        ip: None,
    };
    let bindings = Bindings {
        boot: net.nodes[1].mesh.boot,
        digest: net.nodes[1].tables.fabric.digest,
        sequence,
        list: List::Changes(vec![Record {
            key,
            hold: Some(hold),
        }]),
    };
    Message::Bindings(bindings).encode()
}

#[test]
fn a_peer_may_speak_of_its_own_segments_only_and_no_stronger_than_its_role() {
    let mut net = Net::new(&site(""), &["n2", "n3"]);
    net.run(seconds(2));
    let (now, n3) = (net.now, net.nodes[1].tables.me);
    // The primary, a community and a private VLAN it has no port in, an unknown VNI, and its
    // own segment as if a router were in it.
    let lies = [
        (20_100, Hold::Promiscuous),
        (20_102, Hold::Pinned),
        (21_101, Hold::Pinned),
        (999, Hold::Pinned),
        (20_101, Hold::Promiscuous),
    ];
    for (sequence, (vni, hold)) in (1000..).zip(lies) {
        let message = forged(&net, sequence, vni, hold);
        net.nodes[0].mesh.handle_message(now, n3, &message);
    }
    net.drain();
    assert!(net.nodes[0].claims.is_empty(), "{:?}", net.nodes[0].claims);
    assert_eq!(net.nodes[0].mesh.ignored().foreign, 5);
    let truth = forged(&net, 2000, 20_101, Hold::Pinned);
    net.nodes[0].mesh.handle_message(now, n3, &truth);
    net.drain();
    assert_eq!(net.nodes[0].macs(), [66]);
}

#[test]
fn an_older_list_is_not_looked_at() {
    let mut net = Net::new(&site(""), &["n2", "n3"]);
    net.run(seconds(2));
    let (now, n3) = (net.now, net.nodes[1].tables.me);
    for sequence in [1000, 1000, 999] {
        let message = forged(&net, sequence, 20_101, Hold::Pinned);
        net.nodes[0].mesh.handle_message(now, n3, &message);
    }
    assert_eq!(net.nodes[0].mesh.ignored().stale, 2);
}

#[test]
fn stock_nodes_are_neither_spoken_to_nor_listened_to() {
    let fabric = site("");
    let mut net = Net::new(&fabric, &["n2"]);
    let edge = id(&fabric, "e9");
    assert!(net.nodes[0].mesh.peers().all(|peer| peer.node != edge));
    let hello = Message::Hello(Hello {
        boot: 1,
        generation: 1,
        digest: fabric.digest,
        sent: Time(1),
        echo: None,
    });
    net.nodes[0]
        .mesh
        .handle_message(Time(0), edge, &hello.encode());
    assert_eq!(net.nodes[0].mesh.ignored().malformed, 1);
}

#[test]
fn a_peer_that_makes_up_boots_is_answered_ten_times_a_second() {
    let mut net = Net::new(&site(""), &["n1", "n2"]);
    net.run(seconds(1));
    let (n2, mut sent) = (net.nodes[1].tables.me, 0);
    for boot in 0..1000_u64 {
        let now = net.now + Duration::from_millis(boot);
        let hello = Message::Hello(Hello {
            boot,
            generation: 1,
            digest: net.nodes[0].tables.fabric.digest,
            sent: now,
            echo: None,
        });
        let mesh = &mut net.nodes[0].mesh;
        mesh.handle_message(now, n2, &hello.encode());
        mesh.handle_timeout(now);
        let to_n2 = |output: &Output| matches!(output, Output::Send { to, .. } if *to == n2);
        sent += std::iter::from_fn(|| mesh.poll_output())
            .filter(to_n2)
            .count();
    }
    assert!(sent <= 2 * 11, "{sent} answers to 1000 Hellos");
}

#[test]
fn more_changes_than_fit_are_told_as_everything() {
    let mut net = Net::new(&site(""), &["n1", "n2"]);
    net.run(seconds(2));
    let now = net.now;
    for round in 0..30_u8 {
        for mac in 1..200 {
            let what = if round % 2 == 1 {
                Change::Gone
            } else {
                Change::Here(now)
            };
            net.nodes[1].learn(now, 0, mac, Strength::Pinned, what);
        }
    }
    net.nodes[1].pin(now, 7);
    net.run(seconds(6));
    assert_eq!(net.nodes[0].macs(), [7]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Three nodes, a bad network, hosts that come and go; then quiet: everyone agrees.
    #[test]
    fn whatever_the_network_does_the_tables_converge(
        seed in any::<u64>(),
        lost in 0_u64..40, doubled in 0_u64..20, delayed in 0_u64..40,
        events in proptest::collection::vec((1_usize..3, 1_u8..60, any::<bool>(), 0_u64..400), 0..120),
    ) {
        let mut net = Net::new(&site(""), &["n1", "n2", "n3"]);
        net.random = seed;
        net.faults = (lost, doubled, delayed);
        let mut truth: BTreeMap<u8, usize> = BTreeMap::new();
        for (node, mac, here, pause) in events {
            let now = net.now;
            // A MAC belongs to one node: even ones to n2, odd ones to n3.
            let mac = mac / 2 * 2 + u8::try_from(node).unwrap() - 1;
            let what = if here { Change::Here(now) } else { Change::Gone };
            net.nodes[node].learn(now, 0, mac, Strength::Pinned, what);
            if here { truth.insert(mac, node); } else { truth.remove(&mac); }
            net.run(Duration::from_millis(pause));
        }
        net.faults = (0, 0, 0);
        net.run(seconds(12));
        let all: Vec<u8> = truth.keys().copied().collect();
        prop_assert_eq!(net.nodes[0].macs(), all);
        for other in [1, 2] {
            let others: Vec<u8> = truth.iter().filter(|&(_, &at)| at != other).map(|(&mac, _)| mac).collect();
            prop_assert_eq!(net.nodes[other].macs(), others);
        }
        for (of, about) in [(0, 1), (1, 2), (2, 0)] {
            prop_assert!(net.status(of, about).converged);
        }
    }

    #[test]
    fn garbage_changes_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..1400), kind in 0_u8..4) {
        let mut net = Net::new(&site(""), &["n1", "n2"]);
        net.run(seconds(1));
        let mut bytes = bytes;
        if bytes.len() >= 4 { bytes[..4].copy_from_slice(&[b'S', b'K', 1, kind]); }
        let (now, from, me) = (net.now, net.nodes[1].tables.me, net.nodes[0].tables.me);
        net.nodes[0].mesh.handle_message(now, from, &bytes);
        net.nodes[0].mesh.handle_message(now, NodeId(99), &bytes);
        net.nodes[0].mesh.handle_message(now, me, &bytes);
        net.drain();
        prop_assert!(net.nodes[0].claims.is_empty());
    }
}

#[test]
fn a_claim_of_another_generation_or_place_is_not_told() {
    let mut net = Net::new(&site(""), &["n1", "n2"]);
    net.run(seconds(2));
    let now = net.now;
    let tables = Arc::clone(&net.nodes[1].tables);
    let view = tables.attachment(LocalAttachment(0)).unwrap();
    let segment = &tables.fabric.segments[view.segment.index()];
    let right = Claim {
        generation: 1,
        pvlan: segment.pvlan,
        segment: segment.id,
        mac: mac_of(1),
        place: Place::Port(LocalAttachment(0)),
        strength: Strength::Pinned,
        what: Change::Here(now),
    };
    let elsewhere = tables.attachment(LocalAttachment(1)).unwrap().segment;
    let wrong = [
        Claim {
            generation: 2,
            ..right
        },
        Claim {
            place: Place::Node(NodeId(0)),
            ..right
        },
        Claim {
            place: Place::Port(LocalAttachment(99)),
            ..right
        },
        Claim {
            segment: elsewhere,
            pvlan: PvlanId(1),
            ..right
        },
    ];
    for claim in wrong {
        net.nodes[1].mesh.handle_claim(now, &claim);
    }
    net.run(seconds(6));
    assert!(net.nodes[0].claims.is_empty(), "{:?}", net.nodes[0].claims);
    net.nodes[1].mesh.handle_claim(now, &right);
    net.run(seconds(1));
    assert_eq!(net.nodes[0].macs(), [1]);
}
