#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::{AllowedNamespaces, From, Period, crds};

fn walk(schema: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, schema);
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (name, property) in properties {
            walk(property, &format!("{path}.{name}"), visit);
        }
    }
    if let Some(items) = schema.get("items") {
        walk(items, &format!("{path}[]"), visit);
    }
}

fn every_schema(mut visit: impl FnMut(&str, &Value)) {
    for crd in crds() {
        let kind = crd.spec.names.kind.clone();
        let crd = serde_json::to_value(crd).unwrap();
        walk(&crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"], &kind, &mut visit);
    }
}

#[test]
fn every_field_is_explained() {
    let mut silent = vec![];
    every_schema(|path, schema| {
        let standard = path.contains("conditions");
        let field = path.contains(".spec") || path.contains(".status.");
        // What is shorter only repeats the field's name: "The ARM id."
        let said = schema["description"].as_str().is_some_and(|text| text.chars().count() > 30);
        if field && !standard && !said && !path.ends_with("[]") {
            silent.push(path.to_string());
        }
        if !standard && schema["description"].as_str().is_some_and(|text| text.contains('\n')) {
            silent.push(format!("{path}, whose line breaks kubectl keeps"));
        }
    });
    assert_eq!(silent, Vec::<String>::new(), "kubectl explain would say nothing of use about these");
}

#[test]
fn nothing_is_nullable_and_nothing_is_a_float() {
    every_schema(|path, schema| {
        assert!(schema.get("nullable").is_none(), "{path} is nullable");
        assert_ne!(schema.get("type"), Some(&Value::from("number")), "{path} is a float");
        let values = schema.get("enum").and_then(Value::as_array);
        assert!(values.is_none_or(|all| all.iter().all(Value::is_string)), "{path} may be {values:?}");
    });
}

/// A client-side merge compares a list whole: a default in an item would be a difference for ever.
#[test]
fn no_item_of_a_list_has_a_default() {
    every_schema(|path, schema| {
        assert!(!path.contains("[]") || schema.get("default").is_none(), "{path} has a default");
    });
}

#[test]
fn references_and_selectors_are_replaced_whole() {
    let mut seen = 0;
    every_schema(|path, schema| {
        let fields: Vec<&str> =
            schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        if path.contains(".spec")
            && (fields == ["name", "namespace"] || fields == ["matchExpressions", "matchLabels"])
        {
            assert_eq!(schema["x-kubernetes-map-type"], "atomic", "{path}");
            seen += 1;
        }
    });
    assert_eq!(
        seen, 14,
        "three of a version, three of a binding, one of an approval, two of a policy, two selectors of each place that is published in, and one of a metric provider"
    );
}

#[test]
fn every_list_map_and_string_has_a_bound() {
    let mut endless = vec![];
    every_schema(|path, schema| {
        let has = |word: &str| schema.get(word).is_some();
        let bound = match schema["type"].as_str() {
            Some("array") => has("maxItems"),
            Some("string") => has("maxLength") || has("enum") || schema["format"] == "date-time",
            Some("object") => match schema.get("additionalProperties") {
                Some(values) => {
                    has("maxProperties") && (values.get("maxLength").or(values.get("maxItems")).is_some())
                }
                None => true,
            },
            _ => true,
        };
        if (path.contains(".spec") || path.contains(".status")) && !bound {
            endless.push(path.to_string());
        }
    });
    assert_eq!(endless, Vec::<String>::new());
}

#[test]
fn a_new_object_says_that_it_was_not_looked_at() {
    let mut seen = 0;
    every_schema(|path, schema| {
        if path.ends_with(".status") && path.matches('.').count() == 1 {
            assert_eq!(schema["default"]["observedGeneration"], -1, "{path}");
            seen += 1;
        }
    });
    assert_eq!(seen, 7);
}

#[test]
fn periods_are_read_as_kubernetes_reads_them() {
    for (text, seconds) in [("90s", 90), ("10m", 600), ("1h30m", 5400), ("1h", 3600)] {
        assert_eq!(Period::new(text).duration(), Duration::from_secs(seconds), "{text}");
    }
}

#[test]
fn a_place_is_for_whom_it_says() {
    let labels = BTreeMap::from([("team".to_string(), "fares".to_string())]);
    let selector = serde_json::from_value(serde_json::json!({"matchLabels": {"team": "fares"}})).unwrap();
    let all = AllowedNamespaces { from: From::All, selector: None };
    let some = AllowedNamespaces { from: From::Selector, selector: Some(selector) };
    let same = AllowedNamespaces::default();
    assert!(same.allows("home", "home", &labels) && !same.allows("home", "other", &labels));
    assert!(all.allows("home", "other", &BTreeMap::new()));
    assert!(some.allows("home", "other", &labels) && !some.allows("home", "other", &BTreeMap::new()));
}

#[test]
fn a_selector_matches_as_those_of_kubernetes_do() {
    let labels = BTreeMap::from([("team".to_string(), "fares".to_string())]);
    let allowed = |expression: Value| {
        let selector = serde_json::from_value(serde_json::json!({"matchExpressions": [expression]})).unwrap();
        AllowedNamespaces { from: From::Selector, selector: Some(selector) }.allows("home", "other", &labels)
    };
    let with = |key: &str, operator: &str, values: &[&str]| {
        allowed(serde_json::json!({"key": key, "operator": operator, "values": values}))
    };
    for (key, operator, values, expected) in [
        ("team", "In", &["rides", "fares"][..], true),
        ("team", "In", &["rides"], false),
        ("tier", "In", &["fares"], false),
        ("team", "NotIn", &["rides"], true),
        ("team", "NotIn", &["fares"], false),
        ("tier", "NotIn", &["fares"], true),
        ("team", "Exists", &[], true),
        ("tier", "Exists", &[], false),
        ("team", "DoesNotExist", &[], false),
        ("tier", "DoesNotExist", &[], true),
        ("team", "in", &["fares"], false),
    ] {
        assert_eq!(with(key, operator, values), expected, "{key} {operator} {values:?}");
    }
    let both = serde_json::json!({"matchLabels": {"team": "fares"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]});
    let selector = serde_json::from_value(both).unwrap();
    let both = AllowedNamespaces { from: From::Selector, selector: Some(selector) };
    assert!(!both.allows("home", "other", &labels), "all of it must hold");
    let anybody = Some(super::NamespaceSelector::default());
    assert!(AllowedNamespaces { from: From::Selector, selector: anybody }.allows("home", "other", &labels));
}

/// What a schema before this one took. A rejection must not get lost with the object that it is in.
#[test]
fn a_time_that_no_clock_here_can_hold_is_read_as_the_latest() {
    let approval = |at: &str| {
        let spec = serde_json::json!({"modelVersionRef": {"name": "taxi-3"}, "assetId": "azureml://x", "decision": "Rejected", "by": "ada", "expiresAt": at});
        serde_json::from_value::<super::ApprovalSpec>(spec).map(|it| it.expires_at)
    };
    let retirement =
        |at: &str| serde_json::from_value::<super::Retirement>(serde_json::json!({"at": at})).map(|it| it.at);
    for at in ["9999-12-31T23:59:59Z", "9999-12-30T23:00:00-01:00"] {
        assert_eq!(approval(at).unwrap(), Some(jiff::Timestamp::MAX), "{at}");
        assert_eq!(retirement(at).unwrap(), jiff::Timestamp::MAX, "{at}");
    }
    for at in ["2027-03-31t00:00:00z", "2027-03-31T00:00:00Z", "2027-04-01T01:00:00+25:00"] {
        assert_eq!(approval(at).unwrap(), Some("2027-03-31T00:00:00Z".parse().unwrap()), "{at}");
    }
    assert!(approval("never").is_err() && retirement("2027-02-30T00:00:00Z").is_err());
}
