//! Explicit congestion notification between the kernels of guests and the kernel of the underlay,
//! which marks datagrams as a congested router would, or lets none out that could be marked.

use std::process::Command;

use skerry_overlay::DropReason;

use crate::lanes::{ONE, Site, TWO, counter};
use crate::pump::{tcp, udp};
use crate::world::{Guest, eventually, on_a_machine};

/// Rules for what goes to n2, in either lane.
fn underlay(rule: &str) {
    let table = format!(
        "table ip underlay {{ chain out {{ type filter hook output priority 0; \
         udp dport {{ 5110, 5111 }} {rule}; }}; }}"
    );
    let nft = Command::new("nft").arg(table).status().unwrap();
    assert!(nft.success(), "{rule}");
}

/// TCP of the guest asks for ECN, and takes it.
fn ask_for_ecn(guest: &Guest) {
    guest.run(|| std::fs::write("/proc/sys/net/ipv4/tcp_ecn", "1").unwrap());
}

fn marked(guest: &Guest) -> u64 {
    counter(guest, "IpExt:", "InCEPkts")
}

fn unmarked(guest: &Guest) -> u64 {
    counter(guest, "IpExt:", "InECT0Pkts")
}

#[test]
fn a_mark_of_the_underlay_reaches_the_guest_in_every_lane() {
    on_a_machine(async |world| {
        let site = Site::start(&world, [2, 2]).await;
        let [g1, g2] = &site.guests;
        site.guests.iter().for_each(ask_for_ecn);
        tcp(g1, g2, TWO, 1 << 20);
        assert_eq!(marked(g2), 0);
        assert!(unmarked(g2) > 0, "the guests speak of congestion");
        underlay("ip ecn ect0 ip ecn set ce");
        tcp(g1, g2, TWO, 1 << 20);
        let first = marked(g2);
        assert!(first > 0, "lane 0, by way of the first worker");
        site.introduce(1);
        site.wait_for_lanes(2).await;
        tcp(g1, g2, TWO, 1 << 20);
        assert!(marked(g2) > first, "lane 1");
        tcp(g2, g1, ONE, 1 << 20);
        assert_eq!(marked(g1), 0, "nothing marks what goes to n1");
        assert!(unmarked(g1) > 0);
        site.stop().await;
    });
}

#[test]
fn what_cannot_carry_the_mark_of_the_underlay_is_dropped() {
    on_a_machine(async |world| {
        let site = Site::start(&world, [1, 1]).await;
        let [g1, g2] = &site.guests;
        udp(g1, g2, ONE, TWO, &[100]);
        underlay("ip ecn set ce");
        let lost = g1.run(|| {
            let socket = std::net::UdpSocket::bind((ONE, 6000)).unwrap();
            (0..50).all(|_| socket.send_to(&[1; 100], (TWO, 6000)).is_ok())
        });
        assert!(lost);
        eventually("they are counted", async || {
            let snapshot = site.dataplane(1).snapshot().await.unwrap();
            let drops = &snapshot.counters.peers[0].drops;
            drops.get(DropReason::Congestion) >= 50
        })
        .await;
        site.stop().await;
    });
}

#[test]
fn where_nothing_may_go_out_that_could_be_marked_it_goes_out_without() {
    on_a_machine(async |world| {
        let site = Site::start(&world, [2, 2]).await;
        let [g1, g2] = &site.guests;
        site.guests.iter().for_each(ask_for_ecn);
        site.introduce(1);
        site.wait_for_lanes(2).await;
        underlay("ip ecn != not-ect drop");
        tcp(g1, g2, TWO, 1 << 20);
        udp(g1, g2, ONE, TWO, &[100]);
        assert!(unmarked(g2) > 0, "inside, it is all there");
        for node in [0, 1] {
            let shell = site.dataplane(node).snapshot().await.unwrap().shell;
            assert_eq!((shell.send_failed, shell.send_full), (0, 0), "node {node}");
        }
        site.stop().await;
    });
}
