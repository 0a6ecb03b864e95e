//! The actor: one task that holds what is known about the ports' interfaces, and does one thing
//! at a time to them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use skerry_policy::Tables;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::connection::{Change, Netlink, Notice, Watch};
use super::device::{self, Device, Workshop, kernel};
use super::link::Link;
use super::manager::{PortEvent, Request};
use super::namespace::Namespace;
use super::repair::Repair;
use super::spec::{Spec, marks_of};
use crate::port::{Port, PortCause, PortError, PortOptions};

/// Events of one namespace that may wait for the actor.
const NOTICES: usize = 1024;

/// An overrun is answered by one fresh look this much later: a storm brings many overruns.
const SETTLE: Duration = Duration::from_millis(100);

/// Overruns within this span of a warning are not worth another.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// A port of the current or the coming tables.
#[derive(Debug)]
struct Managed {
    spec: Spec,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Its interface is there; frames pass, or do not.
    Present { device: Device, up: bool },
    /// Its interface went away.
    Lost(Repair),
}

/// Everything the actor knows.
#[derive(Debug)]
pub(crate) struct Actor {
    node: String,
    options: PortOptions,
    own: Netlink,
    _own_watch: Watch,
    /// Namespaces that hold TAPs of ours.
    watches: HashMap<String, Watch>,
    notices: mpsc::Sender<Notice>,
    ports: HashMap<String, Managed>,
    outgoing: VecDeque<PortEvent>,
    resync: Option<Instant>,
    warned: Option<Instant>,
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
                    Some(request) => self.answer(request).await,
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

    async fn answer(&mut self, request: Request) {
        // A daemon that did not wait for the answer does not want it.
        match request {
            Request::Prepare(tables, reply) => {
                reply.send(self.prepare(&tables).await).ok();
            }
            Request::Retire(tables, reply) => {
                self.retire(&tables).await;
                reply.send(()).ok();
            }
            Request::Fault(name) => self.fault(&name).await,
            Request::Close(reply) => {
                reply.send(()).ok();
            }
        }
    }

    /// The next moment at which something is to be done unasked.
    fn due(&self) -> Option<Instant> {
        let repairs = self.ports.values().filter_map(|port| match &port.state {
            State::Lost(repair) => Some(repair.due()),
            State::Present { .. } => None,
        });
        repairs.chain(self.resync).min()
    }

    async fn timer(&mut self) {
        let now = Instant::now();
        if self.resync.is_some_and(|due| due <= now) {
            self.resync().await;
        }
        let due: Vec<String> = self
            .ports
            .iter()
            .filter(|(_, port)| matches!(&port.state, State::Lost(repair) if repair.due() <= now))
            .map(|(name, _)| name.clone())
            .collect();
        for name in due {
            self.repair(&name).await;
        }
    }
}

/// Requests of the daemon.
impl Actor {
    async fn prepare(&mut self, tables: &Arc<Tables>) -> Result<Vec<(String, Port)>, PortError> {
        let specs = Spec::all(tables)?;
        let links = self.own.all().await;
        let links = links.map_err(|error| kernel("list the interfaces")(error).on(&self.node))?;
        let mut undo = Vec::new();
        let mut opened = Vec::new();
        for spec in specs {
            if self
                .ports
                .get(&spec.name)
                .is_some_and(|port| port.spec == spec)
            {
                continue;
            }
            let name = spec.name.clone();
            // What stood there before goes first: the two would collide in their names.
            let before = self
                .ports
                .remove(&name)
                .map(|port| (port.spec.clone(), port));
            if let Some((
                _,
                Managed {
                    state: State::Present { device, .. },
                    ..
                },
            )) = &before
            {
                device::remove(&self.own, device).await;
            }
            undo.push((name.clone(), before.map(|(spec, _)| spec)));
            match self.make(&spec, &links).await {
                Ok(mut port) => {
                    port.since = Some(tables.generation);
                    opened.push((name, port));
                }
                Err(cause) => {
                    self.undo(undo).await;
                    return Err(cause.on(&name));
                }
            }
        }
        Ok(opened)
    }

    /// Makes the interface and remembers it.
    async fn make(&mut self, spec: &Spec, links: &[Link]) -> Result<Port, PortCause> {
        let workshop = Workshop {
            own: &self.own,
            options: self.options,
            links,
        };
        let made = workshop.make(spec).await?;
        if let Some(path) = made.device.place.clone()
            && !self.watches.contains_key(&path)
        {
            let watch = Namespace::open(&path)
                .and_then(|inside| Watch::inside(&inside, &path, self.notices.clone()));
            match watch {
                Ok(watch) => drop(self.watches.insert(path, watch)),
                Err(cause) => {
                    device::remove(&self.own, &made.device).await;
                    return Err(cause);
                }
            }
        }
        if made.adopted {
            tracing::info!(port = spec.name, "adopted the interface of an earlier life");
        }
        let state = State::Present {
            device: made.device,
            up: made.port.up,
        };
        let spec = spec.clone();
        self.ports
            .insert(spec.name.clone(), Managed { spec, state });
        Ok(made.port)
    }

    /// Takes back a `prepare` that failed: what it made goes, what it replaced is made again and
    /// comes as `Repaired`.
    async fn undo(&mut self, steps: Vec<(String, Option<Spec>)>) {
        for (name, before) in steps.into_iter().rev() {
            if let Some(Managed {
                state: State::Present { device, .. },
                ..
            }) = self.ports.remove(&name)
            {
                device::remove(&self.own, &device).await;
            }
            if let Some(spec) = before {
                let state = State::Lost(Repair::now());
                self.ports.insert(name.clone(), Managed { spec, state });
                self.tell(PortEvent::Gone { name });
            }
        }
    }

    async fn retire(&mut self, tables: &Tables) {
        let listed: HashSet<String> = match Spec::all(tables) {
            Ok(specs) => specs.into_iter().map(|spec| spec.name).collect(),
            // Tables that `prepare` refused are not run, so there is nothing to retire for them.
            Err(_) => return,
        };
        let gone: Vec<String> = self
            .ports
            .keys()
            .filter(|name| !listed.contains(*name))
            .cloned()
            .collect();
        for name in gone {
            self.drop_port(&name).await;
        }
        self.sweep().await;
        let used: HashSet<&String> = self.places().collect();
        let idle: Vec<String> = self
            .watches
            .keys()
            .filter(|path| !used.contains(path))
            .cloned()
            .collect();
        for path in idle {
            self.watches.remove(&path);
        }
    }

    async fn drop_port(&mut self, name: &str) {
        if let Some(Managed {
            state: State::Present { device, .. },
            ..
        }) = self.ports.remove(name)
        {
            device::remove(&self.own, &device).await;
        }
    }

    /// Removes what carries this node's mark and belongs to no port: an earlier life left it.
    async fn sweep(&mut self) {
        let Ok(links) = self.own.all().await else {
            return;
        };
        let mark = marks_of(&self.node);
        let known: HashSet<u32> = self
            .present()
            .filter(|device| device.place.is_none())
            .map(|device| device.index)
            .collect();
        for link in links {
            let ours = link
                .alias
                .as_deref()
                .is_some_and(|alias| alias.starts_with(&mark));
            if ours && !known.contains(&link.index) {
                tracing::info!(
                    interface = link.name,
                    "removing the interface of an earlier life"
                );
                device::sweep(&self.own, &link).await;
            }
        }
    }

    fn present(&self) -> impl Iterator<Item = &Device> {
        self.ports.values().filter_map(|port| match &port.state {
            State::Present { device, .. } => Some(device),
            State::Lost(_) => None,
        })
    }

    /// Paths of namespaces that are in use.
    fn places(&self) -> impl Iterator<Item = &String> {
        self.present().filter_map(|device| device.place.as_ref())
    }

    async fn close(&mut self) {
        let names: Vec<String> = self.ports.keys().cloned().collect();
        for name in names {
            self.drop_port(&name).await;
        }
        self.sweep().await;
    }

    /// A worker saw an error on the port: perhaps the interface is gone, and the event was lost
    /// or is still to come.
    async fn fault(&mut self, name: &str) {
        let Some(Managed {
            state: State::Present { device, .. },
            ..
        }) = self.ports.get(name)
        else {
            return;
        };
        let device = device.clone();
        if !device::exists(&self.own, &device).await {
            self.lost(name);
        }
    }
}

/// News from the kernel.
impl Actor {
    async fn notice(&mut self, (place, change): Notice) {
        match change {
            Change::Overrun => self.overrun(),
            Change::Gone(index) => {
                if let Some(name) = self.port_at(place.as_deref(), index) {
                    self.lost(&name);
                }
            }
            Change::Link(link) => {
                if let Some(name) = self.port_at(place.as_deref(), link.index) {
                    self.linked(&name, link.carrier).await;
                } else if place.is_none() {
                    self.back(&link.name);
                }
            }
        }
    }

    fn port_at(&self, place: Option<&str>, index: u32) -> Option<String> {
        let here = |port: &&Managed| matches!(&port.state, State::Present { device, .. } if device.index == index && device.place.as_deref() == place);
        self.ports
            .values()
            .find(here)
            .map(|port| port.spec.name.clone())
    }

    /// An event may be older than what is known, from before the port was opened: a change is
    /// believed only after a look.
    async fn linked(&mut self, name: &str, said: bool) {
        let Some(Managed {
            state: State::Present { device, up },
            ..
        }) = self.ports.get(name)
        else {
            return;
        };
        if *up == said {
            return;
        }
        let device = device.clone();
        match device::look(&self.own, &device).await {
            Ok(Some(link)) => self.set_up(name, link.carrier),
            Ok(None) => self.lost(name),
            Err(_) => self.set_up(name, said),
        }
    }

    fn set_up(&mut self, name: &str, now: bool) {
        if let Some(Managed {
            state: State::Present { up, .. },
            ..
        }) = self.ports.get_mut(name)
            && *up != now
        {
            *up = now;
            self.tell(PortEvent::Link {
                name: name.to_owned(),
                up: now,
            });
        }
    }

    fn lost(&mut self, name: &str) {
        if let Some(port) = self.ports.get_mut(name) {
            port.state = State::Lost(Repair::now());
            self.tell(PortEvent::Gone {
                name: name.to_owned(),
            });
        }
    }

    /// An interface appeared: a NIC that was missed may be back.
    fn back(&mut self, interface: &str) {
        for port in self.ports.values_mut() {
            if let (State::Lost(repair), super::spec::Shape::Nic { name }) =
                (&mut port.state, &port.spec.shape)
                && name == interface
            {
                repair.hurry();
            }
        }
    }

    fn overrun(&mut self) {
        let now = Instant::now();
        if self
            .warned
            .is_none_or(|then| now.duration_since(then) >= WARN_EVERY)
        {
            tracing::warn!("the kernel dropped link events (ENOBUFS); reading the state afresh");
            self.warned = Some(now);
        }
        self.resync.get_or_insert(now + SETTLE);
    }

    /// Compares what is known with what is there.
    async fn resync(&mut self) {
        self.resync = None;
        let known: Vec<(String, Device)> = self
            .ports
            .iter()
            .filter_map(|(name, port)| match &port.state {
                State::Present { device, .. } => Some((name.clone(), device.clone())),
                State::Lost(_) => None,
            })
            .collect();
        for (name, device) in known {
            match device::look(&self.own, &device).await {
                Ok(Some(link)) => self.set_up(&name, link.carrier),
                Ok(None) => self.lost(&name),
                // Could not be asked: once more, a little later.
                Err(_) => {
                    self.resync = Some(Instant::now() + SETTLE);
                    return;
                }
            }
        }
        self.tell(PortEvent::Resynced);
    }

    async fn repair(&mut self, name: &str) {
        let Some(Managed {
            spec,
            state: State::Lost(repair),
        }) = self.ports.remove(name)
        else {
            return;
        };
        let links = self.own.all().await.unwrap_or_default();
        match self.make(&spec, &links).await {
            Ok(port) => {
                tracing::info!(port = name, "the interface is back");
                self.tell(PortEvent::Repaired {
                    name: name.to_owned(),
                    port,
                });
            }
            Err(cause) => {
                let (repair, news) = repair.failed(&cause);
                if news {
                    self.tell(PortEvent::RepairFailed(cause.on(name)));
                }
                let state = State::Lost(repair);
                self.ports.insert(name.to_owned(), Managed { spec, state });
            }
        }
    }

    /// Queues news for the daemon; of two states of one link only the later one counts.
    fn tell(&mut self, event: PortEvent) {
        if let PortEvent::Link { name, .. } = &event {
            self.outgoing
                .retain(|old| !matches!(old, PortEvent::Link { name: same, .. } if same == name));
        }
        self.outgoing.push_back(event);
    }
}
