//! V6, its last part: the tables of peerings say what the file says, and their MAC addresses are
//! nobody else's.

use std::collections::{BTreeMap, BTreeSet};

use super::Ground;
use super::claim::Claim;
use crate::id::AttachmentId;
use crate::peering::Peering;
use crate::site::{PeeringDecl, PortRef};
use crate::source::At;

pub(super) fn tables(ground: &Ground<'_>, claim: &mut Claim) {
    let fabric = ground.fabric;
    let decls = &ground.oracle.site.peerings;
    claim.equal(&fabric.peerings.len(), &decls.len(), || {
        "peerings".to_owned()
    });
    claim.equal(&fabric.peering_by_vni.len(), &decls.len(), || {
        "VNIs of peerings known".to_owned()
    });
    for (decl, peering) in decls.iter().zip(&fabric.peerings) {
        lookups(ground, decl, peering, claim);
        ends(ground, decl, peering, claim);
        mac(ground, peering, claim);
    }
    lists(ground, claim);
}

/// Its numbers find it and nothing else.
fn lookups(ground: &Ground<'_>, decl: &PeeringDecl, peering: &Peering, claim: &mut Claim) {
    let fabric = ground.fabric;
    let named = |found: Option<&Peering>| found.is_some_and(|it| it.name == decl.name.value);
    let vni = decl.vni.map(|vni| vni.value);
    let found = vni.and_then(|vni| fabric.peering_of_vni(vni));
    let numbered = fabric.vni_of(peering.id) == vni && fabric.segment(peering.id).is_none();
    let right = named(found) && named(fabric.peering(peering.id)) && numbered;
    claim.expect(right, || format!("peering {}", decl.name.value));
    let allow: Vec<_> = decl.allow.iter().map(|flow| flow.value).collect();
    claim.equal(&peering.allow, &allow, || {
        format!("peering {} allows", decl.name.value)
    });
}

/// Both lists, compared as sets, and the private VLANs of their members.
fn ends(ground: &Ground<'_>, decl: &PeeringDecl, peering: &Peering, claim: &mut Claim) {
    let [from, to] = peering.pvlans;
    let sides = [
        (&decl.from, &peering.from, from),
        (&decl.to, &peering.to, to),
    ];
    for (listed, table, pvlan) in sides {
        let expected: BTreeSet<_> = expected(ground, listed).collect();
        let actual: BTreeSet<_> = table.iter().map(|&end| oracle_end(ground, end)).collect();
        let sorted = table.is_sorted() && table.len() == actual.len();
        let inside = expected.iter().all(|&end| {
            let own = end.and_then(|end| ground.oracle.pvlan_of(end));
            own.and_then(|own| u32::try_from(own).ok()) == Some(pvlan.0)
        });
        claim.expect(expected == actual && sorted && inside, || {
            format!("ends of peering {}: {table:?} in {pvlan:?}", peering.name)
        });
    }
    claim.expect(from != to, || {
        format!("peering {} joins one private VLAN", peering.name)
    });
}

/// Its MAC address stands for it in its two private VLANs, for nothing elsewhere, and is bound to
/// no port.
fn mac(ground: &Ground<'_>, peering: &Peering, claim: &mut Claim) {
    for pvlan in &ground.fabric.pvlans {
        let found = ground.fabric.peering_for_mac(pvlan.id, peering.mac());
        let expected = peering.pvlans.contains(&pvlan.id);
        let right = found.map(|it| it.id) == expected.then_some(peering.id);
        let free = ground.fabric.mac_owner(pvlan.id, peering.mac()).is_none();
        claim.expect(right && free, || {
            format!("{} in {}", peering.mac(), pvlan.name)
        });
    }
}

/// Of every attachment: the peerings that list it, in file order.
fn lists(ground: &Ground<'_>, claim: &mut Claim) {
    let mut expected: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for decl in &ground.oracle.site.peerings {
        let listed: BTreeSet<_> = expected_of(ground, decl).collect();
        for end in listed {
            expected.entry(end).or_default().push(&decl.name.value);
        }
    }
    for (id, end) in (0..).map(AttachmentId).zip(&ground.ends) {
        let listed = end.and_then(|end| expected.get(&end));
        let actual = ground.fabric.peerings_of(id).map(|it| it.name.as_str());
        let same = actual.eq(listed.into_iter().flatten().copied());
        claim.expect(same, || {
            format!("peerings of {}", ground.fabric.attachment_name(id))
        });
    }
}

fn expected_of<'a>(ground: &'a Ground<'_>, decl: &'a PeeringDecl) -> impl Iterator<Item = usize> {
    let ends = decl.from.iter().chain(&decl.to);
    ends.filter_map(|end| ground.oracle.end(&end.value))
}

fn expected<'a>(
    ground: &'a Ground<'_>,
    listed: &'a [At<PortRef>],
) -> impl Iterator<Item = Option<usize>> {
    listed.iter().map(|end| ground.oracle.end(&end.value))
}

fn oracle_end(ground: &Ground<'_>, end: AttachmentId) -> Option<usize> {
    ground.ends.get(end.index()).copied().flatten()
}
