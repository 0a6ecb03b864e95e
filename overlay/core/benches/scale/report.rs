//! The tables for people and the file for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::curves::{CURVES, Point};
use crate::layout::{Dimension, Way};
use crate::memory::Share;
use crate::timers::Pause;

/// All that was measured.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) points: Vec<Point>,
    pub(crate) shares: Vec<Share>,
    pub(crate) pauses: Vec<Pause>,
    /// Nanoseconds of every frame that are the measurement's.
    pub(crate) overhead: f64,
    pub(crate) machine: String,
    pub(crate) load: [String; 2],
    pub(crate) rounds: u32,
    pub(crate) frames: u64,
}

/// How a curve is called.
pub(crate) const fn title(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Ports => "ports",
        Dimension::Macs => "MAC addresses",
        Dimension::Peers => "peers",
        Dimension::Flows => "UDP flows",
        Dimension::TcpFlows => "TCP flows",
        Dimension::Clients => "hosts behind one peer",
    }
}

pub(crate) const fn way_title(way: Way) -> &'static str {
    match way {
        Way::Here => "from port to port",
        Way::Out => "from a port into a tunnel",
        Way::In => "out of a tunnel to a port",
    }
}

impl Report {
    /// The points of one curve, in order.
    pub(crate) fn curve(&self, dimension: Dimension, way: Way) -> Vec<&Point> {
        let of = |it: &&Point| it.layout.dimension == dimension && it.layout.way == way;
        self.points.iter().filter(of).collect()
    }

    pub(crate) fn markdown(&self) -> String {
        let mut out = String::from("CPU time of a frame of 64 bytes, ns, median (min-max):\n\n");
        for way in [Way::Here, Way::Out, Way::In] {
            self.way(&mut out, way);
        }
        out.push_str("| bytes of a | in the policy | in a worker |\n|---|---|---|\n");
        for Share {
            what,
            policy,
            worker,
        } in &self.shares
        {
            writeln!(out, "| {what} | {policy:.0} | {worker:.0} |").unwrap();
        }
        out.push_str("\n| beside the frames | how many | ms |\n|---|---|---|\n");
        for Pause { what, count, took } in &self.pauses {
            let took = took.as_secs_f64() * 1e3;
            writeln!(out, "| {what} | {} | {took:.3} |", thousands(*count)).unwrap();
        }
        writeln!(
            out,
            "\n{} rounds of {} frames a point, after half as many to warm up. {}. Load average {} \
             before and {} after. Making a frame takes {:.1} ns of each figure but those out of a \
             tunnel.",
            self.rounds, self.frames, self.machine, self.load[0], self.load[1], self.overhead
        )
        .unwrap();
        out
    }

    fn way(&self, out: &mut String, way: Way) {
        let curves = CURVES.iter().filter(|curve| curve.1 == way);
        for (dimension, ..) in curves {
            let points = self.curve(*dimension, way);
            if points.is_empty() {
                continue;
            }
            let (mut head, mut line, mut rule) = (String::new(), String::new(), String::new());
            for point in points {
                write!(head, " {} |", thousands(point.layout.count)).unwrap();
                let (median, min, max) = (point.median(), point.min(), point.max());
                write!(line, " {median:.0} ({min:.0}-{max:.0}) |").unwrap();
                rule.push_str("---|");
            }
            let (title, way) = (title(*dimension), way_title(way));
            writeln!(out, "| {way}; {title} |{head}\n|---|{rule}\n| ns |{line}\n").unwrap();
        }
    }

    pub(crate) fn json(&self) -> Value {
        let point = |it: &Point| {
            json!({
                "name": it.layout.name(),
                "of": title(it.layout.dimension),
                "way": way_title(it.layout.way),
                "count": it.layout.count,
                "ns_per_frame": it.samples,
                "median": it.median(),
            })
        };
        let share = |it: &Share| {
            json!({
                "of": it.what,
                "policy_bytes": it.policy,
                "worker_bytes": it.worker,
            })
        };
        let pause = |it: &Pause| {
            json!({
                "of": it.what,
                "count": it.count,
                "ns": u64::try_from(it.took.as_nanos()).unwrap(),
            })
        };
        json!({
            "machine": self.machine,
            "load": self.load,
            "rounds": self.rounds,
            "frames": self.frames,
            "overhead_ns": self.overhead,
            "points": self.points.iter().map(point).collect::<Vec<_>>(),
            "memory": self.shares.iter().map(share).collect::<Vec<_>>(),
            "pauses": self.pauses.iter().map(pause).collect::<Vec<_>>(),
        })
    }
}

/// 65,536 for 65536.
pub(crate) fn thousands(count: u32) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
