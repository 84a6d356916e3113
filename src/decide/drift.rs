//! What differs between the manifest and Azure, on the fields that are ours.

use std::collections::BTreeSet;

use crate::api::{Drift, Tags};
use crate::azure::model::resource::Strings;

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

/// Adds the keys of an owner to those of its heir: what the heir's manifest does not name is taken away then.
pub fn unite(heir: &mut Vec<String>, owner: &[String]) {
    let keys: BTreeSet<String> = heir.drain(..).chain(owner.iter().cloned()).collect();
    heir.extend(keys);
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
    use proptest::prelude::*;

    use super::*;

    fn strings(pairs: &[(&str, &str)]) -> Strings {
        pairs.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect()
    }

    fn any_tags() -> impl Strategy<Value = Tags> {
        let pair = (proptest::sample::select(vec!["a", "b", "c", "d"]), "[xy]");
        proptest::collection::vec(pair, 0..4)
            .prop_map(|pairs| Tags(pairs.into_iter().map(|(k, v)| (k.to_string(), v)).collect()))
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
            for (key, value) in found.iter().filter(|(k, _)| !ours.contains(k)) {
                prop_assert_eq!(put.get(key), Some(value));
            }
            prop_assert_eq!(owned(&ours, &wanted, &put), wanted.keys().cloned().collect::<Vec<_>>());
        }
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
