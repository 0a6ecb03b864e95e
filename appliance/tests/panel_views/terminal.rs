//! The panel in a terminal: what it shows at every size, what its keys do, and how it leaves.

use rustix::process::{Pid, Signal, kill_process};

use super::expected::{DOTTED, SHOWN, assert_is_of_core, prepare};
use super::picture::{COLOURS, HEIGHT, Picture, WIDTH};
use super::tmux::{State, Terminal};
use super::{BEAT, is_alert_seen, until};

const KEYS: &str = "arrows  a/x: A  b/z: B  tab: SELECT  enter: START  p: hold START  q: leave";
/// By row and column of a braille letter, which of its dots is which bit (Unicode, "Braille
/// Patterns": dots 1 2 3 7 are the left column, 4 5 6 8 the right one).
const BITS: [[u32; 2]; 4] = [[0, 3], [1, 4], [2, 5], [6, 7]];

/// The dots of a screen; none if it is not one of braille.
pub(crate) fn braille(screen: &str) -> Option<Picture> {
    let rows: Vec<Vec<u32>> = screen
        .lines()
        .map(|row| row.chars().map(u32::from).collect())
        .collect();
    let dot = |x: usize, y: usize| {
        let letter = rows.get(y / 4)?.get(x / 2)?.checked_sub(0x2800)?;
        (letter < 0x100).then_some(if letter >> BITS[y % 4][x % 2] & 1 == 1 {
            3
        } else {
            0
        })
    };
    let pixels = (0..WIDTH * HEIGHT).map(|at| dot(at % WIDTH, at / WIDTH));
    pixels.collect::<Option<Vec<u8>>>().map(Picture::new)
}

/// The pixels of a screen with colours; none if it is not one of half blocks in the four of them.
fn blocks(screen: &str) -> Option<Picture> {
    let mut shades = vec![None; WIDTH * HEIGHT];
    let mut colours = [None; 2];
    for (row, line) in screen.lines().enumerate().take(HEIGHT / 2) {
        let (mut column, mut letters) = (0, line.chars());
        while let Some(letter) = letters.next() {
            if letter == '\u{1B}' {
                let (codes, after) = letters.as_str().strip_prefix('[')?.split_once('m')?;
                colour(codes, &mut colours);
                letters = after.chars();
            } else if letter == '▀' && column < WIDTH {
                shades[row * 2 * WIDTH + column] = colours[0];
                shades[(row * 2 + 1) * WIDTH + column] = colours[1];
                column += 1;
            } else {
                return None;
            }
        }
    }
    shades
        .into_iter()
        .collect::<Option<Vec<u8>>>()
        .map(Picture::new)
}

/// Takes new colours of the letter and of what is behind it from the codes of a sequence (ECMA-48
/// "SGR", with 38;2 and 48;2 for red, green and blue).
fn colour(codes: &str, colours: &mut [Option<u8>; 2]) {
    let mut codes = codes.split(';').map(|it| it.parse::<u8>().unwrap_or(0));
    while let Some(code) = codes.next() {
        let which = match code {
            38 => 0,
            48 => 1,
            _ => {
                // Anything else is about neither, but for a return to what there was at first.
                if code == 0 {
                    *colours = [None; 2];
                }
                continue;
            }
        };
        let rgb: Vec<u8> = codes.by_ref().take(4).collect();
        let hex = rgb
            .iter()
            .skip(1)
            .map(|it| format!("{it:02x}"))
            .collect::<String>();
        let shade = COLOURS.iter().position(|it| *it == hex);
        colours[which] = shade.and_then(|it| u8::try_from(it).ok());
    }
}

/// Waits until something is written on the panel.
#[track_caller]
pub(crate) fn reads(terminal: &Terminal, words: &str) {
    shows(terminal, words, |text| text.contains(words));
}

/// Waits until the panel is so.
#[track_caller]
fn shows(terminal: &Terminal, what: &str, is_so: impl Fn(&str) -> bool) {
    until(what, || {
        let text = text(terminal);
        if is_so(&text) { Ok(()) } else { Err(text) }
    });
}

/// What is written on the panel.
fn text(terminal: &Terminal) -> String {
    let screen = terminal.screen();
    braille(&screen).map(|it| it.text()).unwrap_or(screen)
}

/// Waits until the shell goes on, and looks at what it has to go on with.
#[track_caller]
fn is_as_it_was(terminal: &Terminal) {
    terminal.reads("ended 0");
    let state = terminal.state();
    assert!(!state.is_alternate && state.has_cursor, "{state:?}");
    // What was there before is there again, and keys are lines that are shown.
    terminal.reads("written before");
    terminal.line("stty -g > after; echo typed");
    terminal.reads("typed");
    let read = |name| std::fs::read_to_string(terminal.file(name)).unwrap();
    assert_eq!(read("before"), read("after"));
}

/// A terminal with a panel that has been started.
pub(crate) fn with_panel(columns: u16, rows: u16, arguments: &str) -> Terminal {
    let terminal = Terminal::start(columns, rows);
    terminal.line("stty -g > before; echo written before");
    terminal.reads("written before");
    let skerry = format!("exec skerry panel --demo --seconds 180 {arguments}");
    terminal.line(&format!("sh -c 'echo $$ > pid; {skerry}'; echo ended $?"));
    terminal
}

#[test]
fn braille_shows_the_pictures_of_the_core() {
    prepare();
    let terminal = with_panel(80, 37, "--view braille");
    assert_is_of_core(&DOTTED, || braille(&terminal.screen()));
    reads(&terminal, "OVERVIEW  DEMO  1/7");
    terminal.reads(KEYS);
    let state = terminal.state();
    let expect = State {
        is_alternate: true,
        has_cursor: false,
        columns: 80,
        rows: 37,
    };
    assert_eq!(state, expect);
}

#[test]
fn half_blocks_show_the_pictures_of_the_core() {
    prepare();
    let terminal = with_panel(160, 74, "--view terminal");
    assert_is_of_core(&SHOWN, || blocks(&terminal.coloured_screen()));
    terminal.reads(KEYS);
}

/// A panel whose first alert was acknowledged; the next one comes forty seconds after that.
fn acknowledged() -> Terminal {
    let terminal = with_panel(80, 37, "--view braille");
    shows(&terminal, "an alert that was seen", is_alert_seen);
    terminal.key("a");
    reads(&terminal, "OVERVIEW  DEMO  1/7");
    terminal
}

/// Waits for so long that the same key counts again: A and B count as held for the longest, 0.7 s.
#[track_caller]
fn pause(terminal: &Terminal) {
    let beats = BEAT.iter().chain(&BEAT);
    beats.for_each(|it| reads(terminal, it));
}

#[track_caller]
fn keys_do(terminal: &Terminal, keys: &[(&str, &str)]) {
    let mut last = "";
    for (key, words) in keys {
        // Several are A, and several B.
        if *key == last || ["x", "b", "z"].contains(key) {
            pause(terminal);
        }
        last = key;
        terminal.key(key);
        reads(terminal, words);
    }
}

#[test]
fn keys_do_what_they_do_on_the_console() {
    let terminal = acknowledged();
    keys_do(
        &terminal,
        &[
            ("Tab", "PORTS     DEMO  2/7"),
            ("Down", ">b-i1    I"),
            ("x", "KIND               I"),
            ("b", ">b-i1    I"),
            ("Up", ">gw      P"),
            ("Right", "TRAFFIC   DEMO  3/7"),
            ("Left", "PORTS     DEMO  2/7"),
            ("BSpace", "TRAFFIC   DEMO  3/7"),
            ("z", "OVERVIEW  DEMO  1/7"),
        ],
    );
    // Another panel, before the next alert of this one.
    drop(terminal);
    let terminal = acknowledged();
    keys_do(
        &terminal,
        &[
            ("Left", "VIOLATED  DEMO  7/7"),
            ("Left", "AGENT     DEMO  6/7"),
            ("p", "STATE         PAUSED"),
            ("p", "STATE        RUNNING"),
        ],
    );
    // A key is not about a decision that came right before it; the next one is.
    until("an approved decision", || {
        terminal.key("Space");
        pause(&terminal);
        let text = text(&terminal);
        let is_approved = text.contains("YES");
        if is_approved { Ok(()) } else { Err(text) }
    });
}

#[test]
fn a_terminal_of_another_size_is_made_the_best_of() {
    let terminal = with_panel(160, 74, "--view terminal");
    let has_blocks = |size: &str| {
        until(size, || {
            blocks(&terminal.coloured_screen()).ok_or_else(|| terminal.screen())
        });
    };
    has_blocks("half blocks at first");
    terminal.resize(120, 50);
    reads(&terminal, "DEMO");
    terminal.reads(KEYS);
    terminal.resize(60, 20);
    terminal.reads("this terminal has 60x20, the panel takes 80x36");
    // What does fit is shown all the same.
    let screen = terminal.screen();
    let letters = screen
        .chars()
        .filter(|it| ('\u{2800}'..='\u{28FF}').contains(it));
    assert_eq!(letters.count(), 60 * 19, "{screen}");
    terminal.resize(1, 1);
    terminal.resize(170, 80);
    has_blocks("half blocks again");
    terminal.key("q");
    terminal.reads("ended 0");
    let state = terminal.state();
    assert!(!state.is_alternate && state.has_cursor, "{state:?}");
}

#[test]
fn a_terminal_is_left_as_it_was() {
    for key in ["q", "Escape", "C-c"] {
        let terminal = with_panel(80, 37, "--view braille");
        reads(&terminal, "DEMO");
        assert!(terminal.state().is_alternate);
        terminal.key(key);
        is_as_it_was(&terminal);
    }
}

#[test]
fn whoever_ends_it_by_a_signal_gets_his_terminal_back() {
    for signal in [Signal::TERM, Signal::INT] {
        let terminal = with_panel(80, 37, "--view braille");
        reads(&terminal, "DEMO");
        assert!(terminal.state().is_alternate);
        kill_process(panel_of(&terminal), signal).unwrap();
        is_as_it_was(&terminal);
    }
}

/// The process that the shell has become.
fn panel_of(terminal: &Terminal) -> Pid {
    let id = std::fs::read_to_string(terminal.file("pid")).unwrap();
    Pid::from_raw(id.trim().parse().unwrap()).unwrap()
}
