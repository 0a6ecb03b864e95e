//! Where effects go: a network that remembers, and one that counts.

use std::net::SocketAddr;

use skerry_overlay::{Claim, Frame, Onward, Refused, Sink, Transmit};
use skerry_policy::{LocalPort, NodeId};

/// Keeps what was transmitted, for the other end.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    /// Datagrams, back to back.
    pub(crate) bytes: Vec<u8>,
    /// Where each goes, and its length.
    pub(crate) datagrams: Vec<(SocketAddr, usize)>,
    pub(crate) claims: Vec<Claim>,
}

impl Wire {
    /// Every datagram, and where it goes.
    pub(crate) fn each(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        let mut at = 0;
        self.datagrams.iter().map(move |&(to, length)| {
            let from = at;
            at += length;
            (to, &self.bytes[from..at])
        })
    }
}

impl Sink for Wire {
    fn deliver(&mut self, _: LocalPort, _: Frame<'_>) -> Result<(), Refused> {
        Ok(())
    }

    fn transmit(&mut self, datagrams: Transmit<'_>) {
        for datagram in datagrams.bytes.chunks(datagrams.size) {
            self.bytes.extend_from_slice(datagram);
            self.datagrams.push((datagrams.to, datagram.len()));
        }
    }

    fn handoff(&mut self, _: Onward, _: Frame<'_>) -> Result<(), Refused> {
        panic!("every forwarder here owns its lanes")
    }

    fn control(&mut self, _: NodeId, _: SocketAddr, _: &[u8]) {}

    fn claim(&mut self, claim: Claim) {
        self.claims.push(claim);
    }
}

/// Counts calls, and looks at nothing.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    pub(crate) effects: u64,
}

impl Sink for Counter {
    fn deliver(&mut self, _: LocalPort, frame: Frame<'_>) -> Result<(), Refused> {
        std::hint::black_box(frame);
        self.effects += 1;
        Ok(())
    }

    fn transmit(&mut self, datagrams: Transmit<'_>) {
        std::hint::black_box(datagrams);
        self.effects += 1;
    }

    fn handoff(&mut self, _: Onward, _: Frame<'_>) -> Result<(), Refused> {
        panic!("every forwarder here owns its lanes")
    }

    fn control(&mut self, _: NodeId, _: SocketAddr, _: &[u8]) {}

    fn claim(&mut self, claim: Claim) {
        panic!("everybody was known before: {claim:?}")
    }
}
