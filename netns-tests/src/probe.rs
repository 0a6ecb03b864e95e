//! A listener at every port, kernel-side: which tags arrived, how often, and what else did.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::netns::{Netns, eprintln_quietly};
use crate::packet::Receiver;
use crate::tag::{self, Tag};
use crate::topology::Port;

/// Frames whose bytes a probe keeps; later ones are only counted.
const KEPT: usize = 20_000;

/// One tagged frame, received.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// What the tag says.
    pub tag: Tag,
    /// Whether addresses and payload are those that were sent.
    pub intact: bool,
    /// When it was read.
    pub at: Instant,
}

/// What a probe has seen since it was last emptied.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Tagged frames, in order of arrival.
    pub seen: Vec<Seen>,
    /// Bytes of the first tagged frames, in the same order.
    pub frames: Vec<Vec<u8>>,
    /// Frames without a tag: what the switch or another host's kernel said.
    pub others: Vec<Vec<u8>>,
    /// How many frames without a tag arrived.
    pub other_count: u64,
}

/// Listens at one port until dropped.
#[derive(Debug)]
pub struct Probe {
    /// The port it listens at.
    pub port: Port,
    log: Arc<Mutex<Log>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Probe {
    /// Starts to listen at every interface that the port's namespace has or will have.
    ///
    /// # Errors
    /// When the namespace or the packet socket cannot be had.
    pub fn start(port: Port, netns: &Netns) -> Result<Self> {
        let receiver = Receiver::open(netns)?;
        let log = Arc::new(Mutex::new(Log::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let (writer, stopped) = (Arc::clone(&log), Arc::clone(&stop));
        let thread = std::thread::Builder::new()
            .name(format!("probe {port}"))
            .spawn(move || listen(&receiver, &writer, &stopped))?;
        Ok(Self {
            port,
            log,
            stop,
            thread: Some(thread),
        })
    }

    /// What was seen since the last [`Probe::take`].
    pub fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }

    /// Empties the log.
    pub fn take(&self) -> Log {
        std::mem::take(&mut *self.log())
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen(receiver: &Receiver, log: &Mutex<Log>, stop: &AtomicBool) {
    let mut buffer = vec![0; 1 << 17];
    while !stop.load(Ordering::Relaxed) {
        if let Err(error) = drain(receiver, log, &mut buffer) {
            eprintln_quietly(&format!("a probe stopped: {error:#}"));
            return;
        }
    }
}

fn drain(receiver: &Receiver, log: &Mutex<Log>, buffer: &mut [u8]) -> Result<()> {
    receiver.wait(Duration::from_millis(50))?;
    while let Some((frame, _)) = receiver.receive(buffer)? {
        let found = tag::find(frame);
        let mut log = lock(log);
        match found {
            Some(found) => {
                if log.frames.len() == log.seen.len() && log.frames.len() < KEPT {
                    log.frames.push(frame.to_vec());
                }
                let (tag, intact) = (found.tag, found.intact);
                log.seen.push(Seen {
                    tag,
                    intact,
                    at: Instant::now(),
                });
            }
            None => {
                log.other_count += 1;
                if log.others.len() < KEPT {
                    log.others.push(frame.to_vec());
                }
            }
        }
    }
    Ok(())
}
