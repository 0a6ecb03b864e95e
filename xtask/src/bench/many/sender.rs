//! The hosts of a node: one packet socket sends out of the TAP interfaces what they would send.

use std::io::IoSlice;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, MultiHeaders, SockFlag, SockType, sendmmsg, socket,
};

use crate::bench::many::frame::{LENGTH, frame};
use crate::bench::many::layout::{Layout, Talk};
use crate::bench::namespace::Namespace;

/// Frames of one system call.
pub(super) const BURST: u32 = 16;

/// Frames a second: less than half of what the slowest point takes.
pub(super) const RATE: u32 = 30_000;

/// Between two bursts.
const PAUSE: Duration = Duration::from_nanos(1_000_000_000 * BURST as u64 / RATE as u64);

/// Everybody behind the ports of one node.
#[derive(Debug)]
pub(super) struct Sender {
    layout: Layout,
    socket: OwnedFd,
    /// By port: its interface.
    links: Vec<LinkAddr>,
    talk: Talk,
}

impl Sender {
    /// Opens a socket that receives nothing: it is for no protocol.
    pub(super) fn open(namespace: &Namespace, layout: Layout) -> Result<Self> {
        namespace.enter(|| {
            let socket = socket(
                AddressFamily::Packet,
                SockType::Raw,
                SockFlag::SOCK_CLOEXEC,
                None,
            )?;
            Ok(Self {
                layout,
                socket,
                links: links(layout.ports())?,
                talk: layout.talk(),
            })
        })
    }

    /// Lets every host speak once.
    pub(super) fn introduce(&mut self, stop: &AtomicBool) -> Result<()> {
        let layout = self.layout;
        let mut pace = Pace::new();
        let everybody: Vec<u32> = (0..layout.hosts()).collect();
        for some in everybody.chunks(BURST as usize) {
            pace.wait(stop)?;
            let some = some.iter().map(|&it| (it, layout.acquaintance(it)));
            self.send(some)?;
        }
        Ok(())
    }

    /// Lets them talk for some time: how many frames they sent.
    pub(super) fn talk(&mut self, time: Duration, stop: &AtomicBool) -> Result<u64> {
        let end = Instant::now() + time;
        let (mut sent, mut pace) = (0, Pace::new());
        while Instant::now() < end {
            pace.wait(stop)?;
            let turn: Vec<(u32, u32)> = (0..BURST).map(|_| self.talk.turn()).collect();
            self.send(turn.into_iter())?;
            sent += u64::from(BURST);
        }
        Ok(sent)
    }

    /// What the kernel refuses is not told here: it will be missed among what was delivered.
    fn send(&self, pairs: impl Iterator<Item = (u32, u32)>) -> Result<()> {
        let (mut frames, mut targets) = (Vec::new(), Vec::new());
        for (from, to) in pairs {
            let (from, to) = (self.layout.host(from), self.layout.host(to));
            let link = self.links.get(usize::try_from(from.port)?);
            targets.push(Some(*link.context("a host without a port")?));
            frames.push(frame(from, to));
        }
        let slices: Vec<[IoSlice<'_>; 1]> = frames.iter().map(|it| [slice(it)]).collect();
        let mut headers = MultiHeaders::preallocate(slices.len(), None);
        let socket = self.socket.as_raw_fd();
        sendmmsg(
            socket,
            &mut headers,
            &slices,
            targets,
            [],
            MsgFlags::empty(),
        )
        .context("cannot send out of a TAP")?;
        Ok(())
    }
}

fn slice(frame: &[u8; LENGTH]) -> IoSlice<'_> {
    IoSlice::new(frame)
}

/// The interfaces `p0`, `p1` and so on of the calling thread's namespace.
fn links(ports: u32) -> Result<Vec<LinkAddr>> {
    let mut links = vec![None; usize::try_from(ports)?];
    for entry in getifaddrs()? {
        let port = entry.interface_name.strip_prefix('p');
        let port = port.and_then(|digits| digits.parse::<usize>().ok());
        let link = entry.address.as_ref().and_then(|it| it.as_link_addr());
        if let (Some(place), Some(link)) = (port.and_then(|it| links.get_mut(it)), link) {
            *place = Some(*link);
        }
    }
    let links: Option<Vec<LinkAddr>> = links.into_iter().collect();
    links.context("the node lacks a port")
}

/// The next burst's moment. One that is missed is not made up for: that would be a longer burst.
#[derive(Debug)]
struct Pace(Instant);

impl Pace {
    fn new() -> Self {
        Self(Instant::now())
    }

    fn wait(&mut self, stop: &AtomicBool) -> Result<()> {
        if stop.load(Ordering::Relaxed) {
            bail!("stopped by a signal");
        }
        let now = Instant::now();
        self.0 += PAUSE;
        if self.0 < now {
            self.0 = now;
        }
        sleep(self.0 - now);
        Ok(())
    }
}
