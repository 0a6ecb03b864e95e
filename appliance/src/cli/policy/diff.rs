//! `skerry diff`: what a new site file would let in, and what it would keep out.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use skerry_policy::Source;

use super::Proven;
use crate::cli::control::Target;
use crate::cli::output::Output;
use crate::control_socket::Command;
use crate::exit::{Exit, Failed};

/// Pairs gained and lost, with the reason and its place in the file.
#[derive(Args, Debug)]
pub(in crate::cli) struct DiffArgs {
    /// The old site file, or `running` for what the daemon runs
    old: PathBuf,
    /// The new site file, or - for stdin
    new: PathBuf,
    /// Exit 1 if any pair gains access
    #[arg(long)]
    no_new_access: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

pub(in crate::cli) fn diff(args: &DiffArgs, output: &Output) -> anyhow::Result<Exit> {
    let old = if args.old == Path::new("running") {
        running(&args.target, output)?
    } else {
        super::load(&args.old, output)?
    };
    let new = super::load(&args.new, output)?;
    let diff = skerry_policy::diff(old.policy(), new.policy());
    if args.json {
        output.json(&serde_json::to_value(&diff)?)?;
    } else {
        output.data(&diff.to_string())?;
    }
    if args.no_new_access && diff.gained > 0 {
        output.words("skerry: P016: access would be gained, and --no-new-access forbids it\n");
        return Ok(Exit::Bad);
    }
    Ok(Exit::Good)
}

fn running(target: &Target, output: &Output) -> anyhow::Result<Proven> {
    let reply = target.ask(Command::Site)?;
    let text = reply.facts.get("text").and_then(serde_json::Value::as_str);
    let text = text.ok_or_else(|| Failed::new(Exit::Bad, reply.words.clone()))?;
    let source = Source {
        name: "running".to_owned(),
        text: text.to_owned(),
    };
    super::prove(&source, output).context("what the daemon runs")
}
