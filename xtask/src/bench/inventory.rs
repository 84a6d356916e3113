//! The inventory of many versions, beside what kubectl takes to list them.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use bindery::api::ModelVersion;
use e2e::stand::{Error, Stand, StandOptions};
use e2e::{Progress, tools};
use futures::{StreamExt, TryStreamExt};
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::process::Command;

use super::figures::Figures;
use super::{Bench, machine};

/// Each is run so often; the fastest run counts.
const RUNS: usize = 3;
/// How often the memory of a running process is looked at.
const LOOK: Duration = Duration::from_millis(2);
const PER_MODEL: usize = 20;

pub(super) async fn measure(bench: &Bench, figures: &mut Figures, versions: usize) -> Result<(), Error> {
    println!("{versions} versions with a status, for the inventory.");
    let options = StandOptions { operator: false, ..StandOptions::default() };
    let stand = Stand::start(&bench.control_plane, "bench-inventory", options).await?;
    let begun = Instant::now();
    let make = |n: usize| make(&stand, n);
    futures::stream::iter(0..versions).map(make).buffer_unordered(32).try_collect::<Vec<()>>().await?;
    println!("  made in {:.0} s", begun.elapsed().as_secs_f64());
    let kubectl = match bench.control_plane.kubectl() {
        Some(found) => found.to_path_buf(),
        None => tools::kubectl(&Progress::stderr()).await?,
    };
    let list = ["get", "modelversions", "--all-namespaces", "--output", "json"];
    let explain = ["explain", "--namespace", &stand.namespace, "modelversion/model-0-1"];
    let (mut theirs, mut table, mut json, mut one) = (Cost::most(), Cost::most(), Cost::most(), Cost::most());
    for _ in 0..RUNS {
        theirs.less(cost(&kubectl, &list, &stand.kubeconfig).await?);
        table.less(cost(&bench.program, &["inventory", "-A"], &stand.kubeconfig).await?);
        json.less(cost(&bench.program, &["inventory", "-A", "-o", "json"], &stand.kubeconfig).await?);
        one.less(cost(&bench.program, &explain, &stand.kubeconfig).await?);
    }
    let title = format!("inventory of {versions} versions");
    figures.add(format!("{title}: kubectl get -o json"), theirs.seconds, "s");
    figures.add(format!("{title}: kubectl get -o json, memory"), theirs.peak, "MiB");
    for (form, ours) in [("table", table), ("json", json)] {
        figures.at_most(theirs.seconds, format!("{title}: {form}"), ours.seconds, "s");
        figures.at_most(100.0, format!("{title}: {form}, memory"), ours.peak, "MiB");
    }
    figures.at_most(0.5, "explain of one of them", one.seconds, "s");
    Ok(())
}

/// What a run of a program took.
#[derive(Debug, Clone, Copy)]
struct Cost {
    seconds: f64,
    /// The most memory that it had, in MiB.
    peak: f64,
}

impl Cost {
    fn most() -> Self {
        Self { seconds: f64::MAX, peak: f64::MAX }
    }

    /// The smaller of both figures.
    fn less(&mut self, other: Self) {
        self.seconds = self.seconds.min(other.seconds);
        self.peak = self.peak.min(other.peak);
    }
}

async fn cost(program: &Path, arguments: &[&str], kubeconfig: &Path) -> Result<Cost, Error> {
    let begun = Instant::now();
    let mut command = Command::new(program);
    command.args(arguments).env("KUBECONFIG", kubeconfig).stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.spawn()?;
    let id = child.id().ok_or("it has ended before it began")?;
    let mut peak: f64 = 0.0;
    let status = loop {
        // Between its end and the word of it, it has no memory any more.
        peak = peak.max(machine::peak_mib(id).unwrap_or_default());
        tokio::select! {
            status = child.wait() => break status?,
            () = tokio::time::sleep(LOOK) => {}
        }
    };
    if !status.success() {
        return Err(format!("{} {arguments:?} failed: {status}", program.display()).into());
    }
    Ok(Cost { seconds: begun.elapsed().as_secs_f64(), peak })
}

/// A version as the operator leaves it: registered, with its lineage and its conditions.
async fn make(stand: &Stand, n: usize) -> Result<(), Error> {
    let (model, version) = (n / PER_MODEL, n % PER_MODEL + 1);
    let name = format!("model-{model}-{version}");
    let object = json!({
        "apiVersion": "bindery.dev/v1alpha1", "kind": "ModelVersion", "metadata": {"name": name},
        "spec": {
            "workspaceRef": {"name": "fares-dev"}, "model": format!("model-{model}"), "version": version.to_string(),
            "source": {"job": {"name": format!("train-{n}")}}, "tags": {"team": "fares", "country": "us"},
        },
    });
    let api: Api<ModelVersion> = stand.api();
    api.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
    let status = Patch::Merge(json!({"status": status(n, model, version)}));
    api.patch_status(&name, &PatchParams::default(), &status).await?;
    Ok(())
}

fn status(n: usize, model: usize, version: usize) -> Value {
    let id = format!(
        "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/ml/providers/Microsoft.MachineLearningServices/workspaces/fares-dev/models/model-{model}/versions/{version}"
    );
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": 1,
            "lastTransitionTime": "2026-11-29T12:00:00Z",
        })
    };
    let metrics: serde_json::Map<String, Value> =
        (0..10).map(|m| (format!("metric-{m}"), json!(format!("0.{n}{m}")))).collect();
    json!({
        "observedGeneration": 1, "id": id, "assetId": id, "type": "MLflow", "ownedTags": ["team", "country"],
        "conditions": [
            condition("Ready", "True", "Succeeded", &format!("Azure has model-{model}:{version} as the manifest says.")),
            condition("Drifted", "False", "InSync", "Nothing differs."),
            condition("Registered", "True", "Succeeded", "Azure has the version."),
        ],
        "lineage": {
            "job": format!("train-{n}"), "experiment": "nyc-taxi-fare", "run": format!("train-{n}"), "metrics": metrics,
            "datasets": [{"name": "training_data", "uri": "azureml://datastores/taxi/paths/2025"}],
            "environment": "sklearn:4", "trainedBy": "ada",
            "code": {"repository": "https://git.example/fares.git", "commit": "4f2c1d9e8b7a60514f2c1d9e8b7a60514f2c1d9e", "dirty": false},
        },
    })
}
