//! What the kernel says to the actor, and what the actor does about it unasked.

use std::time::Duration;

use tokio::time::Instant;

use super::actor::Actor;
use super::connection::{Change, Notice};
use super::device;
use super::managed::Managed;
use super::manager::PortEvent;
use super::spec::Shape;

/// An overrun is answered by one fresh look this much later: a storm brings many overruns.
const SETTLE: Duration = Duration::from_millis(100);

/// Overruns within this span of a warning are not worth another.
const WARN_EVERY: Duration = Duration::from_secs(10);

impl Actor {
    pub(super) async fn notice(&mut self, (place, change): Notice) {
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

    /// A new name changes nothing: an interface is known by its index.
    fn port_at(&self, place: Option<&str>, index: u32) -> Option<String> {
        let mut ports = self.ports.values();
        let port = ports.find(|port| port.is_at(place, index))?;
        Some(port.spec.name.clone())
    }

    /// An event may be older than what is known, from before the port was opened: a change is
    /// believed only after a look.
    async fn linked(&mut self, name: &str, said: bool) {
        let present = self.ports.get(name).and_then(|port| port.present.as_ref());
        let Some(present) = present.filter(|present| present.up != said) else {
            return;
        };
        let device = present.device.clone();
        match device::look(&self.own, &device).await {
            Ok(Some(link)) => self.set_up(name, link.carrier),
            Ok(None) => self.lost(name),
            Err(_) => self.set_up(name, said),
        }
    }

    fn set_up(&mut self, name: &str, now: bool) {
        let port = self.ports.get_mut(name);
        let Some(present) = port.and_then(|port| port.present.as_mut()) else {
            return;
        };
        if present.up != now {
            present.up = now;
            let name = name.to_owned();
            self.tell(PortEvent::Link { name, up: now });
        }
    }

    pub(super) fn lost(&mut self, name: &str) {
        if let Some(port) = self.ports.get_mut(name)
            && port.present.take().is_some()
        {
            port.repair.start();
            let name = name.to_owned();
            self.tell(PortEvent::Gone { name });
        }
    }

    /// An interface appeared: a NIC that was missed may be back.
    fn back(&mut self, interface: &str) {
        for port in self.ports.values_mut() {
            if matches!(&port.spec.shape, Shape::Nic { name } if name == interface) {
                port.repair.hurry();
            }
        }
    }

    fn overrun(&mut self) {
        let now = Instant::now();
        let old = |then: Instant| now.duration_since(then) >= WARN_EVERY;
        if self.warned.is_none_or(old) {
            tracing::warn!("the kernel dropped link events (ENOBUFS); reading the state afresh");
            self.warned = Some(now);
        }
        self.resync.get_or_insert(now + SETTLE);
    }

    /// Compares what is known with what is there.
    pub(super) async fn resync(&mut self) {
        self.resync = None;
        let known = self.ports.values();
        let known = known.filter_map(|port| Some((port.spec.name.clone(), port.device()?.clone())));
        for (name, device) in known.collect::<Vec<_>>() {
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

    /// One attempt to make the interface of a port again.
    pub(super) async fn repair(&mut self, name: &str) {
        let Some(Managed { spec, repair, .. }) = self.ports.remove(name) else {
            return;
        };
        let mut repair = repair;
        // Without the list nothing is adopted, and the attempt fails at the name.
        let links = self.own.all().await.unwrap_or_default();
        match self.make(&spec, &links).await {
            Ok(port) => {
                tracing::info!(port = name, "the interface is back");
                repair.mended();
                if let Some(managed) = self.ports.get_mut(name) {
                    managed.repair = repair;
                }
                let name = name.to_owned();
                self.tell(PortEvent::Repaired { name, port });
            }
            Err(cause) => {
                if repair.failed(&cause) {
                    self.tell(PortEvent::RepairFailed(cause.on(name)));
                }
                let port = Managed {
                    spec,
                    present: None,
                    repair,
                };
                self.ports.insert(name.to_owned(), port);
            }
        }
    }
}
