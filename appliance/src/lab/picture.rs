//! The matrix as a picture: one cell for each ordered pair of hosts.

use std::fmt::Write as _;

use crate::lab::plan::HostId;
use crate::lab::reach::{Cell, Measured, Policy};
use crate::lab::story::Paint;

/// What a cell shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sight {
    /// Permitted, and everything arrived.
    Reached,
    /// Denied, and nothing arrived.
    Kept,
    /// Something arrived that must not.
    Leak,
    /// Something did not arrive that must.
    Gap,
    /// Something arrived more than once.
    Twice,
}

impl Sight {
    /// What is to be seen where policy says `permitted` and the pair measured `cell`.
    pub(super) const fn of(permitted: bool, cell: &Cell) -> Self {
        match (cell.forbidden, cell.missing, cell.duplicates) {
            (0, 0, 0) if permitted => Self::Reached,
            (0, 0, 0) => Self::Kept,
            (0, 0, _) => Self::Twice,
            (0, _, _) => Self::Gap,
            (_, _, _) => Self::Leak,
        }
    }

    /// The sign.
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Reached => "●",
            Self::Kept => "·",
            Self::Leak => "✗",
            Self::Gap => "○",
            Self::Twice => "2",
        }
    }

    fn painted(self, paint: Paint) -> String {
        match self {
            Self::Reached => paint.green(self.sign()),
            Self::Kept => paint.dim(self.sign()),
            Self::Leak | Self::Gap | Self::Twice => paint.red(self.sign()),
        }
    }
}

/// The picture, senders down, receivers across.
pub(super) fn draw(policy: &Policy, measured: &Measured, paint: Paint) -> String {
    let mut out = heading(paint);
    let mut domain = "";
    for from in HostId::all() {
        if !domain.is_empty() && domain != from.plan().domain {
            out.push('\n');
        }
        domain = from.plan().domain;
        let plan = from.plan();
        let about = paint.dim(format!("{} {:<11}", plan.node, plan.segment));
        // Writing to a String cannot fail.
        let _ = write!(out, "      {:<5} {about} ", plan.name);
        for to in HostId::all() {
            out.push_str(gap(to));
            if to == from {
                out.push(' ');
            } else {
                let sight = Sight::of(policy.permits(from, to), &measured.pair(from, to));
                out.push_str(&sight.painted(paint));
            }
        }
        out.push('\n');
    }
    out.push_str(&legend(paint));
    out
}

/// The names of the receivers, downwards, letter by letter.
fn heading(paint: Paint) -> String {
    let mut out = String::new();
    for row in 0..4 {
        let start = if row == 1 { "from ↓   to →" } else { "" };
        let mut line = format!("      {start:<21}");
        for to in HostId::all() {
            line.push_str(gap(to));
            line.push(to.plan().name.chars().nth(row).unwrap_or(' '));
        }
        out.push_str(&paint.dim(line));
        out.push('\n');
    }
    out
}

/// Two columns a cell, and some air between the private VLANs.
fn gap(to: HostId) -> &'static str {
    let starts_domain = to
        .index()
        .checked_sub(1)
        .and_then(|before| HostId::all().nth(before))
        .is_some_and(|before| before.plan().domain != to.plan().domain);
    if starts_domain { "   " } else { " " }
}

fn legend(paint: Paint) -> String {
    format!(
        "      {}\n",
        paint.dim("● reached, as permitted   · kept apart, as denied   ✗ leak   ○ missing   2 twice")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_shown() {
        let cell = |forbidden, missing, duplicates| Cell {
            forbidden,
            missing,
            duplicates,
            ..Cell::default()
        };
        for (permitted, cell, expect) in [
            (true, cell(0, 0, 0), Sight::Reached),
            (false, cell(0, 0, 0), Sight::Kept),
            (true, cell(0, 0, 1), Sight::Twice),
            (true, cell(0, 1, 1), Sight::Gap),
            (true, cell(1, 1, 1), Sight::Leak),
            (false, cell(1, 0, 0), Sight::Leak),
        ] {
            assert_eq!(Sight::of(permitted, &cell), expect, "{permitted} {cell:?}");
        }
    }
}
