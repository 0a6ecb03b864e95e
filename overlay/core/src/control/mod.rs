//! The protocol between nodes, inside their tunnels.

/// UDP port of control messages, overlay address to overlay address.
pub const CONTROL_PORT: u16 = 4790;
