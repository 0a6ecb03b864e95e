//! Is the sender who it says it is? MAC, ARP, IP and ND, for frames of ports and of peers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use skerry_policy::{IpGuard, Port, Role};

use super::pass::{Origin, Pass, Sender};
use super::state::may_hold;
use crate::claim::{Change, Strength};
use crate::fdb::{Held, Learned, Seat};
use crate::reason::DropReason;
use crate::sink::Sink;
use crate::wire::arp::{Arp, Operation};
use crate::wire::ethernet::{Ethernet, ethertype};
use crate::wire::ip::Ip;
use crate::wire::nd::{Nd, is_listener_report};

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
}

impl<S: Sink> Pass<'_, S> {
    /// Claims the source MAC for its sender.
    pub(super) fn learn(&mut self, sender: &Sender<'_>) -> Result<(), DropReason> {
        let Some(seat) = self.state.seat(self.tables, sender.segment, sender.place) else {
            return Err(DropReason::PortDown);
        };
        // Every frame of a port comes in by one worker: the one that sees this one.
        let near = matches!(sender.origin, Origin::Port(_));
        let seat = Seat { near, ..seat };
        match self.state.fdb.learn(self.now, sender.mac, &seat) {
            Ok(Learned::Known) => Ok(()),
            Ok(Learned::Here { since }) => {
                self.announce(sender, seat.strength, Change::Here(since));
                Ok(())
            }
            Err(DropReason::MacLimit) => Err(DropReason::MacLimit),
            Err(reason) => Err(match sender.origin {
                Origin::Port(_) => reason,
                Origin::Peer(_) => DropReason::PeerMacSpoof,
            }),
        }
    }

    /// Looks into ARP and IP; other types have no source to check.
    pub(super) fn inspect(
        &mut self,
        sender: &Sender<'_>,
        port: Option<&Port>,
        header: &Ethernet,
        payload: &[u8],
    ) -> Result<Inspected, DropReason> {
        let rule = Rule::of(sender, port);
        match header.ethertype {
            ethertype::ARP => self.inspect_arp(sender, rule, payload),
            ethertype::IPV4 | ethertype::IPV6 => {
                let ip = Ip::parse(header.ethertype, payload).ok_or(DropReason::BadIp)?;
                self.inspect_ip(sender, rule, &ip)
            }
            _ => Ok(Inspected::default()),
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
        Ok(Inspected { question, ip: None })
    }

    fn inspect_ip(
        &mut self,
        sender: &Sender<'_>,
        rule: Rule,
        ip: &Ip<'_>,
    ) -> Result<Inspected, DropReason> {
        let nd = match ip.icmp6() {
            Some(icmp) => Nd::parse(icmp).map_err(|_| DropReason::NdSpoof)?,
            None => None,
        };
        let asks = matches!(nd, Some(Nd::Solicitation { .. }))
            || ip.icmp6().is_some_and(is_listener_report)
            || ip.is_dhcp_client();
        let probes = ip.source.is_unspecified() && asks;
        let rightful = if is_link_local(ip.source) {
            self.pin_link_local(sender, rule, ip.source)
        } else {
            probes || self.may_use(sender, rule, ip.source)
        };
        if !rightful {
            return Err(DropReason::IpSpoof);
        }
        let question = match nd {
            Some(nd) => self.inspect_nd(sender, rule, ip, nd)?,
            None => None,
        };
        Ok(Inspected {
            question,
            ip: Some((ip.source, ip.destination)),
        })
    }

    fn inspect_nd(
        &mut self,
        sender: &Sender<'_>,
        rule: Rule,
        ip: &Ip<'_>,
        nd: Nd,
    ) -> Result<Option<Question>, DropReason> {
        let (Nd::Solicitation { target, link } | Nd::Advertisement { target, link }) = nd;
        if rule == Rule::OwnOnly && link.is_some_and(|mac| mac != sender.mac) {
            return Err(DropReason::NdSpoof);
        }
        if matches!(nd, Nd::Solicitation { .. }) {
            if !ip.source.is_unspecified() && link.is_some() {
                self.note_address(sender, ip.source);
            }
            let IpAddr::V6(asker) = ip.source else {
                return Err(DropReason::BadIp);
            };
            return Ok(Some(Question::Nd { target, asker }));
        }
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
        Ok(None)
    }

    /// Whether an address may be this sender's.
    fn may_use(&self, sender: &Sender<'_>, rule: Rule, ip: IpAddr) -> bool {
        let owner = self.owner(sender.pvlan.id, ip);
        match rule {
            Rule::Free => true,
            Rule::NotOthers => owner.is_none_or(|owner| sender.is_at(owner)),
            Rule::OwnOnly => owner.is_some_and(|owner| sender.is_at(owner)),
        }
    }

    /// The first place that uses a link-local address keeps it.
    fn pin_link_local(&mut self, sender: &Sender<'_>, rule: Rule, ip: IpAddr) -> bool {
        if let Some(owner) = self.owner(sender.pvlan.id, ip) {
            return rule == Rule::Free || sender.is_at(owner);
        }
        let pinned = self.remember(sender, ip);
        pinned || rule != Rule::OwnOnly
    }

    /// Remembers the MAC that goes with an address the sender may use, for answering in its
    /// place. Unbound addresses of unguarded ports are not worth remembering: anyone's word.
    fn note_address(&mut self, sender: &Sender<'_>, ip: IpAddr) {
        if self
            .owner(sender.pvlan.id, ip)
            .is_some_and(|owner| sender.is_at(owner))
        {
            self.remember(sender, ip);
        }
    }

    fn remember(&mut self, sender: &Sender<'_>, ip: IpAddr) -> bool {
        let (pvlan, segment, place) = (sender.pvlan.id, sender.segment.id, sender.place);
        let bound = may_hold(self.tables, pvlan, ip, segment, place);
        let seat = self.state.seat(self.tables, sender.segment, place);
        let Some((bound, seat)) = bound.zip(seat) else {
            return false;
        };
        let held = Held {
            bound,
            ..self.held_by(sender)
        };
        match self.state.addresses.note(pvlan, ip, held, seat.limit) {
            Ok(news) => {
                if news {
                    self.announce(sender, Strength::Pinned, Change::Address(ip));
                }
                true
            }
            Err(_) => false,
        }
    }
}

/// How strictly a sender's addresses are held to the policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Rule {
    /// Routers: they forward what others sent.
    Free,
    /// Unguarded hosts, and hosts behind a peer, whose own node holds them to more: anything
    /// that policy does not bind to somebody else.
    NotOthers,
    /// Guarded hosts.
    OwnOnly,
}

impl Rule {
    fn of(sender: &Sender<'_>, port: Option<&Port>) -> Self {
        let guarded = port.is_some_and(|port| port.guards.ip == IpGuard::Bound);
        match sender.segment.role {
            _ if guarded => Self::OwnOnly,
            Role::Promiscuous => Self::Free,
            Role::Isolated | Role::Community => Self::NotOthers,
        }
    }
}

const fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(_) => false,
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}
