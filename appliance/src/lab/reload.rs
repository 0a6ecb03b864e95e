//! A reload under traffic: an isolated host becomes a member of a community and goes back, while
//! it sends all the time and others talk past it.

use std::collections::HashMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::lab::counts::{Counts, Sent};
use crate::lab::plan::{HostId, cast};
use crate::lab::site::Moved;
use crate::lab::stream::Stream;
use crate::lab::tag::{Kind, Tag};
use crate::lab::wait;
use crate::lab::world::World;

/// How many frames of the moved host's stream each phase holds at least.
const PHASE: u32 = 400;
const LIMIT: Duration = Duration::from_secs(20);

/// What the two reloads did.
#[derive(Debug, Serialize)]
pub(super) struct Reload {
    pub(super) moved: String,
    pub(super) towards: String,
    /// From the first node's request to the last node's acknowledgement.
    pub(super) open_ms: u128,
    pub(super) close_ms: u128,
    /// Before the first request: must all be kept apart.
    pub(super) before: Phase,
    /// After the last acknowledgement of the first reload: must all arrive, once.
    pub(super) open: Phase,
    /// After the last acknowledgement of the second: must all be kept apart.
    pub(super) after: Phase,
    pub(super) bystanders: Vec<Bystander>,
    /// Receptions of any of these frames at hosts they are not for.
    pub(super) strays: usize,
}

/// Frames between two moments, and what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Phase {
    pub(super) sent: u32,
    /// Heard exactly once.
    pub(super) once: u32,
    /// Not heard.
    pub(super) never: u32,
    /// Heard more often.
    pub(super) more: u32,
}

/// A stream that the reload is none of the business of.
#[derive(Debug, Serialize)]
pub(super) struct Bystander {
    pub(super) from: String,
    pub(super) to: String,
    #[serde(flatten)]
    pub(super) frames: Phase,
}

impl Phase {
    const fn all_heard(&self) -> bool {
        self.once == self.sent
    }

    const fn none_heard(&self) -> bool {
        self.never == self.sent
    }

    fn of(numbers: Range<u32>, heard: &HashMap<u32, u32>) -> Self {
        let mut phase = Self::default();
        for number in numbers {
            phase.sent += 1;
            match heard.get(&number) {
                None => phase.never += 1,
                Some(1) => phase.once += 1,
                Some(_) => phase.more += 1,
            }
        }
        phase
    }
}

impl Reload {
    /// Denied until asked, permitted from the acknowledgement on, denied again from the next; and
    /// nobody else noticed.
    pub(super) fn holds(&self) -> bool {
        self.before.none_heard()
            && self.open.all_heard()
            && self.after.none_heard()
            && self.strays == 0
            && self
                .bystanders
                .iter()
                .all(|stream| stream.frames.all_heard())
    }
}

/// The numbers of the moved host's frames between which the reloads happened.
struct Marks {
    opening: u32,
    opened: u32,
    closing: u32,
    closed: u32,
    open_ms: u128,
    close_ms: u128,
}

/// Reloads twice under traffic and tells what every host heard meanwhile.
pub(super) fn run(world: &mut World) -> Result<Reload> {
    let (moved, target) = (cast::ATTACKER.plan(), cast::WEB_FAR.plan());
    world.story.chapter(
        "reload under traffic",
        &format!(
            "{} sends to {} all the time; policy changes under it",
            moved.port(),
            target.port()
        ),
    );
    let ears = world.ears()?;
    let before = world.counts()?;
    let stream = |world: &World, from, to| Stream::start(world.run, world.host(from)?, to);
    let main = stream(world, cast::ATTACKER, cast::WEB_FAR)?;
    let others = [
        stream(world, cast::DB_NEAR, cast::DB_FAR)?,
        stream(world, cast::FAR_ISOLATED, cast::GATEWAY)?,
    ];
    let marks = reload_twice(world, &main, &before)?;
    let total = main.stop()?;
    let mut sent = Sent::from([(moved.port(), u64::from(total))]);
    let mut streams = Vec::new();
    for stream in others {
        let (from, to) = (stream.from, stream.to);
        let count = stream.stop()?;
        sent.insert(from.plan().port(), u64::from(count));
        streams.push((from, to, count));
    }
    world.rest(&before, &sent)?;
    let heard = ears.take_tags(world.run)?;
    let reload = judge(&marks, total, &streams, &heard);
    tell(world, &reload);
    Ok(reload)
}

fn reload_twice(world: &mut World, main: &Stream, before: &Counts) -> Result<Marks> {
    let opening = settled(world, main, before)?;
    let open_ms = load(world, Moved::Web)?;
    let opened = main.next();
    let closing = settled(world, main, before)?;
    let close_ms = load(world, Moved::Home)?;
    let closed = main.next();
    settled(world, main, before)?;
    Ok(Marks {
        opening,
        opened,
        closing,
        closed,
        open_ms,
        close_ms,
    })
}

/// Lets a phase's worth of frames pass; returns a number below which every frame has been judged
/// by its own node and, if it went into the tunnel, by the other one.
fn settled(world: &mut World, main: &Stream, before: &Counts) -> Result<u32> {
    let goal = main.next() + PHASE;
    let World {
        story,
        interrupt,
        nodes,
        ..
    } = world;
    let (port, near, far) = (
        main.from.plan().port(),
        main.from.plan().node,
        main.to.plan().node,
    );
    wait::until(story, interrupt, "traffic flows", LIMIT, || {
        let mark = main.next();
        if mark < goal {
            return Ok(None);
        }
        // The near node is read first: what it had sent by then must have reached the far one.
        let now = Counts::read(nodes)?;
        let frames = |counts: &Counts| counts.port(&port).map_or(0, |port| port.frames_in);
        let taken = frames(&now) >= frames(before) + u64::from(mark);
        Ok((taken && now.arrived(near, far)).then_some(mark))
    })
}

fn load(world: &mut World, moved: Moved) -> Result<u128> {
    let text = world.site(moved);
    let start = Instant::now();
    for node in &mut world.nodes {
        let name = node.plan().name;
        node.load(&text)
            .with_context(|| format!("{name} did not load the new site file"))?;
    }
    Ok(start.elapsed().as_millis())
}

fn judge(
    marks: &Marks,
    total: u32,
    streams: &[(HostId, HostId, u32)],
    heard: &[(HostId, Tag)],
) -> Reload {
    let main = numbers(heard, cast::ATTACKER, cast::WEB_FAR);
    let bystander = |&(from, to, count): &(HostId, HostId, u32)| Bystander {
        from: from.plan().port(),
        to: to.plan().port(),
        frames: Phase::of(0..count, &numbers(heard, from, to)),
    };
    let stray =
        |(host, tag): &&(HostId, Tag)| tag.kind == Kind::Stream && tag.target != Some(*host);
    Reload {
        moved: cast::ATTACKER.plan().port(),
        towards: cast::WEB_FAR.plan().port(),
        open_ms: marks.open_ms,
        close_ms: marks.close_ms,
        before: Phase::of(0..marks.opening, &main),
        open: Phase::of(marks.opened..marks.closing, &main),
        after: Phase::of(marks.closed..total, &main),
        bystanders: streams.iter().map(bystander).collect(),
        strays: heard.iter().filter(stray).count(),
    }
}

/// How often each number of a stream was heard at its target.
fn numbers(heard: &[(HostId, Tag)], from: HostId, to: HostId) -> HashMap<u32, u32> {
    let mut counts = HashMap::new();
    for (host, tag) in heard {
        if *host == to && tag.source == from && tag.kind == Kind::Stream {
            *counts.entry(tag.sequence).or_default() += 1;
        }
    }
    counts
}

fn tell(world: &mut World, reload: &Reload) {
    let Reload {
        before,
        open,
        after,
        ..
    } = reload;
    let story = &mut world.story;
    story.verdict(
        before.none_heard(),
        format!(
            "isolated     {} frames sent, {} arrived",
            before.sent,
            before.sent - before.never
        ),
    );
    story.verdict(
        open.all_heard(),
        format!(
            "moved to web in {} ms; {} frames sent after the acknowledgement, {} arrived, {} twice",
            reload.open_ms,
            open.sent,
            open.once + open.more,
            open.more
        ),
    );
    story.verdict(
        after.none_heard(),
        format!(
            "moved back in {} ms; {} frames sent after the acknowledgement, {} arrived",
            reload.close_ms,
            after.sent,
            after.sent - after.never
        ),
    );
    for stream in &reload.bystanders {
        let Phase {
            sent, never, more, ..
        } = stream.frames;
        let (from, to) = (&stream.from, &stream.to);
        story.verdict(
            stream.frames.all_heard(),
            format!("bystander {from} to {to}: {sent} frames, {never} lost, {more} duplicated"),
        );
    }
    if reload.strays > 0 {
        story.verdict(
            false,
            format!("{} frames were heard by others", reload.strays),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: Marks = Marks {
        opening: 10,
        opened: 12,
        closing: 20,
        closed: 22,
        open_ms: 1,
        close_ms: 1,
    };

    fn heard(host: HostId, sequence: u32) -> (HostId, Tag) {
        let tag = Tag {
            run: 1,
            source: cast::ATTACKER,
            target: Some(cast::WEB_FAR),
            kind: Kind::Stream,
            sequence,
        };
        (host, tag)
    }

    fn judged(heard: &[(HostId, Tag)]) -> Reload {
        judge(&MARKS, 30, &[], heard)
    }

    #[test]
    fn between_request_and_acknowledgement_either_is_right() {
        let exactly: Vec<_> = (12..20).map(|n| heard(cast::WEB_FAR, n)).collect();
        assert!(judged(&exactly).holds(), "{:?}", judged(&exactly));
        let early_and_late: Vec<_> = (10..22).map(|n| heard(cast::WEB_FAR, n)).collect();
        assert!(
            judged(&early_and_late).holds(),
            "{:?}",
            judged(&early_and_late)
        );
    }

    #[test]
    fn outside_it_one_frame_is_enough_to_fail() {
        let good: Vec<_> = (12..20).map(|n| heard(cast::WEB_FAR, n)).collect();
        for (what, extra) in [
            ("before the request", heard(cast::WEB_FAR, 9)),
            ("after the second acknowledgement", heard(cast::WEB_FAR, 22)),
            ("twice", heard(cast::WEB_FAR, 15)),
            ("at somebody else", heard(cast::GATEWAY, 15)),
        ] {
            let mut heard = good.clone();
            heard.push(extra);
            assert!(!judged(&heard).holds(), "{what}");
        }
        assert!(!judged(&good[1..]).holds(), "one lost");
    }

    #[test]
    fn a_bystander_that_loses_one_frame_fails() {
        let good: Vec<_> = (12..20).map(|n| heard(cast::WEB_FAR, n)).collect();
        let streams = [(cast::DB_NEAR, cast::DB_FAR, 1)];
        assert!(!judge(&MARKS, 30, &streams, &good).holds());
    }
}
