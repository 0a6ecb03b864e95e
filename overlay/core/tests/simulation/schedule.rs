//! What a seed does to its fabric, and when.

use std::time::Duration;

use skerry_overlay::Time;

use crate::network::Path;
use crate::rng::Rng;
use crate::site::Wish;

/// What kind of run a seed is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Everybody is honest; the network and the operators are not kind.
    Faults,
    /// The same, with guests that send whatever comes to their mind.
    HostileHosts,
    /// One node is in the hands of an attacker from some moment on.
    HostileNode,
    /// Paths are gone for longer than sessions and tunnels live.
    Long,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// One direction of a path becomes as bad as that.
    Degrade(usize, usize, Path),
    /// Nothing passes in this direction.
    Part(usize, usize),
    /// Nothing passes to and from this node.
    Cut(usize),
    /// All paths are good again.
    Heal,
    /// The node's process dies.
    Kill(usize),
    /// It starts again, with the last policy it had accepted.
    Start(usize),
    /// One node accepts another version of the policy.
    Reload(usize, usize),
    /// The device of a port goes down or up.
    Link(usize, bool),
    /// The queue of a port is full, or not any more.
    Stuck(usize, bool),
    /// Recorded datagrams arrive once more, some from elsewhere.
    Replay(usize),
    /// A host talks to another, by its stack.
    Talk(usize, usize),
    /// An attacker takes over a node, and its hosts are gone.
    Capture(usize),
}

/// A seed's run.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    pub(crate) wish: Wish,
    /// How long faults may happen.
    pub(crate) chaos: Duration,
    /// Mean time between two frames that a host makes.
    pub(crate) chat: Duration,
    pub(crate) hostile_node: Option<usize>,
    /// Beside an attacker nothing restarts, reloads or goes down: whoever was heard once is heard
    /// on, and must not lose a frame to it.
    pub(crate) quiet: bool,
}

/// By then every address is known everywhere, and nothing has gone wrong yet: so late an attacker
/// begins.
const CALM: Duration = Duration::from_millis(2_500);

impl Plan {
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let kind = match rng.within(0..100) {
            0..45 => Kind::Faults,
            45..65 => Kind::HostileHosts,
            65..92 => Kind::HostileNode,
            _ => Kind::Long,
        };
        let nodes = match rng.within(0..100) {
            _ if kind == Kind::Long => 3,
            0..60 => 3 + rng.below(2),
            60..90 => 5 + rng.below(3),
            90..97 => 8 + rng.below(4),
            _ => 12 + rng.below(5),
        };
        let seconds = match kind {
            Kind::Faults | Kind::HostileHosts | Kind::HostileNode => rng.within(4..12),
            Kind::Long if rng.chance(300) => rng.within(560..640),
            Kind::Long => rng.within(100..260),
        };
        let chat = if kind == Kind::Long { 3_000 } else { 150 };
        let hostile_node = (kind == Kind::HostileNode).then(|| rng.below(nodes));
        let attacked = matches!(kind, Kind::HostileHosts | Kind::HostileNode);
        let quiet = attacked && rng.chance(600);
        Self {
            kind,
            wish: Wish {
                nodes,
                ports_max: if nodes > 6 { 2 } else { 4 },
                versions: if !quiet && rng.chance(600) {
                    2 + rng.below(3)
                } else {
                    1
                },
                guarded: kind != Kind::Faults && kind != Kind::Long,
                hosts_only: hostile_node,
            },
            chaos: Duration::from_secs(seconds),
            chat: Duration::from_millis(chat),
            hostile_node,
            quiet,
        }
    }

    /// Somebody here is hostile.
    pub(crate) const fn is_attacked(&self) -> bool {
        matches!(self.kind, Kind::HostileHosts | Kind::HostileNode)
    }

    /// How long nothing happens but what hosts say.
    pub(crate) const fn calm(&self) -> Duration {
        if self.is_attacked() {
            CALM
        } else {
            Duration::ZERO
        }
    }

    /// Every fault of the run, in order of time.
    pub(crate) fn faults(&self, rng: &mut Rng, ports: usize) -> Vec<(Time, Fault)> {
        let mut faults = Vec::new();
        match self.kind {
            Kind::Long => self.long_faults(rng, &mut faults),
            Kind::Faults | Kind::HostileHosts | Kind::HostileNode => {
                for _ in 0..3 + rng.below(18) {
                    self.draw_fault(rng, ports, &mut faults);
                }
            }
        }
        if self.quiet {
            faults.retain(|(_, fault)| {
                !matches!(
                    fault,
                    Fault::Kill(_) | Fault::Start(_) | Fault::Reload(..) | Fault::Link(..)
                )
            });
        }
        if let Some(node) = self.hostile_node {
            faults.push((Time(0) + CALM, Fault::Capture(node)));
        }
        faults.sort_by_key(|it| it.0);
        faults
    }

    fn moment(&self, rng: &mut Rng) -> Time {
        let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap();
        Time(rng.within(nanos(self.calm())..nanos(self.chaos)))
    }

    fn draw_fault(&self, rng: &mut Rng, ports: usize, faults: &mut Vec<(Time, Fault)>) {
        let nodes = self.wish.nodes;
        let (at, from) = (self.moment(rng), rng.below(nodes));
        let to = (from + 1 + rng.below(nodes - 1)) % nodes;
        let until = at + Duration::from_millis(rng.within(50..4_000));
        let port = rng.below(ports);
        match rng.within(0..100) {
            0..30 => faults.push((at, Fault::Degrade(from, to, Path::draw(rng)))),
            30..40 => faults.push((at, Fault::Part(from, to))),
            40..48 => {
                faults.push((at, Fault::Part(from, to)));
                faults.push((at, Fault::Part(to, from)));
            }
            48..52 => faults.push((at, Fault::Cut(from))),
            52..57 => faults.push((at, Fault::Heal)),
            57..67 => {
                faults.push((at, Fault::Kill(from)));
                faults.push((until, Fault::Start(from)));
            }
            67..80 => {
                let version = rng.below(self.wish.versions);
                for node in 0..nodes {
                    let late = Duration::from_micros(rng.within(0..1_500_000));
                    if rng.chance(900) {
                        faults.push((at + late, Fault::Reload(node, version)));
                    }
                }
            }
            80..85 => {
                faults.push((at, Fault::Link(port, false)));
                faults.push((until, Fault::Link(port, true)));
            }
            85..88 => {
                faults.push((at, Fault::Stuck(port, true)));
                faults.push((until, Fault::Stuck(port, false)));
            }
            88..93 => faults.push((at, Fault::Replay(1 + rng.below(60)))),
            _ => faults.push((at, Fault::Talk(port, rng.below(ports)))),
        }
    }

    /// One parting that lasts nearly the whole run.
    fn long_faults(&self, rng: &mut Rng, faults: &mut Vec<(Time, Fault)>) {
        let nodes = self.wish.nodes;
        let from = rng.below(nodes);
        let to = (from + 1 + rng.below(nodes - 1)) % nodes;
        let at = Time(rng.within(0..8_000_000_000));
        match rng.within(0..4) {
            0 => faults.push((at, Fault::Part(from, to))),
            1 => faults.push((at, Fault::Cut(from))),
            2 => {
                faults.push((at, Fault::Kill(from)));
                let back = at + self.chaos / 2;
                faults.push((back, Fault::Start(from)));
            }
            _ => {
                faults.push((at, Fault::Part(from, to)));
                faults.push((at, Fault::Part(to, from)));
            }
        }
    }
}
