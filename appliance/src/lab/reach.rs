//! Who should hear whom, by policy, and who did, by measurement.
//!
//! The two sides meet only here: the policy side is read from the compiled fabric, the measured
//! side from the hosts' packet sockets.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context as _, Result};
use serde::Serialize;
use skerry_policy::{AttachmentId, Fabric};

use crate::lab::plan::{HOSTS, HostId};
use crate::lab::tag::{Kind, Tag};

/// Who may hear whom.
#[derive(Clone, Debug)]
pub(super) struct Policy([[bool; HOSTS.len()]; HOSTS.len()]);

impl Policy {
    /// Reads the matrix of the lab's ports out of the compiled site file.
    pub(super) fn of(fabric: &Fabric) -> Result<Self> {
        let mut ids = [AttachmentId(0); HOSTS.len()];
        for host in HostId::all() {
            ids[host.index()] = attachment(fabric, host)?;
        }
        let segment = |host: HostId| fabric.attachments.get(ids[host.index()].index());
        let mut rows = [[false; HOSTS.len()]; HOSTS.len()];
        for from in HostId::all() {
            for to in HostId::all().filter(|&to| to != from) {
                let (Some(a), Some(b)) = (segment(from), segment(to)) else {
                    continue;
                };
                rows[from.index()][to.index()] = fabric.accepts(a.segment, b.segment);
            }
        }
        Ok(Self(rows))
    }

    /// Whether `to` may hear `from`.
    pub(super) const fn permits(&self, from: HostId, to: HostId) -> bool {
        self.0[from.index()][to.index()]
    }

    /// Everyone who must hear a frame, once; everyone else must not.
    ///
    /// A unicast goes to its target, unless the target is in another private VLAN: its MAC is
    /// unknown there, so the frame is flooded (RFC 5517 leaves learning to the switch).
    pub(super) fn receivers(&self, tag: &Tag) -> BTreeSet<HostId> {
        let here = |host: HostId| host.plan().domain == tag.source.plan().domain;
        let target = tag.target.filter(|&target| here(target));
        HostId::all()
            .filter(|&host| self.permits(tag.source, host))
            .filter(|&host| target.is_none_or(|target| host == target))
            .collect()
    }
}

fn attachment(fabric: &Fabric, host: HostId) -> Result<AttachmentId> {
    let plan = host.plan();
    let port = fabric.ports.iter().find(|port| {
        let node = fabric.nodes.get(port.node.index());
        port.name == plan.name && node.is_some_and(|node| node.name == plan.node)
    });
    port.and_then(|port| port.attachments.first().copied())
        .with_context(|| format!("the lab's site file has no port {}", plan.port()))
}

/// One kind of frame, one ordered pair of hosts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub(super) struct Cell {
    /// Frames addressed to the second host, or to everyone.
    pub(super) sent: u32,
    /// Receptions of those at the second host.
    pub(super) heard: u32,
    /// Frames of this kind that the second host had to hear and did not.
    pub(super) missing: u32,
    /// Frames of this kind that it heard and must not.
    pub(super) forbidden: u32,
    /// Receptions beyond the first.
    pub(super) duplicates: u32,
}

impl Cell {
    /// Whether measurement and policy are the same.
    pub(super) const fn agrees(&self) -> bool {
        self.missing == 0 && self.forbidden == 0 && self.duplicates == 0
    }

    const fn count(&mut self, expected: bool, heard: u32) {
        match (expected, heard) {
            (true, 0) => self.missing += 1,
            (true, n) => self.duplicates += n - 1,
            (false, n) => self.forbidden += n,
        }
    }
}

/// Every ordered pair of hosts, for every kind of frame.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    /// By sender, receiver, kind in the order of [`Kind::MEASURED`].
    cells: Vec<Cell>,
    /// Frames heard that nobody sent, or whose sender heard itself.
    pub(super) impossible: u32,
    /// Frames sent.
    pub(super) frames: usize,
}

impl Measured {
    /// Compares what was sent and what every host heard with the policy.
    pub(super) fn compare(policy: &Policy, sent: &[Tag], heard: &[(HostId, Tag)]) -> Self {
        let mut receptions: HashMap<(Tag, HostId), u32> = HashMap::new();
        for &(host, tag) in heard {
            *receptions.entry((tag, host)).or_default() += 1;
        }
        let mut measured = Self {
            cells: vec![Cell::default(); HOSTS.len() * HOSTS.len() * Kind::MEASURED.len()],
            impossible: 0,
            frames: sent.len(),
        };
        for tag in sent {
            let expected = policy.receivers(tag);
            for host in HostId::all().filter(|&host| host != tag.source) {
                let count = receptions.remove(&(*tag, host)).unwrap_or(0);
                measured.count(tag, host, expected.contains(&host), count);
            }
        }
        measured.impossible = receptions.into_values().sum();
        measured
    }

    fn count(&mut self, tag: &Tag, host: HostId, expected: bool, heard: u32) {
        let Some(cell) = place(tag.source, host, tag.kind).and_then(|at| self.cells.get_mut(at))
        else {
            return;
        };
        cell.count(expected, heard);
        if tag.target.is_none_or(|target| target == host) {
            cell.sent += 1;
            cell.heard += heard;
        }
    }

    /// What was measured for one pair and kind.
    pub(super) fn cell(&self, from: HostId, to: HostId, kind: Kind) -> Cell {
        place(from, to, kind)
            .and_then(|at| self.cells.get(at))
            .copied()
            .unwrap_or_default()
    }

    /// The three kinds of one pair together.
    pub(super) fn pair(&self, from: HostId, to: HostId) -> Cell {
        let mut sum = Cell::default();
        for kind in Kind::MEASURED {
            let cell = self.cell(from, to, kind);
            sum.sent += cell.sent;
            sum.heard += cell.heard;
            sum.missing += cell.missing;
            sum.forbidden += cell.forbidden;
            sum.duplicates += cell.duplicates;
        }
        sum
    }

    /// How many cells agree, of how many.
    pub(super) fn score(&self) -> (usize, usize) {
        let cells = || pairs().flat_map(|(a, b)| Kind::MEASURED.map(|kind| self.cell(a, b, kind)));
        (cells().filter(Cell::agrees).count(), cells().count())
    }

    /// The sum of one figure over all cells.
    pub(super) fn total(&self, figure: impl Fn(&Cell) -> u32) -> u32 {
        self.cells.iter().map(figure).sum()
    }
}

/// Every ordered pair of hosts.
pub(super) fn pairs() -> impl Iterator<Item = (HostId, HostId)> {
    HostId::all().flat_map(|a| HostId::all().filter(move |&b| b != a).map(move |b| (a, b)))
}

fn place(from: HostId, to: HostId, kind: Kind) -> Option<usize> {
    let kind = Kind::MEASURED
        .iter()
        .position(|&measured| measured == kind)?;
    Some((from.index() * HOSTS.len() + to.index()) * Kind::MEASURED.len() + kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::plan::cast;

    /// RFC 5517 table 1, by the names of the roles.
    fn policy() -> Policy {
        let mut rows = [[false; HOSTS.len()]; HOSTS.len()];
        for (a, b) in pairs() {
            let (from, to) = (a.plan(), b.plan());
            let open = from.segment == "promiscuous" || to.segment == "promiscuous";
            let community = from.segment == to.segment && from.segment != "isolated";
            rows[a.index()][b.index()] = from.domain == to.domain && (open || community);
        }
        Policy(rows)
    }

    fn tag(kind: Kind, source: HostId, target: Option<HostId>) -> Tag {
        Tag {
            run: 1,
            source,
            target,
            kind,
            sequence: 0,
        }
    }

    fn names(hosts: impl IntoIterator<Item = HostId>) -> Vec<&'static str> {
        hosts.into_iter().map(|host| host.plan().name).collect()
    }

    #[test]
    fn a_frame_is_for_whom_the_conformance_matrix_says() {
        let check = |source: &str, target: Option<&str>, expect: &[&str]| {
            let source = HostId::named(source).expect("a host");
            let target = target.map(|name| HostId::named(name).expect("a host"));
            let kind = if target.is_some() {
                Kind::Unicast
            } else {
                Kind::Broadcast
            };
            let heard = names(policy().receivers(&tag(kind, source, target)));
            assert_eq!(heard, expect, "{source:?} to {target:?}");
        };
        check("b-i1", None, &["b-gw", "b-p2"]);
        check("b-w1", None, &["b-gw", "b-p2", "b-w2"]);
        check("r-gw", None, &["r-i1", "r-i2", "r-l1", "r-l2"]);
        check("b-i1", Some("b-gw"), &["b-gw"]);
        check("b-i1", Some("b-i2"), &[]);
        check("b-w1", Some("b-d1"), &[]);
        // Unknown in blue, so it is flooded there and never reaches red.
        check("b-i1", Some("r-gw"), &["b-gw", "b-p2"]);
    }

    #[test]
    fn what_policy_says_agrees() {
        let policy = policy();
        let sent: Vec<Tag> = HostId::all()
            .map(|host| tag(Kind::Broadcast, host, None))
            .collect();
        let heard: Vec<_> = sent
            .iter()
            .flat_map(|tag| {
                policy
                    .receivers(tag)
                    .into_iter()
                    .map(move |host| (host, *tag))
            })
            .collect();
        let measured = Measured::compare(&policy, &sent, &heard);
        assert_eq!(measured.score(), (630, 630), "{measured:?}");
        assert_eq!(measured.impossible, 0);
        assert_eq!(measured.total(|cell| cell.sent), 15 * 14);
    }

    #[test]
    fn every_way_to_disagree_is_found_where_it_is() {
        let tag = tag(Kind::Unicast, cast::ATTACKER, Some(cast::GATEWAY));
        let check = |heard: &[HostId], to: HostId, expect: Cell| {
            let heard: Vec<_> = heard.iter().map(|&host| (host, tag)).collect();
            let measured = Measured::compare(&policy(), &[tag], &heard);
            assert!(measured.score().0 < 630, "{heard:?}");
            let cell = measured.cell(cast::ATTACKER, to, Kind::Unicast);
            assert_eq!(cell, expect, "{heard:?}");
        };
        let target = Cell {
            sent: 1,
            ..Cell::default()
        };
        check(
            &[],
            cast::GATEWAY,
            Cell {
                missing: 1,
                ..target
            },
        );
        let (gateway, neighbour) = (cast::GATEWAY, cast::NEIGHBOUR);
        let twice = Cell {
            heard: 2,
            duplicates: 1,
            ..target
        };
        check(&[gateway, gateway], gateway, twice);
        check(
            &[gateway, neighbour],
            neighbour,
            Cell {
                forbidden: 1,
                ..Cell::default()
            },
        );
    }

    #[test]
    fn a_frame_nobody_sent_is_impossible() {
        let ghost = tag(Kind::Broadcast, cast::ATTACKER, None);
        let measured = Measured::compare(&policy(), &[], &[(cast::GATEWAY, ghost)]);
        assert_eq!(measured.impossible, 1);
        let echo = Measured::compare(&policy(), &[ghost], &[(cast::ATTACKER, ghost)]);
        assert_eq!(echo.impossible, 1, "a sender that hears itself");
    }
}
