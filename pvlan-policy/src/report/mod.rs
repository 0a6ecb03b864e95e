//! What can be asked of a policy: pure functions that return structs, which print and serialise.

mod access;
mod blast;
mod diff;
mod explain;
mod matrix;
mod peer;
mod policy;
mod summary;

pub use access::Access;
pub(crate) use blast::Census;
pub use blast::{Blast, BlastRadius, blast_radius};
pub use diff::{Change, Diff, diff};
pub use explain::{End, Explanation, NoSuchPort, Step, Verdict, explain};
pub use matrix::{Matrix, Row, View, matrix};
pub use peer::{PeerSheet, Section, peer};
pub use policy::Policy;
pub use summary::CheckReport;
