//! The fabric that rows share: kept while it is good, thrown away when a row failed or used it up.

use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};
use libtest_mimic::Trial;
use skerry_netns_tests::fabric::{Fabric, Options};
use skerry_netns_tests::site::{Attach, Guards};
use skerry_netns_tests::suite;
use skerry_netns_tests::topology::Node;

/// Guards off, veth ports.
pub(crate) const OPEN: Options = Options {
    attach: Attach::Veth,
    guards: Guards::Off,
    age: "300s",
    trunks: false,
    hostile: false,
};
/// Guards on, veth ports.
pub(crate) const GUARDED: Options = Options {
    guards: Guards::On,
    ..OPEN
};
/// Guards off, TAP ports.
pub(crate) const TAPS: Options = Options {
    attach: Attach::Tap,
    ..OPEN
};
/// Guards off, addresses forgotten after three seconds.
pub(crate) const FORGETFUL: Options = Options { age: "3s", ..OPEN };

/// Guards off, with the trunks of T2.
pub(crate) const OPEN_T2: Options = Options {
    trunks: true,
    ..OPEN
};
/// Guards on, with the trunks of T2.
pub(crate) const GUARDED_T2: Options = Options {
    trunks: true,
    ..GUARDED
};
/// Guards on, and n4 is hostile.
pub(crate) const HOSTILE: Options = Options {
    hostile: true,
    ..GUARDED
};

static SHARED: Mutex<Option<Fabric>> = Mutex::new(None);

/// Runs a row on a fabric that other rows use too, so the row must leave it as it was.
pub(crate) fn shared(options: Options, row: impl FnOnce(&mut Fabric) -> Result<()>) -> Result<()> {
    let mut fabric = match take() {
        Some(fabric) if fabric.options == options => fabric,
        other => {
            other.map(Fabric::close).transpose()?;
            start(options)?
        }
    };
    attempt(&mut fabric, row)?;
    *SHARED.lock().unwrap_or_else(PoisonError::into_inner) = Some(fabric);
    Ok(())
}

/// A row on the guarded fabric that other rows use too.
pub(crate) fn guarded(title: &str, row: fn(&mut Fabric) -> Result<()>) -> Trial {
    suite::row(&format!("{title} [guarded]"), move || shared(GUARDED, row))
}

/// Runs a row on a fabric of its own, in which nobody has spoken yet.
pub(crate) fn fresh(options: Options, row: impl FnOnce(&mut Fabric) -> Result<()>) -> Result<()> {
    clear()?;
    let mut fabric = Fabric::start(options)?;
    attempt(&mut fabric, row)?;
    fabric.close()
}

/// Stops the shared fabric, if there is one.
pub(crate) fn clear() -> Result<()> {
    take()
        .map(Fabric::close)
        .transpose()
        .context("the shared fabric does not stop well")?;
    Ok(())
}

fn take() -> Option<Fabric> {
    SHARED.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// A shared fabric starts with everybody introduced.
fn start(options: Options) -> Result<Fabric> {
    let mut fabric = Fabric::start(options)?;
    attempt(&mut fabric, |fabric| {
        fabric.introduce()?;
        fabric.await_bindings()?;
        if options.hostile {
            fabric.usurp(Node(4))?;
        }
        Ok(())
    })?;
    Ok(fabric)
}

fn attempt(fabric: &mut Fabric, row: impl FnOnce(&mut Fabric) -> Result<()>) -> Result<()> {
    let done = row(fabric).and_then(|()| {
        let absent = fabric.absent.clone();
        let mut daemons = fabric.daemons.iter_mut();
        daemons.try_for_each(|daemon| match absent.contains(&daemon.node) {
            true => Ok(()),
            false => daemon.must_run(),
        })
    });
    done.map_err(|error| {
        anyhow::anyhow!(
            "{error:#}\n  the daemons' last words:\n{}",
            fabric.last_words()
        )
    })
}
