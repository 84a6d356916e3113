//! Memory without objects, many versions at once under the documented throttling, and a restart.

use std::time::{Duration, Instant};

use azureml_emulator::{Config, Throttling};
use e2e::stand::{Error, Stand, emulator_config};
use futures::{StreamExt, TryStreamExt};

use super::figures::Figures;
use super::observed::Observed;
use super::requests::{Requests, requests};
use super::{AFTERWARDS, Bench, declare_places, machine, process_id, version_from_path};

/// Versions of one model.
const PER_MODEL: usize = 20;
/// Long enough that no comparison falls into the measurement.
const INTERVAL: &str = "10h";
const LOOK: Duration = Duration::from_millis(200);
/// How often progress is told.
const WORD: Duration = Duration::from_secs(15);
/// When so many seconds pass without a request, it has settled.
const SETTLED: Duration = Duration::from_secs(5);

pub(super) async fn measure(bench: &Bench, figures: &mut Figures, versions: usize) -> Result<(), Error> {
    let emulator = Config { throttling: Throttling::Documented, ..emulator_config(1.0) };
    let mut stand = bench
        .stand("bench-many", Config { durations: azureml_emulator::Durations::none(), ..emulator })
        .await?;
    println!("Without objects.");
    tokio::time::sleep(SETTLED).await;
    let idle = process_id(&mut stand)?;
    figures.at_most(15.0, "memory without objects", machine::resident_mib(idle)?, "MiB");
    declare_places(&stand, INTERVAL).await?;
    let observed = Observed::of(&stand);
    observed.quiet(AFTERWARDS).await;
    // The buckets are full again, as the floor has it.
    tokio::time::sleep(AFTERWARDS).await;
    all_at_once(&mut stand, &observed, figures, versions).await?;
    restart(&mut stand, &observed, figures, versions).await
}

async fn all_at_once(
    stand: &mut Stand,
    observed: &Observed,
    figures: &mut Figures,
    versions: usize,
) -> Result<(), Error> {
    println!("{versions} versions at once.");
    let places = observed.ready();
    let id = process_id(stand)?;
    let cpu = machine::cpu_seconds(id)?;
    stand.emulator.control().clear_log();
    observed.begin();
    let begun = Instant::now();
    {
        let stand = &*stand;
        let apply = |n: usize| async move {
            let (model, version) = (n / PER_MODEL, n % PER_MODEL + 1);
            let manifest = version_from_path(&format!("model-{model}"), version, INTERVAL);
            stand.apply("ModelVersion", &format!("model-{model}-{version}"), manifest).await
        };
        let applied = futures::stream::iter(0..versions).map(apply).buffer_unordered(8);
        applied.try_collect::<Vec<()>>().await?;
    }
    figures.add(format!("{versions} versions: applied after"), begun.elapsed().as_secs_f64(), "s");
    let mut told = Instant::now();
    while observed.ready() < places + versions {
        if told.elapsed() > WORD {
            told = Instant::now();
            println!("  … {} s: {} are Ready", begun.elapsed().as_secs(), observed.ready() - places);
        }
        process_id(stand)?;
        tokio::time::sleep(LOOK).await;
    }
    let took = begun.elapsed().as_secs_f64();
    observed.quiet(AFTERWARDS).await;
    let asked = requests(&stand.emulator, |_| true);
    println!("  {}", asked.in_words());
    let seen = observed.seen();
    let each = |sum: f64| sum / f64::from(u32::try_from(versions).unwrap_or(u32::MAX));
    let title = format!("{versions} versions");
    figures.at_most(1.05 * floor(&asked), format!("{title}: all Ready after"), took, "s");
    figures.at_most(1.5, format!("{title}: reads for each"), each(f64::from(asked.reads)), "requests");
    figures.at_most(1.0, format!("{title}: writes for each"), each(f64::from(asked.writes)), "requests");
    figures.at_most(0.0, format!("{title}: answers 429"), f64::from(asked.throttled), "answers");
    figures.at_most(
        2.0,
        format!("{title}: status writes for each"),
        each(f64::from(seen.status_writes)),
        "writes",
    );
    let used = machine::cpu_seconds(id)? - cpu;
    figures.at_most(3.0, format!("{title}: processor time for each"), each(1000.0 * used), "ms");
    figures.add(format!("{title}: memory"), machine::resident_mib(id)?, "MiB");
    Ok(())
}

async fn restart(
    stand: &mut Stand,
    observed: &Observed,
    figures: &mut Figures,
    versions: usize,
) -> Result<(), Error> {
    println!("A restart with {versions} versions.");
    stand.operator.stop().await?;
    // The buckets fill again: a restart is seldom the first thing that happens.
    tokio::time::sleep(2 * SETTLED).await;
    stand.emulator.control().clear_log();
    observed.begin();
    let begun = Instant::now();
    stand.operator.start()?;
    let (mut first, mut last, mut reads) = (None, begun.elapsed(), 0);
    while last + SETTLED > begun.elapsed() || first.is_none() {
        tokio::time::sleep(LOOK).await;
        let asked = requests(&stand.emulator, |_| true);
        if asked.reads != reads {
            first.get_or_insert(begun.elapsed());
            (last, reads) = (begun.elapsed(), asked.reads);
        }
        process_id(stand)?;
    }
    let asked = requests(&stand.emulator, |_| true);
    let seen = observed.seen();
    println!("  {}", asked.in_words());
    let title = format!("restart with {versions} versions");
    figures.add(
        format!("{title}: first request on Azure after"),
        first.unwrap_or_default().as_secs_f64(),
        "s",
    );
    figures.at_most(floor(&asked) + 5.0, format!("{title}: settled after"), last.as_secs_f64(), "s");
    figures.add(format!("{title}: reads"), f64::from(asked.reads), "requests");
    figures.at_most(0.0, format!("{title}: writes on Azure"), f64::from(asked.writes), "requests");
    figures.at_most(0.0, format!("{title}: status writes"), f64::from(seen.status_writes), "writes");
    figures.at_most(0.0, format!("{title}: answers 429"), f64::from(asked.throttled), "answers");
    figures.add(format!("{title}: memory"), machine::resident_mib(process_id(stand)?)?, "MiB");
    Ok(())
}

/// The seconds that Azure's documented buckets need for so many requests, when full at the start.
fn floor(asked: &Requests) -> f64 {
    let reads = (f64::from(asked.reads) - 250.0) / 25.0;
    let writes = (f64::from(asked.writes) - 200.0) / 10.0;
    reads.max(writes).max(0.0)
}
