//! A cluster for tests: what the watches have seen of it, and an API server that answers as it is told.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use kube::client::Body;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::watcher::Event;
use serde_json::{Value, json};

use super::context::{Context, Options, Stores};
use super::kind::Kind;
use crate::api::{DeploymentBinding, ModelVersion, Registry, Workspace};
use crate::azure::client::{Azure, Config, CredentialConfig};

/// What the watches have seen, and the means to show them more.
pub struct Cluster {
    pub stores: Stores,
    pub versions: Writer<ModelVersion>,
    pub bindings: Writer<DeploymentBinding>,
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
    pub fn new() -> Self {
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

    pub fn version(&mut self, name: &str, model: &str, place: &Value) -> ModelVersion {
        let version = version(name, model, place);
        self.stores.names.put(None, &version);
        self.versions.apply_watcher_event(&Event::Apply(version.clone()));
        version
    }

    /// The binding `taxi` serves this version.
    pub fn binding(&mut self, version: &str, status: Option<&Value>) {
        let spec = json!({
            "workspaceRef": {"name": "prod"}, "model": {"versionRef": {"name": version}},
            "online": {"endpoint": {"name": "taxi"}, "deployment": {}},
        });
        let mut binding = made::<DeploymentBinding>("taxi", &spec);
        binding.status = status.map(|it| serde_json::from_value(it.clone()).expect("a status"));
        let before = self.stores.bindings.get(&ObjectRef::from_obj(&binding));
        self.stores.names.put(before.as_deref(), &binding);
        self.bindings.apply_watcher_event(&Event::Apply(binding));
    }
}

/// A version 1 of the namespace `fares`, in a place.
pub fn version(name: &str, model: &str, place: &Value) -> ModelVersion {
    let mut spec = json!({"model": model, "version": "1", "source": {"uri": "azureml://x"}});
    spec.as_object_mut().expect("a map").extend(place.as_object().expect("a map").clone());
    made(name, &spec)
}

/// An object of the namespace `fares`.
fn made<K: Kind>(name: &str, spec: &Value) -> K {
    let metadata = json!({"name": name, "namespace": "fares", "uid": name});
    let kind = K::kind(&());
    let object =
        json!({"apiVersion": "bindery.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec});
    serde_json::from_value(object).expect("an object")
}

/// What every pass shares, in this cluster; Azure cannot be reached.
///
/// The API server answers every request with this status: below 400 it took what was sent, and has `object`.
pub fn context<K: Kind>(stores: Stores, answer: &Arc<AtomicU16>, object: &K) -> Context {
    let (answer, object) = (answer.clone(), json!(object));
    let api = tower::service_fn(move |_: http::Request<Body>| {
        let code = answer.load(Ordering::Relaxed);
        let refusal = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "No."});
        let body = if code < 400 { object.to_string() } else { refusal.to_string() };
        let response = http::Response::builder().status(code).body(Body::from(body.into_bytes()));
        async move { Ok::<_, Infallible>(response.expect("a response")) }
    });
    let credential = CredentialConfig::ClientSecret {
        tenant: "00000000-0000-0000-0000-000000000001".into(),
        client: "client".into(),
        secret: "hush".into(),
    };
    let mut config = Config::new(credential);
    config.arm = "https://127.0.0.1:1".into();
    let options = Options { cluster: "prod".into(), observe_only: false, namespace: None };
    let azure = Azure::new(config).expect("a client");
    Context::new(kube::Client::new(api, "fares"), azure, options, stores)
}
