//! Who is where: the MAC table, the address table and the multicast groups of this node.
//!
//! Every worker holds a whole copy. What one learns, the others apply as a
//! [`Claim`](crate::Claim), in the same rules: nothing is shared, so nothing is locked.

mod address;
mod flap;
mod group;
mod slots;
mod table;

pub(crate) use address::{Addresses, Held, NotYours};
pub(crate) use group::{Family, Groups, Querier};
pub(crate) use slots::Lead;
pub(crate) use table::{Entry, Fdb, Learned, Seat};

use std::time::Duration;

use rustc_hash::FxHashMap;
use skerry_policy::{LocalPort, Mac, NodeId, PvlanId, SegmentId};

use crate::claim::{Place, Strength};

/// Who answers for the number of addresses in use.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Holder {
    /// A port of this node: all its tags together.
    Port(LocalPort),
    /// A peer: all its ports together.
    Node(NodeId),
}

/// One address less in use.
fn release(in_use: &mut FxHashMap<Holder, u32>, holder: Holder) {
    if let Some(used) = in_use.get_mut(&holder) {
        *used = used.saturating_sub(1);
    }
}

/// One line of the MAC table, for people.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FdbEntry {
    /// The private VLAN whose table it is in.
    pub pvlan: PvlanId,
    /// The address.
    pub mac: Mac,
    /// The segment of the place.
    pub segment: SegmentId,
    /// Where it is.
    pub place: Place,
    /// How strongly it is held there.
    pub strength: Strength,
    /// How long it has been silent; zero for bound entries.
    pub age: Duration,
    /// It moved too often and no longer may.
    pub frozen: bool,
}
