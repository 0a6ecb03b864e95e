//! The gates of the repository: what a person runs, CI runs, and the other way round.

mod apt;
mod bench;
mod builds;
mod captures;
mod command;
mod deb;
mod fuzz;
mod interop;
mod mutants;
mod outcome;
mod schedule;
mod sets;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

/// The gates of the repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    gate: Gate,
}

#[derive(Debug, Subcommand)]
enum Gate {
    /// Installs what the tests need (when root), and runs every set of them.
    Test {
        /// Only the sets with these names.
        sets: Vec<String>,
    },
    /// Formatting, lints, documentation and licences.
    Lint,
    /// Builds the book.
    Docs,
    /// Breaks the source on purpose, fault by fault, and demands that a test turns red.
    Mutants {
        /// Only the faults whose names contain this.
        filter: Option<String>,
    },
    /// Measures throughput, CPU time and latency beside peers in the same run (root), or the
    /// datapath alone.
    Bench(bench::Options),
    /// Draws where the CPU time goes under bulk TCP, as flame graphs (root).
    Flame {
        /// Seconds to look for.
        #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=60))]
        seconds: u32,
    },
    /// Runs the fuzz targets: what they find goes to `target/fuzz`.
    Fuzz(fuzz::Options),
    /// A switch that `bench --many` starts, and that measures nothing by itself.
    #[command(hide = true)]
    Relay(bench::many::relay::Relay),
}

fn main() -> ExitCode {
    match run(&Arguments::parse().gate) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            command::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(gate: &Gate) -> Result<bool> {
    let root = root()?;
    match gate {
        Gate::Test { sets } => sets::run(&root, |name| {
            sets.is_empty() || sets.iter().any(|it| it == name)
        }),
        Gate::Lint => sets::run(&root, |name| sets::LINTS.contains(&name)),
        Gate::Docs => sets::run(&root, |name| name == "book"),
        Gate::Mutants { filter } => mutants::run(&root, filter.as_deref().unwrap_or_default()),
        Gate::Bench(options) => bench::run(&root, options),
        Gate::Flame { seconds } => bench::flame::run(&root, *seconds),
        Gate::Fuzz(options) => fuzz::run(&root, options),
        Gate::Relay(relay) => relay.run().map(|()| true),
    }
}

/// The workspace's folder.
fn root() -> Result<PathBuf> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .map(PathBuf::from)
        .context("xtask lives inside the workspace")
}
