//! `skerry matrix`: who reaches whom.

use std::path::PathBuf;

use clap::Args;
use skerry_policy::View;

use crate::cli::output::Output;
use crate::exit::Exit;

/// One letter a cell, row sends to column: y every frame, g through the gateway only, p by a
/// peering, - nothing.
#[derive(Args, Debug)]
pub(in crate::cli) struct MatrixArgs {
    /// The site file, or - for stdin
    site: PathBuf,
    /// One row a segment (the default)
    #[arg(long)]
    segments: bool,
    /// One row a port, or a tag of a trunk
    #[arg(long, conflicts_with = "segments")]
    ports: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(in crate::cli) fn matrix(args: &MatrixArgs, output: &Output) -> anyhow::Result<Exit> {
    let proven = super::load(&args.site, output)?;
    let view = if args.ports {
        View::Ports
    } else {
        View::Segments
    };
    let matrix = skerry_policy::matrix(&proven.fabric, view);
    if args.json {
        output.json(&serde_json::to_value(&matrix)?)?;
    } else {
        output.data(&matrix.to_string())?;
    }
    Ok(Exit::Good)
}
