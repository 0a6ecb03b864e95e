//! The daemon's end of the worker threads.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use skerry_overlay::{Claim, LANES, LaneOffer, Told};
use skerry_policy::{NodeId, Tables};
use tokio::sync::{mpsc, oneshot};
use x25519_dalek::StaticSecret;

use crate::clock::Clock;
use crate::command::{Attachment, Command, WithFdb};
use crate::event::Event;
use crate::port::{Port, Queue};
use crate::snapshot::Snapshot;
use crate::start_error::StartError;
use crate::switch::OffloadSwitches;
use crate::worker::{self, Worker};

/// What the datapath of a node is started with.
pub struct Setup {
    /// The first tables.
    pub tables: Arc<Tables>,
    /// The node's WireGuard key.
    pub secret: StaticSecret,
    /// Where the UDP sockets of the first worker listen; `[::]` means both families. Worker k listens
    /// k ports above.
    pub listen: SocketAddr,
    /// How many threads; 0 counts as 1.
    pub workers: usize,
    /// Whether each of several workers stays on a processor.
    pub pin: bool,
    /// What the node file says about offloads.
    pub offload: OffloadSwitches,
    /// How long a learned MAC address lives without traffic.
    pub age: Duration,
    /// How many MAC addresses a worker remembers.
    pub fdb_limit: usize,
    /// The node's clock; the control task reads the same one.
    pub clock: Clock,
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("listen", &self.listen)
            .field("workers", &self.workers)
            .field("offload", &self.offload)
            .finish_non_exhaustive()
    }
}

/// A worker thread has ended; the process is about to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a worker thread has ended")]
pub struct WorkerGone;

/// Why an opened port was not attached.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// No file descriptor for every worker.
    #[error("cannot share the port with every worker: {0}; raise the limit of open files")]
    Duplicate(#[from] io::Error),
    /// The process is about to end.
    #[error(transparent)]
    WorkerGone(#[from] WorkerGone),
}

/// Who reads a port.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reader {
    /// It has one queue.
    Worker(usize),
    /// It has one for each of so many workers.
    All(usize),
}

/// The running workers. Dropping it stops them.
#[derive(Debug)]
pub struct Dataplane {
    workers: Vec<Worker>,
    /// One reload, snapshot or attachment at a time, so that no reader sees half of one.
    order: tokio::sync::Mutex<()>,
    /// Who reads which port; a port with one queue keeps its worker for life.
    readers: Mutex<HashMap<String, Reader>>,
    listen: SocketAddr,
    lanes: Vec<LaneOffer>,
    unbound: Vec<(usize, StartError)>,
}

impl Dataplane {
    /// Binds the UDP sockets and starts the workers, with no ports yet.
    ///
    /// # Errors
    /// Nothing was started; the error says why, and the way out.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the key must not outlive its use, and the channel is the dataplane's"
    )]
    pub fn start(setup: Setup, events: mpsc::Sender<Event>) -> Result<Self, StartError> {
        let started = worker::start_all(&setup, &events)?;
        Ok(Self {
            workers: started.workers,
            order: tokio::sync::Mutex::new(()),
            readers: Mutex::new(HashMap::new()),
            listen: started.listen,
            lanes: started.lanes,
            unbound: started.unbound,
        })
    }

    /// Where the UDP sockets of the first worker listen: the port that port 0 became.
    pub const fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// The lanes of the other workers, for [`Mesh::offer`](skerry_overlay::Mesh::offer).
    pub fn lanes(&self) -> &[LaneOffer] {
        &self.lanes
    }

    /// Workers that could not bind a port of their own, and why: what they have for other nodes goes
    /// through the first.
    pub fn unbound(&self) -> &[(usize, StartError)] {
        &self.unbound
    }

    /// Swaps the tables. Resolves when every worker runs them and nothing that was accepted under
    /// the old ones is still queued between workers: the acknowledgement of a reload.
    ///
    /// # Errors
    /// A worker is gone.
    pub async fn install(&self, tables: Arc<Tables>) -> Result<(), WorkerGone> {
        let _turn = self.order.lock().await;
        // The owner of the tunnels goes last: it empties the rings of the others before it swaps,
        // and they put nothing of the old generation into them any more.
        let (owner, others) = self.workers.split_first().ok_or(WorkerGone)?;
        let mut answers = Vec::with_capacity(others.len());
        for worker in others {
            let (reply, answer) = oneshot::channel();
            worker
                .order(Command::Install(Arc::clone(&tables), reply))
                .await?;
            answers.push(answer);
        }
        wait_all(answers).await?;
        let (reply, answer) = oneshot::channel();
        owner.order(Command::Install(tables, reply)).await?;
        answer.await.map_err(|_| WorkerGone)
    }

    /// Hands an opened port to the workers. It waits under its name (`n1/b-i1`) until they run the
    /// tables that it was opened for, and replaces a port attached under the same name.
    ///
    /// # Errors
    /// Out of file descriptors, or a worker is gone.
    pub async fn attach(&self, name: &str, port: Port) -> Result<(), AttachError> {
        let _turn = self.order.lock().await;
        let reader = self.reader(name, port.queues.len());
        let mut parts = self.share(name, port, reader)?;
        let mut answers = Vec::with_capacity(parts.len());
        // A reader comes last: others should be able to deliver what answers its first frame.
        parts.sort_by_key(|(_, part)| part.rx.is_some());
        for (worker, part) in parts {
            let (reply, answer) = oneshot::channel();
            let worker = self.workers.get(worker).ok_or(WorkerGone)?;
            worker.order(Command::Attach(part, reply)).await?;
            answers.push(answer);
        }
        Ok(wait_all(answers).await?)
    }

    /// Takes a port from the workers; its device is closed when this resolves.
    pub async fn detach(&self, name: &str) {
        let _turn = self.order.lock().await;
        let mut answers = Vec::new();
        for worker in &self.workers {
            let (reply, answer) = oneshot::channel();
            // A worker that is gone has closed the port already.
            if worker
                .order(Command::Detach(name.to_owned(), reply))
                .await
                .is_ok()
            {
                answers.push(answer);
            }
        }
        wait_all(answers).await.ok();
        self.lock_readers().remove(name);
    }

    /// Uses these offloads from now on, as far as the kernel offers them.
    ///
    /// # Errors
    /// A worker is gone.
    pub async fn switch(&self, switches: OffloadSwitches) -> Result<(), WorkerGone> {
        let _turn = self.order.lock().await;
        let mut answers = Vec::with_capacity(self.workers.len());
        for worker in &self.workers {
            let (reply, answer) = oneshot::channel();
            worker.order(Command::Switch(switches, reply)).await?;
            answers.push(answer);
        }
        wait_all(answers).await
    }

    /// Tells the workers that a port's link went up or down.
    pub async fn set_link(&self, name: &str, up: bool) {
        for worker in &self.workers {
            // A worker that is gone delivers nothing anyway.
            worker
                .order(Command::SetLink(name.to_owned(), up))
                .await
                .ok();
        }
    }

    /// Sends a control message through the tunnel to a peer; `to` is in the numbering of
    /// `generation`. Lost if the tunnel is not up: the protocol above repeats.
    pub fn send_control(&self, to: NodeId, generation: u64, message: Vec<u8>) {
        if let Some(owner) = self.workers.first() {
            owner.tell(Command::Control(to, generation, message));
        }
    }

    /// Tells every worker but the first of its lane of a peer, or that the peer has none; `of` is in
    /// the numbering of `generation`, `at` is where lane 0 hears it. To be told again and again: lost
    /// where a worker is busy, or runs another generation.
    pub fn tell_lanes(
        &self,
        of: NodeId,
        generation: u64,
        at: SocketAddr,
        boot: u64,
        lanes: &[LaneOffer],
    ) {
        for (worker, number) in self.workers.iter().zip(0..LANES).skip(1) {
            let offer = lanes.iter().find(|lane| lane.number == number);
            let told = offer.map(|lane| {
                let mut endpoint = at;
                endpoint.set_port(lane.port);
                Told {
                    key: lane.key,
                    endpoint,
                    boot,
                }
            });
            worker.tell(Command::Lane(of, generation, told));
        }
    }

    /// Tells the workers what the path to a peer carries, in bytes of an IP packet; `to` is in the
    /// numbering of `generation`. Lost where a worker does not keep up: the protocol above repeats.
    pub fn set_path(&self, to: NodeId, generation: u64, mtu: u16) {
        for worker in &self.workers {
            worker.tell(Command::Path(to, generation, mtu));
        }
    }

    /// Tells the workers what another one, or a peer, learned.
    pub fn apply_claim(&self, except: Option<usize>, claim: Claim) {
        for (index, worker) in self.workers.iter().enumerate() {
            if Some(index) != except {
                worker.tell(Command::Claim(claim));
            }
        }
    }

    /// Counters, tunnels and ports of all workers, each taken between two of its batches, all of
    /// the same generation.
    ///
    /// # Errors
    /// A worker is gone.
    pub async fn snapshot(&self) -> Result<Snapshot, WorkerGone> {
        self.take_snapshot(WithFdb::No).await
    }

    /// The same with the MAC table, for whoever wants to see that: with many addresses in it, it
    /// holds frames up.
    ///
    /// # Errors
    /// A worker is gone.
    pub async fn snapshot_with_fdb(&self) -> Result<Snapshot, WorkerGone> {
        self.take_snapshot(WithFdb::Yes).await
    }

    async fn take_snapshot(&self, with_fdb: WithFdb) -> Result<Snapshot, WorkerGone> {
        let _turn = self.order.lock().await;
        let mut answers = Vec::with_capacity(self.workers.len());
        for worker in &self.workers {
            let (reply, answer) = oneshot::channel();
            worker.order(Command::Snapshot(with_fdb, reply)).await?;
            answers.push(answer);
        }
        let mut views = Vec::with_capacity(answers.len());
        for answer in answers {
            views.push(answer.await.map_err(|_| WorkerGone)?);
        }
        let mut snapshot = Snapshot::merge(views).ok_or(WorkerGone)?;
        let readers = self.lock_readers();
        for port in &mut snapshot.ports {
            match readers.get(&port.name) {
                Some(&Reader::Worker(worker)) => port.worker = worker,
                Some(&Reader::All(queues)) => port.queues = queues,
                None => {}
            }
        }
        snapshot.shell.commands_lost += self.workers.iter().map(Worker::lost).sum::<u64>();
        Ok(snapshot)
    }

    /// Stops every worker and waits for them; sockets and ports are closed then.
    pub async fn stop(self) {
        // Only a panicking worker could fail here, and that has aborted the process.
        tokio::task::spawn_blocking(move || drop(self)).await.ok();
    }

    /// Who reads this port: every worker a queue of its own, or the one worker that has read it so
    /// far, or the one with the fewest.
    fn reader(&self, name: &str, queues: usize) -> Reader {
        let mut readers = self.lock_readers();
        let reader = match readers.get(name) {
            _ if queues > 1 => Reader::All(queues.min(self.workers.len())),
            Some(&reader @ Reader::Worker(_)) => reader,
            Some(Reader::All(_)) | None => {
                let load = |at: &Reader| readers.values().filter(|&it| it == at).count();
                let workers = (0..self.workers.len()).map(Reader::Worker);
                workers.min_by_key(load).unwrap_or(Reader::Worker(0))
            }
        };
        readers.insert(name.to_owned(), reader);
        reader
    }

    /// One part of the port for every worker, with the queue that it reads.
    fn share(
        &self,
        name: &str,
        port: Port,
        reader: Reader,
    ) -> io::Result<Vec<(usize, Attachment)>> {
        let mut queues = port.queues.into_iter();
        let only = match reader {
            Reader::Worker(_) => queues.next(),
            Reader::All(_) => None,
        };
        let mut only = only.map(|Queue { rx, tx }| (Some(rx), tx));
        let mut parts = Vec::with_capacity(self.workers.len());
        for worker in 0..self.workers.len() {
            let (rx, tx) = match &mut only {
                Some((rx, tx)) => {
                    let reads = reader == Reader::Worker(worker);
                    (rx.take_if(|_| reads), tx.duplicate()?)
                }
                None => {
                    // As many as there are workers: they are counted once, at start.
                    let Queue { rx, tx } = queues.next().ok_or(io::ErrorKind::NotFound)?;
                    (Some(rx), tx)
                }
            };
            let part = Attachment {
                name: name.to_owned(),
                rx,
                first: only.is_some() || worker == 0,
                tx,
                capabilities: port.capabilities,
                up: port.up,
                since: port.since,
            };
            parts.push((worker, part));
        }
        Ok(parts)
    }

    fn lock_readers(&self) -> std::sync::MutexGuard<'_, HashMap<String, Reader>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn wait_all(answers: Vec<oneshot::Receiver<()>>) -> Result<(), WorkerGone> {
    for answer in answers {
        answer.await.map_err(|_| WorkerGone)?;
    }
    Ok(())
}
