//! What the core shows of a demo that nobody touches: by the time of the console, so always the
//! same, whatever the clock on the wall does.

use std::collections::HashSet;
use std::sync::LazyLock;

use skerry_gbdisplay::demo::Demo;
use skerry_gbdisplay::page::Pages;
use skerry_gbdisplay::panel::Panel;
use skerry_gbdisplay::port::{Desk, Emulated, Port as _, Speed};
use skerry_gbdisplay::{Keys, Model};

use super::picture::Picture;

/// For how long the core is asked, in microseconds: before the first alert, and some
/// of that.
const UNTIL_US: u64 = 20_000_000;
/// How often a demo has new facts.
const FACTS_US: u64 = 250_000;

/// All that is shown in the first seconds.
pub(crate) static SHOWN: LazyLock<HashSet<Picture>> = LazyLock::new(|| {
    let panel = Panel::new(Pages::built_in().unwrap());
    let port = Emulated::new(Model::Dmg, Speed::Free).unwrap();
    let (mut desk, mut demo) = (Desk::new(panel, port), Demo::default());
    let (mut shown, mut last) = (HashSet::new(), Vec::new());
    let mut facts_us = 0;
    while desk.port.now_us() < UNTIL_US {
        let now_us = desk.port.now_us();
        desk.port.hold(Keys::default());
        if now_us >= facts_us {
            facts_us = now_us + FACTS_US;
            desk.session.handle_facts(now_us, demo.facts());
        }
        desk.step().unwrap();
        while desk.session.poll_event().is_some() {}
        let shades = desk.port.machine().frame().to_shades().unwrap();
        if shades != last {
            last.clone_from(&shades);
            shown.insert(Picture::new(shades));
        }
    }
    assert!(shown.len() > 40, "{}", shown.len());
    shown
});

/// The same, where there are dots only.
pub(crate) static DOTTED: LazyLock<HashSet<Picture>> =
    LazyLock::new(|| SHOWN.iter().map(Picture::dots).collect());

/// Has the core asked before a view begins to show the same.
pub(crate) fn prepare() {
    assert_eq!(DOTTED.is_empty(), SHOWN.is_empty());
}

/// Looks at a view until it has shown several pictures of the core; what else it shows is none.
#[track_caller]
pub(crate) fn assert_is_of_core(
    shown: &HashSet<Picture>,
    mut look: impl FnMut() -> Option<Picture>,
) {
    let mut seen = HashSet::new();
    super::until("eight pictures of the core", || {
        let picture = look().ok_or("nothing that is a picture")?;
        if shown.contains(&picture) {
            seen.insert(picture);
            return if seen.len() >= 8 {
                Ok(())
            } else {
                Err(format!("{} pictures", seen.len()))
            };
        }
        let nearest = shown.iter().map(|it| it.differing(&picture)).min();
        Err(format!(
            "{} of another picture, {nearest:?} pixels off:\n{}",
            seen.len(),
            picture.text()
        ))
    });
}
