//! A node gone bad: it has a valid key and its own underlay address, and says what it likes.
//!
//! The tunnel is real WireGuard, by boringtun's noise module alone; nothing of the product speaks
//! here. What is inside the tunnel is built byte by byte.

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use boringtun::noise::{Tunn, TunnResult};
use boringtun::x25519::{PublicKey, StaticSecret};

use crate::netns::Netns;
use crate::topology::Node;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// Longest datagram that is read or written.
const LONGEST: usize = 1 << 16;
/// The UDP port of VXLAN.
pub const VXLAN: u16 = 4789;

/// A peer with a key that the others know.
pub struct Injector {
    /// In whose place it speaks.
    pub node: Node,
    socket: UdpSocket,
    tunnels: Vec<(Node, Tunn)>,
}

// Tunnels hold keys, which nobody needs to see.
impl std::fmt::Debug for Injector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Injector({})", self.node)
    }
}

impl Injector {
    /// Takes the place of a node whose daemon does not run: its key file, its address. `keys` are
    /// the public keys of all nodes, in their order.
    ///
    /// # Errors
    /// When a key is none, or the node's socket is still in use.
    pub fn new(node: Node, place: &Netns, folder: &Path, keys: &[String]) -> Result<Self> {
        let socket = place.enter(|| UdpSocket::bind("0.0.0.0:51820"))??;
        socket.set_read_timeout(Some(Duration::from_millis(20)))?;
        let own = fs::read_to_string(folder.join(format!("{node}.key")))?;
        let own = StaticSecret::from(key(&own)?);
        let others = Node::ALL.into_iter().zip(keys);
        let mut tunnels = Vec::new();
        for (index, (peer, public)) in (1..).zip(others) {
            if peer != node {
                let public = PublicKey::from(key(public)?);
                let tunnel = Tunn::new(own.clone(), public, None, None, index, None);
                tunnels.push((peer, tunnel));
            }
        }
        Ok(Self {
            node,
            socket,
            tunnels,
        })
    }

    /// Makes a fresh session with every other node.
    ///
    /// # Errors
    /// When one does not answer in time.
    pub fn shake_hands(&mut self) -> Result<()> {
        let peers: Vec<Node> = self.tunnels.iter().map(|(peer, _)| *peer).collect();
        peers.into_iter().try_for_each(|peer| self.meet(peer))
    }

    /// Makes a fresh session with one node.
    ///
    /// # Errors
    /// When it does not answer in time.
    pub fn meet(&mut self, peer: Node) -> Result<()> {
        let deadline = Instant::now() + HANDSHAKE;
        while Instant::now() < deadline {
            let mut buffer = vec![0; LONGEST];
            let initiation = self
                .tunnel(peer)?
                .format_handshake_initiation(&mut buffer, true);
            if let TunnResult::WriteToNetwork(bytes) = initiation {
                self.socket.send_to(bytes, address(peer))?;
            }
            let answered = Instant::now() + Duration::from_millis(300);
            while Instant::now() < answered {
                if self.listen()? == Some(peer) {
                    return Ok(());
                }
            }
        }
        bail!("{peer} does not shake hands with {}", self.node)
    }

    /// Seals a packet and sends it. Gives the datagram.
    ///
    /// # Errors
    /// When there is no session with the node.
    pub fn send(&mut self, to: Node, packet: &[u8]) -> Result<Vec<u8>> {
        let mut buffer = vec![0; packet.len() + 256];
        let TunnResult::WriteToNetwork(sealed) = self.tunnel(to)?.encapsulate(packet, &mut buffer)
        else {
            bail!("no datagram for {to}");
        };
        ensure!(sealed.starts_with(&[4, 0, 0, 0]), "no session with {to}");
        self.socket.send_to(sealed, address(to))?;
        Ok(sealed.to_vec())
    }

    /// Reads one datagram. Gives the node with which it completed a handshake of this side.
    fn listen(&mut self) -> Result<Option<Node>> {
        let mut datagram = vec![0; LONGEST];
        let Ok((length, from)) = self.socket.recv_from(&mut datagram) else {
            return Ok(None);
        };
        let datagram = &datagram[..length];
        let Some(peer) = Node::ALL
            .into_iter()
            .find(|node| address(*node) == from.to_string())
        else {
            return Ok(None);
        };
        let mut buffer = vec![0; LONGEST];
        let answer = self
            .tunnel(peer)?
            .decapsulate(Some(from.ip()), datagram, &mut buffer);
        if let TunnResult::WriteToNetwork(bytes) = answer {
            self.socket.send_to(bytes, from)?;
            let is_response = datagram.starts_with(&[2, 0, 0, 0]);
            return Ok(is_response.then_some(peer));
        }
        Ok(None)
    }

    fn tunnel(&mut self, peer: Node) -> Result<&mut Tunn> {
        let mut tunnels = self.tunnels.iter_mut();
        let found = tunnels.find(|(node, _)| *node == peer);
        found
            .map(|(_, tunnel)| tunnel)
            .with_context(|| format!("{} has no tunnel to {peer}", self.node))
    }
}

fn address(node: Node) -> String {
    format!("{}:51820", node.underlay())
}

fn key(text: &str) -> Result<[u8; 32]> {
    let bytes = BASE64_STANDARD
        .decode(text.trim())
        .context("a key that is not base64")?;
    bytes
        .try_into()
        .ok()
        .context("a key that is not 32 bytes long")
}

/// What is inside the tunnel, each part of which can be a lie.
#[derive(Clone, Debug)]
pub struct Carriage {
    /// Source of the inner IP packet.
    pub source: [u8; 4],
    /// Its destination.
    pub destination: [u8; 4],
    /// UDP port it is for.
    pub port: u16,
    /// The VXLAN header.
    pub header: [u8; 8],
}

impl Carriage {
    /// An honest one, of the segment with this number.
    pub fn honest(from: Node, to: Node, vni: u32) -> Self {
        let [_, a, b, c] = vni.to_be_bytes();
        Self {
            source: [100, 64, 0, from.0],
            destination: [100, 64, 0, to.0],
            port: VXLAN,
            header: [8, 0, 0, 0, a, b, c, 0],
        }
    }

    /// The packet around a frame. Nodes that run Skerry tell which policy they run by its
    /// identification: the first two bytes of the policy's digest.
    pub fn packet(&self, edition: [u8; 2], frame: &[u8]) -> Vec<u8> {
        let payload = [&self.header, frame].concat();
        let ports = (49_152, self.port);
        let mut packet = crate::frame::datagram4(self.source, self.destination, ports, &payload);
        packet[4..6].copy_from_slice(&edition);
        packet
    }
}
