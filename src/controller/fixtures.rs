//! A world for tests: a cluster that has what it is given, and takes writes or refuses them; and an Azure that holds what it is
//! given, and gives no other answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::context::{Context, Options};
use super::gate::Gate;
use super::ports::{Azure, Clock, Cluster, Journal, Meter, Refusal};
use crate::api::{AnyObject, DeploymentBinding, ModelVersion, Object, ObjectKey, Registry};
use crate::azure::model::{Answer, Ask, Call, Class, EndpointKeys, Errand, Error, Read, Reply, ResourceId};
use crate::decide::facts::{Due, Namespace};
use crate::decide::{Event, Kind, Watched};

/// The world.
#[derive(Default)]
pub struct Nowhere {
    /// The cluster refuses every write.
    pub refuses: AtomicBool,
    /// What is in the cluster.
    pub objects: Mutex<BTreeMap<ObjectKey, AnyObject>>,
    /// How many objects were looked at.
    pub looks: AtomicUsize,
    /// The Secrets, by namespace and name.
    pub secrets: Mutex<BTreeMap<(String, String), Secret>>,
    /// The keys of every endpoint; none where Azure gives none.
    pub keys: Mutex<Option<EndpointKeys>>,
    /// The time by the clock that nobody sets.
    pub elapsed: Mutex<Duration>,
    /// What was written, in order.
    pub writes: Mutex<Vec<&'static str>>,
    /// What is in Azure.
    pub resources: Mutex<BTreeMap<ResourceId, Value>>,
}

impl Nowhere {
    fn notes(&self, what: &'static str) {
        self.writes.lock().expect("a lock").push(what);
    }

    fn taken<K: Object>(&self, object: &K, what: &'static str) -> Result<K, Refusal> {
        self.notes(what);
        if self.refuses.load(Ordering::Relaxed) {
            return Err(Refusal::Failed("No.".into()));
        }
        if let Some(kept) = self.objects.lock().expect("a lock").get_mut(&object.key()) {
            *kept = Arc::new(object.clone()).any();
        }
        Ok(object.clone())
    }
}

/// What every pass in this world shares.
pub fn context() -> Context<Nowhere> {
    let options = Options {
        cluster: "prod".into(),
        observe_only: false,
        handover: Duration::ZERO,
        watched: Watched::all(),
        authors_checked: true,
        served: crate::decide::Served::everything(),
    };
    Context::new(Nowhere::default(), options, Gate::open(), Arc::default())
}

impl Cluster for Nowhere {
    fn get(&self, key: &ObjectKey) -> Option<AnyObject> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.objects.lock().expect("a lock").get(key).cloned()
    }

    fn namespace(&self, _: &str) -> Namespace {
        Namespace::default()
    }

    async fn replace_status<K: Kind>(&self, object: &K) -> Result<K, Refusal> {
        self.taken(object, "status")
    }

    async fn replace_finalizers<K: Kind>(&self, object: &K, finalizers: Vec<String>) -> Result<K, Refusal> {
        let mut object = object.clone();
        object.meta_mut().finalizers = Some(finalizers);
        self.taken(&object, "finalizers")
    }

    async fn delete<K: Kind>(&self, object: &K) -> Result<(), Refusal> {
        self.taken(object, "delete").map(|_| ())
    }

    async fn secret(&self, namespace: &str, name: &str) -> Result<Option<Secret>, Refusal> {
        let secrets = self.secrets.lock().expect("a lock");
        Ok(secrets.get(&(namespace.to_string(), name.to_string())).cloned())
    }

    async fn write_secret(&self, secret: &Secret) -> Result<(), Refusal> {
        self.notes("secret");
        if self.refuses.load(Ordering::Relaxed) {
            return Err(Refusal::Forbidden("No.".into()));
        }
        let key = (secret.namespace().unwrap_or_default(), secret.name_any());
        self.secrets.lock().expect("a lock").insert(key, secret.clone());
        Ok(())
    }

    async fn delete_secret(&self, secret: &Secret) -> Result<(), Refusal> {
        self.notes("secret");
        let key = (secret.namespace().unwrap_or_default(), secret.name_any());
        self.secrets.lock().expect("a lock").remove(&key);
        Ok(())
    }

    async fn publish<K: Kind>(&self, _: &K, _: &Event) {
        self.notes("event");
    }
}

impl Meter for Nowhere {
    fn measured(&self, _: &ObjectKey, _: &Due) -> Option<crate::measure::model::Answer> {
        None
    }

    fn foresee(&self, _: &ObjectKey, _: BTreeSet<Due>) {}
}

impl Azure for Nowhere {
    async fn read(&self, read: &Read) -> Answer {
        let error = Error::new(Class::Transient, "Nobody answers.");
        match &read.what {
            Ask::Resource(id) => {
                let found = self.resources.lock().expect("a lock").get(id).cloned();
                Answer::Resource(found.map_or(Err(error), |body| Ok(Some(body))))
            }
            Ask::Collection { path, .. } | Ask::Beginning { path } | Ask::BatchJobs { path, .. } => {
                let resources = self.resources.lock().expect("a lock");
                let empty = resources.keys().any(|id| path.is_in(id));
                Answer::Collection(if empty { Ok(vec![]) } else { Err(error) })
            }
            Ask::Operation { .. } => Answer::Operation(Err(error)),
            Ask::Run { .. } => Answer::Run(Err(error)),
            Ask::Files { .. } => Answer::Files(Err(error)),
            Ask::Uploaded { .. } => Answer::Uploaded(Err(error)),
            Ask::Blocks { .. } => Answer::Blocks(Err(error)),
            Ask::Names => Answer::Names(Err(error)),
        }
    }

    async fn send(&self, _: &Call) -> Result<Reply, Error> {
        self.notes("call");
        Err(Error::new(Class::Transient, "Nobody answers."))
    }

    async fn keys(&self, _: &Errand, _: &ResourceId) -> Result<EndpointKeys, Error> {
        let keys = self.keys.lock().expect("a lock").clone();
        keys.ok_or_else(|| Error::new(Class::Transient, "Nobody answers."))
    }
}

impl Clock for Nowhere {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn elapsed(&self) -> Duration {
        *self.elapsed.lock().expect("a lock")
    }
}

impl Journal for Nowhere {
    fn calls<K: Kind>(&self, _: &K, _: &K::Facts, _: &Call) {}
    fn failed<K: Kind>(&self, _: &K, _: &Call, _: &Error) {}
    fn let_go<K: Kind>(&self, _: &K, _: &K::Facts, _: &[Event]) {}
    fn refused(&self, _: &ObjectKey, _: &Refusal, _: Duration) {}
    fn panicked(&self, key: &ObjectKey) {
        unreachable!("the pass over {key} panicked")
    }
}

/// A version 1 of the namespace `fares`, in a place.
pub fn version(name: &str, model: &str, place: &Value) -> ModelVersion {
    let mut spec = json!({"model": model, "version": "1", "source": {"uri": "azureml://x"}});
    spec.as_object_mut().expect("a map").extend(place.as_object().expect("a map").clone());
    made(name, &spec)
}

/// The registry `models` of the namespace `fares`.
pub fn registry() -> Registry {
    made("models", &json!({"azure": {"subscriptionId": "s", "resourceGroup": "rg"}, "location": "eastus"}))
}

/// A binding of the namespace `fares` whose endpoint has these assets deployed.
pub fn binding(name: &str, assets: &[&str]) -> DeploymentBinding {
    let spec = json!({
        "workspaceRef": {"name": "prod"}, "model": {"versionRef": {"name": "one"}},
        "online": {"endpoint": {"name": "taxi"}, "deployment": {}},
    });
    let deployment = |asset: &&str| json!({"name": "v1", "role": "Stable", "assetId": asset, "weight": 100, "since": "2026-03-01T12:00:00Z"});
    let deployments: Vec<Value> = assets.iter().map(deployment).collect();
    let mut binding: DeploymentBinding = made(name, &spec);
    binding.status = Some(serde_json::from_value(json!({"deployments": deployments})).expect("a status"));
    binding
}

/// An object of the namespace `fares`.
fn made<K: Object>(name: &str, spec: &Value) -> K {
    let metadata = json!({"name": name, "namespace": "fares", "uid": name, "resourceVersion": "1"});
    let kind = K::KIND.to_string();
    let object =
        json!({"apiVersion": "bindery.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec});
    serde_json::from_value(object).expect("an object")
}
