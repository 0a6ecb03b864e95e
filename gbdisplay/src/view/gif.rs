//! Pictures one after the other as an animated GIF.

use std::borrow::Cow;
use std::{fmt, io};

use skerry_dmg::{Frame, HEIGHT, WIDTH};

use super::colours::indexed;

/// Hundredths of a second from one picture to the next: what browsers show as it is meant.
const EVERY_CS: u16 = 10;

/// A film that is being made. Pictures that are like the one before take no room, and of others only
/// what is different does.
pub struct Film<W: io::Write> {
    encoder: gif::Encoder<W>,
    scale: u8,
    /// The picture that is written already.
    written: Option<Frame>,
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
            written: None,
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
                self.write(last)
            }
        }
    }

    /// Ends the film.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        let last = self.last.take();
        self.write(last)
    }

    fn write(&mut self, picture: Option<(Frame, u16)>) -> io::Result<()> {
        let Some((frame, delay)) = picture else {
            return Ok(());
        };
        let part = Part::new(self.written.as_ref(), &frame);
        let scale = usize::from(self.scale);
        let (pixels, palette) = indexed(&frame, scale);
        let size = |len: usize| u16::try_from(len * scale).unwrap_or(u16::MAX);
        let picture = gif::Frame {
            left: size(part.left),
            top: size(part.top),
            width: size(part.right - part.left),
            height: size(part.bottom - part.top),
            delay,
            // What is not drawn again stays (GIF89a, "Disposal Method" 1).
            dispose: gif::DisposalMethod::Keep,
            palette: Some(palette.concat()),
            buffer: Cow::Owned(part.cut(&pixels, scale)),
            ..gif::Frame::default()
        };
        self.written = Some(frame);
        let written = self.encoder.write_frame(&picture);
        written.map_err(io::Error::other)
    }
}

/// A part of a picture, in pixels of the console.
#[derive(Clone, Copy, Debug)]
struct Part {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

impl Part {
    /// The smallest that has everything that is different; all of the first picture.
    fn new(before: Option<&Frame>, frame: &Frame) -> Self {
        let mut part = Self {
            left: WIDTH - 1,
            top: HEIGHT - 1,
            right: 0,
            bottom: 0,
        };
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                if before.is_none_or(|it| it.rgb555(x, y) != frame.rgb555(x, y)) {
                    part.left = part.left.min(x);
                    part.top = part.top.min(y);
                    part.right = part.right.max(x + 1);
                    part.bottom = part.bottom.max(y + 1);
                }
            }
        }
        // A picture has a pixel at least.
        part.right = part.right.max(part.left + 1);
        part.bottom = part.bottom.max(part.top + 1);
        part
    }

    /// Its pixels among those of a whole picture that is so many times larger.
    fn cut(self, pixels: &[u8], scale: usize) -> Vec<u8> {
        let rows = pixels.chunks_exact(WIDTH * scale);
        let rows = rows.skip(self.top * scale);
        let rows = rows.take((self.bottom - self.top) * scale);
        let columns = self.left * scale..self.right * scale;
        rows.filter_map(|row| row.get(columns.clone()))
            .flatten()
            .copied()
            .collect()
    }
}

impl<W: io::Write> fmt::Debug for Film<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut film = f.debug_struct("Film");
        film.field("next_us", &self.next_us).finish_non_exhaustive()
    }
}
