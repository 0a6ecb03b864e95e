//! The closed list of reasons for which a frame, a copy or a datagram is dropped.
//!
//! The order of [`DropReason`] is the precedence of the pipeline: the first check that fails
//! names the drop. The same value feeds counters, metrics, `explain`, tests and docs.

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// Why something was dropped. Every drop has exactly one.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[repr(u8)]
        pub enum DropReason { $($(#[doc = $doc])+ $variant,)+ }

        impl DropReason {
            /// Every reason, in order of precedence.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name used in counters, metrics and docs.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// One sentence for people.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc,)+),)+ }
            }
        }
    };
}

reasons! {
    /// The datagram is not WireGuard, or its authentication failed.
    WgAuth = "wg_auth",
    /// The datagram's counter was seen before, or is older than the window.
    WgReplay = "wg_replay",
    /// The inner packet's source is not the overlay address of the peer that sealed it.
    OuterSrc = "outer_src",
    /// The tunnel's packet is too short, or not VXLAN over UDP.
    VxlanShort = "vxlan_short",
    /// VXLAN flags are not exactly 0x08, or a reserved bit is set.
    VxlanFlags = "vxlan_flags",
    /// No segment has this VNI.
    VniUnknown = "vni_unknown",
    /// The peer hosts no port of this segment, or not the one that sent.
    VniDenied = "vni_denied",
    /// The underlay was congested, which a packet without ECN cannot tell (RFC 6040 section 4.2).
    Congestion = "congestion",
    /// The frame inside the tunnel carries a VLAN tag (RFC 7348 section 6.1).
    InnerVlan = "inner_vlan",
    /// A peer's frame uses a MAC that is bound or pinned elsewhere.
    PeerMacSpoof = "peer_mac_spoof",
    /// The port is down.
    PortDown = "port_down",
    /// An offload header contradicts the frame's bytes.
    OffloadBad = "offload_bad",
    /// Shorter than an Ethernet header.
    Runt = "runt",
    /// Longer than the port's MTU.
    Oversize = "oversize",
    /// The source MAC is zero or a group address.
    BadSrcMac = "bad_src_mac",
    /// The destination MAC is zero.
    BadDstMac = "bad_dst_mac",
    /// A link-local control protocol (STP, LLDP, PAUSE, EAPOL, CDP, MACsec, ...).
    L2Reserved = "l2_reserved",
    /// More than one VLAN tag.
    VlanStacked = "vlan_stacked",
    /// A VLAN tag on an access port.
    VlanTagged = "vlan_tagged",
    /// A VLAN tag that the trunk does not map.
    VlanUnmapped = "vlan_unmapped",
    /// An untagged frame on a trunk.
    VlanUntagged = "vlan_untagged",
    /// An 802.3 length instead of an Ethernet II type.
    Llc = "llc",
    /// An ethertype that the port may not send.
    Ethertype = "ethertype",
    /// The source MAC is bound, or learned on a promiscuous port, elsewhere.
    MacSpoof = "mac_spoof",
    /// The port already uses as many source MACs as it may.
    MacLimit = "mac_limit",
    /// The source MAC is in use at another place of equal strength.
    MacMove = "mac_move",
    /// The source MAC moved too often and is frozen (RFC 7432 section 15.1).
    MacDup = "mac_dup",
    /// Malformed ARP.
    ArpBad = "arp_bad",
    /// ARP that claims an address not bound to the sender.
    ArpSpoof = "arp_spoof",
    /// Malformed IP.
    BadIp = "bad_ip",
    /// A source IP that is not bound to the port.
    IpSpoof = "ip_spoof",
    /// A first fragment without its transport header.
    FragBad = "frag_bad",
    /// An IPv6 header chain that is incomplete or has an unknown link (RFC 7113).
    V6Chain = "v6_chain",
    /// A router advertisement from a port that is no router.
    RaGuard = "ra_guard",
    /// Neighbour discovery that claims an address not bound to the sender.
    NdSpoof = "nd_spoof",
    /// A DHCP server message from a port that is no server.
    DhcpServer = "dhcp_server",
    /// A DHCP client message for another hardware address.
    DhcpSpoof = "dhcp_spoof",
    /// A multicast query from a host.
    RogueQuerier = "rogue_querier",
    /// The port joined as many groups as it may, or reports changes too often.
    GroupLimit = "group_limit",
    /// A host sends a neighbour's traffic, or a packet that names its next hop, to the gateway.
    HairpinUp = "hairpin_up",
    /// The gateway returns a neighbour's traffic to a host.
    HairpinDown = "hairpin_down",
    /// An ICMP or ND redirect inside the private VLAN.
    IcmpRedirect = "icmp_redirect",
    /// More broadcasts a second than the port may send, or more copies than the private VLAN may make.
    StormBcast = "storm_bcast",
    /// More multicasts a second than the port may send, or more copies than the private VLAN may make.
    StormMcast = "storm_mcast",
    /// More unknown unicasts a second than the port may send, or more copies than the private VLAN may make.
    StormUnknown = "storm_unknown",
    /// More bits a second than the port may send.
    Rate = "rate",
    /// A TCP segment that waited in a queue grown too long: its sender is to slow down.
    QueueLong = "queue_long",
    /// The private VLAN's matrix denies the pair.
    PvlanDeny = "pvlan_deny",
    /// A frame to a peering's address that the peering does not let pass.
    PeeringDeny = "peering_deny",
    /// From a tunnel to a tunnel.
    SplitHorizon = "split_horizon",
    /// An unknown unicast where flooding it is off.
    UnknownDrop = "unknown_drop",
    /// The copy is longer than the egress port's MTU, or than the path to the peer carries.
    EgressMtu = "egress_mtu",
    /// The egress port, or the tunnel towards the peer, takes no more.
    EgressFull = "egress_full",
    /// The egress port is down, or the peer cannot be reached.
    EgressDown = "egress_down",
}

impl DropReason {
    /// Somebody tried what is not allowed: every guard's and every isolation's reason, as opposed to
    /// a malformed frame, a limit and a full queue. What an alarm is made of.
    pub const fn is_violation(self) -> bool {
        matches!(
            self,
            Self::OuterSrc
                | Self::VniDenied
                | Self::PeerMacSpoof
                | Self::MacSpoof
                | Self::ArpSpoof
                | Self::IpSpoof
                | Self::RaGuard
                | Self::NdSpoof
                | Self::DhcpServer
                | Self::DhcpSpoof
                | Self::RogueQuerier
                | Self::HairpinUp
                | Self::HairpinDown
                | Self::IcmpRedirect
                | Self::PvlanDeny
                | Self::PeeringDeny
        )
    }

    /// Only what comes out of a tunnel is dropped for it, or what never got into one.
    pub const fn is_of_tunnels(self) -> bool {
        (self as u8) < (Self::PortDown as u8)
    }
}

/// How many reasons there are.
pub const REASONS: usize = DropReason::ALL.len();

/// One counter per reason. Behind a pointer, so that what every frame counts lies together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Drops(Box<[u64; REASONS]>);

impl Default for Drops {
    fn default() -> Self {
        Self(Box::new([0; REASONS]))
    }
}

impl Drops {
    /// Counts one.
    pub fn count(&mut self, reason: DropReason) {
        self.add(reason, 1);
    }

    /// Counts `n`.
    pub fn add(&mut self, reason: DropReason, n: u64) {
        if let Some(counter) = self.0.get_mut(reason as usize) {
            *counter = counter.saturating_add(n);
        }
    }

    /// How many had this reason.
    pub fn get(&self, reason: DropReason) -> u64 {
        self.0.get(reason as usize).copied().unwrap_or(0)
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Adds another block's counts, reason by reason.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0.iter()) {
            *mine = mine.saturating_add(*theirs);
        }
    }

    /// The reasons that occurred, with their counts, in order of precedence.
    pub fn iter(&self) -> impl Iterator<Item = (DropReason, u64)> {
        DropReason::ALL
            .iter()
            .copied()
            .zip(self.0.iter().copied())
            .filter(|&(_, n)| n > 0)
    }
}
