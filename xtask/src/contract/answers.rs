//! Operations, and the types of what they answer, out of the specification.

use std::collections::BTreeMap;

use azureml_emulator::contract::{Access, Contract, Field, Operation, Returns, Shape, Type};
use serde_json::Value;

use super::{NotUnderstood, bound, not_understood, referred, words};

/// What the emulator serves of workspaces; of registries it serves all.
const OF_WORKSPACES: [&str; 9] = [
    "batchEndpoints",
    "codes",
    "components",
    "data",
    "datastores",
    "environments",
    "jobs",
    "models",
    "onlineEndpoints",
];

/// What every operation may answer.
const REFUSAL: &str = "ErrorResponse";

/// All of it.
pub(super) fn of(specification: &Value) -> Result<Contract, NotUnderstood> {
    let mut answers = Answers { definitions: &specification["definitions"], contract: Contract::default() };
    for (path, methods) in specification["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let operation = read(path, method, operation)?;
            if let (true, Some(Returns::One(name) | Returns::List(name))) =
                (is_served(path), &operation.returns)
            {
                answers.take(name)?;
            }
            answers.contract.operations.push(operation);
        }
    }
    answers.take(REFUSAL)?;
    Ok(answers.contract)
}

/// Whether a path is of a resource that is served, or of what belongs to one.
fn is_served(path: &str) -> bool {
    let path = path.split_once("/providers/Microsoft.MachineLearningServices/").map(|(_, path)| path);
    let segments: Vec<&str> = path.unwrap_or_default().split('/').collect();
    match segments[..] {
        ["workspaces"] | ["workspaces", _] | ["registries", ..] => true,
        ["workspaces", _, kind, ..] => OF_WORKSPACES.contains(&kind),
        _ => false,
    }
}

fn read(path: &str, method: &str, operation: &Value) -> Result<Operation, NotUnderstood> {
    let refused = || not_understood(path, operation);
    let mut statuses = BTreeMap::new();
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        // The other one is `default`, a refusal.
        if let Ok(status) = status.parse() {
            let headers = response["headers"].as_object().into_iter().flatten();
            statuses.insert(status, headers.map(|(name, _)| name.clone()).collect());
        }
    }
    let name = |text: &str| text.trim_start_matches("_models.").to_owned();
    let returns = operation["x-returns"].as_str().filter(|text| *text != "None").map(|text| {
        match text.strip_prefix("List[").and_then(|rest| rest.strip_suffix(']')) {
            Some(item) => Returns::List(name(item)),
            None => Returns::One(name(text)),
        }
    });
    Ok(Operation {
        id: operation["operationId"].as_str().ok_or_else(refused)?.to_owned(),
        method: method.to_ascii_uppercase(),
        path: path.to_owned(),
        query: query(operation),
        returns,
        statuses,
    })
}

/// The parameters of a query; `api-version` is one of every query.
fn query(operation: &Value) -> Vec<String> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let in_query = parameters.filter(|parameter| parameter["in"] == "query");
    let names = in_query.filter_map(|parameter| parameter["name"].as_str());
    names.filter(|name| *name != "api-version").map(ToOwned::to_owned).collect()
}

struct Answers<'a> {
    definitions: &'a Value,
    contract: Contract,
}

impl Answers<'_> {
    /// A type, and all that it is made of.
    fn take(&mut self, name: &str) -> Result<(), NotUnderstood> {
        if self.contract.types.contains_key(name) {
            return Ok(());
        }
        let definition = &self.definitions[name];
        if definition["type"] != "object" {
            return Err(not_understood(name, definition));
        }
        self.contract.types.insert(name.to_owned(), Type::default());
        let required = words(&definition["required"]);
        let mut known = Type { bases: bases(definition).map(ToOwned::to_owned).collect(), ..Type::default() };
        for (field, schema) in definition["properties"].as_object().into_iter().flatten() {
            known.fields.push(Field {
                name: field.clone(),
                required: required.contains(field),
                access: access(schema),
                shape: shape(&format!("{name}.{field}"), schema)?,
            });
        }
        for (kind, other) in self.definitions.as_object().into_iter().flatten() {
            if let Some(word) = other["x-ms-discriminator-value"].as_str()
                && bases(other).any(|base| base == name)
            {
                known.kinds.push((word.to_owned(), kind.clone()));
            }
        }
        if !known.kinds.is_empty() {
            known.by = definition["discriminator"].as_str().map(ToOwned::to_owned);
        }
        let fields = known.fields.iter().filter_map(|field| field.shape.named());
        for used in
            fields.chain(known.bases.iter().chain(known.kinds.iter().map(|kind| &kind.1)).map(String::as_str))
        {
            self.take(used)?;
        }
        self.contract.types.insert(name.to_owned(), known);
        Ok(())
    }
}

fn bases(definition: &Value) -> impl Iterator<Item = &str> {
    definition["allOf"].as_array().into_iter().flatten().filter_map(referred)
}

fn access(schema: &Value) -> Access {
    let when = schema["x-ms-mutability"].as_array();
    let at = |word: &str| when.is_none_or(|when| when.iter().any(|known| known == word));
    match (schema["readOnly"] == true, at("read"), at("create") || at("update")) {
        (true, ..) | (_, true, false) => Access::Read,
        (_, false, _) => Access::Write,
        _ => Access::Both,
    }
}

fn shape(place: &str, schema: &Value) -> Result<Shape, NotUnderstood> {
    if let Some(name) = referred(schema) {
        return Ok(Shape::Of(name.to_owned()));
    }
    if schema["enum"].is_array() {
        return Ok(Shape::Words(words(&schema["enum"])));
    }
    let others = schema.get("additionalProperties").filter(|others| others.is_object());
    match (schema["type"].as_str(), schema["format"].as_str(), others) {
        (Some("string"), Some("date-time"), _) => Ok(Shape::Time),
        (Some("string"), Some("duration"), _) => Ok(Shape::Duration),
        (Some("string"), None, _) => Ok(Shape::Text {
            least: bound(schema, "minLength"),
            most: bound(schema, "maxLength"),
            pattern: schema["pattern"].as_str().map(ToOwned::to_owned),
        }),
        (Some("boolean"), ..) => Ok(Shape::Flag),
        (Some("integer"), ..) => Ok(Shape::Whole(bound(schema, "minimum"))),
        (Some("number"), ..) => Ok(Shape::Number),
        (Some("array"), ..) => Ok(Shape::List(Box::new(shape(place, &schema["items"])?))),
        (Some("object"), _, Some(others)) => Ok(Shape::Map(Box::new(shape(place, others)?))),
        (Some("object"), _, None) => Ok(Shape::Object),
        (None, ..) => Ok(Shape::Any),
        _ => Err(not_understood(place, schema)),
    }
}
