//! What both benches are made of: a policy, nodes that run it, frames, and a network in memory.

pub(crate) mod frames;
pub(crate) mod node;
pub(crate) mod sinks;
pub(crate) mod site;
