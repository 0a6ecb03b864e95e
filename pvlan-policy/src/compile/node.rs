//! Nodes: one key, one overlay address, one endpoint each; edges have a home.

use std::hash::Hash;

use rustc_hash::FxHashMap;

use crate::code::Code;
use crate::compile::Draft;
use crate::diagnostic::{Finding, Findings};
use crate::fabric::{Node, Stock};
use crate::id::NodeId;
use crate::site::{NodeDecl, StockKind};
use crate::source::{At, Span};

impl Draft<'_> {
    pub(super) fn add_nodes(&mut self, findings: &mut Findings) {
        for (index, node) in (0..).zip(&self.site.nodes) {
            self.nodes.insert(&node.name.value, NodeId(index));
        }
        let all = &self.site.nodes;
        unique(
            all,
            |node| node.key,
            findings,
            |first, span| {
                Finding::error(Code::KeyReuse, span, "two nodes have one key")
                    .says("the key is the identity: neither could be told from the other")
                    .help(format!(
                        "`{first}` has it too; make a new one with `skerry keygen`"
                    ))
            },
        );
        unique(
            all,
            |node| node.overlay,
            findings,
            |first, span| {
                Finding::error(
                    Code::AddressReuse,
                    span,
                    "two nodes have one overlay address",
                )
                .help(format!("`{first}` has it too"))
            },
        );
        unique(
            all,
            |node| node.endpoint,
            findings,
            |first, span| {
                Finding::error(Code::AddressReuse, span, "two nodes have one endpoint").help(
                    format!(
                        "`{first}` has it too; leave out `endpoint` where a node has to speak first"
                    ),
                )
            },
        );
        for node in all {
            self.check_home(node, findings);
        }
    }

    fn check_home(&self, node: &NodeDecl, findings: &mut Findings) {
        let edge = node.stock.filter(|stock| stock.value == StockKind::Edge);
        match (edge, &node.home) {
            (Some(stock), None) => findings.push(
                Finding::error(
                    Code::EdgeWithoutHome,
                    stock.span,
                    "a stock edge needs a home node",
                )
                .says("needs `home`")
                .help("an edge is a port of the node that translates for it and guards it"),
            ),
            (Some(_), Some(home)) => {
                let id = self.node_named(home, findings);
                if id.is_some_and(|id| self.stock(id).is_some()) {
                    let message = "the home of an edge must run Skerry";
                    findings.push(
                        Finding::error(Code::EdgeWithoutHome, home.span, message)
                            .says(format!("`{}` is a stock member itself", home.value)),
                    );
                }
            }
            (None, Some(home)) => {
                let message = "`home` is for stock edges";
                findings.push(Finding::warning(Code::NoEffect, home.span, message));
            }
            (None, None) => {}
        }
    }

    /// `None` when something of a node could not be read.
    pub(super) fn build_nodes(&self) -> Option<Vec<Node>> {
        let nodes = (0..).zip(&self.site.nodes);
        nodes
            .map(|(index, decl)| self.build_node(NodeId(index), decl))
            .collect()
    }

    fn build_node(&self, id: NodeId, decl: &NodeDecl) -> Option<Node> {
        let stock = match decl.stock.map(|stock| stock.value) {
            None => None,
            Some(StockKind::Mesh) => Some(Stock::Mesh),
            Some(StockKind::Edge) => {
                let home = decl.home.as_ref()?;
                Some(Stock::Edge(*self.nodes.get(home.value.as_str())?))
            }
        };
        Some(Node {
            id,
            name: decl.name.value.clone(),
            key: decl.key?.value,
            overlay: decl.overlay?.value,
            endpoint: decl.endpoint.map(|endpoint| endpoint.value),
            stock,
        })
    }
}

/// Reports every node whose value another node before it has.
fn unique<T: Copy + Eq + Hash>(
    nodes: &[NodeDecl],
    value: fn(&NodeDecl) -> Option<At<T>>,
    findings: &mut Findings,
    finding: fn(&str, Span) -> Finding,
) {
    let mut seen: FxHashMap<T, (&str, Span)> = FxHashMap::default();
    for node in nodes {
        let Some(at) = value(node) else { continue };
        if let Some((first, span)) = seen.get(&at.value) {
            findings.push(finding(first, at.span).label(*span, format!("`{first}`")));
        } else {
            seen.insert(at.value, (&node.name.value, at.span));
        }
    }
}
