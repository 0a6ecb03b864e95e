//! The live view of one node: counters asked for once a second, shown as rates.

mod draw;
mod rates;

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyModifiers};
use ratatui::DefaultTerminal;
use serde::de::DeserializeOwned;

use crate::control_socket::{Client, Command};
use crate::exit::{Exit, Failed};
use crate::terminal::next_event;
use crate::view::Status;
use rates::{Rates, Sample};

/// How often the daemon is asked.
const EVERY: Duration = Duration::from_secs(1);

/// Shows a node until the reader has seen enough.
///
/// # Errors
/// Stdout is no terminal, or the daemon goes away.
pub fn run(mut client: Client) -> anyhow::Result<()> {
    if !io::stdout().is_terminal() {
        let message = "top needs a terminal; `skerry counters` prints the same once";
        return Err(Failed::new(Exit::Usage, message).into());
    }
    let mut view = View::default();
    view.ask(&mut client)?;
    let mut terminal = ratatui::try_init()?;
    let shown = view.show(&mut terminal, &mut client);
    ratatui::try_restore()?;
    shown
}

/// What is on the screen.
#[derive(Debug, Default)]
struct View {
    status: Status,
    last: Option<Sample>,
    rates: Rates,
    /// The first row shown, where there are more than fit.
    offset: usize,
}

impl View {
    fn show(&mut self, terminal: &mut DefaultTerminal, client: &mut Client) -> anyhow::Result<()> {
        let mut next = Instant::now() + EVERY;
        loop {
            terminal.draw(|frame| draw::draw(frame, &self.status, &self.rates, self.offset))?;
            let left = next.saturating_duration_since(Instant::now());
            match next_event(left)? {
                Some(event) if self.obey(&event) => return Ok(()),
                Some(_) => {}
                None => {
                    self.ask(client)?;
                    next = Instant::now() + EVERY;
                }
            }
        }
    }

    /// `true` when the reader wants to leave.
    fn obey(&mut self, event: &Event) -> bool {
        let Event::Key(key) = event else {
            return false;
        };
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if matches!(key.code, KeyCode::Char('q') | KeyCode::Esc)
            || (control && key.code == KeyCode::Char('c'))
        {
            return true;
        }
        if key.code == KeyCode::Down {
            self.offset += 1;
        } else if key.code == KeyCode::Up {
            self.offset = self.offset.saturating_sub(1);
        } else if key.code == KeyCode::Home {
            self.offset = 0;
        }
        self.offset = self.offset.min(self.rates.ports.len().saturating_sub(1));
        false
    }

    fn ask(&mut self, client: &mut Client) -> anyhow::Result<()> {
        self.status = ask(client, Command::Status)?;
        let sample = Sample {
            at: Instant::now(),
            counters: ask(client, Command::Counters)?,
        };
        self.rates = Rates::between(self.last.as_ref(), &sample);
        self.last = Some(sample);
        Ok(())
    }
}

fn ask<V: DeserializeOwned>(client: &mut Client, command: Command) -> anyhow::Result<V> {
    let reply = client.ask(command);
    let reply = reply.map_err(|error| Failed::new(Exit::Unreachable, error.to_string()))?;
    Ok(serde_json::from_value(reply.facts)?)
}
