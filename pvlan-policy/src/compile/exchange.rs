//! Peerings and exports: both sides must want them, and an export must not leak by difference.

use rustc_hash::FxHashMap;

use crate::code::Code;
use crate::compile::Draft;
use crate::diagnostic::{Finding, Findings};
use crate::id::{AttachmentId, PvlanId, SegmentId};
use crate::peering::Peering;
use crate::site::{PeeringDecl, PortRef, Sees, StockKind};
use crate::source::{At, Span};

impl Draft<'_> {
    pub(super) fn add_peerings(&mut self, findings: &mut Findings) {
        for pvlan in &self.site.pvlans {
            for peer in &pvlan.peers {
                self.pvlan_named(At::new(&peer.value, peer.span), findings);
            }
        }
        for decl in &self.site.peerings {
            let from = self.ends(&decl.from, findings);
            let to = self.ends(&decl.to, findings);
            let sides = self.check_consent(decl, &from, &to, findings);
            self.check_stock_ends(&[&from, &to], findings);
            if let Some(pvlans) = sides {
                self.warn_out_of_reach(pvlans, &from, findings);
                self.warn_out_of_reach([pvlans[1], pvlans[0]], &to, findings);
            }
            if let Some((vni, pvlans)) = decl.vni.zip(sides) {
                let id = self.segments.len() + self.peerings.len();
                self.peerings.push(Peering {
                    id: SegmentId(u32::try_from(id).unwrap_or(u32::MAX)),
                    name: decl.name.value.clone(),
                    vni: vni.value,
                    pvlans,
                    from: from.into_iter().map(|(id, _)| id).collect(),
                    to: to.into_iter().map(|(id, _)| id).collect(),
                    allow: decl.allow.iter().map(|flow| flow.value).collect(),
                });
            }
        }
    }

    /// The listed attachments and where they are listed, sorted.
    fn ends(&self, list: &[At<PortRef>], findings: &mut Findings) -> Vec<(AttachmentId, Span)> {
        let mut ends = Vec::with_capacity(list.len());
        for reference in list {
            let found = self.attachment_named(reference, findings);
            ends.extend(found.map(|id| (id, reference.span)));
        }
        ends.sort_unstable();
        ends.dedup_by_key(|(id, _)| *id);
        ends
    }

    /// P013 and P039: one private VLAN on each side, and both have agreed. `None` when something
    /// is wrong with them, which has its error already.
    fn check_consent(
        &self,
        decl: &PeeringDecl,
        from: &[(AttachmentId, Span)],
        to: &[(AttachmentId, Span)],
        findings: &mut Findings,
    ) -> Option<[PvlanId; 2]> {
        let sides = (self.side(from, findings), self.side(to, findings));
        let (Some((one, near)), Some((other, far))) = sides else {
            return None;
        };
        if one == other {
            let message = "a peering joins two private VLANs, not one with itself";
            let finding = Finding::error(Code::PeeringEnds, decl.name.span, message);
            findings.push(finding.label(near, "from here").label(far, "to the same"));
            return None;
        }
        let mut agreed = true;
        for (giver, taker) in [(one, other), (other, one)] {
            if !self.consents(giver, taker) {
                findings.push(self.missing_consent(decl, giver, taker));
                agreed = false;
            }
        }
        agreed.then_some([one, other])
    }

    /// P028: a stock kernel of the mesh knows segments and nothing else.
    fn check_stock_ends(&self, sides: &[&[(AttachmentId, Span)]], findings: &mut Findings) {
        for &(id, span) in sides.iter().copied().flatten() {
            let home = self.attachment(id).map(|attachment| attachment.home);
            if home.and_then(|home| self.stock(home)) == Some(StockKind::Mesh) {
                let message = "a port of a stock mesh member cannot be an end of a peering";
                let finding = Finding::error(Code::StockLimit, span, message);
                findings.push(finding.help("stock = \"edge\" makes it a port of a node that can"));
            }
        }
    }

    /// P040: a peering passes what is between bound addresses, and an address that both sides
    /// bind means the host next door.
    fn warn_out_of_reach(
        &self,
        [own, other]: [PvlanId; 2],
        ends: &[(AttachmentId, Span)],
        findings: &mut Findings,
    ) {
        for &(id, span) in ends {
            let port = self.attachment(id).map(|it| it.port);
            let port = port.and_then(|port| self.ports.get(port.index()));
            let mut ips = port.map_or(&[][..], |port| port.ips.as_slice()).iter();
            let owner = |pvlan, ip| self.ip_owner.get(&(pvlan, ip)).copied();
            if ips.any(|&ip| owner(own, ip) == Some(id) && owner(other, ip).is_none()) {
                continue;
            }
            let message = "nobody can be reached at this end of the peering";
            findings.push(
                Finding::warning(Code::OutOfReach, span, message)
                    .says("needs an `ip` that the other side does not bind")
                    .help("what crosses goes from one bound address to another, and to no other"),
            );
        }
    }

    /// The one private VLAN of a side of a peering.
    fn side(
        &self,
        ends: &[(AttachmentId, Span)],
        findings: &mut Findings,
    ) -> Option<(PvlanId, Span)> {
        let pvlan = |&(id, span): &(AttachmentId, Span)| {
            let segment = self.segment_of(self.attachment(id)?)?;
            Some((segment.pvlan, span))
        };
        let mut pvlans = ends.iter().filter_map(pvlan);
        let (first, span) = pvlans.next()?;
        if let Some((_, stray)) = pvlans.find(|(other, _)| *other != first) {
            let message = "one side of a peering is in one private VLAN";
            let finding = Finding::error(Code::PeeringEnds, stray, message);
            findings.push(finding.says("another one").label(span, "the first"));
            return None;
        }
        Some((first, span))
    }

    fn consents(&self, giver: PvlanId, taker: PvlanId) -> bool {
        let name = self.pvlan_decl(taker).map(|decl| &decl.name.value);
        let peers = self.pvlan_decl(giver).map(|decl| decl.peers.iter());
        peers
            .into_iter()
            .flatten()
            .any(|peer| Some(&peer.value) == name)
    }

    fn missing_consent(&self, decl: &PeeringDecl, giver: PvlanId, taker: PvlanId) -> Finding {
        let name = |id| {
            self.pvlan_decl(id)
                .map_or("", |decl| decl.name.value.as_str())
        };
        let (giver_name, taker_name) = (name(giver), name(taker));
        let message = format!("`{giver_name}` has not consented to peer with `{taker_name}`");
        let finding = Finding::error(Code::NoConsent, decl.name.span, message);
        let span = self
            .pvlan_decl(giver)
            .map_or(decl.name.span, |decl| decl.name.span);
        finding
            .label(span, format!("needs peers = [\"{taker_name}\"]"))
            .help("a way between private VLANs exists only when both of them say so")
    }

    pub(super) fn check_exports(&self, findings: &mut Findings) {
        let mut seen: FxHashMap<(PvlanId, PvlanId, &str), (Span, &str)> = FxHashMap::default();
        for export in &self.site.exports {
            let mut named = |name: &Option<At<String>>| {
                let name = name.as_ref()?;
                self.pvlan_named(At::new(&name.value, name.span), findings)
            };
            let (Some(from), Some(to)) = (named(&export.from), named(&export.to)) else {
                continue;
            };
            for field in &export.fields {
                let key = (from, to, field.value.as_str());
                if let Some(&(span, first)) = seen.get(&key) {
                    let message = format!("`{}` is exported twice to one receiver", field.value);
                    findings.push(
                        Finding::error(Code::ExportOverlap, field.span, message)
                            .label(span, format!("also by `{first}`"))
                            .help(
                                "the difference of two roundings or windows shows more than either",
                            ),
                    );
                } else {
                    seen.insert(key, (field.span, &export.name.value));
                }
            }
        }
        for sink in &self.site.sinks {
            if let Sees::Only(pvlans) = &sink.sees {
                for pvlan in pvlans {
                    self.pvlan_named(At::new(&pvlan.value, pvlan.span), findings);
                }
            }
        }
    }
}
