//! The kernel's own forwarding selftests with Skerry as the switch. Their scripts (GPL-2.0) come
//! from Debian's package of the kernel's source when the suite runs; what is kept here replaces the
//! functions that make a kernel bridge. They run in the guest, whose kernel has VRF.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::suite::{row, say};

use crate::world::{self, World};

const COMMON: &str = include_str!("selftests/common.sh");
/// What one script may take.
const LIMIT: Duration = Duration::from_secs(400);

/// A script, what stands in for its switch, and what it must say.
struct Selftest {
    name: &'static str,
    overlay: &'static str,
    says: &'static [&'static str],
}

const SELFTESTS: [Selftest; 1] = [Selftest {
    name: "bridge_port_isolation.sh",
    overlay: include_str!("selftests/bridge_port_isolation.sh"),
    says: &[
        "Isolated port ping",
        "Isolated port ping6",
        "Isolated port flooding",
    ],
}];

/// The kernel's scripts that the guest must hold.
pub(crate) const SCRIPTS: [&str; 2] = ["lib.sh", "bridge_port_isolation.sh"];

pub(crate) fn trials() -> Vec<Trial> {
    SELFTESTS
        .iter()
        .map(|selftest| {
            let title = format!(
                "kernel selftest {} with Skerry as the switch",
                selftest.name
            );
            row(&title, move || {
                world::alone(|world| passes(world, selftest))
            })
        })
        .collect()
}

/// Every assertion passes, and none is missing.
fn passes(world: &mut World, selftest: &Selftest) -> Result<()> {
    let started = Instant::now();
    let script = format!(
        "cat >/selftests/common.sh <<'END_OF_COMMON'\n{COMMON}\nEND_OF_COMMON\n\
         export WAIT_TIME=1\n{}",
        selftest.overlay
    );
    let answer = world.vm.run(&script, LIMIT)?;
    let passed: Vec<&str> = answer.text.lines().filter_map(verdict).collect();
    ensure!(
        answer.code == 0 && passed == selftest.says,
        "exit code {}, and only this passed: {passed:?}\n{}",
        answer.code,
        answer.text
    );
    say(&format!(
        "figure: {}: {} assertions of the kernel's own passed, {:.1} s",
        selftest.name,
        passed.len(),
        started.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// `TEST: ping: local->local     [ OK ]`
fn verdict(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("TEST: ")?;
    Some(rest.strip_suffix("[ OK ]")?.trim())
}
