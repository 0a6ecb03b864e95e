//! What the daemon asks of the actor.

use std::collections::HashSet;
use std::sync::Arc;

use skerry_policy::Tables;

use super::actor::Actor;
use super::connection::Watch;
use super::device::{self, Device, kernel};
use super::link::Link;
use super::managed::{Managed, Present};
use super::manager::{Absent, Begun, PortEvent};
use super::namespace::Namespace;
use super::repair::Repair;
use super::spec::{Shape, Spec, marks_of};
use super::workshop::Workshop;
use crate::port::{Port, PortCause, PortError};

/// What an undone `prepare` gives back: the port, and what it was before.
type Step = (String, Option<Spec>);

impl Actor {
    /// Makes what is new and what has changed.
    pub(super) async fn prepare(
        &mut self,
        tables: &Arc<Tables>,
        absent: Absent,
    ) -> Result<Begun, PortError> {
        let specs = Spec::all(tables, self.options.queues)?;
        let links = self.own.all().await;
        let links = links.map_err(|error| kernel("list the interfaces")(error).on(&self.node))?;
        let mut steps = Vec::new();
        let mut begun = Begun::default();
        for spec in &specs {
            if self.is_there(spec) {
                continue;
            }
            // What stood there before goes first: the two would collide in their names.
            for name in self.in_the_way(spec, &specs) {
                let before = self.drop_port(&name).await;
                steps.push((name, before));
            }
            let before = self.drop_port(&spec.name).await;
            steps.push((spec.name.clone(), before));
            match self.make(spec, &links).await {
                Ok(mut port) => {
                    port.since = Some(tables.generation);
                    begun.opened.push((spec.name.clone(), port));
                }
                Err(cause) if absent == Absent::Awaited && cause.is_absence() => {
                    let error = cause.on(&spec.name);
                    self.wait_for(spec.clone(), &error.cause);
                    begun.waiting.push(error);
                }
                Err(cause) => {
                    self.undo(steps).await;
                    return Err(cause.on(&spec.name));
                }
            }
        }
        Ok(begun)
    }

    /// Whether the port is already what these tables want.
    fn is_there(&self, spec: &Spec) -> bool {
        let known = self.ports.get(&spec.name);
        known.is_some_and(|port| port.spec == *spec)
    }

    /// The ports that have a name this one is to have, and that the tables no longer list, or list
    /// otherwise: a port that got a new name, or two that change places.
    fn in_the_way(&self, spec: &Spec, next: &[Spec]) -> Vec<String> {
        let others = self.ports.values().map(|port| &port.spec);
        let others = others.filter(|it| it.name != spec.name && it.collides(spec));
        let leaving = others.filter(|it| !next.contains(it));
        leaving.map(|it| it.name.clone()).collect()
    }

    /// Remembers a port that could not be made yet, for the next attempt. The caller tells of the
    /// cause.
    fn wait_for(&mut self, spec: Spec, cause: &PortCause) {
        let mut repair = Repair::default();
        repair.start();
        repair.failed(cause);
        let port = Managed {
            spec,
            present: None,
            repair,
        };
        self.ports.insert(port.spec.name.clone(), port);
    }

    /// Makes the interface of a port and remembers it.
    pub(super) async fn make(&mut self, spec: &Spec, links: &[Link]) -> Result<Port, PortCause> {
        let workshop = Workshop {
            own: &self.own,
            options: self.options,
            ports: &self.ports,
            marks: &marks_of(&self.node),
            links,
        };
        let made = workshop.make(spec).await?;
        if let Some(path) = &made.device.place
            && let Err(cause) = self.watch(path)
        {
            device::remove(&self.own, &made.device).await;
            return Err(cause);
        }
        if made.adopted {
            tracing::info!(port = spec.name, "adopted the interface of an earlier life");
        }
        let present = Present {
            device: made.device,
            up: made.port.up,
        };
        let port = Managed {
            spec: spec.clone(),
            present: Some(present),
            repair: Repair::default(),
        };
        self.ports.insert(spec.name.clone(), port);
        Ok(made.port)
    }

    /// Listens to the links of another namespace, if nobody does yet.
    fn watch(&mut self, path: &str) -> Result<(), PortCause> {
        if !self.watches.contains_key(path) {
            let namespace = Namespace::open(path)?;
            let watch = Watch::inside(&namespace, path, self.notices.clone())?;
            self.watches.insert(path.to_owned(), watch);
        }
        Ok(())
    }

    /// Takes back a `prepare` that failed: what it made goes, what it replaced is made again and
    /// comes as `Repaired`.
    async fn undo(&mut self, steps: Vec<Step>) {
        for (name, before) in steps.into_iter().rev() {
            self.drop_port(&name).await;
            let Some(spec) = before else { continue };
            let mut repair = Repair::default();
            repair.start();
            let port = Managed {
                spec,
                present: None,
                repair,
            };
            self.ports.insert(name.clone(), port);
            self.tell(PortEvent::Gone { name });
        }
    }

    /// Removes what the tables no longer list.
    pub(super) async fn retire(&mut self, tables: &Tables) {
        // Tables that `prepare` refused are not run, so there is nothing to retire for them.
        let Ok(specs) = Spec::all(tables, self.options.queues) else {
            return;
        };
        let listed: HashSet<String> = specs.into_iter().map(|spec| spec.name).collect();
        let names: Vec<String> = self.ports.keys().cloned().collect();
        for name in names {
            if !listed.contains(&name) {
                self.drop_port(&name).await;
            }
        }
        self.sweep().await;
        let places = self.devices().filter_map(|device| device.place.clone());
        let used: HashSet<String> = places.collect();
        self.watches.retain(|path, _| used.contains(path));
    }

    /// Removes the port's interface and forgets the port; gives what it was.
    async fn drop_port(&mut self, name: &str) -> Option<Spec> {
        let port = self.ports.remove(name)?;
        if let Some(device) = port.device() {
            device::remove(&self.own, device).await;
        }
        Some(port.spec)
    }

    /// Removes what carries this node's mark and belongs to no port: an earlier life left it.
    async fn sweep(&mut self) {
        let Ok(links) = self.own.all().await else {
            return;
        };
        let mark = marks_of(&self.node);
        let here = self.devices().filter(|device| device.place.is_none());
        let known: HashSet<u32> = here.map(|device| device.index).collect();
        for link in links {
            let alias = link.alias.as_deref().unwrap_or_default();
            if alias.starts_with(&mark) && !known.contains(&link.index) {
                tracing::info!(interface = link.name, "removing what an earlier life left");
                device::sweep(&self.own, &link).await;
            }
        }
    }

    fn devices(&self) -> impl Iterator<Item = &Device> {
        self.ports.values().filter_map(Managed::device)
    }

    /// Removes everything it made, gives NICs back.
    pub(super) async fn close(&mut self) {
        let names: Vec<String> = self.ports.keys().cloned().collect();
        for name in names {
            self.drop_port(&name).await;
        }
        self.sweep().await;
    }

    /// A worker cannot read the port any more. It is opened afresh, whatever netlink may say: a
    /// TAP that is still there is a husk, everything else is adopted or taken again.
    pub(super) async fn fault(&mut self, name: &str) {
        let Some(port) = self.ports.get(name) else {
            return;
        };
        if let (Shape::Tap { .. }, Some(device)) = (&port.spec.shape, port.device()) {
            device::remove(&self.own, device).await;
        }
        self.lost(name);
    }
}
