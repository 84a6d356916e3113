//! Ours against the service's recorded answers: key by key, type by type, and the headers. The recordings lie
//! beside the checkout; without them these tests say so and pass.
#![allow(clippy::unwrap_used)]

mod support;

use azureml_emulator::{Response, RightsEffect, RightsRule};
use serde_json::{Value, json};
use support::{ENDPOINT, MODEL, REGISTRY, WORKSPACE, World, deployment_body, endpoint_body, registry_body};

const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/azure-ml/recorded-shapes.json");

/// The recording of a name; none, with a printed line, when there are no recordings here.
fn recorded(name: &str) -> Option<Value> {
    let Ok(text) = std::fs::read_to_string(RECORDINGS) else {
        println!("skipped: the recordings are not beside this checkout");
        return None;
    };
    let all: Value = serde_json::from_str(&text).unwrap();
    Some(all[name].clone())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Where two values differ in keys or types. A recorded null says nothing about the type.
fn differences(path: &str, theirs: &Value, ours: &Value, found: &mut Vec<String>) {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            for (key, value) in theirs {
                match ours.get(key) {
                    Some(our) => differences(&format!("{path}.{key}"), value, our, found),
                    None => found.push(format!("{path}.{key} is missing")),
                }
            }
            for key in ours.keys().filter(|key| !theirs.contains_key(*key)) {
                found.push(format!("{path}.{key} is not in the recording"));
            }
        }
        (Value::Array(theirs), Value::Array(ours)) => {
            if let (Some(their), Some(our)) = (theirs.first(), ours.first()) {
                differences(&format!("{path}[0]"), their, our, found);
            }
            if theirs.is_empty() != ours.is_empty() {
                found.push(format!("{path} has {} items, theirs {}", ours.len(), theirs.len()));
            }
        }
        (Value::Null, _) => {}
        _ if kind(theirs) != kind(ours) => {
            found.push(format!("{path} is {}, theirs {}", kind(ours), kind(theirs)));
        }
        _ => {}
    }
}

fn assert_shape(theirs: &Value, ours: &Value) {
    let mut found = Vec::new();
    differences("", theirs, ours, &mut found);
    assert!(found.is_empty(), "{}\n{ours:#}", found.join("\n"));
}

fn assert_answer(theirs: &Value, ours: &Response) {
    if let Some(status) = theirs["status"].as_u64() {
        assert_eq!(u64::from(ours.status), status);
    }
    for name in theirs["headers"].as_object().into_iter().flatten().map(|(name, _)| name) {
        if name != "Content-Length" {
            assert!(ours.header_value(name).is_some(), "no header {name}");
        }
    }
    if theirs["body"].is_object() {
        assert_shape(&theirs["body"], &ours.value());
    }
}

fn model_body() -> Value {
    json!({"properties": {
        "description": "d", "tags": {}, "properties": {}, "isArchived": false, "isAnonymous": false,
        "flavors": {"sklearn": {"data": {"sklearn_version": "0.23.2"}}}, "modelType": "mlflow_model", "stage": "Production",
        "modelUri": format!("azureml:/{}/datastores/workspaceblobstore/paths/p", WORKSPACE.replace("/providers/Microsoft.MachineLearningServices", "").replace("resourceGroups", "resourcegroups")),
    }})
}

#[test]
fn a_registrys_put_its_operation_and_the_registry() {
    let (Some(put), Some(get)) = (recorded("registry.put.202"), recorded("registry.get")) else { return };
    let mut world = World::new();
    let accepted = world.put(REGISTRY, &registry_body());
    assert_answer(&put, &accepted);
    assert!(accepted.body.is_empty());
    let url = accepted.header_value("Azure-AsyncOperation").unwrap();
    assert!(
        url.contains("/locations/EastUS/registryOperationsStatus/") && url.contains("&type=async"),
        "{url}"
    );
    assert!(accepted.header_value("Location").unwrap().contains("&type=location"));
    assert_eq!(world.poll(&accepted), put["poll"][0]);
    world.pass(41.0);
    assert_eq!(world.poll(&accepted), put["poll"][1]);
    assert_answer(&get, &world.get(REGISTRY));
}

#[test]
fn a_registrys_delete() {
    let Some(theirs) = recorded("registry.delete.202") else { return };
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    let ours = world.delete(REGISTRY);
    assert_answer(&theirs, &ours);
    assert!(ours.body.is_empty());
}

#[test]
fn a_registrys_discovery() {
    let Some(theirs) = recorded("registry.discovery") else { return };
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    let ours = world.get("/registrymanagement/v1.0/registries/models/discovery").value();
    let (mut theirs, mut ours) = (theirs["body"].clone(), ours);
    // Keyed by region.
    theirs["registryFqdns"] = theirs["registryFqdns"]["centraluseuap"].clone();
    ours["registryFqdns"] = ours["registryFqdns"]["eastus"].clone();
    assert_shape(&theirs, &ours);
}

#[test]
fn a_registrys_discovery_by_one_who_may_not_read_it() {
    let Some(theirs) = recorded("registry.discovery.403") else { return };
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    world.core.config.rights = vec![RightsRule {
        principal: "bindery".into(),
        scope: REGISTRY.into(),
        action: "*/registries/read".into(),
        effect: RightsEffect::Deny,
    }];
    let ours = world.get("/registrymanagement/v1.0/registries/models/discovery");
    assert_answer(&theirs, &ours);
    let (ours, theirs) = (ours.value(), &theirs["body"]);
    assert_eq!(ours["error"]["innerError"], theirs["error"]["innerError"]);
    let message = theirs["error"]["message"].as_str().unwrap().replace("{r}", "models");
    assert_eq!(ours["error"]["message"], message);
    assert_eq!(ours["error"]["messageFormat"], theirs["error"]["messageFormat"]);
}

#[test]
fn a_model_version_new_and_again() {
    let (Some(new), Some(again)) =
        (recorded("modelVersion.put.201"), recorded("modelVersion.put.200 (re-PUT same modelUri)"))
    else {
        return;
    };
    let mut world = World::new();
    let version = format!("{MODEL}/versions/3");
    let ours = world.put(&version, &model_body());
    assert_answer(&new, &ours);
    assert!(ours.value()["properties"]["modelUri"].as_str().unwrap().contains("/resourceGroups/"));
    world.pass(1.0);
    let mut body = model_body();
    body["properties"]
        .as_object_mut()
        .unwrap()
        .retain(|key, _| !["stage", "flavors"].contains(&key.as_str()));
    let after = world.put(&version, &body);
    assert_answer(&again, &after);
    let (before, after) = (ours.value(), after.value());
    assert_eq!(after["properties"]["stage"], "Development");
    assert_eq!(after["properties"]["flavors"], again["body"]["properties"]["flavors"]);
    assert_eq!(before["systemData"]["createdAt"], after["systemData"]["createdAt"]);
    assert_ne!(before["systemData"]["lastModifiedAt"], after["systemData"]["lastModifiedAt"]);
}

#[test]
fn a_model_container() {
    let Some(theirs) = recorded("modelContainer.get") else { return };
    let mut world = World::new();
    world.put(MODEL, &json!({"properties": {"description": "d"}}));
    let ours = world.get(MODEL);
    assert_answer(&theirs, &ours);
    assert_eq!(ours.value()["properties"]["nextVersion"], "1");
}

#[test]
fn the_versions_of_an_unknown_container() {
    let Some(theirs) = recorded("modelVersions.list of unknown container") else { return };
    let mut world = World::new();
    let ours = world.get(&format!("{MODEL}/versions"));
    assert_answer(&theirs, &ours);
    assert_eq!(ours.header_value("x-ms-response-type"), Some("error"));
    let error = &ours.value()["error"];
    assert_eq!(error["details"][0]["message"], "Model container with name: fares not found.");
    for (at, info) in theirs["body"]["error"]["additionalInfo"].as_array().unwrap().iter().enumerate() {
        assert_shape(info, &error["additionalInfo"][at]);
    }
}

#[test]
fn an_online_endpoint_and_its_operation() {
    let (Some(put), Some(operation), Some(get), Some(delete)) = (
        recorded("onlineEndpoint.put.201"),
        recorded("mfeOperationsStatus"),
        recorded("onlineEndpoint.get"),
        recorded("onlineEndpoint.delete.202"),
    ) else {
        return;
    };
    let mut world = World::new();
    let ours = world.put(ENDPOINT, &endpoint_body(&json!({})));
    assert_answer(&put, &ours);
    let running = world.poll(&ours);
    assert_shape(&operation["running"], &running);
    assert_eq!(running["status"], "Updating");
    assert_eq!(running["endTime"], operation["running"]["endTime"]);
    assert!(running["name"].as_str().unwrap().starts_with("oeidp:"));
    world.pass(51.0);
    let done = world.poll(&ours);
    assert_eq!(done["status"], "Succeeded");
    assert_eq!(done["percentComplete"], operation["done"]["percentComplete"]);
    assert_answer(&get, &world.get(ENDPOINT));
    let gone = world.delete(ENDPOINT);
    assert_answer(&delete, &gone);
    assert_eq!(gone.body, b"null");
    assert!(gone.header_value("Location").unwrap().contains("/mfeOperationResults/oeidp:"));
}

#[test]
fn an_online_deployment_and_its_operation() {
    let (Some(put), Some(get), Some(skus)) = (
        recorded("onlineDeployment.put.201"),
        recorded("onlineDeployment.get"),
        recorded("onlineDeployment.skus"),
    ) else {
        return;
    };
    let mut world = World::new();
    world.put(&format!("{MODEL}/versions/1"), &model_body());
    world.settle_put(ENDPOINT, &endpoint_body(&json!({})));
    let deployment = format!("{ENDPOINT}/deployments/blue");
    let ours = world.put(&deployment, &deployment_body(&format!("{MODEL}/versions/1")));
    assert_answer(&put, &ours);
    assert_eq!(ours.header_value("x-ms-ratelimit-remaining-subscription-resource-requests"), Some("24"));
    assert!(ours.header_value("Azure-AsyncOperation").unwrap().contains("/odidp:"));
    world.pass(181.0);
    let shown = world.get(&deployment);
    assert_answer(&get, &shown);
    let variables = &shown.value()["properties"]["environmentVariables"];
    assert_eq!(variables["AZUREML_MODEL_DIR"], "/var/azureml-app/azureml-models/fares/1");
    assert_eq!(variables["AML_APP_ROOT"], "/var/azureml-app/Online");
    assert_eq!(world.get(&format!("{deployment}/skus")).value(), skus["body"]);
}

#[test]
fn a_batch_endpoint_and_its_deployment() {
    let (Some(put), Some(operation), Some(get)) =
        (recorded("batchEndpoint.put.201"), recorded("mfeOperationsStatus"), recorded("batchDeployment.get"))
    else {
        return;
    };
    let mut world = World::new();
    let endpoint = format!("{WORKSPACE}/batchEndpoints/nightly");
    let body = json!({"location": "eastus", "tags": {"t1": "v1"}, "properties": {"authMode": "aadToken", "description": "funny", "properties": {"p1": "v1"}}});
    let ours = world.put(&endpoint, &body);
    assert_answer(&put, &ours);
    assert_eq!(ours.value()["properties"]["authMode"], "AADToken");
    assert_shape(&operation["batch_variant"], &world.poll(&ours));
    world.pass(51.0);
    let deployment = format!("{endpoint}/deployments/first");
    let body = json!({"location": "eastus", "properties": {
        "model": {"referenceType": "Id", "assetId": format!("{MODEL}/versions/1")}, "compute": "c", "environmentId": "e",
        "codeConfiguration": {"codeId": "c", "scoringScript": "batch_driver.py"}, "loggingLevel": "info",
    }});
    world.put(&deployment, &body);
    world.pass(181.0);
    let ours = world.get(&deployment);
    assert_answer(&get, &ours);
    assert_eq!(ours.value()["properties"]["loggingLevel"], "Info");
    assert_eq!(world.delete(&endpoint).status, 202);
    world.pass(31.0);
    assert_eq!(world.get(&deployment).status, 404);
}

#[test]
fn an_empty_list_has_no_next_link() {
    let Some(theirs) = recorded("list.empty") else { return };
    let mut world = World::new();
    let ours = world.get(&format!("{WORKSPACE}/onlineEndpoints"));
    assert_eq!(ours.status, 200);
    assert_eq!(ours.value(), theirs["body"]);
}

#[test]
fn the_headers_of_a_read_and_of_a_write() {
    let Some(theirs) = recorded("typical response headers 2026-03") else { return };
    let mut world = World::new();
    let read = world.get(WORKSPACE);
    let write = world.put(REGISTRY, &registry_body());
    for (name, value) in theirs.as_object().unwrap() {
        let ours = if name.ends_with("-writes") { &write } else { &read };
        let Some(our) = ours.header_value(name) else { panic!("no header {name}") };
        if name.contains("ratelimit")
            || ["no-cache", "-1", "nosniff", "CONFIG_NOCACHE"].contains(&value.as_str().unwrap())
        {
            assert_eq!(our, value, "{name}");
        }
    }
}
