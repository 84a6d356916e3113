//! Online deployments (§B.5): what the service fills in, rewrites and refuses to change.

use serde_json::{Map, Value, json};

use super::address::key_of;
use super::arm::{self, Call};
use super::endpoint::{self, accepted, begin, long_running, show_operation, shown};
use super::error::{Answer, ArmError};
use super::fault::Work;
use super::operation::{Deed, Failure};
use super::paging::page;
use super::schema::word;
use super::scoring::Serving;
use super::store::Order;
use super::{Core, json as at, traffic};
use crate::wire::Response;

fn missing(name: &str) -> ArmError {
    let mut error = ArmError::missing("DeploymentNotFound", format!("Deployment {name} was not found."));
    "NotFound".clone_into(&mut error.code);
    error
}

/// GET of one.
pub fn get(core: &Core, call: &Call) -> Answer {
    match core.store.get(&call.address.key()) {
        Some(document) => Ok(Response::json(200, &shown(call, document))),
        None => Err(missing(call.address.leaf())),
    }
}

/// GET of all on an endpoint.
pub fn list(core: &Core, call: &Call) -> Answer {
    if !core.store.has(&call.address.key()) {
        return Err(endpoint::missing());
    }
    let newest =
        call.request.parameter("$orderBy").is_some_and(|order| order.to_ascii_lowercase().ends_with("desc"));
    let order = if newest { Order::NewestFirst } else { Order::OldestFirst };
    page(core, call, order, |document| Some(shown(call, document)))
}

/// PUT: makes, or replaces what is not fixed at creation.
pub fn put(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    let key = call.address.key();
    let endpoint_key = call.address.key_to(2);
    let Some(parent) = core.store.get(&endpoint_key).cloned() else { return Err(endpoint::missing()) };
    endpoint::check_name(call.address.leaf())?;
    let before = core.store.get(&key).cloned();
    checked(core, call, &body, &parent, before.as_ref())?;
    endpoint::refuse_busy(core, &endpoint_key)?;
    let is_new = before.is_none();
    let mut document = rendered(core, call, &body, &parent, before.as_ref())?;
    match &before {
        Some(before) => arm::touch(core, call.identity, &mut document, before),
        None => document["systemData"] = arm::system_data(core, call.identity, false),
    }
    let model = at::text(&body, "properties.model").unwrap_or_default();
    let work = if is_new { Work::DeploymentCreate } else { Work::DeploymentUpdate };
    let started =
        begin(core, call, work, Deed::FinishDeployment { key: key.clone() }, Some(key.clone()), model);
    show_operation(&mut document, &started);
    let now = core.now();
    core.store.put(now, &key, document.clone());
    mark_endpoint(core, &endpoint_key, "Updating");
    Ok(long_running(core, call, if is_new { 201 } else { 200 }, &document, &started))
}

fn mark_endpoint(core: &mut Core, endpoint: &str, state: &str) {
    if core.config.inferred.endpoint_updating_with_deployment {
        let now = core.now();
        core.store
            .change(now, endpoint, |document| document["properties"]["provisioningState"] = state.into());
    }
}

fn checked(
    core: &Core,
    call: &Call,
    body: &Value,
    parent: &Value,
    before: Option<&Value>,
) -> Result<(), ArmError> {
    let location = at::text(body, "location").unwrap_or_default();
    let location = location.replace(' ', "").to_ascii_lowercase();
    let expected = at::text(parent, "location").unwrap_or_default();
    if location != expected {
        return Err(ArmError::front(
            409,
            "InvalidResourceLocation",
            format!(
                "The location '{location}' of deployment '{}' must be that of its endpoint, '{expected}'.",
                call.address.leaf()
            ),
        ));
    }
    let compute = compute_type(body);
    capacity(core, body)?;
    if let Some(scale) = at::text(body, "properties.scaleSettings.scaleType")
        && compute == "Managed"
        && !scale.eq_ignore_ascii_case("Default")
    {
        return Err(ArmError::validation(
            "ScaleSettings",
            format!("The scaleType '{scale}' is not supported for managed deployments."),
        ));
    }
    match before {
        Some(before) => refuse_fixed(body, before, compute),
        None => refuse_quota(core, call),
    }
}

fn refuse_fixed(body: &Value, before: &Value, compute: &str) -> Result<(), ArmError> {
    let fixed = |field: &str| {
        Err(ArmError::validation(
            field,
            format!("{field} cannot be changed after the deployment was created."),
        ))
    };
    if at::text(before, "properties.endpointComputeType") != Some(compute) {
        return fixed("endpointComputeType");
    }
    for field in ["instanceType", "codeConfiguration"] {
        let path = format!("properties.{field}");
        if let Some(wanted) = at::at(body, &path)
            && Some(wanted) != at::at(before, &path)
        {
            return fixed(field);
        }
    }
    Ok(())
}

fn refuse_quota(core: &Core, call: &Call) -> Result<(), ArmError> {
    let quotas = &core.config.quotas;
    let here = core.store.all(&format!("{}/deployments", call.address.key_to(2))).count();
    let all = core.store.everywhere("/deployments").count();
    if here >= quotas.deployments_per_endpoint || all >= quotas.deployments {
        return Err(ArmError::user(
            400,
            "The request is invalid.",
            "OutOfQuota",
            format!(
                "Not enough quota for deployments: {} per endpoint, {} per region.",
                quotas.deployments_per_endpoint, quotas.deployments
            ),
        ));
    }
    Ok(())
}

fn compute_type(body: &Value) -> &'static str {
    word(&["Managed", "Kubernetes", "AzureMLCompute"], at::text(body, "properties.endpointComputeType"))
}

/// Instances live in `sku.capacity`; 1 when not given.
fn capacity(core: &Core, body: &Value) -> Result<u64, ArmError> {
    let most = core.config.quotas.instances;
    match at::at(body, "sku.capacity") {
        None => Ok(1),
        Some(value) => value.as_u64().filter(|count| (1..=most).contains(count)).ok_or_else(|| {
            ArmError::validation("Capacity", format!("sku.capacity must be a whole number from 1 to {most}."))
        }),
    }
}

fn sku(core: &Core, body: &Value) -> Result<Value, ArmError> {
    Ok(json!({
        "name": at::text(body, "sku.name").unwrap_or("Default"),
        "tier": at::text(body, "sku.tier").unwrap_or("Standard"),
        "capacity": capacity(core, body)?,
    }))
}

fn rendered(
    core: &Core,
    call: &Call,
    body: &Value,
    parent: &Value,
    before: Option<&Value>,
) -> Result<Value, ArmError> {
    let compute = compute_type(body);
    let asked = |field: &str| at::or(body, &format!("properties.{field}"), Value::Null);
    // Fixed at creation: what is absent later is what it was.
    let fixed = |field: &str, default: Value| {
        let path = format!("properties.{field}");
        at::at(body, &path)
            .or_else(|| before.and_then(|before| at::at(before, &path)))
            .cloned()
            .unwrap_or(default)
    };
    let probe = |field: &str| {
        let given = at::object(body, &format!("properties.{field}"));
        filled(
            given,
            &json!({"failureThreshold": 30, "successThreshold": 1, "timeout": "PT2S", "period": "PT10S", "initialDelay": "PT10S"}),
        )
    };
    let request = filled(
        at::object(body, "properties.requestSettings"),
        &json!({"maxQueueWait": "PT0S", "requestTimeout": "PT5S", "maxConcurrentRequestsPerInstance": 1}),
    );
    let scale = if compute == "Kubernetes" { "TargetUtilization" } else { "Default" };
    let mut properties = json!({
        "description": asked("description"),
        "properties": endpoint::added(before, body),
        "codeConfiguration": fixed("codeConfiguration", Value::Null),
        "environmentId": asked("environmentId"),
        "environmentVariables": at::or(body, "properties.environmentVariables", json!({})),
        "scaleSettings": at::or(body, "properties.scaleSettings", json!({"scaleType": scale})),
        "requestSettings": request,
        "modelMountPath": asked("modelMountPath"),
        "appInsightsEnabled": at::or(body, "properties.appInsightsEnabled", false),
        "livenessProbe": probe("livenessProbe"),
        "readinessProbe": probe("readinessProbe"),
        "provisioningState": if before.is_some() { "Updating" } else { "Creating" },
        "instanceType": fixed("instanceType", "Standard_F4s_v2".into()),
        "model": asked("model"),
        "egressPublicNetworkAccess": endpoint::access(body, "properties.egressPublicNetworkAccess"),
        "dataCollector": asked("dataCollector"),
        "endpointComputeType": compute,
    });
    if at::at(body, "properties.startupProbe").is_some() {
        properties["startupProbe"] = probe("startupProbe");
    }
    if compute == "Kubernetes" {
        properties["containerResourceRequirements"] = asked("containerResourceRequirements");
    }
    let original =
        |field: &str, sent: String| before.map_or_else(|| sent.into(), |before| before[field].clone());
    Ok(json!({
        "id": original("id", format!("{}/deployments/{}", parent["id"].as_str().unwrap_or_default(), call.address.leaf())),
        "name": original("name", call.address.leaf().to_owned()),
        "type": call.address.arm_type(),
        "location": parent["location"],
        "kind": if compute == "Managed" { "Managed" } else { "K8S" },
        "tags": at::or(body, "tags", json!({})),
        "sku": sku(core, body)?,
        "properties": properties,
    }))
}

fn filled(given: Map<String, Value>, defaults: &Value) -> Value {
    let mut all = defaults.as_object().cloned().unwrap_or_default();
    all.extend(given.into_iter().filter(|(_, value)| !value.is_null()));
    all.into()
}

/// PATCH: tags and sku, nothing else; the rest of the body is ignored.
pub fn patch(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    let key = call.address.key();
    let endpoint_key = call.address.key_to(2);
    let Some(before) = core.store.get(&key).cloned() else { return Err(missing(call.address.leaf())) };
    endpoint::refuse_busy(core, &endpoint_key)?;
    let mut document = before.clone();
    if let Some(tags) = at::at(&body, "tags") {
        document["tags"] = tags.clone();
    }
    arm::touch(core, call.identity, &mut document, &before);
    let now = core.now();
    if at::at(&body, "sku").is_none() {
        core.store.put(now, &key, document.clone());
        return Ok(Response::json(200, &shown(call, &document)));
    }
    document["sku"] = sku(core, &body)?;
    document["properties"]["provisioningState"] = "Scaling".into();
    let deed = Deed::FinishDeployment { key: key.clone() };
    let started = begin(core, call, Work::DeploymentScale, deed, Some(key.clone()), "");
    show_operation(&mut document, &started);
    core.store.put(now, &key, document.clone());
    mark_endpoint(core, &endpoint_key, "Updating");
    let response = accepted(core, &started);
    Ok(Response { body: shown(call, &document).to_string().into_bytes(), ..response })
}

/// DELETE: refused while it has traffic.
pub fn delete(core: &mut Core, call: &Call) -> Answer {
    let key = call.address.key();
    let endpoint_key = call.address.key_to(2);
    if !core.store.has(&key) {
        return Ok(Response::empty(204));
    }
    endpoint::refuse_busy(core, &endpoint_key)?;
    let inferred = &core.config.inferred;
    if inferred.delete_with_traffic_refused && traffic::has_any(core, &endpoint_key, call.address.leaf()) {
        return Err(ArmError::user(
            inferred.delete_with_traffic_status,
            "The request is invalid.",
            "DeploymentHasTraffic",
            inferred.delete_with_traffic_message.clone(),
        ));
    }
    let now = core.now();
    core.store.change(now, &key, |document| document["properties"]["provisioningState"] = "Deleting".into());
    mark_endpoint(core, &endpoint_key, "Updating");
    let started = begin(core, call, Work::DeploymentDelete, Deed::RemoveDeployment { key }, None, "");
    Ok(accepted(core, &started))
}

/// The model that a reference names: a workspace's by ARM id, a registry's by asset id.
pub fn model_of<'a>(core: &'a Core, reference: &str) -> Option<&'a Value> {
    let Some(rest) = reference.strip_prefix("azureml://registries/") else {
        return core.store.get(&key_of(reference)?);
    };
    let (registry, tail) = rest.split_once('/')?;
    let registry = core
        .store
        .everywhere("/registries")
        .map(|(_, registry)| registry)
        .find(|known| known["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(registry)))?;
    core.store.get(&format!("{}/{tail}", key_of(registry["id"].as_str()?)?))
}

/// A change has ended: the deployment serves what it was told to, or the operation tells why not.
pub fn finish(core: &mut Core, key: &str, fate: Result<(), Failure>) -> Result<(), Failure> {
    let Some((endpoint_key, _)) = key.rsplit_once("/deployments/") else { return fate };
    mark_endpoint(core, endpoint_key, "Succeeded");
    let now = core.now();
    let Some(mut document) = core.store.get(key).cloned() else { return fate };
    let verdict = fate.and_then(|()| serve(core, key, &mut document));
    let state = if verdict.is_ok() { "Succeeded" } else { "Failed" };
    document["properties"]["provisioningState"] = state.into();
    core.store.put(now, key, document);
    verdict
}

fn serve(core: &mut Core, key: &str, document: &mut Value) -> Result<(), Failure> {
    let mut variables = at::object(document, "properties.environmentVariables");
    let reference = at::text(document, "properties.model").unwrap_or_default().to_owned();
    let (mut name, mut version) = (String::new(), String::new());
    if !reference.is_empty() {
        let Some(model) = model_of(core, &reference) else {
            return Err(Failure {
                code: "ResourceNotFound".to_owned(),
                message: format!("The specified resource was not found: model {reference}."),
            });
        };
        model["name"].as_str().unwrap_or_default().clone_into(&mut version);
        let id = model["id"].as_str().unwrap_or_default();
        id.rsplit('/').nth(2).unwrap_or_default().clone_into(&mut name);
        variables.insert(
            "AZUREML_MODEL_DIR".to_owned(),
            format!("/var/azureml-app/azureml-models/{name}/{version}").into(),
        );
    }
    if let Some(script) = at::text(document, "properties.codeConfiguration.scoringScript") {
        let folder = script.rsplit_once('/').map_or("Online", |(folder, _)| folder).to_owned();
        variables.insert("AZUREML_ENTRY_SCRIPT".to_owned(), script.into());
        variables.insert("AML_APP_ROOT".to_owned(), format!("/var/azureml-app/{folder}").into());
    }
    document["properties"]["environmentVariables"] = variables.into();
    let deployment = document["name"].as_str().unwrap_or_default().to_owned();
    let serving = core.serving.entry(key.to_owned()).or_default();
    *serving = Serving { deployment, reference, model: name, version, ..std::mem::take(serving) };
    Ok(())
}

/// A deletion has ended.
pub fn remove(core: &mut Core, key: &str, fate: Result<(), Failure>) -> Result<(), Failure> {
    let Some((endpoint_key, name)) = key.rsplit_once("/deployments/") else { return fate };
    mark_endpoint(core, endpoint_key, "Succeeded");
    let now = core.now();
    if fate.is_err() {
        core.store.change(now, key, |document| document["properties"]["provisioningState"] = "Failed".into());
        return fate;
    }
    core.store.remove(now, key);
    core.serving.remove(key);
    traffic::forget(core, endpoint_key, name);
    Ok(())
}

/// POST getLogs.
pub fn logs(core: &Core, call: &Call) -> Answer {
    let Some(document) = core.store.get(&call.address.key()) else {
        return Err(missing(call.address.leaf()));
    };
    let state = at::text(document, "properties.provisioningState").unwrap_or_default();
    let content = format!(
        "Instance status:\nSystemSetup: Succeeded\nUserContainerImagePull: Succeeded\nModelDownload: Succeeded\nUserContainerStart: {state}\n"
    );
    Ok(Response::json(200, &json!({"content": content})))
}

/// GET skus: one row [REC].
pub fn skus(core: &Core, call: &Call) -> Answer {
    if !core.store.has(&call.address.key()) {
        return Err(missing(call.address.leaf()));
    }
    Ok(Response::json(
        200,
        &json!({"value": [{
            "resourceType": "Microsoft.MachineLearning.Services/endpoints/deployments",
            "sku": {"name": "default", "tier": "Standard"},
            "capacity": {"minimum": 1, "maximum": core.config.quotas.instances, "default": 3, "scaleType": "Automatic"},
        }]}),
    ))
}
