//! The sets of tests: what each runs, what it needs, and in which order.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::command::{Ended, cargo, run as run_command};
use crate::outcome::summarise;
use crate::schedule;
use crate::tools::{
    CARGO_DENY, MDBOOK, PANEL_PACKAGES, PYBOY, TEST_PACKAGES, install_packages, is_root,
};
use crate::{captures, fuzz, interop, mutants};

/// The sets that look at the source only.
pub(crate) const LINTS: [&str; 4] = ["format", "clippy", "rustdoc", "licences"];

/// What a set needs of the machine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Needs {
    Nothing,
    /// Network namespaces and interfaces of its own, and Debian packages.
    Root,
    /// Debian packages, which it installs itself.
    Packages,
}

impl Needs {
    /// Why it cannot run without root; `None` when it can.
    pub(crate) const fn lacks(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Root => Some("needs root: it makes network namespaces and interfaces"),
            Self::Packages => Some("needs root: it installs Debian packages"),
        }
    }
}

/// When a set runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pace {
    /// In its turn.
    InTurn,
    /// From its turn on, beside the sets behind it, with what they leave of the cores. It computes
    /// only, in a target folder of its own.
    Beside,
}

#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) needs: Needs,
    pub(crate) pace: Pace,
    pub(crate) run: fn(&Path, &str) -> Result<Ended>,
}

const SETS: &[Set] = &[
    Set {
        name: "format",
        what: "rustfmt",
        needs: Needs::Nothing,
        pace: Pace::InTurn,
        run: |root, name| run_command(root, name, &mut cargo(root, &["fmt", "--all", "--check"])),
    },
    Set {
        name: "clippy",
        what: "lints, all targets",
        needs: Needs::Nothing,
        pace: Pace::InTurn,
        run: |root, name| {
            let arguments = [
                "clippy",
                "--workspace",
                "--all-targets",
                "--features",
                &format!("{ROOT},{CLOCK},{REFEREES},{VIEWS}"),
                "--",
                "-D",
                "warnings",
            ];
            run_command(root, name, &mut cargo(root, &arguments))
        },
    },
    Set {
        name: "rustdoc",
        what: "API documentation",
        needs: Needs::Nothing,
        pace: Pace::InTurn,
        run: |root, name| {
            let mut doc = cargo(root, &["doc", "--workspace", "--no-deps"]);
            run_command(root, name, doc.env("RUSTDOCFLAGS", "-D warnings"))
        },
    },
    Set {
        name: "licences",
        what: "cargo deny",
        needs: Needs::Nothing,
        pace: Pace::InTurn,
        run: licences,
    },
    Set {
        name: "unit",
        what: "every crate, no privileges",
        needs: Needs::Nothing,
        pace: Pace::InTurn,
        run: |root, name| run_command(root, name, &mut cargo(root, &["test", "--workspace"])),
    },
    Set {
        name: "mutants",
        what: "every deliberate fault is noticed",
        needs: Needs::Nothing,
        pace: Pace::Beside,
        run: |root, name| mutants::run_as_set(root, name),
    },
    Set {
        name: "simulation",
        what: "random fabrics, faults and attackers, optimised",
        needs: Needs::Nothing,
        pace: Pace::InTurn,
        run: |root, name| {
            let features = ["--features", "simulation", "--test", "simulation"];
            optimised(root, name, "skerry-overlay", &features)
        },
    },
    Set {
        name: "scale",
        what: "1,000 nodes, optimised",
        needs: Needs::Nothing,
        pace: Pace::InTurn,
        run: |root, name| optimised(root, name, "skerry-policy", &["--test", "scale"]),
    },
    Set {
        name: "captures",
        what: "other people's packets through two nodes",
        needs: Needs::Nothing,
        pace: Pace::InTurn,
        run: |root, name| captures::run_as_set(root, name),
    },
    Set {
        name: "ports",
        what: "real ports and the daemon",
        needs: Needs::Root,
        pace: Pace::InTurn,
        run: |root, name| {
            let arguments = [
                "test",
                "-p",
                "skerry-overlay-io",
                "-p",
                "skerry",
                "--features",
                "skerry-overlay-io/root,skerry/root",
                // All but those whose features are another set's.
                "--tests",
            ];
            run_command(root, name, &mut cargo(root, &arguments))
        },
    },
    Set {
        name: "conformance",
        what: "the matrix in namespaces",
        needs: Needs::Root,
        pace: Pace::InTurn,
        run: |root, name| in_namespaces(root, name, "conformance"),
    },
    Set {
        name: "offloads",
        what: "offloads off and on, over every kind of path",
        needs: Needs::Root,
        pace: Pace::InTurn,
        run: |root, name| in_namespaces(root, name, "offloads"),
    },
    Set {
        name: "faults",
        what: "broken paths, nodes and machines",
        needs: Needs::Root,
        pace: Pace::InTurn,
        run: |root, name| in_namespaces(root, name, "faults"),
    },
    Set {
        name: "interop",
        what: "stock kernels in a virtual machine",
        needs: Needs::Root,
        pace: Pace::InTurn,
        run: interop,
    },
    Set {
        name: "panel",
        what: "the Game Boy panel before other people's assembler, emulators, browser and terminal",
        needs: Needs::Packages,
        pace: Pace::InTurn,
        run: panel,
    },
    Set {
        name: "lab",
        what: "skerry lab --once, no privileges",
        needs: Needs::Nothing,
        pace: Pace::InTurn,
        run: lab,
    },
    Set {
        name: "fuzz",
        what: "every fuzz target for a few seconds",
        needs: Needs::Nothing,
        // Its seconds are by the clock, so it yields to nobody.
        pace: Pace::InTurn,
        run: |root, name| fuzz::run_as_set(root, name),
    },
    Set {
        name: "book",
        what: "mdBook",
        needs: Needs::Nothing,
        pace: Pace::InTurn,
        run: |root, name| {
            let mdbook = MDBOOK.find(root)?;
            run_command(
                root,
                name,
                Command::new(mdbook).arg("build").arg(root.join("docs")),
            )
        },
    },
];

/// Features that gate tests which need root, or captures.
const ROOT: &str =
    "skerry-overlay-io/root,skerry/root,skerry-netns-tests/root,skerry-overlay/captures";

/// The feature of the simulation's own clock: looked at by the lints, and never run with others.
const CLOCK: &str = "skerry-overlay/simulation";

/// Features that gate tests which need other people's assembler and emulators.
const REFEREES: &str = "skerry-asm/referees,skerry-dmg/referees,skerry-gbdisplay/referees";

/// The feature that gates tests which need a browser and `tmux`.
const VIEWS: &str = "skerry/views";

/// Runs the sets that are picked. True when nothing failed.
pub(crate) fn run(root: &Path, pick: impl Fn(&str) -> bool) -> Result<bool> {
    let picked: Vec<&Set> = SETS.iter().filter(|set| pick(set.name)).collect();
    if is_root() && picked.iter().any(|set| set.needs == Needs::Root) {
        install_packages(root, &TEST_PACKAGES)?;
    }
    Ok(summarise(&schedule::run(root, &picked)))
}

/// Licences, bans and sources; advisories need a database that is fetched from elsewhere.
fn licences(root: &Path, name: &str) -> Result<Ended> {
    let deny = CARGO_DENY.find(root)?;
    let mut command = Command::new(deny);
    command.current_dir(root).args(["--workspace", "check"]);
    run_command(root, name, command.args(["licenses", "bans", "sources"]))
}

/// A package's optimised tests, with what they have to say.
fn optimised(root: &Path, name: &str, package: &str, tests: &[&str]) -> Result<Ended> {
    let mut command = cargo(root, &["test", "--release", "-p", package]);
    run_command(root, name, command.args(tests).args(["--", "--nocapture"]))
}

/// The product, as it is delivered.
fn build(root: &Path, name: &str) -> Result<Ended> {
    run_command(
        root,
        name,
        &mut cargo(root, &["build", "--release", "-p", "skerry"]),
    )
}

/// The suites run the delivered binary, so that comes first.
fn in_namespaces(root: &Path, name: &str, suite: &str) -> Result<Ended> {
    let built = build(root, name)?;
    if !built.success {
        return Ok(built);
    }
    let package = ["test", "--release", "-p", "skerry-netns-tests"];
    let target = ["--features", "root", "--test", suite];
    run_command(root, name, cargo(root, &package).args(target))
}

/// Stock members with a kernel of their own, and the kernel's own tests, against the delivered
/// binary.
fn interop(root: &Path, name: &str) -> Result<Ended> {
    install_packages(root, &interop::PACKAGES)?;
    interop::fetch(root)?;
    in_namespaces(root, name, "interop")
}

/// What the panel is made of, with `sdasgb`, mGBA and PyBoy as referees; and what people see of
/// it, in Chromium and under `tmux`.
fn panel(root: &Path, name: &str) -> Result<Ended> {
    install_packages(root, &PANEL_PACKAGES)?;
    let python = PYBOY.find(root)?;
    let packages = [
        "-p",
        "skerry-asm",
        "-p",
        "skerry-dmg",
        "-p",
        "skerry-gbdisplay",
        "-p",
        "skerry-referees",
    ];
    let mut test = cargo(root, &["test", "--features", REFEREES]);
    test.args(packages).args(["--", "--nocapture"]);
    test.env("SKERRY_PYBOY_PYTHON", python);
    let parts = run_command(root, name, &mut test)?;
    // With the whole workspace's dependencies, as the set "unit" has built them.
    let views = [
        "test",
        "--workspace",
        "--features",
        VIEWS,
        "--test",
        "panel_views",
    ];
    let mut views = cargo(root, &views);
    // They wait more than they work.
    views.args(["--", "--test-threads", "4"]);
    Ok(parts.and(run_command(root, "panel-views", &mut views)?))
}

/// The demonstration, as a user without privileges: root steps down for it.
fn lab(root: &Path, name: &str) -> Result<Ended> {
    let built = build(root, name)?;
    if !built.success {
        return Ok(built);
    }
    let binary = root.join("target/release/skerry");
    if !is_root() {
        return run_command(root, name, Command::new(binary).args(["lab", "--once"]));
    }
    // The checkout may be readable for root only.
    let copy = std::env::temp_dir().join(format!("skerry-lab-{}", std::process::id()));
    std::fs::copy(&binary, &copy)?;
    let mut unprivileged = Command::new("setpriv");
    unprivileged.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    let ended = run_command(root, name, unprivileged.arg(&copy).args(["lab", "--once"]));
    std::fs::remove_file(&copy)?;
    ended
}
