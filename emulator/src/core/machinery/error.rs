//! Refusals, in the three shapes in which Azure writes them (§D.1).

use serde_json::{Value, json};

use super::ids;
use crate::core::Core;
use crate::wire::Response;

/// What a handler gives back.
pub type Answer = Result<Response, ArmError>;

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArmError {
    /// The HTTP status.
    pub status: u16,
    /// `error.code`.
    pub code: String,
    /// `error.message`.
    pub message: String,
    /// Code and message of `error.details[0]`, in errors of the resource provider.
    pub detail: Option<Box<Detail>>,
    /// The front door's errors carry no decoration; the resource provider's do.
    from_provider: bool,
    /// Further fields of `error`.
    fields: Vec<(&'static str, Value)>,
    /// What would be under `error` is all of the body, as Azure Monitor has it (§K.3).
    unwrapped: bool,
    /// Further headers.
    pub headers: Vec<(String, String)>,
}

/// What went wrong, more precisely: clients branch on this code, for `error.code` is mostly `UserError`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// Such as `ModelNotFound`.
    pub code: String,
    /// In words.
    pub message: String,
}

impl ArmError {
    /// An error of Azure Resource Manager itself.
    pub fn front(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            detail: None,
            from_provider: false,
            fields: Vec::new(),
            unwrapped: false,
            headers: Vec::new(),
        }
    }

    /// An error of the resource provider: `UserError`, with one detail that tells more.
    pub fn user(status: u16, message: &str, detail: &str, detail_message: impl Into<String>) -> Self {
        Self {
            code: "UserError".to_owned(),
            detail: Some(Box::new(Detail { code: detail.to_owned(), message: detail_message.into() })),
            from_provider: true,
            ..Self::front(status, "", message)
        }
    }

    /// 400 of the resource provider, without a detail.
    pub fn plain_user(status: u16, message: impl Into<String>) -> Self {
        Self { code: "UserError".to_owned(), from_provider: true, ..Self::front(status, "", message) }
    }

    /// 400 with the title that validation errors have [ISS azureml-examples#1930].
    pub fn validation(field: &str, message: impl Into<String>) -> Self {
        Self::user(400, "One or more validation errors occurred.", field, message)
    }

    /// The resource provider's 404.
    pub fn missing(detail: &str, message: impl Into<String>) -> Self {
        Self::user(404, "The specified resource was not found.", detail, message)
    }

    /// The same refusal with a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same refusal with a further field of `error`.
    #[must_use]
    pub fn with(mut self, field: &'static str, value: Value) -> Self {
        self.fields.push((field, value));
        self
    }

    /// The same refusal as Azure Monitor writes it: code and message at the top, and nothing else.
    #[must_use]
    pub fn unwrapped(self) -> Self {
        Self { unwrapped: true, ..self }
    }

    /// The answer on the wire.
    pub fn into_response(self, core: &mut Core, region: &str) -> Response {
        let unnamed = !self.from_provider && self.status == 404 && !core.config.inferred.front_door_codes;
        let code = if unnamed { "NotFound" } else { &self.code };
        let mut error = json!({"code": code, "message": self.message});
        if self.from_provider {
            error["details"] = match &self.detail {
                Some(detail) => {
                    json!([{"code": detail.code, "message": detail.message, "details": [], "additionalInfo": []}])
                }
                None => json!([]),
            };
            error["additionalInfo"] = decoration(core, region);
        }
        for (field, value) in self.fields {
            error[field] = value;
        }
        let body = if self.unwrapped { error } else { json!({"error": error}) };
        let mut response = Response::json(self.status, &body);
        for (name, value) in self.headers {
            response.headers.insert(name, value);
        }
        response
    }
}

fn decoration(core: &mut Core, region: &str) -> Value {
    let operation = ids::hex(&mut core.rng, 32);
    let request = ids::hex(&mut core.rng, 16);
    json!([
        {"type": "ComponentName", "info": {"value": "managementfrontend"}},
        {"type": "Correlation", "info": {"value": {"operation": operation, "request": request}}},
        {"type": "Environment", "info": {"value": region}},
        {"type": "Location", "info": {"value": region}},
        {"type": "Time", "info": {"value": ids::iso(core.now())}},
    ])
}

/// A refusal in the older shape of discovery and the data plane [REC 403].
pub struct RootError<'a> {
    /// The HTTP status.
    pub status: u16,
    /// What is said, with `{feedName}` where the registry's name belongs.
    pub format: &'a str,
    /// The registry's name.
    pub registry: &'a str,
    /// Codes, each inside the one before.
    pub inner: &'a [&'a str],
}

impl RootError<'_> {
    /// The answer on the wire.
    pub fn into_response(self, core: &mut Core) -> Response {
        let operation = ids::hex(&mut core.rng, 32);
        let request = ids::hex(&mut core.rng, 16);
        let inner = self
            .inner
            .iter()
            .rev()
            .fold(Value::Null, |inner, code| json!({"code": code, "innerError": inner}));
        Response::json(
            self.status,
            &json!({
                "error": {
                    "code": "UserError", "severity": null, "message": self.format.replace("{feedName}", self.registry),
                    "messageFormat": self.format, "messageParameters": {"feedName": self.registry}, "details": [],
                    "innerError": inner, "debugInfo": null, "additionalInfo": null
                },
                "correlation": {"operation": operation, "request": request},
                "environment": "eastus", "location": "eastus", "time": ids::iso(core.now()),
                "componentName": "feedmanagement", "statusCode": self.status
            }),
        )
    }
}
