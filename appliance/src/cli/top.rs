//! `skerry top`: the node at work.

use clap::Args;

use super::control::Target;
use crate::exit::Exit;
use crate::top;

/// Rates of every port and peer, and why frames are dropped. Leave with q.
#[derive(Args, Debug)]
pub(super) struct TopArgs {
    #[command(flatten)]
    target: Target,
}

pub(super) fn top(args: &TopArgs) -> anyhow::Result<Exit> {
    let client = args.target.connect()?;
    top::run(client)?;
    Ok(Exit::Good)
}
