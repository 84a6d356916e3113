//! What a watch of the bindings sees: who is Ready, who has arrived, and when each metric was measured.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bindery::api::{DeploymentBinding, DeploymentBindingStatus, Phase};
use e2e::stand::Stand;
use futures::StreamExt;
use jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use tokio::task::JoinSet;

use super::manifests::{INTERVAL, STEP};
use super::spread::seconds;

/// A metric at a step.
type Run = (String, String);

/// What was seen of one binding.
#[derive(Debug, Clone, Default)]
struct Seen {
    ready: bool,
    /// The rollout stands at the step that waits for measurements, and has some.
    standing: bool,
    revision: String,
    /// When version 2 was first seen to be the stable one.
    arrived: Option<Timestamp>,
    /// When each metric began to be measured, and when it was.
    measured: BTreeMap<Run, (Timestamp, BTreeSet<Timestamp>)>,
    status_writes: u32,
    last: DeploymentBindingStatus,
}

/// Watches the bindings of a stand.
pub(super) struct Watched {
    seen: Arc<Mutex<BTreeMap<String, Seen>>>,
    // Dropped with this, and the watch ends.
    _watch: JoinSet<()>,
}

impl Watched {
    pub(super) fn of(stand: &Stand) -> Self {
        let seen: Arc<Mutex<BTreeMap<String, Seen>>> = Arc::default();
        let (api, all) = (stand.api::<DeploymentBinding>(), seen.clone());
        let mut watch = JoinSet::new();
        watch.spawn(async move {
            let mut events = watcher(api, watcher::Config::default()).default_backoff().boxed();
            while let Some(event) = events.next().await {
                // A watch that broke begins again by itself.
                if let Ok(Event::Apply(binding) | Event::InitApply(binding)) = event {
                    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                    all.entry(binding.name_any()).or_default().take_in(binding);
                }
            }
        });
        Self { seen, _watch: watch }
    }

    fn seen(&self) -> MutexGuard<'_, BTreeMap<String, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts status writes from now on.
    pub(super) fn begin(&self) {
        self.seen().values_mut().for_each(|it| it.status_writes = 0);
    }

    /// How many are Ready.
    pub(super) fn ready(&self) -> usize {
        self.seen().values().filter(|it| it.ready).count()
    }

    /// Does this rollout stand at the step that waits for its measurements?
    pub(super) fn stands(&self, endpoint: &str) -> bool {
        self.seen().get(endpoint).is_some_and(|it| it.standing)
    }

    /// The revision that it rolls out.
    pub(super) fn revision(&self, endpoint: &str) -> String {
        self.seen().get(endpoint).map(|it| it.revision.clone()).unwrap_or_default()
    }

    /// When version 2 was seen to be the stable one.
    pub(super) fn arrived(&self, endpoint: &str) -> Option<Timestamp> {
        self.seen().get(endpoint)?.arrived
    }

    /// How many measurements there were.
    pub(super) fn measurements(&self) -> f64 {
        let runs = |it: &Seen| it.measured.values().map(|(_, at)| at.len()).sum::<usize>();
        let all: usize = self.seen().values().map(runs).sum();
        f64::from(u32::try_from(all).unwrap_or(u32::MAX))
    }

    /// How often the status of a binding was written.
    pub(super) fn status_writes(&self) -> f64 {
        self.seen().values().map(|it| f64::from(it.status_writes)).sum()
    }

    /// By how many intervals each measurement came later than it was due: the first one of a run when the run begins, and each
    /// further one an interval after the last.
    pub(super) fn lateness(&self) -> Vec<f64> {
        self.seen().values().flat_map(|it| it.measured.values().flat_map(late)).collect()
    }
}

fn late((begun, measured): &(Timestamp, BTreeSet<Timestamp>)) -> Vec<f64> {
    let interval = INTERVAL.as_secs_f64();
    let first = measured.first().map(|first| seconds(*begun, *first) / interval);
    let gaps = measured.iter().zip(measured.iter().skip(1));
    first.into_iter().chain(gaps.map(|(one, next)| seconds(*one, *next) / interval - 1.0)).collect()
}

impl Seen {
    fn take_in(&mut self, binding: DeploymentBinding) {
        let generation = binding.metadata.generation;
        let status = binding.status.unwrap_or_default();
        let ready = |it: &DeploymentBindingStatus| {
            it.conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True")
        };
        self.ready = ready(&status) && Some(status.observed_generation) == generation;
        let stable = status.stable.as_ref().and_then(|it| it.version.as_deref());
        if self.arrived.is_none() && stable == Some("2") {
            self.arrived = Some(Timestamp::now());
        }
        if let Some(candidate) = &status.candidate {
            self.revision.clone_from(&candidate.revision);
            for run in &candidate.metrics {
                let known = self.measured.entry((run.step.clone(), run.metric.clone()));
                known.or_insert_with(|| (run.since, BTreeSet::new()));
            }
            for it in &candidate.measurements {
                if let Some((_, at)) = self.measured.get_mut(&(it.step.clone(), it.metric.clone())) {
                    at.insert(it.at);
                }
            }
        }
        let measured = |it: &Run| it.0 == STEP && self.measured.get(it).is_some_and(|(_, at)| !at.is_empty());
        self.standing = status.phase == Some(Phase::Analyzing) && self.measured.keys().any(measured);
        self.status_writes += u32::from(status != self.last);
        self.last = status;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(second: u32) -> Timestamp {
        format!("2026-01-01T00:00:{second:02}Z").parse().expect("a time")
    }

    fn binding(version: &str, measured: &[u32]) -> DeploymentBinding {
        let measurement = |second: &u32| json!({"step": STEP, "metric": "errors", "at": at(*second), "result": "Successful", "message": "0.1."});
        let run = json!({"step": STEP, "metric": "errors", "phase": "Running", "since": at(0), "successful": 1, "failed": 0,
            "inconclusive": 0, "consecutiveErrors": 0});
        let candidate = json!({"deployment": "v2-x", "revision": "x", "weight": 20, "startedAt": at(0), "since": at(0),
            "metrics": [run], "measurements": measured.iter().rev().map(measurement).collect::<Vec<_>>()});
        let stable = json!({"deployment": "v1-x", "version": version, "since": at(0)});
        let status = json!({"phase": "Analyzing", "stable": stable, "candidate": candidate});
        let mut binding = DeploymentBinding::new(
            "fares-1",
            serde_json::from_value(json!({
                "workspaceRef": {"name": "w"}, "model": {"versionRef": {"name": "m"}},
            }))
            .expect("a spec"),
        );
        binding.status = Some(serde_json::from_value(status).expect("a status"));
        binding
    }

    #[test]
    fn a_measurement_that_left_the_status_still_counts_and_is_late_against_the_one_before() {
        let mut seen = Seen::default();
        for (version, measured) in
            [("1", vec![]), ("1", vec![1, 11]), ("1", vec![11, 26]), ("1", vec![11, 26]), ("2", vec![26])]
        {
            seen.take_in(binding(version, &measured));
        }
        let run = (STEP.to_string(), "errors".to_string());
        let late: Vec<f64> = late(&seen.measured[&run]).iter().map(|it| (it * 10.0).round() / 10.0).collect();
        assert_eq!(late, [0.1, 0.0, 0.5]);
        assert_eq!((seen.standing, seen.arrived.is_some(), seen.status_writes), (true, true, 4));
    }
}
