//! The offloads of a device, switched off while a port needs finished frames (`ethtool -K`).

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::sys;

/// Getter and setter of one offload, and the bits of it that are to be off (`linux/ethtool.h`).
const SWITCHES: &[(u32, u32, u32)] = &[
    (0x2b, 0x2c, u32::MAX), // generic receive offload
    (0x1e, 0x1f, u32::MAX), // TCP segmentation
    (0x23, 0x24, u32::MAX), // generic segmentation
    (0x16, 0x17, u32::MAX), // transmit checksums
    // Large receive offload and tags taken out of, or put into, frames by the device.
    (0x25, 0x26, 1 << 15 | 1 << 8 | 1 << 7),
];

/// Offloads that were on. Dropping it switches them on again, last one first.
#[derive(Debug)]
pub(crate) struct Switched {
    socket: OwnedFd,
    interface: String,
    /// Setter and the value it had.
    before: Vec<(u32, u32)>,
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
        for &(get, set, bits) in SWITCHES {
            switched.switch(get, set, bits)?;
        }
        Ok(switched)
    }

    fn switch(&mut self, get: u32, set: u32, bits: u32) -> io::Result<()> {
        let socket = self.socket.as_fd();
        let on = match sys::ethtool(socket, &self.interface, get, 0) {
            Ok(on) => on,
            Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => return Ok(()),
            Err(error) => return Err(error),
        };
        if on & bits == 0 {
            return Ok(());
        }
        match sys::ethtool(socket, &self.interface, set, on & !bits) {
            Ok(_) => self.before.push((set, on)),
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => return Err(error),
            Err(error) => {
                tracing::debug!(interface = self.interface, set, %error, "offload stays on")
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
        for &(set, value) in self.before.iter().rev() {
            if let Err(error) = sys::ethtool(self.socket.as_fd(), &self.interface, set, value) {
                // An interface that went away needs nothing back.
                tracing::debug!(interface = self.interface, set, %error, "offload not restored");
            }
        }
    }
}
