//! What fuzzing runs: one function per target, that takes bytes and panics when something does
//! not hold. The programs around them, and the inputs worth keeping, are in `overlay/fuzz`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "to panic is what a target is for"
)]

pub use crate::netlink::fuzz::netlink;
pub use crate::port::fuzz::{auxdata, vnet};

#[cfg(test)]
mod tests {
    #[test]
    fn every_input_that_was_kept_still_holds() {
        skerry_fuzz::replay("auxdata", super::auxdata);
        skerry_fuzz::replay("netlink", super::netlink);
        skerry_fuzz::replay("vnet", super::vnet);
    }
}
