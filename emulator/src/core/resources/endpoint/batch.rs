//! Batch endpoints and deployments (§B.6): no traffic, but a default deployment; no answers, but jobs.

use super::{
    added, bounds, check_name, deployment, keys, located, long_running, refuse_busy, refuse_foreign,
    refuse_quota,
};
use crate::config::Work;
use crate::core::Core;
use crate::core::machinery::call::{self, Call};
use crate::core::machinery::error::{Answer, ArmError};
use crate::core::machinery::operation::{self, Deed, Failure, Family, Start, Urls};
use crate::core::machinery::order::Order;
use crate::core::machinery::paging::page;
use crate::core::machinery::schema::word;
use crate::core::machinery::{json as at, tags};
use crate::core::resources::{registry, workspace};
use crate::wire::Response;
use serde_json::{Value, json};

pub fn missing() -> ArmError {
    ArmError::missing("BatchEndpointNotFound", "The batch endpoint or deployment was not found.")
}

/// GET of one endpoint or deployment.
pub fn get(core: &Core, call: &Call) -> Answer {
    core.store.get(&call.address.key()).map(|document| Response::json(200, &document)).ok_or_else(missing)
}

/// GET of all.
pub fn list(core: &Core, call: &Call) -> Answer {
    if call.address.steps.len() > 1 && !core.store.has(&call.address.key()) {
        return Err(missing());
    }
    let order = Order::of_versions(call.request, Order::OLDEST_FIRST);
    page(core, call, order, |document| Some(document.into_owned()))
}

/// PUT of an endpoint.
pub fn put_endpoint(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    check_name(call.address.leaf())?;
    let key = call.address.key();
    let before = core.store.take(&key);
    let location = located(core, call, &body, before.as_ref())?;
    if before.is_none() {
        refuse_quota(core, call, &location)?;
    }
    refuse_busy(core, &key)?;
    let default = default_deployment(core, &key, &body, before.as_ref())?;
    let identity =
        registry::identity(core, before.as_ref().unwrap_or(&Value::Null), at::at(&body, "identity"))?;
    let mut properties = added(before.as_ref(), &body);
    properties.entry("BatchEndpointCreationApiVersion").or_insert_with(|| call.api_version.clone().into());
    properties.insert("azureml.onlineendpointid".to_owned(), call.address.id().into());
    let uri = |field: &str| before.as_ref().map_or(Value::Null, |before| before["properties"][field].clone());
    let mut document = tracked(
        core,
        call,
        before.as_ref(),
        &location,
        &body,
        &json!({
            "description": at::or(&body, "properties.description", Value::Null),
            "properties": properties,
            "scoringUri": uri("scoringUri"),
            "swaggerUri": uri("swaggerUri"),
            "authMode": word(&["AADToken", "Key", "AMLToken"], at::text(&body, "properties.authMode")),
            "defaults": {"deploymentName": default},
        }),
    );
    if at::at(&body, "identity").is_some() {
        document["identity"] = identity;
    }
    if before.is_none() {
        keys::make(core, &key, &body);
    }
    Ok(operate(core, call, document, before.as_ref()))
}

/// The name of the deployment that the endpoint is to run, in the deployment's own spelling. One that was named before
/// may be gone meanwhile; a new one must be there [INF].
fn default_deployment(
    core: &Core,
    endpoint: &str,
    body: &Value,
    before: Option<&Value>,
) -> Result<Value, ArmError> {
    let path = "properties.defaults.deploymentName";
    let Some(name) = at::text(body, path).filter(|name| !name.is_empty()) else { return Ok(Value::Null) };
    if let Some(deployment) = core.store.get(&format!("{endpoint}/deployments/{}", name.to_ascii_lowercase()))
    {
        return Ok(deployment["name"].clone());
    }
    match before.and_then(|before| at::text(before, path)) {
        Some(known) if known.eq_ignore_ascii_case(name) => Ok(known.into()),
        _ if !core.config.inferred.batch_default_must_exist => Ok(name.into()),
        _ => Err(ArmError::validation(path, format!("Deployment {name} of the endpoint does not exist."))),
    }
}

/// PUT of a deployment, with the defaults of the service [REC].
pub fn put_deployment(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    check_name(call.address.leaf())?;
    if !core.store.has(&call.address.key_to(2)) {
        return Err(missing());
    }
    let before = core.store.take(&call.address.key());
    let location = located(core, call, &body, before.as_ref())?;
    let resources = resources(&body, before.as_ref())?;
    bounds::batch(&body)?;
    refuse_foreign(call, &body, &["model.assetId", "environmentId", "codeConfiguration.codeId"])?;
    if before.is_none() {
        deployment::refuse_quota(core, call, &location)?;
    }
    refuse_busy(core, &call.address.key_to(2))?;
    let asked = |field: &str, default: Value| at::or(&body, &format!("properties.{field}"), default);
    let chosen =
        |field: &str, words: &[&'static str]| word(words, at::text(&body, &format!("properties.{field}")));
    let retries = json!({
        "maxRetries": at::or(&body, "properties.retrySettings.maxRetries", 3),
        "timeout": at::or(&body, "properties.retrySettings.timeout", "PT30M"),
    });
    let document = tracked(
        core,
        call,
        before.as_ref(),
        &location,
        &body,
        &json!({
            "description": asked("description", Value::Null),
            "properties": added(before.as_ref(), &body),
            "codeConfiguration": asked("codeConfiguration", Value::Null),
            "environmentId": asked("environmentId", Value::Null),
            "environmentVariables": asked("environmentVariables", json!({})),
            "compute": asked("compute", Value::Null),
            "deploymentConfiguration": asked("deploymentConfiguration", Value::Null),
            "errorThreshold": asked("errorThreshold", json!(-1)),
            "retrySettings": retries,
            "miniBatchSize": asked("miniBatchSize", json!(10)),
            "loggingLevel": chosen("loggingLevel", &["Info", "Warning", "Debug"]),
            "model": asked("model", Value::Null),
            "maxConcurrencyPerInstance": asked("maxConcurrencyPerInstance", json!(1)),
            "outputAction": chosen("outputAction", &["AppendRow", "SummaryOnly"]),
            "outputFileName": asked("outputFileName", "predictions.csv".into()),
            "resources": resources,
        }),
    );
    Ok(operate(core, call, document, before.as_ref()))
}

/// Fixed at creation: another one is refused, and what is left out stays.
fn resources(body: &Value, before: Option<&Value>) -> Result<Value, ArmError> {
    let Some(known) = before.map(|before| &before["properties"]["resources"]) else {
        return Ok(json!({
            "instanceCount": at::or(body, "properties.resources.instanceCount", 1),
            "instanceType": at::or(body, "properties.resources.instanceType", Value::Null),
            "properties": at::or(body, "properties.resources.properties", Value::Null),
        }));
    };
    for field in ["instanceCount", "instanceType", "properties"] {
        let wanted = at::at(body, &format!("properties.resources.{field}"));
        if wanted.is_some_and(|wanted| !at::same(wanted, &known[field], false)) {
            return Err(ArmError::validation(
                "resources",
                "resources cannot be changed after the deployment was created.",
            ));
        }
    }
    Ok(known.clone())
}

fn tracked(
    core: &Core,
    call: &Call,
    before: Option<&Value>,
    location: &str,
    body: &Value,
    properties: &Value,
) -> Value {
    json!({
        "id": call.address.id(),
        "name": call.address.leaf(),
        "type": call.address.arm_type(),
        "location": location,
        "tags": tags::kept(core, before, body),
        "properties": properties,
    })
}

fn operate(core: &mut Core, call: &Call, mut document: Value, before: Option<&Value>) -> Response {
    let key = call.address.key();
    let deployment = call.address.steps.len() > 2;
    match before {
        Some(before) => call::touch(core, call.identity, &mut document, before),
        None => document["systemData"] = call::system_data(core, call.identity, false),
    }
    let (state, work) = match (before.is_none(), deployment) {
        (true, false) => ("Creating", Work::EndpointCreate),
        (false, false) => ("Updating", Work::EndpointUpdate),
        (true, true) => ("Creating", Work::DeploymentCreate),
        (false, true) => ("Updating", Work::DeploymentUpdate),
    };
    document["properties"]["provisioningState"] = state.into();
    let now = core.now();
    core.store.put(now, &key, document.clone());
    let urls = begin(core, call, work, Deed::FinishBatch { key: key.clone() }, Some(key));
    long_running(core, call, if before.is_none() { 201 } else { 200 }, &document, &urls)
}

fn begin(core: &mut Core, call: &Call, work: Work, deed: Deed, shows: Option<String>) -> Urls {
    let (workspace_id, location) = workspace::place(core, &call.address);
    operation::start(
        core,
        call,
        Start {
            family: Family::Mfe("bebes"),
            location: &location,
            workspace_id: &workspace_id,
            work,
            deed,
            shows,
            model: "",
        },
    )
}

/// PATCH: tags; of a deployment also the description. At once [INF].
pub fn patch(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    let key = call.address.key();
    let before = core.store.take(&key).ok_or_else(missing)?;
    let mut document = before.clone();
    if at::at(&body, "tags").is_some() {
        document["tags"] = tags::kept(core, Some(&before), &body);
    }
    if let (Some(text), true) = (at::at(&body, "properties.description"), call.address.steps.len() > 2) {
        document["properties"]["description"] = text.clone();
    }
    call::touch(core, call.identity, &mut document, &before);
    let now = core.now();
    core.store.put(now, &key, document.clone());
    Ok(Response::json(200, &document))
}

/// DELETE of an endpoint with its deployments, or of a deployment.
pub fn delete(core: &mut Core, call: &Call) -> Answer {
    let key = call.address.key();
    if !core.store.has(&key) {
        return Ok(Response::empty(204));
    }
    refuse_busy(core, &call.address.key_to(2))?;
    let now = core.now();
    core.store.change(now, &key, |document| document["properties"]["provisioningState"] = "Deleting".into());
    let work = if call.address.steps.len() > 2 { Work::DeploymentDelete } else { Work::EndpointDelete };
    let urls = begin(core, call, work, Deed::RemoveBatch { key }, None);
    Ok(super::accepted(core, &urls))
}

/// A change has ended.
pub fn finish(core: &mut Core, key: &str, fate: Result<(), Failure>) -> Result<(), Failure> {
    let now = core.now();
    let base = core.base().to_owned();
    core.store.change(now, key, |document| {
        let state = if fate.is_ok() { "Succeeded" } else { "Failed" };
        document["properties"]["provisioningState"] = state.into();
        if fate.is_ok() && document["properties"].get("scoringUri").is_some() {
            let name = document["name"].as_str().unwrap_or_default();
            let root = format!("{base}/batch/{}/{name}", document["location"].as_str().unwrap_or_default());
            document["properties"]["scoringUri"] = format!("{root}/jobs").into();
            document["properties"]["swaggerUri"] = format!("{root}/swagger.json").into();
        }
    });
    fate
}

/// A deletion has ended.
pub fn remove(core: &mut Core, key: &str, fate: Result<(), Failure>) -> Result<(), Failure> {
    if fate.is_err() {
        return finish(core, key, fate);
    }
    let now = core.now();
    core.store.remove(now, key);
    core.endpoint_keys.remove(key);
    Ok(())
}
