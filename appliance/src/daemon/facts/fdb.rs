//! `skerry fdb`: who is where.

use skerry_overlay::{FdbEntry, Place, Strength};

use super::{Facts, node_name};
use crate::view;

impl Facts<'_> {
    pub(in crate::daemon) fn fdb(&self) -> view::Fdb {
        let entries = self.snapshot.fdb.iter().map(|it| self.entry(it));
        let mut entries: Vec<_> = entries.collect();
        entries.sort();
        view::Fdb {
            node: self.name(),
            entries,
        }
    }

    fn entry(&self, entry: &FdbEntry) -> view::FdbEntry {
        let fabric = &self.tables.fabric;
        let pvlan = fabric.pvlans.get(entry.pvlan.index());
        let segment = fabric.segment(entry.segment);
        view::FdbEntry {
            pvlan: pvlan.map_or_else(String::new, |it| it.name.clone()),
            mac: entry.mac.to_string(),
            segment: segment.map_or_else(String::new, |it| it.name.clone()),
            place: self.place(entry.place),
            strength: strength(entry.strength).to_owned(),
            age_s: (entry.strength != Strength::Bound).then_some(entry.age.as_secs()),
            frozen: entry.frozen,
        }
    }

    fn place(&self, place: Place) -> String {
        match place {
            Place::Node(id) => node_name(self.tables, id),
            Place::Port(local) => {
                let view = self.tables.attachment(local);
                view.map_or_else(String::new, |it| self.tables.fabric.attachment_name(it.id))
            }
        }
    }
}

const fn strength(strength: Strength) -> &'static str {
    match strength {
        Strength::Dynamic => "dynamic",
        Strength::Pinned => "pinned",
        Strength::Promiscuous => "promiscuous",
        Strength::Bound => "bound",
    }
}
