//! Datagrams for a tunnel that is up: whatever was not sealed by the peer is dropped, and what
//! was opened once is not opened again.

use std::cell::RefCell;
use std::net::SocketAddr;

use blake2::digest::consts::U16;
use blake2::digest::{KeyInit, Mac as _};
use blake2::{Blake2s256, Blake2sMac, Digest as _};
use skerry_policy::{LocalPort, NodeId};
use x25519_dalek::PublicKey;

use super::script::Script;
use super::site;
use crate::claim::Claim;
use crate::frame::Frame;
use crate::reason::DropReason;
use crate::sink::{Onward, Refused, Sink, Transmit};
use crate::time::Time;
use crate::wg::{Lanes, Opened, Scratch, padded_len};

/// boringtun's sessions end by the real clock; long before that the pair is made anew.
const INPUTS_PER_PAIR: u32 = 20_000;

/// What lanes send.
#[derive(Default)]
pub(super) struct Wire(pub(super) Vec<Vec<u8>>);

impl Sink for Wire {
    fn deliver(&mut self, port: LocalPort, _: Frame<'_>) -> Result<(), Refused> {
        panic!("lanes deliver nothing: {port:?}")
    }

    fn transmit(&mut self, datagrams: Transmit<'_>) {
        let each = datagrams.bytes.chunks(datagrams.size);
        self.0.extend(each.map(<[u8]>::to_vec));
    }

    fn handoff(&mut self, to: Onward, _: Frame<'_>) -> Result<(), Refused> {
        panic!("lanes hand nothing over: {to:?}")
    }

    fn control(&mut self, from: NodeId, _: SocketAddr, _: &[u8]) {
        panic!("lanes know no control messages: {from:?}")
    }

    fn claim(&mut self, claim: Claim) {
        panic!("lanes learn nothing: {claim:?}")
    }
}

/// Nodes 1 and 3 of the site, with their tunnel established.
struct Pair {
    near: Lanes,
    far: Lanes,
    now: Time,
    used: u32,
}

thread_local! {
    static PAIR: RefCell<Option<Pair>> = const { RefCell::new(None) };
}

/// Bytes as they come, and real datagrams with a few bytes written over.
pub fn wireguard(bytes: &[u8]) {
    PAIR.with_borrow_mut(|slot| {
        if slot
            .as_ref()
            .is_none_or(|pair| pair.used >= INPUTS_PER_PAIR)
        {
            *slot = Some(Pair::new());
        }
        let pair = slot.as_mut().expect("made above");
        pair.used += 1;
        // The buckets for handshakes fill up again.
        pair.now.0 += 1_000_000_000;
        pair.run(&mut Script::new(bytes));
    });
}

/// The identifier of a node of the site.
pub(super) fn id(node: usize) -> NodeId {
    let fabric = site::fabric(0);
    fabric
        .node_named(&format!("n{node}"))
        .expect("a node of the site")
}

impl Pair {
    fn new() -> Self {
        let fabric = site::fabric(0);
        let now = Time(1);
        let lanes = |node: usize| {
            let mut lanes = Lanes::new(site::secret(node), 0, 7);
            lanes.install(now, &fabric, id(node));
            lanes
        };
        let mut pair = Self {
            near: lanes(1),
            far: lanes(3),
            now,
            used: 0,
        };
        let init = pair.init();
        let response = pair.near_opens(&init).1.pop().expect("a response");
        let keepalive = pair.far_opens(&response).pop().expect("a keepalive");
        assert_eq!(pair.near_opens(&keepalive).0, Ok(None), "the tunnel is up");
        pair
    }

    fn run(&mut self, script: &mut Script<'_>) {
        match script.byte() % 4 {
            0 => self.garbage(script.rest()),
            1 => self.handshake(script),
            _ => self.data(script),
        }
    }

    /// Bytes that nobody sealed.
    fn garbage(&mut self, bytes: &[u8]) {
        let (outcome, sent) = self.near_opens(bytes);
        assert!(outcome.is_err(), "{outcome:?}");
        assert_eq!(sent, Vec::<Vec<u8>>::new(), "garbage is not answered");
    }

    fn data(&mut self, script: &mut Script<'_>) {
        let length = usize::from(script.byte());
        let mut packet = script.bytes(length).to_vec();
        let ip = script.coin();
        if ip {
            packet.splice(
                ..0,
                [
                    0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 100, 64, 0, 3, 100, 64, 0, 1,
                ],
            );
        }
        packet.resize(padded_len(packet.len()), 0);
        let mut wire = Wire::default();
        self.far
            .seal(self.now, id(1), &packet, &mut wire)
            .expect("a session");
        self.far.flush(&mut wire);
        let sealed = wire.0.pop().expect("one datagram");
        let mut edited = sealed.clone();
        if script.edit(&mut edited) {
            let (outcome, sent) = self.near_opens(&edited);
            assert!(outcome.is_err(), "forged: {outcome:?}");
            assert_eq!(sent.len(), 0);
        }
        match self.near_opens(&sealed).0 {
            Ok(Some(length)) => assert_eq!(Some(length), length_of(&packet)),
            Ok(None) => assert!(packet.is_empty(), "a keepalive"),
            Err(DropReason::VxlanShort) => assert!(!ip, "not an IP packet"),
            Err(other) => panic!("{other:?} of {packet:02x?}"),
        }
        let again = self.near_opens(&sealed).0;
        assert_eq!(again, Err(DropReason::WgReplay));
    }

    /// A made up handshake comes to nothing, be its first MAC right or wrong: anyone who knows
    /// the public key can make it right.
    fn handshake(&mut self, script: &mut Script<'_>) {
        const INIT: usize = 148;
        const RESPONSE: usize = 92;
        const COOKIE: usize = 64;
        let (kind, length) = script.one_of(&[(1, INIT), (2, RESPONSE), (3, COOKIE)]);
        let right = script.coin();
        let mut bytes = vec![kind, 0, 0, 0];
        bytes.extend(script.rest());
        bytes.resize(length, 0);
        if right && length != COOKIE {
            let mac = first_mac(&bytes[..length - 32]);
            bytes[length - 32..length - 16].copy_from_slice(&mac);
            return self.knock(&bytes);
        }
        self.garbage(&bytes);
    }

    /// A handshake of somebody who knows the public key and nothing else: refused or, when there
    /// have been too many lately, answered with a cookie.
    fn knock(&mut self, bytes: &[u8]) {
        let (outcome, sent) = self.near_opens(bytes);
        match (&outcome, &sent[..]) {
            (Err(_), []) => {}
            (Ok(None), [cookie]) => assert_eq!((cookie[0], cookie.len()), (3, 64)),
            other => panic!("{other:?}"),
        }
    }

    fn init(&mut self) -> Vec<u8> {
        let mut wire = Wire::default();
        self.far.handle_timeout(self.now, &mut wire);
        let init = wire.0.into_iter().find(|bytes| bytes.first() == Some(&1));
        init.expect("a fresh lane begins a handshake")
    }

    /// `Ok(Some(length))` for a packet, `Ok(None)` when handled; and what was sent in answer.
    fn near_opens(&mut self, bytes: &[u8]) -> (Result<Option<usize>, DropReason>, Vec<Vec<u8>>) {
        let mut wire = Wire::default();
        let mut room = Scratch::default();
        let outcome = match self
            .near
            .open(self.now, site::endpoint(3), bytes, &mut room, &mut wire)
        {
            Opened::Packet { node, bytes } => {
                assert_eq!(node, id(3));
                Ok(Some(bytes.len()))
            }
            Opened::Handled => Ok(None),
            Opened::Dropped(reason, _) => Err(reason),
        };
        (outcome, wire.0)
    }

    fn far_opens(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut wire = Wire::default();
        let mut room = Scratch::default();
        let opened = self
            .far
            .open(self.now, site::endpoint(1), bytes, &mut room, &mut wire);
        assert_eq!(opened, Opened::Handled);
        wire.0
    }
}

/// What an IP packet says of its length, which may be shorter than a header.
fn length_of(packet: &[u8]) -> Option<usize> {
    let word = |at: usize| usize::from(u16::from_be_bytes([packet[at], packet[at + 1]]));
    match packet.first()? >> 4 {
        4 => Some(word(2)),
        6 => Some(40 + word(4)),
        _ => None,
    }
}

/// What proves that a sender knows whom it talks to (WireGuard paper, section 5.4.4).
fn first_mac(message: &[u8]) -> [u8; 16] {
    let public = PublicKey::from(&site::secret(1));
    let key = Blake2s256::new()
        .chain_update(b"mac1----")
        .chain_update(public.as_bytes());
    let key = key.finalize();
    let mac = <Blake2sMac<U16> as KeyInit>::new_from_slice(&key).expect("32 bytes are a key");
    mac.chain_update(message).finalize().into_bytes().into()
}
