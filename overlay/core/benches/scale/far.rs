//! The other end of a tunnel, without a datapath behind it: 256 nodes that all know each other
//! would be 65,536 tunnels, for nothing.

use boringtun::noise::{Tunn, TunnResult};
use skerry_overlay::{Ecn, Forwarder};
use x25519_dalek::PublicKey;

use crate::world::node::NOW;
use crate::world::sinks::Wire;
use crate::world::site::{HOSTS_VNI, endpoint, node_at, secret};

/// Longer than anything that is sealed or opened here.
const ROOM: usize = 4_096;

/// Bytes before the frame: IPv4, UDP, VXLAN.
const HEADERS: usize = 36;

/// A peer of `n0`.
pub(crate) struct Far {
    tunn: Tunn,
    /// The headers of what it sends, and room for a frame.
    packet: Vec<u8>,
    room: Vec<u8>,
}

impl Far {
    /// Node `n<number>`.
    pub(crate) fn new(number: u32) -> Self {
        let peer = PublicKey::from(&secret(0));
        let index = number << 8;
        Self {
            tunn: Tunn::new(secret(number), peer, None, None, index, None),
            packet: Vec::new(),
            room: vec![0; ROOM],
        }
    }

    /// Takes a datagram of `n0`: what it answers, or the packet that was inside.
    fn take(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        match self.tunn.decapsulate(None, datagram, &mut self.room) {
            TunnResult::WriteToNetwork(answer) => Some(answer.to_vec()),
            TunnResult::WriteToTunnelV4(packet, _) => {
                self.packet = mirrored(packet);
                None
            }
            TunnResult::Done => None,
            TunnResult::Err(error) => panic!("{error:?}"),
            TunnResult::WriteToTunnelV6(..) => panic!("nobody here speaks IPv6"),
        }
    }

    /// Seals a frame for `n0` at the end of `out`, and returns the datagram's length. A frame of
    /// `n0` must have come first, for the headers.
    pub(crate) fn seal(&mut self, frame: &[u8], out: &mut Vec<u8>) -> usize {
        self.packet.truncate(HEADERS);
        self.packet.extend_from_slice(frame);
        let padded = self.packet.len().next_multiple_of(16);
        self.packet.resize(padded, 0);
        let sealed = self.tunn.encapsulate(&self.packet, &mut self.room);
        let TunnResult::WriteToNetwork(datagram) = sealed else {
            panic!("{sealed:?}")
        };
        out.extend_from_slice(datagram);
        datagram.len()
    }
}

/// The packet with its addresses swapped, which leaves its checksum right, and of the hosts' VNI:
/// a gateway here sends in another.
fn mirrored(packet: &[u8]) -> Vec<u8> {
    let mut back = packet.to_vec();
    back[32..35].copy_from_slice(&HOSTS_VNI.to_be_bytes()[1..]);
    back[12..16].copy_from_slice(&packet[16..20]);
    back[16..20].copy_from_slice(&packet[12..16]);
    back
}

/// Carries what `hub` transmitted to the far ends, and back, until nothing moves.
pub(crate) fn settle(hub: &mut Forwarder, far: &mut [Far], wire: &mut Wire) {
    hub.flush(wire);
    while !wire.datagrams.is_empty() {
        let sent = std::mem::take(wire);
        for (to, datagram) in sent.each() {
            let number = node_at(to);
            let peer = &mut far[usize::try_from(number).unwrap() - 1];
            if let Some(answer) = peer.take(datagram) {
                hub.handle_datagram(NOW, endpoint(number), Ecn::NotEct, &answer, wire);
            }
        }
        wire.claims.extend(sent.claims);
        hub.flush(wire);
    }
}

/// Far ends for all peers of `hub`, with tunnels up.
pub(crate) fn connect(hub: &mut Forwarder, peers: u32) -> Vec<Far> {
    let mut far: Vec<Far> = (1..=peers).map(Far::new).collect();
    let mut wire = Wire::default();
    hub.handle_timeout(NOW, &mut wire);
    settle(hub, &mut far, &mut wire);
    assert!(hub.peers().all(|it| it.has_session), "every tunnel is up");
    far
}
