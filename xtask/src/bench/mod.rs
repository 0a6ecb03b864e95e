//! How fast the fabric is, beside its peers: everything is measured in one run, in rounds that
//! take turns, so that what disturbs one disturbs all.

mod aead;
mod datapath;
mod fabric;
mod figures;
pub(crate) mod flame;
mod machine;
pub(crate) mod many;
mod measure;
mod namespace;
mod namespaces;
mod peers;
mod plot;
mod process;
mod report;
mod skerry;
mod tunnel;
mod udp;
mod variant;
mod workers;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};
use clap::Args;

use crate::bench::figures::{Run, Sample};
use crate::bench::measure::Durations;
use crate::bench::namespace::Namespace;
use crate::bench::namespaces::Namespaces;
use crate::bench::variant::Variant;
use crate::command::{cargo, run as run_command, say};
use crate::tools::{BENCH_PACKAGES, VPNCLOUD, install_packages, is_root};

/// The largest IP packet between the hosts of every variant, in bytes.
const INNER_MTU: u32 = 1390;

/// What `cargo xtask bench` can be told.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// How often every variant, or every point, has its turn.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Instead: what every stage of the datapath costs, alone and in memory. Needs no root.
    #[arg(long)]
    micro: bool,
    /// Instead: what a frame costs among many ports, addresses, peers and flows, and what they take
    /// of memory. Needs no root.
    #[arg(long)]
    scale: bool,
    /// Instead: Skerry with one worker and with two, by the CPU time of the busiest.
    #[arg(long)]
    workers: bool,
    /// Instead: what a frame costs a whole node, with its kernel, among many ports and addresses.
    #[arg(long)]
    many: bool,
    /// Seconds of every TCP measurement, or of every point among many.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,
    /// A wireguard-go to measure besides that of this Debian; otherwise that of Debian unstable.
    #[arg(long)]
    wireguard_go: Option<PathBuf>,
    /// The congestion control of the sending host, for all variants alike. Linux is built with
    /// cubic as the default; some machines are set up with bbr, whose pacing costs CPU time.
    #[arg(long, default_value = "cubic")]
    congestion: String,
    /// Only the variants, or the points, whose names contain this.
    #[arg(long)]
    only: Option<String>,
}

/// Measures what is asked for: the core alone, or the fabric beside its peers.
///
/// # Errors
/// Something does not build, or could not be measured; for the fabric, also not root.
pub(crate) fn run(root: &Path, options: &Options) -> Result<bool> {
    if options.micro {
        datapath::micro(root)?;
    }
    if options.scale {
        datapath::scale(root, options.rounds)?;
    }
    if options.micro || options.scale {
        return Ok(true);
    }
    beside_peers(root, options)
}

/// Measures every variant, prints the table, and writes `target/bench/latest.{json,md,svg}`.
fn beside_peers(root: &Path, options: &Options) -> Result<bool> {
    if !is_root() {
        bail!("the bench makes network namespaces and interfaces: run it as root");
    }
    if !options.many {
        install_packages(root, &BENCH_PACKAGES)?;
    }
    let release = ["build", "--release", "-p", "skerry"];
    let built = run_command(root, "bench-build", &mut cargo(root, &release))?;
    if !built.success {
        bail!("skerry does not build:\n{}", built.tail(20));
    }
    let program = root.join("target/release/skerry");
    if options.workers {
        Namespace::sweep()?;
        workers::run(root, options, &program)?;
        return Ok(true);
    }
    if options.many {
        Namespace::sweep()?;
        many::run(root, options, &program)?;
        return Ok(true);
    }
    VPNCLOUD.find(root)?;
    let only = options.only.as_deref().unwrap_or_default();
    let mut variants = variant::all(root, options.wireguard_go.as_deref())?;
    variants.retain(|variant| variant.name.contains(only));
    if variants.is_empty() {
        bail!("no variant has {only} in its name");
    }
    let run = rounds(&variants, options)?;
    report::write(root, &run)?;
    Ok(true)
}

fn rounds(variants: &[Variant], options: &Options) -> Result<Run> {
    let stop = stop_flag()?;
    Namespace::sweep()?;
    let durations = Durations {
        tcp: options.seconds,
        congestion: options.congestion.clone(),
        ..Durations::default()
    };
    let mut run = Run::new(variants, options.rounds, &durations);
    for round in 1..=options.rounds {
        for variant in variants {
            if stop.load(Ordering::Relaxed) {
                bail!("stopped by a signal");
            }
            let sample = measure_once(variant, round, &durations)?;
            say(&format!("round {round} {:<26} {}", variant.name, sample));
            run.samples.push(sample);
        }
    }
    Ok(run)
}

/// Builds the variant, measures it, and takes it down again.
fn measure_once(variant: &Variant, round: u32, durations: &Durations) -> Result<Sample> {
    let namespaces = Namespaces::make()?;
    let fabric = variant.build(&namespaces)?;
    measure::sample(variant, &fabric, &namespaces, round, durations)
}

/// Set by the signals that ask to stop, so that the guards still clean up.
fn stop_flag() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}
