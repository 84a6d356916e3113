//! How this process does: what is counted of its passes and of the objects, for Prometheus, and what the probes are told.
//!
//! The names of what every controller has are those of Go's controller-runtime, so that its dashboards and alerts work.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use kube::runtime::reflector::Store;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::live::Stores;
use super::pass::Ending;
use crate::api::{MeasurementResult, ObjectKey, ObjectKind, Outcome as Past};
use crate::decide::Kind;
use crate::decide::facts::Counted;

/// A pass that goes on for longer is stuck: each request has a time-out of its own, of half a minute at most.
const STUCK: Duration = Duration::from_secs(900);

/// As controller-runtime has them.
const PASS_SECONDS: [f64; 20] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0,
    30.0, 60.0,
];

/// How this process does.
pub struct Telemetry {
    passes: Family<Ended, Counter>,
    errors: Family<Controller, Counter>,
    seconds: Family<Controller, Histogram>,
    active: Family<Controller, Gauge>,
    most: Family<Controller, Gauge>,
    depth: Family<Queue, Gauge>,
    adds: Family<Queue, Counter>,
    retries: Family<Queue, Counter>,
    waited: Family<Queue, Histogram>,
    worked: Family<Queue, Histogram>,
    ready: Family<OfKind, Histogram>,
    drift: Family<Drifted, Counter>,
    rollouts: Family<Outcome, Counter>,
    measurements: Family<Measured, Counter>,
    leads: Gauge,
    stores: Arc<OnceLock<Stores>>,
    state: Mutex<State>,
}

/// What the probes are told.
#[derive(Debug, Default)]
struct State {
    /// The passes that go on, and since when.
    running: HashMap<Arc<ObjectKey>, Instant>,
    /// The watches, by what they watch.
    watches: BTreeMap<String, Watch>,
}

/// How a watch does.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Watch {
    /// It has not listed everything yet.
    Lists,
    Works,
    /// It fails, for this reason, and is tried again.
    Fails(String),
    /// Nobody tries it again.
    Ended,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Controller {
    controller: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    controller: String,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Queue {
    controller: String,
    name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Drifted {
    kind: String,
    field: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Measured {
    result: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct Standing {
    kind: String,
    condition: String,
    status: String,
    reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct InPhase {
    phase: String,
}

impl Default for Telemetry {
    fn default() -> Self {
        let pass = || Histogram::new(PASS_SECONDS);
        let queue = || Histogram::new(exponential_buckets(0.001, 4.0, 10));
        // A second to nine hours: a rollout takes its time.
        let ready = || Histogram::new(exponential_buckets(1.0, 2.0, 16));
        Self {
            passes: Family::default(),
            errors: Family::default(),
            seconds: Family::new_with_constructor(pass),
            active: Family::default(),
            most: Family::default(),
            depth: Family::default(),
            adds: Family::default(),
            retries: Family::default(),
            waited: Family::new_with_constructor(queue),
            worked: Family::new_with_constructor(queue),
            ready: Family::new_with_constructor(ready),
            drift: Family::default(),
            rollouts: Family::default(),
            measurements: Family::default(),
            leads: Gauge::default(),
            stores: Arc::default(),
            state: Mutex::default(),
        }
    }
}

fn controller(kind: ObjectKind) -> String {
    kind.to_string().to_lowercase()
}

impl Queue {
    fn of(kind: ObjectKind) -> Self {
        Self { controller: controller(kind), name: controller(kind) }
    }
}

impl Telemetry {
    /// What is known to be counted sooner or later begins at 0: a counter that appears with its first failure hides that from
    /// whoever looks at its increase.
    fn begin_at_zero(&self) {
        use MeasurementResult::{Error, Failed, Inconclusive, Successful};
        for kind in ObjectKind::ALL {
            let _ = self.errors.get_or_create(&Controller { controller: controller(kind) });
            let _ = self.retries.get_or_create(&Queue::of(kind));
            let _ = self.adds.get_or_create(&Queue::of(kind));
            for result in ["success", "requeue_after", "requeue", "error"] {
                let _ = self.passes.get_or_create(&Ended { controller: controller(kind), result });
            }
        }
        for outcome in [Past::Promoted, Past::Failed, Past::Superseded, Past::RolledBack] {
            let _ = self.rollouts.get_or_create(&Outcome { outcome: format!("{outcome:?}") });
        }
        for result in [Successful, Failed, Inconclusive, Error] {
            let _ = self.measurements.get_or_create(&Measured { result: format!("{result:?}") });
        }
    }

    /// Has this registry tell it.
    pub fn register(&self, registry: &mut Registry) {
        self.begin_at_zero();
        let Self { passes, errors, seconds, active, most, .. } = self;
        registry.register("controller_runtime_reconcile", "Passes, by result", passes.clone());
        registry.register(
            "controller_runtime_reconcile_errors",
            "Passes in which the API server or Azure did not answer as they should, or that panicked",
            errors.clone(),
        );
        registry.register("controller_runtime_reconcile_time_seconds", "Length of a pass", seconds.clone());
        registry.register("controller_runtime_active_workers", "Passes that go on", active.clone());
        registry.register(
            "controller_runtime_max_concurrent_reconciles",
            "Passes that may go on at a time",
            most.clone(),
        );
        let Self { depth, adds, retries, waited, worked, .. } = self;
        registry.register("workqueue_depth", "Objects that are due and wait for a place", depth.clone());
        registry.register("workqueue_adds", "How often an object became due, or was woken before that; one that waits already does not count again", adds.clone());
        registry.register("workqueue_retries", "Passes after one that did not work", retries.clone());
        registry.register(
            "workqueue_queue_duration_seconds",
            "Time from when an object was due to its pass",
            waited.clone(),
        );
        registry.register("workqueue_work_duration_seconds", "Length of a pass", worked.clone());
        let Self { ready, drift, rollouts, measurements, leads, stores, .. } = self;
        registry.register(
            "bindery_time_to_ready_seconds",
            "Time from when a new generation was first seen to its condition Ready",
            ready.clone(),
        );
        registry.register("bindery_drift", "Fields that were found changed in Azure", drift.clone());
        registry.register(
            "bindery_rollouts",
            "Rollouts that have come to their end, by outcome",
            rollouts.clone(),
        );
        registry.register(
            "bindery_measurements",
            "Measurements of candidates, by result",
            measurements.clone(),
        );
        registry.register("bindery_leads", "1 where this process makes passes, else 0", leads.clone());
        registry.register_collector(Box::new(Objects(stores.clone())));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the watches have seen.
    pub(super) fn sees(&self, stores: &Stores) {
        let _ = self.stores.set(stores.clone());
    }

    /// Passes over this kind are made from now on, so many at a time.
    pub(super) fn serves(&self, kind: ObjectKind, most: usize) {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.most.get_or_create(&Controller { controller: controller(kind) }).set(most);
        self.leads.set(1);
    }

    /// This process makes no passes any more.
    pub(super) fn serves_no_more(&self) {
        self.leads.set(0);
        self.state().running.clear();
        for kind in ObjectKind::ALL {
            self.active.get_or_create(&Controller { controller: controller(kind) }).set(0);
            self.depth.get_or_create(&Queue::of(kind)).set(0);
        }
    }

    /// So many objects of this kind wait for a place; so many more have begun to wait than were told of before.
    pub(super) fn waiting(&self, kind: ObjectKind, many: usize, more: u64) {
        self.depth.get_or_create(&Queue::of(kind)).set(i64::try_from(many).unwrap_or(i64::MAX));
        self.adds.get_or_create(&Queue::of(kind)).inc_by(more);
    }

    /// A pass begins over an object that was due for so long.
    pub(super) fn pass_begins(&self, key: &Arc<ObjectKey>, waited: Duration) {
        self.waited.get_or_create(&Queue::of(key.kind)).observe(waited.as_secs_f64());
        self.active.get_or_create(&Controller { controller: controller(key.kind) }).inc();
        self.state().running.insert(key.clone(), Instant::now());
    }

    /// A pass has come to its end; none where the object was gone.
    pub(super) fn pass_ends(&self, key: &Arc<ObjectKey>, ending: Option<Ending>) {
        let (controller, queue) = (controller(key.kind), Queue::of(key.kind));
        let of_kind = Controller { controller: controller.clone() };
        self.active.get_or_create(&of_kind).dec();
        let took = self.state().running.remove(key).map(|since| since.elapsed().as_secs_f64());
        let Some(ending) = ending else { return };
        if let Some(took) = took {
            self.seconds.get_or_create(&of_kind).observe(took);
            self.worked.get_or_create(&queue).observe(took);
        }
        let result = match ending {
            Ending::Settled => "success",
            Ending::Waits => "requeue_after",
            Ending::Outdated => "requeue",
            Ending::Failed => "error",
        };
        self.passes.get_or_create(&Ended { controller, result }).inc();
        if ending == Ending::Failed {
            self.errors.get_or_create(&of_kind).inc();
        }
        if matches!(ending, Ending::Failed | Ending::Outdated) {
            self.retries.get_or_create(&queue).inc();
        }
    }

    /// A new generation of an object of this kind got ready after this time.
    pub(super) fn got_ready(&self, kind: ObjectKind, after: Duration) {
        self.ready.get_or_create(&OfKind { kind: kind.to_string() }).observe(after.as_secs_f64());
    }

    /// Something has happened to an object of this kind, as its status says.
    pub(super) fn counted(&self, kind: ObjectKind, what: &Counted) {
        match what {
            Counted::Drift(field) => {
                let labels = Drifted { kind: kind.to_string(), field: field.clone() };
                self.drift.get_or_create(&labels).inc();
            }
            Counted::Rollout(outcome) => {
                self.rollouts.get_or_create(&Outcome { outcome: outcome.clone() }).inc();
            }
            Counted::Measurement(result) => {
                self.measurements.get_or_create(&Measured { result: result.clone() }).inc();
            }
        }
    }

    /// A watch begins, and lists first. It works until the answer is dropped.
    pub(super) fn watch(self: &Arc<Self>, what: String) -> Watching {
        self.state().watches.insert(what.clone(), Watch::Lists);
        Watching { telemetry: self.clone(), what }
    }

    /// The passes that go on for too long, and the watches that have ended, each in a sentence.
    pub fn dead(&self) -> (Option<String>, Option<String>) {
        let state = self.state();
        let stuck = state.running.iter().find(|(_, since)| since.elapsed() > STUCK);
        let stuck = stuck.map(|(key, since)| {
            format!("a pass over {key} has gone on for {} min", since.elapsed().as_secs() / 60)
        });
        let ended = state.watches.iter().find(|(_, watch)| **watch == Watch::Ended);
        (stuck, ended.map(|(what, _)| format!("the watch of {what} has ended")))
    }

    /// The watches, and what is wrong with each that does not work.
    pub fn watches(&self) -> Vec<(String, Option<String>)> {
        let say = |watch: &Watch| match watch {
            Watch::Works => None,
            Watch::Lists => Some("not everything is listed yet".to_string()),
            Watch::Fails(because) => Some(because.clone()),
            Watch::Ended => Some("it has ended".to_string()),
        };
        self.state().watches.iter().map(|(what, watch)| (what.clone(), say(watch))).collect()
    }
}

/// A watch that goes on.
pub(super) struct Watching {
    telemetry: Arc<Telemetry>,
    what: String,
}

impl Watching {
    fn is(&self, now: Watch) {
        self.telemetry.state().watches.insert(self.what.clone(), now);
    }

    /// It has listed everything, or works again.
    pub(super) fn works(&self) {
        self.is(Watch::Works);
    }

    /// It fails, and is tried again.
    pub(super) fn fails(&self, because: &str) {
        self.is(Watch::Fails(because.into()));
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.is(Watch::Ended);
    }
}

/// The objects as they are when somebody asks.
struct Objects(Arc<OnceLock<Stores>>);

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Objects")
    }
}

fn count<K: Kind>(store: &Store<K>, all: &mut BTreeMap<Standing, u32>, many: &mut BTreeMap<String, u32>) {
    let objects = store.state();
    *many.entry(K::KIND.to_string()).or_default() += u32::try_from(objects.len()).unwrap_or(u32::MAX);
    for object in objects {
        for condition in object.conditions() {
            let standing = Standing {
                kind: K::KIND.to_string(),
                condition: condition.type_.clone(),
                status: condition.status.clone(),
                reason: condition.reason.clone(),
            };
            *all.entry(standing).or_default() += 1;
        }
    }
}

impl Collector for Objects {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(stores) = self.0.get() else { return Ok(()) };
        let (mut conditions, mut many) = (BTreeMap::new(), BTreeMap::new());
        count(&stores.registries, &mut conditions, &mut many);
        count(&stores.workspaces, &mut conditions, &mut many);
        count(&stores.versions, &mut conditions, &mut many);
        count(&stores.bindings, &mut conditions, &mut many);
        count(&stores.approvals, &mut conditions, &mut many);
        count(&stores.actions, &mut conditions, &mut many);
        count(&stores.providers, &mut conditions, &mut many);
        let mut phases = BTreeMap::<String, u32>::new();
        for binding in stores.bindings.state() {
            if let Some(phase) = binding.status.as_ref().and_then(|status| status.phase) {
                *phases.entry(format!("{phase:?}")).or_default() += 1;
            }
        }
        let of_kind = many.into_iter().map(|(kind, many)| (OfKind { kind }, many));
        gauges(&mut encoder, "bindery_objects", "Objects, by kind", of_kind)?;
        let about = "Conditions of the objects, by kind, type, status and reason";
        gauges(&mut encoder, "bindery_object_conditions", about, conditions)?;
        let phases = phases.into_iter().map(|(phase, many)| (InPhase { phase }, many));
        gauges(
            &mut encoder,
            "bindery_rollout_phase",
            "DeploymentBinding objects, by the phase of their rollout",
            phases,
        )
    }
}

fn gauges<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    about: &str,
    all: impl IntoIterator<Item = (L, u32)>,
) -> Result<(), fmt::Error> {
    let mut all = all.into_iter().peekable();
    if all.peek().is_none() {
        return Ok(());
    }
    let mut family = encoder.encode_descriptor(name, about, None, MetricType::Gauge)?;
    for (labels, many) in all {
        ConstGauge::new(f64::from(many)).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Arc<ObjectKey> {
        Arc::new(ObjectKey { kind: ObjectKind::Registry, namespace: "ml".into(), name: "models".into() })
    }

    fn text(telemetry: &Telemetry) -> String {
        let (mut registry, mut text) = (Registry::default(), String::new());
        telemetry.register(&mut registry);
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
        text
    }

    #[test]
    fn a_pass_that_goes_on_for_too_long_is_dead() {
        let telemetry = Telemetry::default();
        telemetry.pass_begins(&key(), Duration::ZERO);
        assert_eq!(telemetry.dead(), (None, None));
        let long_ago = Instant::now().checked_sub(STUCK * 2).expect("a time");
        telemetry.state().running.insert(key(), long_ago);
        let (stuck, _) = telemetry.dead();
        assert_eq!(stuck.as_deref(), Some("a pass over Registry ml/models has gone on for 30 min"));
        telemetry.pass_ends(&key(), Some(Ending::Failed));
        assert_eq!(telemetry.dead(), (None, None));
        let text = text(&telemetry);
        assert!(text.contains("bindery_rollouts_total{outcome=\"Failed\"} 0\n"), "{text}");
        let has = |line: &str| assert!(text.contains(line), "{line}\n{text}");
        has("controller_runtime_reconcile_errors_total{controller=\"registry\"} 1\n");
        has("workqueue_retries_total{controller=\"registry\",name=\"registry\"} 1\n");
        has("controller_runtime_active_workers{controller=\"registry\"} ");
    }

    #[test]
    fn a_watch_is_ready_when_it_has_listed_everything_and_dead_when_it_ends() {
        let telemetry: Arc<Telemetry> = Arc::default();
        let says = || telemetry.watches().into_iter().map(|(_, wrong)| wrong).collect::<Vec<_>>();
        let watching = telemetry.watch("Registry objects".into());
        assert_eq!(says(), [Some("not everything is listed yet".into())]);
        watching.works();
        assert_eq!(says(), [None]);
        watching.fails("No.");
        assert_eq!((says(), telemetry.dead().1), (vec![Some("No.".into())], None));
        drop(watching);
        assert_eq!(telemetry.dead().1.as_deref(), Some("the watch of Registry objects has ended"));
    }
}
