#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::{OnlineEndpoint, Provisioning, Registry};

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
