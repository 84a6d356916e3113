//! What a deployment looks like after a PUT: defaults filled in, and what was fixed at creation kept.

use serde_json::{Map, Value, json};

use super::{DEFAULT_SIZE, compute_type, sku};
use crate::core::Core;
use crate::core::machinery::call::Call;
use crate::core::machinery::error::ArmError;
use crate::core::machinery::{json as at, tags};
use crate::core::resources::endpoint;

/// The document of a PUT.
pub(super) fn rendered(
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
        "instanceType": fixed("instanceType", DEFAULT_SIZE.into()),
        "model": asked("model"),
        "egressPublicNetworkAccess": match before {
            Some(before) => before["properties"]["egressPublicNetworkAccess"].clone(),
            None => endpoint::access(body, "properties.egressPublicNetworkAccess").into(),
        },
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
        "tags": tags::kept(core, before, body),
        "sku": sku(core, body)?,
        "properties": properties,
    }))
}

fn filled(given: Map<String, Value>, defaults: &Value) -> Value {
    let mut all = defaults.as_object().cloned().unwrap_or_default();
    all.extend(given.into_iter().filter(|(_, value)| !value.is_null()));
    all.into()
}
