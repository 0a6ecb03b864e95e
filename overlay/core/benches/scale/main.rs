//! What a frame costs among many ports, MAC addresses, peers and flows, as CPU time, and what
//! each of these takes of memory.
//!
//! `cargo xtask bench --scale` runs it. Without `--bench`, as `cargo test` calls it, it carries a
//! few frames every way and looks whether all arrive.

#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the whole program is a measurement"
)]

mod cpu;
mod curves;
mod far;
mod layout;
mod memory;
mod plot;
mod report;
mod scene;
mod timers;
mod walk;
#[path = "../world/mod.rs"]
mod world;

use std::path::{Path, PathBuf};

use curves::{Effort, measure};
use layout::{Dimension, Layout, Way};
use report::Report;
use scene::Scene;

/// Enough to see every address of the largest table twice.
const FULL: Effort = Effort {
    rounds: 9,
    frames: 65_536,
    largest: u32::MAX,
};

/// Enough to see that frames arrive, in a build that is not optimised.
const SMALL: Effort = Effort {
    rounds: 1,
    frames: 256,
    largest: 100,
};

/// What the command line asks for.
struct Options {
    effort: Effort,
    /// Only the points whose names contain this, such as `macs here`.
    only: String,
    json: Option<PathBuf>,
    svg: Option<PathBuf>,
    markdown: Option<PathBuf>,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut options = Self {
            effort: SMALL,
            only: String::new(),
            json: None,
            svg: None,
            markdown: None,
        };
        let mut rounds = None;
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().expect("the option wants a value");
            match argument.as_str() {
                // Cargo says so to every bench.
                "--bench" => options.effort = FULL,
                "--rounds" => rounds = Some(value().parse().expect("a number of rounds")),
                "--only" => options.only = value(),
                "--json" => options.json = Some(value().into()),
                "--svg" => options.svg = Some(value().into()),
                "--markdown" => options.markdown = Some(value().into()),
                // What `cargo test` is told is for a harness.
                _ => {}
            }
        }
        options.effort.rounds = rounds.unwrap_or(options.effort.rounds).max(1);
        options
    }
}

fn main() {
    let options = Options::read(std::env::args().skip(1));
    let report = run(&options);
    println!("{}", report.markdown());
    let json = serde_json::to_string_pretty(&report.json()).unwrap();
    write(options.json.as_deref(), &json);
    write(options.svg.as_deref(), &plot::svg(&report));
    write(options.markdown.as_deref(), &report.markdown());
}

fn run(options: &Options) -> Report {
    let effort = options.effort;
    let before = cpu::load();
    let points = measure(effort, &options.only, |line| eprintln!("{line}"));
    let after = cpu::load();
    let (shares, pauses) = if options.only.is_empty() {
        let is_small = effort.largest < u32::MAX;
        (memory::shares(is_small), timers::pauses(effort.largest))
    } else {
        (Vec::new(), Vec::new())
    };
    Report {
        points,
        shares,
        pauses,
        overhead: overhead(effort),
        machine: cpu::machine(),
        load: [before, after],
        rounds: effort.rounds,
        frames: effort.frames,
    }
}

/// What of every frame's time is the measurement's.
fn overhead(effort: Effort) -> f64 {
    let mut scene = Scene::new(Layout::new(Dimension::Ports, Way::Here, 16));
    let took = scene.overhead(effort.frames);
    took.as_nanos() as f64 / effort.frames as f64
}

fn write(path: Option<&Path>, text: &str) {
    if let Some(path) = path {
        std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
