//! A picture as the LCD shows it.

/// Pixels in a row.
pub const WIDTH: usize = 160;
/// Rows.
pub const HEIGHT: usize = 144;

/// A picture: 160 by 144 pixels, the same type whatever the model.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frame {
    color: bool,
    pixels: Box<[u16; WIDTH * HEIGHT]>,
}

/// The shades of a DMG as RGB555: white, two greys, black.
const SHADES: [u16; 4] = [0x7FFF, 0x56B5, 0x294A, 0x0000];

impl Frame {
    /// What an LCD shows that is off: shade 0, or white.
    pub(crate) fn blank(color: bool) -> Self {
        let blank = if color { SHADES[0] } else { 0 };
        Self {
            color,
            pixels: Box::new([blank; WIDTH * HEIGHT]),
        }
    }

    /// Whether it was drawn with colours, so that it has no shades.
    pub const fn is_color(&self) -> bool {
        self.color
    }

    /// A pixel's shade, 0 (lightest) to 3. `None` outside the picture, or when it has colours.
    pub fn shade(&self, x: usize, y: usize) -> Option<u8> {
        let shade = self.row(y)?.get(x)? & 3;
        let [_, shade] = shade.to_be_bytes();
        (!self.color).then_some(shade)
    }

    /// A pixel as RGB555, red lowest; shades become greys. `None` outside the picture.
    pub fn rgb555(&self, x: usize, y: usize) -> Option<u16> {
        let pixel = *self.row(y)?.get(x)?;
        Some(if self.color {
            pixel
        } else {
            SHADES[usize::from(pixel & 3)]
        })
    }

    /// Every pixel row by row, as RGB555.
    pub fn to_rgb555(&self) -> Vec<u16> {
        let pixels = self.pixels.iter();
        if self.color {
            pixels.copied().collect()
        } else {
            pixels.map(|it| SHADES[usize::from(it & 3)]).collect()
        }
    }

    /// Every pixel's shade row by row; `None` when it has colours.
    pub fn to_shades(&self) -> Option<Vec<u8>> {
        let shades = self.pixels.iter().map(|it| it.to_be_bytes()[1]);
        (!self.color).then(|| shades.collect())
    }

    fn row(&self, y: usize) -> Option<&[u16]> {
        self.pixels.chunks_exact(WIDTH).nth(y)
    }

    /// The pixels of line `y`; those of the last line for any beyond.
    pub(crate) fn row_mut(&mut self, y: u8) -> &mut [u16] {
        let start = usize::from(y).min(HEIGHT - 1) * WIDTH;
        &mut self.pixels[start..start + WIDTH]
    }

    pub(crate) fn fill_blank(&mut self) {
        let blank = if self.color { SHADES[0] } else { 0 };
        self.pixels.fill(blank);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_is_a_shade_and_a_grey_or_a_colour() {
        let mut frame = Frame::blank(false);
        frame.row_mut(2)[5] = 3;
        assert_eq!(frame.shade(5, 2), Some(3));
        assert_eq!(frame.rgb555(5, 2), Some(0));
        assert_eq!(frame.shade(6, 2), Some(0));
        assert_eq!(frame.shade(WIDTH, 2), None);
        assert_eq!(frame.shade(0, HEIGHT), None);
        let color = Frame::blank(true);
        assert_eq!(color.shade(0, 0), None);
        assert_eq!(color.rgb555(0, 0), Some(0x7FFF));
    }
}
