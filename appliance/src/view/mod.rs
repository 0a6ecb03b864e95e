//! The facts that commands print: one type each, as JSON with a schema and as a table for people.
//!
//! The daemon makes them, the control socket carries them, the client shows them. Fields are only
//! ever added; a reader must not mind new ones.

mod counters;
mod fdb;
mod load;
mod peers;
mod ping;
mod ports;
mod status;
pub mod table;

pub use counters::{ControlIgnored, Counters, Drops, PeerCounters, PortCounters, ShellCounters};
pub use fdb::{Fdb, FdbEntry};
pub use load::{Confirmation, Load};
pub use peers::{Peer, Peers};
pub use ping::Ping;
pub use ports::{Port, Ports};
pub use status::{Confirm, Offloads, PeerState, Policy, Status};

/// A value that a command prints.
pub trait View: serde::Serialize + serde::de::DeserializeOwned {
    /// `skerry.<command>/1`.
    const SCHEMA: &'static str;

    /// What people read.
    fn text(&self) -> String;

    /// The JSON object, with its schema.
    fn facts(&self) -> serde_json::Value {
        // Our own structs of strings, numbers and maps with string keys always serialise.
        let mut facts = serde_json::to_value(self).unwrap_or_default();
        if let Some(object) = facts.as_object_mut() {
            object.insert("schema".to_owned(), Self::SCHEMA.into());
        }
        facts
    }
}
