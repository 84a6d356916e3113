//! The chapters of the story, in their order. Each fails when something in it does not come true.

mod governance;
mod incident;
mod lineage;
mod places;
mod rollout;
mod serving;
mod taking_back;
mod training;

pub(super) use governance::{answers, governance};
pub(super) use incident::incident;
pub(super) use lineage::lineage;
pub(super) use places::{identities, places, whose_rights};
pub(super) use rollout::rollout;
pub(super) use serving::{first_version, overview};
pub(super) use taking_back::{measured, taking_back};
pub(super) use training::training;

use std::time::{Duration, Instant};

use bindery::api::{DeploymentBinding, DeploymentBindingStatus};
use e2e::stand::{Error, azure_id};
use kube::Api;
use tokio::process::Command;

use super::narration::Narration;
use super::stage::Stage;
use super::{NAMESPACE, PATIENCE};

/// The binding of the samples.
const BINDING: &str = "taxi-fare";
/// Its endpoint in Azure.
const ENDPOINT: &str = "workspaces/fares-prod/onlineEndpoints/taxi-fare-prod";

/// Applies files of `config/samples`, or of a folder beside it that is named.
async fn apply(stage: &Stage, narration: &Narration, files: &[&str]) -> Result<(), Error> {
    let folder = |file: &str| if file.contains('/') { "" } else { "samples/" };
    let paths: Vec<String> = files.iter().map(|file| format!("config/{}{file}.yaml", folder(file))).collect();
    let mut line = vec!["apply"];
    for path in &paths {
        line.extend(["-f", path]);
    }
    stage.kubectl.run(narration, &line).await.map(|_| ())
}

/// Lets production serve another version, as a merged pull request would.
async fn bind(stage: &Stage, narration: &Narration, version: &str) -> Result<(), Error> {
    let patch = format!(r#"{{"spec":{{"model":{{"versionRef":{{"name":"{version}"}}}}}}}}"#);
    let line = ["patch", "amlbind", BINDING, "-n", NAMESPACE, "--type=merge", "-p", &patch];
    stage.kubectl.run(narration, &line).await.map(|_| ())
}

/// Waits for each to be Ready.
async fn ready(stage: &Stage, narration: &mut Narration, objects: &[&str]) -> Result<(), Error> {
    for object in objects {
        stage.kubectl.wait(narration, object, "condition=Ready").await?;
    }
    Ok(())
}

/// The status of the binding.
async fn binding(stage: &Stage) -> Result<DeploymentBindingStatus, Error> {
    let api: Api<DeploymentBinding> = Api::namespaced(stage.stand.client.clone(), NAMESPACE);
    Ok(api.get(BINDING).await?.status.unwrap_or_default())
}

/// How often Bindery has asked Azure to publish a version of the model.
fn publishes(stage: &Stage, version: &str) -> usize {
    let of_version = format!("/models/nyc-taxi-fare/versions/{version}/publish");
    let control = stage.stand.emulator.control();
    control.log().filter(|entry| entry.method == "POST" && entry.path.ends_with(&of_version)).count()
}

/// What a subcommand of the program answers.
async fn asked(stage: &Stage, narration: &Narration, line: &[&str]) -> Result<String, Error> {
    narration.command(&format!("bindery {}", line.join(" ")));
    let program = tokio::task::spawn_blocking(e2e::stand::binary).await??;
    let output =
        Command::new(program).args(line).env("KUBECONFIG", &stage.kubectl.kubeconfig).output().await?;
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    narration.answer(&answer);
    if output.status.success() {
        return Ok(answer);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("`bindery {}` said: {}", line.join(" "), said.trim()).into())
}

/// The traffic of the endpoint in Azure.
fn traffic(stage: &Stage) -> serde_json::Value {
    let control = stage.stand.emulator.control();
    let endpoint = control.resource(&azure_id(ENDPOINT));
    endpoint.map(|endpoint| endpoint["properties"]["traffic"].clone()).unwrap_or_default()
}

/// Waits until the binding's status is like this.
async fn until(
    stage: &Stage,
    what: &str,
    like: impl Fn(&DeploymentBindingStatus) -> bool,
) -> Result<DeploymentBindingStatus, Error> {
    let begun = Instant::now();
    loop {
        let status = binding(stage).await?;
        if like(&status) {
            return Ok(status);
        }
        if begun.elapsed() > PATIENCE {
            return Err(format!("the binding did not come to this: {what}: {status:?}").into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
