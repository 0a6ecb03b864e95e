//! The measurement of the whole matrix: every ordered pair, unicast, broadcast and multicast,
//! listened for at every port.

use anyhow::Result;
use serde::Serialize;

use crate::lab::counts::Sent;
use crate::lab::frame::Probe;
use crate::lab::picture;
use crate::lab::plan::HostId;
use crate::lab::reach::{Cell, Measured, Policy, pairs};
use crate::lab::tag::{Kind, Tag};
use crate::lab::world::World;

/// Every frame is sent this often, each time with its own sequence number.
pub(super) const ROUNDS: u32 = 3;

/// What was measured, as a document.
#[derive(Debug, Serialize)]
pub(super) struct Reachability {
    /// Ordered pairs times kinds.
    pub(super) checks: usize,
    /// Of those, how many are as policy says.
    pub(super) agree: usize,
    pub(super) frames: usize,
    pub(super) forbidden: u32,
    pub(super) missing: u32,
    pub(super) duplicates: u32,
    /// Heard, but never sent.
    pub(super) impossible: u32,
    /// Frames that the packet sockets lost before anybody looked.
    pub(super) unseen: u32,
    pub(super) domains: Vec<Domain>,
    pub(super) cells: Vec<CellDocument>,
}

/// The pairs inside one private VLAN, or between two.
#[derive(Debug, Serialize)]
pub(super) struct Domain {
    pub(super) name: String,
    pub(super) pairs: usize,
    pub(super) permitted: usize,
    /// By kind: pairs that are as policy says.
    pub(super) unicast: usize,
    pub(super) broadcast: usize,
    pub(super) multicast: usize,
}

/// One ordered pair.
#[derive(Debug, Serialize)]
pub(super) struct CellDocument {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) permitted: bool,
    pub(super) agree: bool,
    pub(super) unicast: Cell,
    pub(super) broadcast: Cell,
    pub(super) multicast: Cell,
}

impl Reachability {
    /// Whether the fabric does what the policy says, and nothing escaped the measurement.
    pub(super) const fn holds(&self) -> bool {
        self.agree == self.checks && self.impossible == 0 && self.unseen == 0
    }
}

/// Sends, listens, compares and tells.
pub(super) fn measure(world: &mut World) -> Result<Reachability> {
    world.story.chapter(
        "reachability",
        "measured at every port by packet sockets, beside what the policy says",
    );
    let ears = world.ears()?;
    let mut sent = Vec::new();
    for round in 0..ROUNDS {
        world.interrupt.check()?;
        let before = world.counts()?;
        let tags = send_round(world, round)?;
        let due = frames_by_port(&tags);
        sent.extend(tags);
        world.rest(&before, &due)?;
    }
    let heard = ears.take_tags(world.run)?;
    let measured = Measured::compare(&world.policy, &sent, &heard);
    let document = document(&world.policy, &measured, ears.missed()?);
    tell(world, &measured, &document);
    Ok(document)
}

fn send_round(world: &World, round: u32) -> Result<Vec<Tag>> {
    let mut sent = Vec::new();
    for host in HostId::all() {
        sent.extend(speak(world, host, round)?);
    }
    Ok(sent)
}

/// One host sends a broadcast, a multicast, and a unicast to every other host.
pub(super) fn speak(world: &World, speaker: HostId, sequence: u32) -> Result<Vec<Tag>> {
    let groups = [(Kind::Broadcast, None), (Kind::Multicast, None)];
    let others = HostId::all().filter(|&other| other != speaker);
    let unicasts = others.map(|other| (Kind::Unicast, Some(other)));
    let tags = groups
        .into_iter()
        .chain(unicasts)
        .map(|(kind, target)| Tag {
            run: world.run,
            source: speaker,
            target,
            kind,
            sequence,
        });
    let tags: Vec<Tag> = tags.collect();
    for tag in &tags {
        world.host(speaker)?.send(&Probe::honest(*tag).bytes())?;
    }
    Ok(tags)
}

fn frames_by_port(tags: &[Tag]) -> Sent {
    let mut sent = Sent::new();
    for tag in tags {
        *sent.entry(tag.source.plan().port()).or_default() += 1;
    }
    sent
}

fn document(policy: &Policy, measured: &Measured, unseen: u32) -> Reachability {
    let (agree, checks) = measured.score();
    Reachability {
        checks,
        agree,
        frames: measured.frames,
        forbidden: measured.total(|cell| cell.forbidden),
        missing: measured.total(|cell| cell.missing),
        duplicates: measured.total(|cell| cell.duplicates),
        impossible: measured.impossible,
        unseen,
        domains: domains(policy, measured),
        cells: pairs().map(|(a, b)| cell(policy, measured, a, b)).collect(),
    }
}

fn cell(policy: &Policy, measured: &Measured, from: HostId, to: HostId) -> CellDocument {
    CellDocument {
        from: from.plan().port(),
        to: to.plan().port(),
        permitted: policy.permits(from, to),
        agree: measured.pair(from, to).agrees(),
        unicast: measured.cell(from, to, Kind::Unicast),
        broadcast: measured.cell(from, to, Kind::Broadcast),
        multicast: measured.cell(from, to, Kind::Multicast),
    }
}

fn domains(policy: &Policy, measured: &Measured) -> Vec<Domain> {
    ["blue", "red", "blue and red"]
        .map(|name| domain(policy, measured, name))
        .into()
}

/// The pairs inside a private VLAN, or those between two.
fn domain(policy: &Policy, measured: &Measured, name: &str) -> Domain {
    let inside: Vec<_> = pairs()
        .filter(|(a, b)| {
            let (a, b) = (a.plan().domain, b.plan().domain);
            if a == b {
                a == name
            } else {
                name.contains(" and ")
            }
        })
        .collect();
    let agreeing = |kind| {
        let agrees = |pair: &&(HostId, HostId)| measured.cell(pair.0, pair.1, kind).agrees();
        inside.iter().filter(agrees).count()
    };
    Domain {
        name: name.to_owned(),
        pairs: inside.len(),
        permitted: inside
            .iter()
            .filter(|(a, b)| policy.permits(*a, *b))
            .count(),
        unicast: agreeing(Kind::Unicast),
        broadcast: agreeing(Kind::Broadcast),
        multicast: agreeing(Kind::Multicast),
    }
}

fn tell(world: &mut World, measured: &Measured, document: &Reachability) {
    let paint = world.story.paint();
    let picture = picture::draw(&world.policy, measured, paint);
    world.story.block(&picture);
    let head = "private VLAN    pairs   permitted   unicast   broadcast   multicast";
    world.story.say(paint.dim(format!("  {head}")));
    for domain in &document.domains {
        let of = |agree| format!("{agree}/{}", domain.pairs);
        world.story.say(format!(
            "  {:<14} {:>6} {:>11} {:>9} {:>11} {:>11}",
            domain.name,
            domain.pairs,
            domain.permitted,
            of(domain.unicast),
            of(domain.broadcast),
            of(domain.multicast),
        ));
    }
    world.story.verdict(
        document.holds(),
        format!(
            "{} of {} cells agree; {} frames sent: {} forbidden, {} missing, {} duplicated",
            document.agree,
            document.checks,
            document.frames,
            document.forbidden,
            document.missing,
            document.duplicates,
        ),
    );
    if document.unseen > 0 {
        let unseen = document.unseen;
        world.story.verdict(
            false,
            format!("the packet sockets lost {unseen} frames unseen"),
        );
    }
}
