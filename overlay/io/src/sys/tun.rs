//! `/dev/net/tun` (Documentation/networking/tuntap.rst).

use std::io;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::{check, if_name};

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
    check(unsafe { libc::ioctl(tun.as_raw_fd(), libc::TUNSETIFF, &raw mut request) }).map(drop)
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
    check(unsafe { libc::ioctl(tun.as_raw_fd(), libc::TUNSETVNETHDRSZ, &raw const bytes) })
        .map(drop)
}

/// `TUNSETOFFLOAD`: what the kernel may leave undone on frames that are read.
pub(crate) fn tun_set_offload(tun: BorrowedFd<'_>, mask: libc::c_uint) -> io::Result<()> {
    // SAFETY: TUNSETOFFLOAD takes its argument by value.
    check(unsafe {
        libc::ioctl(
            tun.as_raw_fd(),
            libc::TUNSETOFFLOAD,
            libc::c_ulong::from(mask),
        )
    })
    .map(drop)
}
