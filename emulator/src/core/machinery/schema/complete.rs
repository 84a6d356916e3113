//! Nothing that Microsoft documents as a writable field is lost: every one is in our bodies.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Field, Shape, bodies};

const SPECIFICATION: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/azure-ml/openapi-2025-09-01.reconstructed.json");

/// The bodies by the definitions that document them.
const DOCUMENTED: [(&str, &str); 17] = [
    ("registries", "Registry"),
    ("workspaces/batchEndpoints", "BatchEndpoint"),
    ("workspaces/batchEndpoints/deployments", "BatchDeployment"),
    ("workspaces/codes", "CodeContainer"),
    ("workspaces/codes/versions", "CodeVersion"),
    ("workspaces/components", "ComponentContainer"),
    ("workspaces/components/versions", "ComponentVersion"),
    ("workspaces/data", "DataContainer"),
    ("workspaces/data/versions", "DataVersionBase"),
    ("workspaces/datastores", "Datastore"),
    ("workspaces/environments", "EnvironmentContainer"),
    ("workspaces/environments/versions", "EnvironmentVersion"),
    ("workspaces/jobs", "JobBase"),
    ("workspaces/models", "ModelContainer"),
    ("workspaces/models/versions", "ModelVersion"),
    ("workspaces/onlineEndpoints", "OnlineEndpoint"),
    ("workspaces/onlineEndpoints/deployments", "OnlineDeployment"),
];

#[test]
fn every_documented_field_that_can_be_written_is_known() {
    let Ok(text) = std::fs::read_to_string(SPECIFICATION) else {
        println!("skipped: the specification is not beside this checkout");
        return;
    };
    let specification: Value = serde_json::from_str(&text).unwrap();
    let definitions = specification["definitions"].as_object().unwrap();
    let mut lost = BTreeSet::new();
    for (kinds, definition) in DOCUMENTED {
        compare(definitions, definition, &[bodies::of(kinds).unwrap()], definition, &mut lost);
    }
    assert!(lost.is_empty(), "not in our bodies: {lost:#?}");
}

/// Notes what a definition has and the fields have not.
fn compare(
    all: &Map<String, Value>,
    name: &str,
    known: &[&[Field]],
    path: &str,
    lost: &mut BTreeSet<String>,
) {
    for (field, schema) in written(all, name) {
        let path = format!("{path}.{field}");
        match known.iter().copied().flatten().find(|known| known.name == field) {
            Some(known) => within(all, schema, &known.shape, &path, lost),
            None => drop(lost.insert(path)),
        }
    }
}

fn within(all: &Map<String, Value>, schema: &Value, shape: &Shape, path: &str, lost: &mut BTreeSet<String>) {
    match shape {
        Shape::Map(inner) => within(all, &schema["additionalProperties"], inner, path, lost),
        Shape::List(inner) => within(all, &schema["items"], inner, path, lost),
        Shape::Object(fields) => {
            if let Some(name) = referred(schema) {
                compare(all, name, &[fields], path, lost);
            }
        }
        Shape::OneOf(by, common, kinds) => {
            let name = referred(schema).unwrap();
            for (kind, word) in kinds_below(all, name) {
                let path = format!("{path}.{word}");
                match kinds.iter().find(|(known, _)| *known == word) {
                    Some((_, own)) => {
                        compare(all, kind, &[common, own], &path, lost);
                        lost.remove(&format!("{path}.{by}"));
                    }
                    None => drop(lost.insert(path)),
                }
            }
        }
        _ => {}
    }
}

fn referred(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

/// The definitions that are kinds of another, with the word that says so.
fn kinds_below<'a>(all: &'a Map<String, Value>, name: &str) -> Vec<(&'a str, &'a str)> {
    let mut found = Vec::new();
    for (kind, definition) in all {
        let bases = definition["allOf"].as_array().into_iter().flatten();
        if bases.filter_map(referred).any(|base| base == name) {
            match definition["x-ms-discriminator-value"].as_str() {
                Some(word) => found.push((kind.as_str(), word)),
                None => found.extend(kinds_below(all, kind)),
            }
        }
    }
    found
}

/// The fields of a definition and of its bases that a client can write.
fn written<'a>(all: &'a Map<String, Value>, name: &str) -> Vec<(&'a str, &'a Value)> {
    let own = &all[name];
    let bases = own["allOf"].as_array().into_iter().flatten().filter_map(referred);
    let mut fields: Vec<_> = bases.flat_map(|base| written(all, base)).collect();
    for (field, schema) in own["properties"].as_object().into_iter().flatten() {
        let when = schema["x-ms-mutability"].as_array();
        let read_only =
            schema["readOnly"] == true || when.is_some_and(|when| when.iter().all(|w| w == "read"));
        if !read_only {
            fields.push((field, schema));
        }
    }
    fields
}
