//! What differs between the manifest and Azure, on the fields that are ours.

use std::collections::BTreeSet;

use crate::api::{Drift, Tags};
use crate::azure::resource::Strings;

/// A list of differences that grows field by field.
#[derive(Debug, Default)]
pub struct Differences(pub Vec<Drift>);

impl Differences {
    /// Notes a field whose value is not the wanted one.
    pub fn field(&mut self, field: &str, wanted: &str, found: &str) {
        if wanted != found {
            self.0.push(Drift { field: field.into(), wanted: wanted.into(), found: found.into() });
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

/// The keys that are ours: those that we set and that are still in Azure or in the manifest, and those
/// that Azure has as the manifest says. So a lost status finds its keys again.
pub fn owned(before: &[String], wanted: &Tags, found: &Strings) -> Vec<String> {
    let ours = |key: &&String| {
        let known = before.contains(*key) && (wanted.contains_key(*key) || found.contains_key(*key));
        known || (wanted.contains_key(*key) && wanted.get(*key) == found.get(*key))
    };
    let keys: BTreeSet<&String> = before.iter().chain(wanted.keys()).collect();
    keys.into_iter().filter(ours).cloned().collect()
}

/// The keys that are ours once the manifest has been written: stored before the call, or a key that
/// went out with an answer that was lost would be nobody's.
pub fn intended(before: &[String], wanted: &Tags) -> Vec<String> {
    let keys: BTreeSet<&String> = before.iter().chain(wanted.keys()).collect();
    keys.into_iter().cloned().collect()
}

/// A map with our keys set, the keys that are ours no more taken out, and all others left alone.
pub fn merged(found: &Strings, wanted: &Tags, owned: &[String]) -> Strings {
    let mut all = found.clone();
    all.retain(|key, _| !owned.contains(key) || wanted.contains_key(key));
    all.extend(wanted.iter().map(|(k, v)| (k.clone(), v.clone())));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(pairs: &[(&str, &str)]) -> Strings {
        pairs.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect()
    }

    #[test]
    fn keys_are_ours_by_name_or_by_what_we_did() {
        let wanted = Tags::from([("team", "fares"), ("cost", "1")]);
        let found = strings(&[("team", "fares"), ("cost", "2"), ("old", "x"), ("theirs", "y")]);
        let before = ["old".to_string(), "gone".to_string()];
        assert_eq!(owned(&before, &wanted, &found), ["old", "team"]);
        assert_eq!(intended(&before, &wanted), ["cost", "gone", "old", "team"]);
        assert_eq!(
            merged(&found, &wanted, &before),
            strings(&[("team", "fares"), ("cost", "1"), ("theirs", "y")])
        );
        let mut differences = Differences::default();
        differences.keys("tags", &wanted, &before, &found);
        let told: Vec<String> =
            differences.0.iter().map(|d| format!("{} {}<{}", d.field, d.wanted, d.found)).collect();
        assert_eq!(told, ["tags.cost 1<2", "tags.old <x"]);
    }
}
