//! What a worker does on command, between two of its batches.

use std::sync::Arc;
use std::sync::mpsc::TryRecvError;

use skerry_policy::Tables;

use super::habit::Habit;
use super::joins;
use super::poll::Token;
use super::run::{Inlet, Loop, Next};
use crate::command::{Attachment, Command, WithFdb};
use crate::snapshot::{OffloadsInUse, View};
use crate::switch::OffloadSwitches;
use crate::udp::Underlay;

impl Loop {
    pub(super) fn obey(&mut self) -> Next {
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
    pub(super) fn carry_out(&mut self, command: Command) {
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
            Command::Path(to, generation, mtu) => {
                if generation == self.shell.generation {
                    self.forwarder.set_path(to, mtu);
                }
            }
            // Told again in a second, should it have crossed a reload.
            Command::Lane(peer, generation, told) => {
                if generation == self.shell.generation {
                    self.forwarder.tell_lane(now, peer, told, &mut self.shell);
                }
            }
            Command::Claim(claim) => {
                self.forwarder.apply_claim(now, &claim, &mut self.shell);
            }
            Command::Switch(switches, reply) => {
                self.switch(switches);
                reply.send(()).ok();
            }
            Command::Snapshot(with_fdb, reply) => {
                reply.send(self.view(with_fdb)).ok();
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

    /// Uses these offloads from now on, as far as the kernel offers them.
    fn switch(&mut self, switches: OffloadSwitches) {
        let underlay = self.shell.underlay.as_ref();
        if underlay.is_some_and(|underlay| underlay.stops_joining(switches)) {
            self.read_out();
        }
        if let Some(underlay) = &mut self.shell.underlay {
            underlay.switch(switches);
        }
        let joins = joins(switches, self.shell.underlay.is_some());
        self.forwarder.set_joins(joins, &mut self.shell);
        self.shell.outlets.switch(switches.tap);
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
        let (rx, first) = (attachment.rx.take(), attachment.first);
        let token = self.shell.outlets.attach(attachment, self.shell.generation);
        if self.inlets.len() <= token {
            self.inlets.resize_with(token + 1, || None);
        }
        if let Some(place) = self.inlets.get_mut(token) {
            *place = rx.map(|rx| Inlet {
                rx,
                local: None,
                habit: Habit::default(),
                watched: false,
                shared: !first,
            });
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
        let local = self
            .shell
            .outlets
            .get(token)
            .and_then(|outlet| outlet.local);
        let Some(Some(inlet)) = self.inlets.get_mut(token) else {
            return;
        };
        inlet.local = local;
        let known = local.is_some();
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
            Err(error) => {
                // Nothing that befalls the other queues too: each tells of itself.
                self.shell.counters.port_errors += 1;
                self.tell_fault(token, error);
            }
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

    fn view(&self, with_fdb: WithFdb) -> View {
        let fdb = match with_fdb {
            WithFdb::No => Vec::new(),
            WithFdb::Yes => self.forwarder.fdb(self.clock.now()).collect(),
        };
        View {
            tables: Arc::clone(self.forwarder.tables()),
            counters: self.forwarder.counters().clone(),
            fdb,
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
