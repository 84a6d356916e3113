//! A run's artifacts: what is in its folder in the workspace's store for them, whoever put it there.

use serde_json::{Map, Value, json};

use super::name;
use crate::core::Core;
use crate::core::machinery::address::Address;
use crate::core::machinery::error::ArmError;
use crate::core::resources::storage::{self, Place};
use crate::wire::Request;

/// Their container's name is of the run.
fn folder(core: &Core, workspace: &Address, job: &Value) -> Option<Place> {
    let uri = format!("azureml://datastores/workspaceartifactstore/paths/ExperimentRun/dcid.{}", name(job));
    storage::of_uri(core, workspace, &uri)
}

/// With their paths in it.
fn files(core: &Core, workspace: &Address, job: &Value) -> Vec<(String, Place)> {
    folder(core, workspace, job).map(|folder| storage::files(core, &folder)).unwrap_or_default()
}

fn shown(job: &Value, path: &str) -> Value {
    let container = format!("dcid.{}", name(job));
    json!({
        "artifactId": format!("ExperimentRun/{container}/{path}"),
        "origin": "ExperimentRun",
        "container": container,
        "path": path,
    })
}

/// The list, on one page.
pub fn all(core: &Core, workspace: &Address, job: &Value) -> Value {
    let files = files(core, workspace, job);
    json!({"value": files.iter().map(|(path, _)| shown(job, path)).collect::<Vec<Value>>()})
}

/// The one of `path`, and where it can be read.
pub fn one(core: &Core, workspace: &Address, job: &Value, request: &Request) -> Result<Value, ArmError> {
    let path = request.parameter("path").unwrap_or_default();
    let files = files(core, workspace, job);
    let (_, place) = files.iter().find(|(known, _)| *known == path).ok_or_else(|| {
        ArmError::missing("ArtifactNotFound", format!("Run {} has no artifact {path}.", name(job)))
    })?;
    let mut shown = shown(job, &path);
    shown["contentUri"] = place.signed(core).into();
    Ok(shown)
}

/// Where logs can be read, by path: those that are in the folders in which the service keeps them [CLI].
pub fn logs(core: &Core, workspace: &Address, job: &Value) -> Value {
    const FOLDERS: [&str; 4] = ["user_logs/", "system_logs/", "azureml-logs/", "logs/"];
    let logs = files(core, workspace, job).into_iter();
    let logs = logs.filter(|(path, _)| FOLDERS.iter().any(|folder| path.starts_with(folder)));
    logs.map(|(path, place)| (path, place.signed(core).into())).collect::<Map<_, _>>().into()
}
