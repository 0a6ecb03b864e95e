//! A stock edge: a lone WireGuard peer that packs frames into VXLAN as a kernel would, and knows
//! nothing of policies. What it packs is up to the test.

use std::net::SocketAddr;

use boringtun::noise::{Tunn, TunnResult};
use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TransportSlice};
use skerry_overlay::Ecn;
use x25519_dalek::{PublicKey, StaticSecret};

/// Longer than anything that is sealed or opened here.
const ROOM: usize = 4096;

pub(crate) struct Edge {
    /// `e1`.
    pub(crate) name: String,
    /// Where its datagrams come from.
    pub(crate) at: SocketAddr,
    /// Position of its home among the nodes.
    pub(crate) home: usize,
    /// What arrived: VNI and frame.
    pub(crate) heard: Vec<(u32, Vec<u8>)>,
    /// What the carrying packets said of congestion.
    pub(crate) heard_ecn: Vec<Ecn>,
    /// What it says of congestion, in both headers around a frame.
    pub(crate) ecn: Ecn,
    overlay: [u8; 4],
    tunn: Tunn,
    out: Vec<Vec<u8>>,
}

impl Edge {
    /// The edge `e<number>` with the key of that number, told of its home as `skerry peer` would.
    pub(crate) fn new(number: u8, home: u8) -> Self {
        let secret = |number: u8| StaticSecret::from([number; 32]);
        let peer = PublicKey::from(&secret(home));
        Self {
            name: format!("e{number}"),
            at: SocketAddr::from(([198, 51, 100, number], 51_820)),
            home: usize::from(home - 1),
            heard: Vec::new(),
            heard_ecn: Vec::new(),
            ecn: Ecn::NotEct,
            overlay: [100, 64, 0, number],
            tunn: Tunn::new(
                secret(number),
                peer,
                None,
                Some(25),
                u32::from(number) << 8,
                None,
            ),
            out: Vec::new(),
        }
    }

    /// Puts a frame into the tunnel under a VNI.
    pub(crate) fn say(&mut self, vni: u32, frame: &[u8]) {
        let [_, a, b, c] = vni.to_be_bytes();
        self.say_with([8, 0, 0, 0, a, b, c, 0], frame);
    }

    /// Puts a frame into the tunnel behind any eight bytes.
    pub(crate) fn say_with(&mut self, header: [u8; 8], frame: &[u8]) {
        let packet = self.packet(self.overlay, 4789, &[&header[..], frame].concat());
        self.say_packet(&packet);
    }

    /// UDP from an address to the home's overlay address.
    pub(crate) fn packet(&self, source: [u8; 4], port: u16, payload: &[u8]) -> Vec<u8> {
        let home = u8::try_from(self.home + 1).unwrap();
        let builder = PacketBuilder::ipv4(source, [100, 64, 0, home], 64).udp(50_000, port);
        let mut packet = Vec::new();
        builder.write(&mut packet, payload).unwrap();
        // Nobody checks the sum of a header that a cipher has kept.
        packet[1] = self.ecn.tos();
        packet
    }

    /// Puts any packet into the tunnel.
    pub(crate) fn say_packet(&mut self, packet: &[u8]) {
        let mut padded = packet.to_vec();
        padded.resize(packet.len().next_multiple_of(16), 0);
        let mut room = [0; ROOM];
        if let TunnResult::WriteToNetwork(datagram) = self.tunn.encapsulate(&padded, &mut room) {
            self.out.push(datagram.to_vec());
        }
    }

    /// A datagram of the home. What it does to the tunnel goes out with [`Self::take`].
    pub(crate) fn receive(&mut self, datagram: &[u8]) {
        let mut datagram = datagram;
        for _ in 0..300 {
            let mut room = [0; ROOM];
            match self.tunn.decapsulate(None, datagram, &mut room) {
                TunnResult::WriteToNetwork(bytes) => self.out.push(bytes.to_vec()),
                TunnResult::WriteToTunnelV4(packet, _) => {
                    self.heard_ecn.push(Ecn::of_tos(packet[1]));
                    let heard = unpack(packet, self.overlay);
                    self.heard.push(heard);
                    return;
                }
                TunnResult::Done | TunnResult::Err(_) | TunnResult::WriteToTunnelV6(..) => return,
            }
            // Anything that waits for a session.
            datagram = &[];
        }
    }

    /// What goes to the home.
    pub(crate) fn take(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.out)
    }
}

/// The VNI and the frame; panics where a kernel would drop.
fn unpack(packet: &[u8], overlay: [u8; 4]) -> (u32, Vec<u8>) {
    let sliced = SlicedPacket::from_ip(packet).unwrap();
    let Some(NetSlice::Ipv4(ip)) = sliced.net else {
        panic!("not IPv4")
    };
    let Some(TransportSlice::Udp(udp)) = sliced.transport else {
        panic!("not UDP")
    };
    assert_eq!(ip.header().destination(), overlay);
    assert_eq!(udp.destination_port(), 4789);
    let (header, frame) = udp.payload().split_at(8);
    assert_eq!([header[0], header[7]], [8, 0], "flags and reserved byte");
    let vni = u32::from_be_bytes([0, header[4], header[5], header[6]]);
    (vni, frame.to_vec())
}
