//! The fuzz target for what the kernel says about links.

#![allow(clippy::expect_used, reason = "to panic is what a target is for")]

use netlink_packet_core::{NetlinkBuffer, NetlinkMessage};
use netlink_packet_route::RouteNetlinkMessage;

use super::connection::{Change, read};

/// A datagram of the kernel, message by message as `netlink-proto` reads it, up to what the actor
/// is told.
pub fn netlink(bytes: &[u8]) {
    let mut rest = bytes;
    while let Ok(buffer) = NetlinkBuffer::new_checked(rest) {
        let length = usize::try_from(buffer.length()).expect("it lies inside the datagram");
        assert!(
            (16..=rest.len()).contains(&length),
            "{length} of {}",
            rest.len()
        );
        let (message, others) = rest.split_at(length);
        rest = others;
        let Ok(message) = NetlinkMessage::<RouteNetlinkMessage>::deserialize(message) else {
            continue;
        };
        if let Some(Change::Link(link)) = read(message.payload) {
            // Lossy reading of a name that is not UTF-8 makes three bytes of one.
            assert!(link.name.len() <= 3 * length, "{link:?}");
            let alias = link.alias.as_deref().unwrap_or("-");
            assert!(!alias.is_empty() && alias.len() <= 3 * length, "{link:?}");
            assert!(link.up || !link.carrier, "{link:?}");
        }
    }
}
