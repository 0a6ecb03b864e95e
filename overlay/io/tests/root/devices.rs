//! Every backend passes frames and superframes, with checksums that a kernel accepts, and is
//! gone without a trace afterwards.

use std::net::Ipv4Addr;
use std::sync::atomic::Ordering;

use rtnetlink::LinkUnspec;
use skerry_overlay::{FRAME_MAX, Frame};
use skerry_overlay_io::{Backend, OffloadSwitches, Port, PortOptions, Switch};

use crate::pump::{Wire, tcp, udp};
use crate::world::{
    Guest, World, add_address, eventually, handle, index, link, make_pair, manager, manager_with,
    names, on_a_machine, only_port, set_up, tap, veth,
};

const ONE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const TWO: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// Two guests behind ports of two backends, joined, moving data both ways.
async fn carries(
    world: &World,
    one: Port,
    other: Port,
    guests: [&Guest; 2],
    devices: [&str; 2],
) -> u64 {
    let _ = world;
    guests[0].address(devices[0], ONE);
    guests[1].address(devices[1], TWO);
    let wire = Wire::between(one, other);
    tcp(guests[0], guests[1], TWO, 4 << 20);
    tcp(guests[1], guests[0], ONE, 4 << 20);
    udp(
        guests[0],
        guests[1],
        ONE,
        TWO,
        &[0, 1, 17, 1300, 1400, 8000, 60_000],
    );
    udp(
        guests[1],
        guests[0],
        TWO,
        ONE,
        &[0, 1, 17, 1300, 1400, 8000, 60_000],
    );
    wire.superframes.load(Ordering::Relaxed)
}

fn options(backend: Backend, tap: Switch) -> PortOptions {
    PortOptions {
        offload: OffloadSwitches {
            tap,
            ..OffloadSwitches::default()
        },
        backend,
        queues: 1,
    }
}

/// One port under one set of options, the other under another.
fn pair(one: (&str, PortOptions), other: (&str, PortOptions), superframes: bool) {
    on_a_machine(async |world| {
        let guests = [world.guest("g1"), world.guest("g2")];
        let mut first = manager_with(one.1).await;
        let mut second = skerry_overlay_io::PortManager::start("n2", other.1)
            .await
            .unwrap();
        let a = only_port(&mut first, &world.tables(&[one.0])).await;
        let b = only_port(&mut second, &world.tables(&[other.0])).await;
        assert!(a.up && b.up, "{a:?} {b:?}");
        let [g1, g2] = &guests;
        let seen = carries(&world, a, b, [g1, g2], ["eth0", "eth0"]).await;
        assert_eq!(seen > 0, superframes, "{seen} superframes");
        first.close().await;
        second.close().await;
        assert_eq!(names().await, Vec::<String>::new());
        assert_eq!((g1.link("eth0"), g2.link("eth0")), (None, None));
    });
}

fn auto() -> PortOptions {
    PortOptions::default()
}

#[test]
fn a_veth_and_a_veth_pass_superframes() {
    pair((&veth("a", "g1"), auto()), (&veth("b", "g2"), auto()), true);
}

#[test]
fn a_tap_and_a_veth_pass_superframes() {
    pair((&tap("a", "g1"), auto()), (&veth("b", "g2"), auto()), true);
}

#[test]
fn a_tap_and_a_tap_pass_superframes() {
    pair((&tap("a", "g1"), auto()), (&tap("b", "g2"), auto()), true);
}

#[test]
fn a_tap_without_offloads_finishes_every_frame() {
    let off = options(Backend::Packet, Switch::Off);
    pair((&tap("a", "g1"), off), (&tap("b", "g2"), off), false);
}

#[test]
fn superframes_of_a_veth_are_cut_in_software_for_datalink() {
    let datalink = options(Backend::Datalink, Switch::Auto);
    pair(
        (&veth("a", "g1"), auto()),
        (&veth("b", "g2"), datalink),
        true,
    );
}

#[test]
fn datalink_and_datalink_pass_finished_frames() {
    let datalink = options(Backend::Datalink, Switch::Auto);
    pair(
        (&veth("a", "g1"), datalink),
        (&veth("b", "g2"), datalink),
        false,
    );
}

#[test]
fn a_tag_that_the_kernel_took_out_is_put_back() {
    on_a_machine(async |world| {
        let guest = world.guest("g1");
        let mut manager = manager().await;
        let mut port = only_port(&mut manager, &world.tables(&[&veth("a", "g1")])).await;
        let socket = guest.socket("eth0");
        let mut frame = vec![0xff; 12];
        frame.extend([0x81, 0x00, 0x20, 0x0a, 0x88, 0xb5]);
        frame.extend([7; 60]);
        frame[6] = 2;
        socket.send(&frame).unwrap();
        let mut buf = vec![0; FRAME_MAX];
        eventually(
            "the tagged frame arrives as it was sent",
            async || matches!(port.queues[0].rx.recv(&mut buf), Ok(Some((len, _))) if buf[..len] == frame),
        )
        .await;
        port.queues[0].tx.send(Frame::plain(&frame)).unwrap();
        let mut back = vec![0; 2000];
        eventually("the tagged frame reaches the guest", async || {
            socket
                .receive(&mut back)
                .unwrap()
                .is_some_and(|len| len >= 72)
        })
        .await;
        manager.close().await;
    });
}

#[test]
fn a_nic_is_given_back_as_it_was() {
    for was_up in [false, true] {
        on_a_machine(async |world| {
            make_pair("nic", "wire").await;
            set_up("wire").await;
            if was_up {
                set_up("nic").await;
            }
            let before = link("nic").await;
            let mut manager = manager().await;
            let nic = "a = { as = \"blue.promiscuous\", attach = { nic = \"nic\" } }";
            let port = only_port(&mut manager, &world.tables(&[nic])).await;
            let during = link("nic").await.unwrap();
            assert!(during.up && during.promiscuous && port.up, "{during:?}");
            drop(port);
            manager.close().await;
            assert_eq!(link("nic").await, before, "was up: {was_up}");
        });
    }
}

#[test]
fn a_veth_speaks_for_no_host_and_its_guest_has_the_bound_address() {
    on_a_machine(async |world| {
        let guest = world.guest("g1");
        let port = "a = { as = \"blue.promiscuous\", mac = \"02:00:00:00:00:07\", attach = { veth = \"eth0\", netns = \"@g1\" } }";
        let mut manager = manager().await;
        let _port = only_port(&mut manager, &world.tables(&[port])).await;
        let far = guest.link("eth0").unwrap();
        assert_eq!(
            (far.mac.as_slice(), far.up),
            (&[2, 0, 0, 0, 0, 7][..], true)
        );
        let near = link("a").await.unwrap();
        assert_eq!(near.addresses, Vec::<std::net::IpAddr>::new());
        for (option, value) in [("arp_ignore", "8"), ("rp_filter", "1"), ("forwarding", "0")] {
            let path = format!("/proc/sys/net/ipv4/conf/a/{option}");
            assert_eq!(
                std::fs::read_to_string(&path).unwrap().trim(),
                value,
                "{path}"
            );
        }
        manager.close().await;
    });
}

/// Its neighbours' ARP and the other nodes' MAC tables go on after a restart.
#[test]
fn a_guest_without_a_bound_address_has_the_same_in_every_life() {
    on_a_machine(async |world| {
        let guests = [world.guest("g1"), world.guest("g2"), world.guest("g3")];
        let own = "own = { as = \"blue.promiscuous\", mac = \"02:00:00:00:00:07\", attach = { tap = \"own\" } }";
        let ports = [&veth("a", "g1"), &veth("b", "g2"), &tap("c", "g3"), own];
        let tables = world.tables(&ports);
        let mut lives = Vec::new();
        for _ in 0..2 {
            let mut manager = manager().await;
            let _ports = manager.prepare(&tables).await.unwrap();
            let mut macs: Vec<_> = guests
                .iter()
                .map(|guest| guest.link("eth0").unwrap().mac)
                .collect();
            macs.push(link("own").await.unwrap().mac);
            lives.push(macs);
            manager.close().await;
        }
        let [first, second] = lives.as_slice() else {
            panic!("{lives:?}");
        };
        assert_eq!(first, second);
        for (index, mac) in first.iter().enumerate() {
            assert_eq!(mac[0] & 3, 2, "local, and of one station: {mac:x?}");
            assert!(!first[..index].contains(mac), "{first:x?}");
        }
        assert_ne!(first[3], [2, 0, 0, 0, 0, 7], "that is the guest's");
    });
}

/// What a guest has made of its own interface is adopted as it is.
#[test]
fn a_guest_that_chose_another_address_keeps_it_when_it_is_adopted() {
    on_a_machine(async |world| {
        let guest = world.guest("g1");
        let tables = world.tables(&[&veth("a", "g1")]);
        let mut first = manager().await;
        let _port = only_port(&mut first, &tables).await;
        let chosen = vec![2, 0, 0, 0, 0, 9];
        guest.netlink(async || {
            let change = LinkUnspec::new_with_index(index("eth0").await);
            let change = change.address(vec![2, 0, 0, 0, 0, 9]).build();
            handle().link().set(change).execute().await.unwrap();
        });
        drop(first);
        let mut second = manager().await;
        let _port = only_port(&mut second, &tables).await;
        assert_eq!(guest.link("eth0").unwrap().mac, chosen);
        second.close().await;
    });
}

/// An ARP request for `target` from 192.0.2.2.
fn arp_request(target: Ipv4Addr) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend([2, 0, 0, 0, 0, 9, 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend([2, 0, 0, 0, 0, 9, 192, 0, 2, 2, 0, 0, 0, 0, 0, 0]);
    frame.extend(target.octets());
    frame.resize(60, 0);
    frame
}

#[test]
fn the_nodes_own_stack_neither_answers_nor_hears_a_guest() {
    on_a_machine(async |world| {
        let guest = world.guest("g1");
        // The node's own network, which has the guest's addresses too: the worst case.
        let node = Ipv4Addr::new(192, 0, 2, 1);
        make_pair("uplink", "network").await;
        for device in ["uplink", "network"] {
            set_up(device).await;
        }
        add_address("uplink", node).await;
        let service = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 6000)).unwrap();
        service.set_nonblocking(true).unwrap();
        let mut manager = manager().await;
        let _port = only_port(&mut manager, &world.tables(&[&veth("a", "g1")])).await;
        let near = link("a").await.unwrap().mac;
        guest.address("eth0", Ipv4Addr::new(192, 0, 2, 2));
        guest.netlink(async || {
            // As if the guest had guessed the address of the near end.
            let index = index("eth0").await;
            let neighbour = handle().neighbours().add(index, node.into());
            neighbour.link_layer_address(&near).execute().await.unwrap();
        });
        let socket = guest.socket("eth0");
        socket.send(&arp_request(node)).unwrap();
        guest.run(|| {
            let sender = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 6000)).unwrap();
            sender.set_broadcast(true).unwrap();
            for to in [node, Ipv4Addr::new(192, 0, 2, 255)] {
                sender.send_to(b"hello", (to, 6000)).unwrap();
            }
        });
        assert!(
            !socket.wait(std::time::Duration::from_millis(200)).unwrap(),
            "the node answered"
        );
        let heard = service.recv(&mut [0; 16]).map_err(|error| error.kind());
        assert_eq!(heard, Err(std::io::ErrorKind::WouldBlock), "the node heard");
        manager.close().await;
    });
}
