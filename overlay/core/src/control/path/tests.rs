//! A path that carries so much and no more, and loses some of the rest.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use proptest::prelude::*;

use super::*;
use crate::wg::testing::{fabric, id, reachable};

const MILLI: u64 = 1_000_000;
const FULL: u16 = 1390;
const FLOOR: u16 = 1170;

/// One end of a path, and the path.
struct Run {
    now: Time,
    path: Path,
    /// The largest packet that arrives.
    fits: u16,
    /// Of 100 probes, so many are lost though they fit, they or their answers.
    lost: u64,
    /// From a probe to its answer.
    delay: Duration,
    is_heard: bool,
    answers: bool,
    random: u64,
    under_way: BinaryHeap<Reverse<(Time, u64, u16)>>,
    /// What was asked: when, and which size.
    sent: Vec<(Time, u16)>,
    /// What was told: when, and which size.
    told: Vec<(Time, u16)>,
}

impl Run {
    fn new(fits: u16) -> Self {
        Self::of(FULL, fits)
    }

    fn of(full: u16, fits: u16) -> Self {
        let now = Time(9_000 * MILLI);
        Self {
            now,
            path: Path::new(now, full, &node("n2"), 7),
            fits,
            lost: 0,
            delay: Duration::from_millis(10),
            is_heard: true,
            answers: true,
            random: 1,
            under_way: BinaryHeap::new(),
            sent: Vec::new(),
            told: Vec::new(),
        }
    }

    fn carries(&self) -> u16 {
        self.path.narrow().unwrap_or(self.path.full)
    }

    fn roll(&mut self) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % 100
    }

    /// Until it is so, and no longer than this; how long it took.
    fn until(&mut self, limit: Duration, is_so: impl Fn(&Self) -> bool) -> Option<Duration> {
        let (start, end) = (self.now, self.now + limit);
        while !is_so(self) {
            let due = self.path.timeout();
            let answer = self.under_way.peek().map(|Reverse(first)| first.0);
            let next = due.into_iter().chain(answer).min()?.max(self.now);
            if next > end {
                self.now = end;
                return None;
            }
            self.now = next;
            self.step();
        }
        Some(self.now.since(start))
    }

    fn step(&mut self) {
        let now = self.now;
        while let Some(Reverse((at, number, mtu))) = self.under_way.peek().copied()
            && at <= now
        {
            self.under_way.pop();
            assert!(self.path.on_answer(now, Probe { number, mtu }));
            self.told.extend(self.path.news().map(|mtu| (now, mtu)));
        }
        let rtt = Some(Duration::from_millis(1));
        for probe in self.path.probes(now, self.is_heard, rtt) {
            self.sent.push((now, probe.mtu));
            let arrives = self.answers && probe.mtu <= self.fits && self.roll() >= self.lost;
            if arrives {
                let at = now + self.delay;
                self.under_way.push(Reverse((at, probe.number, probe.mtu)));
            }
        }
        self.told.extend(self.path.news().map(|mtu| (now, mtu)));
    }

    fn run(&mut self, millis: u64) {
        let span = Duration::from_millis(millis);
        assert_eq!(self.until(span, |_| false), None);
    }

    #[track_caller]
    fn settles(&mut self, on: u16, millis: u64) {
        let took = self.until(Duration::from_millis(millis), |it| it.carries() == on);
        let carries = self.carries();
        assert!(took.is_some(), "{carries} and not {on}: {:?}", self.told);
    }
}

fn node(name: &str) -> Node {
    let fabric = fabric(&[reachable("n1"), reachable(name)]);
    fabric.nodes[id(&fabric, name).index()].clone()
}

/// The largest size that is looked for and fits.
fn best(full: u16, fits: u16) -> u16 {
    let rungs = rungs(full, &node("n2"));
    let sizes = rungs.into_iter().chain([full]);
    sizes.filter(|&mtu| mtu <= fits).max().expect("the floor")
}

#[test]
fn a_wide_path_is_asked_for_its_full_size_and_nothing_else() {
    let mut run = Run::new(FULL);
    run.run(10_000);
    let (first, rest) = run.sent.split_first().unwrap();
    assert_eq!(first.1, LEAST, "whether it answers at all");
    assert!(rest.iter().all(|&(_, mtu)| mtu == FULL), "{rest:?}");
    assert_eq!(rest.len(), 20, "two a second");
    assert_eq!(run.told, [], "nothing has changed");
}

#[test]
fn a_path_that_shrinks_is_known_in_a_second_and_one_that_widens_in_half() {
    for fits in [FLOOR, 1290, 1389] {
        let mut run = Run::new(FULL);
        run.run(3_300);
        run.fits = fits;
        run.settles(best(FULL, fits), 1_000);
        run.run(20_000);
        assert_eq!(run.carries(), best(FULL, fits));
        run.fits = FULL;
        run.settles(FULL, 520);
    }
}

#[test]
fn a_narrow_path_that_widens_a_little_or_shrinks_again_is_followed() {
    let mut run = Run::new(FLOOR);
    run.settles(FLOOR, 1_500);
    run.run(30_000);
    run.fits = 1300;
    run.settles(1290, 17_000);
    run.run(30_000);
    run.fits = 1200;
    run.settles(1190, 1_100);
}

#[test]
fn what_is_told_is_told_again() {
    let mut run = Run::new(FULL);
    run.run(2_000);
    run.fits = FLOOR;
    run.run(10_000);
    run.fits = FULL;
    run.told.clear();
    run.run(10_000);
    let told: Vec<u16> = run.told.iter().map(|it| it.1).collect();
    let again = usize::from(TOLD);
    assert!(told.ends_with(&vec![FULL; again + 1]), "{told:?}");
    assert!(!told.ends_with(&vec![FULL; again + 2]), "{told:?}");
}

#[test]
fn a_peer_that_answers_nothing_is_taken_for_one_that_knows_no_probes() {
    let mut run = Run::new(FULL);
    run.answers = false;
    run.run(60_000);
    assert_eq!(run.carries(), FULL);
    assert!(run.sent.iter().all(|&(_, mtu)| mtu == LEAST), "short ones");
}

#[test]
fn a_peer_that_falls_silent_is_no_narrow_path() {
    for fits in [FULL, 1290] {
        let mut run = Run::new(fits);
        run.settles(best(FULL, fits), 2_000);
        run.run(5_000);
        // First nothing comes back, then it is known to be away.
        run.answers = false;
        run.run(3_500);
        run.is_heard = false;
        let asked = run.sent.len();
        run.run(60_000);
        assert_eq!(run.carries(), best(FULL, fits));
        assert_eq!(run.sent.len(), asked, "nobody is there to be asked");
        (run.answers, run.is_heard) = (true, true);
        run.run(3_000);
        assert_eq!(run.carries(), best(FULL, fits));
    }
}

#[test]
fn a_path_that_is_only_slow_is_wide() {
    let mut run = Run::new(FULL);
    run.run(3_000);
    for delay in [200, 400, 700, 1_500] {
        run.delay = Duration::from_millis(delay);
        run.told.clear();
        run.run(20_000);
        assert_eq!(run.told, [], "{delay} ms");
    }
}

#[test]
fn a_peer_that_starts_anew_is_asked_anew() {
    let mut run = Run::new(1290);
    run.settles(1290, 2_000);
    run.path.restart(run.now);
    assert_eq!(run.carries(), FULL);
    run.settles(1290, 1_000);
    // As a version that knows no probes.
    run.answers = false;
    run.under_way.clear();
    run.path.restart(run.now);
    run.run(60_000);
    assert_eq!(run.carries(), FULL);
}

#[test]
fn a_new_policy_keeps_what_is_known() {
    let mut run = Run::new(1290);
    run.settles(1290, 2_000);
    run.told.clear();
    run.path.install(run.now, FULL, &node("n2"));
    assert_eq!(run.path.news(), Some(1290), "the workers are told again");
    run.path.install(run.now, 1400, &node("n2"));
    assert_eq!(run.carries(), 1290, "still narrow");
    run.path.install(run.now, 1280, &node("n2"));
    assert_eq!((run.carries(), run.path.narrow()), (1280, None));
    run.under_way.clear();
    run.fits = FULL;
    run.path.install(run.now, FULL, &node("n2"));
    assert_eq!(run.carries(), FULL, "a wide path is wide again");
    run.run(5_000);
    assert_eq!(run.carries(), FULL);
}

#[test]
fn a_fabric_that_fits_everywhere_asks_nothing() {
    let mut path = Path::new(Time(0), FLOOR, &node("n2"), 1);
    assert_eq!(path.timeout(), None);
    assert_eq!(path.probes(Time(1), true, None), []);
}

#[test]
fn the_least_size_fits_the_least_link() {
    let six = Node {
        endpoint: Some("[2001:db8::1]:51820".parse().unwrap()),
        ..node("n2")
    };
    assert_eq!(rungs(FULL, &node("n2"))[0], 1280 - 110);
    assert_eq!(rungs(FULL, &six)[0], 1280 - 130);
}

#[test]
fn what_was_not_asked_is_not_answered() {
    for wide in [true, false] {
        let mut run = Run::new(if wide { FULL } else { 1290 });
        run.run(5_000);
        let (carries, asked) = (run.carries(), run.path.asked.clone());
        for it in &asked {
            let Probe { number, mtu } = it.probe;
            for lie in [
                Probe {
                    number,
                    mtu: mtu ^ 1,
                },
                Probe {
                    number,
                    mtu: FLOOR - 1,
                },
                Probe {
                    number,
                    mtu: u16::MAX,
                },
                Probe {
                    number: number.wrapping_add(1_000),
                    mtu,
                },
                Probe {
                    number: number.wrapping_sub(1_000),
                    mtu,
                },
            ] {
                assert!(!run.path.on_answer(run.now, lie), "{lie:?}");
            }
            if it.answered {
                assert!(!run.path.on_answer(run.now, it.probe), "twice");
            }
        }
        assert_eq!(run.carries(), carries);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_settles_on_what_fits_whatever_else_is_lost(
        fits in FLOOR..=FULL,
        later in FLOOR..=FULL,
        lost in 0_u64..30,
        random in any::<u64>(),
    ) {
        let mut run = Run::new(fits);
        (run.lost, run.random) = (lost, random);
        run.settles(best(FULL, fits), 30_000);
        run.fits = later;
        run.settles(best(FULL, later), 60_000);
        run.fits = FULL;
        run.settles(FULL, 6_000);
        // Once more without loss, and it stays.
        (run.lost, run.fits) = (0, fits);
        run.settles(best(FULL, fits), 20_000);
        run.run(20_000);
        prop_assert_eq!(run.carries(), best(FULL, fits));
    }

    #[test]
    fn larger_fabrics_too(full in 1500_u16..=9000, fits in FLOOR..=9000) {
        let mut run = Run::of(full, fits.min(full));
        run.settles(best(full, fits.min(full)), 2_000);
        run.run(3_000);
        prop_assert_eq!(run.carries(), best(full, fits.min(full)));
    }

    #[test]
    fn whatever_a_peer_answers_the_estimate_is_a_size_that_was_asked(
        answers in proptest::collection::vec((0_u64..400, any::<u16>(), any::<bool>(), 0_u64..300), 0..200),
    ) {
        let mut run = Run::new(FULL);
        run.answers = false;
        for (back, mtu, honest, millis) in answers {
            let number = run.path.number.wrapping_sub(back);
            let asked = run.path.asked.iter().find(|it| it.probe.number == number);
            let mtu = asked.filter(|_| honest).map_or(mtu, |it| it.probe.mtu);
            run.path.on_answer(run.now, Probe { number, mtu });
            run.run(millis);
            let carries = run.carries();
            prop_assert!(carries == FULL || run.path.rungs.contains(&carries), "{}", carries);
            prop_assert!(run.path.asked.len() <= ASKED_MAX);
        }
        // No more than a search may ask, however it is answered: 18 sizes, five times in a second.
        let first = run.sent.first().map_or(run.now, |it| it.0);
        let seconds = run.now.since(first).as_secs() + 1;
        prop_assert!(run.sent.len() as u64 <= seconds * 120, "{}", run.sent.len());
    }
}
