use kube::runtime::watcher::Event;
use serde_json::json;

use super::*;
use crate::api::{DeploymentBinding, ModelVersion, Registry};
use crate::controller::fixtures::Cluster;

fn rivals(cluster: &Cluster, of: &ModelVersion) -> Vec<String> {
    let mut names: Vec<String> = of.rivals(&cluster.stores).iter().map(|v| v.name_any()).collect();
    names.sort();
    names
}

fn serving(cluster: &Cluster, version: &ModelVersion) -> usize {
    cluster.stores.naming::<DeploymentBinding>(&Name::of(version)).len()
}

#[test]
fn rivals_mean_the_same_resource() {
    let mut cluster = Cluster::new();
    let dev = json!({"workspaceRef": {"name": "dev"}});
    let one = cluster.version("one", "taxi", &dev);
    let same =
        cluster.version("same", "taxi", &json!({"workspaceRef": {"name": "dev", "namespace": "fares"}}));
    // ARM compares ids without regard to case.
    cluster.version("cased", "Taxi", &dev);
    cluster.version("other-model", "fare", &dev);
    cluster.version("other-workspace", "taxi", &json!({"workspaceRef": {"name": "prod"}}));
    let promoted = cluster.version(
        "promoted",
        "taxi",
        &json!({"registryRef": {"name": "models"}, "source": {"modelVersionRef": {"name": "one"}}}),
    );
    let nowhere = cluster.version("nowhere", "taxi", &json!({"workspaceRef": {"name": "none"}}));
    cluster.version("nowhere-too", "taxi", &json!({"workspaceRef": {"name": "none"}}));
    assert_eq!(rivals(&cluster, &one), ["cased", "same"]);
    assert_eq!(rivals(&cluster, &same), ["cased", "one"]);
    assert!(rivals(&cluster, &promoted).is_empty());
    assert!(rivals(&cluster, &nowhere).is_empty(), "nobody knows what they mean");

    let of = |name: &Name| cluster.stores.naming::<ModelVersion>(name).iter().map(|v| v.name_any()).collect();
    let promotions: Vec<String> = of(&Name::of(&one));
    assert_eq!(promotions, ["promoted"]);
    let reference = Reference { name: "models".into(), namespace: Some("fares".into()) };
    let in_registry: Vec<String> = of(&Name::meant::<Registry>(&reference, "elsewhere"));
    assert_eq!(in_registry, ["promoted"]);

    cluster.stores.names.remove(&same);
    assert_eq!(rivals(&cluster, &one), ["cased"]);
}

#[test]
fn what_is_named_no_longer_is_forgotten() {
    let mut cluster = Cluster::new();
    let dev = json!({"workspaceRef": {"name": "dev"}});
    let (one, two) = (cluster.version("one", "taxi", &dev), cluster.version("two", "fare", &dev));
    cluster.binding("one", None);
    assert_eq!((serving(&cluster, &one), serving(&cluster, &two)), (1, 0));
    let before = cluster.stores.names.0.read().expect("not poisoned").len();
    cluster.binding("two", None);
    assert_eq!((serving(&cluster, &one), serving(&cluster, &two)), (0, 1));
    assert_eq!(cluster.stores.names.0.read().expect("not poisoned").len(), before);
}

#[test]
fn what_is_gone_is_not_found_though_the_index_has_it() {
    let mut cluster = Cluster::new();
    let dev = json!({"workspaceRef": {"name": "dev"}});
    let one = cluster.version("one", "taxi", &dev);
    let same = cluster.version("same", "taxi", &dev);
    assert_eq!(rivals(&cluster, &one), ["same"]);
    // The watch broke, and the event was lost.
    cluster.versions.apply_watcher_event(&Event::Delete(same));
    assert!(rivals(&cluster, &one).is_empty());
}
