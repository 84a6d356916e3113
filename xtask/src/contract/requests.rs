//! The bodies of PUTs, out of the ARM schema. It was written for templates: where a value may also be a template's
//! expression, that is left out here.

use std::collections::BTreeSet;

use azureml_emulator::contract::{Access, Contract, Field, Shape, Type};
use serde_json::{Map, Value};

use super::{NotUnderstood, bound, not_understood, referred, words};

/// The resources whose bodies the emulator takes, beside assets.
const SERVED: [&str; 7] = [
    "registries",
    "workspaces_batchEndpoints",
    "workspaces_batchEndpoints_deployments",
    "workspaces_datastores",
    "workspaces_jobs",
    "workspaces_onlineEndpoints",
    "workspaces_onlineEndpoints_deployments",
];
/// Assets, which are in registries and in workspaces.
const ASSETS: [&str; 5] = ["codes", "components", "data", "environments", "models"];

/// What of a resource is said in the path of a request, or is no field of it.
const NOT_IN_BODIES: [&str; 4] = ["apiVersion", "name", "resources", "type"];

/// All of it.
pub(super) fn of(schema: &Value, specification: &Value) -> Result<Contract, NotUnderstood> {
    let mut made = Requests { schema, specification, contract: Contract::default() };
    for (name, body) in schema["resourceDefinitions"].as_object().into_iter().flatten() {
        let chain = name.replace('_', "/");
        if is_served(name) {
            let fields = made.fields(name, body, &NOT_IN_BODIES)?;
            made.contract.resources.insert(chain, fields);
        } else {
            made.contract.omitted.insert(chain);
        }
    }
    Ok(made.contract)
}

fn is_served(name: &str) -> bool {
    let asset = name.split('_').nth(1).unwrap_or_default();
    SERVED.contains(&name) || ASSETS.contains(&asset)
}

struct Requests<'a> {
    schema: &'a Value,
    specification: &'a Value,
    contract: Contract,
}

impl Requests<'_> {
    fn fields(&mut self, of: &str, object: &Value, except: &[&str]) -> Result<Vec<Field>, NotUnderstood> {
        let required = words(&object["required"]);
        let properties = object["properties"].as_object().into_iter().flatten();
        let kept = properties.filter(|(name, _)| !except.contains(&name.as_str()));
        let field = |(name, schema): (&String, &Value)| {
            let shape = self.shape(&format!("{of}.{name}"), schema)?;
            let shape = self.exactly(of, name, shape);
            Ok(Field { name: name.clone(), required: required.contains(name), access: Access::Both, shape })
        };
        kept.map(field).collect()
    }

    fn shape(&mut self, place: &str, schema: &Value) -> Result<Shape, NotUnderstood> {
        if let Some(either) = schema["oneOf"].as_array() {
            let mut values = either.iter().filter(|schema| !is_expression(schema));
            let (Some(only), None) = (values.next(), values.next()) else {
                return Err(not_understood(place, schema));
            };
            return self.shape(place, only);
        }
        if let Some(name) = referred(schema) {
            return self.named(name);
        }
        if schema["enum"].is_array() {
            return Ok(Shape::Words(words(&schema["enum"])));
        }
        let others = schema.get("additionalProperties").filter(|others| others.is_object());
        match (schema["type"].as_str(), others) {
            (Some("string"), _) => Ok(Shape::Text {
                least: bound(schema, "minLength"),
                most: bound(schema, "maxLength"),
                pattern: schema["pattern"].as_str().map(ToOwned::to_owned),
            }),
            (Some("boolean"), _) => Ok(Shape::Flag),
            (Some("integer"), _) => Ok(Shape::Whole(bound(schema, "minimum"))),
            (Some("number"), _) => Ok(Shape::Number),
            (Some("array"), _) => Ok(Shape::List(Box::new(self.shape(place, &schema["items"])?))),
            (Some("object"), Some(others)) => Ok(Shape::Map(Box::new(self.shape(place, others)?))),
            (Some("object"), None) if is_empty(&schema["properties"]) => Ok(Shape::Object),
            (None, None)
                if schema.as_object().is_some_and(|facts| facts.keys().all(|key| key == "description")) =>
            {
                Ok(Shape::Any)
            }
            _ => Err(not_understood(place, schema)),
        }
    }

    /// A type by its name; or what it is, when that is no object with fields.
    fn named(&mut self, name: &str) -> Result<Shape, NotUnderstood> {
        let of_that_name = Shape::Of(name.to_owned());
        if self.contract.types.contains_key(name) {
            return Ok(of_that_name);
        }
        let schema = &self.schema["definitions"][name];
        if schema.get("allOf").is_none() && schema["additionalProperties"].is_object() {
            return self.shape(name, schema);
        }
        // Before its fields are looked at, which may be of the same type.
        self.contract.types.insert(name.to_owned(), Type::default());
        let known = match schema["allOf"].as_array().map(Vec::as_slice) {
            None if schema["type"] == "object" => {
                Type { fields: self.fields(name, schema, &[])?, ..Type::default() }
            }
            Some([common, kinds]) => self.of_kinds(name, common, kinds)?,
            _ => return Err(not_understood(name, schema)),
        };
        self.contract.types.insert(name.to_owned(), known);
        Ok(of_that_name)
    }

    /// What all kinds have, and the kinds: `{oneOf: […]}`, or the only one.
    fn of_kinds(&mut self, name: &str, common: &Value, kinds: &Value) -> Result<Type, NotUnderstood> {
        let each = kinds["oneOf"].as_array().map_or(std::slice::from_ref(kinds), Vec::as_slice);
        let mut found = Type { fields: self.fields(name, common, &[])?, ..Type::default() };
        for kind in each {
            let refused = || not_understood(name, kind);
            let [of, constant] = kind["allOf"].as_array().map(Vec::as_slice).unwrap_or_default() else {
                return Err(refused());
            };
            let mut constants = constant["properties"].as_object().into_iter().flatten();
            let (by, word) = constants.next().ok_or_else(refused)?;
            let of = referred(of).ok_or_else(refused)?;
            self.named(of)?;
            found.kinds.push((word["const"].as_str().ok_or_else(refused)?.to_owned(), of.to_owned()));
            found.by = Some(by.clone());
        }
        // The kinds say it all.
        let by = found.by.clone().unwrap_or_default();
        let all = Shape::Words(found.kinds.iter().map(|(word, _)| word.clone()).collect());
        let before = found.fields.len();
        found.fields.retain(|field| !(field.name == by && field.required && same_words(&field.shape, &all)));
        if found.fields.len() + 1 == before { Ok(found) } else { Err(not_understood(name, common)) }
    }

    /// What the specification says of a field when it says more.
    fn exactly(&self, of: &str, field: &str, shape: Shape) -> Shape {
        let Some(schema) = specified(&self.specification["definitions"], of, field) else { return shape };
        match shape {
            Shape::Whole(None) if schema["type"] == "number" => Shape::Number,
            shape if shape == Shape::TEXT && schema["format"] == "duration" => Shape::Duration,
            shape => shape,
        }
    }
}

fn same_words(one: &Shape, other: &Shape) -> bool {
    let sorted = |shape: &Shape| match shape {
        Shape::Words(words) => words.iter().cloned().collect::<BTreeSet<String>>(),
        _ => BTreeSet::new(),
    };
    sorted(one) == sorted(other)
}

/// A template's expression.
fn is_expression(schema: &Value) -> bool {
    schema["$ref"].as_str().is_some_and(|reference| reference.starts_with("https://"))
}

fn is_empty(properties: &Value) -> bool {
    properties.as_object().is_none_or(Map::is_empty)
}

/// A field as the specification has it, in a type or in one of its bases.
fn specified<'a>(definitions: &'a Value, of: &str, field: &str) -> Option<&'a Value> {
    let definition = definitions.get(of)?;
    let own = definition["properties"].get(field);
    own.or_else(|| {
        let mut bases = definition["allOf"].as_array().into_iter().flatten().filter_map(referred);
        bases.find_map(|base| specified(definitions, base, field))
    })
}
