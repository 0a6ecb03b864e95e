//! Bursts of UDP through a tunnel: every byte arrives, and what came out of the tunnel together
//! reaches the guest's kernel together.

use std::net::{Ipv4Addr, UdpSocket};

use nix::sys::socket::{setsockopt, sockopt};
use skerry_overlay_io::{OffloadSwitches, Switch};

use crate::dataplane::{Node, setup};
use crate::world::{Guest, PATIENCE, on_a_machine, tables, tap, veth};

const ONE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const TWO: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const LISTEN: [&str; 2] = ["127.0.0.1:5101", "127.0.0.1:5110"];
const PORT: u16 = 5_004;
/// Datagrams of a burst, the last of them shorter.
const BURST: usize = 40;

/// How a guest reads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reads {
    /// Datagram by datagram, as most programs do: its kernel takes superframes apart.
    OneByOne,
    /// Whatever came together (`UDP_GRO`).
    Together,
}

/// Sends a burst of datagrams of this size in one call; in how many calls it was read.
fn burst(from: &Guest, to: &Guest, size: usize, reads: Reads) -> usize {
    let receiver = to.run(|| UdpSocket::bind((TWO, PORT)).unwrap());
    receiver.set_read_timeout(Some(PATIENCE)).unwrap();
    setsockopt(
        &receiver,
        sockopt::UdpGroSegment,
        &(reads == Reads::Together),
    )
    .unwrap();
    let sender = from.run(|| UdpSocket::bind((ONE, PORT)).unwrap());
    sender.connect((TWO, PORT)).unwrap();
    setsockopt(
        &sender,
        sockopt::UdpGsoSegment,
        &i32::try_from(size).unwrap(),
    )
    .unwrap();
    let length = size * BURST - size / 2;
    let sent: Vec<u8> = (0..251).cycle().take(length).collect();
    assert_eq!(sender.send(&sent).unwrap(), sent.len());
    let (mut heard, mut calls) = (Vec::new(), 0);
    let mut room = vec![0; 1 << 16];
    while heard.len() < sent.len() {
        let read = receiver.recv(&mut room);
        let length = read.unwrap_or_else(|error| panic!("{size} bytes, {reads:?}: {error}"));
        if reads == Reads::OneByOne {
            let left = sent.len() - heard.len();
            assert_eq!(length, size.min(left), "a datagram of {size} bytes");
        }
        heard.extend_from_slice(&room[..length]);
        calls += 1;
    }
    assert!(heard == sent, "other bytes than {size} by {size} were sent");
    calls
}

/// A burst reaches a guest behind this kind of port whole, and only if the switch says so.
fn arrives_together(port: fn(&str, &str) -> String) {
    on_a_machine(async |world| {
        let [g1, g2] = [world.guest("g1"), world.guest("g2")];
        let site = world.site(&[
            ("n1", Some(LISTEN[0]), &[&veth("a", "g1")]),
            ("n2", Some(LISTEN[1]), &[&port("b", "g2")]),
        ]);
        let mut nodes = Vec::new();
        for (number, at) in (1u8..).zip(LISTEN) {
            let tables = tables(&site, u32::from(number) - 1, 1);
            let setup = setup(number, &tables, at, 1, OffloadSwitches::default());
            nodes.push(Node::start(&format!("n{number}"), setup).await);
        }
        g1.address("eth0", ONE);
        g2.address("eth0", TWO);
        crate::pump::udp(&g1, &g2, ONE, TWO, &[100]);
        for on in [true, false] {
            let tap = if on { Switch::Auto } else { Switch::Off };
            let switches = OffloadSwitches {
                tap,
                ..OffloadSwitches::default()
            };
            nodes[1].dataplane.switch(switches).await.unwrap();
            for size in [2, 22, 100, 512, 1_300] {
                assert_eq!(burst(&g1, &g2, size, Reads::OneByOne), BURST);
                let calls = burst(&g1, &g2, size, Reads::Together);
                // No datagram of the tunnel is read alone, where forty came in one call.
                let expect = if on { 1..=BURST / 4 } else { BURST..=BURST };
                assert!(expect.contains(&calls), "{calls} calls, {size} bytes, {on}");
            }
        }
        for node in nodes {
            node.assert_balanced().await;
            node.stop().await;
        }
    });
}

#[test]
fn a_burst_of_datagrams_arrives_together_at_a_veth() {
    arrives_together(veth);
}

#[test]
fn a_burst_of_datagrams_arrives_together_at_a_tap() {
    arrives_together(tap);
}
