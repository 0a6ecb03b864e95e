//! `matrix`: who reaches whom, one letter a cell.

use std::fmt;

use serde::Serialize;

use super::access::{Access, Reach};
use crate::fabric::{Fabric, Hairpin, Segment};
use crate::id::AttachmentId;

/// What the rows and columns are.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// One row a segment: what any two of its ports may do, exceptions aside.
    Segments,
    /// One row a port, or a tag of a trunk.
    Ports,
}

/// A square of letters.
#[derive(Clone, Debug, Serialize)]
pub struct Matrix {
    /// `skerry.matrix/1`.
    pub schema: &'static str,
    /// What the rows and columns are.
    pub view: View,
    /// Name of each row, and of the column with its number.
    pub rows: Vec<Row>,
    /// What the letters stand for.
    pub legend: &'static str,
}

/// What one segment or port may send to each other.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// `blue.web`, `n1/b-w1`, `n3/up0#20`.
    pub name: String,
    /// The segment, in the view of ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// One letter a column, in the order of the rows.
    pub cells: String,
}

const LEGEND: &str =
    "row sends to column: y yes, g through the gateway only, p by peering, - never, . itself";

/// The matrix of a fabric.
pub fn matrix(fabric: &Fabric, view: View) -> Matrix {
    let reach = Reach::new(fabric);
    Matrix {
        schema: "skerry.matrix/1",
        view,
        rows: match view {
            View::Segments => segments(&reach),
            View::Ports => ports(&reach),
        },
        legend: LEGEND,
    }
}

fn segments(reach: &Reach<'_>) -> Vec<Row> {
    let all = &reach.fabric.segments;
    let row = |from: &Segment| Row {
        name: from.name.clone(),
        segment: None,
        cells: all
            .iter()
            .map(|to| between(reach, from, to).letter())
            .collect(),
    };
    all.iter().map(row).collect()
}

/// What any port of one segment may do to any of another; of a peering, what some may.
fn between(reach: &Reach<'_>, from: &Segment, to: &Segment) -> Access {
    if reach.fabric.accepts(from.id, to.id) {
        return Access::Direct;
    }
    if from.pvlan != to.pvlan {
        return peered(reach.fabric, from, to);
    }
    let pvlan = reach.fabric.pvlans.get(from.pvlan.index());
    match pvlan.map(|pvlan| pvlan.hairpin) {
        Some(Hairpin::Gateway | Hairpin::Permit) if reach.has_router(from.pvlan) => Access::Gateway,
        Some(Hairpin::Gateway | Hairpin::Permit | Hairpin::Deny) | None => Access::Never,
    }
}

fn peered(fabric: &Fabric, one: &Segment, other: &Segment) -> Access {
    let within = |list: &[AttachmentId], segment: &Segment| {
        let mut attachments = list
            .iter()
            .filter_map(|id| fabric.attachments.get(id.index()));
        attachments.any(|attachment| attachment.segment == segment.id)
    };
    let joined = fabric.peerings.iter().any(|peering| {
        let forth = within(&peering.from, one) && within(&peering.to, other);
        let back = within(&peering.from, other) && within(&peering.to, one);
        forth || back
    });
    if joined {
        Access::Peering
    } else {
        Access::Never
    }
}

fn ports(reach: &Reach<'_>) -> Vec<Row> {
    let all = &reach.fabric.attachments;
    let cell = |from: AttachmentId, to: AttachmentId| {
        if from == to {
            '.'
        } else {
            reach.access(from, to).letter()
        }
    };
    all.iter()
        .map(|from| Row {
            name: reach.fabric.attachment_name(from.id),
            segment: Some(reach.segment_name(from.segment).to_owned()),
            cells: all.iter().map(|to| cell(from.id, to.id)).collect(),
        })
        .collect()
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |text: fn(&Row) -> &str| {
            let lengths = self.rows.iter().map(|row| text(row).len());
            lengths.max().unwrap_or(0)
        };
        let name = width(|row| &row.name);
        let segment = width(|row| row.segment.as_deref().unwrap_or_default());
        let column = self.rows.len().to_string().len();
        write!(f, "{:column$} {:name$} {:segment$} ", "", "", "")?;
        for number in 1..=self.rows.len() {
            write!(f, " {number:>column$}")?;
        }
        writeln!(f)?;
        for (number, row) in (1..).zip(&self.rows) {
            let role = row.segment.as_deref().unwrap_or_default();
            write!(f, "{number:>column$} {:name$} {role:segment$} ", row.name)?;
            for cell in row.cells.chars() {
                write!(f, " {cell:>column$}")?;
            }
            writeln!(f)?;
        }
        writeln!(f, "{}", self.legend)
    }
}
