//! Endpoints on a Kubernetes cluster.

use serde_json::{Value, json};

use crate::api::{ConditionType, Reason, conditions_of};
use crate::azure::model::Action;
use crate::decide::Mode;
use crate::decide::fixtures::{Binding, binding};

const CLUSTER: &str = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/production/computes/aks";

/// The manifest asks for the cluster, and the endpoint is there where it is on one.
fn on_cluster(it: Binding) -> Binding {
    let mut it = it.with(|f| f.spec.online.endpoint.compute = Some(CLUSTER.into()));
    if it.0.endpoint.found().is_some() {
        it.found().properties.rest.insert("compute".into(), CLUSTER.to_uppercase().into());
    }
    it
}

fn put(it: &Binding) -> Value {
    match it.decide().call.unwrap().action {
        Action::Put(body) => body,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_endpoint_is_made_on_the_cluster() {
    assert_eq!(put(&on_cluster(binding()))["properties"]["compute"], CLUSTER);
    assert_eq!(put(&binding())["properties"].get("compute"), None);
}

#[test]
fn a_new_deployment_says_what_it_asks_of_the_cluster() {
    let bare = put(&on_cluster(binding().endpoint()));
    let properties = &bare["properties"];
    assert_eq!(
        (&properties["endpointComputeType"], &properties["instanceType"], &properties["scaleSettings"]),
        (&json!("Kubernetes"), &json!("defaultinstancetype"), &json!({"scaleType": "Default"}))
    );
    assert_eq!(properties.get("containerResourceRequirements"), None);
    assert_eq!(bare["sku"], json!({"name": "Default", "capacity": 1}));
    let asking = on_cluster(binding().endpoint()).with(|f| {
        f.spec.online.deployment.instance_type = Some("gpu-large".into());
        f.spec.online.deployment.resources = serde_json::from_value(
            json!({"requests": {"cpu": "2", "memory": "4Gi"}, "limits": {"memory": "8Gi", "gpu": "1"}}),
        )
        .unwrap();
    });
    let properties = &put(&asking)["properties"];
    assert_eq!(properties["instanceType"], "gpu-large");
    let expected = json!({
        "containerResourceRequests": {"cpu": "2", "memory": "4Gi"},
        "containerResourceLimits": {"memory": "8Gi", "gpu": "1"},
    });
    assert_eq!(properties["containerResourceRequirements"], expected);
    assert_ne!(asking.revision("1"), binding().revision("1"), "resources are part of the revision");
    let managed = put(&binding().endpoint());
    assert_eq!(
        (&managed["properties"]["endpointComputeType"], managed["properties"].get("instanceType")),
        (&json!("Managed"), None)
    );
}

#[test]
fn every_put_of_the_endpoint_names_the_cluster_again() {
    let promotes = on_cluster(binding().wanting("2").serving("1").candidate("2", 0, 60));
    assert_eq!(put(&promotes)["properties"]["compute"], CLUSTER.to_uppercase());
    let takes_back = on_cluster(binding().wanting("2").serving("1").candidate("2", 50, 60)).with(|f| {
        f.deployments[1].properties.provisioning_state = Some("Failed".into());
    });
    assert_eq!(put(&takes_back)["properties"]["compute"], CLUSTER.to_uppercase());
}

#[test]
fn an_endpoint_that_is_somewhere_else_is_left_where_it_is() {
    let managed = || binding().serving("1").with(|f| f.spec.online.endpoint.compute = Some(CLUSTER.into()));
    let mut forgotten = on_cluster(binding().serving("1"));
    forgotten.0.spec.online.endpoint.compute = None;
    let other = on_cluster(binding().serving("1"))
        .with(|f| f.spec.online.endpoint.compute = Some(CLUSTER.replace("aks", "other")));
    for (what, it, part) in [
        (
            "managed",
            managed(),
            "The endpoint taxi is on machines that Azure manages, and the manifest wants it on the compute /subscriptions/",
        ),
        (
            "on a cluster",
            forgotten,
            "and the manifest wants it on machines that Azure manages (spec.online.endpoint.compute)",
        ),
        ("on another cluster", other, "computes/other (spec.online.endpoint.compute)"),
    ] {
        let decision = it.wanting("2").decide();
        let conditions = conditions_of(&decision.status.conditions);
        let stalled = conditions.get(ConditionType::Stalled).unwrap();
        assert_eq!(
            (stalled.reason.as_str(), decision.call),
            (Reason::Unchangeable.to_string().as_str(), None),
            "{what}"
        );
        assert!(stalled.message.contains(part), "{what}: {}", stalled.message);
    }
    // What is only looked at is not written, and what goes is taken down wherever it is.
    let observed = managed().with(|f| f.situation.mode = Mode::Observe).decide();
    assert!(conditions_of(&observed.status.conditions).get(ConditionType::Stalled).is_none());
    let going = managed().with(|f| f.situation.deleting = true).decide();
    assert!(going.call.is_some());
}
