//! What stands between a right and a write: locks, policies, and the quota of processors.

use azureml_emulator::{Config, Lock, LockLevel, Policy, PolicyEffect, Response};
use serde_json::{Value, json};

use crate::support::{
    ENDPOINT, MODEL, REGISTRY, SUBSCRIPTION, WORKSPACE, World, deployment_body, endpoint_body, model_body,
    registry_body,
};

fn code(answer: &Response) -> (u16, String) {
    (answer.status, answer.value()["error"]["code"].as_str().unwrap_or_default().to_owned())
}

fn locked(scope: &str, level: LockLevel) -> Vec<Lock> {
    vec![Lock { scope: scope.to_owned(), level }]
}

#[test]
fn a_lock_against_deletion_stops_a_delete_of_what_is_under_it_or_holds_it() {
    let group = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/ml");
    let deployment = format!("{ENDPOINT}/deployments/blue");
    for (scope, stopped) in [
        (group.as_str(), true),
        (&ENDPOINT.to_uppercase(), true),
        (&deployment, true),
        (REGISTRY, false),
        (&format!("{ENDPOINT}2"), false),
    ] {
        let mut world = World::new();
        world.serve(&["blue"]);
        world.core.config.locks = locked(scope, LockLevel::CanNotDelete);
        assert_eq!(world.put(ENDPOINT, &endpoint_body(&json!({}))).status, 200, "a write is no deletion");
        world.pass(200.0);
        let answer = world.delete(ENDPOINT);
        if !stopped {
            assert_eq!(answer.status, 202, "{scope}");
            continue;
        }
        assert_eq!(code(&answer), (409, "ScopeLocked".into()), "{scope}");
        let message = answer.value()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("cannot perform delete operation") && message.contains(scope), "{message}");
        assert_eq!(world.get(ENDPOINT).value()["properties"]["provisioningState"], "Succeeded");
    }
}

#[test]
fn a_read_only_lock_stops_every_write_and_action_and_no_read() {
    let mut world = World::new();
    world.serve(&["blue"]);
    world.core.config.locks = locked(WORKSPACE, LockLevel::ReadOnly);
    let version = format!("{MODEL}/versions/1");
    let refusals = [
        world.put(&format!("{MODEL}/versions/2"), &model_body()),
        world.patch(ENDPOINT, &json!({"tags": {}})),
        world.post(&format!("{ENDPOINT}/listKeys"), &json!({})),
        world.publish("1"),
        world.delete(&version),
    ];
    for answer in refusals {
        assert_eq!(code(&answer), (409, "ScopeLocked".into()));
    }
    assert_eq!(world.get(&version).status, 200);
    world.core.config.locks.clear();
    assert_eq!(world.post(&format!("{ENDPOINT}/listKeys"), &json!({})).status, 200);
}

fn policy(scope: &str, resource_type: &str, effect: PolicyEffect) -> Policy {
    Policy {
        name: "no-public-registries".into(),
        scope: scope.into(),
        resource_type: resource_type.into(),
        effect,
    }
}

#[test]
fn a_policy_denies_writes_of_its_type_and_no_deletions() {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    let registries = "microsoft.machinelearningservices/REGISTRIES";
    world.core.config.policies = vec![policy("", registries, PolicyEffect::Deny)];
    for answer in [world.put(REGISTRY, &registry_body()), world.patch(REGISTRY, &json!({"tags": {}}))] {
        assert_eq!(code(&answer), (403, "RequestDisallowedByPolicy".into()));
        assert_eq!(answer.header_value("x-ms-failure-cause"), Some("gateway"));
        let error = &answer.value()["error"];
        assert_eq!(
            (&error["target"], &error["additionalInfo"][0]["type"]),
            (&json!("models"), &json!("PolicyViolation"))
        );
        assert_eq!(error["additionalInfo"][0]["info"]["policyAssignmentDisplayName"], "no-public-registries");
    }
    assert_eq!(world.put(ENDPOINT, &endpoint_body(&json!({}))).status, 201, "of another type");
    assert_eq!(world.delete(REGISTRY).status, 202);
}

#[test]
fn a_policy_changes_what_is_written_without_a_word() {
    let mut world = World::new();
    let patch = json!({"tags": {"Team": "platform"}, "properties": {"publicNetworkAccess": "Disabled"}});
    world.core.config.policies = vec![policy(WORKSPACE, "*/onlineEndpoints", PolicyEffect::Modify(patch))];
    let mut body = endpoint_body(&json!({}));
    body["properties"]["publicNetworkAccess"] = json!("Enabled");
    body["tags"] = json!({"team": "fares", "a": "b"});
    world.settle_put(ENDPOINT, &body);
    let kept = world.get(ENDPOINT).value();
    assert_eq!(kept["properties"]["publicNetworkAccess"], "Disabled");
    assert_eq!(kept["tags"], json!({"Team": "platform", "a": "b"}));
}

/// A seed is what exists to begin with, and asks nobody.
#[test]
fn neither_lock_nor_policy_is_asked_about_a_seed() {
    let config = Config {
        locks: locked(WORKSPACE, LockLevel::ReadOnly),
        policies: vec![policy("", "*", PolicyEffect::Deny)],
        ..Config::default()
    };
    // Without its environment this world would not begin.
    let mut world = World::with(config);
    assert_eq!(world.get(crate::support::ENVIRONMENT).status, 200);
    assert_eq!(code(&world.put(&format!("{MODEL}/versions/1"), &model_body())), (409, "ScopeLocked".into()));
}

/// What stands in the string behind the resource provider's refusal.
fn quota(answer: &Response) -> Value {
    let error = &answer.value()["error"];
    assert_eq!((answer.status, &error["code"]), (400, &json!("BadRequest")), "{error}");
    assert_eq!(error["details"][0]["code"], "InferencingClientCreateDeploymentFailed");
    let message = error["details"][0]["message"].as_str().unwrap();
    serde_json::from_str(message.split_once("error detail: ").unwrap().1).unwrap()
}

#[test]
fn processors_have_a_quota_that_is_told_in_a_string() {
    let mut world = World::new();
    world.serve(&[]);
    world.core.config.quotas.cores = Some(20);
    let body = |count: u64| {
        let mut body = deployment_body(&format!("{MODEL}/versions/1"));
        body["sku"]["capacity"] = json!(count);
        body
    };
    let blue = format!("{ENDPOINT}/deployments/blue");
    // Two instances of four processors are three with the fifth more, so that twelve are used.
    world.settle_put(&blue, &body(2));
    let refused = quota(&world.put(&format!("{ENDPOINT}/deployments/green"), &body(2)));
    let why = refused["errors"]["VmSize"][0].as_str().unwrap();
    assert!(why.contains("Current usage/limit: 12/20. Additional needed: 12"), "{why}");
    assert_eq!(world.get(&format!("{ENDPOINT}/deployments/green")).status, 404);
    for answer in [world.put(&blue, &body(5)), world.patch(&blue, &json!({"sku": {"capacity": 5}}))] {
        assert!(quota(&answer)["errors"]["VmSize"][0].as_str().unwrap().contains("Additional needed: 12"));
    }
    world.settle_put(&blue, &body(4));
    let mut other = body(1);
    other["properties"]["instanceType"] = json!("Standard_DS3_v2");
    assert_eq!(world.put(&format!("{ENDPOINT}/deployments/other"), &other).status, 201, "of another type");
}
