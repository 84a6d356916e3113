//! Who asked what, and what came of it.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::wire::{Delivery, Principal, Request, Response};

/// How many entries are kept; counts go on for ever.
const KEPT: usize = 100_000;
/// How many of them still have their bodies, which take the most memory.
const WITH_BODY: usize = 10_000;
/// Fields of bodies that hold secrets.
const SECRET: [&str; 3] = ["secrets", "keys", "keyValue"];

/// One request, or bytes that were none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Counts from 1.
    pub number: u64,
    /// Emulated time.
    pub time: String,
    /// Name of the principal.
    pub principal: String,
    /// HTTP method; of bytes that are no HTTP, what seemed to be one, or `-`.
    pub method: String,
    /// Path as sent, without query.
    pub path: String,
    /// The `api-version` parameter.
    pub api_version: Option<String>,
    /// HTTP status of the answer, also of one that was lost.
    pub status: u16,
    /// The fault rule that struck, by id.
    pub fault: Option<u64>,
    /// Whether the answer was sent.
    pub answered: bool,
    /// What a write on a management path was to make, where it was JSON, without secrets. Only of the latest 10,000
    /// requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

/// How many requests of a principal there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// GET and HEAD on management paths.
    pub reads: u64,
    /// PUT, PATCH and POST on management paths.
    pub writes: u64,
    /// DELETE on management paths.
    pub deletes: u64,
    /// POST of scoring URIs.
    pub scorings: u64,
    /// Tokens, MLflow, discovery, metadata, storage, and what else is asked of endpoints.
    pub others: u64,
}

/// The log.
#[derive(Debug, Default)]
pub struct Log {
    entries: VecDeque<Entry>,
    counts: BTreeMap<String, Counts>,
    total: u64,
}

fn body(request: &Request) -> Option<Value> {
    let mut body: Value = serde_json::from_slice(&request.body).ok()?;
    hide_secrets(&mut body);
    Some(body)
}

fn hide_secrets(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.retain(|name, _| !SECRET.contains(&name.as_str()));
        fields.values_mut().for_each(hide_secrets);
    }
}

impl Log {
    pub fn record(
        &mut self,
        now: Timestamp,
        principal: &Principal,
        request: &Request,
        response: &Response,
        fault: Option<u64>,
    ) {
        self.total += 1;
        let counts = self.counts.entry(principal.name().to_owned()).or_default();
        let managed = request.path.starts_with("/subscriptions") || request.path.starts_with("/mferp");
        *match (managed, request.method.as_str()) {
            (true, "GET" | "HEAD") => &mut counts.reads,
            (true, "DELETE") => &mut counts.deletes,
            (true, _) => &mut counts.writes,
            (false, "POST")
                if request.path.starts_with("/inference/") && request.path.ends_with("/score") =>
            {
                &mut counts.scorings
            }
            (false, _) => &mut counts.others,
        } += 1;
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        if let Some(old) = self.entries.len().checked_sub(WITH_BODY).and_then(|old| self.entries.get_mut(old))
        {
            old.body = None;
        }
        self.entries.push_back(Entry {
            number: self.total,
            time: super::ids::iso(now),
            principal: principal.name().to_owned(),
            method: request.method.to_string(),
            path: request.path.clone(),
            api_version: request.parameter("api-version"),
            status: response.status,
            fault,
            answered: matches!(response.delivery, Delivery::Now | Delivery::After(_)),
            body: managed.then(|| body(request)).flatten(),
        });
    }

    /// The entries kept, oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Counts by principal since the start, or since [`Self::clear`].
    pub fn counts(&self) -> &BTreeMap<String, Counts> {
        &self.counts
    }

    /// Forgets entries and counts.
    pub fn clear(&mut self) {
        *self = Self { total: self.total, ..Self::default() };
    }
}
