//! A frame as an answer has it, and where two of them differ.

use std::collections::BTreeSet;
use std::fmt;

use skerry_dmg::{Frame, HEIGHT, WIDTH};

/// A frame as an answer has it: a digit per pixel for shades, four for colours as RGB555.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Picture(pub(crate) String);

/// Where two pictures differ.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Difference {
    /// How many pixels do.
    pub pixels: usize,
    /// The first of them, in reading order: how far to the right, and how far down.
    pub first: (usize, usize),
    /// What one has there, and the other.
    pub values: (String, String),
}

impl Picture {
    /// Of a frame of the core.
    pub fn of(frame: &Frame) -> Self {
        if let Some(shades) = frame.to_shades() {
            return Self(shades.iter().map(u8::to_string).collect());
        }
        let pixels = frame.to_rgb555();
        Self(pixels.iter().map(|it| format!("{it:04x}")).collect())
    }

    /// Digits of a pixel: 1 for shades, 4 for colours, something else for what is no picture.
    const fn digits(&self) -> usize {
        self.0.len() / (WIDTH * HEIGHT)
    }

    fn pixels(&self) -> impl Iterator<Item = &[u8]> {
        self.0.as_bytes().chunks(self.digits().max(1))
    }

    /// Where two pictures differ; everywhere when one has colours and the other shades.
    pub fn difference(&self, other: &Self) -> Option<Difference> {
        let is_alike = self.digits() == other.digits() && self.digits() > 0;
        let pairs = self.pixels().zip(other.pixels()).enumerate();
        let mut differing = pairs.filter(|(_, (ours, theirs))| !is_alike || ours != theirs);
        let text = |it: &[u8]| String::from_utf8_lossy(it).into_owned();
        let Some((at, (ours, theirs))) = differing.next() else {
            let none = (String::new(), String::new());
            return (!is_alike).then_some(Difference {
                pixels: WIDTH * HEIGHT,
                first: (0, 0),
                values: none,
            });
        };
        let pixels = if is_alike {
            1 + differing.count()
        } else {
            WIDTH * HEIGHT
        };
        Some(Difference {
            pixels,
            first: (at % WIDTH, at / WIDTH),
            values: (text(ours), text(theirs)),
        })
    }

    /// Pixels that differ.
    pub fn differing(&self, other: &Self) -> usize {
        self.difference(other).map_or(0, |it| it.pixels)
    }

    /// How many different shades or colours it has.
    pub fn hues(&self) -> usize {
        self.pixels().collect::<BTreeSet<_>>().len()
    }

    /// Every pixel as red, green and blue, black where there is none.
    pub(crate) fn rgb(&self) -> Vec<[u8; 3]> {
        let is_colour = self.digits() == 4;
        let mut pixels: Vec<[u8; 3]> = self.pixels().map(|it| rgb(it, is_colour)).collect();
        pixels.resize(WIDTH * HEIGHT, [0; 3]);
        pixels
    }
}

fn rgb(digits: &[u8], is_colour: bool) -> [u8; 3] {
    let text = str::from_utf8(digits).unwrap_or_default();
    let value = u16::from_str_radix(text, 16).unwrap_or(0);
    if is_colour {
        // Five bits to eight: 31 is 255.
        [0, 5, 10].map(|low| u8::try_from((value >> low & 31) * 255 / 31).unwrap_or(0))
    } else {
        [u8::try_from(255 - (value & 3) * 85).unwrap_or(0); 3]
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((x, y), (ours, theirs)) = (self.first, &self.values);
        write!(
            f,
            "{} pixels, the first at ({x}, {y}), row {} and column {}: {ours} here, {theirs} there",
            self.pixels,
            y / 8,
            x / 8
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn white() -> Picture {
        Picture("0".repeat(WIDTH * HEIGHT))
    }

    #[test]
    fn pictures_differ_by_pixels() {
        let one = white();
        let mut other = one.clone();
        other.0.replace_range(WIDTH + 16..WIDTH + 18, "31");
        assert_eq!(one.difference(&one), None);
        let difference = one.difference(&other).unwrap();
        assert_eq!(
            difference.to_string(),
            "2 pixels, the first at (16, 1), row 0 and column 2: 0 here, 3 there"
        );
    }

    #[test]
    fn colours_differ_from_shades_and_everything_from_nothing() {
        let colours = Picture("0000".repeat(WIDTH * HEIGHT));
        for other in [colours, Picture(String::new())] {
            assert_eq!(white().differing(&other), WIDTH * HEIGHT);
            assert_eq!(other.differing(&white()), WIDTH * HEIGHT);
        }
        let nothing = Picture(String::new());
        assert_eq!(nothing.differing(&nothing), WIDTH * HEIGHT);
    }

    #[test]
    fn shades_and_colours_are_colours_for_people() {
        let mut shades = white();
        shades.0.replace_range(..4, "0123");
        assert_eq!(shades.rgb()[..4], [[255; 3], [170; 3], [85; 3], [0; 3]]);
        let colours = Picture("7fff001f".repeat(WIDTH * HEIGHT / 2));
        assert_eq!(colours.rgb()[..2], [[255; 3], [255, 0, 0]]);
        assert_eq!(colours.hues(), 2);
    }
}
