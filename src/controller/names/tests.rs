use std::sync::Arc;

use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{self, Store};
use kube::runtime::watcher::Event;
use serde_json::json;

use super::*;
use crate::api::{DeploymentBinding, ModelVersion, Registry, Workspace};
use crate::controller::context::Stores;

/// What the watches have seen, and the means to show them more.
struct Cluster {
    stores: Stores,
    versions: Writer<ModelVersion>,
    bindings: Writer<DeploymentBinding>,
}

fn filled<K: Kind>(objects: Vec<K>) -> Store<K> {
    let (store, mut writer) = reflector::store();
    for object in objects {
        writer.apply_watcher_event(&Event::Apply(object));
    }
    store
}

impl Cluster {
    /// The workspaces `dev` and `prod` and the registry `models`, all in the namespace `fares`.
    fn new() -> Self {
        let azure = json!({"subscriptionId": "s", "resourceGroup": "rg"});
        let workspace = |name| made::<Workspace>(name, &json!({"azure": azure}));
        let registry = made::<Registry>("models", &json!({"azure": azure, "location": "eastus"}));
        let ((versions, version_writer), (bindings, binding_writer)) =
            (reflector::store(), reflector::store());
        let stores = Stores {
            registries: filled(vec![registry]),
            workspaces: filled(vec![workspace("dev"), workspace("prod")]),
            versions,
            bindings,
            namespaces: None,
            names: Arc::default(),
        };
        Self { stores, versions: version_writer, bindings: binding_writer }
    }

    fn version(&mut self, name: &str, model: &str, place: &serde_json::Value) -> ModelVersion {
        let mut spec = json!({"model": model, "version": "1", "source": {"uri": "azureml://x"}});
        spec.as_object_mut().expect("a map").extend(place.as_object().expect("a map").clone());
        let version = made::<ModelVersion>(name, &spec);
        self.stores.names.put(None, &version);
        self.versions.apply_watcher_event(&Event::Apply(version.clone()));
        version
    }

    fn rivals(&self, version: &ModelVersion) -> Vec<String> {
        let mut names: Vec<String> = version.rivals(&self.stores).iter().map(|v| v.name_any()).collect();
        names.sort();
        names
    }

    fn binding(&mut self, version: &str) {
        let binding = made::<DeploymentBinding>(
            "taxi",
            &json!({
                "workspaceRef": {"name": "prod"}, "model": {"versionRef": {"name": version}},
                "online": {"endpoint": {"name": "taxi"}, "deployment": {}},
            }),
        );
        let before = self.stores.bindings.get(&ObjectRef::from_obj(&binding));
        self.stores.names.put(before.as_deref(), &binding);
        self.bindings.apply_watcher_event(&Event::Apply(binding));
    }

    fn serving(&self, version: &ModelVersion) -> usize {
        self.stores.naming::<DeploymentBinding>(&Name::of(version)).len()
    }
}

/// An object of the namespace `fares`.
fn made<K: Kind>(name: &str, spec: &serde_json::Value) -> K {
    let metadata = json!({"name": name, "namespace": "fares", "uid": name});
    let kind = K::kind(&());
    let object =
        json!({"apiVersion": "bindery.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec});
    serde_json::from_value(object).expect("an object")
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
    assert_eq!(cluster.rivals(&one), ["cased", "same"]);
    assert_eq!(cluster.rivals(&same), ["cased", "one"]);
    assert!(cluster.rivals(&promoted).is_empty());
    assert!(cluster.rivals(&nowhere).is_empty(), "nobody knows what they mean");

    let of = |name: &Name| cluster.stores.naming::<ModelVersion>(name).iter().map(|v| v.name_any()).collect();
    let promotions: Vec<String> = of(&Name::of(&one));
    assert_eq!(promotions, ["promoted"]);
    let reference = Reference { name: "models".into(), namespace: Some("fares".into()) };
    let in_registry: Vec<String> = of(&Name::meant::<Registry>(&reference, "elsewhere"));
    assert_eq!(in_registry, ["promoted"]);

    cluster.stores.names.remove(&same);
    assert_eq!(cluster.rivals(&one), ["cased"]);
}

#[test]
fn what_is_named_no_longer_is_forgotten() {
    let mut cluster = Cluster::new();
    let dev = json!({"workspaceRef": {"name": "dev"}});
    let (one, two) = (cluster.version("one", "taxi", &dev), cluster.version("two", "fare", &dev));
    cluster.binding("one");
    assert_eq!((cluster.serving(&one), cluster.serving(&two)), (1, 0));
    let before = cluster.stores.names.0.read().expect("not poisoned").len();
    cluster.binding("two");
    assert_eq!((cluster.serving(&one), cluster.serving(&two)), (0, 1));
    assert_eq!(cluster.stores.names.0.read().expect("not poisoned").len(), before);
}

#[test]
fn what_is_gone_is_not_found_though_the_index_has_it() {
    let mut cluster = Cluster::new();
    let dev = json!({"workspaceRef": {"name": "dev"}});
    let one = cluster.version("one", "taxi", &dev);
    let same = cluster.version("same", "taxi", &dev);
    assert_eq!(cluster.rivals(&one), ["same"]);
    // The watch broke, and the event was lost.
    cluster.versions.apply_watcher_event(&Event::Delete(same));
    assert!(cluster.rivals(&one).is_empty());
}
