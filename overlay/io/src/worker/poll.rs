//! What a worker waits for.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use super::habit::Waits;

/// Descriptors that are reported at once; more wait for the next turn.
const EVENTS: usize = 64;

/// The longest wait, in milliseconds.
const HOUR: u64 = 3_600_000;

/// Something that became readable.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Token {
    /// Commands, or frames of other workers.
    Bell,
    /// A UDP socket, by number.
    Socket(usize),
    /// A port, by token.
    Port(usize),
}

impl Token {
    /// The upper half says what, the lower which.
    fn pack(self) -> u64 {
        let low = |n: usize| u64::try_from(n).unwrap_or(0) & 0xffff_ffff;
        match self {
            Self::Bell => 0,
            Self::Socket(number) => 1 << 32 | low(number),
            Self::Port(token) => 2 << 32 | low(token),
        }
    }

    fn unpack(word: u64) -> Self {
        let low = usize::try_from(word & 0xffff_ffff).unwrap_or(usize::MAX);
        match word >> 32 {
            1 => Self::Socket(low),
            2 => Self::Port(low),
            _ => Self::Bell,
        }
    }
}

/// An epoll descriptor, level-triggered: what a bounded batch left unread is reported again.
#[derive(Debug)]
pub(crate) struct Poll {
    epoll: OwnedFd,
    ready: Vec<Token>,
    waits: Waits,
}

impl Poll {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            ready: Vec::with_capacity(EVENTS),
            waits: Waits::default(),
        })
    }

    pub(crate) fn add(&self, fd: BorrowedFd<'_>, token: Token) -> io::Result<()> {
        let data = EventData::new_u64(token.pack());
        Ok(epoll::add(&self.epoll, fd, data, EventFlags::IN)?)
    }

    /// Forgets a descriptor; content when it was not there.
    pub(crate) fn remove(&self, fd: BorrowedFd<'_>) {
        epoll::delete(&self.epoll, fd).ok();
    }

    /// Waits until something is readable or the time is up, rounded up to milliseconds. A signal
    /// ends the wait early, with nothing.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.ready.clear();
        self.waits.before = self.waits.after;
        let timeout = timeout.map(|span| {
            let millis = span.as_nanos().div_ceil(1_000_000);
            let millis = u64::try_from(millis).unwrap_or(u64::MAX).min(HOUR);
            Timespec::try_from(Duration::from_millis(millis)).unwrap_or_default()
        });
        let mut events = [MaybeUninit::<epoll::Event>::uninit(); EVENTS];
        match epoll::wait(&self.epoll, &mut events, timeout.as_ref()) {
            Ok((ready, _)) => {
                let tokens = ready.iter().map(|event| Token::unpack(event.data.u64()));
                self.ready.extend(tokens);
                self.waits.after += u64::from(self.ready.len() < EVENTS);
                Ok(())
            }
            Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// How many waits reported everything that was ready.
    pub(super) const fn waits(&self) -> Waits {
        self.waits
    }

    /// What the last wait found.
    pub(crate) fn ready(&self, nth: usize) -> Option<Token> {
        self.ready.get(nth).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_the_kernel() {
        for token in [
            Token::Bell,
            Token::Socket(0),
            Token::Socket(1),
            Token::Port(0),
            Token::Port(4095),
        ] {
            assert_eq!(Token::unpack(token.pack()), token);
        }
    }
}
