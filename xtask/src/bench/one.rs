//! One model version from apply to Ready: by a path, from a job, and a promotion.

use std::time::{Duration, Instant};

use bindery::api::ModelVersion;
use e2e::stand::{Error, Stand, azure_id, emulator_config, job, ready};
use serde_json::{Value, json};

use super::figures::Figures;
use super::observed::Observed;
use super::requests::requests;
use super::{AFTERWARDS, Bench, declare_places, promotion, version_from_path};

/// How often each is measured; the figures are means.
const TIMES: usize = 5;
const INTERVAL: &str = "10m";

pub(super) async fn measure(bench: &Bench, figures: &mut Figures) -> Result<(), Error> {
    println!("One version from apply to Ready, {TIMES} times each.");
    let stand = bench.stand("bench-one", emulator_config(20.0)).await?;
    declare_places(&stand, INTERVAL).await?;
    for n in 1..=TIMES {
        let job = job(u32::try_from(n)?, 4.0);
        stand.emulator.control().declare_job(&azure_id("workspaces/fares-dev"), &job);
    }
    let observed = Observed::of(&stand);
    observed.quiet(AFTERWARDS).await;

    let from_path = |n| version_from_path("by-path", n, INTERVAL);
    one(&stand, &observed, figures, "from a path", 2.0, from_path).await?;
    let from_job = |n: usize| {
        json!({
            "workspaceRef": {"name": "fares-dev"}, "model": "by-job", "version": n.to_string(),
            "source": {"job": {"name": format!("taxi-train-{n}")}}, "interval": INTERVAL,
        })
    };
    one(&stand, &observed, figures, "from a job", 3.0, from_job).await?;
    let promoted = |n| promotion("by-job", n, &object_name("from a job", n), INTERVAL);
    one(&stand, &observed, figures, "promoted", f64::INFINITY, promoted).await
}

fn object_name(how: &str, n: usize) -> String {
    format!("{}-{n}", how.replace(' ', "-"))
}

async fn one(
    stand: &Stand,
    observed: &Observed,
    figures: &mut Figures,
    how: &str,
    goal: f64,
    manifest: impl Fn(usize) -> Value,
) -> Result<(), Error> {
    let (mut reads, mut writes, mut mlflow, mut status_writes, mut other_writes) = (0, 0, 0, 0, 0);
    let mut took = Duration::ZERO;
    for n in 1..=TIMES {
        stand.emulator.control().clear_log();
        observed.begin();
        let begun = Instant::now();
        let name = object_name(how, n);
        stand.apply("ModelVersion", &name, manifest(n)).await?;
        stand.wait_for::<ModelVersion>(&name, "Ready", ready).await?;
        took += begun.elapsed();
        observed.quiet(AFTERWARDS).await;
        let asked = requests(&stand.emulator, |_| true);
        let seen = observed.seen();
        reads += asked.reads;
        writes += asked.writes;
        mlflow += asked.mlflow;
        status_writes += seen.status_writes;
        other_writes += seen.other_writes;
        if n == TIMES {
            println!("  {how}: {}", asked.in_words());
        }
    }
    let times = f64::from(u32::try_from(TIMES)?);
    let mean = |sum: u32| f64::from(sum) / times;
    let title = format!("one version, {how}");
    if goal.is_finite() {
        figures.at_most(
            goal,
            format!("{title}: reads and writes on Azure"),
            mean(reads + writes),
            "requests",
        );
    }
    figures.add(format!("{title}: reads"), mean(reads), "requests");
    figures.add(format!("{title}: writes"), mean(writes), "requests");
    figures.add(format!("{title}: MLflow"), mean(mlflow), "requests");
    if goal.is_finite() {
        figures.at_most(2.0, format!("{title}: status writes"), mean(status_writes), "writes");
    } else {
        figures.add(format!("{title}: status writes"), mean(status_writes), "writes");
    }
    figures.add(format!("{title}: other writes of the object"), mean(other_writes), "writes");
    figures.add(format!("{title}: apply to Ready"), took.as_secs_f64() * 1000.0 / times, "ms");
    Ok(())
}
