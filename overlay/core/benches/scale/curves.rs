//! Every curve and its points, measured in turn.

use crate::layout::{Dimension, Layout, Way};
use crate::scene::Scene;

/// A curve: what there is more and more of, which way frames go, and how many there are.
type Curve = (Dimension, Way, &'static [u32]);

const PORTS: &[u32] = &[1, 4, 16, 64, 256, 1_024];
/// A port has nobody to talk to, and one address neither.
const PORTS_HERE: &[u32] = &[2, 4, 16, 64, 256, 1_024];
const MACS: &[u32] = &[2, 100, 1_000, 10_000, 65_536];
const PEERS: &[u32] = &[1, 4, 16, 64, 256];
const FLOWS: &[u32] = &[1, 1_000, 100_000, 1_000_000];
const CLIENTS: &[u32] = &[1, 16, 256, 1_024, 10_000];

pub(crate) const CURVES: [Curve; 13] = [
    (Dimension::Ports, Way::Here, PORTS_HERE),
    (Dimension::Macs, Way::Here, MACS),
    (Dimension::Flows, Way::Here, FLOWS),
    (Dimension::Ports, Way::Out, PORTS),
    (Dimension::Macs, Way::Out, MACS),
    (Dimension::Peers, Way::Out, PEERS),
    (Dimension::Flows, Way::Out, FLOWS),
    (Dimension::Ports, Way::In, PORTS),
    (Dimension::Macs, Way::In, MACS),
    (Dimension::Peers, Way::In, PEERS),
    (Dimension::Flows, Way::In, FLOWS),
    (Dimension::TcpFlows, Way::In, FLOWS),
    (Dimension::Clients, Way::In, CLIENTS),
];

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) rounds: u32,
    /// Frames of one measurement. Twice as many as the most addresses of one side: each has its
    /// turn.
    pub(crate) frames: u64,
    /// Larger points are left out.
    pub(crate) largest: u32,
}

/// What was measured at a point.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) layout: Layout,
    /// CPU nanoseconds a frame, in every round, sorted.
    pub(crate) samples: Vec<f64>,
}

impl Point {
    pub(crate) fn median(&self) -> f64 {
        self.samples[self.samples.len() / 2]
    }

    pub(crate) fn min(&self) -> f64 {
        self.samples[0]
    }

    pub(crate) fn max(&self) -> f64 {
        self.samples[self.samples.len() - 1]
    }
}

/// Measures every point once in every round, so that what disturbs one disturbs all.
pub(crate) fn measure(effort: Effort, only: &str, mut say: impl FnMut(&str)) -> Vec<Point> {
    let mut scenes = Vec::new();
    for (dimension, way, counts) in CURVES {
        let counts = counts.iter().filter(|count| **count <= effort.largest);
        let layouts = counts.map(|count| Layout::new(dimension, way, *count));
        let picked = layouts.filter(|layout| layout.name().contains(only));
        scenes.extend(picked.map(|layout| {
            let samples = Vec::new();
            (Scene::new(layout), Point { layout, samples })
        }));
    }
    for round in 1..=effort.rounds {
        say(&format!("round {round} of {}", effort.rounds));
        for (scene, point) in &mut scenes {
            // The caches of this one, after those of the one before.
            scene.carry(effort.frames / 2);
            let took = scene.carry(effort.frames);
            point
                .samples
                .push(took.as_nanos() as f64 / effort.frames as f64);
        }
    }
    let mut points: Vec<Point> = scenes.into_iter().map(|(_, point)| point).collect();
    for point in &mut points {
        point.samples.sort_by(f64::total_cmp);
    }
    points
}
