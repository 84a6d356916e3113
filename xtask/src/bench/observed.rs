//! What a watch of the cluster sees: writes of objects, and who is Ready.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bindery::api::{DeploymentBinding, ModelVersion, Registry, Workspace};
use e2e::stand::{Stand, ready};
use futures::StreamExt;
use k8s_openapi::NamespaceResourceScope;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::task::JoinSet;

/// What was seen since the last [`Observed::begin`].
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Writes that changed a status.
    pub(super) status_writes: u32,
    /// Writes that changed something else, such as finalizers.
    pub(super) other_writes: u32,
    /// The names of what is Ready now.
    pub(super) ready: BTreeSet<String>,
    /// By kind and name: the object as it was seen last.
    last: HashMap<String, Value>,
}

/// Watches all kinds in the namespace of a stand.
pub(super) struct Observed {
    seen: Arc<Mutex<Seen>>,
    // Dropped with this, and the watches end.
    _watches: JoinSet<()>,
}

impl Observed {
    pub(super) fn of(stand: &Stand) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut watches = JoinSet::new();
        watches.spawn(follow::<Registry>(stand, seen.clone()));
        watches.spawn(follow::<Workspace>(stand, seen.clone()));
        watches.spawn(follow::<ModelVersion>(stand, seen.clone()));
        watches.spawn(follow::<DeploymentBinding>(stand, seen.clone()));
        Self { seen, _watches: watches }
    }

    /// Counts from now on.
    pub(super) fn begin(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        (seen.status_writes, seen.other_writes) = (0, 0);
    }

    /// What was seen.
    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many are Ready.
    pub(super) fn ready(&self) -> usize {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).ready.len()
    }

    /// Waits until no status was written for a while.
    pub(super) async fn quiet(&self, a_while: Duration) {
        loop {
            let before = self.seen().status_writes;
            tokio::time::sleep(a_while).await;
            if self.seen().status_writes == before {
                return;
            }
        }
    }
}

fn follow<K>(stand: &Stand, seen: Arc<Mutex<Seen>>) -> impl Future<Output = ()> + Send + 'static
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize
        + Send
        + 'static,
{
    let api = stand.api::<K>();
    async move {
        let mut events = watcher(api, watcher::Config::default()).default_backoff().boxed();
        while let Some(event) = events.next().await {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            // A watch that broke begins again by itself.
            if let Ok(Event::Apply(object) | Event::InitApply(object)) = event {
                seen.object(&object);
            }
        }
    }
}

impl Seen {
    fn object<K: Resource<DynamicType = ()> + Serialize>(&mut self, object: &K) {
        let name = format!("{}/{}", K::kind(&()), object.name_any());
        let now = serde_json::to_value(object).unwrap_or_default();
        if ready(object) {
            self.ready.insert(name.clone());
        } else {
            self.ready.remove(&name);
        }
        if let Some(last) = self.last.get(&name).filter(|last| last["metadata"] != now["metadata"]) {
            let status = last["status"] != now["status"];
            self.status_writes += u32::from(status);
            self.other_writes += u32::from(!status);
        }
        self.last.insert(name, now);
    }
}
