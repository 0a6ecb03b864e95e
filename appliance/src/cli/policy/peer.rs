//! `skerry peer`: what to type on a stock Linux machine to make it a member.

use std::path::PathBuf;

use clap::Args;

use crate::cli::output::Output;
use crate::exit::{Exit, Failed};

/// Paste-ready wg, ip, bridge and tc lines for root.
#[derive(Args, Debug)]
pub(in crate::cli) struct PeerArgs {
    /// The site file, or - for stdin
    site: PathBuf,
    /// The node
    node: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(in crate::cli) fn peer(args: &PeerArgs, output: &Output) -> anyhow::Result<Exit> {
    let proven = super::load(&args.site, output)?;
    let sheet = skerry_policy::peer(&proven.fabric, &args.node).ok_or_else(|| {
        let nodes = proven.fabric.nodes.iter().map(|node| node.name.as_str());
        let nodes: Vec<&str> = nodes.collect();
        let message = format!(
            "there is no node `{}` in {}; there are: {}",
            args.node,
            args.site.display(),
            nodes.join(", ")
        );
        Failed::new(Exit::Bad, message)
    })?;
    if args.json {
        output.json(&serde_json::to_value(&sheet)?)?;
    } else {
        output.data(&sheet.to_string())?;
    }
    Ok(Exit::Good)
}
