//! The sets of tests: what each runs, what it needs, and in which order.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use crate::command::{Ended, cargo, run as run_command, say};
use crate::outcome::{Counts, Outcome, summarise};
use crate::tools::{
    CARGO_DENY, MDBOOK, PANEL_PACKAGES, PYBOY, TEST_PACKAGES, install_packages, is_root,
};
use crate::{captures, fuzz, interop, mutants};

/// The sets that look at the source only.
pub(crate) const LINTS: [&str; 4] = ["format", "clippy", "rustdoc", "licences"];

/// What a set needs of the machine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Needs {
    Nothing,
    /// Network namespaces and interfaces of its own, and Debian packages.
    Root,
    /// Debian packages, which it installs itself.
    Packages,
}

impl Needs {
    /// Why it cannot run without root; `None` when it can.
    const fn lacks(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Root => Some("needs root: it makes network namespaces and interfaces"),
            Self::Packages => Some("needs root: it installs Debian packages"),
        }
    }
}

struct Set {
    name: &'static str,
    what: &'static str,
    needs: Needs,
    run: fn(&Path, &str) -> Result<Ended>,
}

const SETS: &[Set] = &[
    Set {
        name: "format",
        what: "rustfmt",
        needs: Needs::Nothing,
        run: |root, name| run_command(root, name, &mut cargo(root, &["fmt", "--all", "--check"])),
    },
    Set {
        name: "clippy",
        what: "lints, all targets",
        needs: Needs::Nothing,
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
        run: |root, name| {
            let mut doc = cargo(root, &["doc", "--workspace", "--no-deps"]);
            run_command(root, name, doc.env("RUSTDOCFLAGS", "-D warnings"))
        },
    },
    Set {
        name: "licences",
        what: "cargo deny",
        needs: Needs::Nothing,
        run: licences,
    },
    Set {
        name: "unit",
        what: "every crate, no privileges",
        needs: Needs::Nothing,
        run: |root, name| run_command(root, name, &mut cargo(root, &["test", "--workspace"])),
    },
    Set {
        name: "simulation",
        what: "random fabrics, faults and attackers, optimised",
        needs: Needs::Nothing,
        run: |root, name| {
            let features = ["--features", "simulation", "--test", "simulation"];
            optimised(root, name, "skerry-overlay", &features)
        },
    },
    Set {
        name: "scale",
        what: "1,000 nodes, optimised",
        needs: Needs::Nothing,
        run: |root, name| optimised(root, name, "skerry-policy", &["--test", "scale"]),
    },
    Set {
        name: "captures",
        what: "other people's packets through two nodes",
        needs: Needs::Nothing,
        run: |root, name| captures::run_as_set(root, name),
    },
    Set {
        name: "ports",
        what: "real ports and the daemon",
        needs: Needs::Root,
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
        run: |root, name| in_namespaces(root, name, "conformance"),
    },
    Set {
        name: "offloads",
        what: "offloads off and on, over every kind of path",
        needs: Needs::Root,
        run: |root, name| in_namespaces(root, name, "offloads"),
    },
    Set {
        name: "faults",
        what: "broken paths, nodes and machines",
        needs: Needs::Root,
        run: |root, name| in_namespaces(root, name, "faults"),
    },
    Set {
        name: "interop",
        what: "stock kernels in a virtual machine",
        needs: Needs::Root,
        run: interop,
    },
    Set {
        name: "panel",
        what: "the Game Boy panel before other people's assembler, emulators, browser and terminal",
        needs: Needs::Packages,
        run: panel,
    },
    Set {
        name: "lab",
        what: "skerry lab --once, no privileges",
        needs: Needs::Nothing,
        run: lab,
    },
    Set {
        name: "mutants",
        what: "every deliberate fault is noticed",
        needs: Needs::Nothing,
        run: |root, name| mutants::run_as_set(root, name),
    },
    Set {
        name: "fuzz",
        what: "every fuzz target for a few seconds",
        needs: Needs::Nothing,
        run: |root, name| fuzz::run_as_set(root, name),
    },
    Set {
        name: "book",
        what: "mdBook",
        needs: Needs::Nothing,
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
    let mut outcomes = Vec::new();
    let picked: Vec<&Set> = SETS.iter().filter(|set| pick(set.name)).collect();
    if is_root() && picked.iter().any(|set| set.needs == Needs::Root) {
        install_packages(root, &TEST_PACKAGES)?;
    }
    for set in picked {
        let outcome = match set.needs.lacks() {
            Some(reason) if !is_root() => Outcome::Skipped(reason.to_owned()),
            _ => run_set(root, set),
        };
        outcomes.push((set.name.to_owned(), outcome));
    }
    Ok(summarise(&outcomes))
}

fn run_set(root: &Path, set: &Set) -> Outcome {
    say(&format!("{:<12} {} ...", set.name, set.what));
    let start = Instant::now();
    let ended = (set.run)(root, set.name);
    let took = start.elapsed();
    let counts = match ended {
        Ok(ended) => {
            let counts = Counts::of(&ended);
            if counts.failed > 0 {
                say(&ended.tail(60));
                say(&format!("(all of it in {})", ended.log.display()));
            }
            for line in ended
                .output
                .lines()
                .filter(|line| line.starts_with("figure: "))
            {
                say(&format!("{:<12} {line}", ""));
            }
            counts
        }
        Err(error) => {
            say(&format!("{}: {error:#}", set.name));
            Counts {
                failed: 1,
                ..Counts::default()
            }
        }
    };
    say(&format!("{:<12} took {:.1} s", "", took.as_secs_f64()));
    Outcome::Ran(counts, took)
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
