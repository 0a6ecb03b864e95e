//! An emulator's end of BGB's link protocol that says anything, as fast as it is let.

use std::io::{ErrorKind, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};
use skerry_netns_tests::relay::Random;

/// How soon it notices that it is to stop.
const TICK: Duration = Duration::from_millis(20);
/// The version, as BGB 1.4 says it.
const GREETING: [u8; 8] = [1, 1, 4, 0, 0, 0, 0, 0];

/// Listens on the loopback until dropped.
#[derive(Debug)]
pub(crate) struct Babbler {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Babbler {
    pub(crate) fn listen() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("babbler".into())
            .spawn(move || {
                let mut random = Random::new(2);
                while !stopped.load(Ordering::Relaxed) {
                    match listener.accept() {
                        // He who has heard enough hangs up.
                        Ok((peer, _)) => drop(babble(peer, &mut random, &stopped)),
                        Err(_) => std::thread::sleep(TICK),
                    }
                }
            })
            .context("no thread")?;
        Ok(Self {
            address,
            stop,
            thread: Some(thread),
        })
    }

    /// What `--link` says of it.
    pub(crate) fn link(&self) -> String {
        format!("bgb:{}", self.address)
    }
}

impl Drop for Babbler {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn babble(mut peer: TcpStream, random: &mut Random, stopped: &AtomicBool) -> std::io::Result<()> {
    peer.set_nonblocking(false)?;
    peer.set_write_timeout(Some(TICK))?;
    peer.write_all(&GREETING)?;
    let mut bytes = [0; 4096];
    while !stopped.load(Ordering::Relaxed) {
        random.fill(&mut bytes);
        match peer.write(&bytes) {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
