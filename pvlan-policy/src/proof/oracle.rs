//! The oracle: who may reach whom, read from the site file and RFC 5517 table 1 alone.
//!
//! It shares no code with the compiler: its own roles, its own names, its own accept rule, its own
//! reading of exceptions. Where it and the tables differ, one of them has a bug.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use crate::fabric::Hairpin;
use crate::id::{Mac, Vid, Vni};
use crate::site::{Carries, PortDecl, PortRef, SegmentRef, Site, StockKind};
use crate::source::At;

/// A row of RFC 5517 table 1; communities are told apart by name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind<'a> {
    Promiscuous,
    Isolated,
    Community(&'a str),
}

/// A segment as the file names it.
#[derive(Clone, Copy, Debug)]
pub(super) struct OracleSegment<'a> {
    /// Index into `site.pvlans`.
    pub(super) pvlan: usize,
    pub(super) kind: Kind<'a>,
    pub(super) vni: Option<Vni>,
}

/// One row and column of the matrix.
#[derive(Debug)]
pub(super) struct End<'a> {
    pub(super) node: &'a str,
    pub(super) home: &'a str,
    pub(super) port: &'a str,
    pub(super) tag: Option<Vid>,
    /// Index into [`Oracle::segments`].
    pub(super) segment: usize,
    pub(super) macs: Vec<Mac>,
    pub(super) ips: Vec<IpAddr>,
}

/// A node, a port and a tag: what a reference in the file says.
pub(super) type EndName<'a> = (&'a str, &'a str, Option<Vid>);

pub(super) struct Oracle<'a> {
    pub(super) site: &'a Site,
    pub(super) segments: Vec<OracleSegment<'a>>,
    pub(super) by_name: HashMap<String, usize>,
    pub(super) ends: Vec<End<'a>>,
    pub(super) end_named: HashMap<EndName<'a>, usize>,
    /// Ends of each segment.
    pub(super) ends_of: Vec<Vec<usize>>,
    /// Ends that each node's datapath serves.
    pub(super) ends_at: HashMap<&'a str, BTreeSet<usize>>,
    /// Routed exceptions, both ways.
    pub(super) exceptions: BTreeSet<(usize, usize)>,
}

impl<'a> Oracle<'a> {
    pub(super) fn new(site: &'a Site) -> Self {
        let mut oracle = Self {
            site,
            segments: Vec::new(),
            by_name: HashMap::new(),
            ends: Vec::new(),
            end_named: HashMap::new(),
            ends_of: Vec::new(),
            ends_at: HashMap::new(),
            exceptions: BTreeSet::new(),
        };
        oracle.read_segments();
        oracle.ends_of = vec![Vec::new(); oracle.segments.len()];
        oracle.read_ends();
        oracle.read_exceptions();
        oracle
    }

    fn read_segments(&mut self) {
        for (pvlan, decl) in self.site.pvlans.iter().enumerate() {
            let mut all = vec![("promiscuous", Kind::Promiscuous, decl.primary)];
            if let Some(vni) = decl.isolated {
                all.push(("isolated", Kind::Isolated, vni));
            }
            for community in &decl.communities {
                let name = community.name.value.as_str();
                all.push((name, Kind::Community(name), community.vni));
            }
            for (name, kind, vni) in all {
                let vni = vni.map(|vni| vni.value);
                let full = format!("{}.{name}", decl.name.value);
                self.by_name.insert(full, self.segments.len());
                self.segments.push(OracleSegment { pvlan, kind, vni });
            }
        }
    }

    fn read_ends(&mut self) {
        let homes: HashMap<&str, &str> = self
            .site
            .nodes
            .iter()
            .filter(|node| {
                node.stock
                    .is_some_and(|stock| stock.value == StockKind::Edge)
            })
            .filter_map(|node| Some((node.name.value.as_str(), node.home.as_ref()?.value.as_str())))
            .collect();
        for port in &self.site.ports {
            let node = port.node.value.as_str();
            let home = homes.get(node).copied().unwrap_or(node);
            for (tag, segment) in carried(port) {
                let Some(&segment) = self.by_name.get(&segment.to_string()) else {
                    continue;
                };
                self.add_end(port, home, tag, segment);
            }
        }
    }

    fn add_end(&mut self, port: &'a PortDecl, home: &'a str, tag: Option<Vid>, segment: usize) {
        let index = self.ends.len();
        let end = End {
            node: &port.node.value,
            home,
            port: &port.name.value,
            tag,
            segment,
            macs: port.macs.iter().map(|mac| mac.value).collect(),
            ips: self.addresses(port, segment),
        };
        self.end_named.insert((end.node, end.port, end.tag), index);
        self.ends_at.entry(end.home).or_default().insert(index);
        if let Some(list) = self.ends_of.get_mut(segment) {
            list.push(index);
        }
        self.ends.push(end);
    }

    /// On a trunk an address belongs to the private VLAN whose subnets hold it.
    fn addresses(&self, port: &PortDecl, segment: usize) -> Vec<IpAddr> {
        let ips = port.ips.iter().map(|ip| ip.value);
        if carried(port).len() < 2 {
            return ips.collect();
        }
        let pvlan = self
            .segments
            .get(segment)
            .and_then(|it| self.site.pvlans.get(it.pvlan));
        let subnets = pvlan
            .map(|pvlan| pvlan.subnets.as_slice())
            .unwrap_or_default();
        ips.filter(|ip| subnets.iter().any(|net| net.value.contains(ip)))
            .collect()
    }

    fn read_exceptions(&mut self) {
        for port in &self.site.ports {
            for target in &port.hairpin {
                let Some(target) = self.end(&target.value) else {
                    continue;
                };
                for (tag, _) in carried(port) {
                    let name = (port.node.value.as_str(), port.name.value.as_str(), tag);
                    let Some(&own) = self.end_named.get(&name) else {
                        continue;
                    };
                    if self.pvlan_of(own) == self.pvlan_of(target) {
                        self.exceptions.extend([(own, target), (target, own)]);
                    }
                }
            }
        }
    }

    /// The homes of the ends of each peering, in file order.
    pub(super) fn peering_homes(&self) -> Vec<BTreeSet<&'a str>> {
        let home = |end: &At<PortRef>| Some(self.ends.get(self.end(&end.value)?)?.home);
        let peerings = self.site.peerings.iter();
        peerings
            .map(|decl| decl.from.iter().chain(&decl.to).filter_map(home).collect())
            .collect()
    }

    pub(super) fn end(&self, reference: &PortRef) -> Option<usize> {
        let name = (
            reference.node.as_str(),
            reference.port.as_str(),
            reference.tag,
        );
        self.end_named.get(&name).copied()
    }

    pub(super) fn segment_of(&self, end: usize) -> Option<&OracleSegment<'a>> {
        self.segments.get(self.ends.get(end)?.segment)
    }

    pub(super) fn pvlan_of(&self, end: usize) -> Option<usize> {
        self.segment_of(end).map(|segment| segment.pvlan)
    }

    /// RFC 5517 table 1, within one private VLAN; nothing at all between two.
    pub(super) fn accept(&self, from: usize, to: usize) -> bool {
        let (Some(from), Some(to)) = (self.segments.get(from), self.segments.get(to)) else {
            return false;
        };
        from.pvlan == to.pvlan
            && match (from.kind, to.kind) {
                (Kind::Isolated, Kind::Isolated) => false,
                (Kind::Isolated, Kind::Promiscuous) => true,
                (Kind::Isolated, Kind::Community(_)) => false,
                (Kind::Promiscuous, Kind::Isolated) => true,
                (Kind::Promiscuous, Kind::Promiscuous) => true,
                (Kind::Promiscuous, Kind::Community(_)) => true,
                (Kind::Community(_), Kind::Isolated) => false,
                (Kind::Community(_), Kind::Promiscuous) => true,
                (Kind::Community(one), Kind::Community(other)) => one == other,
            }
    }

    pub(super) fn hairpin(&self, pvlan: usize) -> Hairpin {
        let said = self.site.pvlans.get(pvlan).and_then(|decl| decl.hairpin);
        said.map_or(Hairpin::Deny, |said| said.value)
    }

    /// What each node may put on the wire: the segments of the ends it is home of.
    pub(super) fn sends(&self) -> BTreeMap<&'a str, BTreeSet<usize>> {
        let mut sends: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for end in &self.ends {
            sends.entry(end.home).or_default().insert(end.segment);
        }
        sends
    }

    /// The homes of the ends that may hear each segment.
    pub(super) fn listeners(&self) -> Vec<BTreeSet<&'a str>> {
        let homes: Vec<BTreeSet<&str>> = self
            .ends_of
            .iter()
            .map(|ends| {
                ends.iter()
                    .filter_map(|&end| Some(self.ends.get(end)?.home))
                    .collect()
            })
            .collect();
        let mut siblings: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, segment) in self.segments.iter().enumerate() {
            siblings.entry(segment.pvlan).or_default().push(index);
        }
        let heard = |(from, segment): (usize, &OracleSegment<'_>)| {
            let siblings = siblings.get(&segment.pvlan).into_iter().flatten();
            siblings
                .filter(|&&to| self.accept(from, to))
                .filter_map(|&to| homes.get(to))
                .flatten()
                .copied()
                .collect()
        };
        self.segments.iter().enumerate().map(heard).collect()
    }

    /// `n3/up0#20`.
    pub(super) fn name(&self, end: usize) -> String {
        let Some(end) = self.ends.get(end) else {
            return String::new();
        };
        let tag = end.tag.map_or_else(String::new, |tag| format!("#{tag}"));
        format!("{}/{}{tag}", end.node, end.port)
    }
}

/// The tags of a port and the segments they stand for.
fn carried(port: &PortDecl) -> Vec<(Option<Vid>, &SegmentRef)> {
    match &port.carries {
        Carries::Access(segment) => vec![(None, &segment.value)],
        Carries::Trunk(tags) => {
            let tags = tags.iter();
            tags.map(|tag| (Some(tag.vid.value), &tag.segment.value))
                .collect()
        }
        Carries::Unknown => Vec::new(),
    }
}
