//! The daemon's end of the netlink actor.

use std::sync::Arc;

use skerry_policy::Tables;
use tokio::sync::{mpsc, oneshot};

use crate::port::{Port, PortCause, PortError, PortOptions};
use crate::switch::OffloadSwitches;

/// What happened to a port's interface. The daemon passes it on to the dataplane.
#[derive(Debug)]
pub enum PortEvent {
    /// The interface went up or down (for a veth: either end).
    Link {
        /// `n1/b-i1`.
        name: String,
        /// Frames can pass.
        up: bool,
    },
    /// The interface was deleted or taken away; the port is down until `Repaired`.
    Gone {
        /// `n1/b-i1`.
        name: String,
    },
    /// The interface is back: attach this port in place of the old one.
    Repaired {
        /// `n1/b-i1`.
        name: String,
        /// Freshly opened.
        port: Port,
    },
    /// A repair failed. It is tried again, less and less often, for as long as the site lists
    /// the port; this is told once per cause.
    RepairFailed(PortError),
    /// The kernel dropped link events (`ENOBUFS`); the state was read afresh.
    Resynced,
}

/// What [`PortManager::begin`] has made.
#[derive(Debug, Default)]
pub struct Begun {
    /// The opened ports with their names (`n1/b-i1`).
    pub opened: Vec<(String, Port)>,
    /// The ports that wait for what they are attached to, and why. Each is tried again as after
    /// [`PortEvent::Gone`], and comes as [`PortEvent::Repaired`].
    pub waiting: Vec<PortError>,
}

/// What becomes of a port whose guest or card is not there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Absent {
    /// Somebody asks for it now, and is to hear of it.
    Refused,
    /// It is waited for.
    Awaited,
}

/// Makes and keeps the interfaces of this node's ports.
#[derive(Debug)]
pub struct PortManager {
    requests: mpsc::Sender<Request>,
    events: mpsc::Receiver<PortEvent>,
}

/// What the actor is asked.
#[derive(Debug)]
pub(crate) enum Request {
    Prepare(
        Arc<Tables>,
        Absent,
        oneshot::Sender<Result<Begun, PortError>>,
    ),
    Retire(Arc<Tables>, oneshot::Sender<()>),
    Fault(String),
    Switch(OffloadSwitches),
    Close(oneshot::Sender<()>),
}

impl PortManager {
    /// Opens netlink in the daemon's network namespace and watches it. Must be called on a tokio
    /// runtime; makes nothing yet.
    ///
    /// # Errors
    /// No netlink socket to be had.
    pub async fn start(node: &str, options: PortOptions) -> Result<Self, PortError> {
        let (requests, inbox) = mpsc::channel(16);
        let (outbox, events) = mpsc::channel(256);
        super::actor::spawn(node, options, inbox, outbox)?;
        Ok(Self { requests, events })
    }

    /// Makes or adopts, and opens, every port of this node that the tables list and that is not
    /// open yet; the ports come with their names (`n1/b-i1`). All or nothing.
    ///
    /// # Errors
    /// The first port that could not be had; everything this call made has been removed again.
    pub async fn prepare(
        &mut self,
        tables: &Arc<Tables>,
    ) -> Result<Vec<(String, Port)>, PortError> {
        Ok(self.ask(tables, Absent::Refused).await?.opened)
    }

    /// The same when the node starts: a port whose interface or namespace is not there is waited
    /// for ([`PortCause::is_absence`]), and the others run meanwhile.
    ///
    /// # Errors
    /// The first port that waiting does not mend; everything this call made has been removed again.
    pub async fn begin(&mut self, tables: &Arc<Tables>) -> Result<Begun, PortError> {
        self.ask(tables, Absent::Awaited).await
    }

    async fn ask(&mut self, tables: &Arc<Tables>, absent: Absent) -> Result<Begun, PortError> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Prepare(Arc::clone(tables), absent, reply);
        let gone = || PortCause::ManagerGone.on("*");
        self.requests.send(request).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Removes every interface that these tables no longer list, also those that an earlier life
    /// of this node left behind. Called after every worker runs the tables.
    pub async fn retire(&mut self, tables: &Arc<Tables>) {
        let (reply, answer) = oneshot::channel();
        if self
            .requests
            .send(Request::Retire(Arc::clone(tables), reply))
            .await
            .is_ok()
        {
            // An actor that ended has nothing left to retire.
            answer.await.ok();
        }
    }

    /// A worker could not read the port any more (`Event::PortFault`): looks, and repairs.
    pub async fn report_fault(&mut self, name: &str) {
        // An actor that ended cannot repair; `next_event` says so by waiting for ever.
        self.requests
            .send(Request::Fault(name.to_owned()))
            .await
            .ok();
    }

    /// What is opened from now on uses these offloads.
    pub async fn switch(&mut self, switches: OffloadSwitches) {
        // An actor that ended opens nothing any more.
        self.requests.send(Request::Switch(switches)).await.ok();
    }

    /// The next thing that happened to a port. Cancel safe; waits for ever once closed.
    pub async fn next_event(&mut self) -> PortEvent {
        match self.events.recv().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }

    /// Removes every interface it made and gives NICs back as they were.
    pub async fn close(self) {
        let (reply, answer) = oneshot::channel();
        if self.requests.send(Request::Close(reply)).await.is_ok() {
            // Nothing to wait for when the actor ended by itself.
            answer.await.ok();
        }
    }
}
