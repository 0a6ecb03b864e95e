//! Headers, one file each: checked views over received bytes and builders for sent ones.

pub(crate) mod arp;
pub(crate) mod bytes;
pub(crate) mod carrier;
mod chain;
pub(crate) mod dhcp;
pub(crate) mod ecn;
pub(crate) mod ethernet;
pub(crate) mod icmp;
pub(crate) mod ip;
pub(crate) mod multicast;
pub(crate) mod nd;
pub(crate) mod signalling;
pub(crate) mod tcp;
pub(crate) mod too_big;
pub(crate) mod transport;
pub(crate) mod vxlan;
