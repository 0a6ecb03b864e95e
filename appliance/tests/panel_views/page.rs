//! The panel's page in a browser, for whoever looks, clicks, touches and types.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::browser::Browser;
use super::picture::{COLOURS, Picture};
use super::until;

/// The canvas as a digit for each pixel: which of four colours it has, `x` for another one.
const READ: &str = "(() => {
    const canvas = document.getElementById('screen');
    if (!canvas) return 'x';
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const colours = COLOURS.map(it => parseInt(it, 16));
    let text = '';
    for (let at = 0; at < data.length; at += 4) {
        const shade = colours.indexOf(data[at] << 16 | data[at + 1] << 8 | data[at + 2]);
        text += shade < 0 || data[at + 3] !== 255 ? 'x' : shade;
    }
    return text;
})()";
/// Where the middle of an element is.
const MIDDLE: &str = "(() => {
    const box = document.querySelector(SELECTOR).getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
})()";

/// A page that shows a panel.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) browser: Browser,
}

impl Page {
    /// An empty page that tells what goes wrong.
    pub(crate) fn new() -> Self {
        let mut browser = Browser::start();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        let enabled = json!({"enabled": true});
        browser.call("Emulation.setFocusEmulationEnabled", enabled);
        Self { browser }
    }

    /// Gives it a size in pixels of the page, each of them `dots` squared of the screen's.
    pub(crate) fn size(&mut self, width: u32, height: u32, dots: u32) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": dots, "mobile": dots > 1,
        });
        self.browser
            .call("Emulation.setDeviceMetricsOverride", size);
        let touch = json!({"enabled": dots > 1});
        self.browser
            .call("Emulation.setTouchEmulationEnabled", touch);
    }

    /// Opens a panel and waits for its first picture.
    pub(crate) fn open(&mut self, address: &str) {
        let answer = self.browser.call("Page.navigate", json!({"url": address}));
        assert!(answer["errorText"].is_null(), "{answer}");
        self.reads("DEMO");
    }

    /// What a script comes to.
    #[track_caller]
    pub(crate) fn eval(&mut self, script: &str) -> Value {
        let script = json!({"expression": script, "returnByValue": true});
        let mut answer = self.browser.call("Runtime.evaluate", script);
        assert!(answer["exceptionDetails"].is_null(), "{answer}");
        answer["result"]["value"].take()
    }

    /// The pixels of the canvas; none before the first picture.
    pub(crate) fn picture(&mut self) -> Option<Picture> {
        let script = READ.replace("COLOURS", &json!(COLOURS).to_string());
        let pixels = self.eval(&script);
        let pixels = pixels.as_str().unwrap().bytes();
        let shades: Option<Vec<u8>> = pixels
            .map(|it| it.checked_sub(b'0').filter(|it| *it < 4))
            .collect();
        shades.map(Picture::new)
    }

    /// Waits until something is written on the screen.
    #[track_caller]
    pub(crate) fn reads(&mut self, words: &str) {
        self.shows(words, |text| text.contains(words));
    }

    /// Waits until the screen is so.
    #[track_caller]
    pub(crate) fn shows(&mut self, what: &str, is_so: impl Fn(&str) -> bool) {
        until(what, || {
            let picture = self.picture().ok_or("no picture")?;
            let text = picture.text();
            if is_so(&text) { Ok(()) } else { Err(text) }
        });
    }

    /// Waits for the word beside the light.
    #[track_caller]
    pub(crate) fn says(&mut self, words: &str) {
        until(words, || {
            let state = self.eval("document.getElementById('state').textContent");
            if state == words {
                Ok(())
            } else {
                Err(state.to_string())
            }
        });
    }

    /// Presses or lets go of the left button of the mouse, in the middle of an element.
    pub(crate) fn mouse(&mut self, selector: &str, is_down: bool) {
        let at = self.middle(selector);
        let kind = if is_down {
            "mousePressed"
        } else {
            "mouseReleased"
        };
        let event =
            json!({"type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": 1});
        self.browser.call("Input.dispatchMouseEvent", event);
    }

    /// Clicks, as fast as it goes.
    pub(crate) fn click(&mut self, key: &str) {
        self.mouse(key, true);
        self.mouse(key, false);
    }

    /// Puts fingers on elements, or takes all of them away.
    pub(crate) fn touch(&mut self, selectors: &[&str]) {
        let fingers = selectors.iter().enumerate().map(|(id, selector)| {
            let at = self.middle(selector);
            json!({"id": id, "x": at[0], "y": at[1]})
        });
        let fingers: Vec<Value> = fingers.collect();
        let kind = if fingers.is_empty() {
            "touchEnd"
        } else {
            "touchStart"
        };
        let event = json!({"type": kind, "touchPoints": fingers});
        self.browser.call("Input.dispatchTouchEvent", event);
    }

    /// Taps with a finger, as fast as it goes.
    pub(crate) fn tap(&mut self, selector: &str) {
        self.touch(&[selector]);
        self.touch(&[]);
    }

    fn middle(&mut self, selector: &str) -> [f64; 2] {
        let script = MIDDLE.replace("SELECTOR", &json!(selector).to_string());
        let at = self.eval(&script);
        [at[0].as_f64().unwrap(), at[1].as_f64().unwrap()]
    }

    /// Presses or lets go of a key of the keyboard.
    pub(crate) fn key(&mut self, name: &str, is_down: bool) {
        // What the browser itself does with a key it knows by a number.
        let number = match name {
            "Backspace" => 8,
            "Tab" => 9,
            "Enter" => 13,
            _ => 0,
        };
        let kind = if is_down { "rawKeyDown" } else { "keyUp" };
        let event =
            json!({"type": kind, "key": name, "code": name, "windowsVirtualKeyCode": number});
        self.browser.call("Input.dispatchKeyEvent", event);
    }

    /// Types a key, as fast as it goes.
    pub(crate) fn press(&mut self, name: &str) {
        self.key(name, true);
        self.key(name, false);
    }

    /// Everything that a developer would see in red.
    pub(crate) fn errors(&mut self) -> Vec<String> {
        let mut errors = Vec::new();
        for (kind, of, level) in [
            ("Log.entryAdded", "entry", "level"),
            ("Runtime.consoleAPICalled", "", "type"),
            ("Runtime.exceptionThrown", "exceptionDetails", ""),
        ] {
            let notes = self.browser.notes(kind);
            let is_bad = |it: &&&Value| {
                let it = if of.is_empty() { it } else { &it[of] };
                level.is_empty() || it[level] == "error"
            };
            errors.extend(notes.iter().filter(is_bad).map(|it| it.to_string()));
        }
        errors
    }

    /// A picture of the page as a PNG file, a pixel of it for each of the page.
    pub(crate) fn png(&mut self) -> Vec<u8> {
        let clip = self.eval(
            "({ x: 0, y: 0, width: innerWidth, height: innerHeight, scale: 1 / devicePixelRatio })",
        );
        let shot = json!({"format": "png", "clip": clip});
        let shot = self.browser.call("Page.captureScreenshot", shot);
        STANDARD.decode(shot["data"].as_str().unwrap()).unwrap()
    }
}
