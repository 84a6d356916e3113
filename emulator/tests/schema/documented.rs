//! Microsoft's ARM schema, as JSON Schema: made again out of `contract/requests.schema`. What was only for templates is
//! not in it, and unknown properties are tolerated.

use std::collections::BTreeSet;

use azureml_emulator::contract::{Contract, Field, Shape, Type};
use serde_json::{Map, Value, json};

use crate::support::documented::shapes::json_schema;

const REQUESTS: &str = include_str!("../../contract/requests.schema");

/// The bodies of all resources.
pub struct Schema {
    contract: Contract,
    definitions: Value,
}

impl Schema {
    pub fn read() -> Self {
        let contract: Contract = REQUESTS.parse().unwrap();
        let definitions = contract.types.iter().map(|(name, known)| (name.clone(), definition(known)));
        Self { definitions: definitions.collect::<Map<_, _>>().into(), contract }
    }

    /// That of one resource's body. Names are those of the ARM schema, which has `_` between types.
    pub fn of(&self, resource: &str) -> Value {
        let mut schema = object(&self.contract.resources[&resource.replace('_', "/")]);
        schema["definitions"] = self.definitions.clone();
        schema
    }

    /// The resources that it has.
    pub fn resources(&self) -> BTreeSet<String> {
        let names = self.contract.resources.keys().chain(&self.contract.omitted);
        names.map(|chain| chain.replace('/', "_")).collect()
    }

    /// All words that a value can be one of.
    pub fn words(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let of_types = self.contract.types.values().flat_map(|known| &known.fields);
        for field in of_types.chain(self.contract.resources.values().flatten()) {
            words_of(&field.shape, &mut found);
        }
        let kinds = self.contract.types.values().flat_map(|known| &known.kinds);
        found.extend(kinds.map(|(word, _)| word.clone()));
        found
    }
}

fn words_of(shape: &Shape, found: &mut BTreeSet<String>) {
    match shape {
        Shape::Words(words) => found.extend(words.iter().cloned()),
        Shape::Map(inner) | Shape::List(inner) => words_of(inner, found),
        _ => {}
    }
}

/// An object of several kinds has the word of one of them, and what its type says.
fn definition(known: &Type) -> Value {
    let Some(by) = &known.by else { return object(&known.fields) };
    let mut common = object(&known.fields);
    let words: Vec<&String> = known.kinds.iter().map(|(word, _)| word).collect();
    common["properties"][by] = json!({"type": "string", "enum": words});
    common["required"].as_array_mut().unwrap().push(json!(by));
    let each = known.kinds.iter().map(|(word, kind)| {
        let is_it = json!({"type": "object", "required": [by], "properties": {by: {"const": word}}});
        json!({"allOf": [reference(kind), is_it]})
    });
    json!({"allOf": [common, {"oneOf": each.collect::<Vec<_>>()}]})
}

fn object(fields: &[Field]) -> Value {
    let required: Vec<&String> =
        fields.iter().filter(|field| field.required).map(|field| &field.name).collect();
    let properties: Map<String, Value> =
        fields.iter().map(|field| (field.name.clone(), json_schema(&field.shape, reference))).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/definitions/{name}")})
}
