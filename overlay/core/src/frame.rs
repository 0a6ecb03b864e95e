//! A frame as it crosses a port: bytes, and the work the kernel left undone on them.

/// Ethernet header without a tag: two addresses and a type.
pub const ETH_HEADER: usize = 14;

/// The longest frame a port may hand in: a 64 KiB superframe with a tag.
pub const FRAME_MAX: usize = 65_535 + ETH_HEADER + 4;

/// Bytes from the destination MAC on, with what is still to be done to them.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Destination MAC first, no frame check sequence.
    pub bytes: &'a [u8],
    /// Checksum and segmentation owed; [`Offload::NONE`] for a finished frame.
    pub offload: Offload,
}

impl<'a> Frame<'a> {
    /// A frame that needs nothing done.
    pub const fn plain(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            offload: Offload::NONE,
        }
    }

    /// Bytes of the `n` frames that it stands for, each with its headers.
    pub(crate) fn total_len(&self, n: u64) -> u64 {
        let len = u64::try_from(self.bytes.len()).unwrap_or(u64::MAX);
        len.saturating_add(
            n.saturating_sub(1)
                .saturating_mul(self.headers_len().into()),
        )
    }

    /// Bytes that every frame of a superframe has in front of its share of the payload; 0 for any
    /// other frame.
    pub fn headers_len(&self) -> u16 {
        let (Some(superframe), Some(checksum)) = (self.offload.superframe, self.offload.checksum)
        else {
            return 0;
        };
        let transport = match superframe.kind {
            SuperframeKind::Udp => 8,
            SuperframeKind::Tcp4 | SuperframeKind::Tcp6 => {
                let offset = self.bytes.get(usize::from(checksum.start) + 12);
                offset.map_or(20, |offset| u16::from(offset >> 4) * 4)
            }
        };
        checksum.start.saturating_add(transport)
    }
}

/// What a frame, which may stand for several, weighs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Weight {
    /// Frames that it stands for, at least one.
    pub frames: u64,
    /// Bytes of all of them, each with its headers.
    pub bytes: u64,
}

/// What `virtio_net_hdr` says about a frame (virtio 1.2 section 5.1.6), parsed once by the shell.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Offload {
    /// The transport checksum holds only the pseudo-header's sum so far.
    pub checksum: Option<Checksum>,
    /// The frame stands for several.
    pub superframe: Option<Superframe>,
    /// The kernel vouches for the checksum (`VIRTIO_NET_HDR_F_DATA_VALID`).
    pub valid: bool,
}

impl Offload {
    /// Nothing to do.
    pub const NONE: Self = Self {
        checksum: None,
        superframe: None,
        valid: false,
    };

    /// Nothing is left to do on the frame, whoever vouches for its checksum.
    pub const fn is_finished(self) -> bool {
        self.checksum.is_none() && self.superframe.is_none()
    }
}

/// Where a checksum is to be completed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Checksum {
    /// First byte that is summed, from the start of the frame.
    pub start: u16,
    /// Place of the checksum, from `start`.
    pub offset: u16,
}

/// How a superframe is to be cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Superframe {
    /// What is inside.
    pub kind: SuperframeKind,
    /// Transport payload bytes of every frame but the last.
    pub size: u16,
    /// TCP only: CWR belongs on the first frame alone. Without this it belongs on all of them or on
    /// none, as it stands (RFC 9768).
    pub ecn: bool,
}

/// The transport of a superframe.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SuperframeKind {
    /// TCP over IPv4.
    Tcp4,
    /// TCP over IPv6.
    Tcp6,
    /// UDP over either (USO).
    Udp,
}
