//! A manifest of each kind, and what a patch makes of it.

use serde_json::{Value, json};

pub const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000001";
/// The plurals of all kinds.
pub const KINDS: [&str; 7] = [
    "registries",
    "workspaces",
    "modelversions",
    "deploymentbindings",
    "approvals",
    "rolloutactions",
    "metricproviders",
];

/// Those of them that Bindery looks at again and again, as `spec.interval` says.
pub const WITH_AN_INTERVAL: [&str; 5] =
    ["registries", "workspaces", "modelversions", "deploymentbindings", "metricproviders"];

/// The ARM id of a version of an asset.
pub fn asset(kind: &str, name: &str) -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/ml/providers/Microsoft.MachineLearningServices/workspaces/fares/{kind}/{name}/versions/1"
    )
}

/// A manifest with every field.
pub fn example(kind: &str) -> Value {
    let azure = json!({"subscriptionId": SUBSCRIPTION, "resourceGroup": "ml", "name": "fares"});
    let selector = json!({"from": "Selector", "selector": {"matchLabels": {"team": "fares"}}});
    let identity = json!({"systemAssigned": true, "userAssigned": ["/subscriptions/s/resourceGroups/ml/providers/Microsoft.ManagedIdentity/userAssignedIdentities/u"]});
    let spec = match kind {
        "registries" => json!({
            "azure": azure, "location": "eastus",
            "regions": [{"location": "eastus", "storage": {"accountType": "Standard_ZRS",
                "hierarchicalNamespace": true, "allowBlobPublicAccess": false},
                "containerRegistry": {"sku": "Premium"}}, {"location": "westeurope"}],
            "identity": identity, "publicNetworkAccess": "Disabled", "tags": {"team": "fares"},
            "allowedNamespaces": selector, "management": "Observe", "deletionPolicy": "Delete",
            "publishers": [{"name": "fares", "namespaces": selector, "models": ["nyc-*"]},
                {"name": "own", "namespaces": {"from": "Same"}}],
            "adoption": "Allow", "regionRemoval": "Delete", "suspend": true, "interval": "5m",
        }),
        "workspaces" => json!({
            "azure": azure, "tier": "production", "allowedNamespaces": selector, "interval": "5m",
            "publishers": [{"name": "fares", "namespaces": selector, "models": ["nyc-*"], "endpoints": ["nyc-*"]},
                {"name": "own", "namespaces": {"from": "Same"}, "models": []}],
            "adoption": "Allow",
            "policy": {"lineage": {"require": "Verified"},
                "gates": {"require": ["beats-champion"], "define": [
                    {"name": "bound", "metric": "rmse", "min": "0", "max": "4.0"},
                    {"name": "best", "metric": "rmse", "against": {"scope": "History"}, "better": "Lower", "by": "0.1"}]},
                "approvals": {"count": 2, "fromNamespaces": ["model-risk"], "onWithdrawal": "RollBack",
                    "waivable": ["Soak", "Gate/rmse-bound"]},
                "soak": {"in": [{"name": "fares-staging", "namespace": "fares"}], "for": "24h"}, "sources": [
                {"name": "released", "registryRef": {"name": "fares-models", "namespace": "fares"}, "models": ["nyc-*"]},
                {"name": "own", "thisWorkspace": {}}],
                "deployment": {"code": "Forbid", "environments": ["azureml://registries/shared/environments/*"],
                    "identities": [identity["userAssigned"][0]], "instanceTypes": ["Standard_DS3_v2"], "maxInstances": 3}, "endpointDeletion": "Forbid"},
        }),
        "modelversions" => json!({
            "workspaceRef": {"name": "fares-dev", "namespace": "fares"}, "model": "nyc-taxi-fare", "version": "3",
            "type": "Custom", "source": {"job": {"name": "taxi-train-3", "path": "outputs/model"}},
            "description": "predicts a fare", "tags": {"team": "fares"}, "properties": {"flavor": "sklearn"},
            "flavors": [{"name": "sklearn", "data": {"sklearn_version": "1.5"}}],
            "stage": "Production", "archived": true, "gates": [
                {"name": "bound", "metric": "rmse", "min": "0", "max": "4.0"},
                {"name": "beats-champion", "metric": "rmse", "by": "0.1", "better": "Lower",
                    "against": {"bindingRef": {"name": "taxi-fare"}, "scope": "Stable"}}], "retirement": {"at": "2027-03-31T00:00:00Z", "action": "Archive"},
            "owner": {"team": "fares", "contact": "#fares", "costCenter": "4711"}, "management": "Observe", "deletionPolicy": "Archive",
            "suspend": true, "interval": "5m",
        }),
        "approvals" => json!({
            "modelVersionRef": {"name": "taxi-fare-3", "namespace": "fares"},
            "assetId": "azureml://registries/fares-models/models/nyc-taxi-fare/versions/3",
            "tiers": ["production"], "decision": "Approved", "by": "ada@fares.example", "reason": "Better on every slice.",
            "evidence": [{"name": "report", "uri": "https://reports.example/fares/3.pdf", "sha256": "0".repeat(64)}],
            "expiresAt": "2027-03-31T00:00:00Z", "waives": ["Soak"],
        }),
        "metricproviders" => json!({
            "prometheus": {"address": "https://prometheus.monitoring:9090", "headers": [{"name": "X-Scope-OrgID", "value": "fares"}],
                "auth": {"tokenSecretRef": {"name": "prometheus-token", "key": "token"}},
                "caBundle": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"},
            "allowedNamespaces": selector, "interval": "5m",
        }),
        "rolloutactions" => json!({
            "bindingRef": {"name": "taxi-fare"}, "action": "Promote", "revision": "5e6f7a8b90", "step": "watch",
            "reason": "No errors since noon.", "requestedBy": "ada@fares.example",
        }),
        _ => {
            let probe = json!({"failureThreshold": 3, "successThreshold": 1, "timeout": "2s", "period": "10s",
                "initialDelay": "30s"});
            json!({
                "workspaceRef": {"name": "fares-prod", "namespace": "fares"},
                "model": {"versionRef": {"name": "taxi-fare-3", "namespace": "fares"}},
                "online": {
                    "endpoint": {"name": "taxi-fare-prod", "authMode": "AADToken", "identity": identity,
                        "publicNetworkAccess": "Disabled", "tags": {"team": "fares"}},
                    "deployment": {"instanceType": "Standard_DS3_v2", "instanceCount": 2,
                        "environment": asset("environments", "e"), "code": {"id": asset("codes", "c"), "scoringScript": "score.py"},
                        "environmentVariables": {"LEVEL": "info"},
                        "requestSettings": {"maxConcurrentRequestsPerInstance": 4, "requestTimeout": "30s"},
                        "livenessProbe": probe, "readinessProbe": probe, "startupProbe": probe,
                        "egressPublicNetworkAccess": "Disabled", "tags": {"team": "fares"}},
                },
                "strategy": {"steps": [{"name": "shadow", "mirror": 20}, {"setTraffic": 10}, {"pause": {"for": "10m"}},
                    {"setTraffic": 50}, {"name": "watch", "pause": {}}],
                    "keepPrevious": "1h", "keepFailed": "30m", "progressDeadline": "1h30m", "handover": "5m"},
                "management": "Observe", "deletionPolicy": "Retain", "suspend": true, "interval": "5m",
            })
        }
    };
    let kind = match kind {
        "registries" => "Registry",
        "workspaces" => "Workspace",
        "modelversions" => "ModelVersion",
        "approvals" => "Approval",
        "rolloutactions" => "RolloutAction",
        "metricproviders" => "MetricProvider",
        _ => "DeploymentBinding",
    };
    json!({"apiVersion": "bindery.dev/v1alpha1", "kind": kind, "metadata": {"name": "example"}, "spec": spec})
}

/// What a merge patch makes of a value (RFC 7386).
pub fn patched(mut value: Value, patch: &Value) -> Value {
    let Value::Object(fields) = patch else { return patch.clone() };
    if !value.is_object() {
        value = json!({});
    }
    for (name, change) in fields {
        let old = value.as_object_mut().unwrap().remove(name);
        if !change.is_null() {
            value[name] = patched(old.unwrap_or_default(), change);
        }
    }
    value
}
