//! A frame that is under way: sent, waited for, sent again.

use skerry_panel_proto::frame::Frame;
use skerry_panel_proto::timing::{ACK_BYTES, ACK_US, GREETING_BYTES, GREETING_US, SENDS_MAX};

/// A frame that was not acknowledged yet.
#[derive(Debug)]
pub(super) struct Flight {
    frame: Frame,
    /// Bytes of it that were handed out, this time.
    sent: usize,
    /// When the last of them was, and how many answers came since.
    waiting: Option<(u64, u32)>,
    /// How often all of it was sent.
    sends: u32,
    /// How long to wait for the acknowledgement, and how many bytes at least.
    patience: (u64, u32),
    first_us: u64,
    /// The acknowledgement came in the middle of a resend, which goes on to its end: half a frame
    /// would spoil the next one.
    acknowledged_us: Option<u64>,
}

/// What became of waiting.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Waiting {
    /// It goes on, or the frame is not all sent.
    No,
    /// The frame is sent again from its first byte.
    Again,
    /// So it is, but after a silence.
    Silence,
}

impl Flight {
    pub(super) const fn new(frame: Frame, is_greeting: bool, now_us: u64) -> Self {
        Self {
            frame,
            sent: 0,
            waiting: None,
            sends: 0,
            patience: if is_greeting {
                (ACK_US + GREETING_US, GREETING_BYTES)
            } else {
                (ACK_US, ACK_BYTES)
            },
            first_us: now_us,
            acknowledged_us: None,
        }
    }

    /// The next byte of the frame, if it is not all sent.
    pub(super) fn next_byte(&mut self, now_us: u64) -> Option<u8> {
        let byte = *self.frame.as_bytes().get(self.sent)?;
        self.sent += 1;
        if self.sent == self.frame.as_bytes().len() {
            self.sends += 1;
            self.waiting = Some((now_us, 0));
        }
        Some(byte)
    }

    /// An answer to some byte came.
    pub(super) const fn count_byte(&mut self) {
        if let Some((_, bytes)) = &mut self.waiting {
            *bytes = bytes.saturating_add(1);
        }
    }

    /// Begins again if it was waited for long enough.
    pub(super) fn handle_timeout(&mut self, now_us: u64) -> Waiting {
        let Some((since_us, bytes)) = self.waiting else {
            return Waiting::No;
        };
        let waited_us = now_us.saturating_sub(since_us);
        if waited_us < self.patience.0 || bytes < self.patience.1 {
            return Waiting::No;
        }
        self.restart();
        if self.sends.is_multiple_of(SENDS_MAX) {
            Waiting::Silence
        } else {
            Waiting::Again
        }
    }

    /// Sends it again from its first byte.
    pub(super) const fn restart(&mut self) {
        self.sent = 0;
        self.waiting = None;
    }

    /// The panel has it. Returns how long that took once no byte of it is left to send.
    pub(super) fn handle_ack(&mut self, now_us: u64) -> Option<u64> {
        if self.sends == 0 {
            return None;
        }
        let at_us = *self.acknowledged_us.get_or_insert(now_us);
        let is_between = self.waiting.is_some() || self.sent == 0;
        is_between.then(|| at_us.saturating_sub(self.first_us))
    }
}
