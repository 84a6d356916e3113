//! What every pass shares.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::runtime::watcher::Event;

use super::gate::Gate;
use super::index::{Index, Listed};
use super::memory::{Memory, fingerprint};
use super::ports::Ports;
use super::report;
use super::telemetry::Telemetry;
use super::watch::Unreadable;
use crate::api::ObjectKey;
use crate::azure::model::ResourceId;
use crate::decide::facts::{ClusterRead, Found, Name};
use crate::decide::{Kind, Served, Watched};

/// How the operator runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The id of this cluster in the owner tags; the same for a restored cluster.
    pub cluster: String,
    /// Change nothing in Azure, whatever the manifests say.
    pub observe_only: bool,
    /// How long a deletion waits for an heir where the manifest does not say it.
    pub handover: Duration,
    /// Which namespaces to watch.
    pub watched: Watched,
    /// The cluster checks that an Approval is by whom it says.
    pub authors_checked: bool,
    /// Whom the operator's own identity serves.
    pub served: Served,
}

/// What every pass of one process shares: the world around it, and what it remembers. All that it remembers may be lost
/// at any moment.
pub struct Context<P> {
    pub ports: P,
    pub options: Options,
    pub gate: Gate,
    pub memory: Memory,
    pub index: Index,
    pub telemetry: Arc<Telemetry>,
    /// What is in the cluster and cannot be read.
    pub(super) unreadable: Arc<Unreadable>,
    locks: Mutex<HashMap<ResourceId, Arc<tokio::sync::Mutex<()>>>>,
}

impl<P: Ports> Context<P> {
    pub fn new(ports: P, options: Options, gate: Gate, telemetry: Arc<Telemetry>) -> Self {
        Self {
            telemetry,
            ports,
            options,
            gate,
            memory: Memory::default(),
            index: Index::default(),
            unreadable: Arc::default(),
            locks: Mutex::default(),
        }
    }

    /// Takes in what a watch brings, once the store has it. The answer is who deserves a pass.
    pub fn take_in<K: Kind>(&self, event: &Event<K>) -> Vec<Arc<ObjectKey>> {
        match event {
            Event::Apply(object) => {
                if !object.is_deleting() {
                    self.memory.is_there(&object.key());
                }
                let (meant, written) =
                    self.memory.change(&object.uid_or_empty(), |it| (it.meant, it.written));
                // Our own write carried the version that it was decided on. So what is no newer than that write is ours,
                // or was seen when it was made, whatever we have meant since.
                let ours = written.is_some() && report::version(object) <= written;
                let meant = if ours { Some(fingerprint(&object.current())) } else { meant };
                self.index.applied(object, meant)
            }
            Event::Delete(object) => {
                if !K::HOLDS {
                    self.memory.lets_go(object.key(), self.ports.now());
                }
                let woken = self.index.deleted(&object.key());
                self.ports.foresee(&object.key(), BTreeSet::new());
                self.memory.forget(&object.uid_or_empty());
                woken
            }
            Event::Init => {
                self.index.listing_begins(K::KIND);
                vec![]
            }
            Event::InitApply(object) => {
                if !object.is_deleting() {
                    self.memory.is_there(&object.key());
                }
                self.index.listed(object);
                vec![]
            }
            Event::InitDone => {
                let Listed { woken, gone } = self.index.listing_ends(K::KIND);
                for uid in gone {
                    self.memory.forget(&uid);
                }
                woken
            }
        }
    }

    /// A pass over this object has come to its end. It may have noted something of an object that is gone by now.
    pub(super) fn pass_ends(&self, key: &ObjectKey, uid: &str) {
        if !self.index.knows(key, uid) {
            self.memory.forget(uid);
        }
    }

    /// Reads the cluster for a pass over `reader`, from what the watches have seen.
    pub(super) fn find(&self, reader: &Arc<ObjectKey>, read: &ClusterRead) -> Found {
        self.index.asks(reader, read);
        match read {
            ClusterRead::Object(key) | ClusterRead::Owner(key) => match self.ports.get(key) {
                _ if !self.options.watched.sees(&key.namespace) => Found::NotWatched,
                None if self.unreadable.holds(key) => Found::Unreadable,
                object => Found::Object(object),
            },
            // What is decided where nobody watches is not the same as nothing.
            ClusterRead::Naming(_, Name::Decision(_, namespace)) if !self.options.watched.sees(namespace) => {
                Found::NotWatched
            }
            ClusterRead::Naming(kind, name) => self.all(&self.index.naming(*kind, name)),
            ClusterRead::Rivals(kind, name, which) => self.all(&self.index.rivals(*kind, name, which)),
            ClusterRead::Namespace(_) if !self.options.watched.reads_labels() => Found::NotWatched,
            ClusterRead::Namespace(name) => Found::Namespace(self.ports.namespace(name)),
            ClusterRead::LetGo(key) => Found::LetGo(self.memory.has_let_go(key, self.ports.now())),
        }
    }

    fn all(&self, keys: &[Arc<ObjectKey>]) -> Found {
        Found::Naming(keys.iter().filter_map(|key| self.ports.get(key)).collect())
    }

    /// One pass at a time for everything that means the same resource in Azure, from the first GET to
    /// the end of the PUT. An endpoint and its deployments are one. None where another pass works on it, and this one does
    /// not wait: a pass that waits is in the way of all others, and anybody may name a resource.
    pub(super) async fn lock(
        &self,
        id: &ResourceId,
        waits: bool,
    ) -> Option<tokio::sync::OwnedMutexGuard<()>> {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            // Locks that nobody holds or waits for are only in this map.
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            locks.entry(id.clone()).or_default().clone()
        };
        if waits { Some(lock.lock_owned().await) } else { lock.try_lock_owned().ok() }
    }
}
