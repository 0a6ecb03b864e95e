//! What every stage of the datapath costs: port to port, into a tunnel, out of one. Two nodes in
//! memory, frames of 64 bytes, of a full packet, and of forty of those in one.
//!
//! `cargo xtask bench --micro` runs it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "the whole program is a measurement"
)]

mod world;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use skerry_overlay::{
    Change, Checksum, Claim, Ecn, Forwarder, Frame, Offload, Place, Strength, Superframe,
    SuperframeKind,
};
use skerry_policy::{LocalPort, NodeId};

use world::frames::{End, TCP_HEADERS, Template, Transport, UDP_HEADERS};
use world::node::{FDB_LIMIT, NOW, forwarder};
use world::sinks::{Counter, Wire};
use world::site::{Plan, bound_ip, endpoint, mac, node_at};

const SMALL: usize = 64;
/// A packet of 1,390 bytes, and Ethernet's header.
const FULL: usize = 1_390 + 14;
/// TCP payload of a full packet without options, and packets in a superframe.
const SEGMENT: u16 = 1_350;
const SEGMENTS: usize = 40;
/// Frames between two ends of a batch.
const BATCH: usize = 64;

/// Two nodes with two hosts each, who all know each other.
struct Pair {
    near: Forwarder,
    far: Forwarder,
}

impl Pair {
    fn new() -> Self {
        let plan = Plan {
            here: 2,
            peers: 1,
            there: 2,
            gateway: false,
            guarded: true,
        };
        let fabric = plan.fabric();
        let mut pair = Self {
            near: forwarder(&fabric, 0, FDB_LIMIT),
            far: forwarder(&fabric, 1, FDB_LIMIT),
        };
        let mut wire = Wire::default();
        pair.near.handle_timeout(NOW, &mut wire);
        pair.settle(&mut wire);
        for (node, host) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let frame = frame(Transport::Udp, SMALL, (node, host), (node, 1 - host));
            let at = if node == 0 {
                &mut pair.near
            } else {
                &mut pair.far
            };
            at.handle_frame(NOW, LocalPort(host), Frame::plain(&frame), &mut wire);
            pair.settle(&mut wire);
        }
        pair.tell(&wire);
        assert!(pair.near.peers().all(|it| it.has_session), "a tunnel");
        assert!(pair.far.peers().all(|it| it.has_session), "both ways");
        pair
    }

    /// Carries datagrams both ways until nothing moves. What was claimed stays.
    fn settle(&mut self, wire: &mut Wire) {
        self.near.flush(wire);
        self.far.flush(wire);
        while !wire.datagrams.is_empty() {
            let sent = std::mem::take(wire);
            for (to, datagram) in sent.each() {
                let (to, from) = match node_at(to) {
                    0 => (&mut self.near, endpoint(1)),
                    _ => (&mut self.far, endpoint(0)),
                };
                to.handle_datagram(NOW, from, Ecn::NotEct, datagram, wire);
            }
            wire.claims.extend(sent.claims);
            self.near.flush(wire);
            self.far.flush(wire);
        }
    }

    /// As the control protocol does: each hears of the other's hosts.
    fn tell(&mut self, wire: &Wire) {
        let fabric = &self.near.tables().fabric;
        let [near, far] = ["n0", "n1"].map(|name| fabric.node_named(name).unwrap());
        for host in wire.claims.iter().filter(|it| is_here(it)) {
            let [_, _, node, ..] = host.mac.0;
            let at = |place: NodeId| Claim {
                place: Place::Node(place),
                strength: Strength::Pinned,
                ..*host
            };
            match node {
                0 => self.far.apply_claim(NOW, &at(near), &mut Wire::default()),
                _ => self.near.apply_claim(NOW, &at(far), &mut Wire::default()),
            }
        }
    }
}

/// Has a node send frames of its first host into the tunnel: the datagrams.
fn seal(node: &mut Forwarder, bytes: &[u8], offload: Offload, count: usize) -> Wire {
    let mut wire = Wire::default();
    for _ in 0..count {
        let frame = Frame { bytes, offload };
        node.handle_frame(NOW, LocalPort(0), frame, &mut wire);
    }
    node.flush(&mut wire);
    wire
}

const fn is_here(claim: &Claim) -> bool {
    matches!((claim.place, claim.what), (Place::Port(_), Change::Here(_)))
}

fn end((node, host): (u32, u32)) -> End {
    End {
        mac: mac(node, host),
        ip: bound_ip(node, host),
    }
}

fn frame(transport: Transport, length: usize, from: (u32, u32), to: (u32, u32)) -> Vec<u8> {
    let mut template = Template::new(transport, length);
    template.patch(end(from), end(to), 0, 0);
    template.bytes
}

/// Forty full packets in one frame, as a host's kernel hands them over.
fn superframe(from: (u32, u32), to: (u32, u32)) -> (Vec<u8>, Offload) {
    let length = TCP_HEADERS + SEGMENTS * usize::from(SEGMENT);
    let offload = Offload {
        checksum: Some(Checksum {
            start: 34,
            offset: 16,
        }),
        superframe: Some(Superframe {
            kind: SuperframeKind::Tcp4,
            size: SEGMENT,
            ecn: false,
        }),
        valid: false,
    };
    (frame(Transport::Tcp, length, from, to), offload)
}

/// So many bytes of payload in datagrams of so many, as a host hands them over that sends them at once.
fn datagrams(size: u16, count: usize, from: (u32, u32), to: (u32, u32)) -> (Vec<u8>, Offload) {
    let length = UDP_HEADERS + count * usize::from(size);
    let offload = Offload {
        checksum: Some(Checksum {
            start: 34,
            offset: 6,
        }),
        superframe: Some(Superframe {
            kind: SuperframeKind::Udp,
            size,
            ecn: false,
        }),
        valid: false,
    };
    (frame(Transport::Udp, length, from, to), offload)
}

/// The sizes of a frame that is one packet.
const SIZES: [(&str, usize); 2] = [("64 bytes", SMALL), ("a full packet", FULL)];

/// A host's frames, to the other host of its node or to one of the other node.
fn from_a_port(criterion: &mut Criterion, what: &str, to: (u32, u32)) {
    let mut group = criterion.benchmark_group(what);
    let mut pair = Pair::new();
    let mut sink = Counter::default();
    for (name, length) in SIZES {
        let bytes = frame(Transport::Udp, length, (0, 0), to);
        group.throughput(Throughput::Elements(u64::try_from(BATCH).unwrap()));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for _ in 0..BATCH {
                    let frame = Frame::plain(black_box(&bytes));
                    pair.near.handle_frame(NOW, LocalPort(0), frame, &mut sink);
                }
                pair.near.flush(&mut sink);
            });
        });
    }
    let (bytes, offload) = superframe((0, 0), to);
    group.throughput(Throughput::Elements(u64::try_from(SEGMENTS).unwrap()));
    group.bench_function("a superframe", |bencher| {
        bencher.iter(|| {
            let bytes = black_box(&bytes[..]);
            let frame = Frame { bytes, offload };
            pair.near.handle_frame(NOW, LocalPort(0), frame, &mut sink);
            pair.near.flush(&mut sink);
        });
    });
    group.finish();
    check(&pair.near, &sink);
}

/// Nothing was refused on the way.
fn check(forwarder: &Forwarder, sink: &Counter) {
    assert!(sink.effects > 0, "frames went somewhere");
    let counters = forwarder.counters();
    for (number, port) in counters.ports.iter().enumerate() {
        let refused = port.ingress_drops.total() + port.egress_drops.total();
        assert_eq!(refused, 0, "port {number}: {port:?}");
    }
    for peer in &counters.peers {
        assert_eq!(
            peer.drops.total() + peer.egress_drops.total(),
            0,
            "{peer:?}"
        );
    }
}

fn port_to_port(criterion: &mut Criterion) {
    from_a_port(criterion, "from port to port", (0, 1));
}

fn into_a_tunnel(criterion: &mut Criterion) {
    from_a_port(criterion, "from a port into a tunnel", (1, 0));
}

fn out_of_a_tunnel(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("out of a tunnel to a port");
    let mut pair = Pair::new();
    let mut sink = Counter::default();
    let small = frame(Transport::Udp, SMALL, (0, 0), (1, 0));
    let full = frame(Transport::Udp, FULL, (0, 0), (1, 0));
    let (long, offload) = superframe((0, 0), (1, 0));
    let (burst, of_udp) = datagrams(22, BATCH, (0, 0), (1, 0));
    let (mut one, of_one) = datagrams(22, 1, (0, 0), (1, 0));
    one[20] = 0;
    let alone = Offload {
        superframe: None,
        ..of_one
    };
    let cases = [
        ("64 bytes", small, Offload::NONE, BATCH, BATCH),
        ("64 bytes that are joined", burst, of_udp, 1, BATCH),
        // Of one number for all, may be fragmented: held, and not joined.
        ("64 bytes that might be", one, alone, BATCH, BATCH),
        ("a full packet", full, Offload::NONE, BATCH, BATCH),
        ("a batch that is joined", long, offload, 1, SEGMENTS),
    ];
    for (name, bytes, offload, frames, packets) in cases {
        group.throughput(Throughput::Elements(u64::try_from(packets).unwrap()));
        group.bench_function(name, |bencher| {
            // No datagram is opened twice, so each is sealed before, and not measured.
            let Pair { near, far } = &mut pair;
            bencher.iter_batched_ref(
                || seal(near, &bytes, offload, frames),
                |wire| {
                    for (_, datagram) in wire.each() {
                        far.handle_datagram(NOW, endpoint(0), Ecn::NotEct, datagram, &mut sink);
                    }
                    far.flush(&mut sink);
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
    check(&pair.far, &sink);
}

criterion_group!(stages, port_to_port, into_a_tunnel, out_of_a_tunnel);
criterion_main!(stages);
