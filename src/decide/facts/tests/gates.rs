//! What a gate is held against: which objects tell it, and who is believed.

use super::*;
use crate::api::Scope;
use crate::decide::gate::{Champion, Champions, Measuring};

const ASSET: &str = "azureml://registries/models/models/taxi/versions/1";

fn azure(name: &str) -> Value {
    json!({"subscriptionId": "s", "resourceGroup": "rg", "name": name})
}

fn registry(namespace: &str) -> AnyObject {
    let spec = json!({"azure": azure("models"), "location": "eastus", "allowedNamespaces": {"from": "All"}});
    made::<Registry>(namespace, "models", &spec).any()
}

/// An object for the version in the registry, whose status tells this.
fn told(namespace: &str, name: &str, management: &str, status: &Value) -> AnyObject {
    let place = json!({"registryRef": {"name": "models", "namespace": "ml"}, "source": {"existing": {}}, "management": management});
    let mut it = version(namespace, name, "taxi", &place);
    Arc::make_mut(&mut it).status = Some(serde_json::from_value(status.clone()).unwrap());
    it.any()
}

fn measured(rmse: &str) -> Value {
    json!({"observedGeneration": 1, "assetId": ASSET, "lineage": {"job": "t", "run": "t", "metrics": {"rmse": rmse}}})
}

/// A binding whose status tells this.
fn binding(status: &Value) -> AnyObject {
    let spec = json!({"workspaceRef": {"name": "prod"}, "model": {"versionRef": {"name": "v"}},
        "online": {"endpoint": {"name": "taxi"}, "deployment": {}}});
    let mut it = made::<DeploymentBinding>("fares", "taxi", &spec);
    Arc::make_mut(&mut it).status = Some(serde_json::from_value(status.clone()).unwrap());
    it.any()
}

fn serving() -> Value {
    let promoted = |version: &str, outcome: &str| {
        json!({"revision": version, "outcome": outcome,
        "assetId": format!("azureml://registries/models/models/taxi/versions/{version}")})
    };
    json!({
        "observedGeneration": 1, "phase": "Serving",
        "stable": {"deployment": "v1-x", "assetId": ASSET, "since": "2026-03-01T12:00:00Z"},
        "history": [promoted("1", "Promoted"), promoted("9", "Failed"), promoted("7", "Promoted"), promoted("1", "Promoted")],
    })
}

/// What the binding `taxi` of `fares` serves, and whose changes wake the asker.
fn of(objects: Vec<AnyObject>, scope: Scope) -> (Champions, Vec<ClusterRead>) {
    Cluster(objects, Watched::all()).known(|known| Champions::of("fares", "taxi", scope, known))
}

fn others(champions: &Champions) -> Vec<(String, Option<String>)> {
    let others = champions.others(Measuring {
        title: "taxi:3",
        asset_id: None,
        lineage: None,
        made: None,
        because: None,
    });
    let rmse = |it: &Champion| it.metrics.as_ref().and_then(|all| all.get("rmse").cloned());
    others.iter().map(|it| (it.name(), rmse(it))).collect()
}

#[test]
fn what_serves_is_known_by_the_status_of_the_binding() {
    assert_eq!(of(vec![], Scope::Stable).0, Champions::NoBinding("taxi".into()));
    let unseen = binding(&json!({"observedGeneration": 1}));
    assert!(matches!(of(vec![unseen], Scope::Stable).0, Champions::Unseen(_)));
    let nothing = binding(&json!({"observedGeneration": 1, "phase": "Pending"}));
    assert_eq!(of(vec![nothing], Scope::Stable).0, Champions::none("DeploymentBinding taxi"));
    let (stable, _) = of(vec![binding(&serving())], Scope::Stable);
    assert_eq!(others(&stable), [("taxi:1".to_string(), None)], "nobody tells its metrics");
    let (history, _) = of(vec![binding(&serving())], Scope::History);
    assert_eq!(others(&history), [("taxi:1".to_string(), None), ("taxi:7".to_string(), None)]);
    let (Champions::Seen { served: now, .. }, Champions::Seen { served, .. }) = (stable, history) else {
        unreachable!()
    };
    assert_eq!((now.len(), served.len()), (2, 2), "whatever a gate is held against, both have served");
}

#[test]
fn its_metrics_are_known_by_the_object_that_manages_the_version() {
    let rmse = |mut objects: Vec<AnyObject>| {
        objects.extend([registry("ml"), binding(&serving())]);
        let (champions, rests) = of(objects, Scope::Stable);
        (others(&champions)[0].1.clone(), rests)
    };
    let managed = told("zoo", "owner", "Manage", &measured("3"));
    let observed = told("fares", "observer", "Observe", &measured("9"));
    let wakes = ClusterRead::Object(managed.key());
    let (found, rests) = rmse(vec![observed.clone(), managed.clone()]);
    assert_eq!(found.as_deref(), Some("3"), "in whatever order they are found");
    assert!(rests.contains(&wakes), "a change of what it tells wakes the asker");
    assert_eq!(rmse(vec![managed, observed.clone()]).0.as_deref(), Some("3"));
    assert_eq!(rmse(vec![observed]).0.as_deref(), Some("9"), "where nobody manages it");
    // Of an object that is not let near the version, or has not seen its run, nothing is believed.
    for status in [
        json!({"observedGeneration": 1, "lineage": {"job": "t", "run": "t", "metrics": {"rmse": "1"}}}),
        json!({"observedGeneration": 1, "assetId": ASSET, "lineage": {"job": "t", "metrics": {"rmse": "1"}}}),
    ] {
        assert_eq!(rmse(vec![told("fares", "other", "Manage", &status)]).0, None, "{status}");
    }
}
