//! A console whose cable and keys are listened to.

use std::io;

use skerry_gbdisplay::port::{Emulated, Port, Speed};
use skerry_gbdisplay::{Keys, Model};
use skerry_panel_proto::frame::IDLE;
use skerry_referees::Deed;

/// A console in the core, and what was done to it at which M-cycle.
pub(crate) struct Recorder {
    pub(crate) console: Emulated,
    pub(crate) deeds: Vec<(u64, Deed)>,
    wire: Wire,
}

/// Where in what a host says the next byte is.
#[derive(Clone, Copy)]
enum Wire {
    Between,
    Length,
    /// So many bytes before the end of a frame.
    Within(u8),
}

impl Wire {
    /// What a byte is, and what the next one can be.
    const fn take(self, byte: u8) -> (Deed, Self) {
        let next = match self {
            Self::Between if byte == IDLE => return (Deed::Idle, Self::Between),
            Self::Between => Self::Length,
            // What it counts, and the CRC.
            Self::Length => Self::Within(byte + 2),
            Self::Within(left) if left > 1 => Self::Within(left - 1),
            Self::Within(_) => Self::Between,
        };
        (Deed::Byte(byte), next)
    }
}

impl Recorder {
    /// Switched on.
    pub(crate) fn new(model: Model) -> Self {
        Self {
            console: Emulated::new(model, Speed::Free).unwrap(),
            deeds: Vec::new(),
            wire: Wire::Between,
        }
    }

    fn note(&mut self, deed: Deed) {
        self.deeds.push((self.console.machine().cycle(), deed));
    }
}

impl Port for Recorder {
    fn exchange(&mut self, sent: &[u8], received: &mut Vec<u8>) -> io::Result<()> {
        for byte in sent {
            let (deed, wire) = self.wire.take(*byte);
            self.wire = wire;
            self.note(deed);
            self.console.exchange(&[*byte], received)?;
        }
        Ok(())
    }

    fn wait(&mut self, us: u64) {
        self.console.wait(us);
    }

    fn now_us(&mut self) -> u64 {
        self.console.now_us()
    }

    fn batch(&self) -> usize {
        self.console.batch()
    }

    fn hold(&mut self, keys: Keys) {
        self.note(Deed::Keys(skerry_dmg::Keys::from_bits(keys.0)));
        self.console.hold(keys);
    }
}
