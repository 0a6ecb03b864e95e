//! The proof: before a generation may load, its compiled tables are compared, fact by fact, with
//! an oracle that reads the site file on its own.
//!
//! # What is proved
//!
//! Everything is asked of the tables by the functions the datapath calls, on the tables of every
//! node: [`Tables::accepts`], [`Tables::flood`], [`Fabric::may_send`], [`Fabric::members`],
//! [`Fabric::routed`], and the lookups of VNIs and addresses.
//!
//! # Why it is complete at any size
//!
//! A site of 10,000 ports has 10^8 ordered pairs, and none is left out, because the tables cannot
//! tell ports of one segment apart:
//!
//! - `Tables::accepts(segment, attachment)` gets of the sender only its segment. So (1) the
//!   segment of every attachment is compared with the file, on its own node and in the shared
//!   table, and (2) every segment is asked about every attachment of every node. (1) and (2)
//!   together decide every ordered pair (A, B): the verdict is (2) at (segment of A, B).
//! - `Fabric::accepts(segment, segment)` is asked for every ordered pair of segments of the whole
//!   fabric, those of different private VLANs included.
//! - Flooding has no other input than the segment either: for every node and every segment the
//!   local list and the list of nodes are compared as sets, so a missing, a foreign and a
//!   duplicate receiver all show.
//! - `Fabric::routed(A, B)` reads the segments of A and B and whether B is on the list of A. For
//!   every A: its list is compared as a set, each listed B is asked, and of every segment of its
//!   private VLAN one B that is not listed (all those are the same question), and one B outside.
//! - `may_send` is asked for every node and every segment, `members` for every segment.
//! - What crosses a peering is between two listed ends. Of every peering both lists are compared
//!   as sets, with its private VLANs, its MAC and what it allows; of every attachment the list of
//!   peerings it is an end of. `may_send` is asked for every node and every peering, and of every
//!   node whether it floods or accepts one, which none may.
//!
//! What a class of ports shares is thereby compared for each member, never assumed; only the
//! product of the classes is not spelt out.

mod claim;
mod matrix;
mod mesh;
mod oracle;
mod peering;
mod routed;
mod unique;

#[cfg(test)]
mod tests;

use std::fmt;

use serde::Serialize;

pub use claim::Claim;

use crate::fabric::Fabric;
use crate::id::{NodeId, SegmentId};
use crate::site::Site;
use crate::tables::Tables;
use oracle::Oracle;

/// What was proved about a site, or where the proof broke.
#[derive(Clone, Debug, Serialize)]
pub struct Proof {
    /// Rows of the matrix: untagged ports, and tags of trunks.
    pub attachments: usize,
    /// Ordered pairs of different attachments.
    pub ordered_pairs: u64,
    /// Those that may talk. Two tags of one port never do: a frame does not leave by the port it
    /// came in by (IEEE 802.1Q clause 8.6.1).
    pub permitted: u64,
    /// V1 to V6.
    pub claims: Vec<Claim>,
}

impl Proof {
    /// Do all claims hold?
    pub fn holds(&self) -> bool {
        self.claims.iter().all(Claim::holds)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} attachments, {} ordered pairs, {} permitted, ",
            self.attachments, self.ordered_pairs, self.permitted
        )?;
        if self.holds() {
            return write!(f, "V1-V6 hold");
        }
        let broken = self.claims.iter().filter(|claim| !claim.holds());
        broken
            .into_iter()
            .try_for_each(|claim| write!(f, "\n{claim}"))
    }
}

/// What the steps share: the oracle, the fabric, and how their names correspond.
struct Ground<'a> {
    oracle: &'a Oracle<'a>,
    fabric: &'a Fabric,
    /// Indexed by [`SegmentId`]: the oracle's segment of the same name.
    segments: Vec<Option<usize>>,
    /// Indexed by the oracle's segment.
    segment_ids: Vec<Option<SegmentId>>,
    /// Indexed by [`AttachmentId`](crate::AttachmentId): the oracle's end of the same name.
    ends: Vec<Option<usize>>,
}

impl<'a> Ground<'a> {
    fn new(oracle: &'a Oracle<'a>, fabric: &'a Fabric) -> Self {
        let named = |segment: &crate::Segment| oracle.by_name.get(&segment.name).copied();
        let segments: Vec<_> = fabric.segments.iter().map(named).collect();
        let mut segment_ids = vec![None; oracle.segments.len()];
        for (segment, id) in segments.iter().zip(&fabric.segments) {
            if let Some(slot) = segment.and_then(|segment| segment_ids.get_mut(segment)) {
                *slot = Some(id.id);
            }
        }
        let ends = fabric.attachments.iter().map(|attachment| {
            let port = fabric.ports.get(attachment.port.index())?;
            let node = fabric.nodes.get(port.node.index())?;
            let name = (node.name.as_str(), port.name.as_str(), attachment.tag);
            oracle.end_named.get(&name).copied()
        });
        Self {
            ends: ends.collect(),
            oracle,
            fabric,
            segments,
            segment_ids,
        }
    }

    fn segment_name(&self, id: SegmentId) -> &str {
        self.fabric
            .segment(id)
            .map_or("?", |segment| segment.name.as_str())
    }

    fn node_name(&self, id: NodeId) -> &'a str {
        let node = self.fabric.nodes.get(id.index());
        node.map_or("?", |node| node.name.as_str())
    }
}

/// Compares the tables of every node with the oracle's reading of the site.
pub(crate) fn prove(site: &Site, fabric: &Fabric, tables_of: &dyn Fn(NodeId) -> Tables) -> Proof {
    let oracle = Oracle::new(site);
    let ground = Ground::new(&oracle, fabric);
    let mut matrix = matrix::shared(&ground);
    let mut sends = mesh::may_send(&ground);
    let mut members = mesh::members(&ground);
    let mut tunnel = mesh::tunnel();
    let sets = mesh::Sets::new(&ground);
    for node in &fabric.nodes {
        let tables = tables_of(node.id);
        matrix::node(&ground, &tables, &mut matrix);
        sets.node(&ground, &tables, &mut sends, &mut members, &mut tunnel);
    }
    let count = oracle.ends.len() as u64;
    Proof {
        attachments: oracle.ends.len(),
        ordered_pairs: count * count.saturating_sub(1),
        permitted: matrix::permitted(&oracle),
        claims: vec![
            matrix,
            sends,
            members,
            tunnel,
            routed::verdicts(&ground),
            unique::names(&ground),
        ],
    }
}
