//! One tunnel to one peer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use boringtun::noise::errors::WireGuardError;
use boringtun::noise::rate_limiter::RateLimiter;
use boringtun::noise::{Tunn, TunnResult};
use boringtun::x25519::PublicKey;
use skerry_policy::{Node, NodeId};

use crate::reason::DropReason;
use crate::sink::{Refused, Sink, Transmit};
use crate::time::Time;
use crate::wg::batch::{BYTES_MAX, Batch, Pool};
use crate::wg::datagram::{Datagram, Message, counter, is_data, is_init};
use crate::wg::far::Far;
use crate::wg::keys::Keys;
use crate::wg::retry::Retry;
use crate::wg::scratch::Scratch;
use crate::wg::{OVERHEAD, REJECT_AFTER_MESSAGES};
use crate::wire::ecn::Ecn;

/// How often boringtun's timers are looked at.
pub(super) const TICK: Duration = Duration::from_millis(250);
/// Packets that boringtun keeps while there is no session.
const QUEUE_MAX: usize = 256;
/// Seconds between keepalives.
const KEEPALIVE: u16 = 25;
/// A peer that runs Skerry speaks once a second. After this long of talking to a silent one it
/// has forgotten the session, and may not know where to reach this node.
const SILENCE: Duration = Duration::from_secs(3);
/// Nobody says Hello in another lane than the first: what is heard there is answered after so long,
/// if there was nothing to say meanwhile, so that the other end knows that it is heard.
const ANSWER: Duration = Duration::from_secs(1);

/// What became of a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// An inner packet of this length lies at the start of the buffer it was opened into.
    Packet(usize),
    /// A handshake, a cookie or a keepalive.
    Handled,
    Dropped(DropReason),
}

/// What a lane needs to know of its own node.
pub(super) struct Identity<'a> {
    pub(super) keys: &'a Keys,
    pub(super) limiter: Arc<RateLimiter>,
}

/// A tunnel, its endpoint, and what waits to be sent through it.
pub(super) struct Lane {
    pub(super) node: NodeId,
    /// The node's key: who the peer is, in every lane.
    pub(super) key: [u8; 32],
    /// The key of its end of this lane: what its handshakes carry. The node's own in lane 0.
    pub(super) far_key: [u8; 32],
    pub(super) index: u32,
    pub(super) batch: Batch,
    tunn: Box<Tunn>,
    endpoint: Option<SocketAddr>,
    configured: Option<SocketAddr>,
    boot: Option<u64>,
    runs_skerry: bool,
    /// It is lane 0, which has Hellos.
    first: bool,
    /// What is sealed now is heard, as far as is known.
    ready: bool,
    /// The peer has started anew since the last handshake.
    forgotten: bool,
    /// Since when something that was heard waits for an answer.
    owes: Option<Time>,
    /// Packets waiting in boringtun for a session, or more.
    queued: usize,
    /// The first so many of them were queued under a policy that runs no more, and are never sent.
    void: usize,
    /// When boringtun's timers are due.
    tick: Time,
    /// Added once, so that lanes made together do not tick together.
    stagger: Duration,
    retry: Retry,
    /// Since when this end has been talking without hearing anything.
    unanswered: Option<Time>,
    established: Option<Time>,
    handshakes: u64,
}

impl Lane {
    pub(super) fn new(
        now: Time,
        me: &Identity<'_>,
        node: &Node,
        far: &Far,
        shared: Option<&[u8; 32]>,
        index: u32,
        stagger: Duration,
    ) -> Self {
        let keepalive = keeps_alive(me.keys.node_public(), node).then_some(KEEPALIVE);
        let tunn = Tunn::new(
            me.keys.secret().clone(),
            PublicKey::from(far.key),
            shared.copied(),
            keepalive,
            index,
            Some(Arc::clone(&me.limiter)),
        );
        Self {
            node: node.id,
            key: node.key,
            far_key: far.key,
            index,
            batch: Batch::default(),
            tunn: Box::new(tunn),
            endpoint: far.endpoint,
            configured: far.endpoint,
            boot: far.boot,
            runs_skerry: node.stock.is_none(),
            first: me.keys.number() == 0,
            ready: false,
            forgotten: false,
            owes: None,
            queued: 0,
            void: 0,
            tick: now,
            stagger,
            retry: Retry::new(),
            unanswered: None,
            established: None,
            handshakes: 0,
        }
    }

    /// What waits for a session was let in under a policy that runs no more. boringtun has no way to
    /// forget it, and a new tunnel in place of this one would take a recorded handshake for a new
    /// one: so it is not sent when its turn comes.
    pub(super) const fn void(&mut self) {
        self.void = self.queued;
    }

    /// Takes what a new policy, or the peer, says about the same keys; the session stays.
    pub(super) fn adopt(&mut self, node: &Node, far: &Far) {
        self.node = node.id;
        self.runs_skerry = node.stock.is_none();
        if far.endpoint != self.configured {
            self.configured = far.endpoint;
            self.endpoint = far.endpoint.or(self.endpoint);
        }
        if far.boot != self.boot {
            self.boot = far.boot;
            self.forgotten = true;
            self.ready = false;
            self.retry.reset();
        }
    }

    /// Seals one inner packet into the batch; sends the batch when it is complete.
    pub(super) fn seal(
        &mut self,
        now: Time,
        packet: &[u8],
        pool: &mut Pool,
        sink: &mut impl Sink,
    ) -> Result<(), Refused> {
        let to = self.endpoint.ok_or(Refused::Down)?;
        let len = packet.len() + OVERHEAD;
        if len > BYTES_MAX || self.queued >= QUEUE_MAX {
            return Err(Refused::Full);
        }
        let ecn = self.outer_ecn(packet);
        if !self.batch.takes(len, ecn) {
            self.batch.send(Some(to), sink);
        }
        match self.tunn.encapsulate(packet, self.batch.room(pool)) {
            TunnResult::WriteToNetwork(sealed) if is_data(sealed) => {
                if counter(sealed).is_none_or(|counter| counter >= REJECT_AFTER_MESSAGES) {
                    return Err(Refused::Down);
                }
                if self.batch.push(len, ecn) {
                    self.batch.send(Some(to), sink);
                }
                self.unanswered.get_or_insert(now);
                self.owes = None;
            }
            // No session: the packet is queued, and a handshake may begin.
            TunnResult::WriteToNetwork(init) => {
                transmit(self.endpoint, init, sink);
                self.retry.tried(now);
                self.queued += 1;
            }
            TunnResult::Done => self.queued += 1,
            // It may be queued in spite of the error, and counts as if it were.
            TunnResult::Err(_)
            | TunnResult::WriteToTunnelV4(..)
            | TunnResult::WriteToTunnelV6(..) => {
                self.queued += 1;
                return Err(Refused::Down);
            }
        }
        Ok(())
    }

    /// What the datagram says of congestion that carries this packet (RFC 6040 section 4.1). Nothing
    /// on the way to a stock peer: not every WireGuard takes a mark off again (wireguard-go does
    /// not), and where a mark would be lost a router has to drop (section 4.3).
    fn outer_ecn(&self, packet: &[u8]) -> Ecn {
        if self.runs_skerry {
            Ecn::of_packet(packet)
        } else {
            Ecn::NotEct
        }
    }

    /// Sends the open batch and returns its buffer.
    pub(super) fn flush(&mut self, pool: &mut Pool, sink: &mut impl Sink) {
        self.batch.send(self.endpoint, sink);
        self.batch.close(pool);
    }

    /// Opens a datagram that names this lane. Nothing has been authenticated yet.
    pub(super) fn open(
        &mut self,
        now: Time,
        from: SocketAddr,
        datagram: &Datagram<'_>,
        opened: &mut Scratch,
        sealed: &mut Scratch,
        sink: &mut impl Sink,
    ) -> Outcome {
        let room = opened.room_for(datagram);
        let result = self
            .tunn
            .decapsulate(Some(from.ip()), datagram.bytes(), room);
        match (datagram.message(), result) {
            (
                Message::Data(_),
                TunnResult::WriteToTunnelV4(packet, _) | TunnResult::WriteToTunnelV6(packet, _),
            ) => {
                let len = packet.len();
                self.owes.get_or_insert(now);
                self.heard(now, from, sealed, sink);
                Outcome::Packet(len)
            }
            (Message::Data(_), TunnResult::Done) => {
                self.heard(now, from, sealed, sink);
                Outcome::Handled
            }
            // The tag was right and what is inside is not IP.
            (Message::Data(_), TunnResult::Err(WireGuardError::InvalidPacket)) => {
                self.heard(now, from, sealed, sink);
                Outcome::Dropped(DropReason::VxlanShort)
            }
            (Message::Init, TunnResult::WriteToNetwork(response)) => {
                let len = response.len();
                self.moved(from, sink);
                transmit(self.endpoint, opened.filled(len), sink);
                self.shaken(now);
                self.retry.defer(now);
                Outcome::Handled
            }
            (Message::Response(_), TunnResult::WriteToNetwork(keepalive)) => {
                let len = keepalive.len();
                self.moved(from, sink);
                transmit(self.endpoint, opened.filled(len), sink);
                self.shaken(now);
                self.heard(now, from, sealed, sink);
                Outcome::Handled
            }
            (Message::Cookie(_), TunnResult::Done) => Outcome::Handled,
            (_, TunnResult::Err(error)) => Outcome::Dropped(reason_of(&error)),
            (_, _) => Outcome::Dropped(DropReason::WgAuth),
        }
    }

    /// When [`Self::tick`] is due.
    pub(super) const fn due(&self) -> Time {
        self.tick
    }

    /// Runs boringtun's timers, which know nothing of a policy that wants the tunnel up.
    pub(super) fn tick(&mut self, now: Time, sealed: &mut Scratch, sink: &mut impl Sink) {
        self.tick = now + TICK + std::mem::take(&mut self.stagger);
        match self.tunn.update_timers(sealed.all()) {
            TunnResult::WriteToNetwork(bytes) => {
                if is_init(bytes) {
                    self.retry.tried(now);
                }
                transmit(self.endpoint, bytes, sink);
            }
            TunnResult::Err(_) => self.gave_up(),
            TunnResult::Done
            | TunnResult::WriteToTunnelV4(..)
            | TunnResult::WriteToTunnelV6(..) => {}
        }
        self.ready &= !self.wants_handshake(now);
        self.answer(now, sealed, sink);
        self.persist(now, sealed, sink);
    }

    /// Lets the other end know that it is heard, with an empty packet (WireGuard paper, section
    /// 6.5), where nothing else does.
    fn answer(&mut self, now: Time, sealed: &mut Scratch, sink: &mut impl Sink) {
        let due = self.owes.is_some_and(|since| now.since(since) >= ANSWER);
        if self.first || !due || !self.has_session() {
            return;
        }
        self.owes = None;
        if let TunnResult::WriteToNetwork(empty) = self.tunn.encapsulate(&[], sealed.all()) {
            transmit(self.endpoint, empty, sink);
        }
    }

    /// boringtun has stopped trying and emptied its queue; it says so at every tick from then
    /// on. The peer may be back where policy says it is.
    fn gave_up(&mut self) {
        (self.queued, self.void) = (0, 0);
        self.endpoint = self.configured.or(self.endpoint);
    }

    /// Begins a handshake where there should be a session and is none.
    fn persist(&mut self, now: Time, sealed: &mut Scratch, sink: &mut impl Sink) {
        if self.endpoint.is_some() && self.wants_handshake(now) && self.retry.due(now) {
            self.initiate(now, sealed, sink);
        }
    }

    pub(super) fn has_session(&self) -> bool {
        self.tunn.time_since_last_handshake().is_some()
    }

    /// Whether what is sealed now is heard, as far as is known: something authentic has come
    /// through the session, and what was said since has not gone unanswered. Costs no clock.
    pub(super) const fn is_ready(&self) -> bool {
        self.ready
    }

    pub(super) const fn endpoint(&self) -> Option<SocketAddr> {
        self.endpoint
    }

    pub(super) const fn established(&self) -> Option<Time> {
        self.established
    }

    pub(super) const fn handshakes(&self) -> u64 {
        self.handshakes
    }

    fn wants_handshake(&self, now: Time) -> bool {
        let forgotten = self
            .unanswered
            .is_some_and(|since| self.runs_skerry && now.since(since) >= SILENCE);
        forgotten || self.forgotten || !self.has_session()
    }

    fn initiate(&mut self, now: Time, sealed: &mut Scratch, sink: &mut impl Sink) {
        let init = self.tunn.format_handshake_initiation(sealed.all(), true);
        if let TunnResult::WriteToNetwork(init) = init {
            transmit(self.endpoint, init, sink);
        }
        self.retry.tried(now);
    }

    /// A handshake was completed by this end.
    fn shaken(&mut self, now: Time) {
        self.established = Some(now);
        self.forgotten = false;
        self.handshakes += 1;
    }

    /// Something authentic of a live session came from there.
    fn heard(&mut self, now: Time, from: SocketAddr, sealed: &mut Scratch, sink: &mut impl Sink) {
        self.moved(from, sink);
        self.ready = !self.forgotten;
        self.unanswered = None;
        self.retry.reset();
        if self.queued > 0 {
            self.drain(sealed, sink);
            self.unanswered = Some(now);
        }
    }

    /// Follows an authenticated peer. What was sealed before still goes to the old place.
    fn moved(&mut self, from: SocketAddr, sink: &mut impl Sink) {
        if self.endpoint != Some(from) {
            self.batch.send(self.endpoint, sink);
            self.endpoint = Some(from);
        }
    }

    /// Sends what boringtun queued while there was no session, but for what is void.
    fn drain(&mut self, sealed: &mut Scratch, sink: &mut impl Sink) {
        for _ in 0..=QUEUE_MAX {
            let queued = self.tunn.decapsulate(None, &[], sealed.all());
            let TunnResult::WriteToNetwork(packet) = queued else {
                break;
            };
            // boringtun's own keepalives wait among them, empty and not counted.
            if self.void > 0 && packet.len() > OVERHEAD {
                self.void -= 1;
                continue;
            }
            transmit(self.endpoint, packet, sink);
        }
        (self.queued, self.void) = (0, 0);
    }
}

/// Whether this end keeps the tunnel alive. Between two nodes that run Skerry one of them does, and
/// the keys say which. What a stock kernel was told nobody here knows: towards one this end does.
fn keeps_alive(me: &PublicKey, node: &Node) -> bool {
    node.stock.is_some() || *me.as_bytes() < node.key
}

/// Sends one datagram, if it is known where to.
fn transmit(to: Option<SocketAddr>, bytes: &[u8], sink: &mut impl Sink) {
    if let Some(to) = to {
        sink.transmit(Transmit {
            to,
            bytes,
            size: bytes.len(),
            ecn: Ecn::NotEct,
        });
    }
}

fn reason_of(error: &WireGuardError) -> DropReason {
    match error {
        WireGuardError::InvalidCounter
        | WireGuardError::DuplicateCounter
        | WireGuardError::WrongTai64nTimestamp => DropReason::WgReplay,
        WireGuardError::DestinationBufferTooSmall
        | WireGuardError::IncorrectPacketLength
        | WireGuardError::UnexpectedPacket
        | WireGuardError::WrongPacketType
        | WireGuardError::WrongIndex
        | WireGuardError::WrongKey
        | WireGuardError::InvalidTai64nTimestamp
        | WireGuardError::InvalidMac
        | WireGuardError::InvalidAeadTag
        | WireGuardError::InvalidPacket
        | WireGuardError::NoCurrentSession
        | WireGuardError::LockFailed
        | WireGuardError::ConnectionExpired
        | WireGuardError::UnderLoad => DropReason::WgAuth,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wg::limiter::Limiter;
    use crate::wg::testing::{Wire, address, fabric, id, node_line, reachable, secret};

    fn lane(me: &str, peer: &str) -> Lane {
        lane_to(&reachable(peer), me, peer)
    }

    fn lane_to(line: &str, me: &str, peer: &str) -> Lane {
        let keys = Keys::new(secret(me), 0);
        let fabric = fabric(&[reachable(me), line.to_owned()]);
        let identity = Identity {
            keys: &keys,
            limiter: Limiter::new(keys.public(), 1).for_lanes(),
        };
        let node = &fabric.nodes[id(&fabric, peer).index()];
        let far = Far::listed(node);
        Lane::new(Time(0), &identity, node, &far, None, 0x1200, Duration::ZERO)
    }

    #[test]
    fn one_end_of_a_tunnel_keeps_it_alive() {
        let (a, b) = (lane("n1", "n2"), lane("n2", "n1"));
        assert!(b.key < a.key, "the peer of the second has the lower key");
        assert_eq!(a.tunn.persistent_keepalive(), Some(25));
        assert_eq!(b.tunn.persistent_keepalive(), None);
    }

    #[test]
    fn a_tunnel_to_a_stock_kernel_is_kept_alive_from_here() {
        let stock = |home: &str| format!(", stock = \"edge\", home = \"{home}\"");
        for (me, peer) in [("n1", "n2"), ("n2", "n1")] {
            let lane = lane_to(&node_line(peer, &stock(me)), me, peer);
            assert_eq!(lane.tunn.persistent_keepalive(), Some(25), "{me} to {peer}");
        }
    }

    #[test]
    fn a_tunnel_that_boringtun_gave_up_is_begun_again_where_policy_says() {
        let (mut lane, mut wire) = (lane("n1", "n2"), Wire::default());
        let mut sealed = Scratch::default();
        lane.endpoint = Some("198.51.100.9:9".parse().unwrap());
        lane.queued = QUEUE_MAX;
        lane.gave_up();
        let mut sent = Vec::new();
        for second in 0..70 {
            lane.persist(Time(second * 1_000_000_000), &mut sealed, &mut wire);
            for (to, init) in wire.take() {
                assert_eq!((to, init[0]), (address("n2"), 1));
                sent.push(second);
            }
        }
        assert_eq!(sent, [0, 1, 3, 7, 15, 31, 61]);
        let mut pool = Pool::default();
        assert_eq!(
            lane.seal(Time(0), &[0x45; 32], &mut pool, &mut wire),
            Ok(())
        );
    }

    #[test]
    fn a_roamed_peer_without_a_configured_endpoint_keeps_the_last_one() {
        let mut lane = lane("n1", "n2");
        let fabric = fabric(&[reachable("n1"), node_line("n2", "")]);
        let node = &fabric.nodes[id(&fabric, "n2").index()];
        lane.adopt(node, &Far::listed(node));
        lane.gave_up();
        assert_eq!(lane.endpoint, Some(address("n2")));
    }
}
