//! What Azure does after it has answered.

use azureml_emulator::{OperationRule, Outcome};
use bindery::azure::model::resource::{ModelVersion, OnlineEndpoint, Registry};
use bindery::azure::model::{Action, Call, Class, OperationState, Purpose};
use serde_json::json;

use crate::stand::{
    Stand, endpoint, put, put_deployment, put_endpoint, put_version, registry, sent, started, state,
    workspace,
};

#[tokio::test]
async fn a_registry_is_made_by_an_operation() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    let body = json!({"location": "eastus", "identity": {"type": "SystemAssigned"},
        "properties": {"regionDetails": [{"location": "eastus"}]}});
    let reply = azure.send(&put(registry(), body)).await.expect("accepted");
    assert_eq!((reply.status, reply.body), (202, None));
    let operation = reply.operation.expect("an operation");
    assert!(operation.contains("type=async") && operation.len() > 4096, "{operation}");
    assert_eq!(state(&azure, &operation).await, OperationState::Running);
    // The other URL of the same operation speaks by its status instead.
    let location = operation.replace("type=async", "type=location");
    assert_eq!(state(&azure, &location).await, OperationState::Running);
    stand.emulator.advance(60.0);
    assert_eq!(state(&azure, &operation).await, OperationState::Succeeded);
    assert_eq!(state(&azure, &location).await, OperationState::Succeeded);
    let made = azure.get::<Registry>(&registry()).await.expect("an answer").expect("a registry");
    assert_eq!(made.location, "eastus");
    // Not longer than a token lasts.
    stand.emulator.advance(700.0);
    assert_eq!(state(&azure, &operation).await, OperationState::Gone);
}

#[tokio::test]
async fn publish_and_delete_start_operations() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    let body = json!({"location": "eastus", "properties": {"regionDetails": [{"location": "eastus"}]}});
    started(&azure, &put(registry(), body)).await;
    stand.emulator.advance(60.0);
    sent(&azure, &put_version("1")).await;
    let destination = json!({"registryName": "models", "destinationName": "fare", "destinationVersion": "1"});
    let resource = workspace().model_version("fare", "1");
    let publish = Call::new(Purpose::Publish, resource, Action::Post("publish", destination), "test");
    let published = started(&azure, &publish).await;
    started(&azure, &put_endpoint()).await;
    stand.emulator.advance(60.0);
    assert_eq!(state(&azure, &published).await, OperationState::Succeeded);
    let copy = registry().model_version("fare", "1");
    assert!(azure.get::<ModelVersion>(&copy).await.expect("an answer").is_some());

    let delete = Call::new(Purpose::Delete, endpoint(), Action::Delete, "test");
    let reply = azure.send(&delete).await.expect("accepted");
    assert_eq!((reply.status, reply.body), (202, None));
    let deleted = reply.operation.expect("an operation");
    stand.emulator.advance(60.0);
    assert_eq!(state(&azure, &deleted).await, OperationState::Succeeded);
    assert_eq!(azure.get::<OnlineEndpoint>(&endpoint()).await, Ok(None));
    assert_eq!(sent(&azure, &delete).await, (204, None));
}

#[tokio::test]
async fn why_a_deployment_failed_is_in_its_operation() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    let fail = Outcome::Fail {
        code: "ResourceNotReady".into(),
        message: "User container has crashed or terminated: Liveness probe failed.".into(),
    };
    for outcome in [Outcome::Vanish, fail] {
        stand.emulator.control().add_operation_rule(OperationRule {
            work: None,
            resource: "deployments/blue".into(),
            model: String::new(),
            times: Some(1),
            outcome,
        });
    }
    sent(&azure, &put_version("1")).await;
    started(&azure, &put_endpoint()).await;
    stand.emulator.advance(60.0);
    let operation = started(&azure, &put_deployment()).await;
    assert_eq!(state(&azure, &operation).await, OperationState::Running);
    // A second change on the endpoint has to wait.
    let error = azure.send(&put_endpoint()).await.expect_err("busy");
    assert_eq!(error.class, Class::Conflict, "{error}");
    stand.emulator.advance(300.0);
    let failed = OperationState::Failed {
        code: Some("ResourceNotReady".into()),
        message: "User container has crashed or terminated: Liveness probe failed.".into(),
    };
    assert_eq!(state(&azure, &operation).await, failed);
    let vanished = started(&azure, &put_deployment()).await;
    assert_eq!(state(&azure, &vanished).await, OperationState::Gone);
}
