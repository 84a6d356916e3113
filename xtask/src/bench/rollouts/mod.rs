//! Many rollouts with analysis at once: how long they take, whether one waits for another, how late a measurement is, and how
//! soon a revert reaches Azure while the others go on.

mod asked;
mod fate;
mod manifests;
mod seen;
mod spread;

use std::time::{Duration, Instant};

use azureml_emulator::{Config, Durations, Throttling};
use bindery::api::{MetricProvider, ModelVersion, Workspace};
use bindery::azure::client::Pace;
use e2e::stand::prometheus::Prometheus;
use e2e::stand::{Error, Stand, emulator_config, ready};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde_json::json;

use self::asked::Asked;
use self::fate::Course;
use self::seen::Watched;
use self::spread::seconds;
use super::figures::Figures;
use super::{Bench, machine, process_id};

/// Endpoints in one subscription: as many deployments as Azure lets anybody make at once there.
const PER_SUBSCRIPTION: usize = 25;
const LOOK: Duration = Duration::from_millis(100);
/// How often progress is told.
const WORD: Duration = Duration::from_secs(15);
/// When so many seconds pass without a request, the operator has settled.
const SETTLED: Duration = Duration::from_secs(5);
/// Without anything new for so long, something is wrong.
const PATIENCE: Duration = Duration::from_secs(600);

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// How many rollouts there are.
    pub(super) rollouts: usize,
    /// Azure's operations are so many times as short as by default.
    pub(super) shortened: f64,
    /// Measurements of the step that waits for them.
    pub(super) count: u32,
}

impl Extent {
    /// How long Azure takes: at first no time, then as long as it really does.
    fn durations(&self) -> Durations {
        let usual = Durations::default();
        Durations {
            endpoint_update: usual.endpoint_update / self.shortened,
            deployment_create: usual.deployment_create / self.shortened,
            deployment_delete: usual.deployment_delete / self.shortened,
            ..Durations::none()
        }
    }

    fn subscriptions(&self) -> usize {
        self.rollouts.div_ceil(PER_SUBSCRIPTION)
    }

    /// The seconds that the operations and the measurements of one rollout take, where nobody ever waits: the deployment is made,
    /// gets a share, is measured, and gets all of the traffic.
    fn floor_of_one(&self) -> f64 {
        let Durations { endpoint_update, deployment_create, .. } = self.durations();
        let between = f64::from(self.count.saturating_sub(1)) * manifests::INTERVAL.as_secs_f64();
        deployment_create + endpoint_update + between + endpoint_update
    }

    /// The seconds until the last one can have arrived, with the writes of deployments that the operator allows itself.
    fn floor(&self) -> f64 {
        let bucket = Pace::documented().deployment_writes;
        let fullest = self.rollouts.div_ceil(self.subscriptions().max(1));
        let waits = (f64::from(u32::try_from(fullest).unwrap_or(u32::MAX)) - bucket.size) / bucket.per_second;
        waits.max(0.0) + self.floor_of_one()
    }
}

pub(super) async fn measure(bench: &Bench, figures: &mut Figures, extent: Extent) -> Result<(), Error> {
    let Extent { rollouts, .. } = extent;
    println!("{rollouts} endpoints in {} subscriptions, all on version 1.", extent.subscriptions());
    let emulator = Config {
        durations: Durations::none(),
        exists: manifests::azure(extent.subscriptions()),
        ..emulator_config(1.0)
    };
    let mut stand = bench.stand("bench-rollouts", emulator).await?;
    let prometheus = Prometheus::open().await?;
    prometheus.record("v2-", 0.1);
    let watched = Watched::of(&stand);
    declare(&stand, &prometheus, &extent).await?;
    let begun = Instant::now();
    while watched.ready() < rollouts {
        patient(&stand, begun, || format!("{} of {rollouts} endpoints serve version 1", watched.ready()))?;
        process_id(&mut stand)?;
        tokio::time::sleep(LOOK).await;
    }
    begin_afresh(&mut stand, &extent).await?;
    let id = process_id(&mut stand)?;
    let title = format!("{rollouts} rollouts");
    figures.add(format!("{title}: memory before"), machine::resident_mib(id)?, "MiB");
    watched.begin();

    println!("{rollouts} rollouts at once.");
    let cpu = machine::cpu_seconds(id)?;
    let mut asked = Asked::default();
    let course = roll(&mut stand, &watched, &mut asked, &extent).await?;
    let used = machine::cpu_seconds(id)? - cpu;
    println!("  {}", asked.all.in_words());
    course.tell(figures, &title, &extent, &watched, &asked);
    let each = |sum: f64| sum / f64::from(u32::try_from(rollouts).unwrap_or(u32::MAX));
    let measurements = watched.measurements();
    let queries = prometheus.asked().iter().filter(|query| query.contains("v2-")).count();
    let queries = f64::from(u32::try_from(queries)?);
    figures.add(format!("{title}: measurements"), measurements, "");
    figures.at_most(
        1.05,
        format!("{title}: queries for each measurement"),
        queries / measurements.max(1.0),
        "requests",
    );
    figures.add(format!("{title}: reads for each"), each(f64::from(asked.all.reads)), "requests");
    let allowed = Pace::documented().reads.per_second;
    figures.add(format!("{title}: reads a second in a subscription, allowed"), allowed, "requests");
    figures.add(format!("{title}: the same, in the busiest 10 s"), asked.most_reads(), "requests");
    figures.add(format!("{title}: writes for each"), each(f64::from(asked.all.writes)), "requests");
    figures.at_most(0.0, format!("{title}: answers 429"), f64::from(asked.all.throttled), "answers");
    figures.add(format!("{title}: status writes for each"), each(watched.status_writes()), "writes");
    figures.add(format!("{title}: processor time for each"), each(1000.0 * used), "ms");
    figures.add(format!("{title}: memory at most"), machine::peak_mib(id)?, "MiB");
    Ok(())
}

/// All objects, with all endpoints on version 1.
async fn declare(stand: &Stand, prometheus: &Prometheus, extent: &Extent) -> Result<(), Error> {
    stand
        .apply("MetricProvider", "prometheus", json!({"prometheus": {"address": prometheus.address}}))
        .await?;
    stand.wait_for::<MetricProvider>("prometheus", "Ready", ready).await?;
    for place in 0..extent.subscriptions() {
        stand.apply("Workspace", &manifests::workspace(place), manifests::place(place)).await?;
        for version in [1, 2] {
            stand
                .apply("ModelVersion", &manifests::version(place, version), manifests::model(place, version))
                .await?;
        }
    }
    for place in 0..extent.subscriptions() {
        stand.wait_for::<Workspace>(&manifests::workspace(place), "Ready", ready).await?;
        for version in [1, 2] {
            stand.wait_for::<ModelVersion>(&manifests::version(place, version), "Ready", ready).await?;
        }
    }
    let apply = |n: usize| async move {
        let spec = manifests::binding(n, n % extent.subscriptions(), extent.count);
        stand.apply("DeploymentBinding", &manifests::endpoint(n), spec).await
    };
    let applied = futures::stream::iter(0..extent.rollouts).map(apply).buffer_unordered(8);
    applied.try_collect::<Vec<()>>().await?;
    Ok(())
}

/// From now on Azure takes its time and throttles, and the operator, started again, has all of its budget.
async fn begin_afresh(stand: &mut Stand, extent: &Extent) -> Result<(), Error> {
    stand.operator.stop().await?;
    let Config { durations, throttling, .. } =
        Config { durations: extent.durations(), throttling: Throttling::Documented, ..Config::default() };
    stand.emulator.control().configure(&json!({"durations": durations, "throttling": throttling}))?;
    stand.emulator.control().clear_log();
    stand.operator.start()?;
    let (begun, mut last, mut asked) = (Instant::now(), None, 0);
    while last.is_none_or(|last: Instant| last.elapsed() < SETTLED) {
        patient(stand, begun, || "the operator settles after a restart".into())?;
        tokio::time::sleep(LOOK).await;
        let now = stand.emulator.control().log().count();
        if now != asked {
            (last, asked) = (Some(Instant::now()), now);
        }
    }
    stand.emulator.control().clear_log();
    Ok(())
}

/// Binds all endpoints to version 2, and follows them until each has come to its end.
async fn roll(
    stand: &mut Stand,
    watched: &Watched,
    asked: &mut Asked,
    extent: &Extent,
) -> Result<Course, Error> {
    let begun = Timestamp::now();
    let edits = {
        let stand = &*stand;
        let edit = |n: usize| async move {
            let at = Timestamp::now();
            fate::bind(stand, n, extent, 2).await.map(|()| (manifests::endpoint(n), at))
        };
        let edited = futures::stream::iter(0..extent.rollouts).map(edit).buffer_unordered(8);
        edited.try_collect::<Vec<_>>().await?
    };
    let mut course = Course::new(begun, edits, extent.rollouts);
    let (mut told, mut moved, mut before) = (Instant::now(), Instant::now(), (0, 0));
    loop {
        asked.take_in(&stand.emulator, &extent.durations())?;
        course.turn_back(stand, watched, asked, extent).await?;
        let (ended, measured) = (course.ended(watched, asked), watched.measurements());
        if ended == extent.rollouts {
            return Ok(course);
        }
        let now = (ended, asked.all.reads);
        if now != before {
            (before, moved) = (now, Instant::now());
        }
        patient(stand, moved, || format!("{ended} of {} rollouts have ended", extent.rollouts))?;
        if told.elapsed() > WORD {
            told = Instant::now();
            let passed = seconds(begun, Timestamp::now());
            println!("  … {passed:.0} s: {ended} have ended, {measured:.0} measurements");
        }
        process_id(stand)?;
        tokio::time::sleep(LOOK).await;
    }
}

/// An error when nothing has come for too long.
fn patient(stand: &Stand, since: Instant, what: impl Fn() -> String) -> Result<(), Error> {
    if since.elapsed() < PATIENCE {
        return Ok(());
    }
    let log = stand.operator.log().display();
    Err(format!("{}, and nothing has come for {PATIENCE:?}; the operator's log: {log}", what()).into())
}

#[cfg(test)]
mod tests {
    use super::Extent;

    #[test]
    fn the_floor_is_operations_and_measurements_and_the_budget_of_the_fullest_subscription() {
        let floor = |rollouts, shortened, count| {
            let extent = Extent { rollouts, shortened, count };
            format!("{:.0}", extent.floor())
        };
        // 180 s and twice 20 s of Azure, and five measurements with 10 s between them. The budget: 22.5, and 0.075 a second.
        for (rollouts, expected) in [(4, "260"), (22, "260"), (25, "293"), (50, "293"), (500, "293")] {
            assert_eq!(floor(rollouts, 1.0, 5), expected, "{rollouts}");
        }
        assert_eq!(floor(4, 10.0, 3), "42");
    }
}
