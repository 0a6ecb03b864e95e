//! The tables themselves: accept rows, member sets, what each node may send.

use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;

use crate::compile::Draft;
use crate::fabric::{Digest, Fabric, Role, Segment};
use crate::id::{NodeId, PortId, SegmentId};

/// Bytes of IP packet that fit a 1500-byte underlay: 20 IPv4, 8 UDP, 32 WireGuard, then
/// 20 + 8 + 8 + 14 of inner IPv4, UDP, VXLAN and Ethernet.
const MTU: u16 = 1390;
/// The same with IPv6 (20 more), which is also what `wg-quick` leaves a stock member.
const MTU_SMALL: u16 = 1370;

impl Draft<'_> {
    /// `None` when something could not be read, which has its error already.
    pub(super) fn build(self, digest: Digest) -> Option<Fabric> {
        let segments = self.build_segments()?;
        let mut fabric = Fabric {
            digest,
            mtu: self.mtu(),
            nodes: self.build_nodes()?,
            pvlans: self.build_pvlans(),
            accept: Vec::with_capacity(segments.len()),
            members: Vec::new(),
            may_send: Vec::new(),
            served: Vec::new(),
            by_vni: segments.iter().map(|it| (it.vni, it.id)).collect(),
            peering_by_vni: FxHashMap::default(),
            peerings_of: FxHashMap::default(),
            segments,
            ports: self.ports,
            attachments: self.attachments,
            peerings: self.peerings,
            mac_owner: self.mac_owner,
            ip_owner: self.ip_owner,
        };
        fabric.fill_accept();
        fabric.fill_gateways();
        fabric.fill_may_send();
        fabric.fill_members();
        fabric.fill_served();
        fabric.fill_peerings();
        Some(fabric)
    }

    fn mtu(&self) -> u16 {
        let said = self.site.defaults.mtu.map(|mtu| mtu.value);
        let small = self.site.nodes.iter().any(|node| {
            let overlay = node.overlay.is_some_and(|it| it.value.is_ipv6());
            let endpoint = node.endpoint.is_some_and(|it| it.value.is_ipv6());
            overlay || endpoint || node.stock.is_some()
        });
        said.unwrap_or(if small { MTU_SMALL } else { MTU })
    }
}

/// RFC 5517 table 1 for segments of one private VLAN. A promiscuous segment reaches every other
/// and is reached by every other; a community reaches itself; an isolated segment not even that.
fn reaches(from: &Segment, to: &Segment) -> bool {
    match (from.role, to.role) {
        (Role::Promiscuous, _) | (_, Role::Promiscuous) => true,
        (Role::Community, Role::Community) => from.id == to.id,
        (Role::Isolated | Role::Community, Role::Isolated | Role::Community) => false,
    }
}

impl Fabric {
    fn fill_accept(&mut self) {
        for from in &self.segments {
            let pvlan = self.pvlans.get(from.pvlan.index());
            let siblings = pvlan.map_or(&[][..], |pvlan| pvlan.segments.as_slice());
            let mut row = FixedBitSet::with_capacity(siblings.len());
            for (column, to) in siblings.iter().enumerate() {
                let to = self.segments.get(to.index());
                row.set(column, to.is_some_and(|to| reaches(from, to)));
            }
            self.accept.push(row);
        }
    }

    fn fill_gateways(&mut self) {
        for attachment in &self.attachments {
            let gateway = self
                .ports
                .get(attachment.port.index())
                .is_some_and(|it| it.gateway);
            let segment = self.segments.get(attachment.segment.index());
            let Some(segment) = segment.filter(|it| gateway && it.role == Role::Promiscuous) else {
                continue;
            };
            if let Some(pvlan) = self.pvlans.get_mut(segment.pvlan.index()) {
                pvlan.gateways.push(attachment.id);
            }
        }
    }

    fn fill_may_send(&mut self) {
        let row = FixedBitSet::with_capacity(self.segments.len());
        self.may_send = vec![row; self.nodes.len()];
        for attachment in &self.attachments {
            if let Some(row) = self.may_send.get_mut(attachment.home.index()) {
                row.insert(attachment.segment.index());
            }
        }
    }

    /// A peering is a segment of its own on the wire, in no table but these.
    fn fill_peerings(&mut self) {
        for peering in &self.peerings {
            self.peering_by_vni.insert(peering.vni, peering.id);
            for &end in peering.from.iter().chain(&peering.to) {
                self.peerings_of.entry(end).or_default().push(peering.id);
                let home = self.attachments.get(end.index()).map(|it| it.home);
                if let Some(row) = home.and_then(|home| self.may_send.get_mut(home.index())) {
                    row.grow_and_insert(peering.id.index());
                }
            }
        }
    }

    fn fill_members(&mut self) {
        let mut hosts: FxHashMap<SegmentId, Vec<NodeId>> = FxHashMap::default();
        for attachment in &self.attachments {
            hosts
                .entry(attachment.segment)
                .or_default()
                .push(attachment.home);
        }
        for nodes in hosts.values_mut() {
            nodes.sort_unstable();
            nodes.dedup();
        }
        self.members = self
            .segments
            .iter()
            .map(|from| self.members_of(from, &hosts))
            .collect();
    }

    fn members_of(&self, from: &Segment, hosts: &FxHashMap<SegmentId, Vec<NodeId>>) -> Vec<NodeId> {
        let pvlan = self.pvlans.get(from.pvlan.index());
        let siblings = pvlan.into_iter().flat_map(|pvlan| &pvlan.segments);
        let mut members: Vec<_> = siblings
            .filter(|&&to| self.accepts(from.id, to))
            .filter_map(|to| hosts.get(to))
            .flatten()
            .copied()
            .collect();
        members.sort_unstable();
        members.dedup();
        members
    }

    fn fill_served(&mut self) {
        let mut served: Vec<Vec<PortId>> = vec![Vec::new(); self.nodes.len()];
        // Own ports first, then those of edges: a home's port numbers do not depend on its edges.
        for own in [true, false] {
            for port in &self.ports {
                let first = port.attachments.first();
                let home = first
                    .and_then(|id| self.attachments.get(id.index()))
                    .map(|it| it.home);
                let Some(home) = home.filter(|&home| (home == port.node) == own) else {
                    continue;
                };
                if let Some(list) = served.get_mut(home.index()) {
                    list.push(port.id);
                }
            }
        }
        self.served = served;
    }
}
