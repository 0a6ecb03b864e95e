//! Sockets, devices and threads around the datapath of `skerry-overlay`.
//!
//! Two halves that never share a lock. [`Dataplane`] owns the worker threads: they read ports and
//! UDP sockets in bounded batches, ask their `Forwarder` what is to happen, and do it.
//! [`PortManager`] owns netlink: it makes, adopts, watches, repairs and removes the interfaces
//! that [`Port`]s are opened on. The daemon carries opened ports from one to the other.
//!
//! The only crate with unsafe code: ioctls and socket options that no safe wrapper covers.

pub mod capture;
mod clock;
mod command;
mod dataplane;
mod event;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod kernel;
mod netlink;
pub mod netns;
mod port;
mod snapshot;
mod start_error;
mod switch;
mod sys;
mod udp;
mod worker;

pub use clock::Clock;
pub use dataplane::{AttachError, Dataplane, Setup, WorkerGone};
pub use event::Event;
pub use kernel::{kernel, sorts_datagrams, takes_datagrams};
pub use netlink::{Begun, PortEvent, PortManager, taken_names};
pub use port::{
    Backend, Capabilities, Port, PortCause, PortError, PortOptions, Queue, RxHalf, Superframes,
    TxHalf,
};
pub use snapshot::{OffloadsInUse, PortView, ShellCounters, Snapshot};
pub use start_error::StartError;
pub use switch::{OffloadSwitches, Switch};
