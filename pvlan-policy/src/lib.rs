//! The private VLAN policy of a fabric: what the site file says, compiled, proved and explained.
//!
//! Pure: text in, tables and diagnostics out. No I/O, no clock, no unsafe.

#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing)]

mod check;
mod code;
mod compile;
mod decode;
mod diagnostic;
mod fabric;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod gate;
mod id;
mod peering;
mod port;
mod proof;
mod render;
mod report;
mod schema;
mod site;
mod source;
mod tables;
mod widening;

pub use check::{Checked, check, check_against};
pub use code::Code;
pub use decode::EXPORT_FIELDS;
pub use diagnostic::{Diagnostic, Label, Severity};
pub use fabric::{Digest, Fabric, Hairpin, Node, Pvlan, Role, Routed, Segment, Stock};
pub use gate::Gate;
pub use id::{
    AttachmentId, LocalAttachment, LocalPort, Mac, NodeId, PortId, PvlanId, SegmentId, Vid, Vni,
};
pub use peering::{Crossing, Peering, Way};
pub use port::{
    Attach, Attachment, DhcpGuard, Ethertypes, Guards, IpGuard, MacGuard, Port, RaGuard, Storm,
};
pub use proof::{Claim, Proof};
pub use render::render;
pub use report::{
    Access, Blast, BlastRadius, Change, CheckReport, Diff, End, Explanation, Matrix, NoSuchPort,
    PeerSheet, Policy, Row, Section, Step, Verdict, View, blast_radius, diff, explain, matrix,
    peer,
};
pub use schema::{KEYS, Key};
pub use site::{
    Carries, CommunityDecl, Day, Defaults, ExportDecl, Flow, NodeDecl, PeeringDecl, PortDecl,
    PortRef, Protocol, PvlanDecl, Sees, SegmentRef, Settings, SinkDecl, Site, StockKind, TagDecl,
};
pub use source::{At, Place, Position, Source, Span};
pub use tables::{Flood, Local, LocalView, Tables};
