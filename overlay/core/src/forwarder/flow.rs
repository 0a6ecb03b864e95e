//! The entropy of a flow, for the source port of its VXLAN packets (RFC 7348 section 5).

use std::hash::Hasher;

use rustc_hash::FxHasher;

use crate::wire::ethernet::ethertype;

/// Ports 49,152 to 65,535, the dynamic range.
const FIRST: u16 = 0xc000;

/// The same for every frame of a flow: a hash of its addresses and, where they stand in their
/// usual place, its ports.
pub(super) fn source_port(frame: &[u8]) -> u16 {
    let mut hasher = FxHasher::default();
    hasher.write(frame.get(..12).unwrap_or(frame));
    let kind = crate::wire::bytes::u16_at(frame, 12);
    let addresses = match kind {
        Some(ethertype::IPV4) => frame.get(26..38),
        Some(ethertype::IPV6) => frame.get(22..58),
        _ => None,
    };
    hasher.write(addresses.unwrap_or_default());
    let [high, low, ..] = hasher.finish().to_be_bytes();
    FIRST | u16::from_be_bytes([high, low])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(port: u8) -> Vec<u8> {
        let mut bytes = vec![2; 60];
        bytes[12..14].copy_from_slice(&[8, 0]);
        bytes[14] = 0x45;
        bytes[35] = port;
        bytes
    }

    #[test]
    fn a_flow_keeps_its_port_and_flows_spread() {
        assert_eq!(source_port(&frame(1)), source_port(&frame(1)));
        let ports: std::collections::BTreeSet<u16> =
            (0..=255).map(|port| source_port(&frame(port))).collect();
        assert!(ports.iter().all(|&port| port >= FIRST));
        assert!(ports.len() > 200, "{} ports for 256 flows", ports.len());
    }

    #[test]
    fn payload_does_not_matter() {
        let mut other = frame(1);
        other[50] = 9;
        assert_eq!(source_port(&frame(1)), source_port(&other));
    }
}
