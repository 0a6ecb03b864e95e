//! `skerry bundle`: what a helper needs to see, without keys.

use std::path::PathBuf;

use clap::Args;

use super::control::Target;
use super::output::Output;
use crate::bundle::Bundle;
use crate::control_socket::Command;
use crate::doctor;
use crate::exit::{Exit, Failed};

/// Configuration, state, counters and log of the running daemon, and what `skerry doctor` finds.
/// The private key is not in it: the daemon never gives it out, and the key file is never opened.
#[derive(Args, Debug)]
pub(super) struct BundleArgs {
    /// The file to make; one that exists is not overwritten [default: skerry-NODE.tar.gz]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

pub(super) fn bundle(args: &BundleArgs, output: &Output) -> anyhow::Result<Exit> {
    let reply = args.target.ask(Command::Bundle)?;
    let facts = reply
        .facts
        .as_object()
        .ok_or_else(|| Failed::new(Exit::Bad, reply.words))?;
    let node = facts
        .get("node")
        .and_then(serde_json::Value::as_str)
        .unwrap_or("node");
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| format!("skerry-{node}.tar.gz").into());
    let mut bundle = Bundle::create(&out, node)?;
    for (name, value) in facts {
        match value.as_str() {
            Some(text) if name == "site" => bundle.text("site.toml", text)?,
            Some(text) if text.contains('\n') => bundle.text(&format!("{name}.txt"), text)?,
            Some(_) => {}
            None => bundle.json(&format!("{name}.json"), value)?,
        }
    }
    bundle.json("doctor.json", &doctor::facts(&doctor::machine()))?;
    bundle.finish()?;
    output.data(&format!("{}\n", out.display()))?;
    Ok(Exit::Good)
}
