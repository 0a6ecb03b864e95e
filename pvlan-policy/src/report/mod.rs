//! What can be asked of a policy: pure functions that return structs, which print and serialise.

mod blast;

pub(crate) use blast::blast;
pub use blast::{Blast, BlastRadius, blast_radius};
