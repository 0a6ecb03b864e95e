//! Why the datapath did not start.

use std::io;
use std::net::SocketAddr;

/// Why [`Dataplane::start`](crate::Dataplane::start) made nothing. Each says the way out.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another socket has the port.
    #[error(
        "UDP {0} is in use by another process; stop it (`ss -lunp`), or change `listen` in the node file"
    )]
    AddressInUse(SocketAddr),
    /// No interface has the address.
    #[error(
        "no interface of this machine has the address of {0}; change `listen` in the node file, 0.0.0.0 means all"
    )]
    AddressUnavailable(SocketAddr),
    /// The kernel refused for want of rights.
    #[error("not allowed to listen on UDP {0}; ports below 1024 need CAP_NET_BIND_SERVICE")]
    Permission(SocketAddr),
    /// Ports end at 65535.
    #[error(
        "there is no UDP port {1} above that of {0}; choose a lower one for `listen` in the node file"
    )]
    NoPort(SocketAddr, u8),
    /// An offload is switched `on`, and this kernel does not offer it.
    #[error(
        "{offload} = \"on\", and this kernel does not offer it ({source}); set it to \"auto\" or \"off\""
    )]
    Offload {
        /// The key in `[offload]`.
        offload: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// Any other refusal of the kernel.
    #[error("cannot {action}: {source}")]
    Kernel {
        /// What was tried.
        action: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}
