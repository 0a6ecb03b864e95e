//! The actor: one task that holds what is known about the ports' interfaces, and does one thing
//! at a time to them. What the daemon asks is in `requests`, what the kernel says in `notices`.

use std::collections::{HashMap, VecDeque};

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::connection::{Netlink, Notice, Watch};
use super::managed::Managed;
use super::manager::{PortEvent, Request};
use crate::port::{PortCause, PortError, PortOptions};

/// Link events that may wait for the actor.
const NOTICES: usize = 1024;

/// Everything the actor knows.
#[derive(Debug)]
pub(crate) struct Actor {
    pub(super) node: String,
    pub(super) options: PortOptions,
    pub(super) own: Netlink,
    _own_watch: Watch,
    /// Namespaces that hold TAPs of ours.
    pub(super) watches: HashMap<String, Watch>,
    pub(super) notices: mpsc::Sender<Notice>,
    pub(super) ports: HashMap<String, Managed>,
    outgoing: VecDeque<PortEvent>,
    /// When everything is to be looked at afresh.
    pub(super) resync: Option<Instant>,
    /// When an overrun was last worth a warning.
    pub(super) warned: Option<Instant>,
}

/// Opens netlink and starts the task.
pub(crate) fn spawn(
    node: &str,
    options: PortOptions,
    inbox: mpsc::Receiver<Request>,
    outbox: mpsc::Sender<PortEvent>,
) -> Result<(), PortError> {
    let (notices, events) = mpsc::channel(NOTICES);
    let start = || {
        Ok(Actor {
            node: node.to_owned(),
            options,
            own: Netlink::own()?,
            _own_watch: Watch::own(notices.clone())?,
            watches: HashMap::new(),
            notices,
            ports: HashMap::new(),
            outgoing: VecDeque::new(),
            resync: None,
            warned: None,
        })
    };
    let actor = start().map_err(|cause: PortCause| cause.on(node))?;
    tokio::spawn(actor.run(inbox, events, outbox));
    Ok(())
}

impl Actor {
    /// Ends when the daemon closes it, or drops its handle: then the interfaces stay for the
    /// next life to adopt.
    async fn run(
        mut self,
        mut inbox: mpsc::Receiver<Request>,
        mut events: mpsc::Receiver<Notice>,
        outbox: mpsc::Sender<PortEvent>,
    ) {
        loop {
            let due = self.due();
            tokio::select! {
                request = inbox.recv() => match request {
                    None => return,
                    Some(Request::Close(reply)) => {
                        self.close().await;
                        // A daemon that did not wait does not want to know.
                        reply.send(()).ok();
                        return;
                    }
                    Some(Request::Prepare(tables, absent, reply)) => {
                        reply.send(self.prepare(&tables, absent).await).ok();
                    }
                    Some(Request::Retire(tables, reply)) => {
                        self.retire(&tables).await;
                        reply.send(()).ok();
                    }
                    Some(Request::Fault(name)) => self.fault(&name).await,
                    Some(Request::Switch(switches)) => self.options.offload = switches,
                },
                Some(notice) = events.recv() => self.notice(notice).await,
                permit = outbox.reserve(), if !self.outgoing.is_empty() => {
                    let Ok(permit) = permit else { return };
                    if let Some(event) = self.outgoing.pop_front() {
                        permit.send(event);
                    }
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.timer().await;
                }
            }
        }
    }

    /// The next moment at which something is to be done unasked.
    fn due(&self) -> Option<Instant> {
        let repairs = self.ports.values().filter_map(|port| port.repair.due());
        repairs.chain(self.resync).min()
    }

    async fn timer(&mut self) {
        let now = Instant::now();
        if self.resync.is_some_and(|due| due <= now) {
            self.resync().await;
        }
        let is_due = |port: &&Managed| port.repair.due().is_some_and(|due| due <= now);
        let due = self.ports.values().filter(is_due);
        let due: Vec<String> = due.map(|port| port.spec.name.clone()).collect();
        for name in due {
            self.repair(&name).await;
        }
    }

    /// Queues news for the daemon. What it has not fetched yet and what is no longer true is
    /// taken back, so the queue stays as short as the list of ports.
    pub(super) fn tell(&mut self, event: PortEvent) {
        match &event {
            PortEvent::Link { name, .. } => self.take_back(name, false),
            PortEvent::Gone { name } => self.take_back(name, true),
            PortEvent::Repaired { .. } | PortEvent::RepairFailed(_) | PortEvent::Resynced => {}
        }
        self.outgoing.push_back(event);
    }

    fn take_back(&mut self, port: &str, gone: bool) {
        self.outgoing.retain(|old| match old {
            PortEvent::Link { name, .. } => name != port,
            PortEvent::Gone { name } | PortEvent::Repaired { name, .. } => !gone || name != port,
            PortEvent::RepairFailed(_) | PortEvent::Resynced => true,
        });
    }
}
