//! What the panel knows of the fabric: plain numbers and strings, taken all at once.
//!
//! Whoever fills them in may be wrong or hostile: every list is cut to [`LIST_MAX`], every string
//! is a [`Label`], and a number that is none (NaN) is shown as `-`.

use crate::label::Label;

/// How many entries of a list are kept.
pub const LIST_MAX: usize = 64;

/// Everything, at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The node that is shown.
    pub node: Label,
    /// These are made up, and the panel must say so.
    pub is_demo: bool,
    /// The generation of its policy.
    pub generation: u64,
    /// Seconds since it started.
    pub uptime_s: u64,
    /// Where guests attach.
    pub ports: Vec<Port>,
    /// The other nodes.
    pub peers: Vec<Peer>,
    /// The private VLANs.
    pub pvlans: Vec<Pvlan>,
    /// Round trips to the other nodes, in microseconds: the median, and what 99 of 100 stay under.
    pub latency_us: Option<(f64, f64)>,
    /// What somebody should look at, the most urgent first.
    pub alerts: Vec<Alert>,
    /// What was tried and is not allowed, the newest first.
    pub violations: Vec<Violation>,
    /// The agent, if there is one.
    pub agent: Option<Agent>,
}

/// A port.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Port {
    /// Its name.
    pub name: Label,
    /// `P`, `I`, `C` or `T`: promiscuous, isolated, community, trunk.
    pub kind: Label,
    /// Frames can pass.
    pub is_up: bool,
    /// From its guest, in bits a second.
    pub rate_in: f64,
    /// To its guest, in bits a second.
    pub rate_out: f64,
    /// Dropped frames a second.
    pub drops: f64,
}

/// Another node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Peer {
    /// Its name.
    pub name: Label,
    /// It answers and runs the same policy.
    pub is_up: bool,
    /// Round trip, in microseconds.
    pub rtt_us: Option<f64>,
}

/// A private VLAN.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pvlan {
    /// Its name.
    pub name: Label,
    /// Of all its ports here, both ways, in bits a second.
    pub rate: f64,
    /// How many of its ports are here.
    pub ports: u64,
}

/// Something that somebody should look at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alert {
    /// Tells it apart from any other, for as long as the panel runs. One that was acknowledged and
    /// comes back with its number within some minutes is in the list again, and nothing more.
    pub id: u64,
    /// What it is about, in a few words.
    pub text: Label,
    /// For how many seconds it has been so.
    pub age_s: u64,
}

/// Something that is not allowed, and was tried.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Violation {
    /// At which port.
    pub port: Label,
    /// What it broke.
    pub reason: Label,
    /// How often.
    pub count: u64,
}

/// The agent that tunes the fabric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Agent {
    /// It waits until somebody lets it go on.
    pub is_paused: bool,
    /// What its last decision was worth.
    pub reward: f64,
    /// The power that is used, from 0 to 1 of the most.
    pub energy: f64,
    /// How much of the fabric is watched, from 0 to 1.
    pub observability: f64,
    /// What it decided, the newest first.
    pub decisions: Vec<Decision>,
}

/// A decision of the agent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// Tells it apart from any other.
    pub id: u64,
    /// What it wants to do.
    pub text: Label,
    /// What became of it, in one word.
    pub state: Label,
}

impl Facts {
    /// With every list cut to [`LIST_MAX`].
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.ports.truncate(LIST_MAX);
        self.peers.truncate(LIST_MAX);
        self.pvlans.truncate(LIST_MAX);
        self.alerts.truncate(LIST_MAX);
        self.violations.truncate(LIST_MAX);
        if let Some(agent) = &mut self.agent {
            agent.decisions.truncate(LIST_MAX);
        }
        self
    }
}
