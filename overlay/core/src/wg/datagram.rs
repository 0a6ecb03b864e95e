//! A datagram from the underlay, checked before boringtun sees it.

use boringtun::noise::{Packet, Tunn};

use crate::wg::REJECT_AFTER_MESSAGES;

/// No WireGuard message is longer: 65,535 bytes of IP packet less 32 of our own overhead.
pub(super) const DATAGRAM_MAX: usize = 65_535 - super::OVERHEAD;

/// What a message is, as far as it can be known before authentication.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Message {
    /// Handshake initiation: names its sender only to whoever holds the private key.
    Init,
    /// Handshake response to the session with this index.
    Response(u32),
    /// Cookie reply to the session with this index.
    Cookie(u32),
    /// Data of the session with this index.
    Data(u32),
}

/// Why a datagram goes no further.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unfit {
    /// Not a WireGuard message of a possible length.
    Garbage,
    /// Data beyond the last counter a session may use.
    Exhausted(u32),
}

/// Bytes with the length and the type of a WireGuard message; never empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram<'a> {
    bytes: &'a [u8],
    message: Message,
}

impl<'a> Datagram<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Unfit> {
        if bytes.len() > DATAGRAM_MAX {
            return Err(Unfit::Garbage);
        }
        let message = match Tunn::parse_incoming_packet(bytes).map_err(|_| Unfit::Garbage)? {
            Packet::HandshakeInit(_) => Message::Init,
            Packet::HandshakeResponse(response) => Message::Response(response.receiver_idx),
            Packet::PacketCookieReply(reply) => Message::Cookie(reply.receiver_idx),
            Packet::PacketData(data) => {
                if counter(bytes).is_none_or(|counter| counter >= REJECT_AFTER_MESSAGES) {
                    return Err(Unfit::Exhausted(data.receiver_idx));
                }
                Message::Data(data.receiver_idx)
            }
        };
        Ok(Self { bytes, message })
    }

    pub(super) const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub(super) const fn message(&self) -> Message {
        self.message
    }
}

/// The counter of a data message.
pub(super) fn counter(data: &[u8]) -> Option<u64> {
    let &[.., c0, c1, c2, c3, c4, c5, c6, c7] = data.first_chunk::<16>()?;
    Some(u64::from_le_bytes([c0, c1, c2, c3, c4, c5, c6, c7]))
}

/// Whether bytes that boringtun wrote are a data message (type 4).
pub(super) fn is_data(bytes: &[u8]) -> bool {
    bytes.first() == Some(&4)
}

/// Whether bytes that boringtun wrote are a handshake initiation (type 1).
pub(super) fn is_init(bytes: &[u8]) -> bool {
    bytes.first() == Some(&1)
}
