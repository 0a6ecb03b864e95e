//! What a worker counts. Plain numbers with a single writer; the shell copies the whole block
//! between two batches, so both conservation equations hold in every copy.

use crate::reason::Drops;

/// One port of this node. What a frame counts on its way in and on its way out comes first: one
/// cache line, since among many ports each that is touched is in no cache.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[repr(C, align(64))]
pub struct PortCounters {
    /// Frames the guest sent; a superframe counts as the frames it stands for.
    pub frames_in: u64,
    /// Bytes of those frames.
    pub bytes_in: u64,
    /// Frames with at least one receiver.
    pub delivered: u64,
    /// Frames answered on behalf of their target (ARP, ND, DAD).
    pub answered: u64,
    /// Frames that policy let pass and nobody was there to hear.
    pub no_receiver: u64,
    /// Copies due to this port.
    pub copies_out: u64,
    /// Copies the port took.
    pub sent: u64,
    /// Bytes of those copies.
    pub bytes_out: u64,
    /// Frames dropped, by reason.
    pub ingress_drops: Drops,
    /// Copies dropped, by reason.
    pub egress_drops: Drops,
    /// Frames routed between hosts by way of the gateway (`hairpin = "gateway"`).
    pub hairpin_routed: u64,
    /// Frames that a peering let pass into another private VLAN.
    pub peering_pass: u64,
    /// Frames that were marked, rather than dropped, in a queue grown too long.
    pub marked: u64,
}

impl PortCounters {
    /// `frames_in = delivered + answered + no_receiver + sum(ingress_drops)` and
    /// `copies_out = sent + sum(egress_drops)`.
    pub fn balanced(&self) -> bool {
        self.frames_in
            == self.delivered + self.answered + self.no_receiver + self.ingress_drops.total()
            && self.copies_out == self.sent + self.egress_drops.total()
    }

    /// Adds another worker's block.
    pub fn merge(&mut self, other: &Self) {
        self.frames_in += other.frames_in;
        self.bytes_in += other.bytes_in;
        self.delivered += other.delivered;
        self.answered += other.answered;
        self.no_receiver += other.no_receiver;
        self.ingress_drops.merge(&other.ingress_drops);
        self.copies_out += other.copies_out;
        self.sent += other.sent;
        self.bytes_out += other.bytes_out;
        self.egress_drops.merge(&other.egress_drops);
        self.hairpin_routed += other.hairpin_routed;
        self.peering_pass += other.peering_pass;
        self.marked += other.marked;
    }
}

/// One peer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PeerCounters {
    /// VXLAN frames that arrived in the peer's tunnel.
    pub frames_in: u64,
    /// Bytes of those frames.
    pub bytes_in: u64,
    /// Frames with at least one receiver here.
    pub delivered: u64,
    /// Frames that policy let pass and nobody was there to hear.
    pub no_receiver: u64,
    /// Frames dropped, by reason.
    pub drops: Drops,
    /// Copies due to the peer.
    pub copies_out: u64,
    /// Frames sealed and handed to the socket.
    pub frames_out: u64,
    /// Bytes of those frames.
    pub bytes_out: u64,
    /// Copies dropped on the way out, by reason.
    pub egress_drops: Drops,
    /// Control messages received.
    pub control_in: u64,
    /// Control messages sent.
    pub control_out: u64,
    /// Of those received, the ones that were too long, or more than a node has to say.
    pub control_refused: u64,
    /// Addresses it said are at its ports, and that were held elsewhere more strongly or earlier.
    pub claims_refused: u64,
    /// Frames that were marked, rather than dropped, in a queue grown too long.
    pub marked: u64,
}

impl PeerCounters {
    /// The peer's side of the two equations.
    pub fn balanced(&self) -> bool {
        self.frames_in == self.delivered + self.no_receiver + self.drops.total()
            && self.copies_out == self.frames_out + self.egress_drops.total()
    }

    /// Adds another worker's block.
    pub fn merge(&mut self, other: &Self) {
        self.frames_in += other.frames_in;
        self.bytes_in += other.bytes_in;
        self.delivered += other.delivered;
        self.no_receiver += other.no_receiver;
        self.drops.merge(&other.drops);
        self.copies_out += other.copies_out;
        self.frames_out += other.frames_out;
        self.bytes_out += other.bytes_out;
        self.egress_drops.merge(&other.egress_drops);
        self.control_in += other.control_in;
        self.control_out += other.control_out;
        self.control_refused += other.control_refused;
        self.claims_refused += other.claims_refused;
        self.marked += other.marked;
    }
}

/// One worker's counts: indexed as the tables it runs.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// The generation whose indices are used.
    pub generation: u64,
    /// Indexed by [`LocalPort`](skerry_policy::LocalPort).
    pub ports: Vec<PortCounters>,
    /// Indexed by [`NodeId`](skerry_policy::NodeId); the node's own place stays empty.
    pub peers: Vec<PeerCounters>,
    /// Datagrams that belong to no peer, by reason.
    pub underlay_drops: Drops,
}
