//! Why a port could not be made or opened.

use std::io;

/// Names the port, the cause and the way out; whatever was half made has been undone.
#[derive(Debug, thiserror::Error)]
#[error("port {port}: {cause}")]
pub struct PortError {
    /// `n1/b-i1`.
    pub port: String,
    /// What is wrong, and what to do.
    pub cause: PortCause,
}

/// What is wrong with a port.
#[derive(Debug, thiserror::Error)]
pub enum PortCause {
    /// `nic` names nothing.
    #[error(
        "there is no interface {0:?} in the daemon's network namespace (`ip link` lists what is there); create it, or correct `nic` in the site file"
    )]
    NicMissing(String),
    /// `netns` names nothing.
    #[error(
        "there is no network namespace at {path} ({source}); create it (`ip netns add`), or correct `netns` in the site file"
    )]
    NetnsMissing {
        /// The path in the site file.
        path: String,
        /// What opening it said.
        source: io::Error,
    },
    /// The path exists, and is no network namespace that the daemon may enter.
    #[error("cannot enter the network namespace at {path}: {source}; {hint}")]
    NetnsClosed {
        /// The path in the site file.
        path: String,
        /// What the kernel said.
        source: io::Error,
        /// What to do about it.
        hint: &'static str,
    },
    /// Somebody else's interface has the name.
    #[error(
        "the name {name:?} is taken by an interface that Skerry did not make{place}; rename or remove it, or choose another name in the site file"
    )]
    NameTaken {
        /// The interface name.
        name: String,
        /// ` in /run/netns/guest`, or nothing for the daemon's own namespace.
        place: String,
    },
    /// Another port has it, of this node or of another one that runs on this machine.
    #[error(
        "the name {name:?} is taken{place} by port {port}; load a site file without that port first, or choose another name"
    )]
    NameInUse {
        /// The interface name.
        name: String,
        /// ` in /run/netns/guest`, or nothing for the daemon's own namespace.
        place: String,
        /// `n1/b-i1`.
        port: String,
    },
    /// The name is not one the kernel would take.
    #[error(
        "{0:?} is no interface name: 1 to 15 bytes, not `.` or `..`, without `/`, `:` and spaces"
    )]
    BadName(String),
    /// No CAP_NET_ADMIN (or CAP_NET_RAW).
    #[error(
        "not allowed to {0}; run as root, give the daemon CAP_NET_ADMIN and CAP_NET_RAW, or use `skerry lab`, which brings its own namespaces"
    )]
    Permission(&'static str),
    /// `/dev/net/tun` is not there.
    #[error(
        "/dev/net/tun is missing; load the module (`modprobe tun`) or pass the device into the container, or attach the port as a veth"
    )]
    TunMissing,
    /// `/dev/net/tun` is closed to the daemon.
    #[error(
        "/dev/net/tun is closed to this user ({0}); run as root or open the device's mode, or attach the port as a veth"
    )]
    TunDenied(io::Error),
    /// An offload is switched `on`, and this kernel does not offer it.
    #[error(
        "tap = \"on\", and this kernel does not offer it ({0}); set it to \"auto\" or \"off\" under [offload]"
    )]
    Offload(io::Error),
    /// Any other refusal of the kernel.
    #[error("cannot {action}: {source}")]
    Kernel {
        /// What was tried.
        action: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// `pnet`'s datalink does not see VLAN tags.
    #[error(
        "a trunk needs `virtio_net_hdr`: set tap = \"auto\" under [offload] and the backend to \"packet\", or make it an access port"
    )]
    TrunkOnDatalink,
    /// The netlink actor is no more; nothing can be changed until the daemon restarts.
    #[error("the netlink task has ended; restart the daemon")]
    ManagerGone,
}

impl PortCause {
    /// Whether waiting mends it: what the port is attached to is not there, and comes, or comes
    /// back, without anybody's touching the node. At start such a port is in trouble, as it would be
    /// in a running node, and the others run: after a reboot the namespaces of containers are always
    /// gone.
    ///
    /// Everything else ends a start. A name that the kernel refuses or that somebody else's
    /// interface has, a missing right, a missing `/dev/net/tun`, an offload that is demanded and not
    /// offered: each is the same in an hour, and a node that seemed to run would hide it.
    pub fn is_absence(&self) -> bool {
        match self {
            Self::NicMissing(_) | Self::NetnsMissing { .. } => true,
            // A file that waits for `ip netns add` to mount the namespace on it: just being made,
            // or left over from before a reboot.
            Self::NetnsClosed { source, .. } => source.raw_os_error() == Some(libc::EINVAL),
            // It went while it was being taken, with its namespace or without it.
            Self::Kernel { source, .. } => {
                matches!(source.raw_os_error(), Some(libc::ENODEV | libc::ENXIO))
            }
            Self::NameTaken { .. }
            | Self::NameInUse { .. }
            | Self::BadName(_)
            | Self::Permission(_)
            | Self::TunMissing
            | Self::TunDenied(_)
            | Self::Offload(_)
            | Self::TrunkOnDatalink
            | Self::ManagerGone => false,
        }
    }

    /// Says in which namespace a name is taken.
    pub(crate) fn inside(self, path: &str) -> Self {
        if let Self::NameTaken { name, .. } = self {
            return Self::NameTaken {
                name,
                place: format!(" in {path}"),
            };
        }
        self
    }

    /// Names the port.
    pub(crate) fn on(self, port: &str) -> PortError {
        PortError {
            port: port.to_owned(),
            cause: self,
        }
    }
}
