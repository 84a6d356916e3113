//! Bodies that differ from a good one in one value.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// A body, and what is different in it.
pub struct Mutant {
    pub name: String,
    pub body: Value,
}

/// Every body that comes from changing one value into something else, or from leaving it out. Values that were `seen`
/// at their place, among the same neighbours, have been tried.
pub fn mutants(body: &Value, seen: &mut BTreeSet<String>) -> Vec<Mutant> {
    let mut found = Vec::new();
    visit(body, &mut Vec::new(), &mut |path, value| {
        let (leaf, parents) = path.split_last().unwrap();
        let parent = parents.iter().fold(String::new(), |parent, key| parent + "/" + key);
        let neighbours = words(body.pointer(&parent).unwrap());
        if !seen.insert(format!("{} {neighbours:?} {}", path.join("."), words(value).join(","))) {
            return;
        }
        for other in [json!(17), json!("!!"), json!(true), json!([]), json!({}), json!([{}]), json!({"x": 1})]
        {
            let mut mutant = body.clone();
            *mutant.pointer_mut(&format!("{parent}/{leaf}")).unwrap() = other.clone();
            found.push(Mutant { name: format!("{} = {other}", path.join(".")), body: mutant });
        }
        let mut mutant = body.clone();
        if let Some(fields) = mutant.pointer_mut(&parent).and_then(Value::as_object_mut) {
            fields.remove(leaf);
            found.push(Mutant { name: format!("no {}", path.join(".")), body: mutant });
        }
    });
    found
}

/// An object's fields and its texts, among which is the one that says of which kind it is.
fn words(value: &Value) -> Vec<String> {
    let fields = value.as_object().into_iter().flatten();
    fields.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect()
}

fn visit(value: &Value, path: &mut Vec<String>, each: &mut impl FnMut(&[String], &Value)) {
    if !path.is_empty() {
        each(path, value);
    }
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect(),
        _ => Vec::new(),
    };
    for (key, child) in children {
        path.push(key);
        visit(child, path, each);
        path.pop();
    }
}
