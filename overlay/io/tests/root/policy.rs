//! A change of policy under a real kernel and several workers.

use std::net::Ipv4Addr;
use std::time::Duration;

use skerry_overlay_io::OffloadSwitches;
use skerry_overlay_io::capture::PacketSocket;

use crate::dataplane::{Node, setup};
use crate::world::on_a_machine;

/// A guest's port that may send anything, in a community of its own choice.
fn port(name: &str, guest: &str, community: &str) -> String {
    format!(
        "{name} = {{ as = \"blue.{community}\", ethertypes = [\"any\"], \
         guard = {{ mac = \"off\", max_macs = 9, ip = \"off\", dhcp = \"off\" }}, \
         attach = {{ veth = \"eth0\", netns = \"@{guest}\" }} }}"
    )
}

fn frame(source: u8, text: u8) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend([2, 0, 0, 0, 0, source]);
    frame.extend([0x88, 0xb5]);
    frame.resize(60, text);
    frame
}

/// How many frames with this text come within a short while, or as soon as `enough` have.
fn count(socket: &PacketSocket, text: u8, enough: usize) -> usize {
    let mut buffer = [0; 2048];
    let mut seen = 0;
    while seen < enough && socket.wait(Duration::from_millis(200)).unwrap() {
        while let Some(length) = socket.receive(&mut buffer).unwrap() {
            let ours = buffer[12..14] == [0x88, 0xb5] && buffer[length - 1] == text;
            seen += usize::from(ours);
        }
    }
    seen
}

fn no_worker_runs_the_old_policy(queues: usize) {
    on_a_machine(async |world| {
        let guests = [world.guest("g1"), world.guest("g2")];
        let together = [port("a", "g1", "web"), port("b", "g2", "web")];
        let apart = [port("a", "g1", "web"), port("b", "g2", "db")];
        let first = world.tables(&[&together[0], &together[1]]);
        let setup = setup(1, &first, "127.0.0.1:0", 2, OffloadSwitches::default());
        let node = Node::start_with("n1", setup, queues).await;
        for (guest, last) in guests.iter().zip(1..) {
            guest.address("eth0", Ipv4Addr::new(10, 0, 0, last));
        }
        let sockets = [guests[0].socket("eth0"), guests[1].socket("eth0")];
        let pairs = [(0, 1), (1, 0)];
        for generation in 2..8 {
            let split = generation % 2 == 0;
            let ports = if split { &apart } else { &together };
            let tables = world.generation(generation, &[&ports[0], &ports[1]]);
            node.dataplane.install(tables).await.unwrap();
            for (from, to) in pairs {
                let text = u8::try_from(generation).unwrap() * 2 + u8::from(from == 0);
                let sent = 20;
                for _ in 0..sent {
                    let source = u8::try_from(from).unwrap() + 1;
                    sockets[from].send(&frame(source, text)).unwrap();
                }
                let expect = if split { 0 } else { sent };
                let seen = count(&sockets[to], text, sent);
                assert_eq!(
                    seen, expect,
                    "generation {generation}, guest {from} to {to}"
                );
            }
        }
        node.assert_balanced().await;
        node.stop().await;
    });
}

#[test]
fn after_the_acknowledgement_no_worker_runs_the_old_policy() {
    no_worker_runs_the_old_policy(1);
}

#[test]
fn nor_where_every_worker_reads_every_port() {
    no_worker_runs_the_old_policy(2);
}
