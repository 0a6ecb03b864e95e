//! `skerry lab`: three real nodes, fifteen real hosts, one policy; measured beside what it says.
//!
//! Everything runs in namespaces of the lab's own, so neither root nor packages are needed and
//! nothing is left behind. What must hold: the expectation comes from the compiled policy alone,
//! the measurement from packet sockets in the hosts' namespaces alone; no counter of a daemon
//! stands in for a reception. Daemons' counters say only why something was dropped, and when the
//! fabric has come to rest.

mod attack;
mod counts;
mod fabric;
mod frame;
mod host;
mod latency;
mod links;
mod live;
mod logs;
mod matrix;
mod node;
mod panel;
mod picture;
mod plan;
mod reach;
mod reload;
mod report;
mod sandbox;
mod site;
mod speed;
mod story;
mod stream;
mod tag;
mod wait;
mod world;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use clap::Args;

use crate::exit::Exit;
use counts::{Conservation, Sent};
use logs::Kept;
use report::Report;
use story::{Story, Voice};
use wait::Interrupted;
use world::World;

/// Builds a fabric of three nodes and fifteen hosts in its own namespaces, measures who reaches
/// whom beside what the policy says, attacks it, reloads it, and shows it at work.
#[derive(Args, Debug)]
pub struct LabArgs {
    /// Exit when everything is measured: 0 when it is as the policy says, 1 otherwise
    #[arg(long)]
    once: bool,
    /// Print one JSON document, with words on stderr; implies --once. With --panel, print attacks
    /// and what the keys did, as lines of JSON
    #[arg(long)]
    json: bool,
    /// Print the site file that the lab would run, and do nothing
    #[arg(long)]
    print_site: bool,
    /// Keep the daemons' logs, the site file and the findings in this directory
    #[arg(long, value_name = "DIR")]
    keep_logs: Option<PathBuf>,
    #[command(flatten)]
    panel: panel::PanelArgs,
}

/// How the lab starts a daemon: enters a network namespace and becomes `skerry run`.
#[derive(Args, Debug)]
pub struct LabNodeArgs {
    /// The file that holds the namespace
    netns: PathBuf,
    /// The node file
    config: PathBuf,
}

/// Runs the lab. The process must have a single thread, or it cannot make a user namespace.
///
/// # Errors
/// When the system forbids namespaces, or a part of the lab fails to run at all. A measurement
/// that contradicts the policy is no error: it is [`Exit::Bad`].
pub fn run(args: &LabArgs) -> Result<Exit> {
    if args.print_site {
        return print_site();
    }
    let mut kept = args.keep_logs.as_deref().map(Kept::open).transpose()?;
    let film = args.panel.open(args.json)?;
    let start = Instant::now();
    let voice = if args.json { Voice::Err } else { Voice::Out };
    let (mut world, up) = match World::build(Story::new(voice), kept.as_mut()) {
        Err(error) if error.is::<Interrupted>() => return Ok(interrupted()),
        built => built?,
    };
    let shown = if args.panel.panel {
        panel::run(&args.panel, args.json, film.as_ref(), &mut world, up)
    } else {
        show(args, &mut world, up, kept.as_mut(), start)
    };
    let stopped = world.stop();
    match shown {
        Err(error) if error.is::<Interrupted>() => Ok(interrupted()),
        shown => stopped.and(shown),
    }
}

/// Becomes the daemon of one node of a lab.
///
/// # Errors
/// When the namespace cannot be entered or the program cannot be started; otherwise never returns.
pub fn run_node(args: &LabNodeArgs) -> Result<Exit> {
    node::become_daemon(&args.netns, &args.config).map(|()| Exit::Bad)
}

/// Ctrl-C before the measurement is complete leaves its question open.
const fn interrupted() -> Exit {
    Exit::Bad
}

fn show(
    args: &LabArgs,
    world: &mut World,
    up: Vec<world::NodeUp>,
    kept: Option<&mut Kept>,
    start: Instant,
) -> Result<Exit> {
    let report = measure(world, up, start)?;
    let text = format!("{}\n", serde_json::to_string_pretty(&report)?);
    if let Some(kept) = kept {
        kept.report(&text)?;
    }
    conclude(world, &report);
    if args.json {
        print(&text)?;
    }
    if !args.once && !args.json {
        live::run(world)?;
    }
    Ok(if report.agree { Exit::Good } else { Exit::Bad })
}

fn measure(world: &mut World, up: Vec<world::NodeUp>, start: Instant) -> Result<Report> {
    let fabric = fabric::converge(world, up)?;
    let reachability = matrix::measure(world)?;
    let attacks = attack::run(world)?;
    let reload = reload::run(world)?;
    world
        .story
        .chapter("figures", "between real kernels, through the fabric");
    let latency = latency::measure(world)?;
    let throughput = speed::measure(world)?;
    let conservation = balance(world)?;
    let report = Report {
        schema: Report::SCHEMA,
        agree: false,
        failed: Vec::new(),
        seconds: start.elapsed().as_secs_f64(),
        fabric,
        reachability,
        attacks,
        reload,
        latency,
        throughput,
        conservation,
    };
    Ok(report.judge())
}

/// Checks the books of every daemon once nothing moves any more.
fn balance(world: &mut World) -> Result<Conservation> {
    let before = world.counts()?;
    let conservation = Conservation::of(&world.rest(&before, &Sent::new())?);
    world.story.chapter(
        "books",
        "every frame has exactly one outcome; every drop has one reason",
    );
    for drops in &conservation.drops {
        let reasons = drops.ingress.iter().chain(&drops.egress);
        let reasons: Vec<String> = reasons.map(|(reason, n)| format!("{reason} {n}")).collect();
        let paint = world.story.paint();
        let segment = paint.dim(format!("{:<17}", drops.segment));
        world.story.say(format!(
            "{:<8} {segment} {}",
            drops.port,
            reasons.join(", ")
        ));
    }
    let text = match conservation.unbalanced.as_slice() {
        [] => format!(
            "both equations hold at {} ports and {} tunnel ends",
            conservation.ports, conservation.tunnels
        ),
        wrong => format!("an equation does not hold at {}", wrong.join(", ")),
    };
    world.story.verdict(conservation.holds(), text);
    Ok(conservation)
}

fn conclude(world: &mut World, report: &Report) {
    let paint = world.story.paint();
    let seconds = paint.dim(format!("({:.1} s)", report.seconds));
    world.story.block("");
    let text = if report.agree {
        format!("everybody reaches exactly whom the policy lets them reach {seconds}")
    } else {
        format!(
            "the fabric does not do what the policy says: {} {seconds}",
            report.failed.join(", ")
        )
    };
    world.story.verdict(report.agree, paint.bold(text));
}

fn print_site() -> Result<Exit> {
    let keys = plan::NODES.iter().map(|_| {
        let key = crate::key::Key::generate()?;
        Ok(crate::key::public_text(&key.public()))
    });
    let keys = keys.collect::<Result<Vec<_>>>()?;
    print(&site::text(
        &keys,
        &sandbox::namespaces_preview(),
        site::Moved::Home,
    ))?;
    Ok(Exit::Good)
}

fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}
