//! Where the CPU time of both ends goes under bulk TCP, as flame graphs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::bench::measure::{Durations, client, output, server, wait_for_first_ping};
use crate::bench::namespace::Namespace;
use crate::bench::namespaces::Namespaces;
use crate::bench::process::Process;
use crate::bench::variant;
use crate::command::{cargo, run as run_command, say};
use crate::tools::{INFERNO, install_packages, is_root};

/// Samples a second: not in step with any timer.
const FREQUENCY: &str = "997";

/// Draws `target/bench/flame-tx.svg` and `flame-rx.svg`: one TCP stream over veth ports.
///
/// # Errors
/// Not root, a package is missing, the build fails, or there is nothing to draw.
pub(crate) fn run(root: &Path, seconds: u32) -> Result<bool> {
    if !is_root() {
        bail!("this makes network namespaces and interfaces: run it as root");
    }
    let packages = [("perf", "linux-perf"), ("iperf3", "iperf3")];
    install_packages(root, &packages)?;
    INFERNO.find(root)?;
    let skerry = build(root)?;
    Namespace::sweep()?;
    let namespaces = Namespaces::make()?;
    let fabric = variant::skerry_on_veths(&skerry).build(&namespaces)?;
    wait_for_first_ping(&namespaces)?;
    let folder = fabric.folder.path();
    let _server = server(&namespaces, folder)?;
    let congestion = Durations::default().congestion;
    let (tx, rx) = fabric.ends.as_ref().context("Skerry has two ends")?;
    let recorded = std::thread::scope(|scope| {
        let bulk = scope.spawn(|| output(&mut client(&namespaces, seconds + 2, 1, &congestion)));
        let ends = [(tx, "tx"), (rx, "rx")];
        let records = ends.map(|(end, name)| record(end, &folder.join(name), seconds));
        let records = records.map(|it| it.and_then(|mut it| Ok(it.wait()?.success())));
        let bulk = bulk.join();
        let bulk = bulk.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        bulk?;
        records.into_iter().collect::<Result<Vec<bool>>>()
    })?;
    if recorded.contains(&false) {
        bail!("perf records nothing here");
    }
    for (name, title) in [("tx", "sending end"), ("rx", "receiving end")] {
        let svg = draw(root, &folder.join(name), title)?;
        let to = root.join(format!("target/bench/flame-{name}.svg"));
        fs::create_dir_all(root.join("target/bench"))?;
        fs::write(&to, svg).with_context(|| format!("cannot write {}", to.display()))?;
        say(&format!("{}", to.display()));
    }
    Ok(true)
}

/// With frame pointers, which the kernel walks.
fn build(root: &Path) -> Result<PathBuf> {
    let folder = root.join("target/profile");
    let mut build = cargo(root, &["build", "--release", "-p", "skerry"]);
    build.arg("--target-dir").arg(&folder);
    build.env("RUSTFLAGS", "-C force-frame-pointers=yes");
    let built = run_command(root, "flame-build", &mut build)?;
    if !built.success {
        bail!("skerry does not build:\n{}", built.tail(20));
    }
    Ok(folder.join("release/skerry"))
}

fn record(end: &Process, to: &Path, seconds: u32) -> Result<std::process::Child> {
    let mut perf = Command::new("perf");
    perf.args(["record", "--quiet", "-g", "-F", FREQUENCY]);
    perf.args(["--pid", &end.id().to_string(), "--output"])
        .arg(to);
    perf.args(["--", "sleep", &seconds.to_string()]);
    perf.stdin(Stdio::null()).stdout(Stdio::null());
    perf.stderr(Stdio::null())
        .spawn()
        .context("cannot run perf")
}

fn draw(root: &Path, recorded: &Path, end: &str) -> Result<String> {
    let tools = root.join("target/tools/bin");
    let (stacks, folded) = (
        recorded.with_extension("txt"),
        recorded.with_extension("folded"),
    );
    let mut script = Command::new("perf");
    script.args(["script", "--input"]).arg(recorded);
    fs::write(&stacks, output(&mut script)?)?;
    let mut collapse = Command::new(tools.join("inferno-collapse-perf"));
    fs::write(&folded, output(collapse.stdin(File::open(&stacks)?))?)?;
    let mut flame = Command::new(tools.join("inferno-flamegraph"));
    let title = format!("Skerry, {end} of one TCP stream: CPU time");
    flame.args(["--title", &title, "--minwidth", "0.2", "--width", "1200"]);
    output(flame.stdin(File::open(&folded)?))
}
