//! Frames sent together with what must become of them, and the judgement over what was seen.

use std::collections::HashMap;
use std::fmt::Write as _;

use anyhow::{Result, bail};

use crate::oracle::Receivers;
use crate::probe::Log;
use crate::tag::Tag;
use crate::topology::Port;

/// Complaints that are printed in full.
const SHOWN: usize = 12;

/// One frame under test.
#[derive(Clone, Debug)]
pub struct Shot {
    /// Who sends it.
    pub from: Port,
    /// Its bytes.
    pub frame: Vec<u8>,
    /// The tag inside them.
    pub tag: Tag,
    /// Who must see exactly one copy; everybody else sees none.
    pub expect: Receivers,
    /// What it is, for people.
    pub label: String,
}

/// Every port there can be, in the order of their hosts.
fn every() -> impl Iterator<Item = Port> {
    Port::all().chain(Port::trunks())
}

/// How often each port saw each frame.
#[derive(Debug, Default)]
pub struct Tally {
    copies: HashMap<Tag, [u32; Port::COUNT]>,
    complaints: Vec<String>,
}

impl Tally {
    /// Counts what the probes logged; frames of another run, or changed on the way, are complaints.
    pub fn of(run: u32, logs: &[Log]) -> Self {
        let mut tally = Self::default();
        for (port, log) in every().zip(logs) {
            tally.add(run, port, log);
        }
        tally
    }

    /// Counts one port's log.
    pub fn add(&mut self, run: u32, port: Port, log: &Log) {
        for stray in &log.strays {
            let start = &stray[..stray.len().min(18)];
            self.complaints.push(format!(
                "{port}: a frame left under a foreign tag: {start:02x?}"
            ));
        }
        for seen in &log.seen {
            if seen.tag.run != run {
                self.complaints
                    .push(format!("{port} saw a frame of another run: {:?}", seen.tag));
            } else if !seen.intact {
                self.complaints.push(format!(
                    "{port} saw a frame that was changed: {:?}",
                    seen.tag
                ));
            }
            self.copies.entry(seen.tag).or_default()[port.index()] += 1;
        }
    }

    /// How often a port saw a frame.
    pub fn copies(&self, tag: Tag, at: Port) -> u32 {
        self.copies.get(&tag).map_or(0, |ports| ports[at.index()])
    }

    /// Whether every expected copy is there.
    pub fn is_complete(&self, shots: &[Shot]) -> bool {
        shots.iter().all(|shot| {
            shot.expect
                .iter()
                .all(|port| self.copies(shot.tag, *port) > 0)
        })
    }

    /// Compares with what must have happened: every frame, every port, exactly.
    ///
    /// # Errors
    /// With the first complaints and the number of all.
    pub fn judge(mut self, shots: &[Shot]) -> Result<()> {
        for shot in shots {
            let seen = self.copies.remove(&shot.tag).unwrap_or_default();
            for port in every() {
                let (due, got) = (u32::from(shot.expect.contains(&port)), seen[port.index()]);
                if due != got {
                    let what = format!(
                        "{} -> {port}: {got} copies, not {due} ({})",
                        shot.from, shot.label
                    );
                    self.complaints.push(what);
                }
            }
        }
        for (tag, ports) in &self.copies {
            let at: Vec<Port> = every().filter(|port| ports[port.index()] > 0).collect();
            self.complaints.push(format!(
                "a frame that is not part of this case arrived at {at:?}: {tag:?}"
            ));
        }
        self.verdict()
    }

    fn verdict(self) -> Result<()> {
        if self.complaints.is_empty() {
            return Ok(());
        }
        let mut text = format!("{} wrong:", self.complaints.len());
        for complaint in self.complaints.iter().take(SHOWN) {
            write!(text, "\n    {complaint}")?;
        }
        bail!(text)
    }
}
