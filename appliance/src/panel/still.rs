//! Pictures for files and for reading.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Instant;

use skerry_gbdisplay::port::Emulated;
use skerry_gbdisplay::view;

use super::show::Show;
use super::source::{EVERY, Source};
use super::{DEMO_FOR, write};
use crate::exit::{Exit, Failed};

/// How much each pixel is enlarged.
const PNG_SCALE: u8 = 3;
const GIF_SCALE: u8 = 2;
/// How long a panel may take to be painted, in microseconds of its own time.
const PAINT_US: u64 = 10_000_000;
/// Two pictures of the console, in microseconds: one of them is whole.
const PICTURES_US: u64 = 34_000;

/// Prints the last picture as text.
pub(super) fn text(show: &mut Show<Emulated>) -> anyhow::Result<()> {
    settle(show)?;
    let now_us = show.now_us();
    let text = show.desk.session.panel().picture(now_us).text();
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

/// Makes a file of the last picture.
pub(super) fn png(show: &mut Show<Emulated>, path: &Path) -> anyhow::Result<()> {
    settle(show)?;
    let frame = show.desk.port.machine().frame();
    write(path, &view::png(frame, PNG_SCALE)?)
}

/// Makes a film.
pub(super) fn gif(show: &mut Show<Emulated>, path: &Path) -> anyhow::Result<()> {
    show.limit(DEMO_FOR);
    let file = File::create(path).map_err(|error| {
        let message = format!("cannot write {}: {error}", path.display());
        Failed::new(Exit::Bad, message)
    })?;
    let mut film = view::Film::new(BufWriter::new(file), GIF_SCALE)?;
    while !show.is_over() {
        show.step()?;
        let now_us = show.now_us();
        film.show(now_us, show.desk.port.machine().frame())?;
    }
    Ok(film.finish()?)
}

/// Runs until the panel shows everything: a demo for its time, a daemon for two rounds of facts,
/// which rates are made from.
fn settle(show: &mut Show<Emulated>) -> anyhow::Result<()> {
    if matches!(show.source, Source::Demo { .. }) {
        show.limit(DEMO_FOR);
        show.run()?;
        return show.run_painted();
    }
    let deadline = Instant::now() + EVERY * 8;
    for _ in 0..2 {
        let left = deadline.saturating_duration_since(Instant::now());
        let Some(reading) = show.source.wait(left) else {
            break;
        };
        show.take(reading)?;
    }
    if show.is_limited() {
        show.run()?;
    }
    show.run_painted()
}

impl Show<Emulated> {
    /// Until everything is shown, and nothing hidden that blinks, for a whole picture. The time that
    /// passes meanwhile is the console's own.
    fn run_painted(&mut self) -> anyhow::Result<()> {
        let give_up_us = self.now_us() + PAINT_US;
        let mut shown_us = None;
        loop {
            let now_us = self.now_us();
            let session = &self.desk.session;
            let is_shown = session.is_painted(now_us) && self.desk.port.shows(session.shown());
            let since_us = *shown_us.get_or_insert(now_us);
            if !is_shown {
                shown_us = None;
            } else if now_us - since_us >= PICTURES_US {
                return Ok(());
            }
            if now_us > give_up_us {
                let message = "the panel is not painted in time";
                return Err(Failed::new(Exit::Bad, message).into());
            }
            self.step()?;
        }
    }
}
