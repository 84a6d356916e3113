//! A Kubernetes that serves stale objects, and in which two writers conflict.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::kinds::Kind;
use crate::api::{DeploymentBinding, ModelVersion, Registry, Workspace};

/// The namespace of all places, and of what people apply where they say no other.
pub const HOME: &str = "fares";

/// An object of one kind.
#[derive(Debug)]
pub struct Object<K: Kind> {
    pub name: String,
    pub uid: u64,
    pub version: u64,
    pub generation: i64,
    pub created: Timestamp,
    pub deleting: bool,
    pub finalizer: bool,
    pub spec: K::Spec,
    pub status: K::Status,
}

impl<K: Kind> Clone for Object<K> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            uid: self.uid,
            version: self.version,
            generation: self.generation,
            created: self.created,
            deleting: self.deleting,
            finalizer: self.finalizer,
            spec: self.spec.clone(),
            status: self.status.clone(),
        }
    }
}

impl<K: Kind> Object<K> {
    /// The namespace: where the name says no other, the one in which all places are.
    pub fn home(&self) -> &str {
        self.name.split_once('/').map_or(HOME, |(namespace, _)| namespace)
    }

    /// `namespace/name`.
    pub fn full_name(&self) -> String {
        if self.name.contains('/') { self.name.clone() } else { format!("{HOME}/{}", self.name) }
    }
}

/// The objects of one kind: as they are, and as the operator's cache has them.
#[derive(Debug)]
pub struct Table<K: Kind> {
    pub live: BTreeMap<String, Object<K>>,
    pub cache: BTreeMap<String, Object<K>>,
}

impl<K: Kind> Default for Table<K> {
    fn default() -> Self {
        Self { live: BTreeMap::new(), cache: BTreeMap::new() }
    }
}

impl<K: Kind> Table<K> {
    /// The cache catches up with one object; true when that was news.
    fn catch_up(&mut self, name: &str) -> bool {
        match (self.live.get(name), self.cache.get(name)) {
            (Some(live), Some(cached)) if live.version == cached.version && live.uid == cached.uid => false,
            (Some(live), _) => {
                let live = live.clone();
                self.cache.insert(name.into(), live);
                true
            }
            (None, Some(_)) => self.cache.remove(name).is_some(),
            (None, None) => false,
        }
    }

    fn names(&self) -> Vec<String> {
        let mut all: Vec<String> = self.live.keys().chain(self.cache.keys()).cloned().collect();
        all.sort();
        all.dedup();
        all
    }
}

/// All objects.
#[derive(Debug, Default)]
pub struct Cluster {
    pub registries: Table<Registry>,
    pub workspaces: Table<Workspace>,
    pub versions: Table<ModelVersion>,
    pub bindings: Table<DeploymentBinding>,
    last_version: u64,
    last_uid: u64,
}

impl Cluster {
    fn next_version(&mut self) -> u64 {
        self.last_version += 1;
        self.last_version
    }

    /// Somebody applies a manifest: a new object, or a new generation where the spec is another one.
    pub fn apply<K: Kind>(&mut self, name: &str, spec: K::Spec, now: Timestamp) {
        let version = self.next_version();
        if let Some(object) = K::table_mut(self).live.get_mut(name) {
            if object.spec != spec {
                object.spec = spec;
                object.generation += 1;
                object.version = version;
            }
            return;
        }
        self.last_uid += 1;
        let object = Object {
            name: name.into(),
            uid: self.last_uid,
            version,
            generation: 1,
            created: Timestamp::from_second(now.as_second()).unwrap_or(now),
            deleting: false,
            finalizer: false,
            spec,
            status: K::no_status(),
        };
        K::table_mut(self).live.insert(name.into(), object);
    }

    /// Somebody deletes an object: it stays while a finalizer holds it.
    pub fn delete<K: Kind>(&mut self, name: &str) {
        let version = self.next_version();
        let table = K::table_mut(self);
        if let Some(object) = table.live.get_mut(name) {
            if object.finalizer {
                object.deleting = true;
                object.version = version;
            } else {
                table.live.remove(name);
            }
        }
    }

    /// A write of the operator, decided on what it had; none when somebody else was quicker.
    pub fn write<K: Kind>(
        &mut self,
        seen: &Object<K>,
        change: impl FnOnce(&mut Object<K>),
    ) -> Option<Object<K>> {
        let version = self.next_version();
        let table = K::table_mut(self);
        let object = table.live.get_mut(&seen.name)?;
        if object.uid != seen.uid || object.version != seen.version {
            return None;
        }
        change(object);
        object.version = version;
        let written = object.clone();
        if written.deleting && !written.finalizer {
            table.live.remove(&seen.name);
        }
        Some(written)
    }

    /// The cache catches up with the objects that `arrives` says; the answer is what was news.
    pub fn sync(&mut self, mut arrives: impl FnMut() -> bool) -> Vec<(&'static str, String)> {
        let mut news = vec![];
        macro_rules! sync {
            ($($table:ident),*) => {$(
                for name in self.$table.names() {
                    if arrives() && self.$table.catch_up(&name) {
                        news.push((stringify!($table), name));
                    }
                }
            )*};
        }
        sync!(registries, workspaces, versions, bindings);
        news
    }

    /// Every status is gone, as after a restore from a backup.
    pub fn forget_all_status(&mut self) {
        let version = self.next_version();
        macro_rules! forget {
            ($($kind:ident in $table:ident),*) => {$(
                for object in self.$table.live.values_mut() {
                    object.status = $kind::no_status();
                    object.version = version;
                }
            )*};
        }
        forget!(Registry in registries, Workspace in workspaces, ModelVersion in versions, DeploymentBinding in bindings);
    }
}
