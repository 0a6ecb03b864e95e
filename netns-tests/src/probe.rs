//! A listener at every port, kernel-side: which tags arrived, how often, and what else did.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::joined;
use crate::netns::{Netns, eprintln_quietly};
use crate::packet::{Receiver, links};
use crate::tag::{self, Tag};
use crate::topology::Port;

/// Frames whose bytes a probe keeps; later ones are only counted.
const KEPT: usize = 20_000;
/// Longest frame that a probe reads whole.
const LONGEST: usize = 1 << 17;

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
    /// Frames on a trunk under a VLAN tag that it does not have, or under none.
    pub strays: Vec<Vec<u8>>,
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
        Self::spawn(port, move |log| drain(&receiver, log))
    }

    /// Starts to listen to one tag of a trunk: at the node's end of the cable, whose frames still
    /// have their tags. A kernel takes them off what arrives, and tells only who asks for it.
    ///
    /// # Errors
    /// When the namespace or the packet socket cannot be had.
    pub fn on_trunk(port: Port, node: &Arc<Netns>) -> Result<Self> {
        let mut cable = Cable {
            receiver: Receiver::open(node)?,
            netns: Arc::clone(node),
            devices: HashMap::new(),
            port,
        };
        Self::spawn(port, move |log| cable.drain(log))
    }

    fn spawn(
        port: Port,
        mut drain: impl FnMut(&Mutex<Log>) -> Result<()> + Send + 'static,
    ) -> Result<Self> {
        let log = Arc::new(Mutex::new(Log::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let (writer, stopped) = (Arc::clone(&log), Arc::clone(&stop));
        let thread = std::thread::Builder::new()
            .name(format!("probe {port}"))
            .spawn(move || listen(&mut drain, &writer, &stopped))?;
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

fn listen(drain: &mut impl FnMut(&Mutex<Log>) -> Result<()>, log: &Mutex<Log>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        if let Err(error) = drain(log) {
            eprintln_quietly(&format!("a probe stopped: {error:#}"));
            return;
        }
    }
}

fn drain(receiver: &Receiver, log: &Mutex<Log>) -> Result<()> {
    let mut buffer = vec![0; LONGEST];
    receiver.wait(Duration::from_millis(50))?;
    while let Some((frame, _)) = receiver.receive(&mut buffer)? {
        lock(log).add_each(frame);
    }
    Ok(())
}

impl Log {
    fn add_each(&mut self, frame: &[u8]) {
        for frame in joined::apart(frame) {
            self.add(&frame);
        }
    }

    fn add(&mut self, frame: &[u8]) {
        let Some(found) = tag::find(frame) else {
            self.other_count += 1;
            if self.others.len() < KEPT {
                self.others.push(frame.to_vec());
            }
            return;
        };
        if self.frames.len() == self.seen.len() && self.frames.len() < KEPT {
            self.frames.push(frame.to_vec());
        }
        self.seen.push(Seen {
            tag: found.tag,
            intact: found.intact,
            at: Instant::now(),
        });
    }
}

/// The node's end of a trunk's cable.
#[derive(Debug)]
struct Cable {
    receiver: Receiver,
    netns: Arc<Netns>,
    /// Interfaces of the node, by index.
    devices: HashMap<usize, String>,
    port: Port,
}

impl Cable {
    fn drain(&mut self, log: &Mutex<Log>) -> Result<()> {
        let mut buffer = vec![0; LONGEST];
        self.receiver.wait(Duration::from_millis(50))?;
        while let Some((frame, link)) = self.receiver.overhear(&mut buffer)? {
            if !self.devices.contains_key(&link) {
                self.devices.extend(links(&self.netns)?);
            }
            let device = self.devices.get(&link).map(String::as_str);
            if device == Some(self.port.device()) {
                self.sort(frame, &mut lock(log));
            }
        }
        Ok(())
    }

    /// A frame belongs to the tag that it carries; one that belongs to none of the trunk's tags
    /// is the business of the first of them.
    fn sort(&self, frame: &[u8], log: &mut Log) {
        let vid = vid(frame);
        let mut tags = Port::trunks().filter(|port| port.device() == self.port.device());
        if vid == self.port.vid() {
            log.add_each(frame);
        } else if tags.next() == Some(self.port) && tags.all(|port| port.vid() != vid) {
            log.strays.push(frame.to_vec());
        }
    }
}

/// The VLAN a frame is tagged for, if it has an 802.1Q tag.
fn vid(frame: &[u8]) -> Option<u16> {
    let tag: [u8; 4] = frame.get(12..16)?.try_into().ok()?;
    let [0x81, 0, high, low] = tag else {
        return None;
    };
    Some(u16::from_be_bytes([high, low]) & 0x0fff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_read_where_there_is_one() {
        let mut frame = vec![2; 12];
        frame.extend_from_slice(&[0x81, 0, 0x60, 30, 8, 0]);
        assert_eq!(vid(&frame), Some(30));
        frame.splice(12..16, []);
        assert_eq!(vid(&frame), None);
        assert_eq!(vid(&frame[..13]), None);
    }
}
