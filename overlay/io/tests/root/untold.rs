//! What a `virtio_net_hdr` has no words for: a guest's own tunnels, and SCTP.

use std::net::Ipv4Addr;

use skerry_overlay::{Checksum, DropReason, FRAME_MAX, Frame, Offload};
use skerry_overlay_io::{OffloadSwitches, PortManager, PortOptions};

use crate::dataplane::{Node, setup};
use crate::pump::tcp;
use crate::world::{
    Guest, add_address, eventually, handle, index, manager, on_a_machine, only_port, set_up, veth,
};

const OUTER: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)];
const INNER: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 9, 0, 1), Ipv4Addr::new(10, 9, 0, 2)];

/// A VXLAN of the guests' own, over the interfaces that their ports are.
fn tunnel(guest: &Guest, remote: Ipv4Addr, inner: Ipv4Addr) {
    guest.netlink(async || {
        let tunnel = rtnetlink::LinkVxlan::new("tunnel", 42)
            .dev(index("eth0").await)
            .remote(remote)
            .port(4789)
            .build();
        handle().link().add(tunnel).execute().await.unwrap();
        add_address("tunnel", inner).await;
        set_up("tunnel").await;
    });
}

#[test]
fn tcp_in_a_tunnel_of_the_guests_own_loses_no_superframe() {
    on_a_machine(async |world| {
        let guests = [world.guest("g1"), world.guest("g2")];
        let tables = world.tables(&[&veth("a", "g1"), &veth("b", "g2")]);
        let offload = OffloadSwitches::default();
        let node = Node::start("n1", setup(1, &tables, "127.0.0.1:0", 1, offload)).await;
        for (number, guest) in guests.iter().enumerate() {
            guest.address("eth0", OUTER[number]);
            tunnel(guest, OUTER[1 - number], INNER[number]);
        }
        let [g1, g2] = &guests;
        tcp(g1, g2, INNER[1], 2 << 20);
        tcp(g2, g1, INNER[0], 2 << 20);
        let snapshot = node.dataplane.snapshot().await.unwrap();
        for port in &snapshot.counters.ports {
            assert!(port.frames_in > 100, "{port:#?}");
            assert_eq!(port.ingress_drops.get(DropReason::OffloadBad), 0);
        }
        node.stop().await;
    });
}

/// An SCTP packet of one chunk, with this checksum.
fn sctp(sum: [u8; 4]) -> Vec<u8> {
    let mut packet = vec![0x1f, 0x90, 0x1f, 0x91, 0, 0, 0, 7];
    packet.extend(sum);
    packet.extend([3, 0, 0, 16, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
    let builder = etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64);
    let mut bytes = Vec::new();
    let number = etherparse::IpNumber::SCTP;
    builder.write(&mut bytes, number, &packet).unwrap();
    bytes
}

#[test]
fn sctp_of_a_guest_comes_in_with_its_checksum() {
    on_a_machine(async |world| {
        let guest = world.guest("g1");
        let mut manager = manager().await;
        let mut port = only_port(&mut manager, &world.tables(&[&veth("a", "g1")])).await;
        // The guest's kernel may have no SCTP, so it is sent as one that has it would.
        let nic = world.tables(&["g = { as = \"blue.promiscuous\", attach = { nic = \"eth0\" } }"]);
        let mut kernel = guest.netlink(async || {
            let mut inside = PortManager::start("n1", PortOptions::default()).await;
            only_port(inside.as_mut().unwrap(), &nic).await
        });
        let bytes = sctp([0; 4]);
        let offload = Offload {
            checksum: Some(Checksum {
                start: 34,
                offset: 8,
            }),
            ..Offload::NONE
        };
        let frame = Frame {
            bytes: &bytes,
            offload,
        };
        kernel.queues[0].tx.send(frame).unwrap();
        let mut buf = vec![0; FRAME_MAX];
        let mut came = None;
        eventually("the packet arrives", async || {
            let read = port.queues[0].rx.recv(&mut buf).unwrap();
            let ours = read.filter(|&(len, _)| len == bytes.len() && buf[23] == 132);
            came = came.or(ours);
            came.is_some()
        })
        .await;
        // By a bit-by-bit CRC32c.
        assert_eq!(buf[..bytes.len()], sctp([0xee, 0xe1, 0x91, 0xb8]));
        assert_eq!(came, Some((bytes.len(), Offload::NONE)));
        drop(kernel);
        manager.close().await;
    });
}
