//! Two ports joined by a wire: what one reads, the other writes. No policy, only the backends.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use skerry_overlay::{FRAME_MAX, Frame};
use skerry_overlay_io::Port;

use crate::world::{Guest, PATIENCE};

/// Carries frames both ways until it is dropped.
pub(crate) struct Wire {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    pub(crate) superframes: Arc<AtomicU64>,
    pub(crate) frames: Arc<AtomicU64>,
}

impl Wire {
    pub(crate) fn between(mut one: Port, mut other: Port) -> Self {
        let mut wire = Self {
            stop: Arc::default(),
            threads: Vec::new(),
            superframes: Arc::default(),
            frames: Arc::default(),
        };
        for (one, other) in one.queues.drain(..).zip(other.queues.drain(..)) {
            wire.carry(one.rx, other.tx);
            wire.carry(other.rx, one.tx);
        }
        wire
    }

    fn carry(
        &mut self,
        mut from: Box<dyn skerry_overlay_io::RxHalf>,
        mut to: Box<dyn skerry_overlay_io::TxHalf>,
    ) {
        let stop = Arc::clone(&self.stop);
        let (superframes, frames) = (Arc::clone(&self.superframes), Arc::clone(&self.frames));
        self.threads.push(std::thread::spawn(move || {
            let mut buf = vec![0; FRAME_MAX];
            while !stop.load(Ordering::Relaxed) {
                match from.recv(&mut buf) {
                    Ok(Some((len, offload))) => {
                        frames.fetch_add(1, Ordering::Relaxed);
                        superframes
                            .fetch_add(u64::from(offload.superframe.is_some()), Ordering::Relaxed);
                        // A full device drops, as a wire does.
                        to.send(Frame {
                            bytes: &buf[..len],
                            offload,
                        })
                        .ok();
                    }
                    Ok(None) => std::thread::sleep(Duration::from_micros(100)),
                    Err(error) => panic!("{from:?}: {error}"),
                }
            }
        }));
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

/// Bytes that differ at every place, so that anything lost, doubled or moved is seen.
fn pattern(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(next).collect()
}

/// Sends `len` bytes by TCP from one guest to another's address and compares them.
pub(crate) fn tcp(client: &Guest, server: &Guest, to: Ipv4Addr, len: usize) {
    flow(client, server, to, 5000, len);
}

/// The same, so many times at once.
pub(crate) fn flows(client: &Guest, server: &Guest, to: Ipv4Addr, count: u16, len: usize) {
    std::thread::scope(|scope| {
        for port in 5000..5000 + count {
            scope.spawn(move || flow(client, server, to, port, len));
        }
    });
}

fn flow(client: &Guest, server: &Guest, to: Ipv4Addr, port: u16, len: usize) {
    let listener = server.run(|| TcpListener::bind((to, port)).unwrap());
    let sent = pattern(len);
    listener.set_nonblocking(true).unwrap();
    std::thread::scope(|scope| {
        let receiver = scope.spawn(|| {
            let stream = accept(&listener);
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            read_all(stream)
        });
        let address = SocketAddr::from((to, port));
        let stream = client.run(|| TcpStream::connect_timeout(&address, PATIENCE));
        let mut stream = stream.expect("the other guest answers");
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&sent).unwrap();
        drop(stream);
        let received = receiver.join().unwrap();
        assert!(
            received == sent,
            "{} bytes arrived of {len}, or other ones",
            received.len()
        );
    });
}

/// Waits for a connection no longer than a test has patience: a fault must be red, not a hang.
fn accept(listener: &TcpListener) -> TcpStream {
    let start = Instant::now();
    loop {
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(false).unwrap();
            return stream;
        }
        assert!(start.elapsed() < PATIENCE, "nobody connects");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Reads to the end, which must come while the test has patience: a trickle is a fault too.
fn read_all(mut stream: TcpStream) -> Vec<u8> {
    let start = Instant::now();
    let (mut received, mut part) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        match stream.read(&mut part).expect("bytes or an end") {
            0 => return received,
            len => received.extend_from_slice(&part[..len]),
        }
        let len = received.len();
        assert!(start.elapsed() < PATIENCE, "only {len} bytes so far");
    }
}

/// Sends datagrams of these sizes and compares them.
pub(crate) fn udp(client: &Guest, server: &Guest, from: Ipv4Addr, to: Ipv4Addr, sizes: &[usize]) {
    let receiver = server.run(|| UdpSocket::bind((to, 5001)).unwrap());
    receiver.set_read_timeout(Some(PATIENCE)).unwrap();
    let sender = client.run(|| UdpSocket::bind((from, 5001)).unwrap());
    let mut buf = vec![0; 65_536];
    for &size in sizes {
        let sent = pattern(size);
        sender.send_to(&sent, (to, 5001)).unwrap();
        let len = receiver
            .recv(&mut buf)
            .unwrap_or_else(|error| panic!("{size} bytes: {error}"));
        assert!(
            buf[..len] == sent,
            "{len} bytes arrived of {size}, or other ones"
        );
    }
}
