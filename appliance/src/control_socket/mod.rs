//! The control socket: how commands talk to the running daemon.
//!
//! A Unix stream socket of mode 0660. One JSON object a line, requests from the client, one reply
//! each; both carry a version. The kernel says who is at the other end (`SO_PEERCRED`): root, the
//! daemon's own user, or its group. Sizes, clients and waiting times are bounded.

mod client;
mod protocol;
mod server;

pub use client::{Client, ClientError, find_socket};
pub use protocol::{CONFIRM_MAX, Command, REPLY_MAX, REQUEST_MAX, Reply, Request, VERSION};
pub use server::{BindError, Incoming, Server};
