//! The names that pages may use: what each is, and where it is read from.

use crate::facts::{Agent, Facts};
use crate::label::Label;

/// What a field is, which says how it can be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Letters.
    Text,
    /// How many.
    Count,
    /// Bits a second.
    Rate,
    /// Microseconds.
    Time,
    /// From 0 to 1.
    Ratio,
}

impl Kind {
    /// What may be written behind the width, and what it divides by.
    #[must_use]
    pub const fn units(self) -> &'static [(&'static str, f64)] {
        match self {
            Self::Text | Self::Count => &[],
            Self::Rate => &[("kb/s", 1e3), ("Mb/s", 1e6), ("Gb/s", 1e9)],
            Self::Time => &[("us", 1.0), ("ms", 1e3), ("s", 1e6), ("span", 1e6)],
            Self::Ratio => &[("%", 0.01)],
        }
    }
}

/// What is in a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Letters and signs.
    Text(String),
    /// A number; NaN where there is none.
    Number(f64),
}

/// A field of the facts as a whole.
#[derive(Debug)]
pub struct Scalar {
    /// What pages call it.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it means, for people.
    pub meaning: &'static str,
    pub(crate) read: fn(&Facts) -> Value,
}

/// A list of the facts.
#[derive(Debug)]
pub struct List {
    /// What pages call it.
    pub name: &'static str,
    /// What its entries have.
    pub columns: &'static [Column],
    pub(crate) len: fn(&Facts) -> usize,
    /// What an entry is known by when the list changes.
    pub(crate) key: fn(&Facts, usize) -> Option<Label>,
}

/// A field of the entries of a list.
#[derive(Debug)]
pub struct Column {
    /// What pages call it.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it means, for people.
    pub meaning: &'static str,
    /// None where the list has no such entry.
    pub(crate) read: fn(&Facts, usize) -> Option<Value>,
}

impl List {
    /// The column with that name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|it| it.name == name)
    }
}

/// Every field of the facts as a whole.
pub static SCALARS: &[Scalar] = &[
    scalar("node", Kind::Text, "the node", |it| text(&it.node)),
    scalar("generation", Kind::Count, "of its policy", |it| {
        whole(it.generation)
    }),
    scalar("uptime", Kind::Time, "since it started", |it| {
        seconds(it.uptime_s)
    }),
    scalar("ports", Kind::Count, "ports of the node", |it| {
        count(it.ports.len())
    }),
    scalar("ports_up", Kind::Count, "of them up", |it| {
        count(it.ports.iter().filter(|it| it.is_up).count())
    }),
    scalar("peers", Kind::Count, "other nodes", |it| {
        count(it.peers.len())
    }),
    scalar("peers_up", Kind::Count, "of them in agreement", |it| {
        count(it.peers.iter().filter(|it| it.is_up).count())
    }),
    scalar("rate_in", Kind::Rate, "from all guests", |it| {
        Value::Number(it.ports.iter().map(|it| it.rate_in).sum())
    }),
    scalar("rate_out", Kind::Rate, "to all guests", |it| {
        Value::Number(it.ports.iter().map(|it| it.rate_out).sum())
    }),
    scalar("rate", Kind::Rate, "both of them", |it| {
        Value::Number(it.ports.iter().map(|it| it.rate_in + it.rate_out).sum())
    }),
    scalar("drops", Kind::Count, "dropped frames a second", |it| {
        Value::Number(it.ports.iter().map(|it| it.drops).sum())
    }),
    scalar("violations", Kind::Count, "forbidden things tried", |it| {
        let counts = it.violations.iter().map(|it| it.count);
        whole(counts.fold(0, u64::saturating_add))
    }),
    scalar("alerts", Kind::Count, "open alerts", |it| {
        count(it.alerts.len())
    }),
    scalar("p50", Kind::Time, "median round trip", |it| {
        optional(it.latency_us.map(|it| it.0))
    }),
    scalar("p99", Kind::Time, "round trip of 99 in 100", |it| {
        optional(it.latency_us.map(|it| it.1))
    }),
    scalar("agent", Kind::Text, "what the agent does", |it| {
        let state = match &it.agent {
            None => "NONE",
            Some(Agent {
                is_paused: true, ..
            }) => "PAUSED",
            Some(_) => "RUNNING",
        };
        Value::Text(state.to_owned())
    }),
    scalar("reward", Kind::Count, "of the last decision", |it| {
        optional(it.agent.as_ref().map(|it| it.reward))
    }),
    scalar("energy", Kind::Ratio, "of the most", |it| {
        optional(it.agent.as_ref().map(|it| it.energy))
    }),
    scalar("observability", Kind::Ratio, "of the fabric", |it| {
        optional(it.agent.as_ref().map(|it| it.observability))
    }),
];

/// Every list.
pub static LISTS: &[List] = &[
    List {
        name: "ports",
        len: |facts| facts.ports.len(),
        key: |facts, at| facts.ports.get(at).map(|it| it.name.clone()),
        columns: &[
            column("name", Kind::Text, "its name", |facts, at| {
                facts.ports.get(at).map(|it| text(&it.name))
            }),
            column("kind", Kind::Text, "P, I, C or T", |facts, at| {
                facts.ports.get(at).map(|it| text(&it.kind))
            }),
            column("state", Kind::Text, "✓ up, ✗ down", |facts, at| {
                facts.ports.get(at).map(|it| mark(it.is_up))
            }),
            column("rate_in", Kind::Rate, "from its guest", |facts, at| {
                facts.ports.get(at).map(|it| Value::Number(it.rate_in))
            }),
            column("rate_out", Kind::Rate, "to its guest", |facts, at| {
                facts.ports.get(at).map(|it| Value::Number(it.rate_out))
            }),
            column("rate", Kind::Rate, "both of them", |facts, at| {
                let port = facts.ports.get(at)?;
                Some(Value::Number(port.rate_in + port.rate_out))
            }),
            column(
                "drops",
                Kind::Count,
                "dropped frames a second",
                |facts, at| facts.ports.get(at).map(|it| Value::Number(it.drops)),
            ),
        ],
    },
    List {
        name: "peers",
        len: |facts| facts.peers.len(),
        key: |facts, at| facts.peers.get(at).map(|it| it.name.clone()),
        columns: &[
            column("name", Kind::Text, "its name", |facts, at| {
                facts.peers.get(at).map(|it| text(&it.name))
            }),
            column(
                "state",
                Kind::Text,
                "✓ in agreement, ✗ not",
                |facts, at| facts.peers.get(at).map(|it| mark(it.is_up)),
            ),
            column("rtt", Kind::Time, "round trip", |facts, at| {
                facts.peers.get(at).map(|it| optional(it.rtt_us))
            }),
        ],
    },
    List {
        name: "pvlans",
        len: |facts| facts.pvlans.len(),
        key: |facts, at| facts.pvlans.get(at).map(|it| it.name.clone()),
        columns: &[
            column("name", Kind::Text, "its name", |facts, at| {
                facts.pvlans.get(at).map(|it| text(&it.name))
            }),
            column("rate", Kind::Rate, "of its ports here", |facts, at| {
                facts.pvlans.get(at).map(|it| Value::Number(it.rate))
            }),
            column("ports", Kind::Count, "its ports here", |facts, at| {
                facts.pvlans.get(at).map(|it| whole(it.ports))
            }),
        ],
    },
    List {
        name: "alerts",
        len: |facts| facts.alerts.len(),
        key: |facts, at| facts.alerts.get(at).map(|it| it.id.to_string().into()),
        columns: &[
            column("id", Kind::Count, "its number", |facts, at| {
                facts.alerts.get(at).map(|it| whole(it.id))
            }),
            column("text", Kind::Text, "what it is about", |facts, at| {
                facts.alerts.get(at).map(|it| text(&it.text))
            }),
            column("age", Kind::Time, "since when", |facts, at| {
                facts.alerts.get(at).map(|it| seconds(it.age_s))
            }),
        ],
    },
    List {
        name: "violations",
        len: |facts| facts.violations.len(),
        key: |facts, at| {
            let it = facts.violations.get(at)?;
            Some(format!("{} {}", it.port, it.reason).into())
        },
        columns: &[
            column("port", Kind::Text, "at which port", |facts, at| {
                facts.violations.get(at).map(|it| text(&it.port))
            }),
            column("reason", Kind::Text, "what it broke", |facts, at| {
                facts.violations.get(at).map(|it| text(&it.reason))
            }),
            column("count", Kind::Count, "how often", |facts, at| {
                facts.violations.get(at).map(|it| whole(it.count))
            }),
        ],
    },
    List {
        name: "decisions",
        len: |facts| facts.agent.as_ref().map_or(0, |it| it.decisions.len()),
        key: |facts, at| {
            let decision = facts.agent.as_ref()?.decisions.get(at)?;
            Some(decision.id.to_string().into())
        },
        columns: &[
            column("id", Kind::Count, "its number", |facts, at| {
                let agent = facts.agent.as_ref()?;
                agent.decisions.get(at).map(|it| whole(it.id))
            }),
            column("text", Kind::Text, "what it wants", |facts, at| {
                let agent = facts.agent.as_ref()?;
                agent.decisions.get(at).map(|it| text(&it.text))
            }),
            column("state", Kind::Text, "what became of it", |facts, at| {
                let agent = facts.agent.as_ref()?;
                agent.decisions.get(at).map(|it| text(&it.state))
            }),
        ],
    },
];

const fn scalar(
    name: &'static str,
    kind: Kind,
    meaning: &'static str,
    read: fn(&Facts) -> Value,
) -> Scalar {
    Scalar {
        name,
        kind,
        meaning,
        read,
    }
}

const fn column(
    name: &'static str,
    kind: Kind,
    meaning: &'static str,
    read: fn(&Facts, usize) -> Option<Value>,
) -> Column {
    Column {
        name,
        kind,
        meaning,
        read,
    }
}

fn text(label: &Label) -> Value {
    Value::Text(label.as_str().to_owned())
}

fn mark(is_good: bool) -> Value {
    Value::Text(if is_good { "✓" } else { "✗" }.to_owned())
}

fn optional(value: Option<f64>) -> Value {
    Value::Number(value.unwrap_or(f64::NAN))
}

#[expect(clippy::cast_precision_loss, reason = "shown with a few digits")]
const fn whole(value: u64) -> Value {
    Value::Number(value as f64)
}

fn count(value: usize) -> Value {
    whole(u64::try_from(value).unwrap_or(u64::MAX))
}

fn seconds(value: u64) -> Value {
    whole(value.saturating_mul(1_000_000))
}
