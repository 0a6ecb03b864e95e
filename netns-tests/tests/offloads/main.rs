//! Every offload off and on, over paths of every kind: bulk TCP and UDP between two real kernels
//! arrive as they were sent. Needs root: `cargo xtask test offloads` sees to it.
//!
//! A choice of cells runs unless `SKERRY_OFFLOADS=all` asks for every one.
//! `cargo test -p skerry-netns-tests --features root --test offloads -- "tap off"` runs those whose
//! names start so.

mod cell;
mod pair;
mod payload;
mod tunnel;

use std::process::ExitCode;

use libtest_mimic::Trial;
use skerry_netns_tests::hosts::LINK;
use skerry_netns_tests::suite::{Ran, Suite, row, say};

fn main() -> ExitCode {
    let suite = Suite {
        name: "offloads",
        rows: trials,
        beside: 2,
        close: || Ok(()),
        summary,
    };
    suite.run()
}

fn trials() -> Vec<Trial> {
    let all = std::env::var("SKERRY_OFFLOADS").is_ok_and(|value| value == "all");
    let cells = if all { cell::all() } else { cell::few() };
    let trial = |cell: cell::Cell| {
        let compare = move || pair::run(cell, |hosts| payload::compare(hosts, LINK, cell));
        let row = row(&cell.to_string(), compare);
        row.with_ignored_flag(cell.tagged && pair::NO_TAGS.is_some())
    };
    let mut trials: Vec<Trial> = cells.into_iter().map(trial).collect();
    trials.push(row(tunnel::NAME, || {
        pair::run(tunnel::CELL, tunnel::compare)
    }));
    trials
}

fn summary(ran: &Ran) {
    if let Some(why) = &*pair::NO_TAGS {
        say(&format!("offloads: tagged cells are skipped: {why}"));
    }
    say(&format!("offloads: {ran}"));
}
