//! The netlink actor: makes, adopts, watches, repairs and removes the interfaces of the ports.

mod actor;
mod connection;
mod device;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod link;
mod managed;
mod manager;
mod message;
mod namespace;
mod notices;
mod pair;
mod repair;
mod requests;
mod spec;
mod taken;
mod workshop;

pub use manager::{Begun, PortEvent, PortManager};
pub use taken::taken_names;
