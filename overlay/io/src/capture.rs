//! A raw socket on one interface that sees what the interface receives (packet(7)): the probe of
//! the lab and of tests, apart from every counter of the product.

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::RecvFlags;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// Sends whole Ethernet frames, and receives every frame that arrives, its own excluded.
#[derive(Debug)]
pub struct PacketSocket(Socket);

impl PacketSocket {
    /// Binds to `device` in the calling thread's network namespace.
    ///
    /// # Errors
    /// `EPERM` without `CAP_NET_RAW`, `ENODEV` when there is no such interface.
    pub fn open(device: &str) -> io::Result<Self> {
        // Protocol 0 receives nothing until `bind` names both interface and protocol, so no frame
        // of another interface can slip in between.
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0)))?;
        let index = rustix::net::netdevice::name_to_index(&socket, device)?;
        ignore_outgoing(socket.as_fd())?;
        socket.bind(&link_address(index)?)?;
        Ok(Self(socket))
    }

    /// Sends one frame; it starts with the destination MAC.
    ///
    /// # Errors
    /// `ENETDOWN` when the interface is down, `ENOBUFS` when its queue is full.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        self.0.send(frame).map(drop)
    }

    /// Takes the next frame, if one is there, and returns its length, cut at the end of `buffer`.
    ///
    /// # Errors
    /// `ENETDOWN` once after the interface went down; the kernel's others.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match rustix::net::recv(&self.0, buffer, RecvFlags::DONTWAIT) {
            Ok((length, _)) => Ok(Some(length)),
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until a frame is there, at most for `timeout`; says whether one is.
    ///
    /// # Errors
    /// The kernel's.
    pub fn wait(&self, timeout: Duration) -> io::Result<bool> {
        let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&timeout)) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Frames that arrived and found no room since the last call: what the probe did not see.
    ///
    /// # Errors
    /// The kernel's.
    pub fn missed(&self) -> io::Result<u32> {
        let mut stats = MaybeUninit::<libc::tpacket_stats>::zeroed();
        let mut length = libc::socklen_t::try_from(size_of::<libc::tpacket_stats>())
            .map_err(io::Error::other)?;
        // SAFETY: pointer and length describe `stats`, which outlives the call.
        let result = unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                stats.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: zeroed bytes are a valid `tpacket_stats`, and the kernel wrote two integers.
        Ok(unsafe { stats.assume_init() }.tp_drops)
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Leaves out what this host itself sends, which is no reception.
fn ignore_outgoing(socket: BorrowedFd<'_>) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: pointer and length (of a C int) describe `on`, which outlives the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_IGNORE_OUTGOING,
            (&raw const on).cast(),
            libc::socklen_t::try_from(size_of::<libc::c_int>()).map_err(io::Error::other)?,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Every protocol on one interface.
fn link_address(index: u32) -> io::Result<SockAddr> {
    let family = libc::sa_family_t::try_from(libc::AF_PACKET).map_err(io::Error::other)?;
    let protocol = u16::try_from(libc::ETH_P_ALL).map_err(io::Error::other)?;
    let index = i32::try_from(index).map_err(io::Error::other)?;
    let size =
        libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).map_err(io::Error::other)?;
    // SAFETY: `sockaddr_ll` fits the storage, which is aligned for every socket address and
    // zeroed, a valid `sockaddr_ll`; the closure reports the size it filled.
    let ((), address) = unsafe {
        SockAddr::try_init(|storage, length| {
            let link = storage.cast::<libc::sockaddr_ll>();
            (*link).sll_family = family;
            (*link).sll_protocol = protocol.to_be();
            (*link).sll_ifindex = index;
            *length = size;
            Ok(())
        })
    }?;
    Ok(address)
}
