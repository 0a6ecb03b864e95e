//! Offloads of a device, switched off (`ethtool -K`): all of them while a port needs finished frames,
//! and for good those whose frames nobody here could finish.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::sys::ethtool::{self, Feature};

/// What is to be off, and which bits of it: the flags are large receive offload (15) and tags
/// that the device takes out of (8) or puts into (7) frames.
const SWITCHES: &[(Feature, u32)] = &[
    (Feature::GenericReceive, u32::MAX),
    (Feature::TcpSegmentation, u32::MAX),
    (Feature::GenericSegmentation, u32::MAX),
    (Feature::TransmitChecksum, u32::MAX),
    (Feature::Flags, 1 << 15 | 1 << 8 | 1 << 7),
];

/// Superframes that a `virtio_net_hdr` has no words for, or not enough, by the kernel's names for
/// them: those of tunnels, of which it only tells what is inside, and of SCTP.
const UNTOLD: &[&str] = &[
    "tx-udp_tnl-segmentation",
    "tx-udp_tnl-csum-segmentation",
    "tx-gre-segmentation",
    "tx-gre-csum-segmentation",
    "tx-ipxip4-segmentation",
    "tx-ipxip6-segmentation",
    "tx-sctp-segmentation",
];

/// Lets an interface of the calling thread's namespace hand over no superframe that cannot be cut at
/// its other end. The stack above it cuts them instead.
///
/// # Errors
/// No CAP_NET_ADMIN, or no such interface.
pub(crate) fn cut_untold(interface: &str) -> io::Result<()> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, flags, None)?;
    ethtool::switch_off(socket.as_fd(), interface, UNTOLD)
}

/// Offloads that were on. Dropping it switches them on again, last one first.
#[derive(Debug)]
pub(crate) struct Switched {
    socket: OwnedFd,
    interface: String,
    /// What was on, and how.
    before: Vec<(Feature, u32)>,
}

impl Switched {
    /// Switches off what is on. What a device does not know, or does not let go of, is left: the
    /// kernel says `EOPNOTSUPP` for offloads that a driver lacks.
    ///
    /// # Errors
    /// No CAP_NET_ADMIN, or no such interface; everything is as it was.
    pub(crate) fn off(interface: &str) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, flags, None)?;
        let mut switched = Self {
            socket,
            interface: interface.to_owned(),
            before: Vec::new(),
        };
        for &(feature, bits) in SWITCHES {
            switched.switch(feature, bits)?;
        }
        Ok(switched)
    }

    fn switch(&mut self, feature: Feature, bits: u32) -> io::Result<()> {
        let socket = self.socket.as_fd();
        let on = match ethtool::get(socket, &self.interface, feature) {
            Ok(on) => on,
            Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => return Ok(()),
            Err(error) => return Err(error),
        };
        if on & bits == 0 {
            return Ok(());
        }
        match ethtool::set(socket, &self.interface, feature, on & !bits) {
            Ok(()) => self.before.push((feature, on)),
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => return Err(error),
            Err(error) => {
                tracing::debug!(interface = self.interface, ?feature, %error, "offload stays on");
            }
        }
        Ok(())
    }

    /// Leaves them off for good.
    pub(crate) fn keep(mut self) {
        self.before.clear();
    }
}

impl Drop for Switched {
    fn drop(&mut self) {
        for &(feature, value) in self.before.iter().rev() {
            if let Err(error) = ethtool::set(self.socket.as_fd(), &self.interface, feature, value) {
                // An interface that went away needs nothing back.
                tracing::debug!(interface = self.interface, ?feature, %error, "offload not restored");
            }
        }
    }
}
