//! `AF_PACKET` on an interface that exists: what its other end sends comes in, what is written
//! goes out of it, with `virtio_net_hdr` before every frame in both directions.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use skerry_overlay::{Frame, Offload, Refused, finish_sctp};

use super::fanout::{self, Group};
use super::shared::Shared;
use super::vnet;
use super::whole::Whole;
use super::{Capabilities, Port, PortCause, Queue, RxHalf, Superframes, TxHalf};
use crate::kernel::takes_datagrams;
use crate::switch::Switch;
use crate::sys;

/// Bytes of frames that may wait for the worker.
const RECEIVE_BUFFER: libc::c_int = 8 << 20;

/// Every protocol (`linux/if_ether.h`); libc has it as an int.
const ETH_P_ALL: u16 = 3;

/// 802.1Q, where the kernel does not say which kind of tag it stripped.
const ETH_P_8021Q: u16 = 0x8100;

/// Opens the interface with this index in the calling thread's network namespace. Promiscuous
/// for as long as the port lives; the kernel ends that however the process ends.
///
/// With several queues each is a socket of one group, which gets the flows that a hash of the kernel
/// gives it. Both directions of a flow have the same hash, but the two ends of a tunnel do not have
/// the same one: the two directions may take different lanes, each its own for good.
///
/// # Errors
/// No CAP_NET_RAW, or the interface went away.
pub(crate) fn open(index: u32, queues: usize) -> Result<Port, PortCause> {
    let sockets = match queues {
        0 | 1 => vec![raw_socket(index, Ear::Open)?],
        queues => group(index, queues)?,
    };
    let queue = |socket: OwnedFd| {
        let socket = Shared::from(socket);
        Queue {
            rx: Box::new(Packet::new(socket.clone())),
            tx: Box::new(Packet::new(socket)),
        }
    };
    Ok(Port {
        queues: sockets.into_iter().map(queue).collect(),
        capabilities: Capabilities {
            backend: "packet",
            superframes: superframes(Switch::Auto),
        },
        up: false,
        since: None,
    })
}

/// One socket for every queue. A kernel that makes no such group gives one queue.
fn group(index: u32, queues: usize) -> Result<Vec<OwnedFd>, PortCause> {
    let mut sockets = vec![raw_socket(index, Ear::Deaf)?];
    if let Err(error) = fill(&mut sockets, index, queues) {
        tracing::info!(%error, "one worker reads this interface: its flows cannot be shared out");
        drop(sockets);
        return Ok(vec![raw_socket(index, Ear::Open)?]);
    }
    for socket in &sockets {
        fanout::hear_incoming(socket).map_err(kernel("filter what the host sends itself"))?;
    }
    Ok(sockets)
}

fn fill(sockets: &mut Vec<OwnedFd>, index: u32, queues: usize) -> io::Result<()> {
    let first = sockets.first().ok_or(io::ErrorKind::NotFound)?;
    let group = Group::of(first)?;
    for _ in 1..queues {
        let socket = raw_socket(index, Ear::Deaf).map_err(io::Error::other)?;
        group.add(&socket)?;
        sockets.push(socket);
    }
    Ok(())
}

/// Whether a socket hears anything from the start.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ear {
    Open,
    Deaf,
}

fn raw_socket(index: u32, ear: Ear) -> Result<OwnedFd, PortCause> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    // Without a protocol the socket is deaf: nothing from other interfaces slips in before it is
    // bound, and nothing from this one before every option is set.
    let socket =
        socket_with(AddressFamily::PACKET, SocketType::RAW, flags, None).map_err(|error| {
            match error {
                rustix::io::Errno::PERM => PortCause::Permission("open a packet socket"),
                _ => kernel("open a packet socket")(error.into()),
            }
        })?;
    let fd = socket.as_fd();
    let index = libc::c_int::try_from(index).map_err(|_| {
        kernel("use an interface index beyond 31 bits")(io::ErrorKind::InvalidInput.into())
    })?;
    let option = |name, action| sys::set_int(fd, libc::SOL_PACKET, name, 1).map_err(kernel(action));
    option(
        libc::PACKET_VNET_HDR,
        "ask for virtio_net_hdr on the packet socket",
    )?;
    option(
        libc::PACKET_AUXDATA,
        "ask for VLAN tags on the packet socket",
    )?;
    option(
        libc::PACKET_IGNORE_OUTGOING,
        "ignore outgoing frames on the packet socket",
    )?;
    // Root in its own user namespace may not use FORCE and gets what the system's limit allows.
    let forced = sys::set_int(fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, RECEIVE_BUFFER);
    forced
        .or_else(|_| sys::set_int(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, RECEIVE_BUFFER))
        .map_err(kernel("size the buffer of the packet socket"))?;
    if ear == Ear::Deaf {
        fanout::deafen(&socket).map_err(kernel("filter the packet socket"))?;
    }
    sys::join_promiscuous(fd, index).map_err(kernel("make the interface promiscuous"))?;
    sys::bind_packet(fd, index, ETH_P_ALL)
        .map_err(kernel("bind the packet socket to the interface"))?;
    Ok(socket)
}

/// What this kernel takes on a packet socket.
fn superframes(switch: Switch) -> Superframes {
    match (switch.wanted(), takes_datagrams()) {
        (false, _) => Superframes::None,
        (true, false) => Superframes::Tcp,
        (true, true) => Superframes::All,
    }
}

fn kernel(action: &'static str) -> impl FnOnce(io::Error) -> PortCause {
    move |source| PortCause::Kernel { action, source }
}

/// Either side of a packet socket, in a cache line of its own.
#[derive(Debug)]
#[repr(align(64))]
struct Packet {
    socket: Shared,
    whole: Whole,
}

impl Packet {
    fn new(socket: Shared) -> Self {
        let whole = Whole::new(superframes(Switch::Auto));
        Self { socket, whole }
    }
}

impl RxHalf for Packet {
    fn recv(&mut self, buf: &mut [u8]) -> io::Result<Option<(usize, Offload)>> {
        let mut header = [0; vnet::HEADER];
        let mut control = sys::Control::new();
        let mut parts = [IoSliceMut::new(&mut header), IoSliceMut::new(buf)];
        let received = match sys::recv_message(self.socket.as_fd(), &mut parts, &mut control, None)
        {
            Ok(received) => received,
            Err(error) => return super::unread(error),
        };
        let len = received
            .len
            .checked_sub(vnet::HEADER)
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        if received.truncated {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let offload = vnet::parse(header, len).map_err(|_| io::ErrorKind::InvalidData)?;
        let offload = finish_sctp(buf.get_mut(..len).unwrap_or_default(), offload);
        match stripped_tag(&control, received.control) {
            None => Ok(Some((len, offload))),
            Some(tag) => restore(buf, len, offload, tag).map(Some),
        }
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The tag that the kernel took out of the frame, type first.
pub(super) fn stripped_tag(control: &sys::Control, len: usize) -> Option<[u8; 4]> {
    let auxdata = sys::control_items(control, len)
        .find(|item| item.level == libc::SOL_PACKET && item.kind == libc::PACKET_AUXDATA)?;
    // struct tpacket_auxdata: status, len, snaplen (u32 each), mac, net, tci, tpid (u16 each).
    let [s0, s1, s2, s3] = *auxdata.data.first_chunk()?;
    let status = u32::from_ne_bytes([s0, s1, s2, s3]);
    let [t0, t1, p0, p1] = *auxdata.data.get(16..)?.first_chunk()?;
    if status & libc::TP_STATUS_VLAN_VALID == 0 {
        return None;
    }
    let kind = if status & libc::TP_STATUS_VLAN_TPID_VALID == 0 {
        ETH_P_8021Q
    } else {
        u16::from_ne_bytes([p0, p1])
    };
    let ([k0, k1], [v0, v1]) = (
        kind.to_be_bytes(),
        u16::from_ne_bytes([t0, t1]).to_be_bytes(),
    );
    Some([k0, k1, v0, v1])
}

/// Puts the tag back behind the MAC addresses.
pub(super) fn restore(
    buf: &mut [u8],
    len: usize,
    offload: Offload,
    tag: [u8; 4],
) -> io::Result<(usize, Offload)> {
    let bad = || io::Error::from(io::ErrorKind::InvalidData);
    if len < 12 || len + 4 > buf.len() {
        return Err(bad());
    }
    buf.copy_within(12..len, 16);
    buf.get_mut(12..16).ok_or_else(bad)?.copy_from_slice(&tag);
    Ok((len + 4, vnet::behind_tag(offload).map_err(|_| bad())?))
}

impl TxHalf for Packet {
    fn send(&mut self, frame: Frame<'_>) -> Result<(), Refused> {
        let socket = &self.socket;
        self.whole.send(frame, |frame| {
            let header = vnet::emit(frame);
            let parts = [IoSlice::new(&header), IoSlice::new(frame.bytes)];
            rustix::io::writev(socket, &parts)?;
            Ok(())
        })
    }

    fn switch(&mut self, switch: Switch) -> Superframes {
        self.whole = Whole::new(superframes(switch));
        self.whole.takes()
    }

    fn superframes(&self) -> Superframes {
        self.whole.takes()
    }

    fn duplicate(&self) -> io::Result<Box<dyn TxHalf>> {
        Ok(Box::new(Self::new(self.socket.clone())))
    }
}
