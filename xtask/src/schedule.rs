//! When each set runs. Most run in their turn, since what they do takes all cores or is measured.
//! Many of those wait, for timers, for a kernel that boots, for a linker; what they leave of the
//! cores goes to the sets that only compute.

use std::panic::resume_unwind;
use std::path::Path;
use std::sync::mpsc;
use std::time::Instant;

use rustix::process::nice;

use crate::command::say;
use crate::outcome::{Counts, Outcome};
use crate::sets::{Pace, Set};
use crate::tools::is_root;

/// The niceness of what runs beside others.
const YIELDING: i32 = 19;

/// Runs these sets, and gives what came of each, in their order.
pub(crate) fn run(root: &Path, sets: &[&Set]) -> Vec<(String, Outcome)> {
    let run_one = |(place, set): (usize, &Set)| (place, set.name.to_owned(), outcome(root, set));
    let mut outcomes = std::thread::scope(|scope| {
        let (hand_over, handed_over) = mpsc::channel();
        let beside = scope.spawn(move || {
            // Linux gives every thread its own, and what a thread starts inherits it. Where that
            // is refused, the sets slow each other down, and that is all.
            let _as_it_was = nice(YIELDING);
            handed_over.iter().map(run_one).collect::<Vec<_>>()
        });
        let mut outcomes = Vec::new();
        for (place, set) in sets.iter().copied().enumerate() {
            match set.pace {
                Pace::InTurn => outcomes.push(run_one((place, set))),
                // It listens until the last set is handed over.
                Pace::Beside => drop(hand_over.send((place, set))),
            }
        }
        drop(hand_over);
        match beside.join() {
            Ok(others) => outcomes.extend(others),
            Err(panic) => resume_unwind(panic),
        }
        outcomes
    });
    outcomes.sort_by_key(|(place, ..)| *place);
    let named = outcomes
        .into_iter()
        .map(|(_, name, outcome)| (name, outcome));
    named.collect()
}

fn outcome(root: &Path, set: &Set) -> Outcome {
    match set.needs.lacks() {
        Some(reason) if !is_root() => Outcome::Skipped(reason.to_owned()),
        _ => run_set(root, set),
    }
}

/// Runs a set, and says how it went in one go, since others may be talking.
fn run_set(root: &Path, set: &Set) -> Outcome {
    say(&format!("{:<12} {} ...", set.name, set.what));
    let start = Instant::now();
    let ended = (set.run)(root, set.name);
    let took = start.elapsed();
    let mut words = Vec::new();
    let counts = match ended {
        Ok(ended) => {
            let counts = Counts::of(&ended);
            if counts.failed > 0 {
                words.push(ended.tail(60));
                words.push(format!("(all of it in {})", ended.log.display()));
            }
            let figures = ended.output.lines();
            let figures = figures.filter(|line| line.starts_with("figure: "));
            words.extend(figures.map(|line| format!("{:<12} {line}", "")));
            counts
        }
        Err(error) => {
            words.push(format!("{}: {error:#}", set.name));
            Counts {
                failed: 1,
                ..Counts::default()
            }
        }
    };
    words.push(format!("{:<12} took {:.1} s", set.name, took.as_secs_f64()));
    say(&words.join("\n"));
    Outcome::Ran(counts, took)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::command::{Ended, run as run_command};
    use crate::sets::Needs;

    /// Sets that have come to where two are to meet.
    static HERE: AtomicUsize = AtomicUsize::new(0);

    /// Waits for the other set, and logs how nice it is itself.
    fn meet(root: &Path, name: &str) -> anyhow::Result<Ended> {
        HERE.fetch_add(1, Ordering::SeqCst);
        let came = Instant::now();
        while HERE.load(Ordering::SeqCst) < 2 {
            anyhow::ensure!(came.elapsed() < Duration::from_secs(10), "nobody else came");
            std::thread::sleep(Duration::from_millis(1));
        }
        run_command(root, name, &mut Command::new("nice"))
    }

    fn set(name: &'static str, pace: Pace, run: fn(&Path, &str) -> anyhow::Result<Ended>) -> Set {
        Set {
            name,
            what: "a test of the schedule",
            needs: Needs::Nothing,
            pace,
            run,
        }
    }

    #[test]
    fn what_only_computes_runs_beside_the_others_and_yields_to_them() {
        let folder = std::env::temp_dir().join(format!("skerry-schedule-{}", std::process::id()));
        let sets = [
            set("broken", Pace::Beside, |_, _| anyhow::bail!("on purpose")),
            set("beside", Pace::Beside, meet),
            set("in-turn", Pace::InTurn, meet),
        ];
        let outcomes = run(&folder, &sets.each_ref());
        let failures = outcomes.iter().map(|(name, outcome)| match outcome {
            Outcome::Ran(counts, _) => (name.as_str(), counts.failed),
            Outcome::Skipped(why) => panic!("{name}: {why}"),
        });
        let expect = [("broken", 1), ("beside", 0), ("in-turn", 0)];
        assert!(failures.eq(expect), "{outcomes:?}");
        let niceness = |name: &str| -> i32 {
            let log = folder.join("target/xtask").join(format!("{name}.log"));
            fs::read_to_string(log).unwrap().trim().parse().unwrap()
        };
        assert_eq!(niceness("beside"), YIELDING);
        assert_ne!(niceness("in-turn"), YIELDING);
        fs::remove_dir_all(folder).unwrap();
    }
}
