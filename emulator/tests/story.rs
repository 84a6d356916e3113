//! The whole service in process: what a client does from a token to a scored request.
#![allow(clippy::unwrap_used)]

mod support;

use azureml_emulator::{Effect, FaultRule, OperationRule, Outcome};
use serde_json::json;
use support::{ENDPOINT, MODEL, REGISTRY, World, deployment_body, endpoint_body, model_body, registry_body};

#[test]
fn a_registry_is_accepted_with_nothing_in_it_and_ready_when_its_operation_says_so() {
    let mut world = World::new();
    let accepted = world.put(REGISTRY, &registry_body());
    assert_eq!(accepted.status, 202);
    assert!(accepted.body.is_empty());
    assert_eq!(world.poll(&accepted), json!({"status": "InProgress"}));
    world.pass(41.0);
    assert_eq!(world.poll(&accepted), json!({"status": "Succeeded", "percentComplete": 100.0}));
    let registry = world.get(REGISTRY).value();
    assert!(
        registry
            .pointer(
                "/properties/regionDetails/0/acrDetails/0/systemCreatedAcrAccount/armResourceId/resourceId"
            )
            .unwrap()
            .is_string()
    );
}

#[test]
fn a_model_goes_from_a_job_to_a_registry_and_behind_an_endpoint() {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    let made = world.put(&format!("{MODEL}/versions/1"), &model_body());
    assert_eq!(made.status, 201, "{}", made.value());
    let published = world.post(
        &format!("{MODEL}/versions/1/publish"),
        &json!({"registryName": "models", "destinationName": "fares", "destinationVersion": "1"}),
    );
    assert_eq!(published.status, 202, "{}", published.value());
    assert_eq!(world.get(&format!("{REGISTRY}/models/fares/versions/1")).status, 404);
    world.pass(11.0);
    assert_eq!(world.get(&format!("{REGISTRY}/models/fares/versions/1")).status, 200);

    world.settle_put(ENDPOINT, &endpoint_body(&json!({})));
    let body = deployment_body("azureml://registries/models/models/fares/versions/1");
    world.settle_put(&format!("{ENDPOINT}/deployments/blue"), &body);
    world.settle_put(ENDPOINT, &endpoint_body(&json!({"blue": 100})));
    let endpoint = world.get(ENDPOINT).value();
    assert_eq!(endpoint["properties"]["provisioningState"], "Succeeded");
    let keys = world.post(&format!("{ENDPOINT}/listKeys"), &json!({})).value();
    let answer = world.score("fares", keys["primaryKey"].as_str().unwrap());
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.header_value("azureml-model-deployment"), Some("blue"));
    assert_eq!(answer.value(), json!({"deployment": "blue", "model": "fares", "version": "1", "result": []}));
}

#[test]
fn a_deployment_that_was_told_to_fail_tells_why_only_in_its_operation() {
    let mut world = World::new();
    world.put(&format!("{MODEL}/versions/1"), &model_body());
    world.settle_put(ENDPOINT, &endpoint_body(&json!({})));
    world.core.add_operation_rule(OperationRule {
        work: None,
        resource: "deployments/bad".into(),
        model: String::new(),
        times: None,
        outcome: Outcome::Fail {
            code: "ResourceNotReady".into(),
            message: "User container has crashed or terminated: Liveness probe failed".into(),
        },
    });
    let deployment = format!("{ENDPOINT}/deployments/bad");
    let accepted = world.put(&deployment, &deployment_body(&format!("{MODEL}/versions/1")));
    assert_eq!(accepted.status, 201, "{}", accepted.value());
    world.pass(181.0);
    let operation = world.poll(&accepted);
    assert_eq!(operation["status"], "Failed");
    assert_eq!(operation["error"]["code"], json!(null));
    assert_eq!(
        operation["error"]["message"],
        "ResourceNotReady: User container has crashed or terminated: Liveness probe failed"
    );
    let shown = world.get(&deployment).value();
    assert_eq!(shown["properties"]["provisioningState"], "Failed");
    assert!(!shown.to_string().contains("Liveness probe failed\""));
}

#[test]
fn an_answer_can_be_lost_after_the_deed() {
    let mut world = World::new();
    world.core.add_fault(FaultRule::on("PUT", "/models/fares/versions/1", Effect::LoseAnswer).times(1));
    let lost = world.put(&format!("{MODEL}/versions/1"), &model_body());
    assert_eq!(lost.delivery, azureml_emulator::Delivery::Dropped);
    assert_eq!(world.get(&format!("{MODEL}/versions/1")).status, 200);
}
