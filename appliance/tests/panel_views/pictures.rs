//! The pictures of the book, as the views show them: `SKERRY_PICTURES=1` puts them there.

use std::path::{Path, PathBuf};

use super::page::Page;
use super::panel::Panel;
use super::terminal::{braille, reads, with_panel};

/// A page with charts, all of them full, and nothing before it.
const ARGUMENTS: [&str; 4] = ["--page", "throughput", "--press", "a@11"];
/// No picture of the book is larger.
const LARGEST: usize = 150_000;
/// What is before and after a block of a page.
const FENCE: &str = "```";
/// How a block of text begins.
const KIND: &str = "text\n";

fn folder() -> Option<PathBuf> {
    std::env::var_os("SKERRY_PICTURES")?;
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src"))
}

/// What is there when all of the page is: full charts of the first private VLAN and the last one,
/// the names between, and the row below.
fn whole() -> [String; 4] {
    let (full, low) = ("█".repeat(20), "▁".repeat(20));
    let first = format!("{full}\n red");
    let last = format!("{low}\n⚠1 violation");
    [first, " green".to_owned(), " lab".to_owned(), last]
}

#[test]
fn the_book_has_the_page_on_a_desk_and_in_a_hand() {
    // A browser may take longer to start than the alert lasts.
    let mut page = Page::new();
    let panel = Panel::start(&ARGUMENTS);
    page.open(&panel.address);
    panel.did("acknowledged");
    for (name, width, height, dots) in [
        ("panel-web.png", 560, 860, 1),
        ("panel-phone.png", 390, 844, 2),
    ] {
        page.size(width, height, dots);
        whole().iter().for_each(|it| page.reads(it));
        let picture = page.png();
        // Width and height of a PNG file (PNG specification, "IHDR Image header").
        let size = [width, height].map(u32::to_be_bytes);
        assert_eq!(picture[16..24], *size.concat(), "{name}");
        assert!(picture.len() < LARGEST, "{name}: {}", picture.len());
        if let Some(folder) = folder() {
            std::fs::write(folder.join(name), picture).unwrap();
        }
    }
}

#[test]
fn the_book_has_a_screen_of_braille() {
    let terminal = with_panel(80, 37, &format!("--view braille {}", ARGUMENTS.join(" ")));
    reads(&terminal, "A: ACKNOWLEDGE");
    whole().iter().for_each(|it| reads(&terminal, it));
    let screen = terminal.screen();
    assert!(braille(&screen).is_some(), "{screen}");
    let Some(page) = folder().map(|it| it.join("panel.md")) else {
        return;
    };
    let text = std::fs::read_to_string(&page).unwrap();
    let rows: Vec<&str> = screen.lines().take(36).collect();
    std::fs::write(&page, with_block(&text, &rows.join("\n"))).unwrap();
}

/// A page with another block of braille in the place of its own.
fn with_block(page: &str, screen: &str) -> String {
    let is_braille = |it: &str| it.starts_with(|it| ('\u{2800}'..='\u{28FF}').contains(&it));
    let mut parts: Vec<&str> = page.split(FENCE).collect();
    let is_block = |part: &&mut &str| part.strip_prefix(KIND).is_some_and(is_braille);
    let block = format!("{KIND}{screen}\n");
    *parts.iter_mut().find(is_block).expect("a block of braille") = &block;
    parts.join(FENCE)
}

#[test]
fn only_the_block_of_braille_is_another_one() {
    let page = "a\n```text\nb\n```\n```text\n⠁⠂\n⠃⠄\n```\nc\n```text\nd\n```\n";
    let expect = page.replace("⠁⠂\n⠃⠄", "⡀");
    assert_eq!(with_block(page, "⡀"), expect);
}
