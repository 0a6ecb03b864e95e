//! Where effects go: the shell's side of the datapath.
//!
//! The core calls a [`Sink`] while it handles a batch, with borrowed bytes, so that nothing is
//! queued or copied between a verdict and the system call that carries it out. Tests record.

use std::net::SocketAddr;

use skerry_policy::{LocalPort, NodeId, SegmentId};

use crate::claim::Claim;
use crate::frame::Frame;
use crate::wire::ecn::Ecn;

/// Takes the effects of the datapath.
pub trait Sink {
    /// Writes one copy to a port of this node, now.
    ///
    /// # Errors
    /// Says why the port did not take it; the copy is then counted as dropped.
    fn deliver(&mut self, port: LocalPort, frame: Frame<'_>) -> Result<(), Refused>;

    /// Sends sealed datagrams to a peer's endpoint. Whatever the network loses is its business.
    fn transmit(&mut self, datagrams: Transmit<'_>);

    /// Gives a frame to the first worker, which has a tunnel to every node; only called on others,
    /// that have no lane there, or none that is known to be heard.
    ///
    /// # Errors
    /// The ring to that worker is full.
    fn handoff(&mut self, to: Onward, frame: Frame<'_>) -> Result<(), Refused>;

    /// A control message of an authenticated peer, and the address that it came from.
    fn control(&mut self, from: NodeId, at: SocketAddr, message: &[u8]);

    /// This worker learned, moved or lost something that the others should know. What is at a port
    /// of this node concerns the peers too; what is at a peer does not.
    fn claim(&mut self, claim: Claim);
}

/// Where a frame goes that leaves the node, and as what.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Onward {
    /// A peer, or a stock edge of this node.
    pub node: NodeId,
    /// The segment or peering that it is sent in; towards an edge, the edge's own.
    pub segment: SegmentId,
    /// The mark of the attachment that it entered by.
    pub mark: u16,
}

/// Why a copy was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refused {
    /// No room right now.
    Full,
    /// The port or its device is gone or down.
    Down,
}

/// One send to one endpoint: equal-sized datagrams, the last may be shorter (UDP GSO).
#[derive(Clone, Copy, Debug)]
pub struct Transmit<'a> {
    /// Where to.
    pub to: SocketAddr,
    /// The datagrams, back to back.
    pub bytes: &'a [u8],
    /// Length of each but the last; equal to `bytes.len()` for a single one.
    pub size: usize,
    /// What the IP header of each is to say of congestion.
    pub ecn: Ecn,
}
