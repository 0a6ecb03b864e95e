//! What holds for every frame of a port, in one cache line: among many ports each line that a frame
//! touches is in no cache, and the rest of a [`Port`] is for people, for reloads and for rare frames.

use std::net::IpAddr;

use crate::id::{LocalAttachment, PortId};
use crate::port::{Guards, Port};

/// The types that nearly all frames have: IPv4, ARP, IPv6.
const COMMON: [u16; 3] = [0x0800, 0x0806, 0x86dd];

/// What a frame of a port is held to first.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Gate {
    /// First-hop checks.
    pub guards: Guards,
    /// Where frames without a tag enter.
    pub access: Option<LocalAttachment>,
    /// The port, for whatever is not here.
    pub port: PortId,
    /// Which of the common types it may send.
    sends: [bool; COMMON.len()],
    /// Some of the addresses that policy binds there: most hosts have one or two.
    owns: [Option<IpAddr>; 2],
}

impl Gate {
    /// Of a port, where these of its addresses are bound to where frames without a tag enter.
    pub(crate) fn new(
        port: &Port,
        access: Option<LocalAttachment>,
        mut bound: impl Iterator<Item = IpAddr>,
    ) -> Self {
        Self {
            owns: [bound.next(), bound.next()],
            guards: port.guards,
            access,
            port: port.id,
            sends: COMMON.map(|kind| port.ethertypes.allows(kind)),
        }
    }

    /// Whether a frame of this type may enter; `None` for a type that is not common.
    pub fn allows(&self, ethertype: u16) -> Option<bool> {
        let common = COMMON.iter().zip(self.sends);
        let mut found = common.filter(|(kind, _)| **kind == ethertype);
        found.next().map(|(_, sends)| sends)
    }

    /// Whether an address is known here to be bound where frames without a tag enter. It may be, and
    /// be known to the policy alone.
    pub fn owns(&self, ip: IpAddr) -> bool {
        self.owns.contains(&Some(ip))
    }

    /// The addresses that are known here.
    pub(crate) fn owned(&self) -> impl Iterator<Item = IpAddr> {
        self.owns.into_iter().flatten()
    }

    /// Whether it says of a port what the port itself says.
    pub(crate) fn is_of(&self, port: &Port) -> bool {
        let same = |kind| self.allows(kind) == Some(port.ethertypes.allows(kind));
        self.port == port.id && self.guards == port.guards && COMMON.into_iter().all(same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_frame_of_a_port_is_held_to_fits_a_cache_line() {
        assert_eq!(size_of::<Gate>(), 64);
    }
}
