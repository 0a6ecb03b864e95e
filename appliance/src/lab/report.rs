//! Everything that the lab found, as one document: `skerry lab --once --json`.

use serde::Serialize;

use crate::lab::attack::Outcome;
use crate::lab::counts::Conservation;
use crate::lab::fabric::Fabric;
use crate::lab::latency::Latency;
use crate::lab::matrix::Reachability;
use crate::lab::reload::Reload;
use crate::lab::speed::Speed;

/// Fields are only ever added.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) schema: &'static str,
    /// Whether everything is as the policy says; the exit code says the same.
    pub(super) agree: bool,
    /// Which of the parts are not.
    pub(super) failed: Vec<&'static str>,
    pub(super) seconds: f64,
    pub(super) fabric: Fabric,
    pub(super) reachability: Reachability,
    pub(super) attacks: Vec<Outcome>,
    pub(super) reload: Reload,
    pub(super) latency: Vec<Latency>,
    pub(super) throughput: Speed,
    pub(super) conservation: Conservation,
}

impl Report {
    pub(super) const SCHEMA: &'static str = "skerry.lab/1";

    /// Judges the parts.
    pub(super) fn judge(mut self) -> Self {
        let parts = [
            ("reachability", self.reachability.holds()),
            ("attacks", self.attacks.iter().all(Outcome::held)),
            ("reload", self.reload.holds()),
            (
                "latency",
                self.latency.iter().all(|latency| latency.lost == 0),
            ),
            ("throughput", self.throughput.bytes > 0),
            ("conservation", self.conservation.holds()),
        ];
        self.failed = parts
            .into_iter()
            .filter(|(_, holds)| !holds)
            .map(|(name, _)| name)
            .collect();
        self.agree = self.failed.is_empty();
        self
    }
}
