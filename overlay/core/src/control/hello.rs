//! Which policy a node runs, and the clock readings that give the round-trip time.

use std::time::Duration;

use skerry_policy::Digest;

use crate::control::codec::{Reader, put};
use crate::time::Time;

/// One node's state, told once a second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Hello {
    /// Random per start of the sender.
    pub(super) boot: u64,
    /// The sender's count of accepted site files.
    pub(super) generation: u64,
    pub(super) digest: Digest,
    /// The sender's clock.
    pub(super) sent: Time,
    /// What the sender last heard from the receiver.
    pub(super) echo: Option<Echo>,
}

/// A clock reading sent back, as in RFC 5880 section 6.8 and NTP: the receiver subtracts how
/// long it was held, so neither the interval nor the other clock matters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Echo {
    /// The boot whose clock it is.
    pub(super) boot: u64,
    /// `sent` of the Hello it answers.
    pub(super) sent: Time,
    /// From its arrival to this message.
    pub(super) held: Duration,
}

impl Hello {
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        put(bytes, self.boot);
        put(bytes, self.generation);
        bytes.extend(self.digest.0);
        put(bytes, self.sent.0);
        bytes.push(u8::from(self.echo.is_some()));
        if let Some(echo) = self.echo {
            put(bytes, echo.boot);
            put(bytes, echo.sent.0);
            put(
                bytes,
                u64::try_from(echo.held.as_nanos()).unwrap_or(u64::MAX),
            );
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            boot: reader.number()?,
            generation: reader.number()?,
            digest: Digest(reader.bytes()?),
            sent: Time(reader.number()?),
            echo: match reader.byte()? {
                0 => None,
                1 => Some(Echo {
                    boot: reader.number()?,
                    sent: Time(reader.number()?),
                    held: Duration::from_nanos(reader.number()?),
                }),
                _ => return None,
            },
        })
    }
}
