//! Every answer over ARM, held against the shapes that are documented: which statuses an operation has, with which
//! headers, and of which type the body is. What the specification says is in `contract/answers.schema`; what is known to
//! differ from it is in [`exceptions`].

pub mod exceptions;
mod operations;
mod schemas;
pub mod shapes;

use std::sync::LazyLock;

use azureml_emulator::contract::Contract as Specification;
use azureml_emulator::{Request, Response};
use serde_json::{Value, json};

pub use operations::{Body, Operation};

const SPECIFICATION: &str = include_str!("../../../contract/answers.schema");

/// Where the data plane's clients ask for what ARM has too, in the same shapes (§C.2).
const OTHER_DOOR: &str = "/mferp/managementfrontend";

/// What is documented.
pub struct Contract {
    /// Its operations, and those that only `exceptions` knows.
    pub operations: Vec<Operation>,
    schemas: jsonschema::Validator,
}

/// The contract, read once.
pub fn contract() -> &'static Contract {
    static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
        let specification: Specification = SPECIFICATION.parse().unwrap();
        let specification = specification.with(exceptions::ADDED_TYPES.parse().unwrap());
        let operations = operations::all(&specification);
        let schemas = schemas::compile(&specification, &operations);
        Contract { operations, schemas }
    });
    &CONTRACT
}

/// Panics when an answer is not as documented. `struck`: a fault rule had its hand in it, which may have put a page
/// in its place. Answers with the operation whose success was checked, a list's only when there was something in it.
pub fn check(request: &Request, answer: &Response, struck: bool) -> Option<&'static str> {
    let is_json = answer.header_value("Content-Type").is_none_or(|kind| kind.starts_with("application/json"));
    if struck && !is_json || answer.status == 0 {
        return None;
    }
    match checked(contract(), request, answer) {
        Ok(operation) => operation,
        Err(why) => panic!(
            "not as documented: {} {} {}\n{why}\n{}",
            request.method,
            request.path,
            answer.status,
            String::from_utf8_lossy(&answer.body)
        ),
    }
}

/// The same, with what is wrong as text.
pub fn checked(
    contract: &'static Contract,
    request: &Request,
    answer: &Response,
) -> Result<Option<&'static str>, String> {
    let path = request.path.strip_prefix(OTHER_DOOR).unwrap_or(&request.path);
    if !path.to_ascii_lowercase().starts_with("/subscriptions/") {
        return Ok(None);
    }
    let operation = contract.operations.iter().find(|operation| operation.is(request, path));
    if answer.status >= 400 {
        let failure = operation.is_some_and(|operation| operation.body == Body::Result);
        // Azure Monitor's own refusals are not wrapped (§K.3); those of the front door before it are.
        let monitor =
            answer.status == 400 && path.to_ascii_lowercase().ends_with("/microsoft.insights/metrics");
        let definition = match (failure, monitor && answer.value().get("error").is_none()) {
            (true, _) => "OperationFailure",
            (_, true) => "MonitorError",
            _ => "ErrorResponse",
        };
        return contract.holds(definition, &answer.value()).map(|()| None);
    }
    let Some(operation) = operation else {
        return Err("nothing documents this operation, and it succeeded".to_owned());
    };
    let body = answer.value();
    operation.allows(answer, body["properties"]["provisioningState"] == "Succeeded")?;
    match &operation.body {
        Body::Unknown => return Ok(Some(&operation.id)),
        Body::Result if answer.status == 200 && !answer.body.is_empty() => {
            contract.is_a_resource(&body)?;
        }
        Body::One(_) | Body::List(_) if answer.status < 202 => {
            contract.holds(&operation.body.definition(), &body)?;
            if body["value"].as_array().is_some_and(Vec::is_empty) {
                return Ok(None);
            }
        }
        // Endpoints answer a 202 with the literal `null` (§B.1 6).
        _ if answer.status == 202 && answer.body == b"null" => {}
        _ if !answer.body.is_empty() => return Err("the body should be empty".to_owned()),
        _ => {}
    }
    Ok(Some(&operation.id))
}

impl Contract {
    /// Whether a body is what a definition says.
    pub fn holds(&self, definition: &str, body: &Value) -> Result<(), String> {
        let body = json!({definition: body});
        let errors = self.schemas.iter_errors(&body);
        let wrong: Vec<String> = errors.map(|error| format!("{}: {error}", error.instance_path())).collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }

    /// What an operation's result shows is what a GET of it would.
    fn is_a_resource(&self, body: &Value) -> Result<(), String> {
        let id = body["id"].as_str().unwrap_or_default();
        let whole = id.strip_prefix("azureml://").map(|rest| {
            format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/{rest}")
        });
        let id = whole.as_deref().unwrap_or(id);
        let get = Request::get(id);
        let operation = self.operations.iter().find(|operation| operation.is(&get, id));
        let operation = operation.ok_or_else(|| format!("'{id}' is the id of nothing that can be got"))?;
        self.holds(&operation.body.definition(), body)
    }
}
