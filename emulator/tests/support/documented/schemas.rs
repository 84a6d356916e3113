//! The specification's definitions as one JSON Schema, stricter than it where the contract is. A name leads to its
//! body: `{"ModelVersion": {…}}` is valid when the body is a `ModelVersion`.
//!
//! - A field that no definition has is refused, unless `exceptions` has it.
//! - Null counts as absent, and only for fields that may be absent.
//! - Words are in the service's own case, in which it gives back what was sent in another (§E.4).
//! - What can be written and not read is never there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::exceptions::{ALWAYS, FIELDS, added_definitions};
use super::operations::{Body, Operation};

/// Seven digits of a second, and the offset written out (§D.3).
const TIME: &str = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{7}\+00:00$";

const DURATION: &str = r"^P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$";

/// All definitions, and the lists that operations answer with.
pub fn compile(definitions: &Value, operations: &[Operation]) -> jsonschema::Validator {
    let mut known = definitions.as_object().unwrap().clone();
    known.extend(added_definitions());
    let ours = FIELDS.iter().map(|row| row.of).chain(ALWAYS.iter().map(|row| row.of));
    ours.for_each(|of| assert!(known.contains_key(of), "there is no definition {of}"));
    let mut schemas: Map<String, Value> =
        known.keys().map(|name| (name.clone(), definition(&known, name))).collect();
    for body in operations.iter().map(|operation| &operation.body) {
        if let Body::List(item) = body {
            schemas.insert(body.definition(), list_of(item));
        }
    }
    let properties: Map<String, Value> = schemas.keys().map(|name| (name.clone(), reference(name))).collect();
    let schema = json!({
        "$defs": schemas, "type": "object", "properties": properties, "additionalProperties": false, "minProperties": 1,
    });
    let options =
        jsonschema::options().with_draft(jsonschema::Draft::Draft202012).should_validate_formats(true);
    options.build(&schema).unwrap()
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{}", name.replace(' ', "%20"))})
}

fn list_of(item: &str) -> Value {
    let value = json!({"type": "array", "items": reference(item)});
    json!({
        "type": "object", "required": ["value"], "additionalProperties": false,
        // Absent when there is no more, never null (§D.3).
        "properties": {"value": value, "nextLink": {"type": "string", "format": "uri"}},
    })
}

/// A definition, or that of its kinds to which an object belongs by the discriminator's word.
fn definition(known: &Map<String, Value>, name: &str) -> Value {
    let own = &known[name];
    let kinds: BTreeMap<&str, Value> = known
        .iter()
        .filter(|(_, other)| bases(other).any(|base| base == name))
        .filter_map(|(kind, other)| Some((other["x-ms-discriminator-value"].as_str()?, reference(kind))))
        .collect();
    let Some(word) = own["discriminator"].as_str().filter(|_| !kinds.is_empty()) else {
        return closed(known, name);
    };
    let words: Vec<&&str> = kinds.keys().collect();
    let each = kinds
        .iter()
        .map(|(value, kind)| json!({"if": {"required": [word], "properties": {word: {"const": value}}}, "then": kind}));
    json!({
        "type": "object", "required": [word], "properties": {word: {"enum": words}}, "allOf": each.collect::<Vec<_>>(),
    })
}

fn bases(definition: &Value) -> impl Iterator<Item = &str> {
    let references = definition["allOf"].as_array().into_iter().flatten();
    references.filter_map(|base| base["$ref"].as_str()?.rsplit('/').next())
}

/// An object with its own fields and those of its bases, and no others.
fn closed(known: &Map<String, Value>, name: &str) -> Value {
    let (mut fields, mut required) = (Map::new(), BTreeSet::new());
    collect(known, name, &mut fields, &mut required);
    let own = &known[name];
    if let (Some(word), Some(value)) =
        (own["discriminator"].as_str(), own["x-ms-discriminator-value"].as_str())
    {
        fields.insert(word.to_owned(), json!({"const": value}));
    }
    for (field, schema) in &mut fields {
        if !required.contains(field) {
            *schema = json!({"if": {"type": "null"}, "else": schema});
        }
    }
    let others = own.get("additionalProperties").filter(|others| others.is_object());
    json!({
        "type": "object", "properties": fields, "required": required,
        "additionalProperties": others.map_or(json!(false), converted),
    })
}

fn collect(
    known: &Map<String, Value>,
    name: &str,
    fields: &mut Map<String, Value>,
    required: &mut BTreeSet<String>,
) {
    let own = &known[name];
    for base in bases(own) {
        collect(known, base, fields, required);
    }
    let listed = own["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let always = ALWAYS.iter().filter(|always| always.of == name).flat_map(|always| always.fields);
    required.extend(listed.chain(always.copied()).map(ToOwned::to_owned));
    for (field, schema) in own["properties"].as_object().into_iter().flatten() {
        let when = schema["x-ms-mutability"].as_array();
        if when.is_some_and(|when| !when.contains(&json!("read"))) {
            fields.insert(field.clone(), json!({"type": "null"}));
            required.remove(field);
        } else {
            fields.insert(field.clone(), converted(schema));
        }
    }
    for more in FIELDS.iter().filter(|more| more.of == name) {
        fields.insert(more.field.to_owned(), serde_json::from_str(more.schema).unwrap());
    }
}

/// What a field may be.
fn converted(schema: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return reference(name);
    }
    let mut kept = Map::new();
    for key in ["type", "enum", "pattern", "minLength", "maxLength", "minimum", "format"] {
        if let Some(value) = schema.get(key) {
            kept.insert(key.to_owned(), value.clone());
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(value) = schema.get(key).filter(|value| value.is_object()) {
            kept.insert(key.to_owned(), converted(value));
        }
    }
    // The format `duration` of JSON Schema has no fractions, and the service has `PT0.5S` (§B.5).
    for (format, pattern) in [("date-time", TIME), ("duration", DURATION)] {
        if kept.get("format").is_some_and(|known| known == format) {
            kept.remove("format");
            kept.insert("pattern".to_owned(), pattern.into());
        }
    }
    kept.into()
}
