//! V1: the accept rule of the tables is the matrix, for every ordered pair.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Ground;
use super::claim::Claim;
use super::oracle::Oracle;
use crate::id::{LocalAttachment, LocalPort, SegmentId};
use crate::tables::{LocalView, Tables};

/// The shared part: every attachment is in its segment, every pair of segments is judged right.
pub(super) fn shared(ground: &Ground<'_>) -> Claim {
    let mut claim = Claim::new("V1", "the tables accept exactly what the matrix permits");
    let Ground { oracle, fabric, .. } = ground;
    claim.equal(&fabric.segments.len(), &oracle.segments.len(), || {
        "segments".to_owned()
    });
    claim.equal(&fabric.attachments.len(), &oracle.ends.len(), || {
        "attachments".to_owned()
    });
    for (attachment, end) in fabric.attachments.iter().zip(&ground.ends) {
        let expected = end
            .and_then(|end| oracle.ends.get(end))
            .map(|end| end.segment);
        let actual = ground
            .segments
            .get(attachment.segment.index())
            .copied()
            .flatten();
        claim.expect(expected.is_some() && expected == actual, || {
            let name = fabric.attachment_name(attachment.id);
            format!("{name} is in {}", ground.segment_name(attachment.segment))
        });
    }
    let all = || fabric.segments.iter().zip(&ground.segments);
    for (from, &from_oracle) in all() {
        for (to, &to_oracle) in all() {
            let expected = from_oracle
                .zip(to_oracle)
                .map(|(from, to)| oracle.accept(from, to));
            let actual = fabric.accepts(from.id, to.id);
            claim.expect(expected == Some(actual), || {
                format!("{} -> {}: table says {actual}", from.name, to.name)
            });
        }
    }
    claim
}

/// One node's part: its attachments, and what each accepts and is flooded with.
pub(super) fn node(ground: &Ground<'_>, tables: &Tables, claim: &mut Claim) {
    attachments(ground, tables, claim);
    gates(tables, claim);
    let slots = (0..).zip(&tables.local.attachments);
    let slots: Vec<_> = slots
        .map(|(slot, view)| (LocalAttachment(slot), view))
        .collect();
    for (from, &from_oracle) in (0..).zip(&ground.segments) {
        let from = SegmentId(from);
        let mut accepting = BTreeSet::new();
        for &(slot, view) in &slots {
            let end = ground.ends.get(view.id.index()).copied().flatten();
            let to = end
                .and_then(|end| ground.oracle.ends.get(end))
                .map(|end| end.segment);
            let expected = from_oracle
                .zip(to)
                .map(|(from, to)| ground.oracle.accept(from, to));
            let actual = tables.accepts(from, slot);
            claim.expect(expected == Some(actual), || {
                let name = ground.fabric.attachment_name(view.id);
                format!(
                    "{} -> {name}: table says {actual}",
                    ground.segment_name(from)
                )
            });
            if expected == Some(true) {
                accepting.insert(slot);
            }
        }
        let flood = tables
            .flood(from)
            .map(|flood| flood.local.as_slice())
            .unwrap_or_default();
        let listed: BTreeSet<_> = flood.iter().copied().collect();
        claim.expect(listed == accepting && flood.len() == listed.len(), || {
            let node = ground.node_name(tables.me);
            format!(
                "{} floods on {node} to {flood:?}",
                ground.segment_name(from)
            )
        });
    }
}

/// The node lists exactly the attachments it is home of, each with its tag and segment.
fn attachments(ground: &Ground<'_>, tables: &Tables, claim: &mut Claim) {
    let me = ground.node_name(tables.me);
    let none = BTreeSet::new();
    let expected = ground.oracle.ends_at.get(me).unwrap_or(&none);
    let mut listed = BTreeSet::new();
    for (slot, view) in (0..).zip(&tables.local.attachments) {
        let slot = LocalAttachment(slot);
        let end = ground.ends.get(view.id.index()).copied().flatten();
        let good = end.and_then(|index| {
            let end = ground.oracle.ends.get(index)?;
            let segment = ground
                .segments
                .get(view.segment.index())
                .copied()
                .flatten()?;
            let of_port = tables.attachments_of(view.port).contains(&slot);
            let port = tables.port(view.port)?;
            let same_port = port.name == end.port && port.attachments.contains(&view.id);
            let same_port = same_port && view.edge == tables.edge_behind(view.port);
            let same = end.segment == segment && end.tag == view.tag && of_port && same_port;
            let found = tables.local_attachment(view.id) == Some(slot);
            (same && found && listed.insert(index)).then_some(())
        });
        claim.expect(good.is_some(), || {
            format!(
                "{me} lists {} as {view:?}",
                ground.fabric.attachment_name(view.id)
            )
        });
    }
    claim.expect(listed == *expected, || {
        format!("{me} does not serve exactly its own ports")
    });
}

/// What frames of a port meet first is what the port says. Those without a tag enter at its attachment
/// without one, or nowhere; and so do the addresses that are known there.
fn gates(tables: &Tables, claim: &mut Claim) {
    let count = tables.local.ports.len();
    claim.equal(&tables.local.gates.len(), &count, || "gates".to_owned());
    for number in (0..).map(LocalPort).take(count) {
        let slots = tables.attachments_of(number).iter();
        let view = |slot: &LocalAttachment| tables.local.attachments.get(slot.index());
        let mut views = slots.filter_map(|slot| Some((*slot, view(slot)?)));
        let access = views.find(|(_, view)| view.tag.is_none());
        let gate = tables.gate(number).zip(tables.port(number));
        let good = gate.is_some_and(|(gate, port)| {
            let same = gate.access == access.map(|(slot, _)| slot);
            let mine = access.is_none_or(|(_, view)| view.port == number);
            let bound = |ip| access.is_some_and(|(_, view)| is_bound(tables, view, ip));
            gate.is_of(port) && same && mine && gate.owned().all(bound)
        });
        claim.expect(good, || {
            let name = tables
                .port(number)
                .map(|port| tables.fabric.port_name(port.id));
            format!("{} is held to {gate:?}", name.unwrap_or_default())
        });
    }
}

/// Whether policy binds an address to an attachment.
fn is_bound(tables: &Tables, view: &LocalView, ip: IpAddr) -> bool {
    let segment = tables.fabric.segment(view.segment);
    segment.is_some_and(|it| tables.fabric.ip_owner(it.pvlan, ip) == Some(view.id))
}

/// How many ordered pairs of different ports may talk, counted by segments.
pub(super) fn permitted(oracle: &Oracle<'_>) -> u64 {
    let mut pairs = 0;
    let sizes: Vec<u64> = oracle
        .ends_of
        .iter()
        .map(|ends| ends.len() as u64)
        .collect();
    let mut siblings: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, segment) in oracle.segments.iter().enumerate() {
        siblings.entry(segment.pvlan).or_default().push(index);
    }
    let size = |segment: usize| sizes.get(segment).copied().unwrap_or(0);
    for segments in siblings.values() {
        for &from in segments {
            let heard = segments.iter().filter(|&&to| oracle.accept(from, to));
            pairs += heard.map(|&to| size(from) * size(to)).sum::<u64>();
        }
    }
    pairs - within_ports(oracle)
}

/// Accepted pairs of one port, each attachment with itself included: these never happen.
fn within_ports(oracle: &Oracle<'_>) -> u64 {
    let mut ports: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for end in &oracle.ends {
        ports
            .entry((end.node, end.port))
            .or_default()
            .push(end.segment);
    }
    let accepted = |segments: &Vec<usize>| -> u64 {
        let heard = |from| {
            segments
                .iter()
                .filter(|&&to| oracle.accept(from, to))
                .count() as u64
        };
        segments.iter().map(|&from| heard(from)).sum()
    };
    ports.values().map(accepted).sum()
}
