//! The system calls that no safe wrapper covers: ioctls, socket options, messages with control
//! data. Every function here is safe to call with any argument.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};

/// An interface name as the kernel wants it: at most 15 bytes and a zero.
pub(crate) type IfName = [libc::c_char; libc::IFNAMSIZ];

/// Turns -1 into `errno`.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// The length of a type, as socket calls want it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the types used here are a few bytes long"
)]
const fn socklen<T>() -> libc::socklen_t {
    size_of::<T>() as libc::socklen_t
}

/// Pads a name with zeros; `InvalidInput` when it is too long.
pub(crate) fn if_name(name: &str) -> io::Result<IfName> {
    let mut out = [0; libc::IFNAMSIZ];
    if name.len() >= libc::IFNAMSIZ || name.bytes().any(|byte| byte == 0) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (to, from) in out.iter_mut().zip(name.bytes()) {
        *to = libc::c_char::from_ne_bytes([from]);
    }
    Ok(out)
}

/// Sets a socket option that is an integer.
pub(crate) fn set_int(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: the pointer and the length describe `value`, which lives across the call; the
    // kernel only reads it.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            socklen::<libc::c_int>(),
        )
    })
    .map(drop)
}

/// Binds a packet socket to one interface; 0 as `protocol` keeps it deaf.
pub(crate) fn bind_packet(
    socket: BorrowedFd<'_>,
    index: libc::c_int,
    protocol: u16,
) -> io::Result<()> {
    // SAFETY: sockaddr_ll is plain integers, for which all zeros is a value.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    address.sll_family = family(libc::AF_PACKET);
    address.sll_protocol = protocol.to_be();
    address.sll_ifindex = index;
    // SAFETY: the pointer and the length describe `address`, which the kernel only reads.
    check(unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            socklen::<libc::sockaddr_ll>(),
        )
    })
    .map(drop)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "address families are small positive numbers"
)]
const fn family(value: libc::c_int) -> libc::sa_family_t {
    value as libc::sa_family_t
}

/// Asks for every frame on the wire for as long as the socket lives.
pub(crate) fn join_promiscuous(socket: BorrowedFd<'_>, index: libc::c_int) -> io::Result<()> {
    // SAFETY: packet_mreq is plain integers, for which all zeros is a value.
    let mut request: libc::packet_mreq = unsafe { zeroed() };
    request.mr_ifindex = index;
    request.mr_type = libc::PACKET_MR_PROMISC as libc::c_ushort;
    // SAFETY: the pointer and the length describe `request`, which the kernel only reads.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_ADD_MEMBERSHIP,
            (&raw const request).cast(),
            socklen::<libc::packet_mreq>(),
        )
    })
    .map(drop)
}

/// Lets only what `program` accepts into the socket (classic BPF, `SO_ATTACH_FILTER`).
pub(crate) fn attach_filter(
    socket: BorrowedFd<'_>,
    program: &mut [libc::sock_filter],
) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the pointer and the length describe `program`, which names as many instructions as
    // the slice has; the kernel checks them and only reads.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            socklen::<libc::sock_fprog>(),
        )
    })
    .map(drop)
}

/// `TUNSETIFF`: makes the descriptor of `/dev/net/tun` an interface of this name and kind.
pub(crate) fn tun_set_interface(
    tun: BorrowedFd<'_>,
    name: &str,
    flags: libc::c_int,
) -> io::Result<()> {
    // SAFETY: ifreq is integers and unions of them, for which all zeros is a value.
    let mut request: libc::ifreq = unsafe { zeroed() };
    request.ifr_name = if_name(name)?;
    request.ifr_ifru.ifru_flags = short(flags);
    // SAFETY: TUNSETIFF reads and writes one ifreq, which is what the pointer names.
    check(unsafe { libc::ioctl(tun.as_raw_fd(), libc::TUNSETIFF as _, &raw mut request) }).map(drop)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "interface flags of the tun driver are 16 bits; the highest is the sign"
)]
const fn short(flags: libc::c_int) -> libc::c_short {
    flags as libc::c_short
}

/// `TUNSETVNETHDRSZ`: how long the header before every frame is.
pub(crate) fn tun_set_header(tun: BorrowedFd<'_>, bytes: libc::c_int) -> io::Result<()> {
    // SAFETY: TUNSETVNETHDRSZ reads one int, which is what the pointer names.
    check(unsafe {
        libc::ioctl(
            tun.as_raw_fd(),
            libc::TUNSETVNETHDRSZ as _,
            &raw const bytes,
        )
    })
    .map(drop)
}

/// `TUNSETOFFLOAD`: what the kernel may leave undone on frames that are read.
pub(crate) fn tun_set_offload(tun: BorrowedFd<'_>, mask: libc::c_uint) -> io::Result<()> {
    // SAFETY: TUNSETOFFLOAD takes its argument by value.
    check(unsafe {
        libc::ioctl(
            tun.as_raw_fd(),
            libc::TUNSETOFFLOAD as _,
            libc::c_ulong::from(mask),
        )
    })
    .map(drop)
}

/// `struct ethtool_value` of `linux/ethtool.h`.
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

/// `SIOCETHTOOL` with one of the commands that carry one number; gives the number back.
pub(crate) fn ethtool(
    socket: BorrowedFd<'_>,
    interface: &str,
    command: u32,
    data: u32,
) -> io::Result<u32> {
    let mut value = EthtoolValue { command, data };
    // SAFETY: ifreq is integers and unions of them, for which all zeros is a value.
    let mut request: libc::ifreq = unsafe { zeroed() };
    request.ifr_name = if_name(interface)?;
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    // SAFETY: SIOCETHTOOL reads the ifreq and, for the commands of this crate (all of which take
    // a struct ethtool_value), reads and writes the eight bytes its pointer names; both live here.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL as _, &raw mut request) })?;
    Ok(value.data)
}

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
}

/// What `recvmsg` gave.
pub(crate) struct Received {
    /// Bytes in the buffers together.
    pub(crate) len: usize,
    /// Bytes of control data.
    pub(crate) control: usize,
    /// Bytes of the sender's address.
    pub(crate) name: usize,
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
    message.msg_iovlen = buffers.len() as _;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;
    // SAFETY: every pointer and length in `message` describes memory that this function borrows
    // exclusively until the call returns.
    let len = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_DONTWAIT) };
    Ok(Received {
        len: usize::try_from(len).map_err(|_| io::Error::last_os_error())?,
        control: message.msg_controllen as usize,
        name: message.msg_namelen as usize,
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

/// Sends datagrams of `segment` bytes each (`UDP_SEGMENT`), or one, without waiting.
pub(crate) fn send_datagrams(
    socket: BorrowedFd<'_>,
    to: &socket2::SockAddr,
    bytes: &[u8],
    segment: Option<u16>,
) -> io::Result<()> {
    let mut control = Control::new();
    let mut part = io::IoSlice::new(bytes);
    // SAFETY: msghdr is integers and pointers, for which all zeros is a value.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_name = to.as_ptr().cast_mut().cast();
    message.msg_namelen = to.len();
    message.msg_iov = (&raw mut part).cast();
    message.msg_iovlen = 1;
    if let Some(segment) = segment {
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = control.put_segment(segment) as _;
    }
    // SAFETY: every pointer and length in `message` describes memory that lives across the call,
    // and sendmsg only reads it; IoSlice is guaranteed to have the layout of iovec on Unix.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_DONTWAIT) };
    if sent < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

impl Control {
    /// Writes one `UDP_SEGMENT` message, and gives the space it takes.
    fn put_segment(&mut self, segment: u16) -> usize {
        const HEADER: usize = size_of::<libc::cmsghdr>();
        const LEN: usize = HEADER + size_of::<u16>();
        let parts: [&[u8]; 4] = [
            &LEN.to_ne_bytes(),
            &libc::SOL_UDP.to_ne_bytes(),
            &libc::UDP_SEGMENT.to_ne_bytes(),
            &segment.to_ne_bytes(),
        ];
        let bytes = parts.iter().flat_map(|part| part.iter());
        for (to, from) in self.0.iter_mut().zip(bytes) {
            *to = *from;
        }
        LEN.next_multiple_of(size_of::<usize>())
    }
}
