//! What deployments serve: an operation on a deployment sets it, and scoring counts what comes of it.

use std::collections::BTreeMap;

use serde::Serialize;

/// What a deployment serves, and what came of it so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Serving {
    /// Its name.
    pub deployment: String,
    /// The model as the deployment names it.
    pub reference: String,
    /// The environment as the deployment names it; empty when it names none.
    pub environment: String,
    /// The model's name.
    pub model: String,
    /// The model's version.
    pub version: String,
    /// Requests that it answered.
    pub requests: u64,
    /// Requests that were mirrored to it.
    pub mirrored: u64,
    /// Answers by HTTP status as the caller saw it.
    pub statuses: BTreeMap<u16, u64>,
}
