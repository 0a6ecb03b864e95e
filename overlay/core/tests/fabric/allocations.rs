//! Once everybody is known, no frame costs an allocation: neither on its way in nor out, whole or
//! in pieces, to one or to all, answered or refused.

use std::net::SocketAddr;
use std::time::Duration;

use allocation_counter::measure;
use skerry_overlay::{Claim, Ecn, Frame, Offload, Onward, Refused, Sink, Transmit};
use skerry_policy::{LocalPort, NodeId};

use crate::world::frames::{BROADCAST, ip, mac, saying, tcp4, udp, udp_as, udp4, who_has};
use crate::world::{World, guarded};

const FROM: &str = "n1/b-w1";
const TO: &str = "n2/b-w2";

/// A network that is a buffer, and ports that count.
struct Still {
    bytes: Vec<u8>,
    lengths: Vec<(SocketAddr, usize)>,
    said: Vec<Ecn>,
    delivered: u64,
}

impl Still {
    fn new() -> Self {
        Self {
            bytes: Vec::with_capacity(1 << 20),
            lengths: Vec::with_capacity(1 << 12),
            said: Vec::with_capacity(1 << 12),
            delivered: 0,
        }
    }
}

impl Sink for Still {
    fn deliver(&mut self, _: LocalPort, _: Frame<'_>) -> Result<(), Refused> {
        self.delivered += 1;
        Ok(())
    }

    fn transmit(&mut self, datagrams: Transmit<'_>) {
        for datagram in datagrams.bytes.chunks(datagrams.size) {
            self.bytes.extend_from_slice(datagram);
            self.lengths.push((datagrams.to, datagram.len()));
            self.said.push(datagrams.ecn);
        }
    }

    fn handoff(&mut self, _: Onward, _: Frame<'_>) -> Result<(), Refused> {
        panic!("every forwarder here owns its lanes")
    }

    fn control(&mut self, _: NodeId, _: SocketAddr, _: &[u8]) {}

    fn claim(&mut self, _: Claim) {}
}

/// A guest of n1 sends; n2 takes what comes out for it. How much was delivered at both.
fn carry(world: &mut World, sink: &mut Still, from: LocalPort, frame: Frame<'_>) -> u64 {
    let (there, source): (SocketAddr, SocketAddr) = (
        "198.51.100.2:51820".parse().unwrap(),
        "198.51.100.1:51820".parse().unwrap(),
    );
    sink.bytes.clear();
    sink.lengths.clear();
    sink.said.clear();
    let (now, before) = (world.now, sink.delivered);
    let [n1, n2, ..] = &mut world.nodes[..] else {
        panic!("four nodes")
    };
    n1.forwarder.handle_frame(now, from, frame, sink);
    n1.forwarder.flush(sink);
    // What is sent meanwhile stands behind it.
    let (end, mut at) = (sink.lengths.len(), 0);
    for nth in 0..end {
        let (to, length) = sink.lengths[nth];
        let mut datagram = [0; 2_048];
        datagram[..length].copy_from_slice(&sink.bytes[at..at + length]);
        at += length;
        if to == there {
            let ecn = sink.said[nth];
            // The underlay marks what it may.
            let ecn = if ecn.is_capable() { Ecn::Ce } else { ecn };
            n2.forwarder
                .handle_datagram(now, source, ecn, &datagram[..length], sink);
        }
    }
    n2.forwarder.flush(sink);
    sink.delivered - before
}

/// 32,000 bytes of TCP, as a guest's kernel hands them over.
fn superframe() -> (Vec<u8>, Offload) {
    let mut bytes = Vec::new();
    etherparse::PacketBuilder::ethernet2(mac(FROM).0, mac(TO).0)
        .ipv4(ip(FROM).octets(), ip(TO).octets(), 64)
        .tcp(4_000, 5_000, 1_000, 1_000)
        .ack(1)
        .write(&mut bytes, &[7; 32_000])
        .unwrap();
    let offload = tcp4(1_338);
    (bytes, offload)
}

/// The same of a host that hears of congestion: the underlay marks it.
fn marked() -> (Vec<u8>, Offload) {
    let (bytes, offload) = superframe();
    (saying(bytes, Ecn::Ect0), offload)
}

/// A frame, and how often it is delivered; to how many a broadcast goes is not the point here.
type Case = (&'static str, (Vec<u8>, Offload), Option<u64>);

/// A packet that opens a connection, and names a segment size that the fabric does not carry.
fn syn() -> Vec<u8> {
    let size = etherparse::TcpOptionElement::MaximumSegmentSize(1460);
    let mut bytes = Vec::new();
    etherparse::PacketBuilder::ethernet2(mac(FROM).0, mac(TO).0)
        .ipv4(ip(FROM).octets(), ip(TO).octets(), 64)
        .tcp(4_000, 5_000, 1_000, 1_000)
        .syn()
        .options(&[size])
        .unwrap()
        .write(&mut bytes, &[])
        .unwrap();
    bytes
}

/// 64 datagrams of 500 bytes.
fn burst() -> (Vec<u8>, Offload) {
    let bytes = udp(FROM, mac(TO), ip(TO), &[7; 32_000]);
    (bytes, udp4(500))
}

fn cases() -> [Case; 10] {
    let plain = |bytes| (bytes, Offload::NONE);
    let denied = udp(FROM, mac("n1/b-i1"), ip("n1/b-i1"), b"no");
    let foreign = udp_as(mac(FROM), [192, 0, 2, 9].into(), mac(TO), ip(TO), b"no");
    [
        ("a superframe", superframe(), Some(1)),
        ("a superframe that is marked", marked(), Some(1)),
        ("a burst", burst(), Some(1)),
        (
            "a packet",
            plain(udp(FROM, mac(TO), ip(TO), &[1; 1_000])),
            Some(1),
        ),
        (
            "a broadcast",
            plain(udp(FROM, BROADCAST, ip(TO), b"all")),
            None,
        ),
        ("a question", plain(who_has(FROM, ip("n1/b-gw"))), Some(1)),
        ("a connection that opens", plain(syn()), Some(1)),
        (
            "what is too big",
            plain(udp(FROM, mac(TO), ip(TO), &[1; 1_400])),
            Some(1),
        ),
        ("a denied neighbour", plain(denied), Some(0)),
        ("a foreign address", plain(foreign), Some(0)),
    ]
}

#[test]
fn no_mark_in_a_long_queue_costs_an_allocation() {
    let mut world = World::joining(&guarded());
    for port in [TO, FROM] {
        world.send(port, &udp(port, BROADCAST, [255; 4].into(), b"hello"));
    }
    let (_, from) = world.place(FROM);
    let mut sink = Still::new();
    let (bytes, offload) = &marked();
    let mut step = |world: &mut World| {
        // The next mark is due by then.
        world.now = world.now + Duration::from_millis(500);
        let now = world.now;
        world.nodes[0]
            .forwarder
            .port_read(now, from, 64 << 20, false);
        let offload = *offload;
        assert_eq!(carry(world, &mut sink, from, Frame { bytes, offload }), 1);
    };
    step(&mut world);
    let counted = measure(|| (0..20).for_each(|_| step(&mut world)));
    assert_eq!(counted.count_total, 0, "{counted:?}");
    assert_eq!(world.port_counters(FROM).marked, 21 * 24);
}

#[test]
fn no_frame_costs_an_allocation() {
    let mut world = World::joining(&guarded());
    for port in ["n1/b-gw", "n2/b-w2", "n1/b-w1", "n1/b-i1"] {
        world.send(port, &udp(port, BROADCAST, [255; 4].into(), b"hello"));
        world.send(port, &who_has(port, ip("n1/b-gw")));
    }
    let (_, from) = world.place(FROM);
    let mut sink = Still::new();
    for (what, (bytes, offload), expect) in &cases() {
        let (bytes, offload) = (&bytes[..], *offload);
        // Buffers are taken once, by the first.
        let delivered = carry(&mut world, &mut sink, from, Frame { bytes, offload });
        assert!(
            expect.is_none_or(|it| it == delivered),
            "{what}: {delivered}"
        );
        let counted = measure(|| {
            for _ in 0..20 {
                carry(&mut world, &mut sink, from, Frame { bytes, offload });
            }
        });
        assert_eq!(counted.count_total, 0, "{what}: {counted:?}");
    }
}
