//! A site that was checked and compiled, for questions that need both.

use crate::fabric::Fabric;
use crate::site::Site;

/// A site without errors and the fabric compiled from it.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// What the file says, with places.
    pub site: &'a Site,
    /// What became of it.
    pub fabric: &'a Fabric,
}
