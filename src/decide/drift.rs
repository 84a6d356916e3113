//! What differs between the manifest and Azure, on the fields that are ours.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::api::{Drift, Tags};
use crate::azure::model::resource::{Strings, same_key};
use crate::azure::model::visible;

/// A list of differences that grows field by field.
#[derive(Debug, Default)]
pub struct Differences(pub Vec<Drift>);

impl Differences {
    /// Notes a field whose value is not the wanted one.
    pub fn field(&mut self, field: &str, wanted: &str, found: &str) {
        if wanted != found {
            let (field, wanted, found) = (visible(field), visible(wanted), visible(found));
            self.0.push(Drift { field, wanted, found });
        }
    }

    /// Notes the keys of a map that differ: those that the manifest names, and those that were ours
    /// and are not named any more.
    pub fn keys(&mut self, field: &str, wanted: &Tags, owned: &[String], found: &Strings) {
        let held = |key: &str| held(found, key).map_or("", |(_, value)| value.as_str());
        for (key, value) in wanted.iter() {
            self.field(&format!("{field}.{key}"), value, held(key));
        }
        for key in owned.iter().filter(|key| !names(wanted.keys(), key)) {
            self.field(&format!("{field}.{key}"), "", held(key));
        }
    }
}

fn names<'a>(keys: impl IntoIterator<Item = &'a String>, key: &str) -> bool {
    keys.into_iter().any(|k| same_key(k, key))
}

/// A key in Azure's spelling, with its value.
fn held<'a>(found: &'a Strings, key: &str) -> Option<(&'a String, &'a String)> {
    found.get_key_value(key).or_else(|| found.iter().find(|(k, _)| same_key(k, key)))
}

/// Keys that were ours and keys of the manifest, each once and in the manifest's spelling.
fn known<'a>(before: &'a [String], wanted: &'a Tags) -> BTreeSet<&'a String> {
    let mut all: BTreeSet<&String> = wanted.keys().collect();
    for key in before {
        if !names(all.iter().copied(), key) {
            all.insert(key);
        }
    }
    all
}

/// The keys that are ours: those that we set and that are still in Azure or in the manifest, and those
/// that Azure has as the manifest says. So a lost status finds its keys again.
pub fn owned(before: &[String], wanted: &Tags, found: &Strings) -> Vec<String> {
    let ours = |key: &&String| {
        let held = held(found, key).map(|(_, value)| value);
        let set = names(before, key) && (wanted.contains_key(*key) || held.is_some());
        set || (wanted.contains_key(*key) && wanted.get(*key) == held)
    };
    known(before, wanted).into_iter().filter(ours).cloned().collect()
}

/// The keys that are ours once the manifest has been written: stored before the call, or a key that
/// went out with an answer that was lost would be nobody's.
pub fn intended(before: &[String], wanted: &Tags) -> Vec<String> {
    known(before, wanted).into_iter().cloned().collect()
}

/// Adds the keys of an owner to those of its heir: what the heir's manifest does not name is taken away then.
pub fn unite(heir: &mut Vec<String>, owner: &[String]) {
    for key in owner {
        if !names(heir.iter(), key) {
            heir.push(key.clone());
        }
    }
    heir.sort();
}

/// A map with our keys set, the keys that are ours no more taken out, and all others left alone. A key that Azure has
/// keeps Azure's spelling.
pub fn merged(found: &Strings, wanted: &Tags, owned: &[String]) -> Strings {
    let mut all = found.clone();
    all.retain(|key, _| !names(owned, key) && !names(wanted.keys(), key));
    for (key, value) in wanted.iter() {
        let spelled = held(found, key).map_or(key, |(spelled, _)| spelled);
        all.insert(spelled.clone(), value.clone());
    }
    all
}

/// Does a body with these tags carry this one?
pub fn goes_out(tags: &Value, key: &str, value: &str) -> bool {
    tags.as_object().is_some_and(|tags| tags.iter().any(|(k, v)| same_key(k, key) && *v == value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn strings(pairs: &[(&str, &str)]) -> Strings {
        pairs.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect()
    }

    /// Azure keeps one of two keys that differ only in case, and a manifest has no two.
    fn any_tags() -> impl Strategy<Value = Tags> {
        let pair = (proptest::sample::select(vec!["a", "A", "b", "B", "c", "d"]), "[xy]");
        proptest::collection::vec(pair, 0..4).prop_map(|pairs| {
            let mut tags = Tags::default();
            for (key, value) in pairs {
                if !names(tags.keys(), key) {
                    tags.insert(key.to_string(), value);
                }
            }
            tags
        })
    }

    proptest! {
        #![proptest_config(crate::decide::fixtures::same_every_time())]

        /// Whatever is in Azure and whatever was ours: after our PUT nothing differs, what was ours and is
        /// not wanted is gone, what is not ours is as it was, and we know which keys are ours.
        #[test]
        fn one_put_is_enough(wanted in any_tags(), found in any_tags(), before in any_tags()) {
            let before: Vec<String> = before.keys().cloned().collect();
            let ours = intended(&before, &wanted);
            let put = merged(&found.0, &wanted, &before);
            let mut left = Differences::default();
            left.keys("tags", &wanted, &ours, &put);
            prop_assert!(left.0.is_empty(), "{:?}", left.0);
            for (key, value) in found.iter().filter(|(k, _)| !names(&ours, k)) {
                prop_assert_eq!(put.get(key), Some(value));
            }
            for key in put.keys() {
                prop_assert_eq!(put.keys().filter(|k| same_key(k, key)).count(), 1, "{:?}", put);
                prop_assert!(found.contains_key(key) || !names(found.keys(), key), "{:?} respells {:?}", put, found);
            }
            prop_assert_eq!(owned(&ours, &wanted, &put), wanted.keys().cloned().collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_differs_is_told_so_that_it_can_be_seen() {
        let mut differences = Differences::default();
        let found = strings(&[("te\u{200b}am", "ml\n"), ("cost", "\u{202e}7")]);
        let before = ["te\u{200b}am".to_string()];
        differences.keys("tags", &Tags::from([("cost", "7")]), &before, &found);
        let told: Vec<String> =
            differences.0.iter().map(|d| format!("{} {}<{}", d.field, d.wanted, d.found)).collect();
        assert_eq!(told, [r"tags.cost 7<\u202e7", r"tags.te\u200bam <ml\n"]);
    }

    #[test]
    fn a_tag_that_azure_spells_otherwise_is_the_same_tag() {
        let wanted = Tags::from([("team", "ml"), ("cost", "7")]);
        let found = strings(&[("Team", "ml"), ("COST", "6"), ("Theirs", "y"), ("Öl", "x")]);
        let before = ["TEAM".to_string(), "öl".to_string()];
        let mut differences = Differences::default();
        differences.keys("tags", &wanted, &before, &found);
        let told: Vec<String> =
            differences.0.iter().map(|d| format!("{} {}<{}", d.field, d.wanted, d.found)).collect();
        assert_eq!(told, ["tags.cost 7<6", "tags.öl <x"]);
        assert_eq!(
            merged(&found, &wanted, &before),
            strings(&[("Team", "ml"), ("COST", "7"), ("Theirs", "y")])
        );
        assert_eq!(owned(&before, &wanted, &found), ["team", "öl"]);
        assert_eq!(intended(&before, &wanted), ["cost", "team", "öl"]);
        let body = serde_json::json!({"COST": "7"});
        assert!(goes_out(&body, "cost", "7") && !goes_out(&body, "cost", "8"));
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
