//! `[node]`.

use crate::decode::scalar::{address, endpoint, key, name, owned};
use crate::decode::section::{Section, Value};
use crate::decode::settings::word;
use crate::diagnostic::Findings;
use crate::site::{NodeDecl, StockKind};
use crate::source::At;

pub(super) fn node<'a>(
    at: At<&'a str>,
    value: &'a Value<'a>,
    findings: &mut Findings,
) -> Option<NodeDecl> {
    let section = Section::open(at.span, value, "node.<node>", findings)?;
    Some(NodeDecl {
        name: name(at, findings),
        key: section.required("key", key, findings),
        overlay: section.required("overlay", address, findings),
        endpoint: section.optional("endpoint", endpoint, findings),
        stock: section.optional("stock", stock, findings),
        home: section.optional("home", owned, findings),
    })
}

fn stock(findings: &mut Findings, value: &Value<'_>) -> Option<StockKind> {
    let words = [("edge", StockKind::Edge), ("mesh", StockKind::Mesh)];
    word(findings, value, &words)
}
