#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::{ModelVersion, OnlineDeployment, OnlineEndpoint, Provisioning, Registry, Strings, same_key};

#[test]
fn what_we_do_not_read_goes_back_as_it_came() {
    let body = json!({
        "id": "/subscriptions/s", "name": "taxi", "type": "t", "systemData": {"createdBy": "x"},
        "location": "eastus", "kind": "Managed", "tags": {"team": "fares"}, "future": {"a": [1]},
        "properties": {
            "authMode": "Key", "traffic": {"blue": 100}, "mirrorTraffic": {"green": 10},
            "provisioningState": "Succeeded", "scoringUri": "https://x", "compute": null,
            "properties": {"azureml.onlineendpointid": "/x"}, "futureProperty": 7,
        },
    });
    let endpoint: OnlineEndpoint = serde_json::from_value(body).unwrap();
    assert_eq!(endpoint.provisioning(), Provisioning::Succeeded);
    assert_eq!(
        endpoint.to_put(),
        json!({
            "location": "eastus", "kind": "Managed", "tags": {"team": "fares"}, "future": {"a": [1]},
            "properties": {
                "authMode": "Key", "traffic": {"blue": 100}, "mirrorTraffic": {"green": 10}, "compute": null,
                "properties": {"azureml.onlineendpointid": "/x"}, "futureProperty": 7,
            },
        })
    );
}

#[test]
fn a_null_map_is_an_empty_map() {
    let registry: Registry = serde_json::from_value(json!({
        "location": "eastus", "tags": null, "properties": {"regionDetails": null}, "systemData": null,
    }))
    .unwrap();
    assert!(registry.tags.is_empty() && registry.properties.region_details.is_empty());
}

/// The API server's regular expressions say the same of each pair; the admission tests have some of them.
#[test]
fn keys_are_one_in_whatever_case_and_alphabet() {
    for (one, other) in [
        ("Team", "tEAM"),
        ("ÄRGER", "ärger"),
        ("ОТДЕЛ", "отдел"),
        ("ΟΔΟΣ", "οδος"),
        ("οδοσ", "οδος"),
        ("\u{212a}ey", "key"),
        ("ſa", "SA"),
        ("STRAẞE", "straße"),
    ] {
        assert!(same_key(one, other) && same_key(other, one), "{one} {other}");
    }
    for (one, other) in [
        ("team", "teams"),
        ("Ärger", "årger"),
        ("Arger", "Ärger"),
        ("straße", "strasse"),
        ("ı", "i"),
        ("ı", "I"),
        ("İ", "i"),
        ("部署", "予算"),
    ] {
        assert!(!same_key(one, other) && !same_key(other, one), "{one} {other}");
    }
}

#[test]
fn our_own_tags_are_found_in_every_spelling() {
    let spelled =
        json!({"Bindery-Owner": "prod/a/b", "BINDERY-STABLE": "x", "bindery-stable": "v1", "Team": "t"});
    let read: [Strings; 4] = [
        from(json!({"location": "eastus", "tags": spelled, "properties": {}}), |r: Registry| r.tags),
        from(
            json!({"location": "eastus", "tags": spelled, "properties": {"authMode": "Key"}}),
            |e: OnlineEndpoint| e.tags,
        ),
        from(
            json!({"location": "eastus", "tags": spelled, "properties": {"endpointComputeType": "Managed"}}),
            |d: OnlineDeployment| d.tags,
        ),
        from(json!({"properties": {"tags": spelled}}), |v: ModelVersion| v.properties.tags),
    ];
    let expected = [("Team", "t"), ("bindery-owner", "prod/a/b"), ("bindery-stable", "v1")];
    for tags in read {
        assert_eq!(tags, expected.map(|(k, v)| (k.to_string(), v.to_string())).into());
    }
}

fn from<T: serde::de::DeserializeOwned>(body: serde_json::Value, tags: fn(T) -> Strings) -> Strings {
    tags(serde_json::from_value(body).unwrap())
}
