//! The sets of tests: what each runs, what it needs, and in which order.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::command::{Ended, cargo, run as run_command};
use crate::outcome::summarise;
use crate::schedule;
use crate::tools::{
    CARGO_DENY, MDBOOK, PANEL_PACKAGES, PYBOY, TEST_PACKAGES, install_packages, is_root,
};
use crate::{builds, captures, fuzz, interop, mutants};

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
                &builds::EVERY_GATE.join(","),
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
        name: "mutants",
        what: "every deliberate fault is noticed",
        needs: Needs::Nothing,
        pace: Pace::Beside,
        run: |root, name| mutants::run_as_set(root, name),
    },
    Set {
        name: "unit",
        what: "every crate, no privileges",
        needs: Needs::Nothing,
        pace: Pace::InTurn,
        run: |root, name| {
            let arguments = ["test", "--workspace", "--", "--show-output"];
            run_command(root, name, &mut cargo(root, &arguments))
        },
    },
    Set {
        name: "simulation",
        what: "random fabrics, faults and attackers, optimised",
        needs: Needs::Nothing,
        pace: Pace::InTurn,
        run: |root, name| {
            let mut simulation = builds::simulation(root);
            run_command(root, name, simulation.args(["--", "--nocapture"]))
        },
    },
    Set {
        name: "scale",
        what: "1,000 nodes, optimised",
        needs: Needs::Nothing,
        pace: Pace::InTurn,
        run: |root, name| {
            let mut scale = builds::optimised(root, "scale");
            run_command(root, name, scale.args(["--", "--nocapture"]))
        },
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
            run_command(
                root,
                name,
                &mut builds::gated(root, &["root", "interfaces", "lab"]),
            )
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

/// Where the product is, once it is built.
fn delivered(root: &Path) -> PathBuf {
    root.join("target/release/skerry")
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
    let mut tests = builds::optimised(root, suite);
    run_command(root, name, tests.env("SKERRY_BIN", delivered(root)))
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
    let mut parts = builds::gated(root, &["forms", "cartridge", "referees", "elsewhere"]);
    parts.args(["--", "--nocapture"]);
    let parts = run_command(root, name, parts.env("SKERRY_PYBOY_PYTHON", python))?;
    let mut views = builds::gated(root, &["panel_views"]);
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
    let binary = delivered(root);
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
