//! How the lab tells what it does: a line per fact, colours and a spinner on a terminal, plain
//! text anywhere else.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Where the words go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Voice {
    /// To people: stdout.
    Out,
    /// Beside a document on stdout: stderr.
    Err,
}

/// The narrator of one run.
#[derive(Debug)]
pub(super) struct Story {
    voice: Voice,
    terminal: bool,
    paint: Paint,
    spinning: Option<Spinning>,
}

#[derive(Debug)]
struct Spinning {
    what: String,
    since: Instant,
    said: bool,
    turn: usize,
}

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/// Anything that takes longer is announced even where nothing can spin.
const PATIENCE: Duration = Duration::from_secs(1);
const CLEAR_LINE: &str = "\r\x1b[K";

impl Story {
    /// Colours and spinners need a terminal; `NO_COLOR` (no-color.org) takes the colours away.
    pub(super) fn new(voice: Voice) -> Self {
        let terminal = match voice {
            Voice::Out => io::stdout().is_terminal(),
            Voice::Err => io::stderr().is_terminal(),
        };
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            voice,
            terminal,
            paint: Paint {
                on: terminal && !no_color,
            },
            spinning: None,
        }
    }

    /// The colours in use.
    pub(super) const fn paint(&self) -> Paint {
        self.paint
    }

    /// Starts a part.
    pub(super) fn chapter(&mut self, title: &str, about: &str) {
        let title = self.paint.bold(self.paint.cyan(format!("▸ {title}")));
        let about = self.paint.dim(about);
        self.line("");
        self.line(&format!("{title}  {about}"));
    }

    /// A fact that is neither good nor bad.
    pub(super) fn say(&mut self, text: impl Display) {
        self.line(&format!("    {text}"));
    }

    /// A fact with its verdict.
    pub(super) fn verdict(&mut self, good: bool, text: impl Display) {
        let mark = self.paint.mark(good);
        self.line(&format!("  {mark} {text}"));
    }

    /// Text that is laid out already.
    pub(super) fn block(&mut self, text: &str) {
        for line in text.lines() {
            self.line(line);
        }
    }

    /// Called often while something takes its time.
    pub(super) fn waiting(&mut self, what: &str) {
        let fresh = self.spinning.as_ref().is_none_or(|old| old.what != what);
        if fresh {
            self.spinning = Some(Spinning {
                what: what.to_owned(),
                since: Instant::now(),
                said: false,
                turn: 0,
            });
        }
        let Some(spinning) = &mut self.spinning else {
            return;
        };
        if self.terminal {
            spinning.turn = (spinning.turn + 1) % SPINNER.len();
            let glyph = SPINNER[spinning.turn];
            let seconds = spinning.since.elapsed().as_secs_f32();
            let text = self.paint.dim(format!("{glyph} {what} … {seconds:.1} s"));
            self.write(&format!("{CLEAR_LINE}  {text}"));
        } else if !spinning.said && spinning.since.elapsed() >= PATIENCE {
            spinning.said = true;
            self.write(&format!("  … {what}\n"));
        }
    }

    fn line(&mut self, text: &str) {
        let clear = match self.spinning.take() {
            Some(_) if self.terminal => CLEAR_LINE,
            Some(_) | None => "",
        };
        self.write(&format!("{clear}{text}\n"));
    }

    /// A reader that went away (a closed pipe) must not stop the lab from cleaning up, so errors
    /// of the writer are of no interest here.
    fn write(&self, text: &str) {
        drop(match self.voice {
            Voice::Out => io::stdout()
                .write_all(text.as_bytes())
                .and_then(|()| io::stdout().flush()),
            Voice::Err => io::stderr().write_all(text.as_bytes()),
        });
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        if self.terminal && self.spinning.is_some() {
            self.write(CLEAR_LINE);
        }
    }
}

/// ANSI colours, or none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    on: bool,
}

impl Paint {
    fn with(self, code: &str, text: impl Display) -> String {
        if self.on {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_string()
        }
    }

    pub(super) fn bold(self, text: impl Display) -> String {
        self.with("1", text)
    }

    pub(super) fn dim(self, text: impl Display) -> String {
        self.with("2", text)
    }

    pub(super) fn green(self, text: impl Display) -> String {
        self.with("32", text)
    }

    pub(super) fn red(self, text: impl Display) -> String {
        self.with("1;31", text)
    }

    pub(super) fn cyan(self, text: impl Display) -> String {
        self.with("36", text)
    }

    pub(super) fn mark(self, good: bool) -> String {
        if good {
            self.green("✓")
        } else {
            self.red("✗")
        }
    }
}
