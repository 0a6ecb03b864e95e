//! What hosts and routers say beside data: DHCP, router advertisements, redirects, IGMP and MLD.
//! Each can be said by whoever must not say it. A tag stands where Ethernet padding would be.

use crate::frame::{Pair, checksum, ethernet, ipv6_header, short, transport6_checksum};
use crate::tag::Tag;

const ICMP: u8 = 1;
const IGMP: u8 = 2;
const UDP: u8 = 17;
/// IPv6 as an extension header sees it.
pub const FRAGMENT: u8 = 44;
/// ICMP for IPv6.
pub const ICMP6: u8 = 58;
/// Nothing follows (RFC 8200 section 4.7).
pub const NO_NEXT: u8 = 59;
/// Destination options.
pub const OPTIONS: u8 = 60;

/// All hosts of a link, and all its routers: 224.0.0.1 and 224.0.0.2.
pub const ALL_HOSTS: [u8; 4] = [224, 0, 0, 1];
/// All routers of a link.
pub const ALL_ROUTERS: [u8; 4] = [224, 0, 0, 2];

/// `ff02::<last>`.
pub const fn link_group(last: u8) -> [u8; 16] {
    let mut group = [0; 16];
    (group[0], group[1], group[15]) = (0xff, 2, last);
    group
}

/// `fe80::1:<last>`: the link-local address that a host of these tests uses.
pub const fn link_local(last: u8) -> [u8; 16] {
    let mut address = [0; 16];
    (address[0], address[1], address[13], address[15]) = (0xfe, 0x80, 1, last);
    address
}

/// The MAC address of an IPv4 group (RFC 1112 section 6.4).
pub const fn group4_mac(group: [u8; 4]) -> [u8; 6] {
    [1, 0, 0x5e, group[1] & 0x7f, group[2], group[3]]
}

/// The MAC address of an IPv6 group (RFC 2464 section 7).
pub const fn group6_mac(group: [u8; 16]) -> [u8; 6] {
    [0x33, 0x33, group[12], group[13], group[14], group[15]]
}

/// An IPv4 packet in the making.
#[derive(Clone, Debug)]
pub struct Packet4 {
    /// Addresses.
    pub ip: Pair<4>,
    /// What it carries.
    pub protocol: u8,
    /// Whether more fragments follow, and where this one begins, in units of eight bytes.
    pub fragment: (bool, u16),
    /// Whether the router alert option is there (RFC 2113).
    pub alert: bool,
    /// What follows the header.
    pub body: Vec<u8>,
}

impl Packet4 {
    fn new(ip: Pair<4>, protocol: u8, body: Vec<u8>) -> Self {
        Self {
            ip,
            protocol,
            fragment: (false, 0),
            alert: protocol == IGMP,
            body,
        }
    }

    /// The packet in a frame, with a tag behind it.
    pub fn frame(&self, mac: Pair<6>, tag: Tag) -> Vec<u8> {
        let mut frame = ethernet(mac.to, mac.from, 0x0800);
        let alert: &[u8] = if self.alert { &[0x94, 4, 0, 0] } else { &[] };
        let words = if self.alert { 0x46 } else { 0x45 };
        let hops = if self.protocol == IGMP { 1 } else { 64 };
        let [high, low] = short(20 + alert.len() + self.body.len()).to_be_bytes();
        let (more, offset) = self.fragment;
        let [f0, f1] = (u16::from(more) << 13 | offset).to_be_bytes();
        frame.extend_from_slice(&[words, 0, high, low, 0x5b, 0x5d, f0, f1, hops]);
        frame.extend_from_slice(&[self.protocol, 0, 0]);
        frame.extend_from_slice(&self.ip.from);
        frame.extend_from_slice(&self.ip.to);
        frame.extend_from_slice(alert);
        let sum = checksum(&frame[14..], 0).to_be_bytes();
        frame[24..26].copy_from_slice(&sum);
        frame.extend_from_slice(&self.body);
        tag.append_to(&mut frame, 0);
        frame
    }
}

/// An IPv6 packet in the making.
#[derive(Clone, Debug)]
pub struct Packet6 {
    /// Addresses.
    pub ip: Pair<16>,
    /// Extension headers: the number of each, and its bytes behind the next header field.
    pub chain: Vec<(u8, Vec<u8>)>,
    /// What the chain ends with.
    pub last: u8,
    /// Hop limit.
    pub hops: u8,
    /// What follows the chain.
    pub body: Vec<u8>,
}

impl Packet6 {
    /// An ICMP message, whose checksum is filled in.
    pub fn icmp(ip: Pair<16>, hops: u8, mut body: Vec<u8>) -> Self {
        transport6_checksum(&mut body, 0, ip, ICMP6, 2);
        Self {
            ip,
            chain: Vec::new(),
            last: ICMP6,
            hops,
            body,
        }
    }

    /// The same behind destination options, that many times.
    #[must_use]
    pub fn behind_options(mut self, times: usize) -> Self {
        let padding = vec![0, 1, 4, 0, 0, 0, 0];
        self.chain = vec![(OPTIONS, padding); times];
        self
    }

    /// The same as the first of several fragments: behind whatever headers it has so far.
    #[must_use]
    pub fn as_first_fragment(mut self) -> Self {
        self.chain.push((FRAGMENT, vec![0, 0, 1, 0, 0, 0x5b, 0x5d]));
        self
    }

    /// The packet in a frame, with a tag behind it.
    pub fn frame(&self, mac: Pair<6>, tag: Tag) -> Vec<u8> {
        let mut frame = ethernet(mac.to, mac.from, 0x86dd);
        let next = |at: usize| self.chain.get(at).map_or(self.last, |(number, _)| *number);
        let chain: usize = self.chain.iter().map(|(_, bytes)| 1 + bytes.len()).sum();
        ipv6_header(
            &mut frame,
            self.ip,
            next(0),
            chain + self.body.len(),
            self.hops,
        );
        for (at, (_, bytes)) in self.chain.iter().enumerate() {
            frame.push(next(at + 1));
            frame.extend_from_slice(bytes);
        }
        frame.extend_from_slice(&self.body);
        tag.append_to(&mut frame, 0);
        frame
    }
}

fn udp(ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let [a, b] = ports.0.to_be_bytes();
    let [c, d] = ports.1.to_be_bytes();
    let [e, f] = short(8 + payload.len()).to_be_bytes();
    [&[a, b, c, d, e, f, 0, 0], payload].concat()
}

/// A UDP datagram from one port to another.
pub fn udp4(ip: Pair<4>, ports: (u16, u16), payload: &[u8]) -> Packet4 {
    Packet4::new(ip, UDP, udp(ports, payload))
}

/// The same over IPv6.
pub fn udp6(ip: Pair<16>, ports: (u16, u16), payload: &[u8]) -> Packet6 {
    let mut body = udp(ports, payload);
    transport6_checksum(&mut body, 0, ip, UDP, 6);
    Packet6 {
        ip,
        chain: Vec::new(),
        last: UDP,
        hops: 64,
        body,
    }
}

/// A TCP segment that asks for a connection.
pub fn tcp4(ip: Pair<4>, ports: (u16, u16)) -> Packet4 {
    let [a, b] = ports.0.to_be_bytes();
    let [c, d] = ports.1.to_be_bytes();
    let body = vec![
        a, b, c, d, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0,
    ];
    Packet4::new(ip, 6, body)
}

/// A DHCP message (RFC 2131 section 2): operation 1 of clients, 2 of servers; option 53 has the
/// kind.
pub fn dhcp(operation: u8, kind: u8, client: [u8; 6]) -> Vec<u8> {
    let mut bytes = vec![0; 236];
    bytes[..4].copy_from_slice(&[operation, 1, 6, 0]);
    bytes[4..8].copy_from_slice(&[0x5b, 0x5d, 0, 1]);
    bytes[28..34].copy_from_slice(&client);
    bytes.extend_from_slice(&[0x63, 0x82, 0x53, 0x63, 53, 1, kind, 255]);
    bytes
}

/// A DHCPv6 message (RFC 8415 section 8) without options.
pub fn dhcp6(kind: u8) -> Vec<u8> {
    vec![kind, 0x5b, 0x5d, 1]
}

/// A router advertisement (RFC 4861 section 4.2) for everybody on the link.
pub fn router_advertisement(from: [u8; 16], router: [u8; 6]) -> Packet6 {
    let mut body = vec![
        134, 0, 0, 0, 64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1,
    ];
    body.extend_from_slice(&router);
    let to = link_group(1);
    Packet6::icmp(Pair { to, from }, 255, body)
}

/// A neighbour solicitation that asks whether an address is free (RFC 4862 section 5.4.2), with
/// the MAC address that it is sent to.
pub fn duplicate_probe6(target: [u8; 16]) -> (Packet6, [u8; 6]) {
    let mut to = link_group(1);
    (to[11], to[12]) = (1, 0xff);
    to[13..].copy_from_slice(&target[13..]);
    let body = [&[135, 0, 0, 0, 0, 0, 0, 0], target.as_slice()].concat();
    let from = [0; 16];
    (Packet6::icmp(Pair { to, from }, 255, body), group6_mac(to))
}

/// An ICMP redirect (RFC 792): go to `target` for what you sent to `lost`.
pub fn redirect4(ip: Pair<4>, target: [u8; 4], lost: [u8; 4]) -> Packet4 {
    let mut body = vec![5, 1, 0, 0];
    body.extend_from_slice(&target);
    body.extend_from_slice(&[0x45, 0, 0, 28, 0, 0, 0, 0, 64, UDP, 0, 0]);
    body.extend_from_slice(&ip.to);
    body.extend_from_slice(&lost);
    body.extend_from_slice(&[0, 9, 0, 9, 0, 8, 0, 0]);
    let sum = checksum(&body, 0).to_be_bytes();
    body[2..4].copy_from_slice(&sum);
    Packet4::new(ip, ICMP, body)
}

/// A redirect of IPv6 (RFC 4861 section 4.5).
pub fn redirect6(ip: Pair<16>, target: [u8; 16], lost: [u8; 16]) -> Packet6 {
    let body = [&[137, 0, 0, 0, 0, 0, 0, 0], target.as_slice(), &lost].concat();
    Packet6::icmp(ip, 255, body)
}

/// An IGMPv2 message (RFC 2236): 0x11 asks, 0x16 joins, 0x17 leaves. Who asks wants to hear
/// within a tenth of a second, after which a switch may believe that it knows every listener.
pub fn igmp(from: [u8; 4], kind: u8, group: [u8; 4]) -> (Packet4, [u8; 6]) {
    let to = match kind {
        0x11 if group == [0; 4] => ALL_HOSTS,
        0x17 => ALL_ROUTERS,
        _ => group,
    };
    let mut body = vec![kind, u8::from(kind == 0x11), 0, 0];
    body.extend_from_slice(&group);
    let sum = checksum(&body, 0).to_be_bytes();
    body[2..4].copy_from_slice(&sum);
    (Packet4::new(Pair { to, from }, IGMP, body), group4_mac(to))
}

/// What a PIM router says first (RFC 7761 section 4.9.2), to all of them.
pub fn pim_hello(from: [u8; 4]) -> (Packet4, [u8; 6]) {
    let to = [224, 0, 0, 13];
    let mut body = vec![0x20, 0, 0, 0, 0, 1, 0, 2, 0, 105];
    let sum = checksum(&body, 0).to_be_bytes();
    body[2..4].copy_from_slice(&sum);
    (Packet4::new(Pair { to, from }, 103, body), group4_mac(to))
}

/// An IGMPv3 report (RFC 3376 section 4.2) that joins every group of the list.
pub fn igmp3(from: [u8; 4], groups: &[[u8; 4]]) -> (Packet4, [u8; 6]) {
    let to = [224, 0, 0, 22];
    let [high, low] = short(groups.len()).to_be_bytes();
    let mut body = vec![0x22, 0, 0, 0, 0, 0, high, low];
    for group in groups {
        // "Change to exclude nothing" (section 4.2.12).
        body.extend_from_slice(&[4, 0, 0, 0]);
        body.extend_from_slice(group);
    }
    let sum = checksum(&body, 0).to_be_bytes();
    body[2..4].copy_from_slice(&sum);
    (Packet4::new(Pair { to, from }, IGMP, body), group4_mac(to))
}

/// An MLDv1 message (RFC 2710): 130 asks, 131 joins, 132 leaves.
pub fn mld(from: [u8; 16], kind: u8, group: [u8; 16]) -> (Packet6, [u8; 6]) {
    let to = match kind {
        130 if group == [0; 16] => link_group(1),
        132 => link_group(2),
        _ => group,
    };
    let delay = if kind == 130 { 100 } else { 0 };
    let body = [&[kind, 0, 0, 0, 0, delay, 0, 0], group.as_slice()].concat();
    listener(from, to, body)
}

/// An MLDv2 report (RFC 3810 section 5.2) that joins a group.
pub fn mld2(from: [u8; 16], group: [u8; 16]) -> (Packet6, [u8; 6]) {
    let record = [&[4, 0, 0, 0], group.as_slice()].concat();
    let body = [&[143, 0, 0, 0, 0, 0, 0, 1], record.as_slice()].concat();
    listener(from, link_group(0x16), body)
}

/// Multicast listener messages carry a router alert (RFC 2711) and go one hop.
fn listener(from: [u8; 16], to: [u8; 16], body: Vec<u8>) -> (Packet6, [u8; 6]) {
    let mut packet = Packet6::icmp(Pair { to, from }, 1, body);
    packet.chain = vec![(0, vec![0, 5, 2, 0, 0, 1, 0])];
    (packet, group6_mac(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: Tag = Tag {
        run: 1,
        source: 1,
        sequence: 5,
    };
    const MAC: Pair<6> = Pair {
        to: [1; 6],
        from: [2; 6],
    };

    #[test]
    fn a_chain_names_each_header_in_the_one_before() {
        let router = router_advertisement(link_local(1), [2; 6]);
        let plain = router.frame(MAC, TAG);
        assert_eq!((plain[20], plain[54]), (ICMP6, 134));
        let hidden = router.behind_options(2).as_first_fragment().frame(MAC, TAG);
        assert_eq!(
            [hidden[20], hidden[54], hidden[62], hidden[70]],
            [60, 60, 44, 58]
        );
        assert_eq!(hidden[78], 134);
        assert_eq!(usize::from(hidden[19]), 24 + 24);
    }

    #[test]
    fn headers_check_out() {
        let (join, mac) = igmp([10, 1, 0, 11], 0x16, [239, 1, 1, 1]);
        let frame = join.frame(MAC, TAG);
        assert_eq!(mac, [1, 0, 0x5e, 1, 1, 1]);
        assert_eq!(checksum(&frame[14..38], 0), 0);
        assert_eq!(checksum(&frame[38..46], 0), 0);
        assert_eq!(frame.len(), 46 + crate::tag::LEN);
    }

    #[test]
    fn a_probe_goes_to_the_group_of_its_target() {
        let mut target = [0; 16];
        target[13..].copy_from_slice(&[7, 8, 9]);
        let (_, mac) = duplicate_probe6(target);
        assert_eq!(mac, [0x33, 0x33, 0xff, 7, 8, 9]);
    }
}
