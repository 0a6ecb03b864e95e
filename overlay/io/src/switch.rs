//! The kill switches of the offloads: kernels keep shipping with one of them broken.

/// What the node file says about one offload.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Switch {
    /// Used where the kernel offers it, given up at the first sign of trouble.
    #[default]
    Auto,
    /// Demanded: starting fails where the kernel does not offer it.
    On,
    /// Not used.
    Off,
}

impl Switch {
    /// Whether to try it at all.
    pub const fn wanted(self) -> bool {
        !matches!(self, Self::Off)
    }
}

/// `[offload]` of the node file.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct OffloadSwitches {
    /// Superframes and partial checksums on ports (`virtio_net_hdr`).
    pub tap: Switch,
    /// Many datagrams in one send (`UDP_SEGMENT`).
    pub gso: Switch,
    /// Many datagrams in one receive (`UDP_GRO`).
    pub gro: Switch,
}
