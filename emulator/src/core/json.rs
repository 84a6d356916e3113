//! Reading and writing JSON documents by dotted path.

use serde_json::{Map, Value};

/// The value at a dotted path such as `properties.modelUri`; `Null` counts as absent.
pub fn at<'a>(document: &'a Value, path: &str) -> Option<&'a Value> {
    let found = path.split('.').try_fold(document, |value, key| value.get(key))?;
    (!found.is_null()).then_some(found)
}

/// The string at a dotted path.
pub fn text<'a>(document: &'a Value, path: &str) -> Option<&'a str> {
    at(document, path)?.as_str()
}

/// The value at a dotted path, or another one.
pub fn or(document: &Value, path: &str, default: impl Into<Value>) -> Value {
    at(document, path).cloned().unwrap_or_else(|| default.into())
}

/// The object at a dotted path; empty when absent or of another type.
pub fn object(document: &Value, path: &str) -> Map<String, Value> {
    at(document, path).and_then(Value::as_object).cloned().unwrap_or_default()
}

/// JSON merge patch (RFC 7396).
pub fn merge(document: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *document = patch.clone();
        return;
    };
    if !document.is_object() {
        *document = Value::Object(Map::new());
    }
    if let Value::Object(target) = document {
        for (key, value) in fields {
            if value.is_null() {
                target.remove(key);
            } else {
                merge(target.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
    }
}
