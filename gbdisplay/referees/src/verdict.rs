//! Whether somebody else's emulator showed the same as the core, and if not, what.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use skerry_dmg::{HEIGHT, WIDTH};

use crate::picture::Picture;
use crate::script::Answers;

/// Demands the same pictures of somebody else as of the core. `names` are those of the pictures, in
/// their order.
///
/// # Errors
/// Says which pictures differ, by how much and where first. Each of them is left in `folder`: ours,
/// theirs, and what differs in black, side by side.
pub fn judge(
    who: &str,
    names: &[&str],
    ours: &Answers,
    theirs: &Answers,
    folder: &Path,
) -> Result<()> {
    let counts = [ours.frames.len(), theirs.frames.len()];
    ensure!(!names.is_empty(), "nothing is compared");
    ensure!(
        counts == [names.len(); 2],
        "{who} gave {} pictures and the core {}, of {}",
        theirs.frames.len(),
        ours.frames.len(),
        names.len()
    );
    let mut faults = Vec::new();
    for (name, (ours, theirs)) in names.iter().zip(ours.frames.iter().zip(&theirs.frames)) {
        if let Some(difference) = ours.difference(theirs) {
            let path = folder.join(format!("{who}-{name}.png").replace(' ', "-"));
            fs::write(&path, sheet(ours, theirs)?)
                .with_context(|| format!("cannot write {}", path.display()))?;
            faults.push(format!("{name}: {difference}; see {}", path.display()));
        }
    }
    if !faults.is_empty() {
        bail!(
            "{} of {} pictures differ in {who}:\n{}",
            faults.len(),
            names.len(),
            faults.join("\n")
        );
    }
    Ok(())
}

/// Three pictures side by side, as PNG: one, the other, and where they differ.
fn sheet(ours: &Picture, theirs: &Picture) -> Result<Vec<u8>> {
    let (ours, theirs) = (ours.rgb(), theirs.rgb());
    let mut pixels = Vec::with_capacity(WIDTH * HEIGHT * 9);
    for (ours, theirs) in ours.chunks(WIDTH).zip(theirs.chunks(WIDTH)) {
        pixels.extend(ours.iter().chain(theirs).flatten());
        for (one, other) in ours.iter().zip(theirs) {
            pixels.extend(if one == other { [255; 3] } else { [0; 3] });
        }
    }
    let mut file = Vec::new();
    let (width, height) = (u32::try_from(WIDTH * 3)?, u32::try_from(HEIGHT)?);
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(pixels: [&str; 2]) -> Answers {
        let picture = |it: &str| Picture(it.repeat(WIDTH * HEIGHT));
        Answers {
            frames: pixels.map(picture).to_vec(),
            ..Answers::default()
        }
    }

    #[test]
    fn what_differs_is_named_and_left_as_a_picture() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (answers(["0", "1"]), answers(["0", "2"]));
        let names = ["splash", "a page"];
        judge("mGBA", &names, &ours, &ours, folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let error = judge("mGBA", &names, &ours, &theirs, folder.path());
        let text = error.unwrap_err().to_string();
        let expect = "1 of 2 pictures differ in mGBA:\na page: 23040 pixels, the first at (0, 0)";
        assert!(text.starts_with(expect), "{text}");
        let file = fs::read(folder.path().join("mGBA-a-page.png")).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let thirds = [0, 1, 2].map(|it| pixels[it * WIDTH * 3]);
        assert_eq!(thirds, [170, 85, 0]);
    }

    #[test]
    fn pictures_that_are_missing_are_no_agreement() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, none) = (answers(["0", "1"]), Answers::default());
        judge("PyBoy", &["a", "b"], &ours, &none, folder.path()).unwrap_err();
        judge("PyBoy", &["a"], &ours, &ours, folder.path()).unwrap_err();
        judge("PyBoy", &[], &none, &none, folder.path()).unwrap_err();
    }
}
