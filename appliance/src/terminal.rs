//! What the reader at a terminal does, who may also take the terminal away.

use std::io::{self, IsTerminal as _};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crossterm::event::{self, Event};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The longest wait at once: a change of size comes by a signal, which ends no wait of ours.
const STEP: Duration = Duration::from_millis(100);

/// Whether stdin is what crossterm listens to. Asked once: one that is gone says that it is no terminal.
static LISTENS_TO_STDIN: LazyLock<bool> = LazyLock::new(|| io::stdin().is_terminal());

/// The next event, if there is one within `limit`.
///
/// # Errors
/// The terminal cannot be read, or is not there any more (`UnexpectedEof`): a window that was closed,
/// a connection that broke. crossterm 0.29 would read such a terminal for ever, so it is not asked.
pub(crate) fn next_event(limit: Duration) -> io::Result<Option<Event>> {
    let end = Instant::now() + limit;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        wait(left.min(STEP))?;
        if event::poll(Duration::ZERO)? {
            return event::read().map(Some);
        }
        if left.is_zero() {
            return Ok(None);
        }
    }
}

/// Waits for the reader, in vain or not. Where stdin is no terminal crossterm opens another one.
fn wait(limit: Duration) -> io::Result<()> {
    if !*LISTENS_TO_STDIN {
        return event::poll(limit).map(drop);
    }
    let stdin = io::stdin();
    let mut descriptors = [PollFd::new(&stdin, PollFlags::IN)];
    let limit = Timespec::try_from(limit).unwrap_or_default();
    match poll(&mut descriptors, Some(&limit)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let [descriptor] = descriptors;
    if descriptor
        .revents()
        .intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)
    {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the terminal is gone",
        ));
    }
    Ok(())
}
