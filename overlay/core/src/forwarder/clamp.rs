//! No TCP connection opens with a larger segment size than its way carries.
//!
//! A machine behind a `nic` port may believe in a larger MTU than the fabric has, and names the size
//! that goes with it when it opens a connection (RFC 9293 section 3.7.1). Its peer would then send
//! what the fabric drops. So the size is lowered in both packets that open one: each enters the
//! fabric somewhere. That is done wherever a frame comes from, not on ports alone: behind a stock
//! member nobody else does it, and in a roll-out two nodes may have two MTUs.
//!
//! The fabric's MTU is the limit, or that of the path to the node at the other end where it is less.
//! The size in a packet is for what comes back, so the node that takes it out of a tunnel is the one
//! that knows. The one that puts it in does not leave it to the other, which may be of an older
//! version, and as a rule both ways of a path are one. What is flooded has no other end yet.
//!
//! What is behind an authentication header stays as it is: its receiver would find it changed
//! (RFC 4302).

use skerry_policy::NodeId;

use super::inspect::Inspected;
use super::pass::{Origin, Outcome, Pass, Sender};
use super::verdict::Way;
use crate::claim::Place;
use crate::frame::Frame;
use crate::gso::{Network, TCP, Version};
use crate::reason::DropReason;
use crate::sink::Sink;
use crate::wire::bytes;
use crate::wire::ethernet::Ethernet;
use crate::wire::tcp;

/// IP and TCP headers without options, which the size does not count (RFC 9293 section 3.7.1).
const V4_HEADERS: u16 = 20 + 20;
const V6_HEADERS: u16 = 40 + 20;

impl<S: Sink> Pass<'_, S> {
    /// Sends a packet that opens a connection on its way, with a size that the fabric carries.
    pub(super) fn send_opening(
        &mut self,
        sender: &Sender<'_>,
        header: &Ethernet,
        inspected: &Inspected,
        way: Way,
        frame: Frame<'_>,
        n: u64,
    ) -> Result<Outcome, DropReason> {
        let mut buffer = std::mem::take(&mut self.state.amended);
        let mtu = self.mtu_between(sender, header, way, frame);
        let frame = clamped(&mut buffer, frame, mtu).unwrap_or(frame);
        let outcome = self.send(sender, header, inspected, way, frame, n);
        self.state.amended = buffer;
        outcome
    }

    /// What everything on a frame's way carries, as far as this node knows the way.
    fn mtu_between(
        &self,
        sender: &Sender<'_>,
        header: &Ethernet,
        way: Way,
        frame: Frame<'_>,
    ) -> u16 {
        let (paths, full) = (&self.state.paths, self.tables.fabric.mtu);
        if !paths.is_any_narrow() {
            return full;
        }
        let behind = match sender.origin {
            Origin::Peer(node) => Some(node),
            Origin::Port(_) => None,
        };
        let ahead = self.node_ahead(sender, header, way, frame);
        let ends = behind.into_iter().chain(ahead);
        ends.filter_map(|node| paths.narrow(node))
            .fold(full, u16::min)
    }

    fn node_ahead(
        &self,
        sender: &Sender<'_>,
        header: &Ethernet,
        way: Way,
        frame: Frame<'_>,
    ) -> Option<NodeId> {
        match way {
            Way::Known(entry) => match entry.place {
                Place::Node(node) => Some(node),
                Place::Port(_) => None,
            },
            Way::Owner(id) => Some(self.tables.fabric.attachments.get(id.index())?.home),
            Way::Across => self.far_end(sender, header, frame.bytes),
            Way::Group | Way::Unknown => None,
        }
    }
}

/// The frame with a smaller size. `None` when it names none that is too large; nothing is copied
/// then.
fn clamped<'b>(buffer: &'b mut [u8], frame: Frame<'_>, mtu: u16) -> Option<Frame<'b>> {
    let network = Network::parse(frame.bytes).ok()?;
    if network.protocol != TCP {
        return None;
    }
    let limit = mtu.saturating_sub(match network.version {
        Version::V4 => V4_HEADERS,
        Version::V6 => V6_HEADERS,
    });
    let segment = network.l4..network.l3 + network.packet_len(frame.bytes).ok()?;
    if tcp::mss(frame.bytes.get(segment.clone())?)? <= limit {
        return None;
    }
    bytes::put(buffer, 0, frame.bytes)?;
    let bytes = buffer.get_mut(..frame.bytes.len())?;
    let finished = frame.offload.checksum.is_none();
    tcp::lower_mss(bytes.get_mut(segment)?, limit, finished)?;
    Some(Frame {
        bytes,
        offload: frame.offload,
    })
}

#[cfg(test)]
mod tests;
