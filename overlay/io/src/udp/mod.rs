//! The underlay: the UDP sockets that carry WireGuard, one per address family, on one port.

mod socket;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::BorrowedFd;

use skerry_overlay::Transmit;

use crate::snapshot::{OffloadsInUse, ShellCounters};
use crate::start_error::StartError;
use crate::switch::OffloadSwitches;

pub(crate) use socket::{Batch, UdpSocket};

/// How often a free port is looked for when both families want the same one and any will do.
const PORT_ATTEMPTS: usize = 8;

/// The sockets of a node. `0.0.0.0` and single addresses get one; `[::]` gets one per family, so
/// that no IPv4 address ever travels disguised as IPv6.
#[derive(Debug)]
pub(crate) struct Underlay {
    sockets: Vec<UdpSocket>,
}

impl Underlay {
    /// Bytes of datagrams that wait in a socket at most.
    pub(crate) const HOLDS: usize = socket::HOLDS;

    /// Binds, and gives the address with the port that was bound.
    pub(crate) fn bind(
        listen: SocketAddr,
        switches: OffloadSwitches,
    ) -> Result<(Self, SocketAddr), StartError> {
        let both = listen.is_ipv6() && listen.ip().is_unspecified();
        if !both {
            let socket = UdpSocket::bind(listen, switches)?;
            let bound = socket.local().map_err(no_address)?;
            return Ok((
                Self {
                    sockets: vec![socket],
                },
                bound,
            ));
        }
        let mut attempt = 1;
        loop {
            match Self::bind_both(listen, switches) {
                Err(StartError::AddressInUse(_))
                    if listen.port() == 0 && attempt < PORT_ATTEMPTS =>
                {
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    fn bind_both(
        listen: SocketAddr,
        switches: OffloadSwitches,
    ) -> Result<(Self, SocketAddr), StartError> {
        let six = UdpSocket::bind(listen, switches)?;
        let bound = six.local().map_err(no_address)?;
        let four = SocketAddr::from((Ipv4Addr::UNSPECIFIED, bound.port()));
        let four = UdpSocket::bind(four, switches)?;
        Ok((
            Self {
                sockets: vec![four, six],
            },
            bound,
        ))
    }

    /// Sends one batch from the socket of its family.
    pub(crate) fn send(&mut self, transmit: Transmit<'_>, counters: &mut ShellCounters) {
        let to = SocketAddr::new(transmit.to.ip().to_canonical(), transmit.to.port());
        let transmit = Transmit { to, ..transmit };
        let fits = |socket: &&mut UdpSocket| socket.is_ipv6() == to.is_ipv6();
        match self.sockets.iter_mut().find(fits) {
            Some(socket) => socket.send(transmit, counters),
            None => {
                counters.send_failed += count(transmit.bytes.len(), transmit.size);
            }
        }
    }

    /// Reads one batch from the socket with this number.
    pub(crate) fn recv(
        &mut self,
        number: usize,
        buf: &mut [u8],
        counters: &mut ShellCounters,
    ) -> Option<Batch> {
        self.sockets.get_mut(number)?.recv(buf, counters)
    }

    /// The sockets, by number.
    pub(crate) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.sockets.iter().map(UdpSocket::as_fd)
    }

    /// Whether the kernel joins datagrams, and no more under these switches.
    pub(crate) fn stops_joining(&self, switches: OffloadSwitches) -> bool {
        let mut sockets = self.sockets.iter();
        sockets.any(|socket| socket.stops_joining(switches))
    }

    /// Uses these offloads from now on.
    pub(crate) fn switch(&mut self, switches: OffloadSwitches) {
        for socket in &mut self.sockets {
            socket.switch(switches);
        }
    }

    /// What every socket uses.
    pub(crate) fn offloads(&self) -> OffloadsInUse {
        OffloadsInUse {
            gso: self.sockets.iter().all(UdpSocket::uses_gso),
            gro: self.sockets.iter().all(UdpSocket::uses_gro),
        }
    }
}

/// How many datagrams a batch of `len` bytes is.
pub(crate) fn count(len: usize, size: usize) -> u64 {
    u64::try_from(len.div_ceil(size.max(1))).unwrap_or(u64::MAX)
}

fn no_address(source: io::Error) -> StartError {
    StartError::Kernel {
        action: "read the address of the UDP socket",
        source,
    }
}
