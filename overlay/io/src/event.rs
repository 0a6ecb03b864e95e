//! What workers tell the control task.

use std::io;
use std::net::SocketAddr;

use skerry_overlay::Claim;
use skerry_policy::NodeId;

/// News from a worker. Lost, and counted, when the control task does not keep up.
#[derive(Debug)]
pub enum Event {
    /// A control message of an authenticated peer.
    Control {
        /// Who sent it, in the numbering of `generation`.
        from: NodeId,
        /// Where it came from.
        at: SocketAddr,
        /// The generation of the worker's tables.
        generation: u64,
        /// The message.
        message: Vec<u8>,
    },
    /// A worker learned, moved or lost a MAC address: for the other workers and the peers.
    Claim {
        /// Who learned it; to be left out of [`Dataplane::apply_claim`](crate::Dataplane::apply_claim).
        worker: usize,
        /// What it learned.
        claim: Claim,
    },
    /// A port cannot be read any more: for
    /// [`PortManager::report_fault`](crate::PortManager::report_fault).
    PortFault {
        /// `n1/b-i1`.
        name: String,
        /// What the device said.
        error: io::Error,
    },
}
