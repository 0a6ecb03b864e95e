//! A node that lies about what it sends across.

use super::site::{
    ACK, DNS, Guest, LIES, METRICS, PEERINGS, Said, UP, WEB, guest, hello, packet, via, with,
};
use crate::tunnels::{Liar, carried, vni};
use crate::world::frames::{BROADCAST, ip};
use crate::world::guarded;

/// A liar, and the guest of n1 that is the opposite end of its own one.
fn liar() -> (Liar, Guest, Guest) {
    let mut liar = Liar::new(with(&guarded(), PEERINGS));
    let victim = guest("n1/r-i1");
    hello(&mut liar.world, victim, ip("n2/r-gw"));
    (liar, guest("n4/b-i5"), victim)
}

/// How many addresses the table of n1 has.
fn known_to_n1(liar: &Liar) -> usize {
    liar.world.nodes[0].forwarder.fdb(liar.world.now).count()
}

#[test]
fn a_node_without_an_end_is_denied_the_peerings_number() {
    let (mut liar, me, victim) = liar();
    for number in [DNS, WEB, METRICS] {
        let frame = packet(
            (via(number), via(number)),
            (me.ip.into(), victim.ip.into()),
            Said::Udp(4000, 53),
        );
        assert_eq!(liar.refused(&carried(vni(number), &frame)), "vni_denied");
    }
}

#[test]
fn a_node_speaks_across_for_its_own_ends_only_and_to_ends_here_only() {
    let (mut liar, me, victim) = liar();
    let (macs, said) = ((via(LIES), via(LIES)), Said::Udp(4000, 53));
    let honest = packet(macs, (me.ip.into(), victim.ip.into()), said);
    let (received, reason) = liar.tell_n1(&carried(vni(LIES), &honest));
    assert_eq!((received, reason), (vec![victim.port.to_owned()], None));
    let lies = [
        (ip("n1/b-i1"), victim.ip, "another's address"),
        (ip("n2/b-i3"), victim.ip, "that of another node's end"),
        (ip("n1/r-i1"), victim.ip, "the victim's own"),
        (ip("n3/r-i2"), victim.ip, "an end of the other side"),
        ([192, 0, 2, 1].into(), victim.ip, "nobody's"),
        (me.ip, ip("n1/b-w1"), "to its own side"),
        (me.ip, ip("n3/r-i2"), "to an end of another node"),
        (me.ip, ip("n2/r-gw"), "to no end"),
        (victim.ip, me.ip, "the way back, from here to there"),
    ];
    for (source, target, what) in lies {
        let frame = packet(macs, (source.into(), target.into()), said);
        let reason = liar.refused(&carried(vni(LIES), &frame));
        assert_eq!(reason, "peering_deny", "{what}");
    }
    for said in [Said::Udp(53, 4000), Said::Tcp(53, 53, ACK), Said::Icmp(8)] {
        let frame = packet(macs, (me.ip.into(), victim.ip.into()), said);
        assert_eq!(liar.refused(&carried(vni(LIES), &frame)), "peering_deny");
    }
}

#[test]
fn a_node_cannot_reach_a_port_that_is_no_end() {
    let elsewhere = PEERINGS.replace("\"n1/r-i1\", \"n3/r-i2\"", "\"n3/r-i2\"");
    let mut liar = Liar::new(with(&guarded(), &elsewhere));
    let (me, victim) = (guest("n4/b-i5"), guest("n1/r-i1"));
    hello(&mut liar.world, victim, ip("n2/r-gw"));
    let macs = (via(LIES), via(LIES));
    let frame = packet(macs, (me.ip.into(), victim.ip.into()), Said::Udp(4000, 53));
    assert_eq!(liar.refused(&carried(vni(LIES), &frame)), "peering_deny");
}

#[test]
fn a_node_cannot_bring_macs_across_nor_have_them_learned() {
    let (mut liar, me, victim) = liar();
    let ips = (me.ip.into(), victim.ip.into());
    let known = known_to_n1(&liar);
    for macs in [
        (me.mac, via(LIES)),
        (via(LIES), victim.mac),
        (via(LIES), BROADCAST),
        (via(DNS), via(LIES)),
        (via(LIES), via(DNS)),
    ] {
        let frame = packet(macs, ips, Said::Udp(4000, 53));
        let reason = liar.refused(&carried(vni(LIES), &frame));
        assert_eq!(reason, "peering_deny", "{macs:?}");
    }
    let arp = crate::world::frames::who_has("n4/b-i5", victim.ip);
    assert_eq!(liar.refused(&carried(vni(LIES), &arp)), "peering_deny");
    let honest = packet((via(LIES), via(LIES)), ips, Said::Udp(4000, 53));
    let (_, reason) = liar.tell_n1(&carried(vni(LIES), &honest));
    assert_eq!(reason, None);
    assert_eq!(known_to_n1(&liar), known, "nothing was learned");
}

#[test]
fn a_node_cannot_cross_in_a_segment_of_its_own() {
    let (mut liar, me, victim) = liar();
    for (source, number) in [(me.ip, LIES), (ip("n1/b-w1"), DNS)] {
        let target = if number == DNS { UP.ip } else { victim.ip };
        let frame = packet(
            (me.mac, via(number)),
            (source.into(), target.into()),
            Said::Udp(4000, 53),
        );
        let reason = liar.refused(&carried(vni(20_101), &frame));
        assert!(["peering_deny", "ip_spoof"].contains(&reason), "{reason}");
    }
    let theft = packet(
        (via(LIES), BROADCAST),
        (me.ip.into(), [255; 4].into()),
        Said::Udp(1, 1),
    );
    let reason = liar.refused(&carried(vni(20_101), &theft));
    assert_eq!(reason, "peer_mac_spoof");
}
