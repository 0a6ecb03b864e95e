//! Every frame that was sent, and who has received it: whatever comes out of a port must be in
//! here, byte for byte, sent by somebody whom that port may hear, and not there already.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use skerry_overlay::Time;

use crate::oracle::{Role, accept};
use crate::site::Site;
use crate::tag::Tag;

/// Who sent a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sender {
    Port(usize),
    /// A node that is hostile, as itself.
    Intruder,
}

/// A frame that goes by way of the gateway.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Routed {
    /// From a host to a promiscuous port, for this host.
    Up(usize),
    /// From a promiscuous port to a host, with this host's address.
    Down(usize),
}

/// One sending.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Injection {
    pub(crate) sender: Sender,
    pub(crate) node: usize,
    /// The policy that its node ran.
    pub(crate) version: usize,
    pub(crate) role: Role,
    pub(crate) at: Time,
    /// Its bytes are what a host means to say: a tag in them is right.
    pub(crate) honest: bool,
    pub(crate) routed: Option<Routed>,
}

/// Where a frame comes out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exit {
    pub(crate) port: usize,
    pub(crate) node: usize,
    pub(crate) version: usize,
    /// The port whose frame the node is handling, if it is one of its own.
    pub(crate) asker: Option<usize>,
}

/// All sendings of the same bytes.
#[derive(Debug, Default)]
struct Record {
    injections: Vec<Injection>,
    delivered: Vec<(usize, u32)>,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    pub(crate) delivered: u64,
    pub(crate) answered: u64,
}

/// The ledger of one run.
pub(crate) struct Ledger {
    pub(crate) run: u32,
    hash: BuildHasherDefault<DefaultHasher>,
    records: HashMap<u64, Record>,
    pub(crate) tally: Tally,
}

impl Ledger {
    pub(crate) fn new(run: u32) -> Self {
        Self {
            run,
            hash: BuildHasherDefault::default(),
            records: HashMap::new(),
            tally: Tally::default(),
        }
    }

    /// What stands for a frame.
    pub(crate) fn key(&self, bytes: &[u8]) -> u64 {
        self.hash.hash_one(bytes)
    }

    /// A frame is about to be sent.
    pub(crate) fn inject(&mut self, bytes: &[u8], injection: Injection) -> u64 {
        self.tally.sent += 1;
        let key = self.key(bytes);
        self.records
            .entry(key)
            .or_default()
            .injections
            .push(injection);
        key
    }

    /// The last sending of a frame.
    pub(crate) fn last(&self, bytes: &[u8]) -> Option<Injection> {
        let record = self.records.get(&self.key(bytes))?;
        record.injections.last().copied()
    }

    /// Ports that got a frame, with the number of times.
    pub(crate) fn receivers(&self, key: u64) -> Vec<(usize, u32)> {
        let record = self.records.get(&key);
        let mut ports = record.map_or_else(Vec::new, |record| record.delivered.clone());
        ports.sort_unstable();
        ports
    }

    /// A frame came out of a port. The last sending of it is returned; none for an answer that
    /// the fabric gave.
    ///
    /// # Errors
    /// It should not have.
    pub(crate) fn deliver(
        &mut self,
        site: &Site,
        exit: Exit,
        bytes: &[u8],
    ) -> Result<Option<Injection>, String> {
        let key = self.key(bytes);
        let tag = Tag::of(bytes);
        let Some(record) = self.records.get_mut(&key) else {
            return match (tag, exit.asker) {
                (Ok(None), Some(asker)) if asker == exit.port => {
                    self.tally.answered += 1;
                    Ok(None)
                }
                _ => Err("nobody sent it".to_owned()),
            };
        };
        let honest = record.injections.iter().all(|it| it.honest);
        if honest && let Some(tag) = tag.map_err(|what| format!("corrupt: {what}"))? {
            let theirs = |it: &Injection| match it.sender {
                Sender::Port(port) => port == usize::from(tag.port),
                Sender::Intruder => true,
            };
            if tag.run != self.run || !record.injections.iter().any(theirs) {
                return Err(format!("{tag:?} is not its sender's"));
            }
        }
        let allowed = |it: &&Injection| forbidden(site, exit, it).is_none();
        // Bytes that were sent more than once may have been sent under several policies.
        let sendings = u32::try_from(record.injections.len()).unwrap();
        let Some(last) = record.injections.iter().rfind(allowed).copied() else {
            let reasons: Vec<_> = record
                .injections
                .iter()
                .map(|it| (it, forbidden(site, exit, it)))
                .collect();
            return Err(format!("forbidden: {reasons:?}"));
        };
        let at = record
            .delivered
            .iter()
            .position(|&(port, _)| port == exit.port);
        let at = at.unwrap_or_else(|| {
            record.delivered.push((exit.port, 0));
            record.delivered.len() - 1
        });
        record.delivered[at].1 += 1;
        if record.delivered[at].1 > sendings {
            return Err(format!("duplicate: sent {sendings} times by {last:?}"));
        }
        self.tally.delivered += 1;
        if let Sender::Port(from) = last.sender {
            let permits = |version: usize| site.versions[version].permits(from, exit.port);
            if !permits(last.version) && !permits(exit.version) {
                return Err(format!("forbidden by both policies: {last:?}"));
            }
        }
        Ok(Some(last))
    }
}

/// Why a sending must not come out there.
fn forbidden(site: &Site, exit: Exit, it: &Injection) -> Option<&'static str> {
    let here = &site.versions[exit.version];
    let Some(role) = here.roles[exit.port] else {
        return Some("no such port");
    };
    if it.sender == Sender::Port(exit.port) {
        return Some("back to its sender");
    }
    if !accept(it.role, role) {
        return Some("roles");
    }
    if it.node != exit.node {
        if !here.may_send(it.node, it.role) {
            return Some("its node may not send that");
        }
        let there = &site.versions[it.version];
        if it.sender != Sender::Intruder && !there.takes(exit.node, it.role) {
            return Some("its node had nobody to send it to");
        }
    }
    let denied = match it.routed {
        None => false,
        Some(Routed::Up(host)) => host != exit.port && here.denies_routing(it.role, host),
        Some(Routed::Down(host)) => {
            host != exit.port
                && here.roles[host].is_some_and(|role| here.denies_routing(role, exit.port))
        }
    };
    denied.then_some("by way of the gateway")
}
