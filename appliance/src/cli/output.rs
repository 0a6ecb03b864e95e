//! Where output goes: data on stdout, words on stderr, colours only where somebody sees them.

use std::io::{self, IsTerminal, Write};

use crate::exit::{Exit, Failed};
use crate::view::View;

/// How this process prints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// Whether stdout shows colours.
    pub(crate) colour: bool,
    /// Whether stderr shows colours.
    pub(crate) colour_words: bool,
}

impl Output {
    /// As the terminal and `NO_COLOR` (no-color.org) say.
    pub(crate) fn of_process() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
        Self {
            colour: wanted && io::stdout().is_terminal(),
            colour_words: wanted && io::stderr().is_terminal(),
        }
    }

    /// Prints data. A reader that has seen enough (`| head`) is no failure of ours.
    pub(crate) fn data(&self, text: &str) -> anyhow::Result<()> {
        let mut stdout = io::stdout().lock();
        let written = stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failed::new(Exit::Bad, format!("cannot write to stdout: {error}")).into())
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Prints words for people. Where stderr is closed nobody is listening.
    pub(crate) fn words(&self, text: &str) {
        drop(io::stderr().lock().write_all(text.as_bytes()));
    }

    /// Prints JSON, on one line.
    pub(crate) fn json(&self, facts: &serde_json::Value) -> anyhow::Result<()> {
        self.data(&format!("{facts}\n"))
    }

    /// Prints facts: as JSON, or as people read them.
    pub(crate) fn view<V: View>(
        &self,
        facts: &serde_json::Value,
        json: bool,
    ) -> anyhow::Result<()> {
        if json {
            return self.json(facts);
        }
        let view: V = serde_json::from_value(facts.clone())?;
        self.data(&view.text())
    }
}
