//! `skerry fdb`: who is where.

use serde::{Deserialize, Serialize};

use super::View;
use super::table::{Table, dash};

/// The MAC address table of a node.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Fdb {
    /// The node.
    pub node: String,
    /// By private VLAN and address.
    pub entries: Vec<FdbEntry>,
}

/// One address in one private VLAN.
#[derive(Clone, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(default)]
pub struct FdbEntry {
    /// The private VLAN.
    pub pvlan: String,
    /// The address.
    pub mac: String,
    /// The segment it is in.
    pub segment: String,
    /// A port of this node (`n1/b-i1`), or another node (`n2`).
    pub place: String,
    /// `dynamic`, `pinned`, `promiscuous` or `bound`.
    pub strength: String,
    /// Seconds since it was last heard of; absent when policy binds it.
    pub age_s: Option<u64>,
    /// It moved too often, and no longer may.
    pub frozen: bool,
}

impl View for Fdb {
    const SCHEMA: &'static str = "skerry.fdb/1";

    fn text(&self) -> String {
        let mut table = Table::new(["pvlan", "mac", "segment", "at", "strength", ">age", ""]);
        for entry in &self.entries {
            table.row([
                entry.pvlan.clone(),
                entry.mac.clone(),
                entry.segment.clone(),
                entry.place.clone(),
                entry.strength.clone(),
                dash(entry.age_s.map(|it| format!("{it} s"))),
                if entry.frozen { "frozen" } else { "" }.to_owned(),
            ]);
        }
        table.render()
    }
}
