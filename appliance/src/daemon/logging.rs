//! Log lines: to a terminal with time and colours, to journald with a priority and nothing that
//! journald adds itself (sd-daemon(3)).

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Mutex, PoisonError};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt as lines};

/// Lines kept for a support bundle.
const KEPT: usize = 1000;

/// The last lines. Never held while anything else is locked.
static LAST: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

/// Starts logging to stderr; `SKERRY_LOG` says what (`debug`, `skerry=debug,info`), else `info`.
pub(super) fn start(colour: bool) {
    let filter = EnvFilter::try_from_env("SKERRY_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let stderr = lines::layer().with_writer(io::stderr);
    let stderr = if std::env::var_os("JOURNAL_STREAM").is_some() {
        stderr.event_format(Journal).boxed()
    } else {
        stderr.with_ansi(colour).with_target(false).boxed()
    };
    let kept = lines::layer()
        .with_ansi(false)
        .with_target(false)
        .with_writer(|| Kept);
    let subscriber = tracing_subscriber::registry()
        .with(filter)
        .with(stderr)
        .with(kept);
    // A second daemon in one process, as in tests, keeps the first one's logging.
    drop(subscriber.try_init());
}

/// The last lines, oldest first.
pub(super) fn last_lines() -> String {
    let last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    last.iter().map(String::as_str).collect()
}

/// Writes to [`LAST`]; one call is one line.
struct Kept;

impl io::Write for Kept {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= KEPT {
            last.pop_front();
        }
        last.push_back(String::from_utf8_lossy(line).into_owned());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `<6>message key=value`.
struct Journal;

impl<S, N> FormatEvent<S, N> for Journal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut text = String::new();
        let fields = Writer::new(&mut text);
        context.field_format().format_fields(fields, event)?;
        let priority = priority(*event.metadata().level());
        // journald takes every line for a message of its own.
        for line in text.lines() {
            writeln!(writer, "<{priority}>{line}")?;
        }
        Ok(())
    }
}

/// The priorities of syslog(3).
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}
