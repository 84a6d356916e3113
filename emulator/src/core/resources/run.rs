//! What the run of a job logged.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

/// What a run logged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics {
    /// By name, in the order logged: numbers, or the strings `NaN`, `Infinity` and `-Infinity`.
    pub history: BTreeMap<String, Vec<Value>>,
    /// Parameters.
    pub params: BTreeMap<String, String>,
    /// Milliseconds since 1970.
    pub logged: i64,
}

impl Metrics {
    /// Metrics from a seed, where each is a value or a list of values.
    pub fn of(metrics: &BTreeMap<String, Value>, params: &BTreeMap<String, String>, now: Timestamp) -> Self {
        let values = |value: &Value| match value {
            Value::Array(values) => values.clone(),
            value => vec![value.clone()],
        };
        Self {
            history: metrics.iter().map(|(name, value)| (name.clone(), values(value))).collect(),
            params: params.clone(),
            logged: now.as_millisecond(),
        }
    }
}
