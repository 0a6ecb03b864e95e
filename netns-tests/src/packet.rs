//! AF_PACKET sockets, opened inside a namespace: how the suite sends and sees frames.

use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, recvfrom, sendto,
    setsockopt, socket, sockopt,
};

use crate::netns::Netns;

/// Bytes the kernel may hold for one receiver. Large, because a frame that is missing must mean
/// that the product lost it.
const BACKLOG: usize = 64 << 20;
const OUTGOING: u8 = 4;

/// Sees every frame of every interface of a namespace, also of interfaces made later.
#[derive(Debug)]
pub struct Receiver {
    fd: OwnedFd,
}

impl Receiver {
    /// Opens a socket on no interface in particular.
    ///
    /// # Errors
    /// Without CAP_NET_RAW in the namespace.
    pub fn open(netns: &Netns) -> Result<Self> {
        let open = || {
            socket(
                AddressFamily::Packet,
                SockType::Raw,
                flags(),
                SockProtocol::EthAll,
            )
        };
        let fd = netns.enter(open)?.context("no packet socket")?;
        setsockopt(&fd, sockopt::RcvBufForce, &BACKLOG)?;
        Ok(Self { fd })
    }

    /// Waits until a frame is there, or the time is over.
    ///
    /// # Errors
    /// When the socket is no more.
    pub fn wait(&self, limit: Duration) -> Result<bool> {
        wait(&self.fd, PollFlags::POLLIN, limit)
    }

    /// The next frame that arrived from outside, with its interface; `None` when all were read.
    ///
    /// # Errors
    /// When the socket is no more.
    pub fn receive<'a>(&self, buffer: &'a mut [u8]) -> Result<Option<(&'a [u8], usize)>> {
        self.next(buffer, false)
    }

    /// The next frame that was sent from inside, with its interface. Its bytes are those that
    /// left, where a frame that arrives has lost its VLAN tag to the kernel.
    ///
    /// # Errors
    /// When the socket is no more.
    pub fn overhear<'a>(&self, buffer: &'a mut [u8]) -> Result<Option<(&'a [u8], usize)>> {
        self.next(buffer, true)
    }

    fn next<'a>(&self, buffer: &'a mut [u8], outgoing: bool) -> Result<Option<(&'a [u8], usize)>> {
        loop {
            let (length, from) = match recvfrom::<LinkAddr>(self.fd.as_raw_fd(), buffer) {
                Ok(received) => received,
                Err(Errno::EAGAIN) => return Ok(None),
                // An interface went down or away; the socket serves the others and the next.
                Err(Errno::EINTR | Errno::ENETDOWN | Errno::ENXIO) => continue,
                Err(error) => return Err(error).context("a packet socket failed"),
            };
            let from = from.context("a frame without an interface")?;
            if (from.pkttype() == OUTGOING) == outgoing {
                let length = length.min(buffer.len());
                return Ok(Some((&buffer[..length], from.ifindex())));
            }
        }
    }
}

/// Puts frames on one interface of a namespace.
#[derive(Debug)]
pub struct Sender {
    fd: OwnedFd,
    link: LinkAddr,
}

impl Sender {
    /// Opens a sender for the interface of this name.
    ///
    /// # Errors
    /// When there is no such interface.
    pub fn open(netns: &Netns, name: &str) -> Result<Self> {
        netns.enter(|| {
            let link = getifaddrs()?
                .filter(|entry| entry.interface_name == name)
                .find_map(|entry| entry.address?.as_link_addr().copied())
                .with_context(|| format!("{} has no {name}", netns.path().display()))?;
            let fd = socket(AddressFamily::Packet, SockType::Raw, flags(), None)?;
            setsockopt(&fd, sockopt::SndBuf, &(4 << 20))?;
            Ok(Self { fd, link })
        })?
    }

    /// Sends one frame, waiting for room where the interface has none.
    ///
    /// # Errors
    /// When the interface is down or gone.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        loop {
            match sendto(self.fd.as_raw_fd(), frame, &self.link, MsgFlags::empty()) {
                Ok(_) => return Ok(()),
                Err(Errno::EAGAIN | Errno::ENOBUFS) => {
                    let wait = wait(&self.fd, PollFlags::POLLOUT, Duration::from_millis(10));
                    wait.map_err(io::Error::other)?;
                }
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn flags() -> SockFlag {
    SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK
}

fn wait(fd: &OwnedFd, events: PollFlags, limit: Duration) -> Result<bool> {
    let timeout = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
    match poll(&mut [PollFd::new(fd.as_fd(), events)], timeout) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::EINTR) => Ok(false),
        Err(error) => Err(error).context("poll"),
    }
}

/// The interfaces of a namespace, by index.
///
/// # Errors
/// When the namespace is gone.
pub fn links(netns: &Netns) -> Result<Vec<(usize, String)>> {
    netns.enter(|| {
        let links = getifaddrs()?.filter_map(|entry| {
            let index = entry.address?.as_link_addr()?.ifindex();
            Some((index, entry.interface_name))
        });
        Ok(links.collect())
    })?
}
