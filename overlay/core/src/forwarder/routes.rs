//! What hosts behind a peer may have routed by a gateway here, where it is known which segment
//! they are in and not which port.

use rustc_hash::FxHashMap;
use skerry_policy::{AttachmentId, NodeId, SegmentId, Tables};

/// For every (node, segment) that is not this node's own, the port that stands for all of them. A
/// frame asks once, however many ports there are: a site has thousands.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// Any of them: policy tells them apart only by their exceptions.
    any: FxHashMap<(NodeId, SegmentId), AttachmentId>,
    /// One that has leave to exchange routed traffic with this attachment.
    excepted: FxHashMap<(NodeId, SegmentId, AttachmentId), AttachmentId>,
}

impl Routes {
    /// Those of every peer.
    pub(super) fn of_peers(tables: &Tables) -> Self {
        let mut routes = Self::default();
        let attachments = tables.fabric.attachments.iter();
        for it in attachments.filter(|it| it.home != tables.me) {
            routes.any.entry((it.home, it.segment)).or_insert(it.id);
            for &to in &it.hairpin {
                let key = (it.home, it.segment, to);
                routes.excepted.entry(key).or_insert(it.id);
            }
        }
        routes
    }

    /// The attachment of a node in a segment that has most leave to reach another one.
    pub(super) fn freest(
        &self,
        node: NodeId,
        segment: SegmentId,
        to: AttachmentId,
    ) -> Option<AttachmentId> {
        let excepted = self.excepted.get(&(node, segment, to));
        excepted.or_else(|| self.any.get(&(node, segment))).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use skerry_policy::{Routed, Source, check};

    use super::*;

    const SITE: &str = r#"
version = 1
[node]
n1 = { key = "tN0fBDoO1U5eFOtuGHWpQAueuaw+cTRQlO6Nr/07ex8=", overlay = "100.64.0.1" }
n2 = { key = "sqV+IhthahDLkV14GWuydunYsTh7vaYfYxY2Azt2w4M=", overlay = "100.64.0.2" }
[pvlan.blue]
primary = 100
isolated = 101
community = { web = 102, db = 103 }
subnets = ["10.1.0.0/24"]
hairpin = "HAIRPIN"
[port.n1]
gw = { as = "blue.promiscuous", ip = "10.1.0.1", gateway = true }
i1 = { as = "blue.isolated", ip = "10.1.0.11" }
w1 = { as = "blue.web", ip = "10.1.0.21" }
[port.n2]
i2 = { as = "blue.isolated", ip = "10.1.0.12" }
i3 = { as = "blue.isolated", ip = "10.1.0.13", hairpin = ["n1/i1", "n1/w1"] }
w2 = { as = "blue.web", ip = "10.1.0.22" }
d2 = { as = "blue.db", ip = "10.1.0.32" }
d3 = { as = "blue.db", ip = "10.1.0.33", hairpin = ["n1/w1"] }
"#;

    fn tables(hairpin: &str) -> Tables {
        let source = Source {
            name: "site.toml".to_owned(),
            text: SITE.replace("HAIRPIN", hairpin),
        };
        let checked = check(&source);
        let fabric = checked.fabric;
        let fabric: Arc<_> = fabric.unwrap_or_else(|| panic!("{:#?}", checked.diagnostics));
        let me = fabric.node_named("n1").unwrap();
        fabric.tables_for(me, 1)
    }

    #[test]
    fn one_port_speaks_for_all_that_could_have_sent_the_frame() {
        let mut seen = Vec::new();
        for hairpin in ["deny", "gateway", "permit"] {
            let tables = tables(hairpin);
            let (fabric, routes) = (&tables.fabric, Routes::of_peers(&tables));
            for node in &fabric.nodes {
                for (segment, to) in fabric
                    .segments
                    .iter()
                    .flat_map(|segment| fabric.attachments.iter().map(move |to| (segment.id, to)))
                {
                    let theirs = fabric.attachments.iter().filter(|it| {
                        it.home == node.id && it.segment == segment && it.home != tables.me
                    });
                    let each = theirs.filter_map(|it| fabric.routed(it.id, to.id));
                    let freest = each.min_by_key(|it| *it == Routed::Denied);
                    let asked = routes.freest(node.id, segment, to.id);
                    let asked = asked.and_then(|from| fabric.routed(from, to.id));
                    assert_eq!(asked, freest, "{hairpin}: {} {segment:?} {to:?}", node.name);
                    seen.extend(asked);
                }
            }
        }
        for verdict in [
            Routed::Neighbours,
            Routed::Gateway,
            Routed::Exception,
            Routed::Unchecked,
            Routed::Denied,
        ] {
            assert!(seen.contains(&verdict), "{verdict:?} among {}", seen.len());
        }
    }
}
