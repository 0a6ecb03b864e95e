//! `skerry run`: the daemon of one node.

use std::path::PathBuf;

use clap::Args;

use super::output::Output;
use crate::exit::{Exit, Failed};
use crate::node_config::NodeConfig;

/// SIGHUP loads the site file again, SIGTERM and SIGINT stop it and remove what it made.
#[derive(Args, Debug)]
pub(super) struct RunArgs {
    /// The node file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(super) fn run(args: &RunArgs, output: &Output) -> anyhow::Result<Exit> {
    let config = NodeConfig::read(&args.config).map_err(|error| {
        output.words(&error.render(output.colour_words));
        let way_out = error.way_out();
        Failed::new(
            Exit::Bad,
            format!("the node file cannot be used; {way_out}; nothing was started"),
        )
    })?;
    crate::daemon::run(config, output.colour_words)
}
