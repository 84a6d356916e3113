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

/// The object at a dotted path of one document, with what another one has there over it.
pub fn over(below: &Value, above: &Value, path: &str) -> Value {
    let mut fields = object(below, path);
    fields.extend(object(above, path).into_iter().filter(|(_, value)| !value.is_null()));
    fields.into()
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

/// Whether a value that a client sends is the one that is known: null counts as absent at every depth, and a word
/// compares without regard to case.
pub fn same(wanted: &Value, known: &Value, word: bool) -> bool {
    match (wanted, known) {
        (Value::String(wanted), Value::String(known)) if word => wanted.eq_ignore_ascii_case(known),
        (Value::Object(left), Value::Object(right)) => {
            let absent = Value::Null;
            left.keys()
                .chain(right.keys())
                .all(|key| same(left.get(key).unwrap_or(&absent), right.get(key).unwrap_or(&absent), word))
        }
        _ => wanted == known,
    }
}
