//! The netlink actor: makes, adopts, watches, repairs and removes the interfaces of the ports.

mod actor;
mod connection;
mod device;
mod link;
mod manager;
mod message;
mod namespace;
mod repair;
mod spec;

pub use manager::{PortEvent, PortManager};
