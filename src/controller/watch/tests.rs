use futures::stream;
use serde_json::{Value, json};

use super::*;
use crate::controller::fixtures::{self, Cluster};

/// The queues, and who was named in that of the versions.
fn queues() -> (Queues, UnboundedReceiver<ObjectRef<ModelVersion>>) {
    let (versions, woken) = unbounded_channel();
    let (registries, workspaces, bindings) =
        (unbounded_channel().0, unbounded_channel().0, unbounded_channel().0);
    (Queues { registries, workspaces, versions, bindings }, woken)
}

/// Whoever was woken since the last question.
fn names(woken: &mut UnboundedReceiver<ObjectRef<ModelVersion>>) -> Vec<String> {
    let mut names: Vec<String> = std::iter::from_fn(|| woken.try_recv().ok()).map(|it| it.name).collect();
    names.sort();
    names
}

fn dev() -> Value {
    json!({"workspaceRef": {"name": "dev"}})
}

#[test]
fn a_version_whose_asset_becomes_known_looks_who_serves_it() {
    let (queues, mut woken) = queues();
    let mut cluster = Cluster::new();
    let held =
        json!({"name": "v1", "role": "Stable", "assetId": "azureml://taxi", "weight": 100, "since": "2026-03-01T12:00:00Z"});
    cluster.binding("one", Some(&json!({"deployments": [held]})));
    let mut version = cluster.version("one", "taxi", &dev());
    let mut wakes = |status: Value| {
        version.status = Some(serde_json::from_value(status).expect("a status"));
        version.wake_others(&cluster.stores, &queues);
        names(&mut woken)
    };
    assert!(wakes(json!({})).is_empty(), "nobody knows what it is");
    assert_eq!(wakes(json!({"assetId": "azureml://taxi"})), ["one"]);
    let known = json!({"binding": "fares/taxi", "endpoint": "taxi", "deployment": "v1", "role": "Stable"});
    let told = wakes(json!({"assetId": "azureml://taxi", "servedBy": [known]}));
    assert!(told.is_empty(), "it was told before");
}

#[tokio::test]
async fn everybody_is_woken_once_and_only_when_the_listing_ended() {
    let listed = |name: &str| Event::InitApply(fixtures::version(name, name, &dev()));
    for (events, expected) in [
        (vec![Event::Init, listed("one"), listed("two")], vec![]),
        (vec![Event::Init, listed("one"), listed("two"), Event::InitDone], vec!["one", "two"]),
        // The watch broke: who is gone is not woken, and the others get a look at what was missed.
        (
            vec![
                Event::Init,
                listed("one"),
                listed("two"),
                Event::InitDone,
                Event::Init,
                listed("two"),
                Event::InitDone,
            ],
            vec!["one", "two", "two"],
        ),
    ] {
        let (queues, mut woken) = queues();
        let (versions, writer) = reflector::store();
        let mut stores = Cluster::new().stores;
        stores.versions = versions;
        let context = fixtures::context(stores, &Arc::default(), &fixtures::version("any", "any", &dev()));
        take_in(stream::iter(events), &context, writer, &queues).await;
        assert_eq!(names(&mut woken), expected);
    }
}
