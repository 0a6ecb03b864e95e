//! `skerry doctor`: what this machine offers, and how to get what is missing.

use std::path::PathBuf;

use clap::Args;

use super::output::Output;
use crate::doctor::{self, Finding, State};
use crate::exit::Exit;
use crate::node_config::{ConfigError, NodeConfig};

/// Changes nothing. Exit 1 if anything is missing that the daemon cannot do without.
#[derive(Args, Debug)]
pub(super) struct DoctorArgs {
    /// Also check what this node file asks for
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn doctor(args: &DoctorArgs, output: &Output) -> anyhow::Result<Exit> {
    let config = args.config.as_deref().map(NodeConfig::read);
    let mut findings = doctor::machine();
    match &config {
        Some(Ok(config)) => findings.extend(doctor::node(config)),
        Some(Err(error)) => findings.push(unusable(error)),
        None => {}
    }
    if args.json {
        output.json(&doctor::facts(&findings))?;
    } else {
        output.data(&doctor::text(&findings, output.colour))?;
    }
    let missing = findings.iter().any(|it| it.state == State::Missing);
    Ok(if missing { Exit::Bad } else { Exit::Good })
}

fn unusable(error: &ConfigError) -> Finding {
    Finding::missing(
        "node file",
        error.render(false).trim_end(),
        "write or correct it; three keys are enough: node, site and key",
    )
}
