//! The worker threads: each runs one `Forwarder` over its ports, in bounded batches.
//!
//! Worker 0 owns the UDP sockets and every tunnel; the others hand frames for remote nodes over
//! to it. Every worker writes to every port itself.

mod handle;
mod handoff;
mod obey;
mod outlets;
mod poll;
mod run;
mod shell;

pub(crate) use handle::Worker;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use skerry_overlay::Forwarder;
use tokio::sync::mpsc;

use crate::dataplane::Setup;
use crate::event::Event;
use crate::snapshot::ShellCounters;
use crate::start_error::StartError;
use crate::udp::Underlay;
use handle::{Inbox, Seat};
use handoff::{Giver, Taker};
use outlets::Outlets;
use run::Loop;
use shell::Shell;

/// More threads than this are a mistake in the node file.
const WORKERS_MAX: usize = 256;

/// Binds, then starts `setup.workers` threads; gives the address that was bound.
pub(crate) fn start_all(
    setup: &Setup,
    events: &mpsc::Sender<Event>,
) -> Result<(Vec<Worker>, SocketAddr), StartError> {
    let (underlay, listen) = Underlay::bind(setup.listen, setup.offload)?;
    let kernel = |action| move |source| StartError::Kernel { action, source };
    let seed = random().map_err(kernel("read random bytes"))?;
    let seats = (0..setup.workers.clamp(1, WORKERS_MAX)).map(|_| Seat::new());
    let seats: Vec<Seat> = seats
        .collect::<io::Result<_>>()
        .map_err(kernel("make an eventfd"))?;
    let (mut givers, takers) = rings(&seats);
    let mut owned = Some((underlay, takers));
    let mut workers = Vec::with_capacity(seats.len());
    for (index, seat) in seats.into_iter().enumerate() {
        // Only the first worker gets the sockets; the rings of the others were made in order.
        let (underlay, takers) = owned.take().unzip();
        let giver = if index == 0 { None } else { givers.pop() };
        let shell = Shell {
            worker: index,
            generation: setup.tables.generation,
            outlets: Outlets::default(),
            underlay,
            giver,
            events: events.clone(),
            counters: ShellCounters::default(),
        };
        let worker = start(setup, seed, shell, takers.unwrap_or_default(), seat);
        workers.push(worker.map_err(kernel("start a worker"))?);
    }
    Ok((workers, listen))
}

/// The rings from every other worker to the first.
fn rings(seats: &[Seat]) -> (Vec<Giver>, Vec<Taker>) {
    let Some((owner, others)) = seats.split_first() else {
        return (Vec::new(), Vec::new());
    };
    others.iter().map(|_| handoff::pair(owner.bell())).unzip()
}

fn start(
    setup: &Setup,
    seed: u32,
    shell: Shell,
    takers: Vec<Taker>,
    seat: Seat,
) -> io::Result<Worker> {
    let clock = setup.clock;
    let index = shell.worker;
    let core = skerry_overlay::Setup {
        tables: Arc::clone(&setup.tables),
        secret: setup.secret.clone(),
        worker: u32::try_from(index).unwrap_or(u32::MAX),
        owns_lanes: shell.underlay.is_some(),
        seed,
        age: setup.age,
        fdb_limit: setup.fdb_limit,
        joins: setup.offload.tap.wanted() && shell.underlay.is_some(),
    };
    let forwarder = Forwarder::new(clock.now(), core);
    seat.spawn(index, move |inbox: Inbox| {
        Loop::new(clock, forwarder, shell, inbox, takers)
    })
}

/// Different at every start, so that session numbers do not repeat.
fn random() -> io::Result<u32> {
    let mut bytes = [0; 4];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(u32::from_ne_bytes(bytes))
}
