//! The worker threads: each runs one `Forwarder` over its ports, in bounded batches.
//!
//! Worker k owns lane k of every peer, and UDP sockets of its own for them: k ports above those of
//! worker 0. Lane 0 is always there. A frame for a node that has no other lane, or none that is
//! heard, goes to worker 0 over a ring; so does every frame for a stock member. Every worker writes
//! to every port itself.
//!
//! A port of its own for every lane, and not one for all: the kernel joins datagrams of one pair of
//! addresses before it knows whose they are (UDP GRO), a network card chooses the processor by
//! them, and so does a path among several. Where a firewall lets only the first port through the
//! other lanes never get a session, which costs speed and no frame.

mod budget;
mod habit;
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

use skerry_overlay::{Forwarder, Joins, LANES, LaneOffer, lane_public};
use tokio::sync::mpsc;

use crate::dataplane::Setup;
use crate::event::Event;
use crate::kernel::takes_datagrams;
use crate::snapshot::ShellCounters;
use crate::start_error::StartError;
use crate::switch::OffloadSwitches;
use crate::udp::Underlay;
use handle::{Inbox, Seat, processors};
use handoff::{Giver, Taker};
use outlets::Outlets;
use run::Loop;
use shell::Shell;

/// More threads than this are a mistake in the node file.
const WORKERS_MAX: usize = 256;

/// The workers, and where they listen.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) workers: Vec<Worker>,
    /// Where lane 0 listens.
    pub(crate) listen: SocketAddr,
    /// The other lanes.
    pub(crate) lanes: Vec<LaneOffer>,
    /// Workers without a lane, whose port could not be bound.
    pub(crate) unbound: Vec<(usize, StartError)>,
}

/// Binds, then starts `setup.workers` threads.
pub(crate) fn start_all(
    setup: &Setup,
    events: &mpsc::Sender<Event>,
) -> Result<Started, StartError> {
    let (underlay, listen) = Underlay::bind(setup.listen, setup.offload)?;
    let kernel = |action| move |source| StartError::Kernel { action, source };
    let seats = (0..setup.workers.clamp(1, WORKERS_MAX)).map(|_| Seat::new());
    let seats: Vec<Seat> = seats
        .collect::<io::Result<_>>()
        .map_err(kernel("make an eventfd"))?;
    let (mut givers, takers) = rings(&seats);
    let mut started = Started {
        workers: Vec::with_capacity(seats.len()),
        listen,
        lanes: Vec::new(),
        unbound: Vec::new(),
    };
    let mut first = Some((underlay, takers));
    for (index, seat) in seats.into_iter().enumerate() {
        // The rings of the others were made in order, and are taken in any.
        let (underlay, takers, giver) = match first.take() {
            Some((underlay, takers)) => (Some(underlay), takers, None),
            None => (started.bind_lane(setup, index), Vec::new(), givers.pop()),
        };
        let shell = Shell {
            worker: index,
            generation: setup.tables.generation,
            outlets: Outlets::default(),
            underlay,
            giver,
            events: events.clone(),
            counters: ShellCounters::default(),
        };
        let seed = random().map_err(kernel("read random bytes"))?;
        let worker = start(setup, seed, shell, takers, seat);
        started
            .workers
            .push(worker.map_err(kernel("start a worker"))?);
    }
    Ok(started)
}

impl Started {
    /// The sockets of another worker than the first: as many ports above its own, or any where any
    /// will do. Without them its frames go to the first, so it is no reason not to start.
    fn bind_lane(&mut self, setup: &Setup, index: usize) -> Option<Underlay> {
        let number = u8::try_from(index).ok().filter(|it| *it < LANES)?;
        let port = match setup.listen.port() {
            0 => Some(0),
            first => first.checked_add(number.into()),
        };
        let bound = match port {
            Some(port) => Underlay::bind(SocketAddr::new(setup.listen.ip(), port), setup.offload),
            None => Err(StartError::NoPort(setup.listen, number)),
        };
        match bound {
            Ok((underlay, at)) => {
                self.lanes.push(LaneOffer {
                    number,
                    port: at.port(),
                    key: lane_public(&setup.secret, number),
                });
                Some(underlay)
            }
            Err(error) => {
                tracing::warn!(worker = index, "hands its frames to worker 0: {error}");
                self.unbound.push((index, error));
                None
            }
        }
    }
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
        joins: joins(setup.offload, shell.underlay.is_some()),
        shares: setup.workers > 1,
    };
    let forwarder = Forwarder::new(clock.now(), core);
    // One worker alone is better off where the scheduler puts it; several share out the processors.
    let processors = if setup.pin && setup.workers > 1 {
        processors()
    } else {
        Vec::new()
    };
    let processor = processors.iter().cycle().nth(index).copied();
    seat.spawn(index, processor, move |inbox: Inbox| {
        Loop::new(clock, forwarder, shell, inbox, takers)
    })
}

/// What a worker joins for its ports: what every one of them takes that is opened as it should be. Any
/// other one cuts it again.
fn joins(switches: OffloadSwitches, has_tunnels: bool) -> Joins {
    match (switches.tap.wanted() && has_tunnels, takes_datagrams()) {
        (false, _) => Joins::Nothing,
        (true, false) => Joins::Tcp,
        (true, true) => Joins::All,
    }
}

/// Different at every start, so that session numbers do not repeat.
fn random() -> io::Result<u32> {
    let mut bytes = [0; 4];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(u32::from_ne_bytes(bytes))
}
