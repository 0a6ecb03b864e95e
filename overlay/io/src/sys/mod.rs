//! The system calls that no safe wrapper covers: ioctls, socket options, messages with control
//! data. Every function here is safe to call with any argument that its types allow.

pub(crate) mod ethtool;
mod message;
mod packet;
mod tun;

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd};

pub(crate) use message::{Control, control_items, recv_datagrams, recv_message, send_datagrams};
pub(crate) use packet::{attach_filter, bind_packet, join_promiscuous};
pub(crate) use tun::{tun_set_header, tun_set_interface, tun_set_offload};

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

/// Reads a socket option that is an integer.
pub(crate) fn get_int(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
) -> io::Result<libc::c_int> {
    let mut value: libc::c_int = 0;
    let mut len = socklen::<libc::c_int>();
    // SAFETY: the pointers name `value` and its length, which live across the call; the kernel
    // writes no more than the length says.
    check(unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw mut value).cast(),
            &raw mut len,
        )
    })?;
    Ok(value)
}
