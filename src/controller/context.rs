//! What every pass shares.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::reflector::{ObjectRef, Store};

use super::kind::Kind;
use super::memory::Memory;
use super::names::{Name, Names};
use crate::api::{DeploymentBinding, ModelVersion, Registry, Workspace};
use crate::azure::client::Azure;
use crate::azure::model::ResourceId;

/// How the operator runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The id of this cluster in the owner tags; the same for a restored cluster.
    pub cluster: String,
    /// Change nothing in Azure, whatever the manifests say.
    pub observe_only: bool,
    /// Only this namespace; none for all.
    pub namespace: Option<String>,
}

/// What every pass shares.
pub struct Context {
    pub client: Client,
    pub azure: Azure,
    pub options: Options,
    pub stores: Stores,
    pub memory: Memory,
    pub(super) recorder: Recorder,
    locks: Mutex<HashMap<ResourceId, Arc<tokio::sync::Mutex<()>>>>,
}

/// What the watches have seen.
#[derive(Clone)]
pub struct Stores {
    pub registries: Store<Registry>,
    pub workspaces: Store<Workspace>,
    pub versions: Store<ModelVersion>,
    pub bindings: Store<DeploymentBinding>,
    /// None when one namespace is watched: then no reference can come from another.
    pub namespaces: Option<Store<Namespace>>,
    /// The objects of our kinds by what they name.
    pub names: Arc<Names>,
}

impl Stores {
    /// The objects of a kind that name this.
    pub fn naming<K: Kind>(&self, name: &Name) -> Vec<Arc<K>> {
        let all = self.names.naming(name).into_iter().filter_map(|object| K::store(self).get(&object));
        all.filter(|object| object.names().contains(name)).collect()
    }

    /// The labels of a namespace.
    pub fn labels(&self, namespace: &str) -> BTreeMap<String, String> {
        self.namespaces
            .as_ref()
            .and_then(|all| all.get(&ObjectRef::new(namespace)))
            .and_then(|n| n.metadata.labels.clone())
            .unwrap_or_default()
    }
}

impl Context {
    pub fn new(client: Client, azure: Azure, options: Options, stores: Stores) -> Self {
        let reporter = Reporter { controller: "bindery".into(), instance: None };
        Self {
            recorder: Recorder::new(client.clone(), reporter),
            client,
            azure,
            options,
            stores,
            memory: Memory::default(),
            locks: Mutex::default(),
        }
    }

    /// One pass at a time for everything that means the same resource in Azure, from the first GET to
    /// the end of the PUT. An endpoint and its deployments are one.
    pub(super) async fn lock(&self, id: &ResourceId) -> tokio::sync::OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            // Locks that nobody holds or waits for are only in this map.
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            locks.entry(id.clone()).or_default().clone()
        };
        lock.lock_owned().await
    }
}
