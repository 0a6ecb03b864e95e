//! Ports with several queues: every frame comes in once, a flow always at the same one, and nothing
//! that goes out comes back.

use std::net::Ipv4Addr;
use std::time::Duration;

use skerry_overlay::{FRAME_MAX, Frame};
use skerry_overlay_io::{Port, PortOptions};

use crate::world::{
    Guest, make_pair, manager_with, on_a_machine, only_port, set_down, set_up, tap, veth,
};

const QUEUES: usize = 3;

fn options() -> PortOptions {
    PortOptions {
        queues: QUEUES,
        ..PortOptions::default()
    }
}

/// An Ethernet frame that is no IP.
fn frame(text: u8) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend([2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
    frame.resize(60, text);
    frame
}

/// UDP from a port to another, as a frame.
fn udp(source: u16, destination: u16) -> Vec<u8> {
    let builder = etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [0xff; 6])
        .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .udp(source, destination);
    let mut bytes = Vec::new();
    builder.write(&mut bytes, &[7; 40]).unwrap();
    bytes
}

/// What came in at every queue, once nothing does any more.
fn read_all(port: &mut Port) -> Vec<Vec<Vec<u8>>> {
    std::thread::sleep(Duration::from_millis(100));
    let mut buf = vec![0; FRAME_MAX];
    let queues = port.queues.iter_mut().map(|queue| {
        let mut frames = Vec::new();
        loop {
            let (len, _) = match queue.rx.recv(&mut buf) {
                Ok(Some(read)) => read,
                Ok(None) => break,
                // Each socket says once that its device went down.
                Err(error) if error.kind() == std::io::ErrorKind::NetworkDown => continue,
                Err(error) => panic!("{error}"),
            };
            // What the guest's kernel says of its own accord is not of the test.
            let is_ours = buf[12..14] == [0x88, 0xb5] || buf[12..14] == [8, 0];
            frames.extend(is_ours.then(|| buf[..len].to_vec()));
        }
        frames
    });
    queues.collect()
}

#[test]
fn what_goes_out_of_a_nic_does_not_come_back_at_any_queue() {
    on_a_machine(async |world| {
        make_pair("nic", "wire").await;
        set_up("nic").await;
        set_up("wire").await;
        let mut manager = manager_with(options()).await;
        let nic = "a = { as = \"blue.promiscuous\", attach = { nic = \"nic\" } }";
        let mut port = only_port(&mut manager, &world.tables(&[nic])).await;
        assert_eq!(port.queues.len(), QUEUES);
        let host = skerry_overlay_io::capture::PacketSocket::open("nic").unwrap();
        let wire = skerry_overlay_io::capture::PacketSocket::open("wire").unwrap();
        for queue in &mut port.queues {
            queue.tx.send(Frame::plain(&frame(1))).unwrap();
        }
        // The host's own stack, or another program on it, says something on the same NIC.
        host.send(&frame(2)).unwrap();
        for source in 1..20 {
            host.send(&udp(source, 9)).unwrap();
        }
        let back: usize = read_all(&mut port).iter().map(Vec::len).sum();
        assert_eq!(back, 0);
        wire.send(&frame(3)).unwrap();
        let came: Vec<_> = read_all(&mut port).into_iter().flatten().collect();
        assert_eq!(came, [frame(3)], "once, at one queue");
        // A link that went down and came up again finds the group as it was.
        set_down("nic").await;
        set_up("nic").await;
        read_all(&mut port);
        for queue in &mut port.queues {
            queue.tx.send(Frame::plain(&frame(4))).unwrap();
        }
        // Its socket was told too.
        host.receive(&mut [0; 64]).unwrap_err();
        host.send(&frame(5)).unwrap();
        wire.send(&frame(6)).unwrap();
        let came: Vec<_> = read_all(&mut port).into_iter().flatten().collect();
        assert_eq!(came, [frame(6)]);
        manager.close().await;
    });
}

/// A hundred flows of a guest, three frames each, both ways.
fn flows_keep_their_queue(guest: &Guest, port: &mut Port) {
    let socket = guest.socket("eth0");
    let mut queue_of = std::collections::HashMap::new();
    for round in 0..3 {
        for flow in 1..=100 {
            socket.send(&udp(flow, 9)).unwrap();
        }
        let mut used = 0;
        let mut count = 0;
        for (queue, frames) in read_all(port).into_iter().enumerate() {
            used += usize::from(!frames.is_empty());
            for frame in frames {
                count += 1;
                let flow = u16::from_be_bytes([frame[34], frame[35]]);
                let before = *queue_of.entry(flow).or_insert(queue);
                assert_eq!(before, queue, "flow {flow} in round {round}");
            }
        }
        assert_eq!((used, count), (QUEUES, 100), "round {round}");
    }
}

fn a_flow_stays(port: fn(&str, &str) -> String) {
    on_a_machine(async |world| {
        let guest = world.guest("g1");
        let mut manager = manager_with(options()).await;
        let tables = world.tables(&[&port("a", "g1")]);
        let mut opened = only_port(&mut manager, &tables).await;
        guest.address("eth0", Ipv4Addr::new(10, 0, 0, 1));
        assert_eq!(opened.queues.len(), QUEUES);
        flows_keep_their_queue(&guest, &mut opened);
        manager.close().await;
    });
}

#[test]
fn a_flow_stays_at_its_queue_of_a_veth() {
    a_flow_stays(veth);
}

#[test]
fn a_flow_stays_at_its_queue_of_a_tap() {
    a_flow_stays(tap);
}

#[test]
fn a_tap_answers_at_the_queue_that_was_written_to() {
    on_a_machine(async |world| {
        let guest = world.guest("g1");
        let mut manager = manager_with(options()).await;
        let mut port = only_port(&mut manager, &world.tables(&[&tap("a", "g1")])).await;
        guest.address("eth0", Ipv4Addr::new(10, 0, 0, 1));
        let socket = guest.socket("eth0");
        // The other direction of each flow has come in at a queue of our choice.
        for flow in 1..=30 {
            let queue = usize::from(flow) % QUEUES;
            let back = etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, 2], [0xff; 6])
                .ipv4([10, 0, 0, 2], [10, 0, 0, 1], 64)
                .udp(9, flow);
            let mut bytes = Vec::new();
            back.write(&mut bytes, &[7; 40]).unwrap();
            port.queues[queue].tx.send(Frame::plain(&bytes)).unwrap();
        }
        read_all(&mut port);
        for flow in 1..=30 {
            socket.send(&udp(flow, 9)).unwrap();
        }
        for (queue, frames) in read_all(&mut port).into_iter().enumerate() {
            let udp = frames.iter().filter(|frame| frame[23] == 17);
            let flows = udp.map(|frame| u16::from_be_bytes([frame[34], frame[35]]));
            let mut flows: Vec<u16> = flows.collect();
            flows.sort_unstable();
            let ours = (1..=30).filter(|flow| usize::from(*flow) % QUEUES == queue);
            assert_eq!(flows, ours.collect::<Vec<_>>(), "queue {queue}");
        }
        manager.close().await;
    });
}
