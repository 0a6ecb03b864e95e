//! How often a worker reads a port: as often as there are frames, and hardly more.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use skerry_overlay::Offload;
use skerry_overlay_io::capture::PacketSocket;
use skerry_overlay_io::{Dataplane, OffloadSwitches, RxHalf};
use tokio::sync::mpsc;

use crate::dataplane::setup;
use crate::world::{World, eventually, manager, on_a_machine, tap, veth};

/// The reading side of a port, and how often it had nothing.
#[derive(Debug)]
struct Counting {
    rx: Box<dyn RxHalf>,
    empty: Arc<AtomicU64>,
}

impl RxHalf for Counting {
    fn recv(&mut self, buf: &mut [u8]) -> io::Result<Option<(usize, Offload)>> {
        let read = self.rx.recv(buf);
        let empty = matches!(read, Ok(None));
        self.empty.fetch_add(u64::from(empty), Ordering::Relaxed);
        read
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        self.rx.as_fd()
    }
}

/// A worker with one port, and the guest's end of it.
struct Watched {
    dataplane: Dataplane,
    socket: PacketSocket,
    empty: Arc<AtomicU64>,
}

impl Watched {
    /// So many frames come together; all are read.
    async fn send(&self, frames: u64) {
        let before = self.frames().await;
        let mut frame = vec![0xff; 6];
        frame.extend([2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
        frame.resize(60, 0);
        for _ in 0..frames {
            self.socket.send(&frame).unwrap();
        }
        eventually("all are read", async || {
            self.frames().await >= before + frames
        })
        .await;
    }

    async fn frames(&self) -> u64 {
        let snapshot = self.dataplane.snapshot().await.unwrap();
        snapshot.counters.ports.iter().map(|it| it.frames_in).sum()
    }

    fn empty(&self) -> u64 {
        self.empty.load(Ordering::Relaxed)
    }
}

fn watch(port: fn(&str, &str) -> String, test: impl AsyncFnOnce(&Watched) + Send) {
    on_a_machine(async |world: World| {
        let guest = world.guest("g1");
        let tables = world.tables(&[&port("a", "g1")]);
        let (sender, _events) = mpsc::channel(1024);
        let setup = setup(1, &tables, "127.0.0.1:0", 1, OffloadSwitches::default());
        let dataplane = Dataplane::start(setup, sender).unwrap();
        let empty = Arc::new(AtomicU64::new(0));
        let mut ports = manager().await;
        for (name, mut port) in ports.prepare(&tables).await.unwrap() {
            let counted = |mut queue: skerry_overlay_io::Queue| {
                let (rx, empty) = (queue.rx, Arc::clone(&empty));
                queue.rx = Box::new(Counting { rx, empty });
                queue
            };
            port.queues = port.queues.into_iter().map(counted).collect();
            dataplane.attach(&name, port).await.unwrap();
        }
        guest.address("eth0", [10, 0, 0, 1].into());
        let socket = guest.socket("eth0");
        let watched = Watched {
            dataplane,
            socket,
            empty,
        };
        test(&watched).await;
        watched.dataplane.stop().await;
        ports.close().await;
    });
}

fn one_at_a_time(port: fn(&str, &str) -> String) {
    watch(port, async |watched: &Watched| {
        let before = watched.empty();
        for _ in 0..50 {
            watched.send(1).await;
        }
        // The first, and where the guest's kernel says something at the same time.
        let empty = watched.empty() - before;
        assert!(
            empty < 25,
            "{empty} of the reads for 50 frames found nothing"
        );
    });
}

#[test]
fn who_sends_one_frame_now_and_then_to_a_tap_is_read_once_for_each() {
    one_at_a_time(tap);
}

#[test]
fn who_sends_one_frame_now_and_then_to_a_veth_is_read_once_for_each() {
    one_at_a_time(veth);
}

/// After a pause one frame is looked for: the others must not be left behind.
#[test]
fn whatever_comes_together_is_read() {
    watch(tap, async |watched: &Watched| {
        for frames in [1, 1, 2, 1, 1, 7, 1, 1, 64, 65, 1, 1, 300, 1] {
            watched.send(frames).await;
        }
    });
}
