//! MLflow's tracking API as far as readers need it (§H.2): runs, their metrics' history, and experiments.

pub mod experiment;
mod search;

use serde_json::{Value, json};

use crate::core::Core;
use crate::core::machinery::address::Address;
use crate::core::machinery::{json as at, rights};
use crate::core::resources::run::Metrics;
use crate::wire::{Identity, Request, Response};

fn refused(status: u16, code: &str, message: &str) -> Response {
    Response::json(status, &json!({"error_code": code, "message": message}))
}

/// Answers `{v1.0|v2.0}{workspace's ARM id}/api/2.0/mlflow/…`.
pub fn answer(core: &mut Core, identity: &Identity, request: &Request, rest: &str) -> Response {
    let Some((_, path)) = rest.split_once('/') else {
        return refused(404, "ENDPOINT_NOT_FOUND", "No such MLflow version.");
    };
    let Some((id, operation)) = path.split_once("/api/2.0/mlflow/") else {
        return refused(404, "ENDPOINT_NOT_FOUND", "No such MLflow API.");
    };
    let workspace = match Address::parse(id) {
        Ok(workspace) if core.store.has(&workspace.key()) => workspace,
        _ => return refused(404, "RESOURCE_DOES_NOT_EXIST", "The workspace was not found."),
    };
    if let Err(error) = rights::check(
        core,
        identity,
        &workspace.id(),
        "Microsoft.MachineLearningServices/workspaces/metrics/read",
    ) {
        return error.into_response(core, "eastus");
    }
    match (request.method.as_str(), operation) {
        ("GET", "runs/get") => get(core, &workspace, request),
        ("POST", "runs/search") => search::answer(core, &workspace, request),
        ("GET", "metrics/get-history") => history(core, &workspace, request),
        ("GET", "experiments/get") => experiment::by_id(core, &workspace, request),
        ("GET", "experiments/get-by-name") => experiment::by_name(core, &workspace, request),
        ("GET" | "POST", "experiments/search") => experiment::all(core, &workspace),
        _ => refused(404, "ENDPOINT_NOT_FOUND", &format!("No API found for {} {operation}.", request.method)),
    }
}

fn run_id(request: &Request) -> String {
    request.parameter("run_id").or_else(|| request.parameter("run_uuid")).unwrap_or_default()
}

fn get(core: &Core, workspace: &Address, request: &Request) -> Response {
    let id = run_id(request);
    match core.store.get(&workspace.child("jobs", &id).key()) {
        Some(job) => Response::json(200, &json!({"run": run(core, workspace, &job)})),
        None => refused(404, "RESOURCE_DOES_NOT_EXIST", &format!("Run with id={id} not found.")),
    }
}

/// A job as MLflow sees it: last values only.
fn run(core: &Core, workspace: &Address, job: &Value) -> Value {
    let name = job["name"].as_str().unwrap_or_default();
    let empty = Metrics::default();
    let logged = core.metrics.get(&workspace.child("jobs", name).key()).unwrap_or(&empty);
    let metrics: Vec<Value> = logged
        .history
        .iter()
        .filter_map(|(key, values)| {
            let last = told(core, values.last()?);
            Some(json!({"key": key, "value": last, "timestamp": logged.logged, "step": values.len() - 1}))
        })
        .collect();
    let pairs = |fields: serde_json::Map<String, Value>| -> Vec<Value> {
        fields.into_iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
    };
    let params: Vec<Value> =
        logged.params.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    let status = match at::text(job, "properties.status").unwrap_or_default() {
        "Completed" => "FINISHED",
        "Failed" | "NotResponding" => "FAILED",
        "Canceled" => "KILLED",
        "Running" | "Finalizing" | "CancelRequested" => "RUNNING",
        _ => "SCHEDULED",
    };
    let mut tags = at::object(job, "properties.properties");
    tags.extend(at::object(job, "properties.tags"));
    json!({
        "info": {
            "run_id": name,
            "run_uuid": name,
            "run_name": job["properties"]["displayName"],
            "experiment_id": experiment::of(core, workspace, job),
            "user_id": job["systemData"]["createdBy"],
            "status": status,
            "start_time": logged.logged,
            "end_time": if status == "FINISHED" { json!(logged.logged) } else { Value::Null },
            "artifact_uri": format!("azureml://{}/mlflow/v2.0{}/experiments/{}/runs/{name}/artifacts", core.host(), workspace.id(), experiment::of(core, workspace, job)),
            "lifecycle_stage": "active",
        },
        "data": {"metrics": metrics, "params": params, "tags": pairs(tags)},
        "inputs": {},
    })
}

/// A value as it is answered: JSON has no word for NaN and Infinity.
fn told<'a>(core: &Core, value: &'a Value) -> &'a Value {
    if value.is_string() && !core.config.inferred.nan_as_text { &Value::Null } else { value }
}

fn history(core: &Core, workspace: &Address, request: &Request) -> Response {
    let key = workspace.child("jobs", &run_id(request)).key();
    let name = request.parameter("metric_key").unwrap_or_default();
    let Some(logged) = core.metrics.get(&key) else {
        return refused(
            404,
            "RESOURCE_DOES_NOT_EXIST",
            &format!("Run with id={} not found.", run_id(request)),
        );
    };
    let points: Vec<Value> = logged
        .history
        .get(&name)
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(step, value)| json!({"key": name, "value": told(core, value), "timestamp": logged.logged, "step": step}))
        .collect();
    Response::json(200, &json!({"metrics": points}))
}
