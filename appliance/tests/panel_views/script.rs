//! What the page's own script does by itself.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::page::Page;
use super::panel::Panel;
use super::web::{A, SELECT, START, alerted};
use super::{BEAT, until};

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

/// Keeps all that the element for alerts has said.
const LISTEN: &str = "(() => {
    const alarm = document.getElementById('alarm');
    window.said = [alarm.textContent];
    new MutationObserver(() => said.push(alarm.textContent))
        .observe(alarm, { childList: true, characterData: true, subtree: true });
})()";

/// What a screen reader reads out: rows without lines and bars.
fn words(page: &mut Page) -> String {
    let words = page.eval("document.getElementById('words').textContent");
    words.as_str().unwrap().to_owned()
}

/// All that was said of alerts so far.
fn said(page: &mut Page) -> Vec<String> {
    let said = page.eval("said");
    let said = said.as_array().unwrap().iter().filter_map(Value::as_str);
    said.filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Waits until a row begins with something.
#[track_caller]
fn reads_out(page: &mut Page, row: &str) {
    until(row, || {
        let words = words(page);
        let mut rows = words.lines();
        if rows.any(|it| it.trim_start().starts_with(row)) {
            Ok(())
        } else {
            Err(words)
        }
    });
}

/// What of the page has a role and is not hidden from screen readers, as they are told.
fn spoken(page: &mut Page, role: &str) -> Vec<Value> {
    let mut tree = page.browser.call("Accessibility.getFullAXTree", json!({}));
    let nodes = tree["nodes"].as_array_mut().unwrap().iter_mut();
    let nodes = nodes.filter(|it| it["ignored"] == false && it["role"]["value"] == role);
    nodes.map(|it| it["name"]["value"].take()).collect()
}

#[test]
fn the_words_of_the_screen_are_read_out() {
    let (mut page, panel) = alerted(1280, 800, 1);
    page.click(A);
    panel.did("acknowledged");
    reads_out(&mut page, "OVERVIEW  DEMO  1/7");
    reads_out(&mut page, "GENERATION         7");
    let drawn = ['│', '─', '█', '▁', '♥', '♡'];
    let said = words(&mut page);
    assert!(!said.contains(drawn), "{said}");
    let texts = spoken(&mut page, "StaticText");
    let is_row = |it: &Value| it.as_str().unwrap().contains("OVERVIEW  DEMO  1/7");
    assert!(texts.iter().any(is_row), "{texts:?}");
    page.click(SELECT);
    panel.went("ports", 0, false);
    reads_out(&mut page, "PORTS     DEMO  2/7");
    // What was there when the panel went is not read as if it still were.
    drop(panel);
    page.says("NO LINK");
    assert_eq!(words(&mut page), "");
}

#[test]
fn an_alert_is_said_once_until_it_is_acknowledged() {
    let (mut page, panel) = linked();
    page.eval(LISTEN);
    reads_out(&mut page, "A: ACKNOWLEDGE");
    // Meanwhile the words tell the time.
    until("an alert of some seconds", || {
        let words = words(&mut page);
        let since = words.split_once("SINCE").map(|it| it.1.split_whitespace());
        let since = since.and_then(|mut it| it.next()?.parse::<u32>().ok());
        if since.is_some_and(|it| it >= 3) {
            Ok(())
        } else {
            Err(words)
        }
    });
    let alert = "ALERT 1: violation at b-i2: pvlan_deny";
    let said = said(&mut page);
    assert!(
        matches!(&said[..], [it] if it.starts_with(alert)),
        "{said:?}"
    );
    assert_eq!(spoken(&mut page, "alert").len(), 1);
    page.click(A);
    panel.did("acknowledged");
    until("nothing to be said", || {
        let alarm = page.eval("document.getElementById('alarm').textContent");
        if alarm == "" {
            Ok(())
        } else {
            Err(alarm.to_string())
        }
    });
}

#[test]
fn a_click_on_start_holds_it_for_long_enough() {
    let (mut page, panel) = alerted(1280, 800, 1);
    page.click(A);
    panel.did("acknowledged");
    for what in ["pause", "resume"] {
        // What a screen reader does: no finger and no mouse.
        page.eval(&format!("document.querySelector(\"{START}\").click()"));
        panel.did(what);
        tells(&mut page, "START to be let go", |it| {
            it.ends_with(&[128, 0])
        });
        // A hand takes a moment too.
        BEAT.iter().for_each(|it| page.reads(it));
    }
}

#[test]
fn a_page_whose_pictures_stop_says_so() {
    let (mut page, panel) = linked();
    let script = "getComputedStyle(document.getElementById('screen')).opacity";
    assert_eq!(page.eval(script), "1");
    // One that stands still is still connected, and its kernel answers for it.
    panel.signal(Signal::STOP);
    page.says("NO LINK");
    assert_eq!(page.eval(script), "0.4");
    assert_eq!(words(&mut page), "");
    panel.signal(Signal::CONT);
    page.says("LINK");
    reads_out(&mut page, "OVERVIEW  DEMO  1/7");
    assert_eq!(page.errors(), [""; 0]);
}
