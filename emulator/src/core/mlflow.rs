//! MLflow's tracking API as far as readers of runs need it (§H.2): runs/get, runs/search, metrics/get-history.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::address::Address;
use super::{Core, ids, json as at, rights};
use crate::wire::{Identity, Request, Response};

/// What a run logged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics {
    /// By name, in the order logged: numbers, or the strings `NaN`, `Infinity` and `-Infinity`.
    pub history: BTreeMap<String, Vec<Value>>,
    /// Parameters.
    pub params: BTreeMap<String, String>,
    /// Milliseconds since 1970.
    logged: i64,
}

impl Metrics {
    /// Metrics from a seed, where each is a value or a list of values.
    pub fn of(metrics: &BTreeMap<String, Value>, params: &BTreeMap<String, String>, now: Timestamp) -> Self {
        let values = |value: &Value| match value {
            Value::Array(values) => values.clone(),
            value => vec![value.clone()],
        };
        Self {
            history: metrics.iter().map(|(name, value)| (name.clone(), values(value))).collect(),
            params: params.clone(),
            logged: now.as_millisecond(),
        }
    }
}

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
        ("POST", "runs/search") => search(core, &workspace, request),
        ("GET", "metrics/get-history") => history(core, &workspace, request),
        _ => refused(404, "ENDPOINT_NOT_FOUND", &format!("No API found for {} {operation}.", request.method)),
    }
}

fn run_id(request: &Request) -> String {
    request.parameter("run_id").or_else(|| request.parameter("run_uuid")).unwrap_or_default()
}

fn get(core: &Core, workspace: &Address, request: &Request) -> Response {
    let id = run_id(request);
    match core.store.get(&workspace.child("jobs", &id).key()) {
        Some(job) => Response::json(200, &json!({"run": run(core, workspace, job)})),
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
            Some(json!({"key": key, "value": values.last()?, "timestamp": logged.logged, "step": values.len() - 1}))
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
            "experiment_id": experiment_id(core, workspace, job),
            "user_id": job["systemData"]["createdBy"],
            "status": status,
            "start_time": logged.logged,
            "end_time": if status == "FINISHED" { json!(logged.logged) } else { Value::Null },
            "artifact_uri": format!("azureml://{}/mlflow/v2.0{}/experiments/{}/runs/{name}/artifacts", core.host(), workspace.id(), experiment_id(core, workspace, job)),
            "lifecycle_stage": "active",
        },
        "data": {"metrics": metrics, "params": params, "tags": pairs(tags)},
        "inputs": {},
    })
}

fn experiment_id(core: &Core, workspace: &Address, job: &Value) -> String {
    let name = at::text(job, "properties.experimentName").unwrap_or("Default");
    ids::stable_guid(core.config.seed, &format!("experiment {} {name}", workspace.key()))
}

fn search(core: &Core, workspace: &Address, request: &Request) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return refused(400, "BAD_REQUEST", "The body is not JSON.");
    };
    let experiments: Vec<&str> =
        body["experiment_ids"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let conditions = match body["filter"].as_str().map_or(Ok(Vec::new()), conditions) {
        Ok(conditions) => conditions,
        Err(clause) => {
            return refused(
                400,
                "INVALID_PARAMETER_VALUE",
                &format!("Invalid clause in filter string: {clause}"),
            );
        }
    };
    let most = body["max_results"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(1000);
    let start = body["page_token"].as_str().and_then(|token| token.parse::<usize>().ok()).unwrap_or(0);
    let runs: Vec<Value> = core
        .store
        .all(&format!("{}/jobs", workspace.key()))
        .filter(|job| {
            experiments.is_empty() || experiments.contains(&experiment_id(core, workspace, job).as_str())
        })
        .map(|job| run(core, workspace, job))
        .filter(|run| conditions.iter().all(|condition| condition.holds(run)))
        .collect();
    let page: Vec<&Value> = runs.iter().skip(start).take(most).collect();
    let mut answer = json!({"runs": page});
    if start + page.len() < runs.len() {
        answer["next_page_token"] = (start + page.len()).to_string().into();
    }
    Response::json(200, &answer)
}

/// One clause of MLflow's filter language: `metrics.rmse < 4`, `tags.x = 'y'`.
struct Condition {
    group: String,
    key: String,
    operator: &'static str,
    value: String,
}

fn conditions(filter: &str) -> Result<Vec<Condition>, String> {
    let clauses = filter.replace(" AND ", " and ");
    clauses.split(" and ").filter(|clause| !clause.trim().is_empty()).map(condition).collect()
}

fn condition(clause: &str) -> Result<Condition, String> {
    let operator = ["!=", "<=", ">=", "=", "<", ">"].into_iter().find(|operator| clause.contains(operator));
    let operator = operator.ok_or_else(|| clause.to_owned())?;
    let (left, right) = clause.split_once(operator).ok_or_else(|| clause.to_owned())?;
    let (group, key) = left.trim().split_once('.').unwrap_or(("attributes", left.trim()));
    let quotes: &[char] = &['\'', '"', '`'];
    Ok(Condition {
        group: group.trim_end_matches('s').to_owned(),
        key: key.trim_matches(quotes).to_owned(),
        operator,
        value: right.trim().trim_matches(quotes).to_owned(),
    })
}

impl Condition {
    fn holds(&self, run: &Value) -> bool {
        let found = if self.group == "attribute" {
            run["info"].get(&self.key)
        } else {
            run["data"][format!("{}s", self.group)]
                .as_array()
                .and_then(|pairs| pairs.iter().find(|pair| pair["key"] == self.key))
                .and_then(|pair| pair.get("value"))
        };
        let Some(found) = found else { return false };
        let text = found.as_str().map_or_else(|| found.to_string(), ToOwned::to_owned);
        if let (Ok(left), Ok(right)) = (text.parse::<f64>(), self.value.parse::<f64>())
            && self.group == "metric"
        {
            return match self.operator {
                "<" => left < right,
                "<=" => left <= right,
                ">" => left > right,
                ">=" => left >= right,
                "!=" => (left - right).abs() > f64::EPSILON,
                _ => (left - right).abs() <= f64::EPSILON,
            };
        }
        match self.operator {
            "=" => text == self.value,
            "!=" => text != self.value,
            _ => false,
        }
    }
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
        .map(|(step, value)| json!({"key": name, "value": value, "timestamp": logged.logged, "step": step}))
        .collect();
    Response::json(200, &json!({"metrics": points}))
}
