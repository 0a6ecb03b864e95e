//! The panel in a terminal.

use std::io::{self, IsTerminal, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::event::Event;
use ratatui::layout::Rect;
use ratatui::style::Stylize;
use ratatui::text::Line;
use ratatui::widgets::Clear;
use ratatui::{DefaultTerminal, Frame};
use signal_hook::consts::{SIGINT, SIGTERM};
use skerry_gbdisplay::port::Emulated;
use skerry_gbdisplay::view::{Screen, Style, key, wants_to_leave};

use super::show::Show;
use crate::exit::{Exit, Failed};
use crate::terminal::next_event;

/// Pictures of the console between two drawings: 30 a second.
const EVERY: u64 = 2;
const KEYS: &str = "arrows  a/x: A  b/z: B  tab: SELECT  enter: START  p: hold START  q: leave";

/// Shows it until the reader leaves, somebody ends it, or the time is over.
pub(super) fn run(show: &mut Show<Emulated>, style: Style) -> anyhow::Result<()> {
    if !io::stdout().is_terminal() {
        let message = "this view needs a terminal; --once prints the screen, --png and --gif make \
                       files";
        return Err(Failed::new(Exit::Usage, message).into());
    }
    // Whoever ends it by a signal gets his terminal back as well, and a second one ends it at once. So
    // does SIGHUP: then there is no terminal any more.
    let is_ended = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(&is_ended))?;
        signal_hook::flag::register(signal, Arc::clone(&is_ended))?;
    }
    let style = if has_colours() { style } else { Style::Braille };
    let mut terminal = ratatui::try_init()?;
    let shown = watch(show, style, &mut terminal, &is_ended);
    ratatui::try_restore()?;
    shown
}

/// False if `NO_COLOR` (no-color.org) says so: then all half blocks would look alike.
fn has_colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty())
}

fn watch(
    show: &mut Show<Emulated>,
    style: Style,
    terminal: &mut DefaultTerminal,
    is_ended: &AtomicBool,
) -> anyhow::Result<()> {
    let mut drawn = None;
    let mut bell = Bell::default();
    while !show.is_over() && !is_ended.load(Ordering::Relaxed) {
        show.step()?;
        while let Some(event) = next_event(Duration::ZERO)? {
            let Event::Key(event) = event else {
                drawn = None;
                continue;
            };
            if wants_to_leave(&event) {
                return Ok(());
            }
            let now_us = show.now_us();
            if let Some((keys, hold_us)) = key(&event) {
                show.hands.press(now_us, keys, hold_us);
            }
        }
        if bell.rings(show.desk.session.panel().alert()) {
            let mut stdout = io::stdout().lock();
            stdout.write_all(b"\x07")?;
            stdout.flush()?;
        }
        let machine = show.desk.port.machine();
        let picture = machine.frames() / EVERY;
        if drawn != Some(picture) {
            drawn = Some(picture);
            terminal.draw(|target| draw(target, show, style))?;
        }
    }
    Ok(())
}

/// The bell of the terminal, once for each alert that comes in front: the console's own sound is not
/// to be heard here.
#[derive(Debug, Default)]
struct Bell {
    last: Option<u64>,
}

impl Bell {
    fn rings(&mut self, alert: Option<u64>) -> bool {
        let before = std::mem::replace(&mut self.last, alert);
        alert.is_some() && alert != before
    }
}

/// The picture, and below it the keys, or what is wrong with the terminal.
fn draw(target: &mut Frame<'_>, show: &Show<Emulated>, style: Style) {
    let area = target.area();
    let style = fitting(style, area);
    let frame = show.desk.port.machine().frame();
    target.render_widget(Screen { frame, style }, area);
    let (width, height) = style.size();
    if area.width < width || area.height < height {
        let words = format!(
            "this terminal has {}x{}, the panel takes {width}x{height}",
            area.width, area.height
        );
        let last = Rect::new(area.x, area.bottom().saturating_sub(1), area.width, 1);
        target.render_widget(Clear, last.intersection(area));
        target.render_widget(Line::from(words), last.intersection(area));
        return;
    }
    let below = Rect::new(area.x, area.y + height, width, 1);
    target.render_widget(Line::from(KEYS).dark_gray(), below.intersection(area));
}

/// Half blocks only where all of the picture fits.
const fn fitting(style: Style, area: Rect) -> Style {
    let (width, height) = style.size();
    if area.width < width || area.height < height {
        Style::Braille
    } else {
        style
    }
}
