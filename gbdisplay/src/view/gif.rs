//! Pictures one after the other as an animated GIF.

use std::borrow::Cow;
use std::{fmt, io};

use skerry_dmg::{Frame, HEIGHT, WIDTH};

use super::colours::indexed;

/// Hundredths of a second from one picture to the next: what browsers show as it is meant.
const EVERY_CS: u16 = 10;

/// A film that is being made. Pictures that are like the one before take no room.
pub struct Film<W: io::Write> {
    encoder: gif::Encoder<W>,
    scale: u8,
    /// The picture that is shown, and for how long so far.
    last: Option<(Frame, u16)>,
    next_us: u64,
}

impl<W: io::Write> Film<W> {
    /// Begins a film; every pixel is a square of `scale` pixels, at most 4.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn new(file: W, scale: u8) -> io::Result<Self> {
        let scale = scale.clamp(1, 4);
        let size = |len: usize| u16::try_from(len).unwrap_or(u16::MAX) * u16::from(scale);
        let encoder = gif::Encoder::new(file, size(WIDTH), size(HEIGHT), &[]);
        let mut encoder = encoder.map_err(io::Error::other)?;
        let repeat = encoder.set_repeat(gif::Repeat::Infinite);
        repeat.map_err(io::Error::other)?;
        Ok(Self {
            encoder,
            scale,
            last: None,
            next_us: 0,
        })
    }

    /// Shows the film-maker a picture at a time of the console; he takes ten a second.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn show(&mut self, now_us: u64, frame: &Frame) -> io::Result<()> {
        if now_us < self.next_us {
            return Ok(());
        }
        self.next_us = now_us - now_us % 100_000 + 100_000;
        match &mut self.last {
            Some((last, shown_cs)) if last == frame && *shown_cs < 60_000 => {
                *shown_cs += EVERY_CS;
                Ok(())
            }
            _ => {
                let last = self.last.replace((frame.clone(), EVERY_CS));
                self.write(last.as_ref())
            }
        }
    }

    /// Ends the film.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        let last = self.last.take();
        self.write(last.as_ref())
    }

    fn write(&mut self, picture: Option<&(Frame, u16)>) -> io::Result<()> {
        let Some((frame, delay)) = picture else {
            return Ok(());
        };
        let (pixels, palette) = indexed(frame, usize::from(self.scale));
        let size = |len: usize| u16::try_from(len).unwrap_or(u16::MAX) * u16::from(self.scale);
        let picture = gif::Frame {
            width: size(WIDTH),
            height: size(HEIGHT),
            delay: *delay,
            palette: Some(palette.concat()),
            buffer: Cow::Owned(pixels),
            ..gif::Frame::default()
        };
        let written = self.encoder.write_frame(&picture);
        written.map_err(io::Error::other)
    }
}

impl<W: io::Write> fmt::Debug for Film<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut film = f.debug_struct("Film");
        film.field("next_us", &self.next_us).finish_non_exhaustive()
    }
}
