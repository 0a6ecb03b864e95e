//! Which node of the site file this machine is, and whether it has that node's key.

use std::fmt;

use skerry_policy::{Fabric, NodeId};

use crate::key::public_text;

/// Finds the node of this name and compares its public key with the one this machine has.
///
/// # Errors
/// The site file has no such node, it is one that runs a stock kernel, or its key is another one.
pub fn find(fabric: &Fabric, name: &str, public: &[u8; 32]) -> Result<NodeId, IdentityError> {
    let id = fabric
        .node_named(name)
        .ok_or_else(|| IdentityError::NoNode {
            name: name.to_owned(),
            nodes: running(fabric),
        })?;
    let node = fabric.nodes.get(id.index());
    match node {
        Some(node) if node.stock.is_some() => Err(IdentityError::Stock(name.to_owned())),
        Some(node) if node.key != *public => Err(IdentityError::Key {
            name: name.to_owned(),
            theirs: public_text(&node.key),
            ours: public_text(public),
        }),
        _ => Ok(id),
    }
}

fn running(fabric: &Fabric) -> Vec<String> {
    let nodes = fabric.nodes.iter().filter(|node| node.stock.is_none());
    nodes.map(|node| node.name.clone()).collect()
}

/// Why this machine is no node of the site file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum IdentityError {
    /// No node has the name.
    NoNode {
        /// The name in the node file.
        name: String,
        /// Those that run Skerry.
        nodes: Vec<String>,
    },
    /// A node of this name runs a stock kernel.
    Stock(String),
    /// The site file lists another key.
    Key {
        /// The node.
        name: String,
        /// The public key in the site file.
        theirs: String,
        /// The public half of the key file.
        ours: String,
    },
}

impl IdentityError {
    /// The key of the node file that asks for what is not so.
    pub const fn asked_by(&self) -> &'static str {
        match self {
            Self::NoNode { .. } | Self::Stock(_) => "node",
            Self::Key { .. } => "key",
        }
    }
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNode { name, nodes } => write!(
                f,
                "the site file has no node {name:?}; correct `node` in the node file, or add it \
                 (there are: {})",
                nodes.join(", ")
            ),
            Self::Stock(name) => write!(
                f,
                "node {name} runs a stock kernel (`stock` in the site file), not skerry; \
                 `skerry peer` prints what to run there"
            ),
            Self::Key { name, theirs, ours } => write!(
                f,
                "the key file is not that of node {name}: its public key is {ours}, and the site \
                 file lists {theirs}; correct `key` in one of the two, or restart the daemon if \
                 the node file names a new one: it is read at start only"
            ),
        }
    }
}

impl std::error::Error for IdentityError {}
