//! V6: VNIs, names, keys and addresses name one thing each, and the lookups find that thing.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;

use super::Ground;
use super::claim::Claim;
use crate::id::{AttachmentId, PvlanId};

pub(super) fn names(ground: &Ground<'_>) -> Claim {
    let statement = "VNIs, names, keys and addresses name one thing each";
    let mut claim = Claim::new("V6", statement);
    vnis(ground, &mut claim);
    nodes(ground, &mut claim);
    addresses(ground, &mut claim);
    super::peering::tables(ground, &mut claim);
    claim
}

fn vnis(ground: &Ground<'_>, claim: &mut Claim) {
    let fabric = ground.fabric;
    let mut seen = HashSet::new();
    for (index, segment) in ground.oracle.segments.iter().enumerate() {
        let id = ground.segment_ids.get(index).copied().flatten();
        let found = segment.vni.and_then(|vni| fabric.segment_of(vni));
        let own = id
            .and_then(|id| fabric.segment(id))
            .map(|segment| segment.vni);
        let fresh = segment.vni.is_some_and(|vni| seen.insert(vni));
        claim.expect(
            fresh && id.is_some() && found == id && own == segment.vni,
            || format!("VNI {:?} finds {found:?}, not {id:?}", segment.vni),
        );
    }
    for peering in &ground.oracle.site.peerings {
        let vni = peering.vni.map(|vni| vni.value);
        let fresh = vni.is_some_and(|vni| seen.insert(vni) && fabric.segment_of(vni).is_none());
        claim.expect(fresh, || {
            format!("VNI {vni:?} of peering {}", peering.name.value)
        });
    }
    claim.equal(&fabric.by_vni.len(), &ground.oracle.segments.len(), || {
        "VNIs known".to_owned()
    });
}

fn nodes(ground: &Ground<'_>, claim: &mut Claim) {
    let nodes = &ground.fabric.nodes;
    distinct(nodes.iter().map(|node| &node.name), "node names", claim);
    distinct(nodes.iter().map(|node| node.key), "keys", claim);
    distinct(
        nodes.iter().map(|node| node.overlay),
        "overlay addresses",
        claim,
    );
    let ports = ground.fabric.ports.iter();
    distinct(
        ports.map(|port| (port.node, &port.name)),
        "port names",
        claim,
    );
    let ends: BTreeSet<_> = ground.ends.iter().flatten().collect();
    claim.equal(&ends.len(), &ground.oracle.ends.len(), || {
        "attachments found by name".to_owned()
    });
}

fn distinct<T: Eq + Hash>(items: impl Iterator<Item = T>, what: &str, claim: &mut Claim) {
    let mut seen = HashSet::new();
    for item in items {
        claim.expect(seen.insert(item), || format!("{what} repeat"));
    }
}

fn addresses(ground: &Ground<'_>, claim: &mut Claim) {
    let fabric = ground.fabric;
    let mut macs: HashMap<_, AttachmentId> = HashMap::new();
    let mut ips: HashMap<_, AttachmentId> = HashMap::new();
    for (index, end) in (0..).zip(&ground.ends) {
        let Some(end) = end.and_then(|end| ground.oracle.ends.get(end)) else {
            continue;
        };
        let Some(segment) = ground.oracle.segments.get(end.segment) else {
            continue;
        };
        let pvlan = PvlanId(u32::try_from(segment.pvlan).unwrap_or(u32::MAX));
        let owner = AttachmentId(index);
        for &mac in &end.macs {
            let fresh = macs.insert((pvlan, mac), owner).is_none();
            let found = fabric.mac_owner(pvlan, mac) == Some(owner);
            claim.expect(fresh && found, || format!("owner of {mac}"));
        }
        for &ip in &end.ips {
            let fresh = ips.insert((pvlan, ip), owner).is_none();
            let found = fabric.ip_owner(pvlan, ip) == Some(owner);
            claim.expect(fresh && found, || format!("owner of {ip}"));
        }
    }
    claim.equal(&fabric.mac_owner.len(), &macs.len(), || {
        "bound MACs".to_owned()
    });
    claim.equal(&fabric.ip_owner.len(), &ips.len(), || {
        "bound addresses".to_owned()
    });
}
