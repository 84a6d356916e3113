//! How deployments answer.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bounds;

/// How some deployments answer. The first rule that fits decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ScoringRule {
    /// Part of `{endpoint}/{deployment}`; `*` stands for any text. Default: any.
    pub deployment: String,
    /// Part of the model's reference, such as `models/fares/versions/3`. Default: any.
    pub model: String,
    /// Status of the model's own answer; what is not 200 reaches the caller as 424 [DOC]. Default 200.
    #[serde(deserialize_with = "bounds::status")]
    pub status: u16,
    /// Share of requests, 0 to 1, that the model answers with 500 instead. Default 0.
    #[serde(deserialize_with = "bounds::error_rate")]
    pub error_rate: f64,
    /// Real milliseconds that an answer takes. Default 0.
    pub latency_millis: u64,
    /// The answer's body. Default: which deployment, model and version answered.
    pub answer: Option<Value>,
    /// What the model's container has written: `getLogs` gives the last lines. Default: nothing, and `getLogs` tells how far the
    /// instance has come.
    pub log: Option<String>,
}

impl Default for ScoringRule {
    fn default() -> Self {
        Self {
            deployment: String::new(),
            model: String::new(),
            status: 200,
            error_rate: 0.0,
            latency_millis: 0,
            answer: None,
            log: None,
        }
    }
}
