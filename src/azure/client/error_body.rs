//! What Azure says when something is wrong: four shapes of JSON, HTML from what stands in between,
//! or nothing at all, made into one [`Error`].
//!
//! Shapes: ARM and MFE `{"error":{code,message,details[]}}` [SWG, REC]; the older RootError with
//! `innerError` [REC]; a failed operation's error with a null code [ISS]; MLflow's
//! `{"error_code","message"}`.

use std::time::Duration;

use serde_json::Value;

use crate::azure::model::{Class, Error, presentable, word};

/// No wait that a 429 asks for is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// How long to wait after a 429 that does not say.
const DEFAULT_WAIT: Duration = Duration::from_secs(30);

/// The head of an answer, as far as an error needs it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head {
    /// Who answered.
    pub(crate) host: String,
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u64>,
    pub(crate) correlation: Option<String>,
}

impl Head {
    /// The error for an answer that is longer than any of Azure's. A change may have been made.
    pub(crate) fn too_long(&self, most: usize) -> Error {
        self.unexpected(&format!("a body of more than {} MiB", most / 1024 / 1024))
    }

    /// The error for JSON that is not what belongs there.
    pub(crate) fn unexpected(&self, what: &str) -> Error {
        let message = format!("{} answered {} with something unexpected: {what}", self.host, self.status);
        Error {
            class: Class::Transient,
            status: Some(self.status),
            code: None,
            message: presentable(&message),
            correlation: self.correlation.clone(),
            unsent: false,
            asked_as: None,
        }
    }
}

/// The error that an answer with a status outside 2xx stands for.
pub(crate) fn refusal(head: &Head, body: &[u8]) -> Error {
    let said = match serde_json::from_slice::<Value>(body) {
        Ok(json) if !json.is_null() => Said::of(&json),
        _ if is_empty(body) => Said::default(),
        _ => return not_json(head, body),
    };
    let message = if said.message.is_empty() {
        format!("{} answered {} and said nothing more.", head.host, head.status)
    } else {
        said.message
    };
    Error {
        class: class_of(head, said.code.as_deref()),
        status: Some(head.status),
        code: said.code,
        message,
        correlation: head.correlation.clone(),
        unsent: false,
        asked_as: None,
    }
}

/// The error for an answer that should have been JSON and is not: something stands between us and
/// Azure, or Azure is not well. A 429 stays one.
pub(crate) fn not_json(head: &Head, body: &[u8]) -> Error {
    let text = String::from_utf8_lossy(&body[..body.len().min(2000)]);
    let words = first_words(&text);
    let message = if words.is_empty() {
        format!("{} answered {} without the body that belongs there.", head.host, head.status)
    } else {
        format!("{} answered {} with something that is not JSON: \"{words}\"", head.host, head.status)
    };
    Error {
        class: match class_of(head, None) {
            throttled @ Class::Throttled(_) => throttled,
            _ => Class::Transient,
        },
        status: Some(head.status),
        code: None,
        message,
        correlation: head.correlation.clone(),
        unsent: false,
        asked_as: None,
    }
}

/// White space and the literal `null` say nothing (`null` is what a DELETE answers [REC]).
pub(crate) fn is_empty(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    body.is_empty() || body == b"null"
}

/// The status decides, not `error.code`, which is `UserError` for nearly everything [REC]. A few
/// codes say more than their status.
pub(crate) fn class_of(head: &Head, code: Option<&str>) -> Class {
    match code {
        // Similar changes cancel each other [DOC how-to-troubleshoot-online-endpoints].
        Some("OperationCanceled") => return Class::Conflict,
        // A subscription of another tenant.
        Some("InvalidAuthenticationTokenTenant") => return Class::Permanent,
        // 409, but nothing that passes by itself; and a 403 that is no missing role.
        Some("MissingSubscriptionRegistration" | "ScopeLocked" | "RequestDisallowedByPolicy") => {
            return Class::Permanent;
        }
        _ => {}
    }
    match head.status {
        401 | 403 => Class::Unauthorized,
        404 | 410 => Class::NotFound,
        408 | 300..=399 | 500..=599 => Class::Transient,
        409 | 412 => Class::Conflict,
        429 => Class::Throttled(wait(head.retry_after)),
        _ => Class::Permanent,
    }
}

/// Does a 401 say that the token itself has run out, or was taken back?
pub(crate) fn is_about_the_token(error: &Error) -> bool {
    matches!(error.code.as_deref(), Some("ExpiredAuthenticationToken" | "InvalidAuthenticationToken"))
}

/// How long a 429 asks us to wait: between 1 s and 1 h, 30 s where it does not say.
pub(crate) fn wait(retry_after: Option<u64>) -> Duration {
    retry_after.map_or(DEFAULT_WAIT, |s| Duration::from_secs(s.max(1)).min(LONGEST_WAIT))
}

/// Code and message of an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// The most specific one.
    pub(crate) code: Option<String>,
    /// Every different message, from general to specific.
    pub(crate) message: String,
}

impl Said {
    /// Reads any of the shapes.
    pub(crate) fn of(body: &Value) -> Self {
        if let Some(error) = body.get("error").filter(|e| e.is_object()) {
            return Self::of_error(error);
        }
        // MLflow, and ARM's rarer undecorated errors.
        let code = code_in(body, "error_code").or_else(|| code_in(body, "code"));
        let message = text(body, "message").unwrap_or_default();
        Self { code, message: presentable(&message) }
    }

    /// Reads the object under `error`.
    pub(crate) fn of_error(error: &Value) -> Self {
        let mut messages = Vec::new();
        let mut code = code_in(error, "code");
        collect(error, &mut messages, 0);
        if let Some(inner) = innermost(error) {
            code = Some(inner);
        }
        let detail = details(error).find_map(|d| code_in(d, "code"));
        let code = detail.or(code).or_else(|| {
            // `"code": null` and the code in front of the message [ISS mlops-v2#120].
            let first = messages.first_mut()?;
            let (word, rest) = first.split_once(':')?;
            let is_code = (1..=100).contains(&word.len()) && word.chars().all(|c| c.is_ascii_alphanumeric());
            let (code, rest) = is_code.then(|| (word.to_owned(), rest.trim().to_owned()))?;
            *first = rest;
            Some(code)
        });
        Self { code, message: presentable(&join(&messages)) }
    }
}

fn text(value: &Value, name: &str) -> Option<String> {
    let text = value.get(name)?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn code_in(value: &Value, name: &str) -> Option<String> {
    text(value, name).map(|code| word(&code))
}

fn details(error: &Value) -> impl Iterator<Item = &Value> {
    error.get("details").and_then(Value::as_array).into_iter().flatten()
}

/// The code of the deepest `innerError`, such as `UnAuthorizedRegistryAccess` below `UserError`.
fn innermost(error: &Value) -> Option<String> {
    let inner = error.get("innerError").or_else(|| error.get("innererror"))?;
    innermost(inner).or_else(|| code_in(inner, "code"))
}

fn collect(error: &Value, messages: &mut Vec<String>, depth: u8) {
    if let Some(message) = text(error, "message") {
        messages.push(unfold(&message));
    }
    if depth < 4 {
        for detail in details(error).take(5) {
            collect(detail, messages, depth + 1);
        }
    }
}

/// Some details carry a problem document as text: `{"title":"Not Found","errors":{"":["…"]}}` [ISS], with words before it
/// where a quota is at its end.
fn unfold(message: &str) -> String {
    let document = message.find('{').map_or(message, |at| &message[at..]);
    let Ok(Value::Object(problem)) = serde_json::from_str::<Value>(document) else {
        return message.to_owned();
    };
    let mut parts: Vec<String> = ["title", "message", "detail"]
        .iter()
        .filter_map(|name| problem.get(*name)?.as_str().map(str::to_owned))
        .collect();
    let errors = problem.get("errors").and_then(Value::as_object);
    for value in errors.into_iter().flat_map(|errors| errors.values()) {
        let list = value.as_array().into_iter().flatten();
        parts.extend(list.filter_map(Value::as_str).map(str::to_owned));
    }
    if parts.is_empty() { message.to_owned() } else { join(&parts) }
}

/// Sentences one after the other, without those that others contain already.
fn join(messages: &[String]) -> String {
    let mut joined = String::new();
    for message in messages {
        let message = message.trim();
        if message.is_empty() || joined.contains(message) {
            continue;
        }
        if !joined.is_empty() {
            if !joined.ends_with(['.', '!', '?', ':', ';']) {
                joined.push('.');
            }
            joined.push(' ');
        }
        joined.push_str(message);
    }
    joined
}

/// The first words of a page, without its mark-up.
fn first_words(text: &str) -> String {
    let mut plain = String::new();
    let mut in_tag = false;
    for c in text.chars() {
        match c {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                plain.push(' ');
            }
            _ if in_tag => {}
            _ => plain.push(c),
        }
    }
    let words: Vec<&str> = plain.split_whitespace().take(12).collect();
    presentable(&words.join(" ")).chars().take(120).collect()
}

#[cfg(test)]
mod tests;
