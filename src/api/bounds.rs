//! Bounds of a status: what its schema allows, and how a status is made to fit.
//!
//! Azure decides how long most of the text in a status is. A status that the API server refuses would hide all the rest of
//! itself, so what is too long is cut before it is written.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::{Value, json};

use super::{Object, ObjectKind, crds};

/// Characters of a text, where its field says nothing else.
const TEXT: i64 = 2048;
/// Items of a list or of a map, where its field says nothing else.
const ITEMS: i64 = 100;
/// Characters of the message of a condition: what Azure said is in it.
const MESSAGE: i64 = 8192;

/// Gives every text, list and map of a status the bound that its field does not have.
pub(super) fn bound(status: &mut JSONSchemaProps) {
    visit(status, &mut |schema| match schema.type_.as_deref() {
        Some("string") if schema.enum_.is_none() && schema.format.is_none() => {
            schema.max_length.get_or_insert(TEXT);
        }
        Some("array") => {
            schema.max_items.get_or_insert(ITEMS);
        }
        Some("object") if schema.additional_properties.is_some() => {
            schema.max_properties.get_or_insert(ITEMS);
        }
        _ => {}
    });
    let conditions = status.properties.as_mut().and_then(|p| p.get_mut("conditions"));
    let Some(JSONSchemaPropsOrArray::Schema(condition)) = conditions.and_then(|c| c.items.as_mut()) else {
        return;
    };
    for (name, field) in condition.properties.iter_mut().flatten() {
        match name.as_str() {
            "message" => field.max_length = Some(MESSAGE),
            // As Kubernetes has them.
            "type" => field.max_length = Some(316),
            "reason" => field.max_length = Some(1024),
            "status" => {
                field.max_length = None;
                field.enum_ = Some(["True", "False", "Unknown"].map(|word| JSON(json!(word))).to_vec());
            }
            _ => {}
        }
    }
}

fn visit(schema: &mut JSONSchemaProps, on: &mut impl FnMut(&mut JSONSchemaProps)) {
    on(schema);
    for property in schema.properties.iter_mut().flat_map(|p| p.values_mut()) {
        visit(property, on);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = schema.items.as_mut() {
        visit(items, on);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = schema.additional_properties.as_mut() {
        visit(values, on);
    }
}

/// The status with everything cut that its schema has no room for.
pub fn fit<K: Object>(status: K::Status) -> K::Status {
    static SCHEMAS: LazyLock<BTreeMap<String, JSONSchemaProps>> = LazyLock::new(|| {
        let status = |crd: &mut CustomResourceDefinition| {
            let schema = crd.spec.versions.first_mut()?.schema.as_mut()?.open_api_v3_schema.as_mut()?;
            schema.properties.as_mut()?.remove("status")
        };
        crds()
            .into_iter()
            .filter_map(|mut crd| Some((crd.spec.names.kind.clone(), status(&mut crd)?)))
            .collect()
    });
    let kind: ObjectKind = K::KIND;
    let (Some(schema), Ok(mut value)) = (SCHEMAS.get(&kind.to_string()), serde_json::to_value(&status))
    else {
        return status;
    };
    if cut(&mut value, schema) { serde_json::from_value(value).unwrap_or(status) } else { status }
}

/// Cuts what is too long, and tells whether anything was.
fn cut(value: &mut Value, schema: &JSONSchemaProps) -> bool {
    let most = |bound: Option<i64>| bound.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    let mut was_cut = false;
    match value {
        Value::String(text) => {
            if let Some((end, _)) = text.char_indices().nth(most(schema.max_length)) {
                text.truncate(end);
                text.pop();
                text.push('…');
                was_cut = true;
            }
        }
        Value::Array(items) => {
            was_cut = items.len() > most(schema.max_items);
            items.truncate(most(schema.max_items));
            if let Some(JSONSchemaPropsOrArray::Schema(schema)) = &schema.items {
                was_cut = items.iter_mut().fold(was_cut, |done, item| cut(item, schema) || done);
            }
        }
        Value::Object(fields) => {
            if let Some(JSONSchemaPropsOrBool::Schema(schema)) = &schema.additional_properties {
                was_cut = fields.values_mut().fold(was_cut, |done, value| cut(value, schema) || done);
            }
            while fields.len() > most(schema.max_properties) {
                let Some(last) = fields.keys().next_back().cloned() else { break };
                fields.remove(&last);
                was_cut = true;
            }
            for (name, schema) in schema.properties.iter().flatten() {
                was_cut |= fields.get_mut(name).is_some_and(|value| cut(value, schema));
            }
        }
        _ => {}
    }
    was_cut
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::api::{Drift, ModelVersion, ModelVersionStatus, conditions_of};

    #[test]
    fn what_is_too_long_is_cut_and_the_rest_is_left() {
        let long = "ä".repeat(10_000);
        let drift = |n: usize| Drift { field: format!("tags.{n}"), wanted: long.clone(), found: "b".into() };
        let status: ModelVersionStatus = serde_json::from_value(json!({
            "stage": "Production",
            "lineage": {"metrics": (0..70).map(|n| (format!("{n:03}"), "1".to_string())).collect::<BTreeMap<_, _>>()},
            "conditions": [{"type": "Ready", "status": "False", "reason": "Refused", "message": long, "lastTransitionTime": "2026-03-01T12:00:00Z"}],
        }))
        .unwrap();
        let status = ModelVersionStatus { drift: (0..200).map(drift).collect(), ..status };
        let fitted = fit::<ModelVersion>(status.clone());
        assert_eq!((fitted.drift.len(), fitted.drift[99].field.as_str()), (100, "tags.99"));
        assert_eq!(fitted.drift[0].wanted.chars().count(), 2048);
        assert!(fitted.drift[0].wanted.ends_with("ä…") && fitted.drift[0].found == "b");
        assert_eq!(fitted.lineage.as_ref().map(|l| l.metrics.len()), Some(50));
        let ready = conditions_of(&fitted.conditions).get(super::super::ConditionType::Ready).cloned();
        assert_eq!(ready.map(|c| c.message.chars().count()), Some(8192));
        assert_eq!(fitted.stage.as_deref(), Some("Production"));
        assert_eq!(fit::<ModelVersion>(fitted.clone()), fitted, "what fits is left as it is");
        let short = ModelVersionStatus { conditions: vec![], drift: vec![], lineage: None, ..status };
        assert_eq!(fit::<ModelVersion>(short.clone()), short);
    }
}
