//! The colours of a picture on a screen of today.

use skerry_dmg::Frame;

/// The four shades of a console without colour, from the lightest: as on its greenish LCD.
const SHADES: [[u8; 3]; 4] = [
    [0xDC, 0xEC, 0xC4],
    [0x98, 0xB4, 0x70],
    [0x4C, 0x6C, 0x48],
    [0x14, 0x24, 0x20],
];

/// A pixel as red, green and blue; black outside the picture.
pub(super) fn rgb(frame: &Frame, x: usize, y: usize) -> [u8; 3] {
    if let Some(shade) = frame.shade(x, y) {
        return SHADES.get(usize::from(shade)).copied().unwrap_or_default();
    }
    let color = frame.rgb555(x, y).unwrap_or_default();
    // Five bits are spread over eight.
    [0, 5, 10].map(|shift| {
        let five = color >> shift & 31;
        u8::try_from(five << 3 | five >> 2).unwrap_or(u8::MAX)
    })
}

/// How bright a pixel is, from 0 to 255.
pub(super) fn brightness(frame: &Frame, x: usize, y: usize) -> u8 {
    let [red, green, blue] = rgb(frame, x, y).map(u32::from);
    u8::try_from((red * 3 + green * 6 + blue) / 10).unwrap_or(u8::MAX)
}

/// A picture as numbers of colours, and those colours: at most 256, as a picture of tiles has.
pub(super) fn indexed(frame: &Frame, scale: usize) -> (Vec<u8>, Vec<[u8; 3]>) {
    let mut palette: Vec<[u8; 3]> = Vec::new();
    let mut pixels = Vec::with_capacity(skerry_dmg::WIDTH * skerry_dmg::HEIGHT * scale * scale);
    for y in 0..skerry_dmg::HEIGHT {
        let mut row = Vec::with_capacity(skerry_dmg::WIDTH * scale);
        for x in 0..skerry_dmg::WIDTH {
            let colour = rgb(frame, x, y);
            let known = palette.iter().position(|it| *it == colour);
            let number = known.unwrap_or_else(|| {
                if palette.len() < 256 {
                    palette.push(colour);
                }
                palette.len() - 1
            });
            let number = u8::try_from(number).unwrap_or(u8::MAX);
            row.extend(std::iter::repeat_n(number, scale));
        }
        for _ in 0..scale {
            pixels.extend_from_slice(&row);
        }
    }
    (pixels, palette)
}
