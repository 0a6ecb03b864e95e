//! A node of the fabric gone bad: its daemon is gone, and an injector speaks in its place.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use super::{Fabric, Report};
use crate::counters::Change;
use crate::injector::{Carriage, Injector};
use crate::oracle::Receivers;
use crate::tag::Tag;
use crate::topology::{Node, Port};
use crate::volley::Shot;

/// A frame that a hostile node puts into its tunnel to one node.
#[derive(Clone, Debug)]
pub struct Injected {
    /// To whom.
    pub to: Node,
    /// What is around the frame.
    pub carriage: Carriage,
    /// The frame, and what must become of it.
    pub shot: Shot,
}

impl Fabric {
    /// Stops a node's daemon and takes its place, with sessions to all others.
    ///
    /// # Errors
    /// When the daemon does not stop, or the others do not shake hands.
    pub fn usurp(&mut self, node: Node) -> Result<()> {
        self.daemons[node.index()].stop()?;
        self.absent.push(node);
        let place = &self.daemons[node.index()].netns;
        let mut injector = Injector::new(node, place, self.folder(), &self.site.keys)?;
        injector.shake_hands()?;
        self.injector = Some(injector);
        // Its last goodbyes and the broadcasts for it are nobody's business.
        self.hosts.take();
        Ok(())
    }

    /// A frame of the usurped node, as if it came from its port.
    ///
    /// # Errors
    /// When no node is usurped.
    pub fn injected(
        &self,
        to: Node,
        vni: u32,
        label: &str,
        expect: Receivers,
        build: impl FnOnce(Port, Tag) -> Vec<u8>,
    ) -> Result<Injected> {
        let node = self.hostile()?;
        let from = Port::all()
            .find(|port| port.node() == node)
            .with_context(|| format!("{node} has no port"))?;
        Ok(Injected {
            to,
            carriage: Carriage::honest(node, to, vni),
            shot: self.shot(from, label, expect, |tag| build(from, tag)),
        })
    }

    /// Sends frames out of the usurped node and checks all that holds after every case.
    ///
    /// # Errors
    /// With the first complaints.
    pub fn inject(&mut self, frames: &[Injected]) -> Result<Report> {
        let node = self.hostile()?;
        let edition = self.edition()?;
        let mut injector = self.injector.take().context("nobody is hostile")?;
        let mut due: BTreeMap<Node, u64> = BTreeMap::new();
        for frame in frames {
            *due.entry(frame.to).or_default() += 1;
        }
        let arrived = |change: &Change| {
            due.iter()
                .all(|(at, count)| change.untunnelled(*at, node) >= *count)
        };
        let mut waiting = frames.iter();
        let report = self.volley_by(
            frames.iter().map(|frame| frame.shot.clone()).collect(),
            |shot| {
                let next = waiting.next().context("a frame too many")?;
                let packet = next.carriage.packet(edition, &shot.frame);
                injector.send(next.to, &packet).map(drop)
            },
            arrived,
        );
        self.injector = Some(injector);
        report
    }

    /// What says that a packet's sender runs the policy that n1 runs.
    ///
    /// # Errors
    /// When n1 does not tell its digest.
    pub fn edition(&self) -> Result<[u8; 2]> {
        let status = self.daemons[0].facts("status")?;
        let digest = status["digest"].as_str().context("no digest")?;
        let start = digest.get(..4).context("a short digest")?;
        Ok(u16::from_str_radix(start, 16)?.to_be_bytes())
    }

    fn hostile(&self) -> Result<Node> {
        let injector = self.injector.as_ref().context("nobody is hostile")?;
        Ok(injector.node)
    }
}
