//! The schema that the other tests use is Microsoft's own. That one lies beside the checkout; without it this test says so
//! and passes, for the file that it looks at was compared when it was made.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{MISSING, Schema};

const VERBATIM: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/azure-ml/arm-schema-2025-09-01.json");

/// What the path of a PUT says, and resources inside of a resource, are no fields of its body.
const NOT_IN_BODIES: [&str; 4] = ["apiVersion", "name", "resources", "type"];

#[test]
fn what_was_made_again_is_what_microsoft_wrote() {
    let Ok(text) = std::fs::read_to_string(VERBATIM) else {
        println!("skipped: Microsoft's schema is not beside this checkout");
        return;
    };
    let theirs: Value = serde_json::from_str(&text).unwrap();
    let made = Schema::read();
    let mut differences = Vec::new();
    for (resource, body) in theirs["resourceDefinitions"].as_object().unwrap() {
        if MISSING.contains(&resource.as_str()) {
            continue;
        }
        let mut body = body.clone();
        for name in NOT_IN_BODIES {
            body["properties"].as_object_mut().unwrap().remove(name);
            body["required"].as_array_mut().unwrap().retain(|required| required != name);
        }
        let ours = made.of(resource);
        let (ours, theirs) = ((&ours, &ours), (&theirs, &body));
        compare(ours, theirs, resource, &mut differences);
    }
    assert!(differences.is_empty(), "{differences:#?}");
}

/// A schema's own facts: references followed, expressions of templates and descriptions left out.
fn facts(root: &Value, schema: &Value) -> Map<String, Value> {
    if let Some(reference) = schema["$ref"].as_str() {
        return facts(root, &root["definitions"][reference.rsplit('/').next().unwrap()]);
    }
    let mut facts = schema.as_object().unwrap().clone();
    facts.retain(|name, value| match name.as_str() {
        "description" | "definitions" => false,
        // Unknown properties are tolerated.
        "additionalProperties" => value.is_object(),
        "properties" => value.as_object().is_some_and(|properties| !properties.is_empty()),
        "required" => value.as_array().is_some_and(|required| !required.is_empty()),
        _ => true,
    });
    let alone = facts.len() == 1;
    if let Some(either) = facts.get_mut("oneOf").and_then(Value::as_array_mut) {
        either.retain(|schema| {
            !schema["$ref"].as_str().is_some_and(|reference| reference.starts_with("https://"))
        });
        if let ([only], true) = (either.as_slice(), alone) {
            return self::facts(root, only);
        }
    }
    facts
}

/// Notes where two schemas, each with the document that it is in, say different things.
fn compare(ours: (&Value, &Value), theirs: (&Value, &Value), path: &str, found: &mut Vec<String>) {
    let (our, their) = (facts(ours.0, ours.1), facts(theirs.0, theirs.1));
    let names: BTreeSet<&String> = our.keys().chain(their.keys()).collect();
    // Where the ARM schema says less than the specification, the latter is followed.
    let is = |facts: &Map<String, Value>, kind: &str| facts.get("type") == Some(&json!(kind));
    let fraction = is(&our, "number") && is(&their, "integer");
    let duration = is(&our, "string") && our.contains_key("pattern") && their.len() == 1;
    for name in names {
        let path = format!("{path}/{name}");
        match (name.as_str(), our.get(name), their.get(name)) {
            ("type", Some(_), Some(_)) if fraction => {}
            ("pattern", Some(_), None) if duration => {}
            ("properties", Some(our), Some(their)) => {
                let (our, their) = (our.as_object().unwrap(), their.as_object().unwrap());
                for field in our.keys().chain(their.keys()).collect::<BTreeSet<_>>() {
                    let path = format!("{path}/{field}");
                    match (our.get(field), their.get(field)) {
                        (Some(our), Some(their)) => compare((ours.0, our), (theirs.0, their), &path, found),
                        _ => found.push(path),
                    }
                }
            }
            ("items" | "additionalProperties", Some(our), Some(their)) => {
                compare((ours.0, our), (theirs.0, their), &path, found);
            }
            ("allOf" | "oneOf", Some(Value::Array(our)), Some(Value::Array(their))) => {
                // Of several kinds there may be one only.
                let (our, their) = (alternatives(our), alternatives(their));
                if our.len() != their.len() {
                    found.push(path.clone());
                }
                for (at, (our, their)) in our.iter().zip(&their).enumerate() {
                    compare((ours.0, our), (theirs.0, their), &format!("{path}/{at}"), found);
                }
            }
            (_, Some(Value::Array(our)), Some(Value::Array(their))) if same(our, their) => {}
            (_, our, their) if our == their => {}
            (_, our, their) => found.push(format!("{path}: {our:?}, theirs {their:?}")),
        }
    }
}

/// Parts of a schema, one of which may be an `oneOf` with a single alternative.
fn alternatives(parts: &[Value]) -> Vec<Value> {
    let only = |part: &Value| match part["oneOf"].as_array().map(Vec::as_slice) {
        Some([only]) if part.as_object().is_some_and(|part| part.len() == 1) => only.clone(),
        _ => part.clone(),
    };
    parts.iter().map(only).collect()
}

/// Whether both have the same words, in whatever order.
fn same(our: &[Value], their: &[Value]) -> bool {
    let words = |values: &[Value]| values.iter().map(ToString::to_string).collect::<BTreeSet<String>>();
    words(our) == words(their)
}
