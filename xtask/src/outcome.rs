//! What came of a set of tests, and the closing summary.

use std::time::Duration;

use crate::command::{Ended, say};

/// Numbers of tests.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Counts {
    /// Adds up the closing lines of cargo's test runners in a program's output. A program that
    /// printed none counts as one test.
    pub(crate) fn of(ended: &Ended) -> Self {
        let mut sum = Self::default();
        let results = ended
            .output
            .lines()
            .filter(|line| line.starts_with("test result: "));
        for line in results {
            for part in line.split(['.', ';']) {
                let mut words = part.split_whitespace();
                let number = words.next().and_then(|word| word.parse::<u64>().ok());
                match (number, words.next()) {
                    (Some(n), Some("passed")) => sum.passed += n,
                    (Some(n), Some("failed")) => sum.failed += n,
                    (Some(n), Some("ignored")) => sum.skipped += n,
                    _ => {}
                }
            }
        }
        if sum == Self::default() {
            return if ended.success {
                Self { passed: 1, ..sum }
            } else {
                Self { failed: 1, ..sum }
            };
        }
        // A build that fails half-way prints results of the sets before it only.
        if !ended.success && sum.failed == 0 {
            sum.failed = 1;
        }
        sum
    }
}

/// One set's outcome.
#[derive(Debug)]
pub(crate) enum Outcome {
    Ran(Counts, Duration),
    Skipped(String),
}

/// Prints every set again, and the totals. True when nothing failed.
pub(crate) fn summarise(sets: &[(String, Outcome)]) -> bool {
    let mut total = Counts::default();
    say("");
    for (name, outcome) in sets {
        match outcome {
            Outcome::Ran(counts, took) => {
                let Counts {
                    passed,
                    failed,
                    skipped,
                } = *counts;
                let verdict = if failed == 0 { "ok" } else { "FAILED" };
                let seconds = took.as_secs_f64();
                say(&format!(
                    "{name:<12} {verdict:<7} {passed} passed, {failed} failed, {skipped} skipped \
                     ({seconds:.1} s)"
                ));
                total.passed += passed;
                total.failed += failed;
                total.skipped += skipped;
            }
            Outcome::Skipped(reason) => {
                say(&format!("{name:<12} skipped {reason}"));
                total.skipped += 1;
            }
        }
    }
    let Counts {
        passed,
        failed,
        skipped,
    } = total;
    say("");
    say(&format!(
        "{passed} passed, {failed} failed, {skipped} skipped"
    ));
    failed == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(success: bool, output: &str) -> Ended {
        Ended {
            success,
            output: output.into(),
            log: "x.log".into(),
        }
    }

    #[test]
    fn closing_lines_add_up() {
        let output = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\
                      noise\ntest result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured\n";
        let expect = Counts {
            passed: 5,
            failed: 1,
            skipped: 1,
        };
        assert_eq!(Counts::of(&ended(false, output)), expect);
    }

    #[test]
    fn a_failure_without_a_failed_test_is_still_a_failure() {
        let output = "test result: ok. 3 passed; 0 failed; 0 ignored\nerror: could not compile\n";
        assert_eq!(Counts::of(&ended(false, output)).failed, 1);
        assert_eq!(Counts::of(&ended(false, "error")).failed, 1);
        assert_eq!(Counts::of(&ended(true, "fine")).passed, 1);
    }
}
