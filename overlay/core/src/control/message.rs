//! A control message: magic and version, kind, body, nothing after it.

use crate::control::MESSAGE_MAX;
use crate::control::codec::Reader;
use crate::control::hello::Hello;
use crate::control::offers::Offers;
use crate::control::page::Bindings;
use crate::control::probe::{Probe, probe_len};

/// "SK", version 1. Another version is another protocol.
const MAGIC: [u8; 3] = [b'S', b'K', 1];
const HELLO: u8 = 1;
const BINDINGS: u8 = 2;
const OFFERS: u8 = 3;
const PROBE: u8 = 4;
const ANSWER: u8 = 5;

/// What a node says to another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Message {
    Hello(Hello),
    Bindings(Bindings),
    Offers(Offers),
    Probe(Probe),
    /// The probe that has arrived.
    Answer(Probe),
}

impl Message {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MESSAGE_MAX);
        bytes.extend(MAGIC);
        match self {
            Self::Hello(hello) => {
                bytes.push(HELLO);
                hello.encode(&mut bytes);
            }
            Self::Bindings(bindings) => {
                bytes.push(BINDINGS);
                bindings.encode(&mut bytes);
            }
            Self::Offers(offers) => {
                bytes.push(OFFERS);
                offers.encode(&mut bytes);
            }
            Self::Probe(probe) => {
                bytes.push(PROBE);
                probe.encode(&mut bytes);
            }
            Self::Answer(probe) => {
                bytes.push(ANSWER);
                probe.encode_answer(&mut bytes);
            }
        }
        bytes
    }

    /// `None` for anything that [`Self::encode`] would not have written.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MESSAGE_MAX && !is_probe(bytes) {
            return None;
        }
        let mut reader = Reader::new(bytes);
        if reader.bytes()? != MAGIC {
            return None;
        }
        let message = match reader.byte()? {
            HELLO => Self::Hello(Hello::decode(&mut reader)?),
            BINDINGS => Self::Bindings(Bindings::decode(&mut reader)?),
            OFFERS => Self::Offers(Offers::decode(&mut reader)?),
            PROBE => Self::Probe(Probe::decode(&mut reader, bytes.len())?),
            ANSWER => Self::Answer(Probe::decode_answer(&mut reader)?),
            _ => return None,
        };
        reader.is_empty().then_some(message)
    }
}

/// Whether a message is a probe by its beginning: its length is what it asks about.
pub(crate) fn is_probe(message: &[u8]) -> bool {
    let [a, b, c] = MAGIC;
    message.starts_with(&[a, b, c, PROBE])
}

/// Whether a message is no longer than one may be. A probe may be as long as a frame of a fabric's
/// MTU makes a packet, and no longer.
pub(crate) fn is_short_enough(message: &[u8], mtu: u16) -> bool {
    message.len() <= MESSAGE_MAX || (is_probe(message) && message.len() <= probe_len(mtu))
}

#[cfg(test)]
mod tests;
