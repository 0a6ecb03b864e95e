//! A worker's loop: wait, read a bounded batch of everything that is readable, flush, obey.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::TryRecvError;

use skerry_overlay::{FRAME_MAX, Forwarder, Frame};
use skerry_policy::Tables;

use super::handle::Inbox;
use super::handoff::Taker;
use super::poll::{Poll, Token};
use super::shell::Shell;
use crate::clock::Clock;
use crate::command::{Attachment, Command};
use crate::event::Event;
use crate::port::RxHalf;
use crate::snapshot::{OffloadsInUse, View};
use crate::udp::Underlay;

/// Frames of one port in one turn, then the next port has its turn.
const FRAMES: usize = 64;

/// Bytes of one port in one turn: superframes count as what they stand for.
const BYTES: usize = 512 << 10;

/// Reads of one UDP socket in one turn, each up to 64 KiB.
const READS: usize = 16;

/// Frames of one other worker in one turn.
const HANDOFFS: usize = 256;

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
    inlets: Vec<Option<Inlet>>,
    buffer: Box<[u8]>,
}

/// A port that this worker reads.
#[derive(Debug)]
struct Inlet {
    rx: Box<dyn RxHalf>,
    /// The poll knows it: the tables do, and it has not failed.
    watched: bool,
}

/// Whether the loop goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Next {
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
        let now = self.clock.now();
        let timeout = self.forwarder.poll_timeout().map(|due| due.since(now));
        if let Err(error) = self.poll.wait(timeout) {
            tracing::error!(%error, worker = self.shell.worker, "epoll failed");
            return Next::Stop;
        }
        let mut rung = false;
        let mut nth = 0;
        while let Some(token) = self.poll.ready(nth) {
            nth += 1;
            match token {
                Token::Bell => rung = true,
                Token::Socket(number) => self.read_socket(number),
                Token::Port(token) => self.read_port(token),
            }
        }
        self.take_handoffs();
        self.timers();
        self.finish();
        if rung { self.obey() } else { Next::Continue }
    }

    /// The end of a batch: what was gathered goes out.
    fn finish(&mut self) {
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
        let Some(local) = self
            .shell
            .outlets
            .get(token)
            .and_then(|outlet| outlet.local)
        else {
            return;
        };
        let Some(Some(inlet)) = self.inlets.get_mut(token) else {
            return;
        };
        let now = self.clock.now();
        let mut bytes = 0;
        for _ in 0..FRAMES {
            match inlet.rx.recv(&mut self.buffer) {
                Ok(Some((len, offload))) => {
                    let bytes_read = self.buffer.get(..len).unwrap_or_default();
                    let frame = Frame {
                        bytes: bytes_read,
                        offload,
                    };
                    self.forwarder
                        .handle_frame(now, local, frame, &mut self.shell);
                    bytes += len;
                    if bytes >= BYTES {
                        return;
                    }
                }
                Ok(None) => return,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    self.shell.counters.bad_offload_headers += 1;
                }
                Err(error) => return self.fault(token, error),
            }
        }
    }

    /// The device refused a read. A packet socket says so once and works again when the device
    /// does; a TAP that was deleted would say so for ever, so it is not listened to any more.
    fn fault(&mut self, token: usize, error: io::Error) {
        self.shell.counters.port_errors += 1;
        let for_good = error.raw_os_error() != Some(libc::ENETDOWN);
        if for_good && let Some(Some(inlet)) = self.inlets.get_mut(token) {
            self.poll.remove(inlet.rx.as_fd());
            inlet.watched = false;
        }
        if let Some(name) = self
            .shell
            .outlets
            .get(token)
            .map(|outlet| outlet.name.clone())
        {
            self.shell.tell(Event::PortFault { name, error });
        }
    }

    fn read_socket(&mut self, number: usize) {
        for _ in 0..READS {
            let Shell {
                underlay, counters, ..
            } = &mut self.shell;
            let Some(batch) = underlay
                .as_mut()
                .and_then(|underlay| underlay.recv(number, &mut self.buffer, counters))
            else {
                return;
            };
            let now = self.clock.now();
            let bytes = self.buffer.get(..batch.len).unwrap_or_default();
            if bytes.is_empty() {
                // An empty datagram is a datagram too: the core counts it.
                self.forwarder
                    .handle_datagram(now, batch.from, bytes, &mut self.shell);
            }
            for datagram in bytes.chunks(batch.size) {
                self.forwarder
                    .handle_datagram(now, batch.from, datagram, &mut self.shell);
            }
        }
    }

    /// Frames of the other workers, as long as they were accepted under the tables that run here.
    fn take_handoffs(&mut self) {
        let generation = self.shell.generation;
        let mut takers = std::mem::take(&mut self.takers);
        for taker in &mut takers {
            for _ in 0..HANDOFFS {
                // A later generation waits: this worker is the last to swap, and about to.
                if taker.next_generation() != Some(generation) {
                    break;
                }
                let Some(slot) = taker.take() else { break };
                let now = self.clock.now();
                let (node, segment) = (slot.node, slot.segment);
                self.forwarder
                    .handle_handoff(now, node, segment, slot.frame(), &mut self.shell);
                taker.give_back(slot);
            }
        }
        self.takers = takers;
    }
}

/// Commands.
impl Loop {
    fn obey(&mut self) -> Next {
        let mut count = [0; 8];
        // Nothing to read only means that an earlier turn has read it.
        rustix::io::read(&*self.inbox.bell, &mut count).ok();
        loop {
            match self.inbox.commands.try_recv() {
                Ok(Command::Stop) | Err(TryRecvError::Disconnected) => return Next::Stop,
                Ok(command) => self.carry_out(command),
                Err(TryRecvError::Empty) => break,
            }
        }
        self.finish();
        Next::Continue
    }

    /// Whoever does not wait for an answer does not want it: replies that fail are no matter.
    fn carry_out(&mut self, command: Command) {
        let now = self.clock.now();
        match command {
            Command::Install(tables, reply) => {
                self.install(tables);
                reply.send(()).ok();
            }
            Command::Attach(attachment, reply) => {
                self.attach(attachment);
                reply.send(()).ok();
            }
            Command::Detach(name, reply) => {
                self.detach(&name);
                reply.send(()).ok();
            }
            Command::SetLink(name, up) => self.set_link(&name, up),
            Command::Control(to, generation, message) => {
                if generation == self.shell.generation {
                    // Counted in the core; the control protocol repeats.
                    self.forwarder
                        .send_control(now, to, &message, &mut self.shell)
                        .ok();
                }
            }
            Command::Claim(claim) => self.forwarder.apply_claim(now, &claim),
            Command::Snapshot(reply) => {
                reply.send(self.view()).ok();
            }
            Command::Stop => {}
        }
    }

    /// Swaps the tables between two batches.
    fn install(&mut self, tables: Arc<Tables>) {
        // The others have swapped and answered: what they gave under the old tables is all here.
        while self
            .takers
            .iter()
            .any(|taker| taker.next_generation() == Some(self.shell.generation))
        {
            self.take_handoffs();
        }
        self.forwarder
            .install(self.clock.now(), tables, &mut self.shell);
        let tables = Arc::clone(self.forwarder.tables());
        self.shell.generation = tables.generation;
        let known: Vec<bool> = self
            .shell
            .outlets
            .tokens()
            .map(|token| self.is_known(token))
            .collect();
        self.shell.outlets.renumber(&tables);
        for (token, was_known) in known.into_iter().enumerate() {
            self.listen(token);
            let Some(outlet) = self.shell.outlets.get(token) else {
                continue;
            };
            if let (Some(local), false, true) = (outlet.local, was_known, outlet.up) {
                self.forwarder.set_port_up(local, true, &mut self.shell);
            }
        }
    }

    fn is_known(&self, token: usize) -> bool {
        self.shell
            .outlets
            .get(token)
            .is_some_and(|outlet| outlet.local.is_some())
    }

    fn attach(&mut self, attachment: Attachment) {
        let mut attachment = attachment;
        self.detach(&attachment.name);
        let rx = attachment.rx.take();
        let token = self.shell.outlets.attach(attachment, self.shell.generation);
        if self.inlets.len() <= token {
            self.inlets.resize_with(token + 1, || None);
        }
        if let Some(place) = self.inlets.get_mut(token) {
            *place = rx.map(|rx| Inlet { rx, watched: false });
        }
        if let Some(outlet) = self.shell.outlets.get(token)
            && let (Some(local), true) = (outlet.local, outlet.up)
        {
            self.forwarder.set_port_up(local, true, &mut self.shell);
        }
        self.listen(token);
    }

    /// Watches a port that the tables know, and only such a one: what a guest sent before it had
    /// a policy waits in its device.
    fn listen(&mut self, token: usize) {
        let known = self.is_known(token);
        let Some(Some(inlet)) = self.inlets.get_mut(token) else {
            return;
        };
        if known == inlet.watched {
            return;
        }
        let fd = inlet.rx.as_fd();
        if !known {
            self.poll.remove(fd);
            inlet.watched = false;
            return;
        }
        match self.poll.add(fd, Token::Port(token)) {
            Ok(()) => inlet.watched = true,
            Err(error) => self.fault(token, error),
        }
    }

    fn detach(&mut self, name: &str) {
        let Some((token, outlet)) = self.shell.outlets.detach(name) else {
            return;
        };
        if let Some(inlet) = self.inlets.get_mut(token).and_then(Option::take) {
            self.poll.remove(inlet.rx.as_fd());
        }
        if let (Some(local), true) = (outlet.local, outlet.up) {
            self.forwarder.set_port_up(local, false, &mut self.shell);
        }
    }

    fn set_link(&mut self, name: &str, up: bool) {
        let Some(token) = self.shell.outlets.token(name) else {
            return;
        };
        let Some(outlet) = self.shell.outlets.get_mut(token) else {
            return;
        };
        let changed = outlet.up != up;
        outlet.up = up;
        if let (Some(local), true) = (outlet.local, changed) {
            self.forwarder.set_port_up(local, up, &mut self.shell);
        }
    }

    fn view(&self) -> View {
        View {
            tables: Arc::clone(self.forwarder.tables()),
            counters: self.forwarder.counters().clone(),
            fdb: self.forwarder.fdb(self.clock.now()).collect(),
            peers: self.forwarder.peers().collect(),
            ports: self.shell.outlets.views(),
            offloads: self
                .shell
                .underlay
                .as_ref()
                .map_or_else(OffloadsInUse::default, Underlay::offloads),
            shell: self.shell.counters,
        }
    }
}
