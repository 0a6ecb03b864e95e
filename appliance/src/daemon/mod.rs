//! The daemon of one node.

mod logging;

use crate::exit::Exit;
use crate::node_config::NodeConfig;

/// Runs a node until it is told to stop.
///
/// # Errors
/// What keeps it from starting; nothing is left behind.
pub fn run(config: NodeConfig, colour: bool) -> anyhow::Result<Exit> {
    drop((config, colour));
    Ok(Exit::Bad)
}
