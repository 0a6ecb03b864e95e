//! The private VLAN policy of a fabric: what the site file says, compiled, proved and explained.
//!
//! Pure: text in, tables and diagnostics out. No I/O, no clock, no unsafe.

#![forbid(unsafe_code)]

mod fabric;
mod id;
mod port;

pub use fabric::{
    Digest, Fabric, Flood, Hairpin, Local, LocalView, Node, Pvlan, Role, Routed, Segment, Stock,
    Tables,
};
pub use id::{
    AttachmentId, LocalAttachment, LocalPort, Mac, NodeId, PortId, PvlanId, SegmentId, Vid, Vni,
};
pub use port::{Attach, Attachment, DhcpGuard, Ethertypes, Guards, IpGuard, MacGuard, Port, Storm};
