//! Every view shows what the core shows: files are read back, letters are counted out.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;
use ratatui::widgets::Widget;
use skerry_dmg::{Frame, HEIGHT, WIDTH};
use skerry_gbdisplay::Model;
use skerry_gbdisplay::demo::Demo;
use skerry_gbdisplay::page::Pages;
use skerry_gbdisplay::panel::Panel;
use skerry_gbdisplay::port::{Desk, Emulated, Port, Speed};
use skerry_gbdisplay::view::{Film, Letters, Screen, Style, png};

/// What the cartridge shows while it waits for a host.
fn console(model: Model) -> Emulated {
    let mut console = Emulated::new(model, Speed::Free).unwrap();
    console.wait(1_000_000);
    console
}

/// Which pixels are alike says which is which, whatever the colours.
fn assert_alike(frame: &Frame, scale: usize, pixel: impl Fn(usize, usize) -> [u8; 3]) {
    let mut seen = std::collections::BTreeMap::new();
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let shown = pixel(x * scale + scale / 2, y * scale + scale - 1);
            let colour = frame.rgb555(x, y).unwrap();
            assert_eq!(*seen.entry(colour).or_insert(shown), shown, "{x} {y}");
        }
    }
    let mut colours: Vec<[u8; 3]> = seen.values().copied().collect();
    colours.dedup();
    assert_eq!(colours.len(), seen.len());
    assert!(seen.len() > 1, "an empty picture shows nothing");
    // The brightest is the brightest.
    let sum = |it: &[u8; 3]| it.iter().copied().map(u32::from).sum::<u32>();
    let brightest = seen.values().map(sum).max();
    assert_eq!(seen.last_key_value().map(|it| sum(it.1)), brightest);
}

#[test]
fn a_png_has_the_pixels_of_the_core() {
    for (model, scale) in [(Model::Dmg, 3), (Model::Cgb, 1)] {
        let console = console(model);
        let frame = console.machine().frame();
        let bytes = png(frame, scale).unwrap();
        let mut decoder = ::png::Decoder::new(std::io::Cursor::new(bytes));
        decoder.set_transformations(::png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let scale = usize::from(scale);
        assert_eq!(info.width as usize, WIDTH * scale);
        assert_eq!(info.height as usize, HEIGHT * scale);
        let width = WIDTH * scale;
        assert_alike(frame, scale, |x, y| {
            pixels.as_chunks::<3>().0[y * width + x]
        });
    }
}

#[test]
fn a_gif_has_the_pictures_of_the_core_for_as_long_as_they_were_shown() {
    let mut console = Emulated::new(Model::Dmg, Speed::Free).unwrap();
    let mut file = Vec::new();
    let mut film = Film::new(&mut file, 2).unwrap();
    while console.now_us() < 2_000_000 {
        console.wait(10_000);
        film.show(console.now_us(), console.machine().frame())
            .unwrap();
    }
    film.finish().unwrap();
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    let mut decoder = options.read_info(&file[..]).unwrap();
    let (mut pictures, mut time_cs) = (0, 0);
    let mut shown = vec![[0; 4]; WIDTH * 2 * HEIGHT * 2];
    let mut drawn = Vec::new();
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        pictures += 1;
        time_cs += u32::from(frame.delay);
        let [left, top, width] = [frame.left, frame.top, frame.width].map(usize::from);
        let pixels = frame.buffer.as_chunks::<4>().0;
        for (y, row) in (top..).zip(pixels.chunks_exact(width)) {
            let at = y * WIDTH * 2 + left;
            shown[at..at + width].copy_from_slice(row);
        }
        drawn.push(pixels.len());
    }
    assert!((190..=210).contains(&time_cs), "{time_cs}");
    assert!((2..10).contains(&pictures), "{pictures}");
    assert_eq!(drawn[0], shown.len(), "the first picture is whole");
    let parts = drawn[1..].iter().filter(|it| **it < shown.len());
    assert!(
        parts.count() > 0,
        "of the others what changed is enough: {drawn:?}"
    );
    let pixel = |x: usize, y: usize| {
        let [rgb @ .., _] = shown[y * WIDTH * 2 + x];
        rgb
    };
    assert_alike(console.machine().frame(), 2, pixel);
}

/// Until everything that is wanted is on the glass: acknowledged, copied, and two pictures old.
fn settle(desk: &mut Desk<Emulated>) {
    let mut whole_us = None;
    for _ in 0..10_000 {
        desk.step().unwrap();
        let now_us = desk.port.now_us();
        let is_whole = desk.session.is_painted(now_us) && desk.port.shows(desk.session.shown());
        whole_us = is_whole.then(|| whole_us.unwrap_or(now_us));
        if whole_us.is_some_and(|it| now_us - it >= 34_000) {
            return;
        }
    }
    panic!("{:?}", desk.session.shown());
}

#[test]
fn letters_are_read_back_from_the_pixels() {
    let pages = Pages::built_in().unwrap();
    let names: Vec<String> = pages.iter().map(|it| it.name().to_owned()).collect();
    let letters = Letters::default();
    for name in names {
        let mut panel = Panel::new(Pages::built_in().unwrap());
        panel.open_page(&name);
        let mut desk = Desk::new(panel, Emulated::new(Model::Dmg, Speed::Free).unwrap());
        let mut demo = Demo::default();
        (0..8).for_each(|_| desk.session.handle_facts(0, demo.facts()));
        settle(&mut desk);
        let wanted = desk.session.panel().picture(desk.port.now_us()).text();
        let read = letters.read(desk.port.machine().frame());
        assert_eq!(read.len(), wanted.lines().count());
        for (wanted, read) in wanted.lines().zip(&read) {
            // In front of a row are the signs for the cursor, which lies over the first letter, and
            // for blinking. An empty bar looks like a blank.
            let wanted = wanted.replace('·', " ");
            let wanted: String = wanted.chars().skip(3).collect();
            let read: String = read.chars().skip(1).collect();
            assert_eq!(read.trim_end(), wanted.trim_end(), "{name}");
        }
    }
}

#[test]
fn pictures_with_colours_have_no_letters() {
    let rows = Letters::default().read(console(Model::Cgb).machine().frame());
    assert!(
        rows.iter().all(|it| it.chars().all(|it| it == '?')),
        "{rows:?}"
    );
}

fn drawn(frame: &Frame, style: Style, width: u16, height: u16) -> Buffer {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    Screen { frame, style }.render(area, &mut buffer);
    buffer
}

#[test]
fn half_blocks_have_the_pixels_of_the_core() {
    let console = console(Model::Dmg);
    let frame = console.machine().frame();
    let (width, height) = Style::Blocks.size();
    let buffer = drawn(frame, Style::Blocks, width, height);
    assert_alike(frame, 1, |x, y| {
        let cell = &buffer[(u16::try_from(x).unwrap(), u16::try_from(y / 2).unwrap())];
        assert_eq!(cell.symbol(), "▀");
        let colour = if y % 2 == 0 { cell.fg } else { cell.bg };
        let Color::Rgb(red, green, blue) = colour else {
            unreachable!("{colour:?}")
        };
        [red, green, blue]
    });
}

#[test]
fn braille_has_a_dot_for_every_dark_pixel() {
    let console = console(Model::Dmg);
    let frame = console.machine().frame();
    let (width, height) = Style::Braille.size();
    let buffer = drawn(frame, Style::Braille, width, height);
    // By row and column, as the Unicode chapter numbers them: 1 2 3 7 and 4 5 6 8.
    let number = [[1, 4], [2, 5], [3, 6], [7, 8]];
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let cell = &buffer[(u16::try_from(x / 2).unwrap(), u16::try_from(y / 4).unwrap())];
            let bits = cell.symbol().chars().next().unwrap() as u32 - 0x2800;
            let dot = bits >> (number[y % 4][x % 2] - 1) & 1;
            let is_dark = frame.shade(x, y).unwrap() >= 2;
            assert_eq!(dot == 1, is_dark, "{x} {y}");
        }
    }
}

#[test]
fn a_terminal_that_is_too_small_is_drawn_as_far_as_it_goes() {
    let console = console(Model::Dmg);
    for (width, height) in [(0, 0), (1, 1), (79, 20), (300, 100)] {
        for style in [Style::Blocks, Style::Braille] {
            drawn(console.machine().frame(), style, width, height);
        }
    }
}
