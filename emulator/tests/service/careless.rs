//! PUT replaces: a client that does not send back what it read loses it, here as there.

use azureml_emulator::{Config, Inferred};
use serde_json::json;

use crate::support::{ENDPOINT, MODEL, World, deployment_body, endpoint_body, model_body};

#[test]
fn an_endpoints_traffic_mirror_and_tags_go_with_a_put_that_omits_them() {
    let mut world = World::new();
    world.serve(&["blue", "green"]);
    let mut body = endpoint_body(&json!({"blue": 100}));
    body["properties"]["mirrorTraffic"] = json!({"green": 10});
    body["tags"] = json!({"owner": "us"});
    world.settle_put(ENDPOINT, &body);
    let careless = json!({"location": "eastus", "properties": {"authMode": "Key"}});
    world.settle_put(ENDPOINT, &careless);
    let endpoint = world.get(ENDPOINT).value();
    assert_eq!(endpoint["properties"]["traffic"], json!({}));
    assert_eq!(endpoint["properties"]["mirrorTraffic"], json!({}));
    assert_eq!(endpoint["tags"], json!({}));
}

#[test]
fn the_property_bag_only_grows() {
    let mut world = World::new();
    let mut body = endpoint_body(&json!({}));
    body["properties"]["properties"] = json!({"first": "1"});
    world.settle_put(ENDPOINT, &body);
    body["properties"]["properties"] = json!({"first": "changed", "second": "2", "createdBy": "the SDK"});
    world.settle_put(ENDPOINT, &body);
    let bag = world.get(ENDPOINT).value()["properties"]["properties"].clone();
    assert_eq!((&bag["first"], &bag["second"]), (&json!("1"), &json!("2")));
    assert!(bag["AzureAsyncOperationUri"].is_string() && bag["azureml.onlineendpointid"].is_string());
}

#[test]
fn a_versions_description_and_tags_go_with_a_put_that_omits_them() {
    let mut world = World::new();
    let version = format!("{MODEL}/versions/1");
    world.put(&version, &model_body());
    let uri = model_body()["properties"]["modelUri"].clone();
    world.put(&version, &json!({"properties": {"modelUri": uri, "isArchived": true}}));
    let properties = world.get(&version).value()["properties"].clone();
    assert_eq!(properties["description"], json!(null));
    assert_eq!(properties["tags"], json!({}));
    assert_eq!(properties["jobName"], "train-1", "the lineage stays");
    assert_eq!(properties["stage"], "Development");
}

#[test]
fn an_absent_stage_or_job_can_be_told_to_do_the_other_thing() {
    let inferred =
        Inferred { absent_stage_resets: false, absent_job_name_clears: true, ..Inferred::default() };
    let mut world = World::with(Config { inferred, ..Config::default() });
    let version = format!("{MODEL}/versions/1");
    world.put(&version, &model_body());
    world.put(&version, &json!({"properties": {"description": "new"}}));
    let properties = world.get(&version).value()["properties"].clone();
    assert_eq!(properties["stage"], "Production");
    assert_eq!(properties["jobName"], json!(null));
}

#[test]
fn a_deployments_count_goes_back_to_one_with_a_put_that_omits_it() {
    let mut world = World::new();
    world.serve(&["blue"]);
    let deployment = format!("{ENDPOINT}/deployments/blue");
    let mut body = deployment_body(&format!("{MODEL}/versions/1"));
    body.as_object_mut().unwrap().remove("sku");
    world.settle_put(&deployment, &body);
    assert_eq!(world.get(&deployment).value()["sku"]["capacity"], 1);
}
