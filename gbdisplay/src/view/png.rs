//! A picture as a PNG file.

use std::io;

use skerry_dmg::{Frame, HEIGHT, WIDTH};

use super::colours::indexed;

/// The bytes of a PNG file, every pixel as a square of `scale` pixels, at most 16.
///
/// # Errors
/// Never for a picture of the core.
pub fn png(frame: &Frame, scale: u8) -> io::Result<Vec<u8>> {
    let scale = scale.clamp(1, 16);
    let (pixels, palette) = indexed(frame, usize::from(scale));
    let mut file = Vec::new();
    let size = |len: usize| u32::try_from(len).unwrap_or(u32::MAX) * u32::from(scale);
    let mut encoder = png::Encoder::new(&mut file, size(WIDTH), size(HEIGHT));
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette.concat());
    let mut writer = encoder.write_header().map_err(io::Error::other)?;
    writer.write_image_data(&pixels).map_err(io::Error::other)?;
    writer.finish().map_err(io::Error::other)?;
    Ok(file)
}
