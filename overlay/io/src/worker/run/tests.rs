//! A worker's turns, without a thread: what rings hold is taken, and the worker does not wait before
//! that is so.

use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustix::event::{EventfdFlags, eventfd};
use skerry_overlay::{
    Checksum, Ecn, Joins, Offload, Refused, Setup, Superframe, SuperframeKind, Transmit,
};
use skerry_policy::{LocalPort, NodeId, Source, Tables};
use tokio::sync::{mpsc, oneshot};
use x25519_dalek::{PublicKey, StaticSecret};

use super::*;
use crate::command::{Attachment, Command};
use crate::port::{Capabilities, Superframes, TxHalf};
use crate::snapshot::ShellCounters;
use crate::switch::{OffloadSwitches, Switch};
use crate::worker::handle::Seat;
use crate::worker::handoff::{Giver, pair};
use crate::worker::outlets::Outlets;

/// One node with one port.
fn tables(generation: u64) -> Arc<Tables> {
    let key = PublicKey::from(&StaticSecret::from([1; 32]));
    let key = BASE64_STANDARD.encode(key.as_bytes());
    let text = format!(
        "version = 1\n[node]\nn1 = {{ key = \"{key}\", overlay = \"100.64.0.1\" }}\n\
         [pvlan.blue]\nprimary = 100\nisolated = 101\n\
         [port.n1]\na = {{ as = \"blue.isolated\" }}\n"
    );
    let checked = skerry_policy::check(&Source {
        name: "site.toml".to_owned(),
        text,
    });
    let fabric = checked.fabric.unwrap();
    Arc::new(fabric.tables_for(NodeId(0), generation))
}

/// The first of three workers, the others' ends of its rings, and where its orders come from.
struct Bench {
    worker: Loop,
    givers: Vec<Giver>,
    _orders: SyncSender<Command>,
    _events: mpsc::Receiver<Event>,
}

fn bench() -> Bench {
    bench_on(None)
}

fn bench_on(underlay: Option<Underlay>) -> Bench {
    let seat = Seat::new().unwrap();
    let (givers, takers) = [(); 2].map(|()| pair(seat.bell())).into_iter().unzip();
    let ((orders, inbox), clock) = (seat.split(), Clock::start());
    let (events, heard) = mpsc::channel(16);
    let setup = Setup {
        tables: tables(1),
        secret: StaticSecret::from([1; 32]),
        worker: 0,
        owns_lanes: true,
        seed: 1,
        age: Duration::from_secs(300),
        fdb_limit: 1024,
        joins: Joins::Nothing,
        shares: true,
    };
    let shell = Shell {
        worker: 0,
        generation: 1,
        outlets: Outlets::default(),
        underlay,
        giver: None,
        events,
        counters: ShellCounters::default(),
    };
    let forwarder = Forwarder::new(clock.now(), setup);
    Bench {
        worker: Loop::new(clock, forwarder, shell, inbox, takers).unwrap(),
        givers,
        _orders: orders,
        _events: heard,
    }
}

impl Bench {
    fn give(&mut self, giver: usize, generation: u64, frames: usize) {
        for _ in 0..frames {
            self.give_one(giver, generation, Frame::plain(&[7; 60]));
        }
    }

    fn give_one(&mut self, giver: usize, generation: u64, frame: Frame<'_>) {
        let errand = Errand::Admit(LocalPort(0));
        self.givers[giver].give(generation, errand, frame).unwrap();
    }

    /// Turns until the worker would wait; how many there were.
    fn turns(&mut self) -> usize {
        let busy = (0..100).take_while(|_| {
            let busy = self.worker.patience() == Some(Duration::ZERO);
            busy && self.worker.turn() == Next::Continue
        });
        busy.count()
    }

    fn switch(&mut self, switches: OffloadSwitches) {
        let (reply, _answer) = oneshot::channel();
        self.worker.carry_out(Command::Switch(switches, reply));
    }

    /// Datagrams that were read.
    fn read(&self) -> u64 {
        self.worker.shell.counters.datagrams_in
    }

    /// Frames that were taken in.
    fn taken(&self) -> u64 {
        self.worker.forwarder.counters().ports[0].frames_in
    }
}

#[test]
fn a_frame_whose_bell_was_heard_too_early_waits_for_nobody() {
    let mut bench = bench();
    assert_eq!(bench.turns(), 0);
    bench.give(0, 1, 1);
    bench.give(1, 1, 1);
    assert_eq!(bench.turns(), 1);
    assert_eq!(bench.taken(), 2);
}

#[test]
fn more_frames_than_a_turn_takes_need_no_other_bell() {
    let mut bench = bench();
    bench.give(1, 1, 300);
    bench.givers[1].ring();
    assert_eq!(bench.worker.turn(), Next::Continue);
    assert!(
        bench.taken() < 300,
        "the test is to give more than one turn takes"
    );
    bench.turns();
    assert_eq!(bench.taken(), 300);
}

#[test]
fn what_was_given_under_the_next_tables_is_taken_once_they_run() {
    let mut bench = bench();
    bench.give(0, 1, 1);
    bench.give(0, 2, 3);
    bench.givers[0].ring();
    assert_eq!(bench.worker.turn(), Next::Continue);
    assert_eq!(
        (bench.taken(), bench.turns()),
        (1, 0),
        "nothing to do before"
    );
    let (reply, _answer) = oneshot::channel();
    bench.worker.carry_out(Command::Install(tables(2), reply));
    assert_eq!(bench.turns(), 1);
    assert_eq!(bench.taken(), 4);
}

/// TCP that stands for a thousand frames, in fewer bytes than one turn may read.
fn superframe() -> (Vec<u8>, Offload) {
    let builder = etherparse::PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .tcp(1, 2, 3, 4)
        .ack(5);
    let mut bytes = Vec::new();
    builder.write(&mut bytes, &[7; 8_000]).unwrap();
    let offload = Offload {
        checksum: Some(Checksum {
            start: 34,
            offset: 16,
        }),
        superframe: Some(Superframe {
            kind: SuperframeKind::Tcp4,
            size: 8,
            ecn: false,
        }),
        valid: false,
    };
    (bytes, offload)
}

/// A guest that always has one more of them.
#[derive(Debug)]
struct Guest {
    always: OwnedFd,
    bytes: Vec<u8>,
    offload: Offload,
}

impl RxHalf for Guest {
    fn recv(&mut self, buf: &mut [u8]) -> io::Result<Option<(usize, Offload)>> {
        buf[..self.bytes.len()].copy_from_slice(&self.bytes);
        Ok(Some((self.bytes.len(), self.offload)))
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        self.always.as_fd()
    }
}

/// What nobody writes to.
#[derive(Debug)]
struct Nowhere;

impl TxHalf for Nowhere {
    fn send(&mut self, _: Frame<'_>) -> Result<(), Refused> {
        Err(Refused::Down)
    }

    fn switch(&mut self, _: Switch) -> Superframes {
        Superframes::None
    }

    fn superframes(&self) -> Superframes {
        Superframes::None
    }

    fn duplicate(&self) -> io::Result<Box<dyn TxHalf>> {
        Ok(Box::new(Self))
    }
}

#[test]
fn a_turn_with_a_ring_is_bounded_by_what_superframes_stand_for() {
    let mut bench = bench();
    let (bytes, offload) = superframe();
    let frame = Frame {
        bytes: &bytes,
        offload,
    };
    for _ in 0..3 {
        bench.give_one(0, 1, frame);
    }
    for taken in [1_000, 2_000, 3_000] {
        assert_eq!(bench.worker.turn(), Next::Continue);
        assert_eq!(bench.taken(), taken);
    }
    assert_eq!(bench.turns(), 0);
}

#[test]
fn a_turn_with_a_port_is_bounded_by_what_superframes_stand_for() {
    let mut bench = bench();
    let (bytes, offload) = superframe();
    let guest = Guest {
        always: eventfd(1, EventfdFlags::empty()).unwrap(),
        bytes,
        offload,
    };
    let (reply, _answer) = oneshot::channel();
    let attachment = Attachment {
        name: "n1/a".to_owned(),
        rx: Some(Box::new(guest)),
        first: true,
        tx: Box::new(Nowhere),
        capabilities: Capabilities {
            backend: "packet",
            superframes: Superframes::None,
        },
        up: true,
        since: None,
    };
    bench.worker.carry_out(Command::Attach(attachment, reply));
    for taken in [1_000, 2_000, 3_000] {
        assert_eq!(bench.worker.turn(), Next::Continue);
        assert_eq!(bench.taken(), taken);
    }
}

/// A worker with a socket, and somebody who sends to it.
fn bench_with_socket(on: OffloadSwitches) -> (Bench, Underlay, SocketAddr) {
    let bind = || Underlay::bind("127.0.0.1:0".parse().unwrap(), on).unwrap();
    let ((from, _), (underlay, to)) = (bind(), bind());
    assert!(from.offloads().gso, "the test is to send many at once");
    (bench_on(Some(underlay)), from, to)
}

/// So many datagrams of 1,000 bytes at once.
fn send_at_once(from: &mut Underlay, to: SocketAddr, datagrams: usize) {
    let transmit = Transmit {
        to,
        bytes: &vec![7; 1_000 * datagrams],
        size: 1_000,
        ecn: Ecn::NotEct,
    };
    from.send(transmit, &mut ShellCounters::default());
}

const JOINING: OffloadSwitches = OffloadSwitches {
    gso: Switch::Auto,
    gro: Switch::On,
    tap: Switch::Auto,
};

#[test]
fn what_the_kernel_has_joined_is_read_before_it_may_join_no_more() {
    let (mut bench, mut from, to) = bench_with_socket(JOINING);
    // As much as the socket holds: little without root.
    let fd = bench.worker.shell.underlay.iter().flat_map(Underlay::fds);
    let fd = fd.collect::<Vec<_>>()[0];
    let holds = rustix::net::sockopt::socket_recv_buffer_size(fd).unwrap();
    let batches = holds * 3 / 4 / 60_000;
    assert!(batches > 1, "there is no room in {holds} bytes");
    for _ in 0..batches {
        send_at_once(&mut from, to, 60);
    }
    let off = OffloadSwitches {
        gro: Switch::Off,
        ..JOINING
    };
    bench.switch(off);
    let sent = u64::try_from(60 * batches).unwrap();
    assert_eq!(bench.read(), sent, "datagrams, each by itself");
}

#[test]
fn a_switch_that_lets_the_kernel_join_on_reads_nothing() {
    let (mut bench, mut from, to) = bench_with_socket(JOINING);
    send_at_once(&mut from, to, 5);
    bench.switch(OffloadSwitches {
        tap: Switch::Off,
        ..JOINING
    });
    assert_eq!(bench.read(), 0, "it has its turn");
    assert_eq!(bench.worker.turn(), Next::Continue);
    assert_eq!(bench.read(), 5);
}
