//! The same bodies in other words.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// Texts that look like words here and there, and come back as they were sent.
const TEXTS: [&str; 3] = ["name", "acrAccountSku", "storageAccountType"];

/// The body with its words in capitals, and with something unheard of in every object that has names of its own.
pub fn strange(body: &Value, words: &BTreeSet<String>) -> Value {
    match body {
        Value::Object(fields) => {
            // `x` is what samples put into an object whose names are the client's.
            let named = !fields.is_empty() && !["x", "any"].iter().any(|name| fields.contains_key(*name));
            let more = named.then(|| ("unheardOf".to_owned(), json!({"of": 1})));
            let same = |name: &str, value: &Value| match value {
                Value::String(text) if words.contains(text) && !TEXTS.contains(&name) => {
                    text.to_uppercase().into()
                }
                value => strange(value, words),
            };
            fields.iter().map(|(name, value)| (name.clone(), same(name, value))).chain(more).collect()
        }
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::String(text) if words.contains(text) => text.to_uppercase().into(),
                item => strange(item, words),
            })
            .collect(),
        other => other.clone(),
    }
}
