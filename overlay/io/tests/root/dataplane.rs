//! Workers with the real forwarder: guests talk through one node, and through two with the
//! tunnel between them.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use skerry_overlay::DropReason;
use skerry_overlay_io::{
    Clock, Dataplane, Event, OffloadSwitches, PortManager, PortOptions, Setup, StartError,
    Superframes, Switch,
};
use skerry_policy::{NodeId, Tables};
use tokio::sync::mpsc;

use crate::pump::{tcp, udp};
use crate::world::{Guest, eventually, manager, on_a_machine, secret, tables, tap, veth};

const ONE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const TWO: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// A node: its dataplane, its ports, and somebody who passes claims on.
pub(crate) struct Node {
    pub(crate) dataplane: Arc<Dataplane>,
    ports: PortManager,
    relay: std::thread::JoinHandle<()>,
}

pub(crate) fn setup(
    number: u8,
    tables: &Arc<Tables>,
    listen: &str,
    workers: usize,
    offload: OffloadSwitches,
) -> Setup {
    Setup {
        tables: Arc::clone(tables),
        secret: secret(number),
        listen: listen.parse().unwrap(),
        workers,
        pin: true,
        offload,
        age: Duration::from_secs(300),
        fdb_limit: 1024,
        clock: Clock::start(),
    }
}

impl Node {
    pub(crate) async fn start(name: &str, setup: Setup) -> Self {
        Self::start_with(name, setup, 1).await
    }

    /// So many workers read each port.
    pub(crate) async fn start_with(name: &str, setup: Setup, queues: usize) -> Self {
        let tables = Arc::clone(&setup.tables);
        let options = PortOptions {
            offload: setup.offload,
            queues,
            ..PortOptions::default()
        };
        let (sender, mut events) = mpsc::channel(1024);
        let dataplane = Arc::new(Dataplane::start(setup, sender).unwrap());
        let mut ports = PortManager::start(name, options).await.unwrap();
        for (name, port) in ports.prepare(&tables).await.unwrap() {
            dataplane.attach(&name, port).await.unwrap();
        }
        let others = Arc::downgrade(&dataplane);
        // A thread of its own: the test itself blocks while its guests talk.
        let relay = std::thread::spawn(move || {
            while let Some(event) = events.blocking_recv() {
                if let (Event::Claim { worker, claim }, Some(others)) = (event, others.upgrade()) {
                    others.apply_claim(Some(worker), claim);
                }
            }
        });
        Self {
            dataplane,
            ports,
            relay,
        }
    }

    pub(crate) async fn stop(self) {
        let dataplane = Arc::into_inner(self.dataplane).unwrap();
        dataplane.stop().await;
        self.relay.join().unwrap();
        self.ports.close().await;
    }

    pub(crate) async fn assert_balanced(&self) {
        let snapshot = self.dataplane.snapshot().await.unwrap();
        for port in &snapshot.counters.ports {
            assert!(port.balanced(), "{port:#?}");
        }
        for peer in &snapshot.counters.peers {
            assert!(peer.balanced(), "{peer:#?}");
        }
    }
}

fn one_node(workers: usize) {
    on_a_machine(async |world| {
        let guests = [world.guest("g1"), world.guest("g2")];
        let tables = world.tables(&[&veth("a", "g1"), &veth("b", "g2")]);
        let node = Node::start(
            "n1",
            setup(
                1,
                &tables,
                "127.0.0.1:0",
                workers,
                OffloadSwitches::default(),
            ),
        )
        .await;
        guests[0].address("eth0", ONE);
        guests[1].address("eth0", TWO);
        let [g1, g2] = &guests;
        tcp(g1, g2, TWO, 4 << 20);
        node.assert_balanced().await;
        let snapshot = node.dataplane.snapshot().await.unwrap();
        let readers: std::collections::HashSet<_> =
            snapshot.ports.iter().map(|port| port.worker).collect();
        assert_eq!(readers.len(), workers.min(2), "{:?}", snapshot.ports);
        assert_eq!(snapshot.fdb.len(), 0, "nobody asked for it");
        let snapshot = node.dataplane.snapshot_with_fdb().await.unwrap();
        assert_eq!(snapshot.fdb.len(), 2, "{:?}", snapshot.fdb);
        node.stop().await;
    });
}

#[test]
fn two_guests_talk_through_one_worker() {
    one_node(1);
}

#[test]
fn two_guests_talk_through_two_workers() {
    one_node(2);
}

fn two_nodes(listen: [&str; 2], workers: usize, offload: OffloadSwitches) {
    on_a_machine(async |world| {
        let guests = [world.guest("g1"), world.guest("g2")];
        let (a, pad, b) = (
            veth("a", "g1"),
            veth("pad", "g1").replace("eth0", "eth1"),
            veth("b", "g2"),
        );
        let site = world.site(&[
            // Two ports, so that with two workers `a` is read by the one that owns no tunnel.
            ("n1", Some(listen[0]), &[&pad, &a]),
            ("n2", Some(listen[1]), &[&b]),
        ]);
        let mut nodes = Vec::new();
        for (number, at) in (1u8..).zip(listen) {
            let tables = tables(&site, u32::from(number) - 1, 1);
            let node = Node::start(
                &format!("n{number}"),
                setup(number, &tables, at, workers, offload),
            )
            .await;
            nodes.push(node);
        }
        guests[0].address("eth0", ONE);
        guests[1].address("eth0", TWO);
        let [g1, g2] = &guests;
        tcp(g1, g2, TWO, 4 << 20);
        tcp(g2, g1, ONE, 4 << 20);
        udp(g1, g2, ONE, TWO, &[1, 100, 1300]);
        for node in &nodes {
            node.assert_balanced().await;
            let snapshot = node.dataplane.snapshot().await.unwrap();
            assert!(
                snapshot.peers.iter().any(|peer| peer.has_session),
                "{:?}",
                snapshot.peers
            );
            assert_eq!(snapshot.offloads.gso, offload.gso.wanted());
            assert_eq!(snapshot.shell.events_lost, 0);
            let reader = snapshot
                .ports
                .iter()
                .find(|port| port.name == "n1/a")
                .map(|port| port.worker);
            assert!(
                reader.is_none_or(|reader| reader == workers - 1),
                "{:?}",
                snapshot.ports
            );
        }
        for node in nodes {
            node.stop().await;
        }
    });
}

#[test]
fn two_guests_talk_through_a_tunnel() {
    two_nodes(
        ["127.0.0.1:5101", "127.0.0.1:5110"],
        1,
        OffloadSwitches::default(),
    );
}

#[test]
fn two_guests_talk_through_a_tunnel_over_ipv6() {
    two_nodes(["[::1]:5101", "[::1]:5110"], 1, OffloadSwitches::default());
}

#[test]
fn two_guests_talk_through_a_tunnel_with_a_handoff_between_workers() {
    two_nodes(
        ["127.0.0.1:5101", "127.0.0.1:5110"],
        2,
        OffloadSwitches::default(),
    );
}

#[test]
fn every_worker_tells_its_guests_of_a_narrow_path() {
    on_a_machine(async |world| {
        let [g1, g2] = [world.guest("g1"), world.guest("g2")];
        let (a, pad, b) = (
            veth("a", "g1"),
            veth("pad", "g1").replace("eth0", "eth1"),
            veth("b", "g2"),
        );
        let listen = ["127.0.0.1:5101", "127.0.0.1:5110"];
        let site = world.site(&[
            // `a` is read by the worker that owns no tunnel.
            ("n1", Some(listen[0]), &[&pad, &a]),
            ("n2", Some(listen[1]), &[&b]),
        ]);
        let mut nodes = Vec::new();
        for (number, at) in (1u8..).zip(listen) {
            let tables = tables(&site, u32::from(number) - 1, 1);
            let setup = setup(number, &tables, at, 2, OffloadSwitches::default());
            nodes.push(Node::start(&format!("n{number}"), setup).await);
        }
        g1.address("eth0", ONE);
        g2.address("eth0", TWO);
        tcp(&g1, &g2, TWO, 1 << 20);
        let n2 = NodeId(1);
        // Of another generation first, which changes nothing.
        for (generation, passes) in [(9, true), (1, false)] {
            nodes[0].dataplane.set_path(n2, generation, 1170);
            nodes[0].dataplane.snapshot().await.unwrap();
            assert_eq!(say_until_heard(&g1, &g2) == 0, passes);
        }
        // A new connection needs not be told.
        let dropped = async || {
            let snapshot = nodes[0].dataplane.snapshot().await.unwrap();
            let peer = &snapshot.counters.peers[n2.index()];
            peer.egress_drops.get(DropReason::EgressMtu)
        };
        let before = dropped().await;
        assert!(before > 0);
        tcp(&g1, &g2, TWO, 1 << 20);
        assert_eq!(dropped().await, before);
        for node in nodes {
            node.assert_balanced().await;
            node.stop().await;
        }
    });
}

/// Says the same long thing until it is heard; how often it was not. The kernel sends it whole, and
/// cuts it as soon as it has been told how much fits.
fn say_until_heard(from: &Guest, to: &Guest) -> usize {
    let bind = |ip| UdpSocket::bind((ip, 5003)).unwrap();
    let (sender, receiver) = (from.run(|| bind(ONE)), to.run(|| bind(TWO)));
    let wait = Duration::from_millis(300);
    receiver.set_read_timeout(Some(wait)).unwrap();
    let mut room = [0; 2_000];
    for lost in 0..20 {
        sender.send_to(&[7; 1_300], (TWO, 5003)).unwrap();
        if receiver.recv(&mut room).is_ok() {
            return lost;
        }
    }
    panic!("nothing is heard")
}

#[test]
fn two_guests_talk_through_a_tunnel_without_any_offload() {
    let off = OffloadSwitches {
        tap: Switch::Off,
        gso: Switch::Off,
        gro: Switch::Off,
    };
    two_nodes(["127.0.0.1:5101", "127.0.0.1:5110"], 1, off);
}

/// Datagrams, and the system calls that sent them.
async fn sent(node: &Node) -> (u64, u64) {
    let snapshot = node.dataplane.snapshot().await.unwrap();
    (snapshot.shell.datagrams_out, snapshot.shell.sends)
}

#[test]
fn offloads_are_switched_while_guests_talk() {
    on_a_machine(async |world| {
        let guests = [world.guest("g1"), world.guest("g2")];
        let listen = ["127.0.0.1:5101", "127.0.0.1:5110"];
        let site = world.site(&[
            ("n1", Some(listen[0]), &[&tap("a", "g1")]),
            ("n2", Some(listen[1]), &[&veth("b", "g2")]),
        ]);
        let mut nodes = Vec::new();
        for (number, at) in (1u8..).zip(listen) {
            let tables = tables(&site, u32::from(number) - 1, 1);
            let setup = setup(number, &tables, at, 1, OffloadSwitches::default());
            nodes.push(Node::start(&format!("n{number}"), setup).await);
        }
        guests[0].address("eth0", ONE);
        guests[1].address("eth0", TWO);
        let [g1, g2] = &guests;
        for on in [true, false, true] {
            let switch = if on { Switch::Auto } else { Switch::Off };
            let switches = OffloadSwitches {
                tap: switch,
                gso: switch,
                gro: switch,
            };
            for node in &mut nodes {
                node.dataplane.switch(switches).await.unwrap();
                let snapshot = node.dataplane.snapshot().await.unwrap();
                let in_use = (snapshot.offloads.gso, snapshot.offloads.gro);
                assert_eq!(in_use, (on, on));
                let superframes = if on {
                    Superframes::All
                } else {
                    Superframes::None
                };
                let mut ports = snapshot.ports.iter();
                assert!(ports.all(|port| port.superframes == superframes));
            }
            let before = sent(&nodes[0]).await;
            tcp(g1, g2, TWO, 4 << 20);
            tcp(g2, g1, ONE, 4 << 20);
            udp(g1, g2, ONE, TWO, &[1, 100, 1300]);
            let after = sent(&nodes[0]).await;
            let (datagrams, calls) = (after.0 - before.0, after.1 - before.1);
            assert_eq!(calls < datagrams, on, "{calls} calls for {datagrams}");
        }
        for node in nodes {
            node.assert_balanced().await;
            node.stop().await;
        }
    });
}

#[test]
fn a_busy_socket_is_an_error_that_names_it() {
    on_a_machine(async |world| {
        let tables = world.tables(&[]);
        let taken = UdpSocket::bind("127.0.0.1:5100").unwrap();
        let (sender, _events) = mpsc::channel(1);
        let setup = setup(1, &tables, "127.0.0.1:5100", 1, OffloadSwitches::default());
        let error = Dataplane::start(setup, sender).unwrap_err();
        let at: SocketAddr = taken.local_addr().unwrap();
        assert!(
            matches!(error, StartError::AddressInUse(address) if address == at),
            "{error}"
        );
    });
}

#[test]
fn both_families_share_one_port() {
    on_a_machine(async |world| {
        let tables = world.tables(&[]);
        let (sender, _events) = mpsc::channel(1);
        let setup = setup(1, &tables, "[::]:0", 1, OffloadSwitches::default());
        let dataplane = Dataplane::start(setup, sender).unwrap();
        let port = dataplane.listen().port();
        for taken in ["0.0.0.0", "[::]"] {
            let again = UdpSocket::bind(format!("{taken}:{port}"));
            assert!(again.is_err(), "{taken}:{port} is free");
        }
        dataplane.stop().await;
    });
}

#[test]
fn an_install_is_acknowledged_after_every_worker_has_swapped() {
    on_a_machine(async |world| {
        let guests = [world.guest("g1"), world.guest("g2")];
        let ports = [veth("a", "g1"), veth("b", "g2")];
        let first = world.tables(&[&ports[0], &ports[1]]);
        let node = Node::start(
            "n1",
            setup(1, &first, "127.0.0.1:0", 2, OffloadSwitches::default()),
        )
        .await;
        guests[0].address("eth0", ONE);
        guests[1].address("eth0", TWO);
        let [g1, g2] = &guests;
        for generation in 2..20 {
            // The order of the file changes the numbers of the ports; the guests must not notice.
            let (x, y) = if generation % 2 == 0 { (1, 0) } else { (0, 1) };
            let tables = world.generation(generation, &[&ports[x], &ports[y]]);
            node.dataplane.install(tables).await.unwrap();
            let snapshot = node.dataplane.snapshot().await.unwrap();
            assert_eq!(snapshot.tables.generation, generation);
            assert_eq!(snapshot.counters.generation, generation);
            udp(g1, g2, ONE, TWO, &[64]);
        }
        node.assert_balanced().await;
        node.stop().await;
    });
}

#[test]
fn a_port_waits_until_its_tables_run() {
    on_a_machine(async |world| {
        let guest = world.guest("g1");
        let empty = world.tables(&[]);
        let (sender, _events) = mpsc::channel(16);
        let dataplane = Dataplane::start(
            setup(1, &empty, "127.0.0.1:0", 1, OffloadSwitches::default()),
            sender,
        )
        .unwrap();
        let mut ports = manager().await;
        let next = world.generation(2, &[&veth("a", "g1")]);
        for (name, port) in ports.prepare(&next).await.unwrap() {
            dataplane.attach(&name, port).await.unwrap();
        }
        let socket = guest.socket("eth0");
        let mut frame = vec![0xff; 12];
        frame[6] = 2;
        frame.extend([0x08, 0x06]);
        frame.extend([0; 46]);
        socket.send(&frame).unwrap();
        assert_eq!(dataplane.snapshot().await.unwrap().counters.ports.len(), 0);
        dataplane.install(next).await.unwrap();
        eventually("the frame that waited is counted", async || {
            let snapshot = dataplane.snapshot().await.unwrap();
            snapshot
                .counters
                .ports
                .iter()
                .any(|port| port.frames_in > 0)
        })
        .await;
        dataplane.stop().await;
        ports.close().await;
    });
}
