//! Where facts come from: a daemon, asked by a thread of its own, or nowhere.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use skerry_gbdisplay::demo::Demo;
use skerry_gbdisplay::facts::Facts;
use skerry_gbdisplay::panel::Event;

use super::facts::{Converter, Sample};
use crate::cli::Target;
use crate::control_socket::{Client, Command};
use crate::exit::{Exit, Failed};
use crate::view::Counters;

/// How often there are new facts.
pub(super) const EVERY: Duration = Duration::from_millis(250);
/// How many facts wait for a panel that is late; what comes then is lost.
const WAITING_MAX: usize = 4;

/// Facts, and what they were made from unless they were made up.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) facts: Facts,
    pub(super) taken: Option<Taken>,
}

/// What a daemon had counted, and when it said so.
#[derive(Debug)]
pub(super) struct Taken {
    /// When it did before: rates are from then to now.
    pub(super) since: Option<Instant>,
    pub(super) at: Instant,
    pub(super) counters: Counters,
}

/// Facts, four times a second.
#[derive(Debug)]
pub(super) enum Source {
    /// A daemon's. The thread that asks ends with this.
    Daemon(Receiver<Reading>),
    /// Made up, by the clock of the panel.
    Demo {
        /// By what.
        demo: Demo,
        /// When the next ones are due, in microseconds.
        next_us: u64,
    },
}

impl Source {
    pub(super) fn demo() -> Self {
        Self::Demo {
            demo: Demo::default(),
            next_us: 0,
        }
    }

    /// Asks a daemon from now on.
    ///
    /// # Errors
    /// It does not answer the first time. Later the panel shows that facts are stale, and asks on.
    pub(super) fn daemon(target: Target) -> anyhow::Result<Self> {
        let mut converter = Converter::default();
        let mut client = target.connect()?;
        let first = ask(&mut client)?;
        let (sender, receiver) = sync_channel(WAITING_MAX);
        // There is room for the first.
        drop(sender.try_send(reading(&mut converter, first)));
        let thread = thread::Builder::new().name("facts".to_owned());
        thread.spawn(move || poll(&target, client, converter, &sender))?;
        Ok(Self::Daemon(receiver))
    }

    /// New facts, if there are any.
    pub(super) fn next(&mut self, now_us: u64) -> Option<Reading> {
        match self {
            Self::Daemon(receiver) => receiver.try_recv().ok(),
            Self::Demo { demo, next_us } => {
                if now_us < *next_us {
                    return None;
                }
                *next_us = now_us.saturating_add(250_000);
                Some(Reading {
                    facts: demo.facts(),
                    taken: None,
                })
            }
        }
    }

    /// The next facts of a daemon, if they come in time.
    pub(super) fn wait(&mut self, time: Duration) -> Option<Reading> {
        match self {
            Self::Daemon(receiver) => receiver.recv_timeout(time).ok(),
            Self::Demo { .. } => None,
        }
    }

    /// Lets a demo do what somebody wants of it.
    pub(super) fn handle_event(&mut self, event: &Event) {
        if let Self::Demo { demo, .. } = self {
            demo.handle_event(event);
        }
    }
}

/// Asks until nobody listens.
fn poll(target: &Target, client: Client, mut converter: Converter, to: &SyncSender<Reading>) {
    let mut client = Some(client);
    loop {
        thread::sleep(EVERY);
        if client.is_none() {
            client = target.connect().ok();
        }
        let Some(sample) = client.as_mut().and_then(|it| ask(it).ok()) else {
            client = None;
            continue;
        };
        let sent = to.try_send(reading(&mut converter, sample));
        if matches!(sent, Err(TrySendError::Disconnected(_))) {
            return;
        }
    }
}

fn reading(converter: &mut Converter, sample: Sample) -> Reading {
    let taken = Taken {
        since: converter.last_at(),
        at: sample.at,
        counters: sample.counters.clone(),
    };
    Reading {
        facts: converter.facts(sample),
        taken: Some(taken),
    }
}

fn ask(client: &mut Client) -> anyhow::Result<Sample> {
    Ok(Sample {
        status: view(client, Command::Status)?,
        ports: view(client, Command::Ports)?,
        // Last, right before the clock: rates are made from these.
        counters: view(client, Command::Counters)?,
        at: Instant::now(),
    })
}

fn view<V: DeserializeOwned>(client: &mut Client, command: Command) -> anyhow::Result<V> {
    let reply = client.ask(command);
    let reply = reply.map_err(|error| Failed::new(Exit::Unreachable, error.to_string()))?;
    Ok(serde_json::from_value(reply.facts)?)
}
