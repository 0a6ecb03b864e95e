//! What a frame's payload says: ARP and IP looked into once, and held to what its sender may say
//! (private-vlan 3.5, from `arp_bad` to `group_limit`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::IpNumber;
use skerry_policy::{Guards, Mac};

use super::licence::Licence;
use super::pass::{Origin, Pass, Sender};
use super::source::{Rule, is_link_local};
use crate::reason::DropReason;
use crate::sink::Sink;
use crate::wire::arp::{Arp, Operation};
use crate::wire::dhcp::Dhcp;
use crate::wire::ethernet::{Ethernet, ethertype};
use crate::wire::icmp;
use crate::wire::ip::Ip;
use crate::wire::multicast::Membership;
use crate::wire::nd::{Malformed, Nd};
use crate::wire::tcp;

/// Who wants to know where an address is. The asker's own address is unspecified when it only
/// wants to know whether the target is free.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Question {
    Arp { target: Ipv4Addr, asker: Ipv4Addr },
    Nd { target: Ipv6Addr, asker: Ipv6Addr },
}

impl Question {
    pub(super) const fn target(self) -> IpAddr {
        match self {
            Self::Arp { target, .. } => IpAddr::V4(target),
            Self::Nd { target, .. } => IpAddr::V6(target),
        }
    }

    pub(super) const fn is_probe(self) -> bool {
        match self {
            Self::Arp { asker, .. } => asker.is_unspecified(),
            Self::Nd { asker, .. } => asker.is_unspecified(),
        }
    }
}

/// What the inspection of a frame's payload found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Inspected {
    pub(super) question: Option<Question>,
    /// Source and destination of an IP packet.
    pub(super) ip: Option<(IpAddr, IpAddr)>,
    /// An IP packet that names other places to go to than its destination.
    pub(super) detour: bool,
    /// Where a redirect sends its receiver.
    pub(super) redirect: Option<IpAddr>,
    /// A report of multicast listeners.
    pub(super) report: bool,
    /// TCP that opens a connection, or accepts one.
    pub(super) opens: bool,
}

impl<S: Sink> Pass<'_, S> {
    /// Looks into ARP and IP; other types have no source to check.
    pub(super) fn inspect(
        &mut self,
        sender: &Sender<'_>,
        guards: Option<&Guards>,
        header: &Ethernet,
        payload: &[u8],
    ) -> Result<Inspected, DropReason> {
        let rule = Rule::of(sender, guards);
        match header.ethertype {
            ethertype::ARP => self.inspect_arp(sender, rule, payload),
            ethertype::IPV4 | ethertype::IPV6 => {
                let ip = Ip::parse(header.ethertype, payload).ok_or(DropReason::BadIp)?;
                let licence = self.licence(sender, guards);
                self.inspect_ip(sender, rule, licence, &ip)
            }
            _ => Ok(Inspected::default()),
        }
    }

    fn licence(&self, sender: &Sender<'_>, guards: Option<&Guards>) -> Licence {
        match (guards, sender.origin) {
            (Some(guards), _) => Licence::of(guards),
            (None, Origin::Peer(node)) => {
                let known = self.state.licences.get(&(node, sender.segment.id));
                known.copied().unwrap_or(Licence::NONE)
            }
            (None, Origin::Port(_)) => Licence::NONE,
        }
    }

    fn inspect_arp(
        &mut self,
        sender: &Sender<'_>,
        rule: Rule,
        payload: &[u8],
    ) -> Result<Inspected, DropReason> {
        let arp = Arp::parse(payload).ok_or(DropReason::ArpBad)?;
        if rule == Rule::OwnOnly && arp.sender_mac != sender.mac {
            return Err(DropReason::ArpSpoof);
        }
        if !arp.is_probe() {
            let ip = IpAddr::V4(arp.sender_ip);
            if !self.may_use(sender, rule, ip) {
                return Err(DropReason::ArpSpoof);
            }
            // What a packet says of another MAC is nobody's word.
            if arp.sender_mac == sender.mac {
                self.note_address(sender, ip);
            }
        }
        let asks = arp.operation == Operation::Request && !arp.is_announcement();
        let question = asks.then_some(Question::Arp {
            target: arp.target_ip,
            asker: arp.sender_ip,
        });
        Ok(Inspected {
            question,
            ..Inspected::default()
        })
    }

    fn inspect_ip(
        &mut self,
        sender: &Sender<'_>,
        rule: Rule,
        licence: Licence,
        ip: &Ip<'_>,
    ) -> Result<Inspected, DropReason> {
        let nd = Nd::parse(ip);
        let rightful = if is_link_local(ip.source) {
            self.pin_link_local(sender, rule, ip.source)
        } else {
            (ip.source.is_unspecified() && needs_no_address(ip, nd))
                || self.may_use(sender, rule, ip.source)
        };
        if !rightful {
            return Err(DropReason::IpSpoof);
        }
        licence.check_chain(ip)?;
        let question = match nd {
            Ok(None) => None,
            Ok(Some(Nd::Router)) => {
                licence.check_router()?;
                None
            }
            Ok(Some(Nd::RouterSolicitation { link })) => {
                own_link(sender, rule, link)?;
                None
            }
            Ok(Some(Nd::Solicitation { target, link })) => {
                Some(self.inspect_solicitation(sender, rule, ip, target, link)?)
            }
            Ok(Some(Nd::Advertisement { target, link })) => {
                self.inspect_advertisement(sender, rule, target, link)?;
                None
            }
            Err(Malformed) => return Err(DropReason::NdSpoof),
        };
        licence.check_dhcp(sender.mac, ip)?;
        let report = self.inspect_membership(sender, ip)?;
        Ok(Inspected {
            question,
            ip: Some((ip.source, ip.destination)),
            detour: ip.detour,
            redirect: icmp::redirected_to(ip),
            report,
            opens: ip.is_whole() && ip.payload_of(IpNumber::TCP).is_some_and(tcp::is_syn),
        })
    }

    fn inspect_solicitation(
        &mut self,
        sender: &Sender<'_>,
        rule: Rule,
        ip: &Ip<'_>,
        target: Ipv6Addr,
        link: Option<Mac>,
    ) -> Result<Question, DropReason> {
        own_link(sender, rule, link)?;
        if !ip.source.is_unspecified() && link.is_some() {
            self.note_address(sender, ip.source);
        }
        let IpAddr::V6(asker) = ip.source else {
            return Err(DropReason::BadIp);
        };
        Ok(Question::Nd { target, asker })
    }

    fn inspect_advertisement(
        &mut self,
        sender: &Sender<'_>,
        rule: Rule,
        target: Ipv6Addr,
        link: Option<Mac>,
    ) -> Result<(), DropReason> {
        own_link(sender, rule, link)?;
        let target = IpAddr::V6(target);
        let rightful = if is_link_local(target) {
            self.pin_link_local(sender, rule, target)
        } else {
            self.may_use(sender, rule, target)
        };
        if !rightful {
            return Err(DropReason::NdSpoof);
        }
        self.note_address(sender, target);
        Ok(())
    }
}

/// Neighbour discovery of a guarded host names its own MAC.
fn own_link(sender: &Sender<'_>, rule: Rule, link: Option<Mac>) -> Result<(), DropReason> {
    if rule == Rule::OwnOnly && link.is_some_and(|mac| mac != sender.mac) {
        return Err(DropReason::NdSpoof);
    }
    Ok(())
}

/// What a host says before it has an address: is one free (RFC 4862 section 5.4), is there a router
/// (RFC 4861 section 4.1), who gives one (RFC 2131 section 4.1), and which groups it needs to hear for that (RFC 3590 section 4,
/// RFC 3376 section 4.2.13).
fn needs_no_address(ip: &Ip<'_>, nd: Result<Option<Nd>, Malformed>) -> bool {
    // What is broken is told so by the check that comes later.
    let probes = matches!(
        nd,
        Ok(Some(
            Nd::Solicitation { .. } | Nd::RouterSolicitation { .. }
        )) | Err(Malformed)
    );
    let reports = || matches!(Membership::parse(ip), Some(Membership::Report(_)));
    let asks = || matches!(Dhcp::parse(ip), Some(Dhcp::Client(_)));
    probes || asks() || reports()
}
