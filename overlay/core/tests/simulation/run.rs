//! Many seeds on all cores, and what came of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use skerry_overlay::Time;

use crate::liveness;
use crate::schedule::Kind;
use crate::world::World;

const SEEDS: u64 = 1_000;
/// Failures that are told; the rest is counted.
const TOLD: usize = 3;

/// What all runs together did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Sum {
    seeds: u64,
    frames: u64,
    delivered: u64,
    answered: u64,
    drawn: u64,
    datagrams: u64,
    lost: u64,
    hostile_nodes: u64,
    simulated: u64,
}

impl Sum {
    fn of(world: &World) -> Self {
        let tally = world.ledger.tally;
        Self {
            seeds: 1,
            frames: tally.sent,
            delivered: tally.delivered,
            answered: tally.answered,
            drawn: world.drawn,
            datagrams: world.network.carried,
            lost: world.network.lost,
            hostile_nodes: u64::from(world.plan.kind == Kind::HostileNode),
            simulated: world.now.since(Time(0)).as_secs(),
        }
    }

    fn add(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.frames += other.frames;
        self.delivered += other.delivered;
        self.answered += other.answered;
        self.drawn += other.drawn;
        self.datagrams += other.datagrams;
        self.lost += other.lost;
        self.hostile_nodes += other.hostile_nodes;
        self.simulated += other.simulated;
    }
}

/// One seed, from the first handshake to the last look.
fn simulate(seed: u64) -> Result<Sum, String> {
    let mut world = World::new(seed)?;
    let chaos = Time(0) + world.plan.chaos;
    let ended = world.run_until(chaos);
    let ended = ended.and_then(|()| liveness::run(&mut world));
    match ended {
        Ok(()) => {
            if number("SKERRY_SEED").is_some() {
                println!("{:#?}\n{}", world.plan, world.log.join("\n"));
            }
            Ok(Sum::of(&world))
        }
        Err(what) => Err(format!(
            "{what}\n{:#?}\n{}\n{}",
            world.plan,
            world.log.join("\n"),
            world.site.text(world.accepted[0])
        )),
    }
}

/// A panic of the product is a failure of the seed.
fn attempt(seed: u64) -> Result<Sum, String> {
    let tried = catch_unwind(AssertUnwindSafe(|| simulate(seed)));
    tried.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        let words = words.or_else(|| panic.downcast_ref::<&str>().map(|&it| it.to_owned()));
        Err(format!("panicked: {}", words.unwrap_or_default()))
    })
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable}={text} is no number")),
    )
}

/// Runs these seeds on two threads, each with a clock of its own.
fn simulate_all(seeds: std::ops::Range<u64>) -> (Sum, Vec<(u64, String)>) {
    let next = AtomicU64::new(seeds.start);
    let results = Mutex::new((Sum::default(), Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let result = attempt(seed);
                    let mut results = results.lock().unwrap();
                    match result {
                        Ok(sum) => results.0.add(sum),
                        Err(what) => results.1.push((seed, what)),
                    }
                }
            });
        }
    });
    let (sum, mut failures) = results.into_inner().unwrap();
    failures.sort();
    (sum, failures)
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "how long it took; nothing of a run depends on it"
)]
fn nobody_hears_what_is_not_for_them_and_everybody_is_heard_again() {
    let seeds = match number("SKERRY_SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let first = number("SKERRY_FIRST").unwrap_or(0);
            first..first + number("SKERRY_SEEDS").unwrap_or(SEEDS)
        }
    };
    let start = Instant::now();
    let (sum, failures) = simulate_all(seeds);
    let seconds = start.elapsed().as_secs_f64();
    let count = |word: &str| failures.iter().filter(|it| it.1.contains(word)).count();
    println!(
        "figure: {} seeds, {} failed (forbidden {}, missing {}, duplicate {}), \
         {} frames, {} deliveries, {} answers, {} datagrams, {} lost, \
         {} runs with a hostile node, {} unicasts for places not sure drawn to it, \
         {} simulated seconds in {seconds:.1} s",
        sum.seeds + u64::try_from(failures.len()).unwrap(),
        failures.len(),
        count("forbidden"),
        count("missing"),
        count("duplicate"),
        sum.frames,
        sum.delivered,
        sum.answered,
        sum.datagrams,
        sum.lost,
        sum.hostile_nodes,
        sum.drawn,
        sum.simulated,
    );
    for (seed, what) in failures.iter().take(TOLD) {
        println!("seed {seed}: {what}\nreplay: SKERRY_SEED={seed} cargo xtask test simulation\n");
    }
    let first = |what: &str| what.lines().next().map(str::to_owned);
    let all: Vec<_> = failures.iter().map(|it| (it.0, first(&it.1))).collect();
    assert!(all.is_empty(), "seeds that failed: {all:#?}");
}

#[test]
fn a_seed_is_the_same_run_every_time() {
    for seed in 0..4 {
        let runs = [attempt(seed), attempt(seed)];
        assert_eq!(runs[0], runs[1], "seed {seed}");
    }
}
