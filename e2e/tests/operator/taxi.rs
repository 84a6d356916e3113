//! The manifests of the taxi-fare model that the situations begin with.

use bindery::api::{DeploymentBinding, DeploymentBindingStatus, ModelVersion, Phase, Registry, Workspace};
use e2e::control_plane;
use e2e::stand::{Error, GROUP, Object, SUBSCRIPTION, Stand, StandOptions, ready};
use kube::api::ListParams;
use serde_json::{Value, json};

/// A stand on the control plane of all tests; the name becomes its namespace.
pub async fn stand(name: &str) -> Result<Stand, Error> {
    stand_with(name, StandOptions::default()).await
}

/// The same, with options.
pub async fn stand_with(name: &str, options: StandOptions) -> Result<Stand, Error> {
    e2e::install_crypto_provider();
    Stand::start(control_plane::shared().await?, name, options).await
}

/// Where everything is in Azure.
pub fn azure() -> Value {
    json!({"subscriptionId": SUBSCRIPTION, "resourceGroup": GROUP})
}

/// A JSON merge patch, to say only what differs.
pub fn with(mut base: Value, patch: Value) -> Value {
    fn merge(base: &mut Value, patch: Value) {
        match patch {
            Value::Object(fields) if base.is_object() => {
                for (key, value) in fields {
                    merge(&mut base[key.as_str()], value);
                }
            }
            other => *base = other,
        }
    }
    merge(&mut base, patch);
    base
}

/// A registry in one region.
pub fn registry() -> Value {
    json!({"azure": azure(), "location": "eastus"})
}

/// A version in the development workspace, from the story's `n`th job.
pub fn from_job(n: &str) -> Value {
    json!({
        "workspaceRef": {"name": "fares-dev"}, "model": "taxi", "version": n,
        "source": {"job": {"name": format!("taxi-train-{n}")}},
    })
}

/// A version in the production workspace, from a path.
pub fn from_uri(n: &str) -> Value {
    json!({
        "workspaceRef": {"name": "fares-prod"}, "model": "taxi", "version": n,
        "source": {"uri": format!("azureml://datastores/models/paths/taxi/{n}")},
    })
}

/// A version in the registry, promoted from the version `taxi-{n}-dev`.
pub fn promoted(n: &str) -> Value {
    json!({
        "registryRef": {"name": "fares-models"}, "model": "taxi", "version": n,
        "source": {"modelVersionRef": {"name": format!("taxi-{n}-dev")}},
    })
}

/// A binding of the endpoint `taxi-prod` to a version, all at once.
pub fn binding(version: &str) -> Value {
    json!({
        "workspaceRef": {"name": "fares-prod"}, "model": {"versionRef": {"name": version}},
        "online": {"endpoint": {"name": "taxi-prod"}, "deployment": {"instanceType": "Standard_DS3_v2"}},
        "strategy": {"keepPrevious": "10m", "keepFailed": "10m"},
    })
}

/// Steps that weights and pauses make: `steps(&[(10, "1s"), (50, "1s")])`.
pub fn steps(steps: &[(i32, &str)]) -> Value {
    let each =
        |(weight, pause): &(i32, &str)| [json!({"setTraffic": weight}), json!({"pause": {"for": pause}})];
    json!({"strategy": {"steps": steps.iter().flat_map(each).collect::<Vec<_>>()}})
}

/// The path of the endpoint in Azure.
pub const ENDPOINT: &str = "workspaces/fares-prod/onlineEndpoints/taxi-prod";

/// The path of a deployment in Azure.
pub fn deployment(name: &str) -> String {
    format!("{ENDPOINT}/deployments/{name}")
}

/// Both workspaces, Ready.
pub async fn workspaces(stand: &Stand) -> Result<(), Error> {
    for name in ["fares-dev", "fares-prod"] {
        stand.apply("Workspace", name, json!({"azure": azure()})).await?;
    }
    for name in ["fares-dev", "fares-prod"] {
        stand.wait_for::<Workspace>(name, "Ready", ready).await?;
    }
    Ok(())
}

/// A place lets objects take over what exists there, as its owner says.
pub async fn allow_adoption<K: Object>(stand: &Stand, place: &str) -> Result<(), Error> {
    stand.edit::<K>(place, json!({"adoption": "Allow"})).await?;
    Ok(())
}

/// The production workspace, and versions `taxi-{n}` in it from paths.
pub async fn versions(stand: &Stand, numbers: &[&str]) -> Result<(), Error> {
    stand.apply("Workspace", "fares-prod", json!({"azure": azure()})).await?;
    for n in numbers {
        stand.apply("ModelVersion", &format!("taxi-{n}"), from_uri(n)).await?;
    }
    for n in numbers {
        stand.wait_for::<ModelVersion>(&format!("taxi-{n}"), "Ready", ready).await?;
    }
    Ok(())
}

/// Applies the binding `taxi`, waits until it is Ready, and gives the name of its stable deployment.
pub async fn serve(stand: &Stand, spec: Value) -> Result<String, Error> {
    stand.apply("DeploymentBinding", "taxi", spec).await?;
    let binding = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    Ok(binding
        .status
        .and_then(|s| s.stable)
        .map(|s| s.deployment)
        .ok_or("Ready without a stable deployment")?)
}

/// Applies the story's places and versions, and the binding of `taxi-1`, without waiting for anything.
pub async fn story(stand: &Stand, binding: Value) -> Result<(), Error> {
    stand.apply("Registry", "fares-models", with(registry(), json!({"tags": {"team": "fares"}}))).await?;
    for name in ["fares-dev", "fares-prod"] {
        stand.apply("Workspace", name, json!({"azure": azure()})).await?;
    }
    for n in ["1", "2"] {
        stand.apply("ModelVersion", &format!("taxi-{n}-dev"), from_job(n)).await?;
        let tags = json!({"tags": {"approved": "yes"}});
        stand.apply("ModelVersion", &format!("taxi-{n}"), with(promoted(n), tags)).await?;
    }
    stand.apply("DeploymentBinding", "taxi", binding).await
}

/// Every object of the story, as it is now.
pub async fn everything(stand: &Stand) -> Result<Vec<Value>, Error> {
    async fn all<K: Object>(stand: &Stand) -> Result<Vec<Value>, Error> {
        let all = stand.api::<K>().list(&ListParams::default()).await?;
        Ok(all.items.iter().map(serde_json::to_value).collect::<Result<_, _>>()?)
    }
    let mut objects = all::<Registry>(stand).await?;
    objects.extend(all::<Workspace>(stand).await?);
    objects.extend(all::<ModelVersion>(stand).await?);
    objects.extend(all::<DeploymentBinding>(stand).await?);
    Ok(objects)
}

/// The status of a binding.
pub fn status(binding: &DeploymentBinding) -> DeploymentBindingStatus {
    binding.status.clone().unwrap_or_default()
}

/// PUTs that made a deployment, by name.
pub fn created(stand: &Stand) -> Vec<String> {
    let puts = stand.requests("PUT", "/deployments/");
    let made = puts.into_iter().filter(|e| e.status == 201);
    made.map(|e| e.path.rsplit('/').next().unwrap_or_default().to_string()).collect()
}

/// Is the rollout in a pause, with this weight?
pub fn pausing_at(weight: i32) -> impl Fn(&DeploymentBinding) -> bool {
    move |b| {
        let status = status(b);
        status.phase == Some(Phase::Pausing) && status.candidate.is_some_and(|c| c.weight == weight)
    }
}
