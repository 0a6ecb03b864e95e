//! Why an offload header is not believed.

use crate::reason::DropReason;

/// The offload header of a frame contradicts its bytes. Every variant is the one drop reason
/// [`DropReason::OffloadBad`]; they differ for tests and for people.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GsoFault {
    /// The checksum lies outside the frame, or not where the transport header has one.
    ChecksumPlace,
    /// A superframe that neither owes a checksum nor is vouched for (virtio 1.2 section 5.1.6).
    ChecksumUnknown,
    /// One of many messages of DHCP, of which a guard would see the first only.
    Dhcp,
    /// A fragment owes nothing to anyone: its datagram was finished before it was cut.
    Fragment,
    /// The headers are cut short, or a header length is impossible.
    Header,
    /// The IP version is not the one that the ethertype or the kind of superframe names.
    IpVersion,
    /// The length in the IP or UDP header is not the length of the frame.
    Length,
    /// Work is owed on a frame that is neither TCP nor UDP over IP with at most one VLAN tag.
    Protocol,
    /// Frames of this size would be none, or more than any kernel makes of one superframe.
    Size,
    /// SYN and RST are never sent in superframes; ECN is TCP's.
    TcpFlags,
}

impl From<GsoFault> for DropReason {
    fn from(_: GsoFault) -> Self {
        Self::OffloadBad
    }
}
