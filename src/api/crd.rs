//! The CustomResourceDefinitions, in the shape that Kubernetes' own generator would give them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceColumnDefinition, CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray,
    JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use serde_json::json;

use super::bounds::bound;
use super::{Approval, DeploymentBinding, MetricProvider, ModelVersion, Registry, RolloutAction, Workspace};

/// The definitions of all kinds, places first.
pub fn crds() -> Vec<CustomResourceDefinition> {
    let all = [
        Registry::crd(),
        Workspace::crd(),
        MetricProvider::crd(),
        ModelVersion::crd(),
        DeploymentBinding::crd(),
        Approval::crd(),
        RolloutAction::crd(),
    ];
    all.into_iter()
        .map(|mut crd| {
            for version in &mut crd.spec.versions {
                version.additional_printer_columns.get_or_insert_default().extend(common_columns());
                if let Some(root) = version.schema.as_mut().and_then(|s| s.open_api_v3_schema.as_mut()) {
                    tidy(root);
                    if let Some(status) = root.properties.as_mut().and_then(|p| p.get_mut("status")) {
                        bound(status);
                        start_unobserved(status);
                    }
                }
            }
            crd
        })
        .collect()
}

/// What `kubectl get` shows of every kind, behind the kind's own columns.
fn common_columns() -> [CustomResourceColumnDefinition; 4] {
    let ready = |field: &str| format!(".status.conditions[?(@.type==\"Ready\")].{field}");
    [
        ("Ready", "string", ready("status"), None),
        ("Reason", "string", ready("reason"), None),
        ("Age", "date", ".metadata.creationTimestamp".into(), None),
        // Only with `--output wide`.
        ("Message", "string", ready("message"), Some(1)),
    ]
    .map(|(name, type_, json_path, priority)| CustomResourceColumnDefinition {
        name: name.into(),
        type_: type_.into(),
        json_path,
        priority,
        ..CustomResourceColumnDefinition::default()
    })
}

/// A new object has not been looked at: with this default, kstatus says InProgress for it.
fn start_unobserved(status: &mut JSONSchemaProps) {
    status.default = Some(JSON(json!({"observedGeneration": -1})));
}

/// An optional field is one that may be left out, not one that may be null.
fn tidy(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    if let Some(values) = schema.enum_.as_mut() {
        values.retain(|value| !value.0.is_null());
    }
    for property in schema.properties.iter_mut().flat_map(|p| p.values_mut()) {
        tidy(property);
    }
    match schema.items.as_mut() {
        Some(JSONSchemaPropsOrArray::Schema(items)) => tidy(items),
        Some(JSONSchemaPropsOrArray::Schemas(all)) => all.iter_mut().for_each(tidy),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = schema.additional_properties.as_mut() {
        tidy(values);
    }
}
