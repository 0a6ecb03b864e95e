//! The `skerry` binary as a library: command line, daemon, lab, and every conversion between the
//! crates below.

pub mod bundle;
pub mod cli;
pub mod control_socket;
pub mod daemon;
pub mod doctor;
pub mod duration;
pub mod exit;
pub mod exposition;
pub mod family;
pub mod file;
pub mod generations;
pub mod identity;
pub mod key;
pub mod lab;
pub mod node_config;
mod panel;
mod terminal;
pub mod top;
pub mod view;
