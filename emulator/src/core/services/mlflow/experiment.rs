//! Experiments: the names that jobs were given, each with an id of its own.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::refused;
use crate::core::Core;
use crate::core::machinery::address::Address;
use crate::core::machinery::{ids, json as at};
use crate::wire::{Request, Response};

/// The id of a job's experiment.
pub fn of(core: &Core, workspace: &Address, job: &Value) -> String {
    let name = at::text(job, "properties.experimentName").unwrap_or("Default");
    ids::stable_guid(core.config.seed, &format!("experiment {} {name}", workspace.key()))
}

/// As MLflow sees them, by name.
fn known(core: &Core, workspace: &Address) -> BTreeMap<String, Value> {
    let jobs = format!("{}/jobs", workspace.key());
    core.store
        .all(&jobs)
        .map(|job| {
            let name = at::text(&job, "properties.experimentName").unwrap_or("Default").to_owned();
            let id = of(core, workspace, &job);
            let experiment = json!({
                "experiment_id": id,
                "name": name,
                "artifact_location": "",
                "lifecycle_stage": "active",
                "tags": [],
            });
            (name, experiment)
        })
        .collect()
}

fn found(experiment: Option<Value>, what: &str) -> Response {
    match experiment {
        Some(experiment) => Response::json(200, &json!({"experiment": experiment})),
        None => refused(404, "RESOURCE_DOES_NOT_EXIST", &format!("Could not find experiment with {what}.")),
    }
}

/// experiments/get.
pub fn by_id(core: &Core, workspace: &Address, request: &Request) -> Response {
    let id = request.parameter("experiment_id").unwrap_or_default();
    let experiment = known(core, workspace).into_values().find(|known| known["experiment_id"] == id);
    found(experiment, &format!("id={id}"))
}

/// experiments/get-by-name.
pub fn by_name(core: &Core, workspace: &Address, request: &Request) -> Response {
    let name = request.parameter("experiment_name").unwrap_or_default();
    found(known(core, workspace).remove(&name), &format!("name={name}"))
}

/// experiments/search: all on one page, whatever the filter.
pub fn all(core: &Core, workspace: &Address) -> Response {
    let experiments: Vec<Value> = known(core, workspace).into_values().collect();
    Response::json(200, &json!({"experiments": experiments}))
}
