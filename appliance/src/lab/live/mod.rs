//! The live view: the same measurements, over and over, with gentle traffic and an attack now and
//! then, until somebody has seen enough.

mod panels;
mod traffic;

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use anyhow::Result;
use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::DefaultTerminal;

use crate::lab::world::World;
use crate::terminal::next_event;
use traffic::Traffic;

/// The pause between two steps: one host speaks in each.
const STEP: Duration = Duration::from_millis(80);

/// Shows the fabric at work until `q`, Ctrl-C or a signal. Without a terminal there is nobody to
/// show it to.
pub(super) fn run(world: &mut World) -> Result<()> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Ok(());
    }
    let mut traffic = Traffic::start(world)?;
    let mut terminal = ratatui::try_init()?;
    let seen = watch(world, &mut traffic, &mut terminal);
    ratatui::try_restore()?;
    seen.and_then(|()| traffic.stop())
}

fn watch(world: &mut World, traffic: &mut Traffic, terminal: &mut DefaultTerminal) -> Result<()> {
    let mut next = Instant::now();
    while !world.interrupt.is_set() {
        traffic.step(world)?;
        terminal.draw(|frame| panels::draw(frame, world, traffic))?;
        next = (next + STEP).max(Instant::now());
        while let Some(left) = next.checked_duration_since(Instant::now()) {
            if next_event(left)?.as_ref().is_some_and(is_goodbye) {
                return Ok(());
            }
            if world.interrupt.is_set() || left.is_zero() {
                break;
            }
        }
    }
    Ok(())
}

fn is_goodbye(event: &Event) -> bool {
    let Event::Key(key) = event else {
        return false;
    };
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let goodbye = matches!(key.code, KeyCode::Char('q' | 'Q') | KeyCode::Esc);
    let interrupt = control && key.code == KeyCode::Char('c');
    key.kind == KeyEventKind::Press && (goodbye || interrupt)
}
