//! What many objects that name one thing cost the others: counted, so that no clock decides.

use jiff::Timestamp;
use kube::runtime::watcher::Event;
use serde_json::Value;

use super::*;
use crate::api::{AnyObject, DeploymentBinding, ModelVersion, Registry, Workspace, any_object};
use crate::controller::fixtures::Nowhere;
use crate::decide::facts::{ClusterRead, Name, Rivals};

/// A cluster with a crowd in it, and one object that others name too.
struct Cluster(Context<Nowhere>);

/// What it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Costs {
    /// Objects that a pass over the one looks at.
    one: usize,
    /// Objects that a pass over the youngest of the crowd looks at.
    youngest: usize,
    /// Passes that a change of the youngest causes, without its own.
    by_a_change: usize,
    /// Passes that an object that comes to the crowd, or gets its first status, causes beside its own.
    by_another: usize,
    /// The one has asked who else names its resource in other namespaces.
    asks_outside: bool,
}

impl Cluster {
    /// An object comes or changes. The answer is who deserves a pass.
    fn applies(&self, object: &AnyObject) -> Vec<Arc<ObjectKey>> {
        fn applied<K: Kind>(context: &Context<Nowhere>, object: &Arc<K>) -> Vec<Arc<ObjectKey>> {
            context.ports.objects.lock().expect("a lock").insert(object.key(), object.clone().any());
            context.take_in(&Event::Apply(K::clone(object)))
        }
        any_object!(object, it => applied(&self.0, it))
    }

    fn stored(&self, key: &ObjectKey) -> AnyObject {
        self.0.ports.objects.lock().expect("a lock")[key].clone()
    }

    /// A pass over an object. The answer is how many objects it looked at, and whom what it wrote wakes.
    async fn pass(&self, key: &ObjectKey) -> (usize, usize) {
        let looks = &self.0.ports.looks;
        let before = looks.load(Ordering::Relaxed);
        any_object!(self.stored(key), it => Box::pin(pass(it, &self.0)).await);
        let looked = looks.load(Ordering::Relaxed) - before;
        (looked, others(&self.applies(&self.stored(key)), key))
    }
}

fn others(woken: &[Arc<ObjectKey>], key: &ObjectKey) -> usize {
    woken.iter().filter(|other| ***other != *key).count()
}

/// An object that was created at this second.
fn made<K: Object>(namespace: &str, name: &str, second: usize, spec: &Value, status: &Value) -> AnyObject {
    let created = Timestamp::from_second(1_800_000_000 + i64::try_from(second).expect("a second"));
    let metadata = json!({"name": name, "namespace": namespace, "uid": format!("{} {namespace}/{name}", K::KIND),
        "resourceVersion": "1", "generation": 1, "creationTimestamp": created.expect("a time").to_string()});
    let object = json!({"apiVersion": "bindery.dev/v1alpha1", "kind": K::KIND.to_string(), "metadata": metadata, "spec": spec, "status": status});
    Arc::new(serde_json::from_value::<K>(object).expect("an object")).any()
}

/// The same object after somebody has edited it: it is of the next generation, and only observes.
fn edited(object: &AnyObject) -> AnyObject {
    fn observing<K: Object>(object: &K) -> AnyObject {
        let mut written = serde_json::to_value(object).expect("JSON");
        written["metadata"]["generation"] = json!(2);
        written["spec"]["management"] = json!("Observe");
        Arc::new(serde_json::from_value::<K>(written).expect("an object")).any()
    }
    any_object!(object, it => observing(&**it))
}

fn azure(name: &str) -> Value {
    json!({"subscriptionId": "s", "resourceGroup": "rg", "name": name})
}

fn registry(namespace: &str, name: &str, second: usize, change: &Value) -> AnyObject {
    let mut spec =
        json!({"azure": azure("models"), "location": "eastus", "allowedNamespaces": {"from": "All"}});
    spec.as_object_mut().expect("a map").extend(change.as_object().expect("a map").clone());
    let status = json!({"observedGeneration": 1, "discoveryUrl": "https://d.example"});
    made::<Registry>(namespace, name, second, &spec, &status)
}

fn workspace(namespace: &str, name: &str, second: usize, change: &Value) -> AnyObject {
    let mut spec = json!({"azure": azure("prod"), "allowedNamespaces": {"from": "All"}});
    spec.as_object_mut().expect("a map").extend(change.as_object().expect("a map").clone());
    let status = json!({"observedGeneration": 1, "workspaceId": "guid", "location": "eastus"});
    made::<Workspace>(namespace, name, second, &spec, &status)
}

fn version(namespace: &str, name: &str, second: usize, place: &Value) -> AnyObject {
    let spec = json!({"registryRef": place, "model": "taxi", "version": "1", "source": {"existing": {}}});
    made::<ModelVersion>(namespace, name, second, &spec, &json!({"observedGeneration": -1}))
}

fn binding(namespace: &str, name: &str, second: usize, place: &Value) -> AnyObject {
    let spec = json!({"workspaceRef": place, "model": {"versionRef": {"name": "one"}},
        "online": {"endpoint": {"name": "taxi"}, "deployment": {}}});
    made::<DeploymentBinding>(namespace, name, second, &spec, &json!({"observedGeneration": -1}))
}

/// A binding that only looks at the endpoint on which the version serves.
fn onlooker(n: usize) -> AnyObject {
    let spec = json!({"workspaceRef": PROD(), "model": {"versionRef": {"name": "one"}}, "management": "Observe",
        "online": {"endpoint": {"name": "taxi"}, "deployment": {}}});
    let at = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/prod";
    let asset = "azureml://registries/models/models/taxi/versions/1";
    let held = json!({"name": "v1", "role": "Stable", "assetId": asset, "weight": 100, "since": "2026-03-01T12:00:00Z"});
    let status = json!({"observedGeneration": 1, "endpoint": {"id": format!("{at}/onlineEndpoints/taxi")}, "deployments": [held]});
    made::<DeploymentBinding>("blue", &format!("b{n}"), n, &spec, &status)
}

/// A crowd by its size: the places, the one object, and the crowd, whose first objects are older than the one.
type Scene = fn(usize) -> (Vec<AnyObject>, AnyObject, Vec<AnyObject>);

const MODELS: fn() -> Value = || json!({"name": "models", "namespace": "ml"});
const PROD: fn() -> Value = || json!({"name": "prod", "namespace": "ml"});

fn publishers(from: &str) -> Value {
    json!({"publishers": [{"name": "all", "namespaces": {"from": from}}]})
}

fn many(crowd: usize, one: fn(usize) -> AnyObject) -> Vec<AnyObject> {
    (0..crowd).map(one).collect()
}

/// The one comes at this second: after the first ten of a crowd.
const THEN: usize = 10;

const SCENES: &[(&str, Scene)] = &[
    ("versions that their place does not let in", |crowd| {
        let places = vec![registry("ml", "models", 0, &publishers("Same"))];
        (
            places,
            version("ml", "one", THEN, &MODELS()),
            many(crowd, |n| version("blue", &format!("v{n}"), n, &MODELS())),
        )
    }),
    ("versions that their place lets in", |crowd| {
        let places = vec![registry("ml", "models", 0, &publishers("All"))];
        (
            places,
            version("fares", "one", THEN, &MODELS()),
            many(crowd, |n| version("blue", &format!("v{n}"), n, &MODELS())),
        )
    }),
    ("versions of the same namespace", |crowd| {
        let places = vec![registry("ml", "models", 0, &publishers("All"))];
        (
            places,
            version("fares", "one", THEN, &MODELS()),
            many(crowd, |n| version("fares", &format!("v{n}"), n, &MODELS())),
        )
    }),
    ("versions in places that are not there", |crowd| {
        let places = vec![registry("ml", "models", 0, &publishers("All"))];
        let nowhere = |n| version("blue", &format!("v{n}"), n, &json!({"name": format!("r{n}")}));
        (places, version("fares", "one", THEN, &MODELS()), many(crowd, nowhere))
    }),
    ("versions by way of as many places", |crowd| {
        let mut places = vec![registry("ml", "models", 0, &publishers("All"))];
        places.extend(many(crowd, |n| {
            registry("blue", &format!("r{n}"), n, &json!({"management": "Observe"}))
        }));
        let there = |n| version("blue", &format!("v{n}"), n, &json!({"name": format!("r{n}")}));
        (places, version("fares", "one", THEN, &MODELS()), many(crowd, there))
    }),
    ("bindings that their place does not let in", |crowd| {
        let places = vec![workspace("ml", "prod", 0, &publishers("Same"))];
        (
            places,
            binding("ml", "one", THEN, &PROD()),
            many(crowd, |n| binding("blue", &format!("b{n}"), n, &PROD())),
        )
    }),
    ("bindings that their place lets in", |crowd| {
        let places = vec![workspace("ml", "prod", 0, &publishers("All"))];
        (
            places,
            binding("fares", "one", THEN, &PROD()),
            many(crowd, |n| binding("blue", &format!("b{n}"), n, &PROD())),
        )
    }),
    ("bindings that look at where it serves", |crowd| {
        let places = vec![
            registry("ml", "models", 0, &publishers("All")),
            workspace("ml", "prod", 0, &publishers("Same")),
        ];
        (places, version("fares", "one", THEN, &MODELS()), many(crowd, onlooker))
    }),
    ("workspaces", |crowd| {
        let crowd = many(crowd, |n| workspace("blue", &format!("w{n}"), n, &json!({})));
        (vec![], workspace("ml", "prod", THEN, &json!({})), crowd)
    }),
    ("workspaces as accounts of their own", |crowd| {
        let own = |n| json!({"credentials": {"serviceAccountName": format!("a{n}")}});
        let crowd = (0..crowd).map(|n| workspace("blue", &format!("w{n}"), n, &own(n))).collect();
        (vec![], workspace("ml", "prod", THEN, &json!({})), crowd)
    }),
    ("registries", |crowd| {
        let crowd = many(crowd, |n| registry("blue", &format!("r{n}"), n, &json!({})));
        (vec![], registry("ml", "models", THEN, &json!({})), crowd)
    }),
];

/// What the crowd costs when it has come, and everybody has looked. With an owner, Azure holds what they name, and the tags
/// there name the one.
async fn costs(scene: Scene, crowd: usize, owned: bool) -> Costs {
    let cluster = Cluster(fixtures::context());
    let (places, one, crowd) = scene(crowd);
    let name = match one.key() {
        key if owned => format!("prod/{}/{}", key.namespace, key.name),
        _ => "elsewhere/x/y".into(),
    };
    let tags = json!({"bindery-owner": name});
    let at = |path: &str| {
        let provider = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices";
        ResourceId::new(format!("{provider}/{path}"))
    };
    for (path, body) in [
        ("registries/models/models/taxi/versions/1", json!({"properties": {"tags": tags}})),
        (
            "workspaces/prod/onlineEndpoints/taxi",
            json!({"location": "eastus", "tags": tags, "properties": {"authMode": "Key"}}),
        ),
        ("workspaces/prod", json!({"location": "eastus", "properties": {"workspaceId": "guid"}})),
        (
            "registries/models",
            json!({"location": "eastus", "tags": tags, "properties": {"regionDetails": []}}),
        ),
    ] {
        cluster.0.ports.resources.lock().expect("a lock").insert(at(path), body);
    }
    for place in places {
        cluster.applies(&place);
    }
    cluster.applies(&one);
    cluster.pass(&one.key()).await;
    let mut by_another = 0;
    for object in &crowd {
        let comes = others(&cluster.applies(object), &object.key());
        let (_, first_status) = cluster.pass(&object.key()).await;
        by_another = comes + first_status;
    }
    let last = &crowd[crowd.len() - 1];
    let youngest = cluster.pass(&last.key()).await.0;
    let looks = cluster.pass(&one.key()).await.0;
    let by_a_change = others(&cluster.applies(&edited(&cluster.stored(&last.key()))), &last.key());
    let asks_outside = any_object!(&one, it => asks_outside(&cluster.0, &**it));
    Costs { one: looks, youngest, by_a_change, by_another, asks_outside }
}

fn asks_outside<K: Kind>(context: &Context<Nowhere>, object: &K) -> bool {
    let name = object.names().into_iter().find(|name| matches!(name, Name::Resource(_))).expect("a resource");
    let read = ClusterRead::Rivals(K::KIND, name, Rivals::Outside(object.home().into()));
    context.index.has_asked(&object.key(), &read)
}

#[tokio::test]
async fn three_times_the_crowd_costs_nobody_more() {
    let mut wrong = vec![];
    for (name, scene) in SCENES {
        for owned in [true, false] {
            let (some, more) = (costs(*scene, 20, owned).await, costs(*scene, 60, owned).await);
            let Costs { one, youngest, by_a_change, by_another, asks_outside } = more;
            // A workspace has no owner in Azure. Of what has one, nobody else has a say.
            let asks = !owned || name.starts_with("workspaces");
            let bounded = one <= 20 && youngest <= 50 && by_a_change == 0 && by_another <= 2;
            if some != more || !bounded || asks_outside != asks {
                wrong.push(format!("{name}, owned: {owned}: {some:?} {more:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
