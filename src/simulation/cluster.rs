//! A Kubernetes that serves stale objects, in which two writers conflict, and that may be restored from a backup.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use kube::core::object::HasSpec;
use serde::Serialize;
use serde_json::json;

use crate::api::{
    AnyObject, ConditionType, DELETE_WHILE_IN_USE, Object, ObjectKey, ObjectKind, RECONCILE, Reason,
    any_object, conditions_of,
};
use crate::decide::Kind;

/// The namespace of all places, and of what people apply where they say no other.
pub const HOME: &str = "fares";

/// What the simulation needs of a kind besides.
pub trait Simulated: Kind + HasSpec<Spec: Clone + PartialEq + Serialize> {}

impl<T: Kind + HasSpec<Spec: Clone + PartialEq + Serialize>> Simulated for T {}

/// The name of an object: `blue/taxi`, or `taxi` for one in [`HOME`].
pub fn key<K: Object>(name: &str) -> ObjectKey {
    let (namespace, name) = name.split_once('/').unwrap_or((HOME, name));
    ObjectKey { kind: K::KIND, namespace: namespace.into(), name: name.into() }
}

/// `metadata.resourceVersion`.
pub fn version(object: &AnyObject) -> Option<String> {
    any_object!(object, it => it.resource_version())
}

/// `metadata.uid`.
fn uid(object: &AnyObject) -> String {
    any_object!(object, it => it.uid_or_empty())
}

/// What one process has of the cluster.
#[derive(Debug, Default)]
struct View {
    cache: BTreeMap<ObjectKey, AnyObject>,
    /// What the cache has not seen yet.
    behind: BTreeSet<ObjectKey>,
}

/// All objects: as they are, and as the operator's caches have them.
#[derive(Debug, Default)]
pub struct Cluster {
    pub live: BTreeMap<ObjectKey, AnyObject>,
    /// By process.
    views: BTreeMap<u32, View>,
    /// That of a process which is dead, for the one that follows it.
    left: View,
    /// What nobody has: for whoever asks in the name of no process.
    nothing: BTreeMap<ObjectKey, AnyObject>,
    /// The Secrets, by namespace and name.
    pub secrets: BTreeMap<(String, String), Secret>,
    /// How often one was written.
    pub secret_writes: u64,
    /// The labels of the namespaces.
    pub labels: BTreeMap<String, BTreeMap<String, String>>,
    /// How often every object is compared with Azure.
    pub interval: &'static str,
    /// Each place acts as an account of its own name; else the operator's own identity serves them all.
    pub accounts: bool,
    /// There is a second registry, into which a version is copied from the first.
    pub copies: bool,
    /// The endpoint `taxi` is a batch endpoint.
    pub batch: bool,
    /// What went at once, without a finalizer, and was not Ready or only observed: it may have left something in Azure.
    pub unheld: BTreeSet<String>,
    last: u64,
}

impl Cluster {
    /// A process begins where another one has ended: its watches bring what they owed to that one.
    pub fn process_begins(&mut self, process: u32) {
        self.views.insert(process, std::mem::take(&mut self.left));
    }

    pub fn process_dies(&mut self, process: u32) {
        self.left = self.views.remove(&process).unwrap_or_default();
    }

    /// The objects as this process has seen them.
    pub fn cache(&self, process: u32) -> &BTreeMap<ObjectKey, AnyObject> {
        self.views.get(&process).map_or(&self.nothing, |view| &view.cache)
    }

    /// The caches do not have this yet.
    fn is_new(&mut self, key: &ObjectKey) {
        for view in self.views.values_mut().chain([&mut self.left]) {
            view.behind.insert(key.clone());
        }
    }

    fn count(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// An object as it is.
    pub fn find<K: Object>(&self, name: &str) -> Option<&Arc<K>> {
        self.live.get(&key::<K>(name)).and_then(K::from_any)
    }

    /// The objects of a kind as they are.
    pub fn all<K: Object>(&self) -> impl Iterator<Item = &Arc<K>> {
        self.live.values().filter_map(K::from_any)
    }

    /// The names of the objects of a kind, as people write them.
    pub fn names<K: Object>(&self) -> Vec<String> {
        let written = |it: &Arc<K>| if it.home() == HOME { it.name_any() } else { it.full_name() };
        self.all::<K>().map(written).collect()
    }

    fn put<K: Object>(&mut self, mut object: K) -> K {
        object.meta_mut().resource_version = Some(self.count().to_string());
        let key = object.key();
        self.is_new(&key);
        self.live.insert(key, Arc::new(object.clone()).any());
        object
    }

    /// Somebody applies a manifest: a new object, or a new generation where the spec is another one.
    pub fn apply<K: Simulated>(&mut self, name: &str, spec: K::Spec, now: Timestamp) {
        let Some(old) = self.find::<K>(name).cloned() else {
            return self.create::<K>(&key::<K>(name), &spec, now);
        };
        if *old.spec() == spec || old.is_deleting() {
            return;
        }
        let mut object = K::clone(&old);
        *object.spec_mut() = spec;
        object.meta_mut().generation = Some(old.generation() + 1);
        self.put(object);
    }

    /// A new object, with the status that the schema gives it.
    fn create<K: Simulated>(&mut self, key: &ObjectKey, spec: &K::Spec, now: Timestamp) {
        let metadata = json!({
            "name": &*key.name, "namespace": &*key.namespace, "generation": 1, "uid": format!("uid-{}", self.count()),
        });
        let mut object = json!({
            "apiVersion": "bindery.dev/v1alpha1", "kind": K::KIND.to_string(), "metadata": metadata, "spec": spec,
            "status": {"observedGeneration": -1},
        });
        object["spec"]["interval"] = json!(self.interval);
        let mut object: K = serde_json::from_value(object).expect("an object");
        object.meta_mut().creation_timestamp = Some(Time(now));
        self.put(object);
    }

    fn recreate<K: Simulated>(&mut self, object: &K, now: Timestamp) {
        self.create::<K>(&object.key(), object.spec(), now);
    }

    /// Somebody asks for a look at an object, now.
    pub fn ask<K: Object>(&mut self, name: &str, token: String) {
        self.annotate::<K>(name, RECONCILE, token);
    }

    /// Somebody says that a place may go although it is referred to.
    pub fn let_go_while_in_use<K: Object>(&mut self, name: &str) {
        self.annotate::<K>(name, DELETE_WHILE_IN_USE, "true".into());
    }

    fn annotate<K: Object>(&mut self, name: &str, key: &str, value: String) {
        let Some(object) = self.find::<K>(name) else { return };
        let mut object = K::clone(object);
        object.meta_mut().annotations.get_or_insert_default().insert(key.into(), value);
        self.put(object);
    }

    /// Somebody deletes an object: it stays while a finalizer holds it.
    pub fn delete<K: Object>(&mut self, name: &str, now: Timestamp) {
        let Some(object) = self.find::<K>(name).cloned() else { return };
        self.delete_object(object.as_ref(), now);
    }

    /// The same, for one that is there.
    pub fn delete_object<K: Object>(&mut self, object: &K, now: Timestamp) {
        if !object.holds() {
            let ready = conditions_of(object.conditions()).reason(ConditionType::Ready);
            if ready != Some(Reason::Succeeded) {
                self.unheld.insert(object.full_name());
            }
            self.live.remove(&object.key());
            self.is_new(&object.key());
        } else if !object.is_deleting() {
            let mut object = K::clone(object);
            object.meta_mut().deletion_timestamp = Some(Time(now));
            self.put(object);
        }
    }

    /// Somebody else writes something of an object that nobody here looks at.
    pub fn touch(&mut self, key: &ObjectKey) {
        let Some(object) = self.live.get(key).cloned() else { return };
        any_object!(object, it => { self.put((*it).clone()); });
    }

    /// A write of the operator, decided on what it had; none when somebody else was quicker.
    pub fn write<K: Object>(&mut self, new: &K, change: impl FnOnce(&mut K, &K)) -> Option<K> {
        let live = self.live.get(&new.key())?;
        let seen = (uid(live), version(live)) == (new.uid_or_empty(), new.resource_version());
        let mut object = K::clone(K::from_any(live).filter(|_| seen)?);
        change(&mut object, new);
        let object = self.put(object);
        if object.is_deleting() && !object.holds() {
            self.live.remove(&object.key());
        }
        Some(object)
    }

    /// A write of a Secret that was decided on what was there; false when somebody else was quicker.
    pub fn write_secret(&mut self, mut secret: Secret, goes: bool) -> bool {
        let key = (secret.namespace().unwrap_or_default(), secret.name_any());
        let live = self.secrets.get(&key).and_then(ResourceExt::resource_version);
        if live != secret.resource_version() {
            return false;
        }
        self.secret_writes += 1;
        secret.metadata.resource_version = Some(self.count().to_string());
        if goes {
            self.secrets.remove(&key);
        } else {
            self.secrets.insert(key, secret);
        }
        true
    }

    /// The cache catches up with the objects that `arrives` says: each with what the cache had, where it had it.
    pub fn news(&mut self, process: u32, mut arrives: impl FnMut(&ObjectKey) -> bool) -> Vec<News> {
        let Some(view) = self.views.get_mut(&process).filter(|view| !view.behind.is_empty()) else {
            return vec![];
        };
        let (arrived, late): (BTreeSet<ObjectKey>, BTreeSet<ObjectKey>) =
            std::mem::take(&mut view.behind).into_iter().partition(|key| arrives(key));
        view.behind = late;
        let mut news = vec![];
        for key in arrived {
            let before = view.cache.get(&key).cloned();
            let now = self.live.get(&key).cloned();
            // One that was made anew under the same name went first.
            if before.as_ref().is_some_and(|old| now.as_ref().is_none_or(|new| uid(old) != uid(new))) {
                news.extend(view.cache.remove(&key).map(News::Gone));
            }
            if let Some(object) = now {
                view.cache.insert(key, object.clone());
                news.push(News::Applied(object));
            }
        }
        news
    }

    /// What a listing of a kind finds now.
    pub fn listing(&self, kind: ObjectKind) -> Vec<AnyObject> {
        self.live.iter().filter(|(key, _)| key.kind == kind).map(|(_, object)| object.clone()).collect()
    }

    /// The cache has what a listing found, and nothing else of the kind.
    pub fn show(&mut self, process: u32, kind: ObjectKind, listed: Vec<AnyObject>) {
        let Some(view) = self.views.get_mut(&process) else { return };
        view.cache.retain(|key, _| key.kind != kind);
        view.cache.extend(listed.into_iter().map(|object| (name(&object), object)));
    }

    /// Every status is gone, as after a restore from a backup in place.
    pub fn forget_all_status(&mut self) {
        for object in self.live.values().cloned().collect::<Vec<_>>() {
            any_object!(object, it => {
                let mut object = (*it).clone();
                object.status = Some(serde_json::from_value(json!({"observedGeneration": -1})).expect("a status"));
                self.put(object);
            });
        }
    }

    /// The cluster is lost: every object is gone, whatever holds it. The answer is what a backup has of them: one that was
    /// being deleted is there as it was before.
    pub fn lose(&mut self) -> Vec<AnyObject> {
        let lost = std::mem::take(&mut self.live);
        for key in lost.keys() {
            self.is_new(key);
        }
        lost.into_values().collect()
    }

    /// One object comes back from the backup: without status, with its finalizers or without, and as old as it is now.
    pub fn restore(&mut self, object: &AnyObject, finalizers: bool, now: Timestamp) {
        any_object!(object, it => self.recreate(&**it, now));
        if finalizers {
            any_object!(object, it => {
                let mut restored = it.as_ref().clone();
                if let Some(live) = self.live.get(&it.key()).and_then(Object::from_any) {
                    restored.clone_from(live);
                    restored.metadata.finalizers.clone_from(&it.metadata.finalizers);
                    self.put(restored);
                }
            });
        }
    }
}

/// What a watch brings.
pub enum News {
    /// An object came or changed.
    Applied(AnyObject),
    /// An object is gone; this is how it was last seen.
    Gone(AnyObject),
}

/// The name of an object, for a sentence.
pub fn name(object: &AnyObject) -> ObjectKey {
    any_object!(object, it => it.key())
}
