//! Messages with control data (cmsg(3), udp(7), packet(7)).

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};

use super::socklen;

/// Space for the control data of one message, aligned as `cmsghdr` wants it.
#[repr(C, align(8))]
pub(crate) struct Control([u8; 128]);

/// One control message: level, type, data.
pub(crate) struct ControlItem<'a> {
    pub(crate) level: libc::c_int,
    pub(crate) kind: libc::c_int,
    pub(crate) data: &'a [u8],
}

impl Control {
    pub(crate) const fn new() -> Self {
        Self([0; 128])
    }

    /// As if the kernel had written these bytes.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut control = Self::new();
        for (to, from) in control.0.iter_mut().zip(bytes) {
            *to = *from;
        }
        control
    }

    /// Writes one message at a multiple of the size of a word, and gives where the next one begins.
    fn put(&mut self, at: usize, item: &ControlItem<'_>) -> usize {
        let len = size_of::<libc::cmsghdr>() + item.data.len();
        let parts: [&[u8]; 4] = [
            &len.to_ne_bytes(),
            &item.level.to_ne_bytes(),
            &item.kind.to_ne_bytes(),
            item.data,
        ];
        let bytes = parts.iter().flat_map(|part| part.iter());
        for (to, from) in self.0.iter_mut().skip(at).zip(bytes) {
            *to = *from;
        }
        at + len.next_multiple_of(size_of::<usize>())
    }
}

/// What `recvmsg` gave.
pub(crate) struct Received {
    /// Bytes in the buffers together.
    pub(crate) len: usize,
    /// Bytes of control data.
    pub(crate) control: usize,
    /// There was more than the buffers hold.
    pub(crate) truncated: bool,
}

/// Reads one message into the buffers, one after the other, without waiting.
pub(crate) fn recv_message(
    socket: BorrowedFd<'_>,
    buffers: &mut [io::IoSliceMut<'_>],
    control: &mut Control,
    name: Option<&mut libc::sockaddr_storage>,
) -> io::Result<Received> {
    // SAFETY: msghdr is integers and pointers, for which all zeros is a value.
    let mut message: libc::msghdr = unsafe { zeroed() };
    if let Some(name) = name {
        message.msg_name = (name as *mut libc::sockaddr_storage).cast();
        message.msg_namelen = socklen::<libc::sockaddr_storage>();
    }
    // IoSliceMut is guaranteed to have the layout of iovec on Unix.
    message.msg_iov = buffers.as_mut_ptr().cast();
    message.msg_iovlen = buffers.len();
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len();
    // SAFETY: every pointer and length in `message` describes memory that this function borrows
    // exclusively until the call returns.
    let len = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_DONTWAIT) };
    Ok(Received {
        len: usize::try_from(len).map_err(|_| io::Error::last_os_error())?,
        control: message.msg_controllen,
        truncated: message.msg_flags & libc::MSG_TRUNC != 0,
    })
}

/// The control messages of a received message.
pub(crate) fn control_items(control: &Control, len: usize) -> ControlItems<'_> {
    ControlItems {
        rest: control.0.get(..len).unwrap_or(&control.0),
    }
}

/// Walks control messages by their lengths, in safe code: the kernel wrote them, and yet nothing
/// here believes a length that does not fit.
pub(crate) struct ControlItems<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for ControlItems<'a> {
    type Item = ControlItem<'a>;

    fn next(&mut self) -> Option<ControlItem<'a>> {
        const WORD: usize = size_of::<usize>();
        const HEADER: usize = size_of::<libc::cmsghdr>();
        let header = self.rest.get(..HEADER)?;
        let len = usize::from_ne_bytes(*header.first_chunk::<WORD>()?);
        let level = libc::c_int::from_ne_bytes(*header.get(WORD..)?.first_chunk()?);
        let kind = libc::c_int::from_ne_bytes(*header.get(WORD + 4..)?.first_chunk()?);
        let data = self.rest.get(HEADER..len)?;
        self.rest = self.rest.get(len.next_multiple_of(WORD)..).unwrap_or(&[]);
        Some(ControlItem { level, kind, data })
    }
}

/// Reads datagrams that the kernel may have joined (`UDP_GRO`), and says who sent them.
pub(crate) fn recv_datagrams(
    socket: BorrowedFd<'_>,
    buf: &mut [u8],
    control: &mut Control,
) -> io::Result<(Received, SocketAddr)> {
    // SAFETY: sockaddr_storage is plain integers, for which all zeros is a value.
    let mut name: libc::sockaddr_storage = unsafe { zeroed() };
    let mut parts = [io::IoSliceMut::new(buf)];
    let received = recv_message(socket, &mut parts, control, Some(&mut name))?;
    let from = match libc::c_int::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: the kernel wrote a sockaddr_in, which fits and is plain integers.
            let v4: libc::sockaddr_in =
                unsafe { (&raw const name).cast::<libc::sockaddr_in>().read() };
            let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
            SocketAddr::from((ip, u16::from_be(v4.sin_port)))
        }
        libc::AF_INET6 => {
            // SAFETY: the kernel wrote a sockaddr_in6, which fits and is plain integers.
            let v6: libc::sockaddr_in6 =
                unsafe { (&raw const name).cast::<libc::sockaddr_in6>().read() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            // The scope is kept: a link-local peer cannot be answered without it.
            SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), 0, v6.sin6_scope_id).into()
        }
        _ => return Err(io::ErrorKind::InvalidData.into()),
    };
    Ok((received, from))
}

/// Sends datagrams of `segment` bytes each (`UDP_SEGMENT`), or one, without waiting; with this TOS
/// or traffic class, unless it is what they have anyway.
pub(crate) fn send_datagrams(
    socket: BorrowedFd<'_>,
    to: &socket2::SockAddr,
    bytes: &[u8],
    segment: Option<u16>,
    tos: u8,
) -> io::Result<()> {
    let mut control = Control::new();
    let mut used = 0;
    if let Some(segment) = segment {
        let item = ControlItem {
            level: libc::SOL_UDP,
            kind: libc::UDP_SEGMENT,
            data: &segment.to_ne_bytes(),
        };
        used = control.put(used, &item);
    }
    if tos != 0 {
        let (level, kind) = if to.is_ipv6() {
            (libc::IPPROTO_IPV6, libc::IPV6_TCLASS)
        } else {
            (libc::IPPROTO_IP, libc::IP_TOS)
        };
        let item = ControlItem {
            level,
            kind,
            data: &libc::c_int::from(tos).to_ne_bytes(),
        };
        used = control.put(used, &item);
    }
    let mut part = io::IoSlice::new(bytes);
    // SAFETY: msghdr is integers and pointers, for which all zeros is a value.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_name = to.as_ptr().cast_mut().cast();
    message.msg_namelen = to.len();
    message.msg_iov = (&raw mut part).cast();
    message.msg_iovlen = 1;
    if used > 0 {
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = used;
    }
    // SAFETY: every pointer and length in `message` describes memory that lives across the call,
    // and sendmsg only reads it; IoSlice is guaranteed to have the layout of iovec on Unix.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_DONTWAIT) };
    if sent < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
