//! One UDP socket: many datagrams in one system call where the kernel can (`UDP_SEGMENT`,
//! `UDP_GRO`), one by one where it cannot, or where it turns out that it could not after all.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

use skerry_overlay::{Ecn, Transmit};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::count;
use crate::kernel::sorts_datagrams;
use crate::snapshot::ShellCounters;
use crate::start_error::StartError;
use crate::switch::{OffloadSwitches, Switch};
use crate::sys;

/// Bytes of datagrams that may wait in either direction.
const BUFFER: libc::c_int = 8 << 20;

/// Bytes of datagrams that wait at most: the kernel takes twice what it is told, for what it needs
/// besides.
pub(super) const HOLDS: usize = 2 * BUFFER as usize;

/// How often a full socket is tried again before the batch is given up.
const SPINS: usize = 64;

/// Datagrams that were read at once, all but the last of `size` bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch {
    pub(crate) from: SocketAddr,
    pub(crate) len: usize,
    pub(crate) size: usize,
    /// What the IP header of each said of congestion; nothing, where they may differ in it.
    pub(crate) ecn: Ecn,
}

/// A bound socket, never waited on.
#[derive(Debug)]
pub(crate) struct UdpSocket {
    socket: Socket,
    ipv6: bool,
    gso: bool,
    gro: bool,
    /// The kernel joins no datagrams that say different things of congestion.
    sorted: bool,
    /// The kernel lets datagrams say something of congestion.
    ecn: bool,
    /// `SO_RXQ_OVFL` as last seen: a counter of 32 bits that wraps.
    overflow: u32,
}

impl UdpSocket {
    /// Binds one address of one family.
    pub(crate) fn bind(listen: SocketAddr, switches: OffloadSwitches) -> Result<Self, StartError> {
        Self::bind_where(listen, switches, sorts_datagrams())
    }

    /// Where the kernel joins only what says the same of congestion, or where it does not look.
    fn bind_where(
        listen: SocketAddr,
        switches: OffloadSwitches,
        sorted: bool,
    ) -> Result<Self, StartError> {
        let kernel = |action| move |source| StartError::Kernel { action, source };
        let domain = Domain::for_address(listen);
        let socket = Socket::new(
            domain,
            Type::DGRAM.nonblocking().cloexec(),
            Some(Protocol::UDP),
        )
        .map_err(kernel("make a UDP socket"))?;
        if listen.is_ipv6() {
            socket
                .set_only_v6(true)
                .map_err(kernel("keep IPv4 out of the IPv6 socket"))?;
        }
        size_buffers(socket.as_fd()).map_err(kernel("size the buffers of the UDP socket"))?;
        probe_mtu(socket.as_fd(), listen.is_ipv6()).map_err(kernel("set DF on the UDP socket"))?;
        socket
            .bind(&SockAddr::from(listen))
            .map_err(|source| refused(listen, source))?;
        hear_marks(socket.as_fd(), listen.is_ipv6())
            .map_err(kernel("ask for the ECN field of datagrams"))?;
        let gso = enable(&socket, libc::UDP_SEGMENT, 0, switches.gso, "gso")?;
        let wanted = unmixed(switches.gro, sorted);
        let gro = enable(&socket, libc::UDP_GRO, 1, wanted, "gro")?;
        // Without it the kernel's drops are only in /proc/net/snmp: not worth failing for.
        sys::set_int(socket.as_fd(), libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1).ok();
        Ok(Self {
            socket,
            ipv6: listen.is_ipv6(),
            gso,
            gro,
            sorted,
            ecn: true,
            overflow: 0,
        })
    }

    pub(crate) fn local(&self) -> io::Result<SocketAddr> {
        let address = self.socket.local_addr()?;
        address
            .as_socket()
            .ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    pub(crate) const fn is_ipv6(&self) -> bool {
        self.ipv6
    }

    pub(crate) const fn uses_gso(&self) -> bool {
        self.gso
    }

    pub(crate) const fn uses_gro(&self) -> bool {
        self.gro
    }

    /// Whether the kernel joins datagrams, and no more under these switches.
    pub(crate) const fn stops_joining(&self, switches: OffloadSwitches) -> bool {
        self.gro && !unmixed(switches.gro, self.sorted).wanted()
    }

    /// Uses these offloads from now on, as far as the kernel offers them.
    pub(crate) fn switch(&mut self, switches: OffloadSwitches) {
        self.gso = self.try_to(libc::UDP_SEGMENT, 0, switches.gso, "gso");
        let gro = unmixed(switches.gro, self.sorted);
        if !gro.wanted() {
            sys::set_int(self.as_fd(), libc::SOL_UDP, libc::UDP_GRO, 0).ok();
        }
        self.gro = self.try_to(libc::UDP_GRO, 1, gro, "gro");
    }

    fn try_to(
        &self,
        option: libc::c_int,
        value: libc::c_int,
        switch: Switch,
        offload: &'static str,
    ) -> bool {
        enable(&self.socket, option, value, switch, offload).unwrap_or_else(|error| {
            tracing::warn!("{error}");
            false
        })
    }

    /// Reads what one system call gives; `None` when nothing waits.
    pub(crate) fn recv(&mut self, buf: &mut [u8], counters: &mut ShellCounters) -> Option<Batch> {
        let mut control = sys::Control::new();
        let (received, from) = sys::recv_datagrams(self.as_fd(), buf, &mut control).ok()?;
        let mut size = received.len;
        let mut ecn = Ecn::NotEct;
        for item in sys::control_items(&control, received.control) {
            let number = item.data.first_chunk::<4>();
            match (item.level, item.kind, number, item.data) {
                (libc::SOL_UDP, libc::UDP_GRO, Some(&number), _) => {
                    size = usize::try_from(i32::from_ne_bytes(number)).unwrap_or(size);
                }
                // The kernel's types: a byte over IPv4, a number over IPv6.
                (libc::IPPROTO_IP, libc::IP_TOS, _, &[tos, ..]) => ecn = Ecn::of_tos(tos),
                (libc::IPPROTO_IPV6, libc::IPV6_TCLASS, Some(&number), _) => {
                    let [tos, ..] = i32::from_ne_bytes(number).to_le_bytes();
                    ecn = Ecn::of_tos(tos);
                }
                (libc::SOL_SOCKET, libc::SO_RXQ_OVFL, Some(&number), _) => {
                    let overflow = u32::from_ne_bytes(number);
                    counters.receive_overflow += u64::from(overflow.wrapping_sub(self.overflow));
                    self.overflow = overflow;
                }
                _ => {}
            }
        }
        if size < received.len && !self.sorted {
            ecn = Ecn::NotEct;
        }
        counters.receives += 1;
        counters.datagrams_in += count(received.len, size).max(1);
        Some(Batch {
            from,
            len: received.len,
            size: size.max(1),
            ecn,
        })
    }

    /// Sends a batch, or counts what of it was lost.
    pub(crate) fn send(&mut self, transmit: Transmit<'_>, counters: &mut ShellCounters) {
        let Transmit {
            to,
            bytes,
            size,
            ecn,
        } = transmit;
        let to = SockAddr::from(to);
        if bytes.len() <= size || !self.gso {
            self.send_each(&to, bytes, size, ecn, counters);
            return;
        }
        match self.push(&to, bytes, u16::try_from(size).ok(), ecn, counters) {
            Ok(()) => counters.datagrams_out += count(bytes.len(), size),
            // The driver cannot checksum (EIO), or the kernel wants no such batch (EINVAL): one
            // by one, and if that works it was the batching, which is then over for this socket.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EIO | libc::EINVAL)) => {
                if self.send_each(&to, bytes, size, ecn, counters) {
                    tracing::warn!(%error, "UDP GSO failed on a send; it is off from now on");
                    self.gso = false;
                }
            }
            Err(error) => lost(&error, count(bytes.len(), size), counters),
        }
    }

    /// One system call for each datagram; says whether all of them went out.
    fn send_each(
        &mut self,
        to: &SockAddr,
        bytes: &[u8],
        size: usize,
        ecn: Ecn,
        counters: &mut ShellCounters,
    ) -> bool {
        let mut all = true;
        for datagram in bytes.chunks(size.max(1)) {
            match self.push(to, datagram, None, ecn, counters) {
                Ok(()) => counters.datagrams_out += 1,
                Err(error) => {
                    all = false;
                    lost(&error, 1, counters);
                }
            }
        }
        all
    }

    /// One system call with everything the kernel takes. What it does not let out with marks, a
    /// firewall of the node perhaps, goes without, and so does all that follows.
    fn push(
        &mut self,
        to: &SockAddr,
        bytes: &[u8],
        segment: Option<u16>,
        ecn: Ecn,
        counters: &mut ShellCounters,
    ) -> io::Result<()> {
        let tos = if self.ecn { ecn.tos() } else { 0 };
        match self.try_push(to, bytes, segment, tos, counters) {
            Err(error)
                if tos != 0 && matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EPERM)) =>
            {
                let bare = self.try_push(to, bytes, segment, 0, counters);
                if bare.is_ok() {
                    tracing::warn!(%error, "ECN failed on a send; it is off from now on");
                    self.ecn = false;
                }
                bare
            }
            result => result,
        }
    }

    /// Tries a bounded number of times while the socket is full.
    fn try_push(
        &self,
        to: &SockAddr,
        bytes: &[u8],
        segment: Option<u16>,
        tos: u8,
        counters: &mut ShellCounters,
    ) -> io::Result<()> {
        let mut spins = 0;
        loop {
            counters.sends += 1;
            let result = sys::send_datagrams(self.as_fd(), to, bytes, segment, tos);
            let full = |error: &io::Error| {
                matches!(
                    error.raw_os_error(),
                    Some(libc::EAGAIN | libc::ENOBUFS | libc::EINTR)
                )
            };
            match result {
                Err(error) if full(&error) && spins < SPINS => {
                    spins += 1;
                    std::thread::yield_now();
                }
                result => return result,
            }
        }
    }
}

fn lost(error: &io::Error, datagrams: u64, counters: &mut ShellCounters) {
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::ENOBUFS | libc::EINTR) => counters.send_full += datagrams,
        Some(libc::EMSGSIZE) => counters.send_too_big += datagrams,
        _ => counters.send_failed += datagrams,
    }
}

/// Beyond the system's limit as root, up to it as anybody else.
fn size_buffers(socket: BorrowedFd<'_>) -> io::Result<()> {
    for (force, plain) in [
        (libc::SO_RCVBUFFORCE, libc::SO_RCVBUF),
        (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF),
    ] {
        sys::set_int(socket, libc::SOL_SOCKET, force, BUFFER)
            .or_else(|_| sys::set_int(socket, libc::SOL_SOCKET, plain, BUFFER))?;
    }
    Ok(())
}

/// DF on every datagram, whatever the kernel believes the path's MTU to be: the overlay computes
/// its own, and must never be fragmented silently.
fn probe_mtu(socket: BorrowedFd<'_>, ipv6: bool) -> io::Result<()> {
    if ipv6 {
        sys::set_int(
            socket,
            libc::IPPROTO_IPV6,
            libc::IPV6_MTU_DISCOVER,
            libc::IPV6_PMTUDISC_PROBE,
        )
    } else {
        sys::set_int(
            socket,
            libc::IPPROTO_IP,
            libc::IP_MTU_DISCOVER,
            libc::IP_PMTUDISC_PROBE,
        )
    }
}

/// Lets every read say what the IP header of its datagrams said of congestion.
fn hear_marks(socket: BorrowedFd<'_>, ipv6: bool) -> io::Result<()> {
    if ipv6 {
        sys::set_int(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS, 1)
    } else {
        sys::set_int(socket, libc::IPPROTO_IP, libc::IP_RECVTOS, 1)
    }
}

/// `UDP_GRO` is not used by itself where it takes one datagram's mark for all that it joins: marks
/// would get lost, or be put on what cannot carry them. Whoever demands it gets it without marks.
const fn unmixed(switch: Switch, sorted: bool) -> Switch {
    match switch {
        Switch::Auto if !sorted => Switch::Off,
        Switch::Auto | Switch::On | Switch::Off => switch,
    }
}

/// Switches an offload on where the kernel has it; says whether it is on.
fn enable(
    socket: &Socket,
    option: libc::c_int,
    value: libc::c_int,
    switch: Switch,
    offload: &'static str,
) -> Result<bool, StartError> {
    if !switch.wanted() {
        return Ok(false);
    }
    match sys::set_int(socket.as_fd(), libc::SOL_UDP, option, value) {
        Ok(()) => Ok(true),
        Err(source) if switch == Switch::On => Err(StartError::Offload { offload, source }),
        Err(_) => Ok(false),
    }
}

fn refused(listen: SocketAddr, source: io::Error) -> StartError {
    match source.raw_os_error() {
        Some(libc::EADDRINUSE) => StartError::AddressInUse(listen),
        Some(libc::EADDRNOTAVAIL) => StartError::AddressUnavailable(listen),
        Some(libc::EACCES | libc::EPERM) => StartError::Permission(listen),
        _ => StartError::Kernel {
            action: "bind the UDP socket",
            source,
        },
    }
}

#[cfg(test)]
mod tests;
