//! The benches of the datapath alone: no network, no privileges, one thread.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::command::{cargo, run, say};

/// What every stage costs (criterion): prints its figures, and writes them to
/// `target/bench/stages.txt`.
///
/// # Errors
/// It does not build, or a frame did not arrive.
pub(super) fn micro(root: &Path) -> Result<()> {
    let output = bench(root, "stages", &["--noplot".to_owned()])?;
    let figures: Vec<&str> = output.lines().filter(|line| is_figure(line)).collect();
    let figures = figures.join("\n");
    let file = folder(root)?.join("stages.txt");
    fs::write(&file, &figures).with_context(|| format!("cannot write {}", file.display()))?;
    say(&figures);
    say("(also in target/bench/stages.txt)");
    Ok(())
}

/// What a frame costs among many ports, addresses, peers and flows: prints the tables, and writes
/// `target/bench/scale.{md,json,svg}`.
///
/// # Errors
/// It does not build, or a frame did not arrive.
pub(super) fn scale(root: &Path, rounds: u32) -> Result<()> {
    let folder = folder(root)?;
    let mut arguments = vec!["--rounds".to_owned(), rounds.to_string()];
    for (option, name) in [
        ("--markdown", "scale.md"),
        ("--json", "scale.json"),
        ("--svg", "scale.svg"),
    ] {
        arguments.push(option.to_owned());
        arguments.push(folder.join(name).display().to_string());
    }
    bench(root, "scale", &arguments)?;
    let table = folder.join("scale.md");
    let table =
        fs::read_to_string(&table).with_context(|| format!("cannot read {}", table.display()))?;
    say(&table);
    say("(also in target/bench/scale.md, scale.json and scale.svg)");
    Ok(())
}

/// Builds a bench of the core and runs it: all that it printed.
fn bench(root: &Path, name: &str, arguments: &[String]) -> Result<String> {
    let mut command = cargo(root, &["bench", "-p", "skerry-overlay", "--bench", name]);
    command.arg("--").args(arguments);
    let ended = run(root, &format!("bench-{name}"), &mut command)?;
    if !ended.success {
        bail!("the bench {name} failed:\n{}", ended.tail(20));
    }
    Ok(ended.output)
}

/// Where results are written.
pub(super) fn folder(root: &Path) -> Result<PathBuf> {
    let folder = root.join("target/bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Criterion says much besides: how it goes, and what it thinks of the last run.
fn is_figure(line: &str) -> bool {
    let words = ["time:", "thrpt:"];
    let is_progress = line.starts_with("Benchmarking") || line.contains([':', '(']);
    let is_name = line.contains('/') && !is_progress && !line.starts_with(' ');
    let is_change = line.contains('%');
    is_name || (!is_change && words.iter().any(|word| line.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_kept_and_what_criterion_says_besides_is_not() {
        let output = "
     Running benches/stages.rs (target/release/deps/stages-172f74d190b04c28)
Benchmarking from port to port/64 bytes
Benchmarking from port to port/64 bytes: Warming up for 1.0000 s
from port to port/64 bytes
                        time:   [10.219 us 10.514 us 10.765 us]
                        thrpt:  [5.9454 Melem/s 6.0871 Melem/s 6.2627 Melem/s]
                 change:
                        time:   [+0.4444% +5.4444% +7.4444%] (p = 0.03 < 0.05)
                        thrpt:  [-7.4444% -5.4444% -0.4444%]
                        Performance has regressed.
Found 1 outliers among 100 measurements (1.00%)";
        let kept: Vec<&str> = output.lines().filter(|line| is_figure(line)).collect();
        assert_eq!(kept.len(), 3, "{kept:?}");
        assert_eq!(kept[0], "from port to port/64 bytes");
    }
}
