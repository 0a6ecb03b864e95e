//! The ports as a worker writes to them.

use skerry_overlay::{Frame, Refused};
use skerry_policy::{LocalPort, Tables};

use crate::command::Attachment;
use crate::port::TxHalf;
use crate::snapshot::PortView;
use crate::switch::Switch;

/// One attached port. Its token is its position, and stays the same while it is attached.
#[derive(Debug)]
pub(crate) struct Outlet {
    pub(crate) name: String,
    backend: &'static str,
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
            backend: capabilities.backend,
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

    /// Superframes are used from now on, each on the ports that take it, or are not.
    pub(crate) fn switch(&mut self, superframes: Switch) {
        for writer in self.writers.iter_mut().flatten() {
            writer.switch(superframes);
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
        // Both have a place where the other has.
        let writers = self.writers.iter().flatten().map(AsRef::as_ref);
        let ports = self.outlets.iter().flatten().zip(writers);
        let view = |(outlet, writer): (&Outlet, &dyn TxHalf)| PortView {
            name: outlet.name.clone(),
            up: outlet.up,
            worker: 0,
            queues: 1,
            backend: outlet.backend,
            superframes: writer.superframes(),
        };
        ports.map(view).collect()
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

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::port::{Capabilities, Superframes};

    /// A port whose kernel refuses the first superframe.
    #[derive(Debug)]
    struct Refusing(Superframes);

    impl TxHalf for Refusing {
        fn send(&mut self, frame: Frame<'_>) -> Result<(), Refused> {
            if frame.offload.superframe.is_some() {
                self.0 = Superframes::Tcp;
            }
            Ok(())
        }

        fn switch(&mut self, _: Switch) -> Superframes {
            self.0 = Superframes::All;
            self.0
        }

        fn superframes(&self) -> Superframes {
            self.0
        }

        fn duplicate(&self) -> io::Result<Box<dyn TxHalf>> {
            Ok(Box::new(Self(self.0)))
        }
    }

    #[test]
    fn what_a_port_has_given_up_is_told() {
        let mut outlets = Outlets::default();
        let token = outlets.attach(
            Attachment {
                name: "n1/a".to_owned(),
                rx: None,
                first: true,
                tx: Box::new(Refusing(Superframes::All)),
                capabilities: Capabilities {
                    backend: "packet",
                    superframes: Superframes::All,
                },
                up: true,
                since: None,
            },
            1,
        );
        let told = |outlets: &Outlets| outlets.views()[0].superframes;
        assert_eq!(told(&outlets), Superframes::All);
        let superframe = skerry_overlay::Superframe {
            kind: skerry_overlay::SuperframeKind::Udp,
            size: 100,
            ecn: false,
        };
        let frame = Frame {
            bytes: &[0; 300],
            offload: skerry_overlay::Offload {
                superframe: Some(superframe),
                ..skerry_overlay::Offload::NONE
            },
        };
        // As a worker would, once the tables know the port.
        outlets.by_local = vec![None];
        outlets.point(Some(LocalPort(0)), Some(token));
        outlets.deliver(LocalPort(0), frame).unwrap();
        assert_eq!(told(&outlets), Superframes::Tcp);
        outlets.switch(Switch::Auto);
        assert_eq!(told(&outlets), Superframes::All, "another try");
    }
}
