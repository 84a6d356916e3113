//! Run history, as far as clients need it to follow a job and to get its files [CLI]. A job has one run of its own name.

mod artifacts;
mod outputs;

use serde_json::{Value, json};

use super::mlflow::experiment;
use crate::core::Core;
use crate::core::machinery::address::Address;
use crate::core::machinery::authentication::authenticated;
use crate::core::machinery::call::Door;
use crate::core::machinery::error::{Answer, ArmError};
use crate::core::machinery::{ids, json as at, rights};
use crate::wire::{Principal, Request, Response, decode};

const READ: &str = "Microsoft.MachineLearningServices/workspaces/experiments/runs/read";

/// Where MLflow keeps the name of a run's parent.
const PARENT: &str = "mlflow.parentRunId";

/// Answers `/{history|data|modelregistry}/v1.0{workspace's ARM id}/…`; none when it is none of them.
pub fn answer(core: &mut Core, principal: &Principal, request: &Request) -> Option<Response> {
    let (service, path) = request.path.strip_prefix('/')?.split_once("/v1.0/")?;
    if !["history", "data", "modelregistry"].contains(&service) {
        return None;
    }
    let answer = found(core, principal, request, service, path);
    Some(answer.unwrap_or_else(|error| error.into_response(core, "eastus")))
}

fn found(core: &Core, principal: &Principal, request: &Request, service: &str, path: &str) -> Answer {
    let identity = authenticated(core, principal, Door::Arm)?;
    let segments: Vec<&str> = path.split('/').collect();
    let (owner, rest) = segments.split_at(segments.len().min(8));
    let workspace = Address::parse(&owner.join("/")).ok().filter(|owner| owner.shape() == "workspaces");
    let workspace = workspace.filter(|workspace| core.store.has(&workspace.key())).ok_or_else(|| {
        ArmError::missing("WorkspaceNotFound", format!("There is no workspace in {}.", request.path))
    })?;
    rights::check(core, &identity, &workspace.id(), READ)?;
    let rest: Vec<String> = rest.iter().map(|segment| decode(segment)).collect();
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let job = |name: &str| job(core, &workspace, name);
    let body = match (request.method.as_str(), service, rest.as_slice()) {
        ("GET", "history", ["runs", name]) => run(core, &workspace, &job(name)?),
        ("GET", "history", ["runs", name, "details"]) => details(core, &workspace, &job(name)?),
        ("GET", "history", ["runs", name, "children"]) => children(core, &workspace, &job(name)?, request),
        ("GET", "history", ["runs", name, "serviceinstances", _]) => {
            json!({"instances": services(&job(name)?)})
        }
        ("POST", "history", ["rundata"]) => {
            let asked = sent(request)?;
            let name = asked["runId"].as_str().unwrap_or_default();
            json!({"runMetadata": run(core, &workspace, &job(name)?), "runDefinition": null, "jobSpecification": null})
        }
        ("GET", "history", ["experiments" | "experimentids", _, "runs", name, "artifacts"]) => {
            artifacts::all(core, &workspace, &job(name)?)
        }
        (
            "GET",
            "history",
            ["experiments" | "experimentids", _, "runs", name, "artifacts", "contentinfo"],
        ) => artifacts::one(core, &workspace, &job(name)?, request)?,
        ("POST", "data", ["dataversion", "batchGetResolvedUris"]) => {
            outputs::places(core, &workspace, &sent(request)?, "uri")
        }
        ("POST", "modelregistry", ["models", "batchGetResolvedUris"]) => {
            outputs::places(core, &workspace, &sent(request)?, "path")
        }
        _ => {
            let message = format!("No route for '{}'.", request.path);
            return Err(ArmError::front(404, "ResourceNotFound", message));
        }
    };
    Ok(Response::json(200, &body))
}

fn sent(request: &Request) -> Result<Value, ArmError> {
    serde_json::from_slice(&request.body).map_err(|error| {
        ArmError::front(400, "InvalidRequestContent", format!("The body is not JSON: {error}."))
    })
}

fn job(core: &Core, workspace: &Address, name: &str) -> Result<Value, ArmError> {
    let missing = || ArmError::missing("RunNotFound", format!("Run {name} was not found."));
    core.store.take(&workspace.child("jobs", name).key()).ok_or_else(missing)
}

fn name(job: &Value) -> &str {
    job["name"].as_str().unwrap_or_default()
}

fn parent(job: &Value) -> Value {
    job["properties"]["tags"][PARENT].clone()
}

/// A job as run history sees it.
fn run(core: &Core, workspace: &Address, job: &Value) -> Value {
    let (name, properties) = (name(job), &job["properties"]);
    let person =
        |field: &str| json!({"userName": job["systemData"][field], "userTenantId": core.config.tenant});
    let compute = at::text(properties, "computeId").and_then(|id| id.rsplit('/').next());
    json!({
        "runId": name,
        "runUuid": ids::stable_guid(core.config.seed, &format!("run {}", workspace.child("jobs", name).key())),
        "parentRunId": parent(job),
        "rootRunId": parent(job).as_str().unwrap_or(name),
        "experimentId": experiment::of(core, workspace, job),
        "dataContainerId": format!("dcid.{name}"),
        "displayName": properties["displayName"],
        "description": properties["description"],
        "status": properties["status"],
        "hidden": properties["isArchived"],
        "createdUtc": job["systemData"]["createdAt"],
        "createdBy": person("createdBy"),
        "lastModifiedUtc": job["systemData"]["lastModifiedAt"],
        "lastModifiedBy": person("lastModifiedBy"),
        "target": compute,
        "compute": compute.map(|target| json!({"target": target})),
        "tags": properties["tags"],
        "properties": properties["properties"],
        "services": services(job),
        "outputs": outputs::of(core, workspace, job),
    })
}

/// A run, and where its logs can be read.
fn details(core: &Core, workspace: &Address, job: &Value) -> Value {
    let mut details = run(core, workspace, job);
    details["createdTimeUtc"] = details["createdUtc"].clone();
    details["logFiles"] = artifacts::logs(core, workspace, job);
    details["warnings"] = json!([]);
    details
}

/// The runs that name this one as their parent; at most `$top`.
fn children(core: &Core, workspace: &Address, job: &Value, request: &Request) -> Value {
    let most = request.parameter("$top").and_then(|most| most.parse().ok()).unwrap_or(usize::MAX);
    let jobs = format!("{}/jobs", workspace.key());
    let children = core.store.all(&jobs).filter(|child| parent(child) == job["name"]).take(most);
    let children: Vec<Value> = children.map(|child| run(core, workspace, &child)).collect();
    json!({"value": children})
}

/// The services that a job was made with: they run while it does, and nobody can reach them.
fn services(job: &Value) -> Value {
    let running = job["properties"]["status"] == "Running";
    let services = at::object(job, "properties.services").into_iter().map(|(name, service)| {
        let instance = json!({
            "type": service["jobServiceType"],
            "port": service["port"],
            "status": if running { "Running" } else { "Stopped" },
            "endpoint": service["endpoint"],
            "properties": at::object(&service, "properties"),
        });
        (name, instance)
    });
    Value::Object(services.collect())
}
