//! Invoking a batch endpoint (§H.3). The answer is a job, which is in the workspace, and in lists of the endpoint's and
//! the deployment's jobs.

use serde_json::{Map, Value, json};

use super::scoring;
use crate::core::Core;
use crate::core::machinery::address::{Address, key_of};
use crate::core::machinery::call::Call;
use crate::core::machinery::error::{Answer, ArmError};
use crate::core::machinery::order::Order;
use crate::core::machinery::paging::page;
use crate::core::machinery::{ids, json as at};
use crate::core::resources::endpoint::batch::missing;
use crate::core::resources::{asset, job};
use crate::wire::{Identity, Principal, Request, Response};

/// The client's spelling of the header that makes a request one that can be repeated, and the documented one.
const REPEATABILITY: [&str; 2] = ["repeatability-request-id", "repeatability_request-id"];

/// Answers POST of `/batch/{region}/{endpoint}/jobs`; `rest` is what follows `/batch/`.
pub fn answer(core: &mut Core, principal: &Principal, request: &Request, rest: &str) -> Response {
    let region = rest.split('/').next().unwrap_or_default().to_owned();
    invoke(core, principal, request, rest).unwrap_or_else(|error| error.into_response(core, &region))
}

fn invoke(core: &mut Core, principal: &Principal, request: &Request, rest: &str) -> Answer {
    let parts: Vec<&str> = rest.split('/').collect();
    let [region, name, "jobs"] = parts[..] else { return Err(missing()) };
    if request.method != http::Method::POST {
        return Err(ArmError::front(405, "MethodNotAllowed", "Jobs are made by POST."));
    }
    let (key, endpoint) = scoring::find(core, "/batchEndpoints", region, name).ok_or_else(missing)?;
    if !scoring::admitted(core, &key, &endpoint, principal, request) {
        return Err(ArmError::front(
            401,
            "Unauthorized",
            "Access token or key is missing, or is not accepted.",
        ));
    }
    scoring::permitted(core, &endpoint, principal, "batchEndpoints/jobs/write")?;
    let sent = match serde_json::from_slice::<Value>(&request.body) {
        Ok(body) if body["properties"].is_object() => at::object(&body, "properties"),
        _ => return Err(ArmError::validation("properties", "The properties field is required.")),
    };
    let repeatable = REPEATABILITY.iter().find_map(|name| request.headers.get(*name));
    let repeatable = repeatable.map(|id| format!("{key} {id}"));
    if let Some(made) = repeatable.as_ref().and_then(|id| core.batch_requests.get(id))
        && let Some(made) = core.store.take(made)
    {
        return Ok(Response::json(200, &shown(core, made)));
    }
    let deployment = deployment_of(core, &key, &endpoint, request)?;
    let caller = match principal {
        Principal::Known(identity) => identity.clone(),
        _ => keyholder(name),
    };
    let made = start(core, &caller, &endpoint, &deployment, sent)?;
    let made_key = format!("{key}/jobs/{}", made["name"].as_str().unwrap_or_default());
    let now = core.now();
    core.store.put(now, &made_key, made.clone());
    if let Some(id) = repeatable {
        core.batch_requests.insert(id, made_key);
    }
    Ok(Response::json(201, &shown(core, made)))
}

/// Who has a key is nobody that Entra knows.
fn keyholder(endpoint: &str) -> Identity {
    let name = format!("key of {endpoint}");
    Identity { object_id: ids::stable_guid(0, &name), name, application: true, audience: String::new() }
}

/// By header, else the endpoint's default.
fn deployment_of(core: &Core, key: &str, endpoint: &Value, request: &Request) -> Result<Value, ArmError> {
    let header = request.headers.get("azureml-model-deployment").map(String::as_str);
    let Some(name) = header.or_else(|| at::text(endpoint, "properties.defaults.deploymentName")) else {
        return Err(ArmError::user(
            400,
            "The request is invalid.",
            "DefaultDeploymentNotSet",
            "The endpoint has no default deployment, and none was named.",
        ));
    };
    let deployment = core.store.take(&format!("{key}/deployments/{}", name.to_ascii_lowercase()));
    deployment.filter(|deployment| deployment["properties"]["provisioningState"] == "Succeeded").ok_or_else(
        || {
            ArmError::missing(
                "DeploymentNotFound",
                format!("Deployment {name} was not found, or is not ready."),
            )
        },
    )
}

/// The job runs in the workspace; what is kept at the endpoint is what was sent, and for which deployment.
fn start(
    core: &mut Core,
    caller: &Identity,
    endpoint: &Value,
    deployment: &Value,
    sent: Map<String, Value>,
) -> Result<Value, ArmError> {
    let sent = Value::Object(sent);
    let id = endpoint["id"].as_str().unwrap_or_default();
    let workspace = Address::parse(id).map_err(|_| missing())?.parent();
    let asked = at::text(&sent, "name").filter(|_| core.config.inferred.batch_invocation_names_job);
    let name = match asked {
        Some(name) => name.to_owned(),
        None => format!("batchjob-{}", ids::guid(&mut core.rng)),
    };
    asset::check_name(&name)?;
    let address = workspace.child("jobs", &name);
    if core.store.has(&address.key()) {
        return Err(ArmError::user(
            409,
            "The request is invalid.",
            "JobAlreadyExists",
            format!("Job {name} already exists."),
        ));
    }
    let names = json!({
        "azureml.endpointname": endpoint["name"], "azureml.deploymentname": deployment["name"],
    });
    let named = core.config.inferred.batch_jobs_name_deployment;
    let body = json!({"properties": {
        "displayName": name,
        "properties": if named { names } else { json!({}) },
        "experimentName": at::or(&sent, "properties.experimentName", endpoint["name"].clone()),
        "inputs": typed(&sent, "inputData", "jobInputType")?,
        "outputs": typed(&sent, "outputData", "jobOutputType")?,
        "jobs": {},
        "settings": {},
    }});
    job::begin(core, caller, &address, &body, "Pipeline");
    Ok(json!({
        "id": format!("{id}/jobs/{name}"),
        "name": name,
        "type": "Microsoft.MachineLearningServices/workspaces/batchEndpoints/jobs",
        "properties": sent,
        "deployment": deployment["name"],
        "job": address.id(),
    }))
}

/// Inputs or outputs in the words that jobs have for the types.
fn typed(sent: &Value, field: &str, kind: &str) -> Result<Map<String, Value>, ArmError> {
    let mut all = at::object(sent, field);
    for (name, one) in &mut all {
        if !one.is_object() {
            let field = format!("properties.{field}.{name}");
            return Err(ArmError::validation(&field, format!("It is an object with a {kind}.")));
        }
        let word = match one[kind].as_str().unwrap_or_default() {
            "UriFile" => "uri_file",
            "UriFolder" => "uri_folder",
            "MLTable" => "mltable",
            "CustomModel" => "custom_model",
            "MLFlowModel" => "mlflow_model",
            "TritonModel" => "triton_model",
            _ => "literal",
        };
        one[kind] = word.into();
    }
    Ok(all)
}

/// A job as the endpoint shows it: what was sent, and how far it is.
fn shown(core: &Core, mut made: Value) -> Value {
    let job = made["job"].as_str().and_then(key_of).and_then(|key| core.store.take(&key));
    made["properties"]["status"] =
        job.map_or_else(|| "Unknown".into(), |job| job["properties"]["status"].clone());
    if let Some(fields) = made.as_object_mut() {
        fields.remove("deployment");
        fields.remove("job");
    }
    made
}

/// GET of the jobs of an endpoint, or of a deployment; the latest first.
pub fn list(core: &Core, call: &Call) -> Answer {
    if !core.store.has(&call.address.key()) {
        return Err(missing());
    }
    let deployment = call.address.steps.get(2).map(|(_, name)| name.as_str());
    let steps = call.address.steps.iter().take(2).cloned().collect();
    let address = Address { steps, ..call.address.clone() };
    let of_endpoint = Call { address, api_version: call.api_version.clone(), ..*call };
    page(core, &of_endpoint, Order::NEWEST_FIRST, |made| {
        let own = made["deployment"].as_str().unwrap_or_default();
        let fits = deployment.is_none_or(|wanted| own.eq_ignore_ascii_case(wanted));
        fits.then(|| shown(core, made.into_owned()))
    })
}
