//! A steady stream of tagged frames from one host to another, numbered without gaps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Result, anyhow};
use skerry_overlay_io::capture::PacketSocket;

use crate::lab::frame::Probe;
use crate::lab::host::Host;
use crate::lab::plan::HostId;
use crate::lab::tag::{Kind, Tag};

/// The pause between two frames: about two thousand frames a second.
const PAUSE: Duration = Duration::from_micros(450);

/// A running stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) from: HostId,
    pub(super) to: HostId,
    state: Arc<State>,
    thread: Option<JoinHandle<Result<()>>>,
}

#[derive(Debug, Default)]
struct State {
    /// Frames sent so far, which is the number of the next one.
    next: AtomicU32,
    done: AtomicBool,
}

impl Stream {
    /// Starts to send.
    pub(super) fn start(run: u64, from: &Host, to: HostId) -> Result<Self> {
        let state = Arc::new(State::default());
        let first = Probe::honest(Tag {
            run,
            source: from.id(),
            target: Some(to),
            kind: Kind::Stream,
            sequence: 0,
        });
        let (mouth, shared) = (from.mouth(), Arc::clone(&state));
        let thread = std::thread::Builder::new()
            .name(format!("stream-{:?}", from.id()))
            .spawn(move || shared.keep_sending(&mouth, first))?;
        Ok(Self {
            from: from.id(),
            to,
            state,
            thread: Some(thread),
        })
    }

    /// The number of a frame that has not been sent yet; all before it have, or are just being.
    pub(super) fn next(&self) -> u32 {
        self.state.next.load(Ordering::SeqCst)
    }

    /// Stops; returns how many frames were sent.
    pub(super) fn stop(mut self) -> Result<u32> {
        self.halt().unwrap_or(Ok(()))?;
        Ok(self.next())
    }

    fn halt(&mut self) -> Option<Result<()>> {
        self.state.done.store(true, Ordering::Relaxed);
        let joined = self.thread.take()?.join();
        Some(joined.unwrap_or_else(|_| Err(anyhow!("a stream's thread panicked"))))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // Only on the way out of a failure, which is the one to tell.
        drop(self.halt());
    }
}

impl State {
    fn keep_sending(&self, mouth: &PacketSocket, mut probe: Probe) -> Result<()> {
        while !self.done.load(Ordering::Relaxed) {
            // Counted first: a number below `next` may be on its way, one at or above is not.
            probe.tag.sequence = self.next.fetch_add(1, Ordering::SeqCst);
            mouth.send(&probe.bytes())?;
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }
}
