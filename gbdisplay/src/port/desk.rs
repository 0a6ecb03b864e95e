//! What drives a panel at a port: bytes out, bytes in, and silence.

use std::io;

use super::Port;
use crate::link::Next;
use crate::panel::Panel;
use crate::session::Session;

/// A panel at a port: everything but the facts.
#[derive(Debug)]
pub struct Desk<P> {
    /// The panel and the link.
    pub session: Session,
    /// The port.
    pub port: P,
    sent: Vec<u8>,
    received: Vec<u8>,
}

impl<P: Port> Desk<P> {
    /// Puts a panel at a port.
    pub fn new(panel: Panel, mut port: P) -> Self {
        Self {
            session: Session::new(panel, port.now_us()),
            port,
            sent: Vec::new(),
            received: Vec::new(),
        }
    }

    /// Exchanges a batch, or is silent: at most for as long as the link's watchdog takes.
    ///
    /// # Errors
    /// The port failed.
    pub fn step(&mut self) -> io::Result<()> {
        let now_us = self.port.now_us();
        self.sent.clear();
        let mut silent_until = now_us;
        while self.sent.len() < self.port.batch().max(1) {
            match self.session.next_byte(now_us) {
                Next::Byte(byte) => self.sent.push(byte),
                Next::SilentUntil(until) => {
                    silent_until = until;
                    break;
                }
            }
        }
        if !self.sent.is_empty() {
            self.received.clear();
            self.port.exchange(&self.sent, &mut self.received)?;
            let now_us = self.port.now_us();
            for byte in &self.received {
                self.session.handle_byte(now_us, *byte);
            }
        }
        let left_us = silent_until.saturating_sub(self.port.now_us());
        if left_us > 0 {
            self.port.wait(left_us);
        }
        Ok(())
    }
}
