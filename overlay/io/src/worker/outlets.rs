//! The ports as a worker writes to them.

use skerry_overlay::{Frame, Refused};
use skerry_policy::{LocalPort, Tables};

use crate::command::Attachment;
use crate::port::{Capabilities, TxHalf};
use crate::snapshot::PortView;
use crate::switch::Switch;

/// One attached port. Its token is its position, and stays the same while it is attached.
#[derive(Debug)]
pub(crate) struct Outlet {
    pub(crate) name: String,
    capabilities: Capabilities,
    /// The link, as the daemon last said.
    pub(crate) up: bool,
    /// Its number in the tables, once they know it.
    pub(crate) local: Option<LocalPort>,
}

/// Every attached port, by token and by number.
#[derive(Debug, Default)]
pub(crate) struct Outlets {
    outlets: Vec<Option<Outlet>>,
    /// By token as well, and apart from what frames do not need: four share a cache line.
    writers: Vec<Option<Box<dyn TxHalf>>>,
    by_local: Vec<Option<u32>>,
    /// Indexed by `LocalPort`: what the tables call it.
    names: Vec<String>,
}

impl Outlets {
    /// Takes the port, in place of one of the same name; gives its token.
    pub(crate) fn attach(&mut self, attachment: Attachment, generation: u64) -> usize {
        let Attachment {
            name,
            tx,
            capabilities,
            up,
            since,
            ..
        } = attachment;
        let token = self
            .token(&name)
            .or_else(|| self.outlets.iter().position(Option::is_none))
            .unwrap_or(self.outlets.len());
        let waits = since.is_some_and(|since| since != generation);
        let local = if waits { None } else { self.number(&name) };
        let outlet = Outlet {
            name,
            capabilities,
            up,
            local,
        };
        if token == self.outlets.len() {
            self.outlets.push(None);
            self.writers.push(None);
        }
        if let Some(place) = self.outlets.get_mut(token) {
            *place = Some(outlet);
        }
        if let Some(place) = self.writers.get_mut(token) {
            *place = Some(tx);
        }
        self.point(local, Some(token));
        token
    }

    /// Forgets a port.
    pub(crate) fn detach(&mut self, name: &str) -> Option<(usize, Outlet)> {
        let token = self.token(name)?;
        let outlet = self.outlets.get_mut(token)?.take()?;
        if let Some(writer) = self.writers.get_mut(token) {
            *writer = None;
        }
        self.point(outlet.local, None);
        Some((token, outlet))
    }

    /// Numbers the ports as these tables do.
    pub(crate) fn renumber(&mut self, tables: &Tables) {
        let ports = tables.local.ports.iter();
        self.names = ports.map(|&port| tables.fabric.port_name(port)).collect();
        self.by_local = vec![None; self.names.len()];
        for token in 0..self.outlets.len() {
            let local = self.get(token).and_then(|outlet| self.number(&outlet.name));
            if let Some(outlet) = self.get_mut(token) {
                outlet.local = local;
            }
            self.point(local, Some(token));
        }
    }

    /// Superframes are used on every port, or on none.
    pub(crate) fn switch(&mut self, superframes: Switch) {
        let writers = self.writers.iter_mut().flatten();
        // Both have a place where the other has.
        for (outlet, writer) in self.outlets.iter_mut().flatten().zip(writers) {
            outlet.capabilities.superframes = writer.switch(superframes);
        }
    }

    /// Writes a copy.
    pub(crate) fn deliver(&mut self, port: LocalPort, frame: Frame<'_>) -> Result<(), Refused> {
        let token = self.by_local.get(port.index()).copied().flatten();
        let token = token.and_then(|token| usize::try_from(token).ok());
        let writer = token.and_then(|token| self.writers.get_mut(token)?.as_mut());
        writer.ok_or(Refused::Down)?.send(frame)
    }

    pub(crate) fn token(&self, name: &str) -> Option<usize> {
        let named = |outlet: &Option<Outlet>| outlet.as_ref().is_some_and(|it| it.name == name);
        self.outlets.iter().position(named)
    }

    pub(crate) fn get(&self, token: usize) -> Option<&Outlet> {
        self.outlets.get(token)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, token: usize) -> Option<&mut Outlet> {
        self.outlets.get_mut(token)?.as_mut()
    }

    /// Tokens that may be in use.
    pub(crate) const fn tokens(&self) -> std::ops::Range<usize> {
        0..self.outlets.len()
    }

    /// What there is to say about every port; the caller knows who reads it.
    pub(crate) fn views(&self) -> Vec<PortView> {
        let outlets = self.outlets.iter().flatten();
        let view = |outlet: &Outlet| PortView {
            name: outlet.name.clone(),
            up: outlet.up,
            worker: 0,
            queues: 1,
            backend: outlet.capabilities.backend,
            superframes: outlet.capabilities.superframes,
        };
        outlets.map(view).collect()
    }

    fn number(&self, name: &str) -> Option<LocalPort> {
        let at = self.names.iter().position(|known| known == name)?;
        u32::try_from(at).ok().map(LocalPort)
    }

    fn point(&mut self, local: Option<LocalPort>, token: Option<usize>) {
        if let Some(place) = local.and_then(|local| self.by_local.get_mut(local.index())) {
            *place = token.and_then(|token| u32::try_from(token).ok());
        }
    }
}
