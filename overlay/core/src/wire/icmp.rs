//! Redirects of ICMP (RFC 792) and ICMPv6 (RFC 4861 section 8).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::IpNumber;

use super::bytes::array;
use super::ip::Ip;

const REDIRECT: u8 = 5;
const REDIRECT6: u8 = 137;

/// Where a redirect tells its receiver to send packets from now on; unspecified when it is cut.
pub(crate) fn redirected_to(ip: &Ip<'_>) -> Option<IpAddr> {
    if let Some(icmp) = ip.payload_of(IpNumber::ICMP)
        && ip.source.is_ipv4()
    {
        let gateway = || array::<4>(icmp, 4).map_or(Ipv4Addr::UNSPECIFIED, Ipv4Addr::from);
        return (icmp.first() == Some(&REDIRECT)).then(|| gateway().into());
    }
    let icmp = ip.payload_of(IpNumber::IPV6_ICMP)?;
    let target = || array::<16>(icmp, 8).map_or(Ipv6Addr::UNSPECIFIED, Ipv6Addr::from);
    (ip.source.is_ipv6() && icmp.first() == Some(&REDIRECT6)).then(|| target().into())
}
