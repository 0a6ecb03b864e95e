//! A worker's hands: carries out what its forwarder decides.

use std::net::SocketAddr;

use skerry_overlay::{Claim, Frame, Onward, Refused, Sink, Transmit};
use skerry_policy::{LocalPort, NodeId};
use tokio::sync::mpsc;

use super::handoff::{Errand, Giver};
use super::outlets::Outlets;
use crate::event::Event;
use crate::snapshot::ShellCounters;
use crate::udp::Underlay;

/// What a worker writes to.
#[derive(Debug)]
pub(crate) struct Shell {
    pub(crate) worker: usize,
    /// The generation the worker runs.
    pub(crate) generation: u64,
    pub(crate) outlets: Outlets,
    /// On the first worker, and on every other one that has lanes.
    pub(crate) underlay: Option<Underlay>,
    /// On every worker but the first.
    pub(crate) giver: Option<Giver>,
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) counters: ShellCounters,
}

impl Shell {
    /// Tells the control task, or counts that it had no room.
    pub(crate) fn tell(&mut self, event: Event) {
        if self.events.try_send(event).is_err() {
            self.counters.events_lost += 1;
        }
    }

    /// Lets the first worker take in a frame of this port; false where there is none, or no room.
    pub(super) fn pass_on(&mut self, port: LocalPort, frame: Frame<'_>) -> bool {
        let generation = self.generation;
        let given = |giver: &mut Giver| giver.give(generation, Errand::Admit(port), frame).is_ok();
        self.giver.as_mut().is_some_and(given)
    }
}

impl Sink for Shell {
    fn deliver(&mut self, port: LocalPort, frame: Frame<'_>) -> Result<(), Refused> {
        self.outlets.deliver(port, frame)
    }

    fn transmit(&mut self, datagrams: Transmit<'_>) {
        if let Some(underlay) = &mut self.underlay {
            underlay.send(datagrams, &mut self.counters);
        }
    }

    fn handoff(&mut self, to: Onward, frame: Frame<'_>) -> Result<(), Refused> {
        let generation = self.generation;
        let giver = self.giver.as_mut().ok_or(Refused::Down)?;
        giver.give(generation, Errand::Send(to), frame)?;
        self.counters.handed_over += 1;
        Ok(())
    }

    fn control(&mut self, from: NodeId, at: SocketAddr, message: &[u8]) {
        let event = Event::Control {
            from,
            at,
            generation: self.generation,
            message: message.to_vec(),
        };
        self.tell(event);
    }

    fn claim(&mut self, claim: Claim) {
        let worker = self.worker;
        self.tell(Event::Claim { worker, claim });
    }
}
