//! Several packet sockets on one interface, each of which gets some of the flows (packet(7),
//! `PACKET_FANOUT`).
//!
//! The group goes by a hash that is the same for both directions of a flow. It does not put
//! fragments together (`PACKET_FANOUT_FLAG_DEFRAG`): that would change frames. Fragments go by their
//! addresses, all to one socket.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::sys;

/// `PACKET_FANOUT_HASH`; which is what no other bit says.
const HASH: libc::c_uint = libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_IGNORE_OUTGOING;

/// A group, as the kernel numbers it in this namespace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group(u16);

impl Group {
    /// A new group, of this socket, which is bound and up.
    ///
    /// # Errors
    /// The kernel has none to give.
    pub(super) fn of(socket: &OwnedFd) -> io::Result<Self> {
        join(socket.as_fd(), 0, HASH | libc::PACKET_FANOUT_FLAG_UNIQUEID)?;
        let says = sys::get_int(socket.as_fd(), libc::SOL_PACKET, libc::PACKET_FANOUT)?;
        // The number is the lower half; the rest is what was asked for.
        let [a, b, ..] = says.to_le_bytes();
        Ok(Self(u16::from_le_bytes([a, b])))
    }

    /// Adds another socket of the same interface.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(super) fn add(self, socket: &OwnedFd) -> io::Result<()> {
        join(socket.as_fd(), self.0, HASH)
    }
}

fn join(socket: BorrowedFd<'_>, group: u16, mode: libc::c_uint) -> io::Result<()> {
    let word = u32::from(group) | mode << 16;
    let word = libc::c_int::from_ne_bytes(word.to_ne_bytes());
    sys::set_int(socket, libc::SOL_PACKET, libc::PACKET_FANOUT, word)
}

/// Lets nothing in: between its binding and the end of the group's making, a socket would hear
/// what another one hears too.
///
/// # Errors
/// The kernel refuses.
pub(super) fn deafen(socket: &OwnedFd) -> io::Result<()> {
    sys::attach_filter(socket.as_fd(), &mut [step(RETURN, 0, 0)])
}

/// Lets in what comes from the other end of the interface. A group does not go by the options of
/// its sockets (`PACKET_IGNORE_OUTGOING`), and only recent kernels know the flag that says the same
/// of a group; without either, what the host itself sends would be taken for a guest's.
///
/// # Errors
/// The kernel refuses.
pub(super) fn hear_incoming(socket: &OwnedFd) -> io::Result<()> {
    // SKF_AD_OFF + SKF_AD_PKTTYPE of linux/filter.h, PACKET_OUTGOING of linux/if_packet.h.
    const KIND: u32 = 0xffff_f000 + 4;
    const OUTGOING: u32 = 4;
    let mut program = [
        step(LOAD, 0, KIND),
        step(JUMP_IF_EQUAL, 1, OUTGOING),
        step(RETURN, 0, u32::MAX),
        step(RETURN, 0, 0),
    ];
    sys::attach_filter(socket.as_fd(), &mut program)
}

const LOAD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;

/// One instruction; a jump skips so many where it is equal.
const fn step(code: u16, jt: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf: 0, k }
}
