//! Whether anybody answers.

use skerry_panel_proto::Status;
use skerry_panel_proto::status::Decoder;
use skerry_panel_proto::timing::DOWN_US;

use super::Cause;

/// What comes back, and when it was last believed.
#[derive(Debug)]
pub(super) struct Health {
    decoder: Decoder,
    settled_us: u64,
    /// The last byte that was no status.
    odd: u8,
}

impl Health {
    pub(super) fn new(now_us: u64) -> Self {
        Self {
            decoder: Decoder::default(),
            settled_us: now_us,
            odd: 0,
        }
    }

    /// Takes a byte; returns the status that it confirms.
    pub(super) fn handle_byte(&mut self, now_us: u64, byte: u8) -> Option<Status> {
        let confirmed = self.decoder.sample(byte);
        if self.decoder.is_settled() {
            self.settled_us = now_us;
        } else if Status::decode(byte).is_none() {
            self.odd = byte;
        }
        confirmed
    }

    /// For how long nothing was believed.
    pub(super) const fn odd_for(&self, now_us: u64) -> u64 {
        now_us.saturating_sub(self.settled_us)
    }

    pub(super) const fn is_settled(&self) -> bool {
        self.decoder.is_settled()
    }

    /// Why nothing was believed for too long.
    pub(super) const fn is_lost(&self, now_us: u64) -> Option<Cause> {
        if self.odd_for(now_us) < DOWN_US {
            return None;
        }
        Some(match self.odd {
            0x00 => Cause::Silent,
            0xFF => Cause::Unplugged,
            _ => Cause::Noise,
        })
    }
}
