//! The network between the nodes: a kernel bridge that forwards anything, and what was seen on it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::netns::{Netns, eprintln_quietly};
use crate::packet::{self, Receiver};
use crate::tag;
use crate::topology::Node;

/// Bytes of a WireGuard data message around a padded packet (header 16, tag 16).
const SEAL: usize = 32;
/// Outer IPv4, UDP and VXLAN headers inside the tunnel.
const CARRIER: usize = 36;

/// How a WireGuard data message begins.
const DATA: [u8; 4] = [4, 0, 0, 0];

/// UDP payload of the datagram that carries a frame of this length.
pub fn sealed_length(frame: usize) -> usize {
    (frame + CARRIER).next_multiple_of(16) + SEAL
}

/// What passed between the nodes.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Datagrams by sender, receiver and length of the UDP payload.
    pub datagrams: BTreeMap<(Node, Node, usize), u64>,
    /// The last header of a WireGuard data message between two nodes: type, receiver, counter.
    pub headers: BTreeMap<(Node, Node), [u8; 16]>,
    /// The first packet of each length between two nodes, whole, for whoever sends it again.
    pub samples: BTreeMap<(Node, Node, usize), Vec<u8>>,
    /// The first packets with a tag's magic in clear.
    pub plaintext: Vec<Vec<u8>>,
    /// The first packets from or to UDP port 4789.
    pub vxlan: Vec<Vec<u8>>,
}

impl Traffic {
    /// How many datagrams of exactly this length went from one node to another.
    pub fn count(&self, from: Node, to: Node, length: usize) -> u64 {
        self.datagrams
            .get(&(from, to, length))
            .copied()
            .unwrap_or(0)
    }

    /// The pairs of nodes between which datagrams of this length went, with their number.
    pub fn carriers(&self, length: usize) -> BTreeMap<(Node, Node), u64> {
        let fitting = self
            .datagrams
            .iter()
            .filter(|((_, _, size), _)| *size == length);
        fitting
            .map(|((from, to, _), count)| ((*from, *to), *count))
            .collect()
    }

    /// Nothing readable may pass, and nothing on the VXLAN port.
    ///
    /// # Errors
    /// With the first packet that broke the rule.
    pub fn check(&self) -> Result<()> {
        ensure!(
            self.plaintext.is_empty(),
            "payload in clear on the underlay: {:02x?}",
            self.plaintext[0]
        );
        ensure!(
            self.vxlan.is_empty(),
            "UDP 4789 on the underlay: {:02x?}",
            self.vxlan[0]
        );
        Ok(())
    }
}

/// The bridge in its namespace, with its listener.
#[derive(Debug)]
pub struct Underlay {
    /// Where the bridge is.
    pub netns: Netns,
    traffic: Arc<Mutex<Traffic>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Underlay {
    /// Joins the nodes' namespaces: `eth0` in each, with the node's underlay address.
    ///
    /// # Errors
    /// When a link cannot be made.
    pub fn join(nodes: &[(Node, &Netns)], mtu: u16) -> Result<Self> {
        let netns = Netns::create("u")?;
        netns.ip("link add br0 type bridge mcast_snooping 0")?;
        netns.ip("link set br0 up")?;
        for (node, place) in nodes {
            plug(&netns, &node.name(), &node.underlay(), place, mtu)?;
        }
        let receiver = Receiver::open(&netns)?;
        let bridge = packet::links(&netns)?
            .into_iter()
            .find(|(_, name)| name == "br0")
            .map(|(index, _)| index);
        let traffic = Arc::new(Mutex::new(Traffic::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let (writer, stopped) = (Arc::clone(&traffic), Arc::clone(&stop));
        let thread = std::thread::Builder::new()
            .name("underlay".into())
            .spawn(move || listen(&receiver, bridge, &writer, &stopped))?;
        Ok(Self {
            netns,
            traffic,
            stop,
            thread: Some(thread),
        })
    }

    /// Adds a TAP for a guest, which is listened to like the nodes' links.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn add_tap(&self, name: &str) -> Result<()> {
        self.netns.ip(&format!("tuntap add dev {name} mode tap"))?;
        self.netns.ip(&format!("link set {name} master br0 up"))?;
        Ok(())
    }

    /// Joins one more machine, by a link of its name.
    ///
    /// # Errors
    /// When the link cannot be made.
    pub fn plug(&self, name: &str, address: &str, place: &Netns, mtu: u16) -> Result<()> {
        plug(&self.netns, name, address, place, mtu)
    }

    /// What passed since the last [`Underlay::take`].
    pub fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Empties the record.
    pub fn take(&self) -> Traffic {
        std::mem::take(&mut *self.traffic())
    }
}

impl Drop for Underlay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn plug(underlay: &Netns, name: &str, address: &str, place: &Netns, mtu: u16) -> Result<()> {
    let there = place.path();
    let there = there.file_name().unwrap_or_default().to_string_lossy();
    underlay.ip(&format!(
        "link add {name} mtu {mtu} type veth peer name eth0 mtu {mtu} netns {there}"
    ))?;
    underlay.ip(&format!("link set {name} master br0 up"))?;
    place.ip(&format!("addr add {address}/24 dev eth0"))?;
    place.ip("link set eth0 up")?;
    place.ip("link set lo up")?;
    Ok(())
}

fn listen(receiver: &Receiver, bridge: Option<usize>, traffic: &Mutex<Traffic>, stop: &AtomicBool) {
    let mut buffer = vec![0; 1 << 17];
    while !stop.load(Ordering::Relaxed) {
        if let Err(error) = drain(receiver, bridge, traffic, &mut buffer) {
            eprintln_quietly(&format!("the underlay's listener stopped: {error:#}"));
            return;
        }
    }
}

fn drain(
    receiver: &Receiver,
    bridge: Option<usize>,
    traffic: &Mutex<Traffic>,
    buffer: &mut [u8],
) -> Result<()> {
    receiver.wait(Duration::from_millis(50))?;
    while let Some((packet, link)) = receiver.receive(buffer)? {
        // A packet is seen where it enters the bridge, and only there.
        if Some(link) != bridge {
            record(
                &mut traffic.lock().unwrap_or_else(PoisonError::into_inner),
                packet,
            );
        }
    }
    Ok(())
}

fn record(traffic: &mut Traffic, packet: &[u8]) {
    if tag::is_plaintext(packet) && traffic.plaintext.len() < 16 {
        traffic.plaintext.push(packet.to_vec());
    }
    let Some(datagram) = Datagram::parse(packet) else {
        return;
    };
    if datagram.ports.contains(&4789) && traffic.vxlan.len() < 16 {
        traffic.vxlan.push(packet.to_vec());
    }
    if let (Some(from), Some(to)) = (datagram.from, datagram.to) {
        let header = packet.get(42..58).and_then(|bytes| bytes.try_into().ok());
        if let Some(header) = header.filter(|header: &[u8; 16]| header.starts_with(&DATA)) {
            traffic.headers.insert((from, to), header);
        }
        traffic
            .samples
            .entry((from, to, datagram.length))
            .or_insert_with(|| packet.to_vec());
        *traffic
            .datagrams
            .entry((from, to, datagram.length))
            .or_default() += 1;
    }
}

struct Datagram {
    from: Option<Node>,
    to: Option<Node>,
    ports: [u16; 2],
    length: usize,
}

impl Datagram {
    fn parse(packet: &[u8]) -> Option<Self> {
        let ip = packet.get(14..)?;
        let is_udp = packet.get(12..14)? == [8, 0] && *ip.first()? == 0x45 && *ip.get(9)? == 17;
        if !is_udp {
            return None;
        }
        let word = |at: usize| Some(u16::from_be_bytes([*ip.get(at)?, *ip.get(at + 1)?]));
        let node = |at: usize| {
            let address = ip.get(at..at + 4)?;
            Node::ALL
                .into_iter()
                .find(|node| address == [10, 255, 0, node.0])
        };
        // The length in the IP header: a superpacket of the bridge counts as one, with its whole.
        let length = usize::from(word(2)?).saturating_sub(28);
        Some(Self {
            from: node(12),
            to: node(16),
            ports: [word(20)?, word(22)?],
            length,
        })
    }
}
