//! What a sender may say that others would obey: router advertisements and DHCP.

use rustc_hash::{FxHashMap, FxHashSet};
use skerry_policy::{DhcpGuard, Ethertypes, Guards, Mac, NodeId, Port, RaGuard, SegmentId, Tables};

use crate::reason::DropReason;
use crate::wire::dhcp::Dhcp;
use crate::wire::ip::{Ip, Upper};

/// The guards of a port that are about control traffic.
#[derive(Clone, Copy, Debug)]
pub(super) struct Licence {
    ra: RaGuard,
    dhcp: DhcpGuard,
}

/// The licence of every (node, segment) that is not this node's own.
pub(super) type Licences = FxHashMap<(NodeId, SegmentId), Licence>;

/// The ethertypes of every (node, segment) that is not this node's own.
pub(super) type Kinds = FxHashMap<(NodeId, SegmentId), Ethertypes>;

/// The marks of the attachments of every (node, segment) that is not this node's own.
pub(super) type Marks = FxHashSet<(NodeId, SegmentId, u16)>;

pub(super) fn marks_of_peers(tables: &Tables) -> Marks {
    let attachments = tables.fabric.attachments.iter();
    let others = attachments.filter(|it| it.home != tables.me);
    others.map(|it| (it.home, it.segment, it.mark)).collect()
}

/// Every port of another node, in each segment that it is in.
fn ports_of_peers(tables: &Tables) -> impl Iterator<Item = ((NodeId, SegmentId), &Port)> {
    let attachments = tables.fabric.attachments.iter();
    let others = attachments.filter(|it| it.home != tables.me);
    others.filter_map(|it| {
        let port = tables.fabric.ports.get(it.port.index())?;
        Some(((it.home, it.segment), port))
    })
}

fn either(one: &Ethertypes, other: &Ethertypes) -> Ethertypes {
    match (one, other) {
        (Ethertypes::Only(one), Ethertypes::Only(other)) => {
            let mut all: Vec<u16> = one.iter().chain(other).copied().collect();
            all.sort_unstable();
            all.dedup();
            Ethertypes::Only(all)
        }
        (Ethertypes::Any, _) | (_, Ethertypes::Any) => Ethertypes::Any,
    }
}

impl Licence {
    /// Nothing at all.
    pub(super) const NONE: Self = Self {
        ra: RaGuard::Deny,
        dhcp: DhcpGuard::Client,
    };

    pub(super) const fn of(guards: &Guards) -> Self {
        Self {
            ra: guards.ra,
            dhcp: guards.dhcp,
        }
    }

    /// Which of a peer's ports it was cannot be known here: what one of them may say, all may. Its
    /// own node looks closer, and if it does not, nobody hears more than policy lets that node's
    /// ports say.
    pub(super) fn of_peers(tables: &Tables) -> Licences {
        let mut licences = Licences::default();
        for (key, port) in ports_of_peers(tables) {
            let licence = licences.entry(key).or_insert(Self::NONE);
            *licence = licence.or(&port.guards);
        }
        licences
    }

    /// The ethertypes that peers may send, likewise.
    pub(super) fn kinds_of_peers(tables: &Tables) -> Kinds {
        let mut kinds = Kinds::default();
        for (key, port) in ports_of_peers(tables) {
            let known = kinds.entry(key).or_insert(Ethertypes::Only(Vec::new()));
            *known = either(known, &port.ethertypes);
        }
        kinds
    }

    /// The looser of each.
    fn or(self, guards: &Guards) -> Self {
        let ra = match self.ra {
            RaGuard::Allow => RaGuard::Allow,
            RaGuard::Deny => guards.ra,
        };
        let dhcp = match (self.dhcp, guards.dhcp) {
            (DhcpGuard::Off, _) | (_, DhcpGuard::Off) => DhcpGuard::Off,
            (DhcpGuard::Server, _) | (_, DhcpGuard::Server) => DhcpGuard::Server,
            (DhcpGuard::Client, DhcpGuard::Client) => DhcpGuard::Client,
        };
        Self { ra, dhcp }
    }

    /// Refuses a packet in which something that is not allowed could be hidden: a first fragment
    /// without its transport header, and an IPv6 chain that cannot be walked to its end
    /// (RFC 7113 section 3, rules 3 to 5).
    pub(super) const fn check_chain(self, ip: &Ip<'_>) -> Result<(), DropReason> {
        if !matches!(ip.upper, Upper::Broken) {
            return Ok(());
        }
        let no_server = matches!(self.dhcp, DhcpGuard::Client);
        let no_router = matches!(self.ra, RaGuard::Deny);
        match ip.source {
            std::net::IpAddr::V4(_) if no_server => Err(DropReason::FragBad),
            std::net::IpAddr::V6(_) if no_server || no_router => Err(DropReason::V6Chain),
            std::net::IpAddr::V4(_) | std::net::IpAddr::V6(_) => Ok(()),
        }
    }

    /// May it say that it is a router?
    pub(super) const fn check_router(self) -> Result<(), DropReason> {
        match self.ra {
            RaGuard::Deny => Err(DropReason::RaGuard),
            RaGuard::Allow => Ok(()),
        }
    }

    /// May it say this of DHCP? A client asks for its own hardware address and no other, so that
    /// one host cannot use up a pool.
    pub(super) fn check_dhcp(self, sender: Mac, ip: &Ip<'_>) -> Result<(), DropReason> {
        if self.dhcp != DhcpGuard::Client {
            return Ok(());
        }
        match Dhcp::parse(ip) {
            Some(Dhcp::Server) => Err(DropReason::DhcpServer),
            Some(Dhcp::Client(hardware)) if hardware != Some(sender) => Err(DropReason::DhcpSpoof),
            Some(Dhcp::Client(_) | Dhcp::Client6) | None => Ok(()),
        }
    }
}
