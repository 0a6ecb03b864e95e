//! All tunnels that a worker owns: lane k of every peer, if it is worker k.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use boringtun::noise::handshake::parse_handshake_anon;
use boringtun::noise::{Packet, Tunn};
use boringtun::x25519::StaticSecret;
use rustc_hash::FxHashMap;
use skerry_policy::NodeId;

use crate::reason::DropReason;
use crate::sink::{Refused, Sink};
use crate::time::Time;
use crate::wg::batch::Pool;
use crate::wg::datagram::{Datagram, Message, Unfit};
use crate::wg::far::Told;
use crate::wg::index::Indices;
use crate::wg::keys::Keys;
use crate::wg::lane::{Lane, Outcome};
use crate::wg::limiter::{Admission, Limiter};
use crate::wg::scratch::Scratch;

/// What came out of a datagram.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Opened<'a> {
    /// An inner IP packet, cut to the length in its own header.
    Packet {
        /// The peer that sealed it.
        node: NodeId,
        /// The packet; not yet known to be VXLAN, nor from the peer's overlay address.
        bytes: &'a [u8],
    },
    /// A handshake, a cookie or a keepalive; nothing is left to do.
    Handled,
    /// Nothing came out, and why. The node is the one whose session the datagram named, which
    /// for anything but [`DropReason::VxlanShort`] proves nothing.
    Dropped(DropReason, Option<NodeId>),
}

impl fmt::Debug for Opened<'_> {
    /// Tells lengths, not what guests say to each other.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packet { node, bytes } => {
                write!(f, "Packet({} bytes of {node:?})", bytes.len())
            }
            Self::Handled => f.write_str("Handled"),
            Self::Dropped(reason, node) => write!(f, "Dropped({}, {node:?})", reason.name()),
        }
    }
}

/// How a tunnel is doing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LaneStatus {
    /// The peer.
    pub node: NodeId,
    /// Where it was last heard, or where policy says it is.
    pub endpoint: Option<SocketAddr>,
    /// How long ago the last handshake was completed.
    pub last_handshake: Option<Duration>,
    /// Whether packets can be sealed now.
    pub has_session: bool,
    /// Handshakes completed since the lane was made.
    pub handshakes: u64,
    /// Lanes that packets can be sealed in now: this one, and in a snapshot those of the other
    /// workers too.
    pub lanes: usize,
}

/// All lanes of a worker.
pub struct Lanes {
    keys: Keys,
    /// By node key, what peers have told of this lane. Lane 0 needs to be told nothing.
    told: FxHashMap<[u8; 32], Told>,
    limiter: Limiter,
    indices: Indices,
    lanes: Vec<Lane>,
    /// Indexed by [`NodeId`].
    by_node: Vec<Option<usize>>,
    /// By the key that handshakes carry.
    by_key: FxHashMap<[u8; 32], usize>,
    /// Lanes with an open batch, in the order the batches were opened.
    open: Vec<usize>,
    pool: Pool,
    /// Where queued packets and handshakes are sealed.
    sealed: Scratch,
    now: Time,
    timeout: Option<Time>,
}

impl fmt::Debug for Lanes {
    /// Names no key and no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes")
            .field("number", &self.keys.number())
            .field("lanes", &self.lanes.len())
            .field("open", &self.open.len())
            .finish_non_exhaustive()
    }
}

impl Lanes {
    /// No lanes yet; `number` says which of every peer they will be. `seed` differs from boot to
    /// boot; it hides the number of peers and spreads sources over buckets, no secret depends on it.
    pub fn new(node: StaticSecret, number: u8, seed: u32) -> Self {
        let keys = Keys::new(node, number);
        Self {
            limiter: Limiter::new(keys.public(), seed),
            keys,
            told: FxHashMap::default(),
            indices: Indices::new(seed, number),
            lanes: Vec::new(),
            by_node: Vec::new(),
            by_key: FxHashMap::default(),
            open: Vec::new(),
            pool: Pool::default(),
            sealed: Scratch::default(),
            now: Time(0),
            timeout: None,
        }
    }

    /// Whether this is lane 0 of every peer, the one that is always there.
    pub const fn is_first(&self) -> bool {
        self.keys.number() == 0
    }

    /// Whether frames for a node are sealed here rather than handed to the first worker: in lane 0
    /// always, in another one while the peer is known to hear.
    pub fn takes(&self, node: NodeId) -> bool {
        let lane = || {
            self.lanes
                .get(self.by_node.get(node.index()).copied().flatten()?)
        };
        self.is_first() || lane().is_some_and(Lane::is_ready)
    }

    /// Seals one inner IP packet, already padded (see [`padded_len`](crate::padded_len)), for a
    /// peer. It leaves with the batch: when that is complete, or with [`Self::flush`]. Without a
    /// session it waits for one, among no more than 256.
    ///
    /// # Errors
    /// [`Refused::Down`] when there is no tunnel to that node or nobody knows where it is;
    /// [`Refused::Full`] when too many packets wait, or this one is too long.
    pub fn seal(
        &mut self,
        now: Time,
        to: NodeId,
        packet: &[u8],
        sink: &mut impl Sink,
    ) -> Result<(), Refused> {
        self.now = now;
        let position = self.by_node.get(to.index()).copied().flatten();
        let position = position.ok_or(Refused::Down)?;
        let was_open = self.lanes.get(position).is_some_and(|l| l.batch.is_open());
        if !was_open && !self.pool.has_room() {
            self.flush(sink);
        }
        let lane = self.lanes.get_mut(position).ok_or(Refused::Down)?;
        let sealed = lane.seal(now, packet, &mut self.pool, sink);
        if !was_open && lane.batch.is_open() {
            self.open.push(position);
        }
        sealed
    }

    /// Sends every open batch.
    pub fn flush(&mut self, sink: &mut impl Sink) {
        for position in self.open.drain(..) {
            if let Some(lane) = self.lanes.get_mut(position) {
                lane.flush(&mut self.pool, sink);
            }
        }
    }

    /// Opens a datagram from the underlay into `room`: whatever it is, there is one outcome, no
    /// panic and no allocation.
    pub fn open<'a>(
        &mut self,
        now: Time,
        from: SocketAddr,
        datagram: &[u8],
        room: &'a mut Scratch,
        sink: &mut impl Sink,
    ) -> Opened<'a> {
        self.now = now;
        let datagram = match Datagram::parse(datagram) {
            Ok(datagram) => datagram,
            Err(Unfit::Garbage) => return Opened::Dropped(DropReason::WgAuth, None),
            Err(Unfit::Exhausted(receiver)) => {
                let node = self.named_by(receiver).map(|(_, node)| node);
                return Opened::Dropped(DropReason::WgReplay, node);
            }
        };
        let (position, node) = match self.lane_of(now, from, &datagram, sink) {
            Ok(found) => found,
            Err(Admission::Cookie) => return Opened::Handled,
            Err(Admission::Granted | Admission::Refused) => {
                return Opened::Dropped(DropReason::WgAuth, None);
            }
        };
        let Some(lane) = self.lanes.get_mut(position) else {
            return Opened::Dropped(DropReason::WgAuth, None);
        };
        match lane.open(now, from, &datagram, room, &mut self.sealed, sink) {
            Outcome::Packet(len) => Opened::Packet {
                node,
                bytes: room.filled(len),
            },
            Outcome::Handled => Opened::Handled,
            Outcome::Dropped(reason) => Opened::Dropped(reason, Some(node)),
        }
    }

    /// Runs the timers that are due.
    pub fn handle_timeout(&mut self, now: Time, sink: &mut impl Sink) {
        self.now = now;
        for lane in &mut self.lanes {
            if lane.due() <= now {
                lane.tick(now, &mut self.sealed, sink);
            }
        }
        self.timeout = self.lanes.iter().map(Lane::due).min();
    }

    /// When [`Self::handle_timeout`] is due; `None` while there are no lanes.
    pub const fn poll_timeout(&self) -> Option<Time> {
        self.timeout
    }

    /// How every tunnel is doing, in the order of the policy's nodes.
    pub fn status(&self) -> impl Iterator<Item = LaneStatus> {
        self.lanes.iter().map(|lane| LaneStatus {
            node: lane.node,
            endpoint: lane.endpoint(),
            last_handshake: lane.established().map(|at| self.now.since(at)),
            has_session: lane.has_session(),
            handshakes: lane.handshakes(),
            lanes: usize::from(lane.has_session() && (self.is_first() || lane.is_ready())),
        })
    }

    /// The lane that a datagram is for; handshakes have to be admitted first.
    fn lane_of(
        &mut self,
        now: Time,
        from: SocketAddr,
        datagram: &Datagram<'_>,
        sink: &mut impl Sink,
    ) -> Result<(usize, NodeId), Admission> {
        let bytes = datagram.bytes();
        let found = match datagram.message() {
            Message::Data(receiver) | Message::Cookie(receiver) => self.named_by(receiver),
            Message::Response(receiver) => {
                let named = self.named_by(receiver).ok_or(Admission::Refused)?;
                self.admit(now, from, bytes, sink)?;
                Some(named)
            }
            Message::Init => {
                self.admit(now, from, bytes, sink)?;
                self.initiator(bytes)
            }
        };
        found.ok_or(Admission::Refused)
    }

    fn admit(
        &mut self,
        now: Time,
        from: SocketAddr,
        handshake: &[u8],
        sink: &mut impl Sink,
    ) -> Result<(), Admission> {
        let at = |lane: &Lane| lane.endpoint().is_some_and(|it| it.ip() == from.ip());
        let lanes = &self.lanes;
        let expected = || lanes.iter().any(at);
        match self.limiter.admit(now, from, handshake, expected, sink) {
            Admission::Granted => Ok(()),
            refusal @ (Admission::Cookie | Admission::Refused) => Err(refusal),
        }
    }

    fn named_by(&self, receiver: u32) -> Option<(usize, NodeId)> {
        let position = self.indices.lane_of(receiver)?;
        Some((position, self.lanes.get(position)?.node))
    }

    /// Who began this handshake: its static key is readable to the holder of the private key.
    fn initiator(&self, bytes: &[u8]) -> Option<(usize, NodeId)> {
        let Packet::HandshakeInit(init) = Tunn::parse_incoming_packet(bytes).ok()? else {
            return None;
        };
        let half = parse_handshake_anon(self.keys.secret(), self.keys.public(), &init).ok()?;
        let position = *self.by_key.get(&half.peer_static_public)?;
        Some((position, self.lanes.get(position)?.node))
    }
}

mod install;
#[cfg(test)]
mod tests;
