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
    /// What the last byte that was no status speaks for, and since when.
    cause: Cause,
    cause_us: u64,
}

impl Health {
    pub(super) fn new(now_us: u64) -> Self {
        Self {
            decoder: Decoder::default(),
            settled_us: now_us,
            cause: Cause::Silent,
            cause_us: now_us,
        }
    }

    /// Takes a byte; returns the status that it confirms.
    pub(super) fn handle_byte(&mut self, now_us: u64, byte: u8) -> Option<Status> {
        let confirmed = self.decoder.sample(byte);
        if self.decoder.is_settled() {
            self.settled_us = now_us;
        } else if Status::decode(byte).is_none() {
            let cause = match byte {
                0x00 => Cause::Silent,
                0xFF => Cause::Unplugged,
                _ => Cause::Noise,
            };
            if cause != self.cause {
                (self.cause, self.cause_us) = (cause, now_us);
            }
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
        Some(self.cause)
    }

    /// True if that has been the reason for so long that it will not be another one soon.
    pub(super) const fn is_lasting(&self, now_us: u64) -> bool {
        now_us.saturating_sub(self.cause_us) >= DOWN_US
    }
}
