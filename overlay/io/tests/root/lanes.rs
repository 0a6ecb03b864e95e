//! Several workers, and a lane between two nodes for each.

use std::net::{Ipv4Addr, SocketAddr};

use skerry_overlay::DropReason;
use skerry_overlay_io::{Dataplane, OffloadSwitches, ShellCounters};
use skerry_policy::NodeId;

use crate::dataplane::{Node, setup};
use crate::pump::{flows, tcp, udp};
use crate::world::{Guest, World, eventually, on_a_machine, tables, tap, veth};

pub(crate) const ONE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub(crate) const TWO: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const LISTEN: [&str; 2] = ["127.0.0.1:5100", "127.0.0.1:5110"];

/// n1 with the guest g1 at the port `a`, n2 with g2 at `b`; another port before each, so that both
/// are read by the second worker, if there is one and they have one queue.
pub(crate) struct Site {
    nodes: [Node; 2],
    pub(crate) guests: [Guest; 2],
    text: String,
}

impl Site {
    pub(crate) async fn start(world: &World, workers: [usize; 2]) -> Self {
        Self::start_with(world, workers, 1, veth).await
    }

    async fn start_with(
        world: &World,
        workers: [usize; 2],
        queues: usize,
        port: fn(&str, &str) -> String,
    ) -> Self {
        let guests = [world.guest("g1"), world.guest("g2")];
        let pad = |guest: &str| veth(&format!("pad-{guest}"), guest).replace("eth0", "eth1");
        let ports = [[pad("g1"), port("a", "g1")], [pad("g2"), port("b", "g2")]];
        let [[pad1, a], [pad2, b]] = &ports;
        let text = world.site(&[
            ("n1", Some(LISTEN[0]), &[pad1, a]),
            ("n2", Some(LISTEN[1]), &[pad2, b]),
        ]);
        let node = async |number: u8| {
            let at = usize::from(number - 1);
            let tables = tables(&text, u32::from(number) - 1, 1);
            let off = OffloadSwitches::default();
            let setup = setup(number, &tables, LISTEN[at], workers[at], off);
            Node::start_with(&format!("n{number}"), setup, queues).await
        };
        let nodes = [node(1).await, node(2).await];
        guests[0].address("eth0", ONE);
        guests[1].address("eth0", TWO);
        Self {
            nodes,
            guests,
            text,
        }
    }

    pub(crate) fn dataplane(&self, node: usize) -> &Dataplane {
        &self.nodes[node].dataplane
    }

    /// What the control task does with what the other node's tells it.
    pub(crate) fn introduce(&self, generation: u64) {
        for (node, other) in [(0, 1), (1, 0)] {
            let theirs = self.dataplane(other);
            let of = NodeId(u32::try_from(other).unwrap());
            let (at, lanes) = (theirs.listen(), theirs.lanes());
            self.dataplane(node)
                .tell_lanes(of, generation, at, 1, lanes);
        }
    }

    async fn lanes(&self, node: usize) -> usize {
        self.dataplane(node).snapshot().await.unwrap().peers[0].lanes
    }

    pub(crate) async fn wait_for_lanes(&self, count: usize) {
        for node in [0, 1] {
            let what = format!("node {node} has {count} lanes");
            eventually(&what, async || self.lanes(node).await == count).await;
        }
    }

    async fn shell(&self, node: usize) -> ShellCounters {
        self.dataplane(node).snapshot().await.unwrap().shell
    }

    /// Guests talk; gives how many frames the workers of each node handed over meanwhile.
    async fn talk(&self) -> [u64; 2] {
        let before = [self.shell(0).await, self.shell(1).await];
        let [g1, g2] = &self.guests;
        tcp(g1, g2, TWO, 4 << 20);
        tcp(g2, g1, ONE, 4 << 20);
        udp(g1, g2, ONE, TWO, &[1, 100, 1300]);
        let after = [self.shell(0).await, self.shell(1).await];
        [0, 1].map(|node| after[node].handed_over - before[node].handed_over)
    }

    pub(crate) async fn stop(self) {
        for node in self.nodes {
            node.assert_balanced().await;
            node.stop().await;
        }
    }
}

#[test]
fn two_workers_of_two_nodes_have_a_lane_of_their_own_and_use_it() {
    on_a_machine(async |world| {
        let site = Site::start(&world, [2, 2]).await;
        assert_eq!(site.dataplane(0).lanes()[0].port, 5101);
        assert_eq!(site.dataplane(1).lanes()[0].port, 5111);
        let handed_over = site.talk().await;
        assert!(handed_over.iter().all(|it| *it > 0), "{handed_over:?}");
        assert_eq!(site.lanes(0).await, 1);
        site.introduce(1);
        site.wait_for_lanes(2).await;
        assert_eq!(site.talk().await, [0, 0]);
        site.stop().await;
    });
}

#[test]
fn a_node_with_one_worker_gets_everything_by_the_first_lane() {
    on_a_machine(async |world| {
        let site = Site::start(&world, [2, 1]).await;
        assert!(site.dataplane(1).lanes().is_empty());
        site.introduce(1);
        let [handed_over, none] = site.talk().await;
        assert!(handed_over > 0 && none == 0, "{handed_over} {none}");
        assert_eq!((site.lanes(0).await, site.lanes(1).await), (1, 1));
        site.stop().await;
    });
}

#[test]
fn a_second_port_that_is_taken_or_unreachable_costs_no_frame() {
    on_a_machine(async |world| {
        let taken = std::net::UdpSocket::bind("127.0.0.1:5101").unwrap();
        let site = Site::start(&world, [2, 2]).await;
        let unbound = site.dataplane(0).unbound();
        assert_eq!(unbound.len(), 1, "{unbound:?}");
        assert!(site.dataplane(0).lanes().is_empty());
        // n1 believes that it could reach a second lane of n2, as behind a firewall; n2 believes
        // that n1 has none.
        let nowhere: SocketAddr = "127.0.0.1:5110".parse().unwrap();
        let mut lanes = site.dataplane(1).lanes().to_vec();
        lanes[0].port = 9;
        site.dataplane(0)
            .tell_lanes(NodeId(1), 1, nowhere, 1, &lanes);
        site.dataplane(1)
            .tell_lanes(NodeId(0), 1, nowhere, 1, &lanes);
        let handed_over = site.talk().await;
        assert!(handed_over.iter().all(|it| *it > 0), "{handed_over:?}");
        assert_eq!((site.lanes(0).await, site.lanes(1).await), (1, 1));
        drop(taken);
        site.stop().await;
    });
}

#[test]
fn lanes_stay_through_reloads_and_nothing_is_lost() {
    on_a_machine(async |world| {
        let site = Site::start(&world, [2, 2]).await;
        site.introduce(1);
        site.wait_for_lanes(2).await;
        let [g1, g2] = &site.guests;
        for generation in 2..12 {
            for node in [0, 1] {
                let tables = tables(&site.text, node, generation);
                let node = usize::try_from(node).unwrap();
                site.dataplane(node).install(tables).await.unwrap();
            }
            site.introduce(generation);
            assert_eq!((site.lanes(0).await, site.lanes(1).await), (2, 2));
            udp(g1, g2, ONE, TWO, &[64]);
            udp(g2, g1, TWO, ONE, &[64]);
        }
        assert_eq!(site.talk().await, [0, 0]);
        site.stop().await;
    });
}

#[test]
fn a_node_that_policy_removes_has_no_lane_left() {
    on_a_machine(async |world| {
        let site = Site::start(&world, [2, 2]).await;
        site.introduce(1);
        site.wait_for_lanes(2).await;
        let alone = world.site(&[("n1", Some(LISTEN[0]), &[&veth("a", "g1")])]);
        let first = site.dataplane(0);
        first.install(tables(&alone, 0, 2)).await.unwrap();
        let snapshot = first.snapshot().await.unwrap();
        assert!(snapshot.peers.is_empty(), "{:?}", snapshot.peers);
        // What n2 still seals for either lane is nobody's.
        let before = snapshot.counters.underlay_drops.total();
        let [_, g2] = &site.guests;
        let lost = g2.run(|| {
            let socket = std::net::UdpSocket::bind((TWO, 6000)).unwrap();
            (0..50).all(|_| socket.send_to(&[1; 100], (ONE, 6000)).is_ok())
        });
        assert!(lost);
        eventually("datagrams of the removed node are refused", async || {
            first
                .snapshot()
                .await
                .unwrap()
                .counters
                .underlay_drops
                .total()
                > before
        })
        .await;
        site.stop().await;
    });
}

/// What the kernel of a guest counts (`/proc/net/netstat`): of TCP under `TcpExt:`, for one.
pub(crate) fn counter(guest: &Guest, of: &str, name: &str) -> u64 {
    let text = guest.run(|| std::fs::read_to_string("/proc/thread-self/net/netstat").unwrap());
    let mut lines = text.lines().filter(|line| line.starts_with(of));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let at = names.split(' ').position(|it| it == name).unwrap();
    values.split(' ').nth(at).unwrap().parse().unwrap()
}

fn every_worker_takes_its_flows(port: fn(&str, &str) -> String) {
    on_a_machine(async |world| {
        let site = Site::start_with(&world, [2, 2], 2, port).await;
        site.introduce(1);
        site.wait_for_lanes(2).await;
        let shells = async |node: usize| site.dataplane(node).snapshot().await.unwrap().by_worker;
        let before = [shells(0).await, shells(1).await];
        let [g1, g2] = &site.guests;
        // Too little for a queue to be found too long, which would cost a segment and so its order.
        flows(g1, g2, TWO, 8, 96 << 10);
        flows(g2, g1, ONE, 8, 96 << 10);
        for node in [0, 1] {
            let after = shells(node).await;
            for (worker, (after, before)) in after.iter().zip(&before[node]).enumerate() {
                let what = format!("worker {worker} of node {node}: {after:?}");
                assert!(after.datagrams_out > before.datagrams_out + 20, "{what}");
                assert!(after.datagrams_in > before.datagrams_in + 20, "{what}");
                assert_eq!(after.handed_over, before.handed_over, "{what}");
            }
            let snapshot = site.dataplane(node).snapshot().await.unwrap();
            let replays = snapshot.counters.underlay_drops.get(DropReason::WgReplay);
            assert_eq!(replays, 0, "node {node}");
            let name = ["n1/a", "n2/b"][node];
            let port = snapshot.ports.iter().find(|port| port.name == name);
            assert_eq!(port.map(|port| port.queues), Some(2));
        }
        for guest in &site.guests {
            assert_eq!(counter(guest, "TcpExt:", "TCPOFOQueue"), 0);
        }
        site.stop().await;
    });
}

#[test]
fn every_worker_takes_its_flows_from_a_veth() {
    every_worker_takes_its_flows(veth);
}

#[test]
fn every_worker_takes_its_flows_from_a_tap() {
    every_worker_takes_its_flows(tap);
}

#[test]
fn a_port_whose_rate_is_limited_has_one_queue() {
    on_a_machine(async |world| {
        let site = Site::start_with(&world, [2, 2], 2, |name, guest| {
            veth(name, guest).replace("attach", "rate = \"1Gbit\", attach")
        })
        .await;
        let snapshot = site.dataplane(0).snapshot().await.unwrap();
        let queues = snapshot
            .ports
            .iter()
            .map(|it| (it.name.as_str(), it.queues));
        let mut queues: Vec<_> = queues.collect();
        queues.sort_unstable();
        assert_eq!(queues, [("n1/a", 1), ("n1/pad-g1", 2)]);
        site.introduce(1);
        site.wait_for_lanes(2).await;
        site.talk().await;
        site.stop().await;
    });
}
