//! The Ethernet header and its VLAN tags (IEEE 802.3 section 3, IEEE 802.1Q section 9).

use skerry_policy::{Mac, Vid};

use super::bytes::{array, u16_at};

/// Ethertypes the datapath itself knows.
pub(crate) mod ethertype {
    pub(crate) const IPV4: u16 = 0x0800;
    pub(crate) const ARP: u16 = 0x0806;
    pub(crate) const IPV6: u16 = 0x86dd;
    /// Below this a type field is an IEEE 802.3 length.
    pub(crate) const FIRST: u16 = 0x0600;
    const C_TAG: u16 = 0x8100;
    const S_TAG: u16 = 0x88a8;
    const OLD_S_TAGS: [u16; 3] = [0x9100, 0x9200, 0x9300];
    /// PAUSE and MAC control, slow protocols, EAPOL, LLDP, MACsec.
    const RESERVED: [u16; 5] = [0x8808, 0x8809, 0x888e, 0x88cc, 0x88e5];

    pub(super) const fn is_c_tag(ethertype: u16) -> bool {
        ethertype == C_TAG
    }

    pub(crate) fn is_tag(ethertype: u16) -> bool {
        ethertype == C_TAG || ethertype == S_TAG || OLD_S_TAGS.contains(&ethertype)
    }

    pub(crate) fn is_reserved(ethertype: u16) -> bool {
        RESERVED.contains(&ethertype)
    }
}

/// What stands between the addresses and the payload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tagging {
    /// No tag.
    Untagged,
    /// One C-tag with VID 0: priority only (IEEE 802.1Q section 6.9).
    Priority,
    /// One C-tag.
    Tagged(Vid),
    /// One tag that is no C-tag, or the reserved VID 4095.
    Foreign,
    /// More than one tag.
    Stacked,
}

/// An Ethernet header, parsed once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ethernet {
    pub(crate) destination: Mac,
    pub(crate) source: Mac,
    pub(crate) tagging: Tagging,
    /// The type after at most one tag.
    pub(crate) ethertype: u16,
    /// Where the payload starts.
    pub(crate) payload: usize,
}

impl Ethernet {
    /// `None` when the header, tag included, is not all there.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let destination = Mac(array(bytes, 0)?);
        let source = Mac(array(bytes, 6)?);
        let outer = u16_at(bytes, 12)?;
        if !ethertype::is_tag(outer) {
            let tagging = Tagging::Untagged;
            return Some(Self {
                destination,
                source,
                tagging,
                ethertype: outer,
                payload: 14,
            });
        }
        let vid = u16_at(bytes, 14)? & 0x0fff;
        let inner = u16_at(bytes, 16)?;
        let tagging = match vid {
            _ if ethertype::is_tag(inner) => Tagging::Stacked,
            _ if !ethertype::is_c_tag(outer) => Tagging::Foreign,
            0 => Tagging::Priority,
            _ => Vid::new(vid).map_or(Tagging::Foreign, Tagging::Tagged),
        };
        Some(Self {
            destination,
            source,
            tagging,
            ethertype: inner,
            payload: 18,
        })
    }

    /// Never forwarded, whatever the port: link-local control protocols (private-vlan 3.5).
    pub(crate) fn is_reserved(&self) -> bool {
        const BRIDGE_GROUP: [u8; 5] = [0x01, 0x80, 0xc2, 0x00, 0x00];
        const CISCO: [[u8; 6]; 2] = [
            [0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcc],
            [0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcd],
        ];
        let [head @ .., last] = self.destination.0;
        (head == BRIDGE_GROUP && last <= 0x2f)
            || CISCO.contains(&self.destination.0)
            || ethertype::is_reserved(self.ethertype)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(types: &[u16], tagging: Tagging, payload: usize) {
        let mut bytes = vec![2; 12];
        bytes.extend(types.iter().flat_map(|word| word.to_be_bytes()));
        let header = Ethernet::parse(&bytes).expect("a whole header");
        assert_eq!(
            (header.tagging, header.payload),
            (tagging, payload),
            "{types:04x?}"
        );
    }

    #[test]
    fn tags_are_told_apart() {
        check(&[0x0800], Tagging::Untagged, 14);
        check(&[0x8100, 0x0000, 0x0800], Tagging::Priority, 18);
        check(&[0x8100, 0xe000, 0x0800], Tagging::Priority, 18);
        check(
            &[0x8100, 0x0064, 0x0800],
            Tagging::Tagged(Vid::new(100).unwrap()),
            18,
        );
        check(&[0x8100, 0x0fff, 0x0800], Tagging::Foreign, 18);
        check(&[0x88a8, 0x0000, 0x0800], Tagging::Foreign, 18);
        check(
            &[0x88a8, 0x0000, 0x8100, 0x0000, 0x0800],
            Tagging::Stacked,
            18,
        );
        check(
            &[0x8100, 0x0000, 0x8100, 0x0000, 0x0800],
            Tagging::Stacked,
            18,
        );
    }

    #[test]
    fn a_header_cut_anywhere_is_no_header() {
        let tagged = [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0x81, 0, 0, 0, 8, 0];
        for length in 0..tagged.len() {
            assert!(
                Ethernet::parse(&tagged[..length]).is_none(),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn control_protocols_are_reserved() {
        let reserved = |destination: [u8; 6], ethertype: u16| {
            let mut bytes = destination.to_vec();
            bytes.extend([2, 0, 0, 0, 0, 1]);
            bytes.extend(ethertype.to_be_bytes());
            Ethernet::parse(&bytes).unwrap().is_reserved()
        };
        assert!(reserved([0x01, 0x80, 0xc2, 0, 0, 0x00], 0x0026), "STP");
        assert!(
            reserved([0x01, 0x80, 0xc2, 0, 0, 0x2f], 0x0800),
            "the last reserved address"
        );
        assert!(
            !reserved([0x01, 0x80, 0xc2, 0, 0, 0x30], 0x0800),
            "the first free address"
        );
        assert!(
            reserved([0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcd], 0x0800),
            "PVST+"
        );
        assert!(
            reserved([2, 0, 0, 0, 0, 9], 0x88e5),
            "MACsec to a unicast address"
        );
        assert!(!reserved([0xff; 6], 0x0806), "ARP");
    }
}
