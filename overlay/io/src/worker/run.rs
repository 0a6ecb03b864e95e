//! A worker's loop: wait, read a bounded batch of everything that is readable, flush, obey.

use std::io;
use std::time::Duration;

use skerry_overlay::{FRAME_MAX, Forwarder, Frame, Weight, is_signalling};
use skerry_policy::LocalPort;

use super::budget::{BYTES, Budget};
use super::habit::Habit;
use super::handle::Inbox;
use super::handoff::{Errand, Taker};
use super::poll::{Poll, Token};
use super::shell::Shell;
use crate::clock::Clock;
use crate::event::Event;
use crate::port::RxHalf;
use crate::udp::Underlay;

/// Reads of one UDP socket in one turn, each up to 64 KiB of datagrams.
const READS: usize = 16;

/// Reads of a socket that has as much as it can hold, each datagram with some hundred bytes of the
/// kernel's own.
const READS_OF_ALL: usize = Underlay::HOLDS / 512;

/// Everything one thread owns.
#[derive(Debug)]
pub(crate) struct Loop {
    pub(crate) clock: Clock,
    pub(crate) forwarder: Forwarder,
    pub(crate) shell: Shell,
    pub(crate) inbox: Inbox,
    pub(crate) takers: Vec<Taker>,
    pub(crate) poll: Poll,
    /// By token: the ports that this worker reads.
    pub(super) inlets: Vec<Option<Inlet>>,
    buffer: Box<[u8]>,
}

/// A port that this worker reads.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Inlet {
    pub(super) rx: Box<dyn RxHalf>,
    /// Its number in the tables, once they know it.
    pub(super) local: Option<LocalPort>,
    pub(super) habit: Habit,
    /// The poll knows it: the tables do, and it has not failed.
    pub(super) watched: bool,
    /// The first worker reads the same port, each some of its flows. It takes in what hosts tell of
    /// themselves, and it is the one to tell when the device fails.
    pub(super) shared: bool,
}

/// What a turn with a socket has read.
#[derive(Clone, Copy, Debug, Default)]
struct Arrived {
    bytes: usize,
    /// There was no more.
    emptied: bool,
}

/// Whether the loop goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    Continue,
    Stop,
}

impl Loop {
    pub(crate) fn new(
        clock: Clock,
        forwarder: Forwarder,
        mut shell: Shell,
        inbox: Inbox,
        takers: Vec<Taker>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        poll.add(std::os::fd::AsFd::as_fd(&*inbox.bell), Token::Bell)?;
        for (number, fd) in shell.underlay.iter().flat_map(Underlay::fds).enumerate() {
            poll.add(fd, Token::Socket(number))?;
        }
        shell.generation = forwarder.tables().generation;
        shell.outlets.renumber(forwarder.tables());
        Ok(Self {
            clock,
            forwarder,
            shell,
            inbox,
            takers,
            poll,
            inlets: Vec::new(),
            buffer: vec![0; FRAME_MAX].into_boxed_slice(),
        })
    }

    /// Runs until it is told to stop, or until the poll itself fails, which nothing survives.
    pub(crate) fn run(mut self) {
        while self.turn() == Next::Continue {}
    }

    fn turn(&mut self) -> Next {
        if let Err(error) = self.poll.wait(self.patience()) {
            tracing::error!(%error, worker = self.shell.worker, "epoll failed");
            return Next::Stop;
        }
        let mut rung = false;
        let mut nth = 0;
        while let Some(token) = self.poll.ready(nth) {
            nth += 1;
            match token {
                Token::Bell => rung = true,
                Token::Socket(number) => {
                    self.read_socket(number);
                }
                Token::Port(token) => self.read_port(token),
            }
        }
        self.take_handoffs();
        self.timers();
        self.finish();
        if rung { self.obey() } else { Next::Continue }
    }

    /// How long there is nothing to do until somebody rings: no time at all while a ring has a frame
    /// for the tables that run here. Its bell may have been heard already: one that came too late for
    /// the last turn, or is one too many for it, or was given under these tables before they ran here.
    fn patience(&self) -> Option<Duration> {
        let generation = Some(self.shell.generation);
        if (self.takers.iter()).any(|taker| taker.next_generation() == generation) {
            return Some(Duration::ZERO);
        }
        let now = self.clock.now();
        self.forwarder.poll_timeout().map(|due| due.since(now))
    }

    /// The end of a batch: what was gathered goes out.
    pub(super) fn finish(&mut self) {
        self.forwarder.flush(&mut self.shell);
        if let Some(giver) = &mut self.shell.giver {
            giver.ring();
        }
    }

    fn timers(&mut self) {
        let now = self.clock.now();
        if self.forwarder.poll_timeout().is_some_and(|due| due <= now) {
            self.forwarder.handle_timeout(now, &mut self.shell);
        }
    }

    fn read_port(&mut self, token: usize) {
        let Some(Some(inlet)) = self.inlets.get_mut(token) else {
            return;
        };
        let Some(local) = inlet.local else { return };
        let (now, waits) = (self.clock.now(), self.poll.waits());
        let turn = inlet.habit.begin(waits);
        if turn.rested {
            self.forwarder.port_read(now, local, 0, true);
        }
        let (mut frames, mut bytes, mut emptied) = (0, 0, false);
        let mut failed = None;
        let mut budget = Budget::default();
        for _ in 0..turn.frames {
            match inlet.rx.recv(&mut self.buffer) {
                Ok(Some((len, offload))) => {
                    frames += 1;
                    let bytes_read = self.buffer.get(..len).unwrap_or_default();
                    let frame = Frame {
                        bytes: bytes_read,
                        offload,
                    };
                    let passed = inlet.shared
                        && is_signalling(bytes_read)
                        && self.shell.pass_on(local, frame);
                    let weight = if passed {
                        Weight::default()
                    } else {
                        self.forwarder
                            .handle_frame(now, local, frame, &mut self.shell)
                    };
                    bytes += len;
                    if budget.spend(weight) {
                        break;
                    }
                }
                Ok(None) => {
                    emptied = true;
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    self.shell.counters.bad_offload_headers += 1;
                }
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        inlet.habit.end(waits, frames, emptied);
        self.forwarder.port_read(now, local, bytes, emptied);
        if let Some(error) = failed {
            self.fault(token, error);
        }
    }

    /// The device refused a read. A packet socket says so once when its device goes down, and
    /// works again when the device does: netlink tells the rest. Anything else, such as a TAP
    /// that was deleted, would be said for ever: the port is not listened to any more.
    pub(super) fn fault(&mut self, token: usize, error: io::Error) {
        self.shell.counters.port_errors += 1;
        if error.raw_os_error() == Some(libc::ENETDOWN) {
            return;
        }
        if let Some(Some(inlet)) = self.inlets.get_mut(token) {
            self.poll.remove(inlet.rx.as_fd());
            inlet.watched = false;
            if inlet.shared {
                return;
            }
        }
        self.tell_fault(token, error);
    }

    /// Lets the control task know that a port is not listened to.
    pub(super) fn tell_fault(&mut self, token: usize, error: io::Error) {
        if let Some(outlet) = self.shell.outlets.get(token) {
            let name = outlet.name.clone();
            self.shell.tell(Event::PortFault { name, error });
        }
    }

    /// Reads what waits in every socket: of datagrams that the kernel has joined it says how long each
    /// is only for as long as it may join. No more than a socket holds, since others go on sending.
    pub(super) fn read_out(&mut self) {
        let sockets = self.shell.underlay.iter().flat_map(Underlay::fds).count();
        for number in 0..sockets {
            let mut bytes = 0;
            for _ in 0..READS_OF_ALL / READS {
                let turn = self.read_socket(number);
                self.finish();
                bytes += turn.bytes;
                if turn.emptied || bytes >= Underlay::HOLDS {
                    break;
                }
            }
        }
    }

    fn read_socket(&mut self, number: usize) -> Arrived {
        let mut arrived = Arrived::default();
        for _ in 0..READS {
            let Shell {
                underlay, counters, ..
            } = &mut self.shell;
            let Some(batch) = underlay
                .as_mut()
                .and_then(|underlay| underlay.recv(number, &mut self.buffer, counters))
            else {
                arrived.emptied = true;
                break;
            };
            let now = self.clock.now();
            arrived.bytes += batch.len;
            let bytes = self.buffer.get(..batch.len).unwrap_or_default();
            if bytes.is_empty() {
                // An empty datagram is a datagram too: the core counts it.
                self.forwarder
                    .handle_datagram(now, batch.from, batch.ecn, bytes, &mut self.shell);
            }
            for datagram in bytes.chunks(batch.size) {
                self.forwarder.handle_datagram(
                    now,
                    batch.from,
                    batch.ecn,
                    datagram,
                    &mut self.shell,
                );
            }
            if arrived.bytes >= BYTES {
                break;
            }
        }
        let Arrived { bytes, emptied } = arrived;
        self.forwarder.socket_read(self.clock.now(), bytes, emptied);
        arrived
    }

    /// Frames of the other workers, as long as they were accepted under the tables that run here.
    pub(super) fn take_handoffs(&mut self) {
        let generation = self.shell.generation;
        let mut takers = std::mem::take(&mut self.takers);
        for taker in &mut takers {
            let mut budget = Budget::default();
            // A later generation waits: this worker is the last to swap, and about to.
            while taker.next_generation() == Some(generation) {
                let Some(slot) = taker.take() else { break };
                let now = self.clock.now();
                let (frame, sink) = (slot.frame(), &mut self.shell);
                let weight = match slot.errand {
                    Errand::Send(to) => self.forwarder.handle_handoff(now, to, frame, sink),
                    Errand::Admit(port) => self.forwarder.handle_frame(now, port, frame, sink),
                };
                taker.give_back(slot);
                if budget.spend(weight) {
                    break;
                }
            }
        }
        self.takers = takers;
    }
}

#[cfg(test)]
mod tests;
