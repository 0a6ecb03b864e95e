//! `SIOCETHTOOL`, for the offloads of a device (`linux/ethtool.h`).

use std::io;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::{check, if_name};

/// What can be read and set by one number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Feature {
    /// Flags of the device, among them large receive offload and VLAN tags.
    Flags,
    /// Generic receive offload.
    GenericReceive,
    /// Generic segmentation.
    GenericSegmentation,
    /// TCP segmentation.
    TcpSegmentation,
    /// Checksums of what is sent.
    TransmitChecksum,
}

impl Feature {
    /// The commands that get and set it. All of them carry a `struct ethtool_value`, which the
    /// ioctl below relies on.
    const fn commands(self) -> (u32, u32) {
        match self {
            Self::Flags => (0x25, 0x26),
            Self::GenericReceive => (0x2b, 0x2c),
            Self::GenericSegmentation => (0x23, 0x24),
            Self::TcpSegmentation => (0x1e, 0x1f),
            Self::TransmitChecksum => (0x16, 0x17),
        }
    }
}

/// Reads a feature of an interface.
pub(crate) fn get(socket: BorrowedFd<'_>, interface: &str, feature: Feature) -> io::Result<u32> {
    ioctl(socket, interface, feature.commands().0, 0)
}

/// Sets a feature of an interface.
pub(crate) fn set(
    socket: BorrowedFd<'_>,
    interface: &str,
    feature: Feature,
    value: u32,
) -> io::Result<()> {
    ioctl(socket, interface, feature.commands().1, value).map(drop)
}

/// `struct ethtool_value` of `linux/ethtool.h`.
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

fn ioctl(socket: BorrowedFd<'_>, interface: &str, command: u32, data: u32) -> io::Result<u32> {
    let mut value = EthtoolValue { command, data };
    // SAFETY: ifreq is integers and unions of them, for which all zeros is a value.
    let mut request: libc::ifreq = unsafe { zeroed() };
    request.ifr_name = if_name(interface)?;
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    // SAFETY: SIOCETHTOOL reads the ifreq and, for the commands of `Feature`, reads and writes
    // the eight bytes of the struct ethtool_value that its pointer names; both live here.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) })?;
    Ok(value.data)
}
