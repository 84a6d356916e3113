//! JSON and YAML, for tools.

use serde::Serialize;

use crate::azure::model::{is_unseen, push_escape};

/// Indented JSON with a line break at its end. Characters that a terminal would act upon are escaped, which to a reader of
/// JSON is the same text.
pub fn json<T: Serialize>(answer: &T) -> Result<String, serde_json::Error> {
    let text = serde_json::to_string_pretty(answer)?;
    let mut safe = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        // Between strings there is none of them but the line break; within one, JSON has escaped that already.
        if c != '\n' && is_unseen(c) { push_escape(&mut safe, c) } else { safe.push(c) }
    }
    safe.push('\n');
    Ok(safe)
}

/// YAML. Where the answer holds characters that a terminal would act upon, it is written as JSON, which is YAML too: only
/// there can all of them be escaped.
pub fn yaml<T: Serialize>(answer: &T) -> Result<String, Error> {
    let text = serde_yaml::to_string(answer)?;
    if text.chars().any(|c| c != '\n' && is_unseen(c)) { Ok(json(answer)?) } else { Ok(text) }
}

/// Why an answer cannot be written as YAML.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the answer cannot be written as YAML: {0}")]
    Yaml(#[from] serde_yaml::Error),
    #[error("the answer cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}
