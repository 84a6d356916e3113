use kube::runtime::reflector::{self, store::Writer};
use serde_json::json;

use super::*;
use crate::api::{ModelVersion, Object};
use crate::controller::fixtures;

fn version(namespace: &str, name: &str) -> ModelVersion {
    let mut version = fixtures::version(name, name, &json!({"workspaceRef": {"name": "dev"}}));
    version.metadata.namespace = Some(namespace.into());
    version
}

/// What is passed on, such as `+a/one`, and what the store holds in the end.
fn told(events: Vec<(&str, Event<ModelVersion>)>) -> (Vec<String>, Vec<String>) {
    let (store, mut writer): (_, Writer<ModelVersion>) = reflector::store();
    let mut merge = Merge::new(["a", "b"].into_iter().map(String::from), store.clone());
    let mut passed = vec![];
    for (namespace, event) in events {
        for event in merge.take_in(namespace, event) {
            writer.apply_watcher_event(&event);
            passed.push(match event {
                Event::Init => "begin".to_string(),
                Event::InitApply(it) => format!("={}", it.full_name()),
                Event::InitDone => "end".into(),
                Event::Apply(it) => format!("+{}", it.full_name()),
                Event::Delete(it) => format!("-{}", it.full_name()),
            });
        }
    }
    let mut held: Vec<String> = store.state().iter().map(|it| it.full_name()).collect();
    held.sort();
    (passed, held)
}

fn listing<'a>(namespace: &'a str, names: &[&str]) -> Vec<(&'a str, Event<ModelVersion>)> {
    let mut events = vec![(namespace, Event::Init)];
    events.extend(names.iter().map(|name| (namespace, Event::InitApply(version(namespace, name)))));
    events.push((namespace, Event::InitDone));
    events
}

#[test]
fn the_first_listings_are_one() {
    let applied = |name: &str| ("a", Event::Apply(version("a", name)));
    let deleted = |name: &str| ("a", Event::Delete(version("a", name)));
    let unfinished = vec![("a", Event::Init), ("a", Event::InitApply(version("a", "lost")))];
    for (what, events, expected) in [
        ("one of two", listing("a", &["one"]), vec![]),
        (
            "both",
            [listing("a", &["one"]), listing("b", &["one", "two"])].concat(),
            vec!["begin", "=a/one", "=b/one", "=b/two", "end"],
        ),
        ("nothing in either", [listing("b", &[]), listing("a", &[])].concat(), vec!["begin", "end"]),
        (
            "one changes while the other is waited for",
            [listing("a", &["one", "two"]), vec![deleted("one"), applied("three")], listing("b", &[])]
                .concat(),
            vec!["begin", "=a/three", "=a/two", "end"],
        ),
        (
            "one breaks off and begins again",
            [unfinished, listing("a", &["one"]), listing("b", &[])].concat(),
            vec!["begin", "=a/one", "end"],
        ),
        (
            "one is listed twice before the other",
            [listing("a", &["gone"]), listing("a", &["one"]), listing("b", &[])].concat(),
            vec!["begin", "=a/one", "end"],
        ),
    ] {
        assert_eq!(told(events).0, expected, "{what}");
    }
}

#[test]
fn a_later_listing_of_one_namespace_leaves_the_others_alone() {
    let both = [listing("a", &["one", "two"]), listing("b", &["one"])].concat();
    let (passed, held) = told([both, listing("a", &["two", "three"])].concat());
    assert_eq!(passed[5..], ["-a/one", "+a/two", "+a/three"]);
    assert_eq!(held, ["a/three", "a/two", "b/one"]);
}

#[test]
fn changes_are_passed_on() {
    let changes = vec![("b", Event::Apply(version("b", "one"))), ("a", Event::Delete(version("a", "one")))];
    let (passed, held) = told([listing("a", &["one"]), listing("b", &[]), changes].concat());
    assert_eq!(passed[3..], ["+b/one", "-a/one"]);
    assert_eq!(held, ["b/one"]);
}
