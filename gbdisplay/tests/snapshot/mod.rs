//! Screens as text, kept in `tests/screens`: the same ones for every test that comes to them.

use skerry_gbdisplay::demo::Demo;
use skerry_gbdisplay::page::Pages;
use skerry_gbdisplay::panel::Panel;

/// When the facts of [`panel`] came.
pub(crate) const NOW_US: u64 = 119 * 250_000;

/// A panel that has seen half a minute of the demo, without what the demo says of itself.
pub(crate) fn panel() -> Panel {
    let mut panel = Panel::new(Pages::built_in().unwrap());
    let mut demo = Demo::default();
    for at_us in (0..=NOW_US).step_by(250_000) {
        let mut facts = demo.facts();
        facts.is_demo = false;
        facts.alerts.clear();
        panel.handle_facts(at_us, facts);
    }
    panel
}

/// Compares a screen with what is kept of it.
#[track_caller]
pub(crate) fn check(name: &str, panel: &Panel, now_us: u64) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../screens");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let text = panel.picture(now_us).text();
    settings.bind(|| insta::assert_snapshot!(name, text));
}
