//! The control task's handle on one worker thread.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};
use rustix::thread::CpuSet;

use super::run::Loop;
use crate::command::Command;
use crate::dataplane::WorkerGone;

/// Commands that may wait for a worker at its next batch boundary.
const COMMANDS: usize = 1024;

/// How long the control task waits before it tries a full queue again.
const RETRY: Duration = Duration::from_millis(1);

/// One worker thread. Dropping it stops the thread and waits for its end.
#[derive(Debug)]
pub(crate) struct Worker {
    commands: SyncSender<Command>,
    bell: Arc<OwnedFd>,
    lost: AtomicU64,
    thread: Option<JoinHandle<()>>,
}

/// The worker's end: its commands, and the descriptor that becomes readable when there are any.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) commands: Receiver<Command>,
    pub(crate) bell: Arc<OwnedFd>,
}

/// What a worker needs before it has a thread.
#[derive(Debug)]
pub(crate) struct Seat {
    commands: SyncSender<Command>,
    inbox: Inbox,
}

impl Seat {
    /// A queue and a bell.
    ///
    /// # Errors
    /// Out of descriptors.
    pub(crate) fn new() -> io::Result<Self> {
        let bell = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let (commands, receiver) = sync_channel(COMMANDS);
        let inbox = Inbox {
            commands: receiver,
            bell,
        };
        Ok(Self { commands, inbox })
    }

    /// What wakes the worker.
    pub(crate) fn bell(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.inbox.bell)
    }

    /// Both ends of the queue of a worker that gets no thread.
    #[cfg(test)]
    pub(crate) fn split(self) -> (SyncSender<Command>, Inbox) {
        (self.commands, self.inbox)
    }

    /// Makes the worker's loop here, where it can still fail, and runs it on a thread, which stays
    /// on a processor if one is given.
    ///
    /// # Errors
    /// Out of threads or descriptors.
    pub(crate) fn spawn(
        self,
        index: usize,
        processor: Option<usize>,
        make: impl FnOnce(Inbox) -> io::Result<Loop>,
    ) -> io::Result<Worker> {
        let bell = self.bell();
        let body = make(self.inbox)?;
        let thread = std::thread::Builder::new()
            .name(format!("worker-{index}"))
            .spawn(move || {
                let _fuse = Fuse;
                if let Some(processor) = processor {
                    pin(index, processor);
                }
                body.run();
            })?;
        Ok(Worker {
            commands: self.commands,
            bell,
            lost: AtomicU64::new(0),
            thread: Some(thread),
        })
    }
}

impl Worker {
    /// Queues a command, waiting for room.
    pub(crate) async fn order(&self, command: Command) -> Result<(), WorkerGone> {
        let mut command = command;
        loop {
            match self.commands.try_send(command) {
                Ok(()) => {
                    self.ring();
                    return Ok(());
                }
                Err(TrySendError::Full(back)) => command = back,
                Err(TrySendError::Disconnected(_)) => return Err(WorkerGone),
            }
            self.ring();
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Queues a command, or loses it and counts that.
    pub(crate) fn tell(&self, command: Command) {
        if self.commands.try_send(command).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        self.ring();
    }

    /// How many commands were lost.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn ring(&self) {
        // Only a counter at its maximum refuses: then the bell rings already.
        rustix::io::write(&*self.bell, &1u64.to_ne_bytes()).ok();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let mut command = Command::Stop;
        while let Err(TrySendError::Full(back)) = self.commands.try_send(command) {
            command = back;
            self.ring();
            std::thread::sleep(RETRY);
        }
        self.ring();
        if let Some(thread) = self.thread.take() {
            // A panicking worker has aborted the process, so there is no error to see here.
            thread.join().ok();
        }
    }
}

/// The processors that this process may use, in order.
pub(crate) fn processors() -> Vec<usize> {
    let allowed = rustix::thread::sched_getaffinity(None);
    let is_in = |processor: &usize| allowed.as_ref().is_ok_and(|set| set.is_set(*processor));
    (0..CpuSet::MAX_CPU).filter(is_in).collect()
}

/// Keeps the calling thread on a processor: what it works with stays in that one's caches. Where
/// that is refused it runs wherever it is put, as any thread does.
fn pin(worker: usize, processor: usize) {
    let mut set = CpuSet::new();
    set.set(processor);
    if let Err(error) = rustix::thread::sched_setaffinity(None, &set) {
        tracing::warn!(worker, processor, %error, "cannot stay on its processor");
    }
}

/// Takes the process down with a worker that panics: half a datapath is worse than none.
struct Fuse;

impl Drop for Fuse {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_stays_on_its_processor_and_leaves_the_others_where_they_are() {
        let all = processors();
        assert!(!all.is_empty());
        for processor in all.iter().copied() {
            let thread = std::thread::spawn(move || {
                pin(0, processor);
                processors()
            });
            assert_eq!(thread.join().unwrap(), [processor]);
        }
        assert_eq!(processors(), all);
    }
}
