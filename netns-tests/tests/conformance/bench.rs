//! All rows of the matrix, and how it went.

use std::process::ExitCode;
use std::time::Duration;

use libtest_mimic::Trial;
use skerry_netns_tests::suite::{Ran, Suite, say};

use crate::stage::{self, GUARDED, GUARDED_T2, OPEN, OPEN_T2, TAPS};

/// What the whole suite may take on two cores.
const BUDGET: Duration = Duration::from_secs(8 * 60);

/// Rows of the matrix that this suite does not have, and why. The book's index of rows has the
/// others, and a test compares it with them.
const ABSENT: [(&str, &str); 1] = [("J01, J02, J04, J07", "need telemetry")];

/// Everything that can be run, in the order that starts the fewest fabrics.
fn trials() -> Vec<Trial> {
    let sets = [
        crate::harness::trials(),
        crate::reach::trials("taps", TAPS)
            .into_iter()
            .take(1)
            .collect(),
        crate::header::taps(),
        crate::reach::trials("open", OPEN),
        crate::learn::trials("open", OPEN),
        crate::learn::unguarded(),
        crate::source::unguarded(),
        crate::trunk::trials("t2 open", OPEN_T2),
        crate::trunk::trials("t2 guarded", GUARDED_T2),
        crate::reach::trials("guarded", GUARDED),
        crate::learn::trials("guarded", GUARDED),
        crate::header::trials(),
        crate::spoof::trials(),
        crate::hairpin::trials(),
        crate::control_traffic::trials(),
        crate::hidden::trials(),
        crate::source::trials(),
        crate::conflict::trials(),
        crate::storm::trials(),
        crate::rate::trials(),
        crate::network::trials(),
        crate::exchange::trials(),
        crate::multicast::trials(),
        crate::loop_::trials(),
        crate::inject::trials(),
        crate::endure::trials(),
        crate::mtu::trials(),
        crate::congestion::trials(),
        crate::reload::trials(),
        crate::stock::trials(),
        crate::malformed::trials(),
    ];
    sets.into_iter().flatten().collect()
}

pub(crate) fn main() -> ExitCode {
    let suite = Suite {
        name: "conformance",
        rows: trials,
        beside: 3,
        close: stage::clear,
        summary,
    };
    suite.run()
}

/// Counts, time, and what was not tried.
fn summary(ran: &Ran) {
    say(&format!("conformance: {ran} of {} s", BUDGET.as_secs()));
    if ran.left_out > 0 {
        return;
    }
    for (rows, why) in ABSENT {
        say(&format!("conformance: not here: {rows}: {why}"));
    }
    if ran.took > BUDGET {
        say("conformance: the suite took longer than its budget");
    }
}
