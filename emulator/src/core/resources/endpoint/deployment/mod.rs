//! Online deployments (§B.5): what the service fills in, rewrites and refuses to change.

mod render;
mod serve;
mod sizes;

use serde_json::{Value, json};

use super::{self as endpoint, accepted, begin, bounds, long_running, show_operation, shown, traffic};
use crate::config::{ScoringRule, Work, like};
use crate::core::Core;
use crate::core::machinery::call::{self, Call};
use crate::core::machinery::error::{Answer, ArmError};
use crate::core::machinery::operation::Deed;
use crate::core::machinery::order::Order;
use crate::core::machinery::paging::page;
use crate::core::machinery::schema::word;
use crate::core::machinery::{json as at, tags};
use crate::wire::Response;
use render::rendered;
pub use serve::{finish, remove};

fn missing(name: &str) -> ArmError {
    let mut error = ArmError::missing("DeploymentNotFound", format!("Deployment {name} was not found."));
    "NotFound".clone_into(&mut error.code);
    error
}

/// GET of one.
pub fn get(core: &Core, call: &Call) -> Answer {
    match core.store.get(&call.address.key()) {
        Some(document) => Ok(Response::json(200, &shown(call, &document))),
        None => Err(missing(call.address.leaf())),
    }
}

/// GET of all on an endpoint.
pub fn list(core: &Core, call: &Call) -> Answer {
    if !core.store.has(&call.address.key()) {
        return Err(endpoint::missing());
    }
    let order = Order::of_versions(call.request, Order::OLDEST_FIRST);
    page(core, call, order, |document| Some(shown(call, &document)))
}

/// PUT: makes, or replaces what is not fixed at creation.
pub fn put(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    let key = call.address.key();
    let endpoint_key = call.address.key_to(2);
    let Some(parent) = core.store.take(&endpoint_key) else { return Err(endpoint::missing()) };
    endpoint::check_name(call.address.leaf())?;
    let before = core.store.take(&key);
    checked(core, call, &body, &parent, before.as_ref())?;
    endpoint::refuse_busy(core, &endpoint_key)?;
    let is_new = before.is_none();
    let mut document = rendered(core, call, &body, &parent, before.as_ref())?;
    match &before {
        Some(before) => call::touch(core, call.identity, &mut document, before),
        None => document["systemData"] = call::system_data(core, call.identity, false),
    }
    let model = at::text(&body, "properties.model").unwrap_or_default();
    let work = if is_new { Work::DeploymentCreate } else { Work::DeploymentUpdate };
    let urls = begin(core, call, work, Deed::FinishDeployment { key: key.clone() }, Some(key.clone()), model);
    show_operation(&mut document, &urls);
    let now = core.now();
    core.store.put(now, &key, document.clone());
    mark_endpoint(core, &endpoint_key, "Updating");
    Ok(long_running(core, call, if is_new { 201 } else { 200 }, &document, &urls))
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
    if compute == "Kubernetes" {
        bounds::resources(body)?;
        check_names_together(call.address.name(1), call.address.leaf())?;
    }
    let capacity = capacity(core, body)?;
    bounds::online(body, compute)?;
    endpoint::refuse_foreign(call, body, &["model", "environmentId", "codeConfiguration.codeId"])?;
    if core.config.inferred.environment_needed_at_once && serve::lacks_environment(core, body) {
        return Err(ArmError::validation("EnvironmentId", serve::LACKS_ENVIRONMENT));
    }
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
        Some(before) => refuse_fixed(body, before, compute)?,
        None => refuse_quota(core, call, &location)?,
    }
    let size = at::text(body, "properties.instanceType")
        .or_else(|| before.and_then(|before| at::text(before, "properties.instanceType")))
        .unwrap_or(DEFAULT_SIZE);
    sizes::check_name(compute, size)?;
    if compute == "Managed" { sizes::refuse_cores(core, call, &location, size, capacity) } else { Ok(()) }
}

/// The instances of a deployment that names none [REC].
const DEFAULT_SIZE: &str = "Standard_F4s_v2";

/// On Kubernetes the names of endpoint and deployment have 6 to 62 characters together [DOC].
fn check_names_together(endpoint: &str, deployment: &str) -> Result<(), ArmError> {
    let length = endpoint.len() + deployment.len();
    if (6..=62).contains(&length) {
        return Ok(());
    }
    Err(ArmError::validation(
        "Name",
        format!(
            "The names '{endpoint}' and '{deployment}' have {length} characters together: on Kubernetes 6 to 62 are allowed."
        ),
    ))
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
    let egress = "properties.egressPublicNetworkAccess";
    if at::text(body, egress)
        .is_some_and(|_| endpoint::access(body, egress) != before["properties"]["egressPublicNetworkAccess"])
    {
        return fixed("egressPublicNetworkAccess");
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

/// Deployments, online and batch, have a quota per endpoint, and one per subscription and region (§C.5).
pub fn refuse_quota(core: &Core, call: &Call, location: &str) -> Result<(), ArmError> {
    let quotas = &core.config.quotas;
    let here = core.store.count(&format!("{}/deployments", call.address.key_to(2)));
    let all = core
        .store
        .everywhere("/deployments")
        .filter(|(path, other)| {
            endpoint::in_subscription(path, &call.address.subscription) && other["location"] == *location
        })
        .count();
    if here >= quotas.deployments_per_endpoint || all >= quotas.deployments {
        return Err(ArmError::user(
            400,
            "The request is invalid.",
            "OutOfQuota",
            format!(
                "Not enough quota for deployments: {} per endpoint, {} per subscription and region.",
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

/// PATCH: tags and sku, nothing else; the rest of the body is ignored.
pub fn patch(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    let key = call.address.key();
    let endpoint_key = call.address.key_to(2);
    let Some(before) = core.store.take(&key) else { return Err(missing(call.address.leaf())) };
    endpoint::refuse_busy(core, &endpoint_key)?;
    let mut document = before.clone();
    if at::at(&body, "tags").is_some() {
        document["tags"] = tags::kept(core, Some(&before), &body);
    }
    call::touch(core, call.identity, &mut document, &before);
    let now = core.now();
    if at::at(&body, "sku").is_none() {
        core.store.put(now, &key, document.clone());
        return Ok(Response::json(200, &shown(call, &document)));
    }
    document["sku"] = sku(core, &json!({"sku": at::over(&before, &body, "sku")}))?;
    let word = |path: &str| at::text(&before, path).unwrap_or_default();
    if word("properties.endpointComputeType") == "Managed" {
        let count = document["sku"]["capacity"].as_u64().unwrap_or_default();
        sizes::refuse_cores(core, call, word("location"), word("properties.instanceType"), count)?;
    }
    document["properties"]["provisioningState"] = "Scaling".into();
    let deed = Deed::FinishDeployment { key: key.clone() };
    let urls = begin(core, call, Work::DeploymentScale, deed, Some(key.clone()), "");
    show_operation(&mut document, &urls);
    core.store.put(now, &key, document);
    mark_endpoint(core, &endpoint_key, "Updating");
    Ok(accepted(core, &urls))
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
    let urls = begin(core, call, Work::DeploymentDelete, Deed::RemoveDeployment { key }, None, "");
    Ok(accepted(core, &urls))
}

/// How a deployment at `endpoint/deployment` that serves this model answers, and what it writes: by the first rule that fits.
pub fn scoring_rule<'a>(core: &'a Core, place: &str, model: &str) -> Option<&'a ScoringRule> {
    let fits = |rule: &&ScoringRule| {
        like(&format!("*{}*", rule.deployment), place) && like(&format!("*{}*", rule.model), model)
    };
    core.config.scoring.iter().find(fits)
}

/// POST getLogs: `{containerType?, tail?}`.
pub fn logs(core: &Core, call: &Call) -> Answer {
    let body = call.body()?;
    bounds::logs(&body)?;
    let Some(document) = core.store.get(&call.address.key()) else {
        return Err(missing(call.address.leaf()));
    };
    let initializer =
        at::text(&body, "containerType").is_some_and(|it| it.eq_ignore_ascii_case("StorageInitializer"));
    let place =
        format!("{}/{}", call.address.key_to(2).rsplit('/').next().unwrap_or_default(), call.address.leaf());
    let reference = at::text(&document, "properties.model").unwrap_or_default();
    let written = scoring_rule(core, &place, reference).and_then(|rule| rule.log.as_ref());
    if let Some(log) = written.filter(|_| !initializer) {
        let most = at::at(&body, "tail").and_then(Value::as_u64).and_then(|tail| usize::try_from(tail).ok());
        let lines: Vec<&str> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(most.unwrap_or(usize::MAX))..];
        return Ok(Response::json(200, &json!({"content": last.join("\n")})));
    }
    let state = at::text(&document, "properties.provisioningState").unwrap_or_default();
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
