//! Bodies made from a schema.

use serde_json::{Map, Value, json};

/// Values that a schema takes, which together use every property of it and every alternative. `root` has the
/// definitions.
pub fn samples(root: &Value, schema: &Value) -> Vec<Value> {
    if let Some(reference) = schema["$ref"].as_str() {
        return samples(root, &root["definitions"][reference.rsplit('/').next().unwrap()]);
    }
    if let Some(only) = schema.get("const") {
        return vec![only.clone()];
    }
    let mut parts: Vec<Vec<Value>> = Vec::new();
    if let Some(all) = schema["allOf"].as_array() {
        parts.extend(all.iter().map(|part| samples(root, part)));
    }
    if let Some(either) = schema["oneOf"].as_array() {
        parts.push(either.iter().flat_map(|part| samples(root, part)).collect());
    }
    if !parts.is_empty() {
        return beside(&parts, |parts| parts.into_iter().fold(json!({}), over));
    }
    if let Some(word) = schema["enum"].get(0) {
        return vec![word.clone()];
    }
    match schema["type"].as_str() {
        Some("string") => vec![text(schema["pattern"].as_str()).into()],
        Some("integer" | "number") => vec![json!(3)],
        Some("boolean") => vec![json!(true)],
        Some("array") => samples(root, &schema["items"]).into_iter().map(|item| json!([item])).collect(),
        Some("object") => object(root, schema),
        _ if *schema == json!(false) => Vec::new(),
        _ => vec![json!({"any": 1})],
    }
}

fn object(root: &Value, schema: &Value) -> Vec<Value> {
    let named = schema["properties"].as_object().into_iter().flatten();
    let named = named.map(|(name, schema)| (name.clone(), samples(root, schema)));
    let other = schema.get("additionalProperties").map(|schema| ("x".to_owned(), samples(root, schema)));
    let (names, values): (Vec<String>, Vec<Vec<Value>>) = named.chain(other).unzip();
    if names.is_empty() {
        return vec![json!({})];
    }
    beside(&values, |values| names.iter().cloned().zip(values).collect::<Map<_, _>>().into())
}

/// As many as the longest list has, each made of one of every list.
fn beside(lists: &[Vec<Value>], make: impl Fn(Vec<Value>) -> Value) -> Vec<Value> {
    let longest = lists.iter().map(Vec::len).max().unwrap_or_default();
    (0..longest).map(|at| make(lists.iter().map(|list| list[at % list.len()].clone()).collect())).collect()
}

fn over(below: Value, above: Value) -> Value {
    match (below, above) {
        (Value::Object(mut below), Value::Object(above)) => {
            below.extend(above);
            below.into()
        }
        (_, above) => above,
    }
}

fn text(pattern: Option<&str>) -> &'static str {
    match pattern {
        Some(pattern) if pattern.starts_with("^P") => "PT1S",
        Some(pattern) if pattern.contains("{8}") => "11111111-0000-4000-8000-000000000001",
        Some(pattern) if pattern.starts_with("\\d+[") => "2g",
        _ => "s1",
    }
}
