//! Packet sockets (packet(7)).

use std::io;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::{check, socklen};

/// `PACKET_MR_PROMISC` (`linux/if_packet.h`); libc has it as an int.
const PROMISCUOUS: libc::c_ushort = 1;

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
    request.mr_type = PROMISCUOUS;
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
