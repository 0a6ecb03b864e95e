//! The matrix as a picture: one cell for each ordered pair of hosts.

use crate::lab::plan::{HOSTS, HostId};
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

/// What the signs mean.
pub(super) const LEGEND: &str = "● as permitted  · kept apart  ✗ leak  ○ missing  2 twice";

/// The picture, senders down, receivers across.
pub(super) fn draw(policy: &Policy, measured: &Measured, paint: Paint) -> String {
    let mut lines: Vec<String> = heading().into_iter().map(|line| paint.dim(line)).collect();
    let mut domain = HOSTS[0].domain;
    for from in HostId::all() {
        if domain != from.plan().domain {
            domain = from.plan().domain;
            lines.push(String::new());
        }
        lines.push(row(policy, measured, from, paint));
    }
    lines.push(paint.dim(LEGEND));
    lines.iter().map(|line| format!("    {line}\n")).collect()
}

fn row(policy: &Policy, measured: &Measured, from: HostId, paint: Paint) -> String {
    let mut line = label(from);
    for to in HostId::all() {
        line.push_str(gap(to));
        if to == from {
            line.push(' ');
        } else {
            let sight = Sight::of(policy.permits(from, to), &measured.pair(from, to));
            line.push_str(&sight.painted(paint));
        }
    }
    line
}

/// What stands before the cells of a sender.
pub(super) fn label(from: HostId) -> String {
    let plan = from.plan();
    format!("{:<5} {} {:<11} ", plan.name, plan.node, plan.segment)
}

/// The names of the receivers, downwards, letter by letter.
pub(super) fn heading() -> [String; 4] {
    [(0, ""), (1, "from ↓   to →"), (2, ""), (3, "")].map(|(row, start)| {
        let mut line = format!("{start:<21}");
        for to in HostId::all() {
            line.push_str(gap(to));
            line.push(to.plan().name.chars().nth(row).unwrap_or(' '));
        }
        line
    })
}

/// Two columns a cell, and some air between the private VLANs.
pub(super) fn gap(to: HostId) -> &'static str {
    let before = HostId::all().take_while(|&host| host != to).last();
    let starts_domain = before.is_some_and(|before| before.plan().domain != to.plan().domain);
    if starts_domain { "   " } else { " " }
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
