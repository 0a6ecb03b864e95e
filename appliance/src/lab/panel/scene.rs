//! What goes on while the panel is shown: guests talk, and now and then one of them tries to reach
//! a neighbour by way of the gateway.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use serde_json::json;
use skerry_overlay_io::capture::PacketSocket;

use super::flow::{COURSES, Flow};
use crate::lab::attack::detour;
use crate::lab::plan::{HostId, cast};
use crate::lab::world::World;
use crate::panel::{Shared, print};

/// The schema of a line that tells of an attack.
const SCHEMA: &str = "skerry.lab-event/1";
/// How often the senders look at what is due.
const TICK: Duration = Duration::from_millis(4);
/// From the beginning to the first attack, and from one to the next, by the clock of the panel. When
/// all have tried, the alert of the first is over.
const EVERY: Duration = Duration::from_secs(8);

/// Who tries it, by way of whose gateway, and whom he may not reach.
const ATTEMPTS: [[HostId; 3]; 5] = [
    [cast::ATTACKER, cast::GATEWAY, cast::NEIGHBOUR],
    [cast::RED_NEAR, cast::RED_GATEWAY, cast::RED_FAR],
    [cast::NEIGHBOUR, cast::GATEWAY, cast::ATTACKER],
    [cast::WEB_NEAR, cast::GATEWAY, cast::NEIGHBOUR],
    [cast::DB_NEAR, cast::GATEWAY, cast::WEB_NEAR],
];

/// A thread that makes it happen.
#[derive(Debug)]
pub(super) struct Scene {
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

/// What the thread has.
#[derive(Debug)]
struct Actors {
    flows: Vec<Flow>,
    attempts: Vec<Attempt>,
    shared: Arc<Shared>,
    json: bool,
}

/// A packet for a neighbour, in a frame for the gateway.
#[derive(Debug)]
struct Attempt {
    from: HostId,
    mouth: Arc<PacketSocket>,
    frame: Vec<u8>,
}

impl Scene {
    /// Begins. Attacks are told on stdout, as lines of JSON, if that is wanted.
    pub(super) fn start(world: &World, shared: Arc<Shared>, json: bool) -> Result<Self> {
        let flows = COURSES.iter().map(|it| Flow::open(world, *it));
        let attempts = ATTEMPTS.iter().map(|[from, gateway, neighbour]| {
            Ok(Attempt {
                from: *from,
                mouth: world.host(*from)?.mouth(),
                frame: detour(world.run, *from, *gateway, *neighbour),
            })
        });
        let actors = Actors {
            flows: flows.collect::<Result<_>>()?,
            attempts: attempts.collect::<Result<_>>()?,
            shared,
            json,
        };
        let done = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&done);
        let thread = std::thread::Builder::new().name("scene".to_owned());
        Ok(Self {
            done,
            thread: Some(thread.spawn(move || actors.play(&stop))?),
        })
    }

    /// Ends, and says what went wrong.
    pub(super) fn stop(mut self) -> Result<()> {
        self.halt().unwrap_or(Ok(()))
    }

    fn halt(&mut self) -> Option<Result<()>> {
        self.done.store(true, Ordering::Relaxed);
        let joined = self.thread.take()?.join();
        Some(joined.unwrap_or_else(|_| Err(anyhow!("the thread of the scene panicked"))))
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // Only on the way out of a failure, which is the one to tell.
        drop(self.halt());
    }
}

impl Actors {
    fn play(mut self, done: &AtomicBool) -> Result<()> {
        let start = Instant::now();
        let mut attacks = (0_u32..).map(|it| (it + 1) * EVERY);
        let mut attempts = self.attempts.iter().cycle();
        let mut next = attacks.next();
        while !done.load(Ordering::Relaxed) {
            let now = start.elapsed();
            self.flows.iter_mut().try_for_each(|it| it.send(now))?;
            if next.is_some_and(|it| self.shared.now() >= it) {
                next = attacks.next();
                let attempt = attempts.next().context("there are attempts")?;
                attempt.send(&self.shared, self.json)?;
            }
            std::thread::sleep(TICK);
        }
        Ok(())
    }
}

impl Attempt {
    /// Sends it, and tells when that was: right before.
    fn send(&self, shared: &Shared, json: bool) -> Result<()> {
        let at = Instant::now();
        let plan = self.from.plan();
        self.mouth
            .send(&self.frame)
            .with_context(|| format!("{} cannot send", plan.name))?;
        if json {
            print(&json!({
                "schema": SCHEMA,
                "event": "attack",
                "name": "hairpin",
                "from": plan.port(),
                "wall_us": shared.wall_us(at),
            }))?;
        }
        Ok(())
    }
}
