//! A port of this node: an open device that frames go in and out of.
//!
//! A port has a [`Queue`] for every worker, each of which the kernel gives some of the flows, or one
//! that one worker reads. Every worker writes to every port through a [`TxHalf`] of its own. Both
//! halves are file descriptors without a lock around them.

pub(crate) mod datalink;
mod error;
mod fanout;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub(crate) mod offload;
pub(crate) mod packet;
mod shared;
pub(crate) mod tap;
mod vnet;
mod whole;

pub use error::{PortCause, PortError};

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;

use skerry_overlay::{Frame, Offload, Refused, SuperframeKind};

use crate::switch::{OffloadSwitches, Switch};

/// How frames get to and from interfaces that exist or are made as veth pairs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Backend {
    /// `AF_PACKET` with `virtio_net_hdr`: superframes cross whole.
    #[default]
    Packet,
    /// `pnet`'s datalink, with the device's offloads switched off: slower, and portable.
    Datalink,
}

/// What the node file says about ports.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PortOptions {
    /// The offload switches; `tap` covers every kind of port.
    pub offload: OffloadSwitches,
    /// For veth and NIC ports.
    pub backend: Backend,
    /// How many workers may read one port, each a part of its flows; 0 counts as 1.
    pub queues: usize,
}

/// What a port can take without help.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Capabilities {
    /// `tap`, `packet` or `datalink`.
    pub backend: &'static str,
    /// Superframes and partial checksums, in and out.
    pub superframes: Superframes,
}

/// Which superframes cross a port whole, fewest first.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Superframes {
    /// None.
    #[default]
    None,
    /// Those of TCP.
    Tcp,
    /// Those of UDP too, since Linux 6.2.
    All,
}

impl Superframes {
    /// Whether one of this kind does.
    pub(crate) const fn take(self, kind: SuperframeKind) -> bool {
        match kind {
            SuperframeKind::Tcp4 | SuperframeKind::Tcp6 => !matches!(self, Self::None),
            SuperframeKind::Udp => matches!(self, Self::All),
        }
    }
}

/// The reading side of a port.
pub trait RxHalf: Send + fmt::Debug {
    /// Reads one frame into `buf`, destination MAC first; `None` when there is none right now.
    /// `buf` holds at least [`FRAME_MAX`](skerry_overlay::FRAME_MAX) bytes.
    ///
    /// # Errors
    /// `InvalidData` for a frame whose offload header makes no sense: that frame is lost, the
    /// port goes on. Anything else: the device is down or gone.
    fn recv(&mut self, buf: &mut [u8]) -> io::Result<Option<(usize, Offload)>>;

    /// Becomes readable when there is a frame.
    fn as_fd(&self) -> BorrowedFd<'_>;
}

/// The writing side of a port.
pub trait TxHalf: Send + fmt::Debug {
    /// Writes one frame.
    ///
    /// # Errors
    /// No room right now, or the device is down or gone.
    fn send(&mut self, frame: Frame<'_>) -> Result<(), Refused>;

    /// Uses superframes from now on, or does not; says which are in use. What the host sends through
    /// an interface that is open as a packet socket stays as it is.
    fn switch(&mut self, superframes: Switch) -> Superframes;

    /// Which superframes are in use: fewer than were asked for once the kernel has refused one.
    fn superframes(&self) -> Superframes;

    /// Another writing side of the same port, for another worker.
    ///
    /// # Errors
    /// Out of file descriptors.
    fn duplicate(&self) -> io::Result<Box<dyn TxHalf>>;
}

/// What one worker reads, and what it writes to.
#[derive(Debug)]
pub struct Queue {
    /// The reading side.
    pub rx: Box<dyn RxHalf>,
    /// The writing side.
    pub tx: Box<dyn TxHalf>,
}

/// An open port, ready to be attached.
#[derive(Debug)]
pub struct Port {
    /// One, or one for every worker.
    pub queues: Vec<Queue>,
    /// What it can take.
    pub capabilities: Capabilities,
    /// The interface is up and has its carrier.
    pub up: bool,
    /// The generation whose tables it was opened for: workers that run another one leave it
    /// alone until the next swap. `None` for a port that is repaired under the running tables.
    pub since: Option<u64>,
}

/// What a failed write means for the copy.
fn refusal(error: &io::Error) -> Refused {
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM | libc::EINTR) => Refused::Full,
        _ => Refused::Down,
    }
}

/// Tells an empty queue and a frame that the kernel could not describe from a dead device.
fn unread(error: io::Error) -> io::Result<Option<(usize, Offload)>> {
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::EINTR) => Ok(None),
        // virtio_net_hdr has no words for this frame's offload (SCTP in one piece).
        Some(libc::EINVAL) => Err(io::ErrorKind::InvalidData.into()),
        _ => Err(error),
    }
}
