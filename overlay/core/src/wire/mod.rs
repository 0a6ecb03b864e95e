//! Headers, one file each: checked views over received bytes and builders for sent ones.

pub(crate) mod arp;
pub(crate) mod bytes;
pub(crate) mod carrier;
pub(crate) mod ethernet;
pub(crate) mod ip;
pub(crate) mod nd;
pub(crate) mod vxlan;
