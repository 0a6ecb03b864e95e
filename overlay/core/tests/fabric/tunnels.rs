//! Nodes that lie: what an authenticated peer may put into its tunnel, and what the underlay may
//! throw at a node. The packets are built by hand and sealed with the liar's own key.

use std::net::SocketAddr;

use skerry_overlay::{DropReason, Ecn, Lanes, MESSAGE_MAX, Opened, Scratch};
use skerry_policy::{Mac, NodeId};

use crate::world::frames::{BROADCAST, REPLY, arp, ip, mac, plain, udp_as};
use crate::world::{Recorder, World, fabric, guarded, open, secret};

const N4: &str = "198.51.100.4:51820";

/// A liar with the key of n4 and nothing else of it.
pub(crate) struct Liar {
    pub(crate) world: World,
    lanes: Lanes,
    room: Scratch,
    recorder: Recorder,
    site: String,
}

impl Liar {
    pub(crate) fn new(site: String) -> Self {
        let world = World::new(&site);
        let lanes = Lanes::new(secret(4), 0, 0xbad);
        let mut liar = Self {
            world,
            lanes,
            room: Scratch::default(),
            recorder: Recorder::default(),
            site,
        };
        let fabric = fabric(&liar.site);
        let me = fabric.node_named("n4").unwrap();
        liar.lanes.install(liar.world.now, &fabric, me);
        liar.lanes
            .handle_timeout(liar.world.now, &mut liar.recorder);
        for _ in 0..3 {
            liar.exchange();
        }
        liar
    }

    fn node(&self, name: &str) -> NodeId {
        fabric(&self.site).node_named(name).unwrap()
    }

    /// Carries datagrams between the liar and the others.
    fn exchange(&mut self) {
        let from: SocketAddr = N4.parse().unwrap();
        self.lanes.flush(&mut self.recorder);
        let sent: Vec<_> = self.recorder.sent.drain(..).collect();
        for (to, ecn, datagram) in sent {
            let index = usize::from(to.to_string().as_bytes()[11] - b'1');
            let now = self.world.now;
            let node = &mut self.world.nodes[index];
            node.forwarder
                .handle_datagram(now, from, ecn, &datagram, &mut node.recorder);
            node.forwarder.flush(&mut node.recorder);
        }
        for index in 0..3 {
            let source = format!("198.51.100.{}:51820", index + 1).parse().unwrap();
            let node = &mut self.world.nodes[index];
            let sent: Vec<_> = node.recorder.sent.drain(..).collect();
            for (to, _, datagram) in sent {
                if to == from {
                    let now = self.world.now;
                    let _opened: Opened<'_> =
                        self.lanes
                            .open(now, source, &datagram, &mut self.room, &mut self.recorder);
                }
            }
        }
    }

    /// Sends one packet into the tunnel to n1: what it was dropped for there, if it was.
    #[track_caller]
    pub(crate) fn tell_n1(&mut self, packet: &[u8]) -> (Vec<String>, Option<&'static str>) {
        let n4 = self.node("n4");
        let before = self.world.counters(0).peers[n4.index()].clone();
        self.world.forget();
        let mut padded = packet.to_vec();
        padded.resize(packet.len().next_multiple_of(16), 0);
        // It runs the same policy, or says so.
        let tables = self.world.nodes[0].forwarder.tables();
        padded[4..6].copy_from_slice(&tables.fabric.digest.0[..2]);
        let n1 = self.node("n1");
        self.lanes
            .seal(self.world.now, n1, &padded, &mut self.recorder)
            .expect("sealed");
        self.exchange();
        self.world.check_balance();
        let after = &self.world.counters(0).peers[n4.index()];
        assert_eq!(
            after.frames_in,
            before.frames_in + 1,
            "it arrived and was counted"
        );
        let reason = after
            .drops
            .iter()
            .find(|&(reason, n)| n != before.drops.get(reason))
            .map(|(reason, _)| reason.name());
        let received = self
            .world
            .received()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        (received, reason)
    }

    #[track_caller]
    pub(crate) fn refused(&mut self, packet: &[u8]) -> &'static str {
        let (received, reason) = self.tell_n1(packet);
        assert_eq!(received, Vec::<String>::new());
        reason.expect("a reason")
    }
}

/// VXLAN over UDP over IPv4 from n4 to n1.
pub(crate) fn carried(header: [u8; 8], frame: &[u8]) -> Vec<u8> {
    let payload = [&header[..], frame].concat();
    carried_raw([100, 64, 0, 4], 4789, &payload)
}

fn carried_raw(source: [u8; 4], port: u16, payload: &[u8]) -> Vec<u8> {
    let builder = etherparse::PacketBuilder::ipv4(source, [100, 64, 0, 1], 64).udp(50_000, port);
    let mut packet = Vec::new();
    builder.write(&mut packet, payload).unwrap();
    packet
}

pub(crate) fn vni(number: u32) -> [u8; 8] {
    let [_, a, b, c] = number.to_be_bytes();
    [8, 0, 0, 0, a, b, c, 0]
}

fn frame() -> Vec<u8> {
    plain(mac("n4/b-i5"), BROADCAST, "from n4")
}

#[test]
fn f01_f02_a_node_sends_only_its_own_segments() {
    let mut liar = Liar::new(open());
    for (number, reason) in [
        (20_100, "vni_denied"),
        (20_102, "vni_denied"),
        (21_101, "vni_denied"),
        (99, "vni_unknown"),
        (0, "vni_unknown"),
    ] {
        assert_eq!(
            liar.refused(&carried(vni(number), &frame())),
            reason,
            "VNI {number}"
        );
    }
    let (received, reason) = liar.tell_n1(&carried(vni(20_101), &frame()));
    assert_eq!(
        (received, reason),
        (vec!["n1/b-gw".to_owned()], None),
        "its own does pass"
    );
}

#[test]
fn f06_flags_other_than_the_vni_flag_are_refused() {
    let mut liar = Liar::new(open());
    for flags in [0x88, 0x00, 0x09] {
        let mut header = vni(20_101);
        header[0] = flags;
        assert_eq!(
            liar.refused(&carried(header, &frame())),
            "vxlan_flags",
            "{flags:#x}"
        );
    }
    let mut reserved = vni(20_101);
    reserved[7] = 1;
    assert_eq!(liar.refused(&carried(reserved, &frame())), "vxlan_flags");
}

#[test]
fn f07_a_tag_inside_the_tunnel_is_refused() {
    let mut liar = Liar::new(open());
    for tag in [&[0x81, 0, 0, 0][..], &[0x88, 0xa8, 0, 5, 0x81, 0, 0, 5]] {
        let mut tagged = frame();
        tagged.splice(12..12, tag.iter().copied());
        assert_eq!(liar.refused(&carried(vni(20_101), &tagged)), "inner_vlan");
    }
}

#[test]
fn packets_that_are_not_from_the_peer_to_this_node_are_refused() {
    let mut liar = Liar::new(open());
    let payload = [&vni(20_101)[..], &frame()].concat();
    assert_eq!(
        liar.refused(&carried_raw([100, 64, 0, 2], 4789, &payload)),
        "outer_src"
    );
    assert_eq!(
        liar.refused(&carried_raw([100, 64, 0, 4], 4790 + 9, &payload)),
        "vxlan_short"
    );
    assert_eq!(
        liar.refused(&carried_raw([100, 64, 0, 4], 4789, &[8, 0, 0])),
        "vxlan_short"
    );
    assert_eq!(liar.refused(&carried(vni(20_101), &[2; 13])), "runt");
    assert_eq!(
        liar.refused(&carried(vni(20_101), &vec![2; 1500])),
        "oversize"
    );
}

#[test]
fn a_node_cannot_take_an_address_that_is_elsewhere() {
    let mut liar = Liar::new(guarded());
    for port in ["n1/b-i1", "n2/b-i3"] {
        let hello = udp_as(mac(port), ip(port), BROADCAST, [255; 4].into(), b"hello");
        liar.world.send(port, &hello);
    }
    for victim in ["n1/b-gw", "n1/b-i1", "n2/b-i3"] {
        let theft = udp_as(
            mac(victim),
            ip("n4/b-i5"),
            BROADCAST,
            [255; 4].into(),
            b"mine",
        );
        let reason = liar.refused(&carried(vni(20_101), &theft));
        assert_eq!(reason, "peer_mac_spoof", "{victim}");
    }
}

#[test]
fn a_node_speaks_only_for_addresses_of_its_own_ports() {
    let mut liar = Liar::new(guarded());
    let me = mac("n4/b-i5");
    let spoofed = udp_as(me, ip("n1/b-i1"), BROADCAST, [255; 4].into(), b"x");
    assert_eq!(liar.refused(&carried(vni(20_101), &spoofed)), "ip_spoof");
    let claim = arp(me, BROADCAST, REPLY, (me, ip("n1/b-gw")), ip("n1/b-i1"));
    assert_eq!(liar.refused(&carried(vni(20_101), &claim)), "arp_spoof");
}

#[test]
fn a_node_cannot_fill_the_table() {
    let mut liar = Liar::new(guarded());
    let source = |number: u8| Mac([2, 0xf1, 0, 0, 0, number]);
    let build = |number| {
        carried(
            vni(20_101),
            &udp_as(
                source(number),
                ip("n4/b-i5"),
                BROADCAST,
                [255; 4].into(),
                b"",
            ),
        )
    };
    let (received, reason) = liar.tell_n1(&build(0));
    assert_eq!((received.len(), reason), (1, None));
    for number in 1..50 {
        assert_eq!(
            liar.refused(&build(number)),
            "mac_limit",
            "n4 has one port of one address"
        );
    }
}

#[test]
fn what_comes_out_of_a_tunnel_never_goes_into_one() {
    let mut liar = Liar::new(open());
    liar.world
        .send("n2/b-i3", &plain(mac("n2/b-i3"), BROADCAST, "here"));
    liar.world
        .send("n3/b-p2", &plain(mac("n3/b-p2"), BROADCAST, "here"));
    let known = plain(mac("n4/b-i5"), mac("n3/b-p2"), "to p2 by way of n1");
    assert_eq!(liar.refused(&carried(vni(20_101), &known)), "split_horizon");
    assert_eq!(liar.world.carried.len(), 0);
    let (received, _) = liar.tell_n1(&carried(vni(20_101), &frame()));
    assert_eq!(received, ["n1/b-gw"], "a broadcast stays here as well");
    assert_eq!(liar.world.carried.len(), 0);
}

#[test]
fn the_underlay_may_send_anything() {
    let mut world = World::new(&open());
    let from: SocketAddr = "203.0.113.9:9".parse().unwrap();
    let before = world.counters(0).underlay_drops.total();
    let mut expected = before;
    let junk: Vec<Vec<u8>> = vec![
        vec![],
        vec![0],
        vec![4, 0, 0, 0],
        vec![0xff; 65_507],
        [&[4, 0, 0, 0, 1, 2, 3, 4][..], &[0; 65_499]].concat(),
        vec![1; 148],
        [&[1, 0, 0, 0][..], &[0; 144]].concat(),
        [&[2, 0, 0, 0][..], &[0; 88]].concat(),
        [&[3, 0, 0, 0][..], &[0; 60]].concat(),
    ];
    for datagram in &junk {
        expected += 1;
        let now = world.now;
        let node = &mut world.nodes[0];
        node.forwarder
            .handle_datagram(now, from, Ecn::NotEct, datagram, &mut node.recorder);
        let drops = &world.counters(0).underlay_drops;
        assert_eq!(
            drops.total(),
            expected,
            "one counter for {} bytes",
            datagram.len()
        );
        assert_eq!(
            drops.get(DropReason::WgAuth) + drops.get(DropReason::WgReplay),
            expected
        );
    }
    assert_eq!(world.nodes[0].recorder.sent, [], "and no answer");
}

#[test]
fn a_node_that_talks_too_much_is_not_listened_to() {
    let mut world = World::new(&guarded());
    let (teller, listener) = (world.nodes[3].id, world.nodes[0].id);
    for message in [&[7; MESSAGE_MAX + 1][..]]
        .into_iter()
        .chain([&b"word"[..]; 2_000])
    {
        let node = &mut world.nodes[3];
        let sent = node
            .forwarder
            .send_control(world.now, listener, message, &mut node.recorder);
        assert_eq!(sent, Ok(()));
        world.settle();
    }
    let heard = &world.nodes[0].recorder.control;
    assert!(heard.iter().all(|(_, message)| message == b"word"));
    let heard = heard.len();
    assert_eq!(heard, 501, "a second's worth, and none that is too long");
    let peer = &world.counters(0).peers[teller.index()];
    assert_eq!((peer.control_in, peer.control_refused), (2_001, 1_500));
    let node = &mut world.nodes[1];
    let sent = node
        .forwarder
        .send_control(world.now, listener, b"another", &mut node.recorder);
    assert_eq!(sent, Ok(()));
    world.settle();
    assert_eq!(world.nodes[0].recorder.control.len(), heard + 1);
}
