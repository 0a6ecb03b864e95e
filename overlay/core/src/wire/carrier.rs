//! The packet that carries a frame through the tunnel: IP, UDP, and for frames VXLAN.
//!
//! A field that means nothing in a packet that is not fragmented tells which policy its sender
//! runs: the identification of IPv4 (RFC 6864 section 4.1 lets it be anything), the flow label of
//! IPv6. A stock kernel does not look.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::bytes::{array, fold, put, sum, u16_at};
use super::ecn::Ecn;
use crate::gso::Sum;
use crate::reason::DropReason;

const UDP: u8 = 17;
const TTL: u8 = 64;
const UDP_HEADER: usize = 8;

/// A UDP packet that arrived in a tunnel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carried<'a> {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    /// The source port.
    pub(crate) from: u16,
    pub(crate) port: u16,
    /// Which policy the sender runs, if it is a node that says so.
    pub(crate) edition: u16,
    /// Where in the packet the payload starts.
    pub(crate) start: usize,
    pub(crate) payload: &'a [u8],
}

impl<'a> Carried<'a> {
    /// The packet's UDP payload. Padding behind the IP length is not part of it.
    ///
    /// # Errors
    /// [`DropReason::VxlanShort`] for anything but a whole, unfragmented UDP packet.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, DropReason> {
        let carried = match bytes.first().map(|byte| byte >> 4) {
            Some(4) => Self::v4(bytes),
            Some(6) => Self::v6(bytes),
            _ => None,
        };
        carried.ok_or(DropReason::VxlanShort)
    }

    fn v4(bytes: &'a [u8]) -> Option<Self> {
        let header = usize::from(bytes.first()? & 0x0f) * 4;
        let total = usize::from(u16_at(bytes, 2)?);
        let fragment = u16_at(bytes, 6)? & 0x3fff;
        let [protocol] = array(bytes, 9)?;
        if header < 20 || fragment != 0 || protocol != UDP {
            return None;
        }
        let source = Ipv4Addr::from(array::<4>(bytes, 12)?).into();
        let destination = Ipv4Addr::from(array::<4>(bytes, 16)?).into();
        let edition = u16_at(bytes, 4)?;
        let packet = bytes.get(header..total)?;
        Self::udp(source, destination, edition, header, packet)
    }

    fn v6(bytes: &'a [u8]) -> Option<Self> {
        let length = usize::from(u16_at(bytes, 4)?);
        let [next] = array(bytes, 6)?;
        if next != UDP {
            return None;
        }
        let source = Ipv6Addr::from(array::<16>(bytes, 8)?).into();
        let destination = Ipv6Addr::from(array::<16>(bytes, 24)?).into();
        let edition = u16_at(bytes, 2)?;
        let packet = bytes.get(40..)?.get(..length)?;
        Self::udp(source, destination, edition, 40, packet)
    }

    fn udp(
        source: IpAddr,
        destination: IpAddr,
        edition: u16,
        header: usize,
        bytes: &'a [u8],
    ) -> Option<Self> {
        let from = u16_at(bytes, 0)?;
        let port = u16_at(bytes, 2)?;
        let length = usize::from(u16_at(bytes, 4)?);
        let payload = bytes.get(UDP_HEADER..length)?;
        Some(Self {
            source,
            destination,
            from,
            port,
            edition,
            start: header + UDP_HEADER,
            payload,
        })
    }
}

/// Writes the IP and UDP headers for payloads between two overlay addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carrier {
    source: IpAddr,
    destination: IpAddr,
    edition: u16,
    ecn: Ecn,
}

impl Carrier {
    /// `None` when the two addresses are not of one family.
    pub(crate) const fn new(source: IpAddr, destination: IpAddr, edition: u16) -> Option<Self> {
        match (source, destination) {
            (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => Some(Self {
                source,
                destination,
                edition,
                ecn: Ecn::NotEct,
            }),
            _ => None,
        }
    }

    /// The same for a packet that says this of congestion (RFC 6040 section 4.1). Its class stays
    /// 0: it would tell the underlay what kind of traffic this is.
    pub(crate) const fn saying(self, ecn: Ecn) -> Self {
        Self { ecn, ..self }
    }

    /// Bytes before the UDP payload.
    pub(crate) const fn header_len(&self) -> usize {
        match self.source {
            IpAddr::V4(_) => 20 + UDP_HEADER,
            IpAddr::V6(_) => 40 + UDP_HEADER,
        }
    }

    /// Fills in the headers of a packet whose payload already stands behind them; `packet` is
    /// exactly headers and payload. `None` when it is too short or longer than 65,535 bytes.
    pub(crate) fn write(&self, packet: &mut [u8], from: u16, to: u16) -> Option<()> {
        let length = u16::try_from(packet.len().checked_sub(self.ip_header())?).ok()?;
        let udp = self.ip_header();
        put(packet, udp, &from.to_be_bytes())?;
        put(packet, udp + 2, &to.to_be_bytes())?;
        put(packet, udp + 4, &length.to_be_bytes())?;
        put(packet, udp + 6, &[0, 0])?;
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                v4(packet, source, destination, self.edition, self.ecn)
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                v6(packet, source, destination, self.edition, self.ecn)
            }
            _ => None,
        }
    }

    const fn ip_header(&self) -> usize {
        self.header_len() - UDP_HEADER
    }
}

/// The UDP checksum stays zero, as RFC 7348 section 5 wants it over IPv4.
fn v4(
    packet: &mut [u8],
    source: Ipv4Addr,
    destination: Ipv4Addr,
    edition: u16,
    ecn: Ecn,
) -> Option<()> {
    let [high, low] = u16::try_from(packet.len()).ok()?.to_be_bytes();
    let [a, b] = edition.to_be_bytes();
    put(
        packet,
        0,
        &[0x45, ecn.tos(), high, low, a, b, 0x40, 0, TTL, UDP, 0, 0],
    )?;
    put(packet, 12, &source.octets())?;
    put(packet, 16, &destination.octets())?;
    let checksum = !fold(u64::from(sum(packet.get(..20)?, 0)));
    put(packet, 10, &checksum.to_be_bytes())
}

/// A checksum is written: a stock kernel takes a zero one over IPv6 only when told to (RFC 6935).
fn v6(
    packet: &mut [u8],
    source: Ipv6Addr,
    destination: Ipv6Addr,
    edition: u16,
    ecn: Ecn,
) -> Option<()> {
    let length = u16::try_from(packet.len().checked_sub(40)?).ok()?;
    let [high, low] = length.to_be_bytes();
    let [a, b] = edition.to_be_bytes();
    put(
        packet,
        0,
        &[0x60, ecn.tos() << 4, a, b, high, low, UDP, TTL],
    )?;
    put(packet, 8, &source.octets())?;
    put(packet, 24, &destination.octets())?;
    let pseudo = Sum::of(packet.get(8..40)?).word(length).word(UDP.into());
    let checksum = pseudo.and(Sum::of(packet.get(40..)?)).transport_checksum();
    put(packet, 46, &checksum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn round_trip(source: &str, destination: &str) -> Vec<u8> {
        let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
        let carrier = Carrier::new(source, destination, 0xbeef).expect("one family");
        let mut packet = vec![0; carrier.header_len()];
        packet.extend(b"payload");
        carrier.write(&mut packet, 0xc001, 4789).expect("it fits");
        let mut padded = packet.clone();
        padded.resize(packet.len().next_multiple_of(16), 0);
        let carried = Carried::parse(&padded).expect("a UDP packet");
        assert_eq!((carried.source, carried.destination), (source, destination));
        assert_eq!(
            (carried.port, carried.payload),
            (4789, &b"payload"[..]),
            "padding is cut"
        );
        assert_eq!(carried.edition, 0xbeef);
        assert_eq!(packet[carried.start..], *carried.payload);
        packet
    }

    #[test]
    fn both_families_carry() {
        let v4 = round_trip("100.64.0.1", "100.64.0.2");
        assert_eq!(
            fold(u64::from(sum(&v4[..20], 0))),
            0xffff,
            "IPv4 header checksum"
        );
        let v6 = round_trip("fd00::1", "fd00::2");
        let udp = etherparse::UdpHeader::from_slice(&v6[40..]).unwrap().0;
        let expect = udp
            .calc_checksum_ipv6_raw(
                v6[8..24].try_into().unwrap(),
                v6[24..40].try_into().unwrap(),
                b"payload",
            )
            .unwrap();
        assert_eq!(udp.checksum, expect, "UDP checksum over IPv6");
    }

    #[test]
    fn what_is_said_of_congestion_is_all_that_differs() {
        for (source, destination) in [("100.64.0.1", "100.64.0.2"), ("fd00::1", "fd00::2")] {
            let carrier = Carrier::new(
                source.parse().unwrap(),
                destination.parse().unwrap(),
                0xbeef,
            );
            let mut plain = round_trip(source, destination);
            let mut said = plain.clone();
            let carrier = carrier.unwrap().saying(Ecn::Ect0);
            carrier.write(&mut said, 0xc001, 4789).unwrap();
            assert_eq!(Ecn::of_packet(&plain), Ecn::NotEct);
            assert_eq!(Ecn::of_packet(&said), Ecn::Ect0);
            Ecn::Ect0.write(&mut plain).unwrap();
            assert_eq!(said, plain, "checksums too");
        }
    }

    #[test]
    fn mixed_families_do_not() {
        let (v4, v6) = ("100.64.0.1".parse().unwrap(), "fd00::2".parse().unwrap());
        assert!(Carrier::new(v4, v6, 0).is_none());
    }

    #[test]
    fn a_packet_cut_anywhere_is_refused() {
        for packet in [
            round_trip("100.64.0.1", "100.64.0.2"),
            round_trip("fd00::1", "fd00::2"),
        ] {
            for length in 0..packet.len() {
                let cut = Carried::parse(&packet[..length]).map(|_| ());
                assert_eq!(cut, Err(DropReason::VxlanShort), "{length} bytes");
            }
        }
    }

    #[test]
    fn fragments_and_other_protocols_are_refused() {
        let packet = round_trip("100.64.0.1", "100.64.0.2");
        for (place, value, name) in [(6, 0x20, "more fragments"), (7, 1, "offset"), (9, 6, "TCP")] {
            let mut bytes = packet.clone();
            bytes[place] = value;
            assert!(Carried::parse(&bytes).is_err(), "{name}");
        }
    }
}
