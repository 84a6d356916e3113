//! Objects for tables, as the API server would give them.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use crate::api::{DeploymentBinding, ModelVersion, ObjectKey, ObjectKind, Registry, Workspace};

fn object(kind: &str, name: &str, spec: &Value, status: &Value) -> Value {
    let (namespace, name) = name.split_once('/').unwrap();
    let meta = json!({"namespace": namespace, "name": name, "generation": 1, "creationTimestamp": "2026-11-01T00:00:00Z"});
    let mut object =
        json!({"apiVersion": "bindery.dev/v1alpha1", "kind": kind, "metadata": meta, "spec": spec});
    if !status.is_null() {
        object["status"] = with(json!({"observedGeneration": 1}), status);
    }
    object
}

/// A JSON merge patch.
pub(crate) fn with(mut base: Value, patch: &Value) -> Value {
    match patch {
        Value::Object(fields) if base.is_object() => {
            for (key, value) in fields {
                base[key.as_str()] = with(base[key.as_str()].take(), value);
            }
            base
        }
        other => other.clone(),
    }
}

/// A condition.
pub(crate) fn said(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": 1, "lastTransitionTime": "2026-11-02T00:00:00Z"})
}

/// The conditions of an object that is Ready.
pub(crate) fn ready() -> Value {
    json!([said("Ready", "True", "Succeeded", "All is well.")])
}

/// The conditions of an object that is not Ready and that only a person can help.
pub(crate) fn stalled(reason: &str, message: &str) -> Value {
    json!([said("Ready", "False", reason, message), said("Stalled", "True", reason, message)])
}

/// `namespace/name` of a kind.
pub(crate) fn key(kind: ObjectKind, name: &str) -> ObjectKey {
    let (namespace, name) = name.split_once('/').unwrap();
    ObjectKey { kind, namespace: namespace.into(), name: name.into() }
}

/// Version 1 of the model `taxi` from a job in the workspace `fares-dev`; the patches say what differs.
pub(crate) fn version(name: &str, spec: &Value, status: &Value) -> ModelVersion {
    let base = json!({
        "workspaceRef": {"name": "fares-dev", "namespace": "ml-platform"}, "model": "taxi", "version": "1",
        "source": {"job": {"name": "train-1", "path": "model"}},
    });
    serde_json::from_value(object("ModelVersion", name, &with(base, spec), status)).unwrap()
}

/// Where it was trained.
pub(crate) fn lineage() -> Value {
    json!({
        "job": "train-1", "experiment": "fares", "run": "run-1", "metrics": {"rmse": "4.10", "r2": "0.8"},
        "datasets": [{"name": "trips", "uri": "azureml://datastores/taxi/paths/2025"}],
        "environment": "sklearn:4", "trainedBy": "ada", "trainedAt": "2026-10-31T08:00:00Z",
        "code": {"repository": "https://git.example/fares", "commit": "4f2c1d9e", "dirty": false},
    })
}

/// The asset id of the version of this number in the registry.
pub(crate) fn asset(number: &str) -> String {
    format!("azureml://registries/fares-models/models/taxi/versions/{number}")
}

/// A version of this number that was promoted into the registry from the version `source` of the same namespace.
pub(crate) fn promoted(name: &str, number: &str, source: &str, status: &Value) -> ModelVersion {
    let spec = json!({
        "registryRef": {"name": "fares-models", "namespace": "ml-platform"}, "model": "taxi", "version": number,
        "source": {"modelVersionRef": {"name": source}},
    });
    let status = with(json!({"assetId": asset(number), "lineage": lineage()}), status);
    serde_json::from_value(object("ModelVersion", name, &spec, &status)).unwrap()
}

/// A binding of the endpoint `taxi-prod` to a version of its namespace.
pub(crate) fn binding(name: &str, version: &str, status: &Value) -> DeploymentBinding {
    let spec = json!({
        "workspaceRef": {"name": "fares-prod", "namespace": "ml-platform"},
        "model": {"versionRef": {"name": version}},
        "online": {"endpoint": {"name": "taxi-prod"}, "deployment": {"instanceType": "Standard_DS3_v2"}},
    });
    serde_json::from_value(object("DeploymentBinding", name, &spec, status)).unwrap()
}

/// A deployment in the status of a binding.
pub(crate) fn deployment(name: &str, role: &str, number: &str, weight: i32) -> Value {
    json!({
        "name": name, "role": role, "assetId": asset(number), "weight": weight, "state": "Succeeded", "instances": 1,
        "since": "2026-11-03T00:00:00Z",
    })
}

/// A workspace.
pub(crate) fn workspace(name: &str, spec: &Value, status: &Value) -> Workspace {
    let base = json!({"azure": {"subscriptionId": "1", "resourceGroup": "ml"}});
    serde_json::from_value(object("Workspace", name, &with(base, spec), status)).unwrap()
}

/// A registry.
pub(crate) fn registry(name: &str, status: &Value) -> Registry {
    let spec = json!({"azure": {"subscriptionId": "1", "resourceGroup": "ml"}, "location": "eastus"});
    serde_json::from_value(object("Registry", name, &spec, status)).unwrap()
}
