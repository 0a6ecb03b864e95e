//! Segments: one VNI each, in the whole fabric.

use rustc_hash::FxHashMap;

use crate::code::Code;
use crate::compile::Draft;
use crate::compile::draft::SegmentDraft;
use crate::diagnostic::{Finding, Findings};
use crate::fabric::{Pvlan, Role, Segment};
use crate::id::{PvlanId, SegmentId, Vni};
use crate::site::PvlanDecl;
use crate::source::{At, Span};

/// Copies a second of a private VLAN's floods, on one worker, unless its `copies` says otherwise.
const COPIES: u32 = 10_000;

impl<'a> Draft<'a> {
    pub(super) fn add_segments(&mut self, findings: &mut Findings) {
        for (index, decl) in (0..).zip(&self.site.pvlans) {
            let pvlan = PvlanId(index);
            self.pvlans.insert(&decl.name.value, pvlan);
            self.segments_of.push(Vec::new());
            self.add_segment(
                pvlan,
                decl,
                ("promiscuous", Role::Promiscuous),
                decl.primary,
            );
            if let Some(isolated) = decl.isolated {
                self.add_segment(pvlan, decl, ("isolated", Role::Isolated), isolated);
            }
            let mut communities: Vec<_> = decl.communities.iter().collect();
            communities.sort_by_key(|community| &community.name.value);
            for community in communities {
                let name = community.name.value.as_str();
                self.add_segment(pvlan, decl, (name, Role::Community), community.vni);
            }
        }
        self.check_vnis(findings);
    }

    fn add_segment(
        &mut self,
        pvlan: PvlanId,
        decl: &PvlanDecl,
        (name, role): (&'a str, Role),
        vni: Option<At<Vni>>,
    ) {
        let id = SegmentId(u32::try_from(self.segments.len()).unwrap_or(u32::MAX));
        self.segments.push(SegmentDraft {
            pvlan,
            role,
            name: format!("{}.{name}", decl.name.value),
            vni,
        });
        // A community with a role's name has its own error; the role keeps the name.
        self.segment_names.entry((pvlan, name)).or_insert(id);
        if let Some(list) = self.segments_of.get_mut(pvlan.index()) {
            list.push(id);
        }
    }

    /// P006, over segments and peerings: whatever a VNI names.
    fn check_vnis(&self, findings: &mut Findings) {
        let segments = self
            .segments
            .iter()
            .filter_map(|segment| Some((segment.vni?, segment.name.clone())));
        let peerings =
            self.site.peerings.iter().filter_map(|peering| {
                Some((peering.vni?, format!("peering {}", peering.name.value)))
            });
        let mut all: Vec<(At<Vni>, String)> = segments.chain(peerings).collect();
        all.sort_by_key(|(vni, _)| vni.span);
        let mut seen: FxHashMap<Vni, (Span, &str)> = FxHashMap::default();
        for (vni, name) in &all {
            if let Some(&(span, first)) = seen.get(&vni.value) {
                let free = free_vni(vni.value, &all);
                findings.push(reused(vni, name, (span, first), free));
            } else {
                seen.insert(vni.value, (vni.span, name));
            }
        }
    }

    pub(super) fn build_segments(&self) -> Option<Vec<Segment>> {
        let segments = (0..).zip(&self.segments);
        segments
            .map(|(index, draft)| {
                Some(Segment {
                    id: SegmentId(index),
                    pvlan: draft.pvlan,
                    role: draft.role,
                    name: draft.name.clone(),
                    vni: draft.vni?.value,
                })
            })
            .collect()
    }

    pub(super) fn build_pvlans(&self) -> Vec<Pvlan> {
        let pvlans = (0..).zip(self.site.pvlans.iter().zip(&self.segments_of));
        pvlans
            .map(|(index, (decl, segments))| Pvlan {
                id: PvlanId(index),
                name: decl.name.value.clone(),
                segments: segments.clone(),
                subnets: decl.subnets.iter().map(|subnet| subnet.value).collect(),
                hairpin: decl.hairpin_mode(),
                gateways: Vec::new(),
                copies: decl.copies.map_or(COPIES, |copies| copies.value),
            })
            .collect()
    }
}

fn reused(vni: &At<Vni>, name: &str, first: (Span, &str), free: Option<Vni>) -> Finding {
    let free = free.map_or_else(String::new, |free| format!("; {free} is free"));
    Finding::error(
        Code::VniReuse,
        vni.span,
        format!("VNI {} names two segments", vni.value),
    )
    .says(name)
    .label(first.0, first.1)
    .help(format!(
        "the VNI is the only thing that tells roles apart on the wire{free}"
    ))
}

/// The next number after a taken one that nothing uses.
fn free_vni(taken: Vni, all: &[(At<Vni>, String)]) -> Option<Vni> {
    let used: rustc_hash::FxHashSet<Vni> = all.iter().map(|(vni, _)| vni.value).collect();
    let mut candidates = (taken.get()..).map_while(Vni::new);
    candidates.find(|vni| !used.contains(vni))
}
