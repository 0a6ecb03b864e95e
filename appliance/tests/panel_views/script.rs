//! What the page's own script does by itself.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::page::Page;
use super::panel::Panel;
use super::until;

/// A page that is linked, and its panel.
fn linked() -> (Page, Panel) {
    let mut page = Page::new();
    page.size(1280, 800, 1);
    let panel = Panel::start(&[]);
    page.open(&panel.address);
    page.says("LINK");
    (page, panel)
}

/// What the page has told of its keys so far.
fn told(page: &mut Page) -> Vec<u8> {
    let sent = page.browser.notes("Network.webSocketFrameSent");
    let payloads = sent.iter().map(|it| &it["response"]["payloadData"]);
    payloads
        .flat_map(|it| STANDARD.decode(it.as_str().unwrap()).unwrap())
        .collect()
}

/// Waits until the page has told just that.
#[track_caller]
fn tells(page: &mut Page, what: &str, is_it: impl Fn(&[u8]) -> bool) {
    until(what, || {
        let told = told(page);
        if is_it(&told) {
            Ok(())
        } else {
            Err(format!("{told:?}"))
        }
    });
}

#[test]
fn a_key_that_is_held_is_told_again_and_again() {
    let (mut page, _panel) = linked();
    page.key("ArrowUp", true);
    tells(&mut page, "up four times", |it| it.starts_with(&[4; 4]));
    page.key("ArrowUp", false);
    tells(&mut page, "up to be let go", |it| it.ends_with(&[4, 0]));
    // Nothing more is told while nobody holds a key.
    let before = told(&mut page);
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!(told(&mut page), before);
    assert!(before.iter().rev().skip(1).all(|it| *it == 4), "{before:?}");
}

/// Where a panel listens, so that another one can.
fn place(panel: &Panel) -> String {
    let place = panel.address.trim_start_matches("http://");
    place.trim_end_matches('/').to_owned()
}

#[test]
fn a_key_that_is_held_while_there_is_no_link_is_nothing_until_it_is_let_go() {
    let (mut page, panel) = linked();
    let place = place(&panel);
    page.key("ArrowUp", true);
    tells(&mut page, "up", |it| it.starts_with(&[4]));
    drop(panel);
    page.says("NO LINK");
    page.key("ArrowDown", true);
    let before = told(&mut page);
    let _panel = Panel::start_at(&place, &[]);
    page.says("LINK");
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!(told(&mut page), before);
    for name in ["ArrowUp", "ArrowDown"] {
        page.key(name, false);
    }
    page.press("ArrowDown");
    let pressed = [&before[..], &[8, 0]].concat();
    tells(&mut page, "down and nothing", |it| it == pressed);
}
