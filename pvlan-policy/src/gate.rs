//! What holds for every frame of a port, in one cache line: among many ports each line that a frame
//! touches is in no cache, and the rest of a [`Port`] is for people, for reloads and for rare frames.

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
}

impl Gate {
    pub(crate) fn new(port: &Port, access: Option<LocalAttachment>) -> Self {
        Self {
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
