//! The specification's types as one JSON Schema, stricter than it where the contract is. A name leads to its
//! body: `{"ModelVersion": {…}}` is valid when the body is a `ModelVersion`.
//!
//! - A field that no type has is refused, unless `exceptions` has it.
//! - Null counts as absent, and only for fields that may be absent.
//! - Words are in the service's own case, in which it gives back what was sent in another (§E.4).
//! - What can be written and not read is never there.

use std::collections::BTreeSet;

use azureml_emulator::contract::{Access, Contract, Type};
use serde_json::{Map, Value, json};

use super::exceptions::{ALWAYS, FIELDS};
use super::operations::{Body, Operation};
use super::shapes::json_schema;

/// All types, and the lists that operations answer with.
pub fn compile(contract: &Contract, operations: &[Operation]) -> jsonschema::Validator {
    let ours = FIELDS.iter().map(|row| row.of).chain(ALWAYS.iter().map(|row| row.of));
    ours.for_each(|of| assert!(contract.types.contains_key(of), "there is no type {of}"));
    let mut schemas: Map<String, Value> =
        contract.types.keys().map(|name| (name.clone(), definition(contract, name))).collect();
    for body in operations.iter().map(|operation| &operation.body) {
        if let Body::List(item) = body
            && contract.types.contains_key(item)
        {
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
    json!({"$ref": format!("#/$defs/{name}")})
}

fn list_of(item: &str) -> Value {
    let value = json!({"type": "array", "items": reference(item)});
    json!({
        "type": "object", "required": ["value"], "additionalProperties": false,
        // Absent when there is no more, never null (§D.3).
        "properties": {"value": value, "nextLink": {"type": "string", "format": "uri"}},
    })
}

/// A type, or that of its kinds to which an object belongs by its word for it.
fn definition(contract: &Contract, name: &str) -> Value {
    let own = &contract.types[name];
    let Some(word) = &own.by else { return closed(contract, name) };
    let words: Vec<&String> = own.kinds.iter().map(|(word, _)| word).collect();
    let each = own.kinds.iter().map(|(value, kind)| {
        json!({"if": {"required": [word], "properties": {word: {"const": value}}}, "then": reference(kind)})
    });
    json!({
        "type": "object", "required": [word], "properties": {word: {"enum": words}}, "allOf": each.collect::<Vec<_>>(),
    })
}

/// The field by which a type is a kind of one of its bases, and its word there.
fn kind_of<'a>(contract: &'a Contract, own: &Type, name: &str) -> Option<(&'a str, &'a str)> {
    own.bases.iter().find_map(|base| {
        let base = &contract.types[base];
        let (word, _) = base.kinds.iter().find(|(_, kind)| kind == name)?;
        Some((base.by.as_deref()?, word.as_str()))
    })
}

/// An object with its own fields and those of its bases, and no others.
fn closed(contract: &Contract, name: &str) -> Value {
    let (mut fields, mut required) = (Map::new(), BTreeSet::new());
    collect(contract, name, &mut fields, &mut required);
    if let Some((word, value)) = kind_of(contract, &contract.types[name], name) {
        fields.insert(word.to_owned(), json!({"const": value}));
    }
    for (field, schema) in &mut fields {
        if !required.contains(field) {
            *schema = json!({"if": {"type": "null"}, "else": schema});
        }
    }
    json!({"type": "object", "properties": fields, "required": required, "additionalProperties": false})
}

fn collect(
    contract: &Contract,
    name: &str,
    fields: &mut Map<String, Value>,
    required: &mut BTreeSet<String>,
) {
    let own = &contract.types[name];
    for base in &own.bases {
        collect(contract, base, fields, required);
    }
    for field in &own.fields {
        if field.access == Access::Write {
            fields.insert(field.name.clone(), json!({"type": "null"}));
            required.remove(&field.name);
            continue;
        }
        fields.insert(field.name.clone(), json_schema(&field.shape, reference));
        if field.required {
            required.insert(field.name.clone());
        }
    }
    let always = ALWAYS.iter().filter(|always| always.of == name).flat_map(|always| always.fields);
    required.extend(always.map(ToString::to_string));
    for more in FIELDS.iter().filter(|more| more.of == name) {
        fields.insert(more.field.to_owned(), serde_json::from_str(more.schema).unwrap());
    }
}
