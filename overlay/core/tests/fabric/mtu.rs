//! Machines that believe in a larger MTU than the fabric has, or than a path in it: what their
//! connections open with, and what they are told of packets that do not fit.

mod clamp;
pub(crate) mod path;
mod probe;
pub(crate) mod too_big;

use skerry_policy::Mac;

use crate::world::World;
use crate::world::frames::{BROADCAST, ip, ip6, mac, udp_as};

const MTU: u16 = 1390;

/// Hosts that have said where they are, and their link-local addresses.
fn known(mut world: World, ports: &[&str]) -> World {
    for port in ports {
        let anyone = [255; 4].into();
        world.send(port, &udp_as(mac(port), ip(port), BROADCAST, anyone, b"me"));
    }
    world.forget();
    world
}

fn tagged(frame: &[u8], vid: u16) -> Vec<u8> {
    let [high, low] = vid.to_be_bytes();
    [&frame[..12], &[0x81, 0x00, high, low], &frame[12..]].concat()
}
