//! A control message: magic and version, kind, body, nothing after it.

use crate::control::MESSAGE_MAX;
use crate::control::codec::Reader;
use crate::control::hello::Hello;
use crate::control::offers::Offers;
use crate::control::page::Bindings;

/// "SK", version 1. Another version is another protocol.
const MAGIC: [u8; 3] = [b'S', b'K', 1];
const HELLO: u8 = 1;
const BINDINGS: u8 = 2;
const OFFERS: u8 = 3;

/// What a node says to another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Message {
    Hello(Hello),
    Bindings(Bindings),
    Offers(Offers),
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
        }
        bytes
    }

    /// `None` for anything that [`Self::encode`] would not have written.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MESSAGE_MAX {
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
            _ => return None,
        };
        reader.is_empty().then_some(message)
    }
}

#[cfg(test)]
mod tests;
