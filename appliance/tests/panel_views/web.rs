//! The page: what it shows, what its buttons and the keyboard do, and that it fits into a hand.

use std::time::Duration;

use serde_json::{Value, json};

use super::expected::{SHOWN, assert_is_of_core, prepare};
use super::page::Page;
use super::panel::Panel;
use super::{BEAT, is_alert_seen, until};

const UP: &str = "[aria-label=up]";
const DOWN: &str = "[aria-label=down]";
const LEFT: &str = "[aria-label=left]";
const RIGHT: &str = "[aria-label=right]";
pub(crate) const A: &str = "[data-key='16']";
const B: &str = "[data-key='32']";
pub(crate) const SELECT: &str = "[data-key='64']";
pub(crate) const START: &str = "[data-key='128']";

/// How long something that was done may take to be told.
const SOON: Duration = Duration::from_secs(5);
/// How often a decision is approved.
const TRIES: usize = 3;

/// A page, and a panel whose first alert has been seen.
pub(crate) fn alerted(width: u32, height: u32, dots: u32) -> (Page, Panel) {
    let mut page = Page::new();
    page.size(width, height, dots);
    let panel = alert(&mut page);
    (page, panel)
}

/// A panel on a page whose browser runs already: the alert lasts for twenty seconds, and the next one
/// comes forty seconds after it.
fn alert(page: &mut Page) -> Panel {
    let panel = Panel::start(&[]);
    page.open(&panel.address);
    page.shows("an alert that was seen", is_alert_seen);
    panel
}

/// Another panel on the page, so that the next alert of the one before does not come in between; its
/// first alert is acknowledged too.
#[track_caller]
fn anew(page: &mut Page, before: Panel, acknowledge: impl FnOnce(&mut Page)) -> Panel {
    let panel = alert(page);
    drop(before);
    acknowledge(page);
    assert_eq!(panel.did("acknowledged")["alert"], 1);
    panel
}

/// A decision is approved: again, where a newer one took its place right before.
#[track_caller]
fn approves(page: &mut Page, panel: &Panel) {
    let approved = (0..TRIES).find_map(|_| {
        page.click(A);
        panel.did_within("approved", SOON)
    });
    assert!(approved.is_some(), "nothing is approved");
    page.reads("YES");
}

/// Waits until somebody has been taken to a page, and sees it.
#[track_caller]
fn goes(page: &mut Page, panel: &Panel, name: &str) {
    panel.went(name, 0, false);
    page.reads(match name {
        "overview" => "OVERVIEW  DEMO  1/7",
        "ports" => "PORTS     DEMO  2/7",
        "throughput" => "TRAFFIC   DEMO  3/7",
        "agent" => "AGENT     DEMO  6/7",
        _ => "VIOLATED  DEMO  7/7",
    });
}

#[test]
fn the_page_shows_the_pictures_of_the_core_and_asks_nobody_else() {
    prepare();
    let mut page = Page::new();
    page.size(1280, 800, 1);
    let panel = Panel::start(&[]);
    page.open(&panel.address);
    page.says("LINK");
    assert_is_of_core(&SHOWN, || page.picture());
    page.reads("OVERVIEW  DEMO  1/7");
    assert_eq!(page.errors(), [""; 0]);
    let asked = page.browser.notes("Network.requestWillBeSent");
    let asked: Vec<&Value> = asked.iter().map(|it| &it["request"]["url"]).collect();
    let is_own = |it: &&&Value| {
        let it = it.as_str().unwrap();
        it.starts_with(&panel.address) || it.starts_with("data:image/svg+xml,")
    };
    assert!(asked.iter().all(|it| is_own(&it)), "{asked:?}");
    assert_eq!(asked.first(), Some(&&json!(panel.address)));
    let sockets = page.browser.notes("Network.webSocketCreated");
    let sockets: Vec<&Value> = sockets.iter().map(|it| &it["url"]).collect();
    let screen = panel.address.replacen("http", "ws", 1) + "screen";
    assert_eq!(sockets, [&json!(screen)]);
}

#[test]
fn a_mouse_presses_the_buttons() {
    let (mut page, panel) = alerted(1280, 800, 1);
    page.click(A);
    assert_eq!(panel.did("acknowledged")["alert"], 1);
    page.click(SELECT);
    goes(&mut page, &panel, "ports");
    page.click(DOWN);
    panel.went("ports", 1, false);
    page.click(A);
    panel.went("ports", 1, true);
    page.reads("KIND               I");
    page.click(B);
    panel.went("ports", 1, false);
    page.click(UP);
    panel.went("ports", 0, false);
    page.click(RIGHT);
    goes(&mut page, &panel, "throughput");
    page.click(LEFT);
    goes(&mut page, &panel, "ports");
    page.click(B);
    goes(&mut page, &panel, "overview");
    let panel = anew(&mut page, panel, |page| page.click(A));
    // A moment of START does nothing, a second of it pauses, and another one goes on.
    page.click(START);
    page.click(LEFT);
    goes(&mut page, &panel, "violations");
    BEAT.iter().for_each(|it| page.reads(it));
    page.click(LEFT);
    goes(&mut page, &panel, "agent");
    for (what, state) in [("pause", "PAUSED"), ("resume", "RUNNING")] {
        page.mouse(START, true);
        panel.did(what);
        page.mouse(START, false);
        page.reads(state);
        BEAT.iter().for_each(|it| page.reads(it));
    }
    approves(&mut page, &panel);
    assert_eq!(page.errors(), [""; 0]);
}

#[test]
fn a_keyboard_does_the_same() {
    let (mut page, panel) = alerted(1280, 800, 1);
    page.press("a");
    assert_eq!(panel.did("acknowledged")["alert"], 1);
    page.press("Backspace");
    goes(&mut page, &panel, "ports");
    page.press("ArrowDown");
    panel.went("ports", 1, false);
    page.press("X");
    panel.went("ports", 1, true);
    page.press("b");
    panel.went("ports", 1, false);
    page.press("ArrowUp");
    panel.went("ports", 0, false);
    page.press("ArrowRight");
    goes(&mut page, &panel, "throughput");
    page.press("ArrowLeft");
    goes(&mut page, &panel, "ports");
    page.press("z");
    goes(&mut page, &panel, "overview");
    let panel = anew(&mut page, panel, |page| page.press("a"));
    for (what, to) in [("pause", "ports"), ("resume", "throughput")] {
        page.key("Enter", true);
        panel.did(what);
        page.key("Enter", false);
        page.press("ArrowRight");
        goes(&mut page, &panel, to);
    }
    page.press("b");
    goes(&mut page, &panel, "overview");
    focus(&mut page, &panel);
    assert_eq!(page.errors(), [""; 0]);
}

/// Every button can be reached and seen to be, and pressed where it is.
fn focus(page: &mut Page, panel: &Panel) {
    let mut reached = Vec::new();
    for _ in 0..8 {
        page.press("Tab");
        let button = page.eval(
            "(() => { const it = document.activeElement, style = getComputedStyle(it);
            return [it.dataset.key, style.outlineStyle, parseFloat(style.outlineWidth) >= 2]; })()",
        );
        assert_eq!(
            button.as_array().unwrap()[1..],
            [json!("solid"), json!(true)]
        );
        reached.push(button[0].as_str().unwrap().parse::<u8>().unwrap());
        match *reached.last().unwrap() {
            1 => {
                page.press("Enter");
                goes(page, panel, "ports");
            }
            32 => {
                page.press(" ");
                goes(page, panel, "overview");
            }
            _ => {}
        }
    }
    reached.sort_unstable();
    assert_eq!(reached, [1, 2, 4, 8, 16, 32, 64, 128]);
}

#[test]
fn fingers_reach_all_of_it_on_a_phone() {
    let (mut page, panel) = alerted(390, 844, 3);
    page.tap(A);
    assert_eq!(panel.did("acknowledged")["alert"], 1);
    page.tap(SELECT);
    goes(&mut page, &panel, "ports");
    // One finger stays where it is while another one comes.
    page.touch(&[START]);
    panel.did("pause");
    page.touch(&[START, RIGHT]);
    goes(&mut page, &panel, "throughput");
    page.touch(&[]);
    for (width, height) in [(390, 844), (360, 740), (430, 932), (844, 390), (768, 1024)] {
        page.size(width, height, 3);
        fits(&mut page, &format!("{width}x{height}"));
    }
    assert_eq!(page.errors(), [""; 0]);
}

/// Nothing is outside of the window, and every button is at least as large as a finger: all around
/// a circle of 44 pixels in its middle it is this button that is touched.
fn fits(page: &mut Page, size: &str) {
    let script = "(() => {
        const wrong = [], root = document.documentElement;
        const wide = innerWidth, high = innerHeight;
        if (root.scrollWidth > wide || root.scrollHeight > high)
            wrong.push(`${root.scrollWidth}x${root.scrollHeight} in ${wide}x${high}`);
        for (const it of document.querySelectorAll('main, canvas, button')) {
            const box = it.getBoundingClientRect();
            if (box.left < 0 || box.top < 0 || box.right > wide || box.bottom > high)
                wrong.push(`${it.outerHTML.slice(0, 60)} is outside`);
            if (it.tagName !== 'BUTTON') continue;
            const x = (box.left + box.right) / 2, y = (box.top + box.bottom) / 2;
            for (let turn = 0; turn < 16; turn++) {
                const angle = turn * Math.PI / 8, far = 21.9;
                const at = [x + far * Math.cos(angle), y + far * Math.sin(angle)];
                const touched = document.elementFromPoint(...at)?.closest('button');
                if (touched !== it) wrong.push(`${it.outerHTML.slice(0, 60)} is small: ${turn}, ${box.width}`);
            }
        }
        const canvas = document.getElementById('screen').getBoundingClientRect();
        if (Math.abs(canvas.width / canvas.height - 160 / 144) > .01) wrong.push('the screen is warped');
        return { size: `${wide}x${high}`, wrong };
    })()";
    until(size, || {
        let seen = page.eval(script);
        if seen == json!({"size": size, "wrong": []}) {
            Ok(())
        } else {
            Err(format!("{seen:#}"))
        }
    });
}

#[test]
fn who_cannot_see_it_is_told_what_is_there_and_whether_it_is_linked() {
    let mut page = Page::new();
    let mut panel = Panel::start(&[]);
    page.open(&panel.address);
    page.says("LINK");
    let tree = page.browser.call("Accessibility.getFullAXTree", json!({}));
    let nodes = tree["nodes"].as_array().unwrap().iter();
    let nodes = nodes.filter(|it| it["ignored"] == false);
    let text = |it: &Value| it["value"].as_str().unwrap_or_default().to_owned();
    let named: Vec<(String, String)> = nodes
        .map(|it| (text(&it["role"]), text(&it["name"])))
        .collect();
    let buttons = named.iter().filter(|it| it.0 == "button");
    let mut buttons: Vec<&str> = buttons.map(|it| it.1.as_str()).collect();
    buttons.sort_unstable();
    assert_eq!(
        buttons,
        ["A", "B", "SELECT", "START", "down", "left", "right", "up"]
    );
    for (role, name) in [
        ("image", "The panel's screen"),
        ("group", "directions"),
        ("status", ""),
    ] {
        let is_it = |it: &&(String, String)| it.0 == role && it.1 == name;
        assert!(
            named.iter().any(|it| is_it(&it)),
            "no {role} {name:?}: {named:?}"
        );
    }
    // A panel that has gone is not shown as if it were there, and one that comes again is found.
    let place = panel
        .address
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .to_owned();
    drop(panel);
    page.says("NO LINK");
    panel = Panel::start_at(&place, &[]);
    page.says("LINK");
    // What a screen reader does to a button.
    page.eval(&format!("document.querySelector(\"{SELECT}\").click()"));
    goes(&mut page, &panel, "ports");
}
