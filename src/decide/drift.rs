//! What differs between the manifest and Azure, on the fields that are ours.

use crate::api::{Drift, Tags};
use crate::azure::resource::Strings;

/// A list of differences that grows field by field.
#[derive(Debug, Default)]
pub struct Differences(pub Vec<Drift>);

impl Differences {
    /// Notes a field whose value is not the wanted one.
    pub fn field(&mut self, field: &str, wanted: impl ToString, found: impl ToString) {
        let (wanted, found) = (wanted.to_string(), found.to_string());
        if wanted != found {
            self.0.push(Drift { field: field.into(), wanted, found });
        }
    }

    /// Notes the keys of a map that differ: those that the manifest names, and those that were ours
    /// and are not named any more.
    pub fn keys(&mut self, field: &str, wanted: &Tags, owned: &[String], found: &Strings) {
        for (key, value) in wanted.iter() {
            self.field(&format!("{field}.{key}"), value, found.get(key).map_or("", String::as_str));
        }
        for key in owned.iter().filter(|k| !wanted.contains_key(*k)) {
            self.field(&format!("{field}.{key}"), "", found.get(key).map_or("", String::as_str));
        }
    }
}

/// A map with our keys set, the keys that are ours no more taken out, and all others left alone.
pub fn merged(found: &Strings, wanted: &Tags, owned: &[String]) -> Strings {
    let mut all = found.clone();
    all.retain(|key, _| !owned.contains(key) || wanted.contains_key(key));
    all.extend(wanted.iter().map(|(k, v)| (k.clone(), v.clone())));
    all
}
