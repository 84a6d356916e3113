//! Objects of all kinds while nothing changes.

use std::time::Duration;

use bindery::api::{DeploymentBinding, ModelVersion};
use e2e::stand::{Error, emulator_config, ready};
use serde_json::json;

use super::figures::Figures;
use super::observed::Observed;
use super::requests::{Requests, requests};
use super::{AFTERWARDS, Bench, declare_places, promotion, version_from_path};

/// Versions in the workspace, and as many in the registry.
const VERSIONS: usize = 10;
/// Every object is compared this often; the default is ten times as long.
const INTERVAL: &str = "1m";

pub(super) async fn measure(bench: &Bench, figures: &mut Figures, window: u64) -> Result<(), Error> {
    println!("Nothing changes, for {window} s.");
    let stand = bench.stand("bench-rest", emulator_config(100.0)).await?;
    declare_places(&stand, INTERVAL).await?;
    let observed = Observed::of(&stand);
    for n in 1..=VERSIONS {
        stand.apply("ModelVersion", &format!("dev-{n}"), version_from_path("taxi", n, INTERVAL)).await?;
        let manifest = promotion("taxi", n, &format!("dev-{n}"), INTERVAL);
        stand.apply("ModelVersion", &format!("promoted-{n}"), manifest).await?;
    }
    let binding = json!({
        "workspaceRef": {"name": "fares-prod"}, "model": {"versionRef": {"name": "promoted-1"}},
        "online": {"endpoint": {"name": "taxi"}, "deployment": {"instanceType": "Standard_DS3_v2"}},
        "interval": INTERVAL,
    });
    stand.apply("DeploymentBinding", "taxi", binding).await?;
    for n in 1..=VERSIONS {
        stand.wait_for::<ModelVersion>(&format!("promoted-{n}"), "Ready", ready).await?;
    }
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    observed.quiet(2 * AFTERWARDS).await;

    stand.emulator.control().clear_log();
    observed.begin();
    tokio::time::sleep(Duration::from_secs(window)).await;
    let seen = observed.seen();
    let of_versions = requests(&stand.emulator, |path| path.contains("/models/"));
    let of_bindings = requests(&stand.emulator, |path| path.contains("/onlineEndpoints/"));
    let all = requests(&stand.emulator, |_| true);
    println!("  {}", all.in_words());
    let window_seconds = f64::from(u32::try_from(window)?);
    // Of the default interval an hour has a tenth as many.
    let per_hour = |asked: &Requests, objects: usize| {
        let objects = f64::from(u32::try_from(objects).unwrap_or(u32::MAX));
        f64::from(asked.reads) / objects * 3600.0 / window_seconds / 10.0
    };
    let title = "at rest, per object and hour";
    figures.add(format!("{title}: reads for a version"), per_hour(&of_versions, 2 * VERSIONS), "requests");
    figures.add(format!("{title}: reads for a binding"), per_hour(&of_bindings, 1), "requests");
    figures.at_most(0.0, "at rest: writes on Azure", f64::from(all.writes), "requests");
    figures.at_most(0.0, "at rest: status writes", f64::from(seen.status_writes), "writes");
    figures.at_most(0.0, "at rest: other writes of objects", f64::from(seen.other_writes), "writes");
    Ok(())
}
