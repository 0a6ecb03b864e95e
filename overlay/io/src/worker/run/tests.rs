//! A worker's turns, without a thread: what rings hold is taken, and the worker does not wait before
//! that is so.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use skerry_overlay::{Joins, Setup};
use skerry_policy::{LocalPort, NodeId, Source, Tables};
use tokio::sync::{mpsc, oneshot};
use x25519_dalek::{PublicKey, StaticSecret};

use super::*;
use crate::command::Command;
use crate::snapshot::ShellCounters;
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
        underlay: None,
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
            let errand = Errand::Admit(LocalPort(0));
            let frame = Frame::plain(&[7; 60]);
            self.givers[giver].give(generation, errand, frame).unwrap();
        }
    }

    /// Turns until the worker would wait; how many there were.
    fn turns(&mut self) -> usize {
        let busy = (0..100).take_while(|_| {
            let busy = self.worker.patience() == Some(Duration::ZERO);
            busy && self.worker.turn() == Next::Continue
        });
        busy.count()
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
