//! Scripts for a whole fabric with live keys: two nodes of our own, and a peer with a valid key
//! that seals whatever it likes.
//!
//! What holds, whatever hosts and the peer do:
//!
//! - a port receives only what RFC 5517 lets it, by the policy of the node that sent and by the
//!   one of the node that delivers, under the tag that policy gives the segment;
//! - what came out of a tunnel goes into none;
//! - the peer hears nothing of a segment it has no port for, and is given no frame for an
//!   address that policy binds to somebody else;
//! - both conservation equations are exact, and what one node sealed the other counted.

mod frames;
mod oracle;
mod world;

use std::cell::RefCell;

use super::script::Script;
use world::World;

/// boringtun's sessions end by the real clock; long before that the world is made anew.
const INPUTS_PER_WORLD: u32 = 10_000;
/// Steps of one script.
const STEPS: usize = 20;

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// Runs a script in a world that has forgotten the one before.
pub fn forwarder(bytes: &[u8]) {
    WORLD.with_borrow_mut(|slot| {
        if slot
            .as_ref()
            .is_none_or(|world| world.used >= INPUTS_PER_WORLD)
        {
            *slot = Some(World::new());
        }
        // A world in which something failed is not used again.
        let mut world = slot.take().expect("made above");
        world.reset();
        run(&mut world, &mut Script::new(bytes));
        *slot = Some(world);
    });
}

fn run(world: &mut World, script: &mut Script<'_>) {
    for _ in 0..STEPS {
        if script.is_over() {
            break;
        }
        match script.byte() % 16 {
            0..=5 => oracle::frame(world, script),
            6..=9 => oracle::sealed_frame(world, script),
            10 => oracle::sealed_bytes(world, script),
            11 => oracle::datagram(world, script),
            12 => world.advance(script),
            13 => world.reload(script),
            14 => world.flip_port(script),
            _ => oracle::control(world, script),
        }
        world.check_counters();
    }
    world.check_tables();
}
