//! What a watch brings, without what cannot be read.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{Stream, StreamExt};
use kube::Resource;
use kube::core::ObjectMeta;
use kube::runtime::reflector::{Lookup, ObjectRef, Store};
use kube::runtime::watcher::Event;
use tracing::{info, warn};

use super::sighting::Sighting;
use crate::api::{ObjectKey, ObjectKind};

/// The objects that are in the cluster and cannot be read, by kind, namespace and name.
#[derive(Debug, Default)]
pub struct Unreadable(Mutex<HashSet<(String, String, String)>>);

impl Unreadable {
    /// Is this object one of them?
    pub fn holds(&self, key: &ObjectKey) -> bool {
        let kind: ObjectKind = key.kind;
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !all.is_empty() && all.contains(&(kind.to_string(), key.namespace.to_string(), key.name.to_string()))
    }

    /// Adds an object, and says how many of its kind there are now.
    pub(in crate::controller) fn add(&self, kind: &str, meta: &ObjectMeta) -> usize {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(named(kind, meta));
        all.iter().filter(|(other, ..)| other == kind).count()
    }

    /// Takes an object out; true where it was in.
    fn remove(&self, kind: &str, meta: &ObjectMeta) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&named(kind, meta))
    }
}

fn named(kind: &str, meta: &ObjectMeta) -> (String, String, String) {
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    (kind.to_string(), text(&meta.namespace), text(&meta.name))
}

/// The events of a watch about what can be read. An object that can be read no more is gone for the store, so that nobody
/// acts on what it was; `unreadable` knows that it is there. The log says it once for each version of the object, and so does
/// `tell`, which has its metadata and why, to whoever looks at the object: its status says nothing of it.
pub fn legible<K>(
    events: impl Stream<Item = Event<Sighting<K>>>,
    store: Store<K>,
    unreadable: Arc<Unreadable>,
    tell: impl Fn(&ObjectMeta, String) + Send + 'static,
) -> impl Stream<Item = Event<K>> + Unpin
where
    K: Resource<DynamicType = ()> + Lookup<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
{
    let mut reader = Reader {
        kind: <K as Resource>::kind(&()).into_owned(),
        store,
        unreadable,
        tell: Box::new(tell),
        said: HashMap::new(),
        listed: None,
    };
    Box::pin(events.filter_map(move |event| std::future::ready(reader.take_in(event))))
}

type Tell = Box<dyn Fn(&ObjectMeta, String) + Send>;

struct Reader<K: Resource<DynamicType = ()> + Lookup<DynamicType = ()> + Clone + 'static> {
    kind: String,
    store: Store<K>,
    unreadable: Arc<Unreadable>,
    tell: Tell,
    /// The objects with something in them that cannot be read, by namespace and name: their metadata as it was said.
    said: HashMap<(String, String), ObjectMeta>,
    /// Which of them the listing that goes on has brought.
    listed: Option<HashSet<(String, String)>>,
}

impl<K> Reader<K>
where
    K: Resource<DynamicType = ()> + Lookup<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
{
    fn take_in(&mut self, event: Event<Sighting<K>>) -> Option<Event<K>> {
        match event {
            Event::Init => {
                self.listed = Some(HashSet::new());
                Some(Event::Init)
            }
            Event::InitApply(sighting) => self.read(sighting).ok().map(Event::InitApply),
            Event::InitDone => {
                let listed = self.listed.take().unwrap_or_default();
                let gone: Vec<ObjectMeta> = self
                    .said
                    .iter()
                    .filter(|(key, _)| !listed.contains(*key))
                    .map(|(_, meta)| meta.clone())
                    .collect();
                for meta in gone {
                    self.forget(&meta, "is gone");
                }
                Some(Event::InitDone)
            }
            Event::Apply(sighting) => match self.read(sighting) {
                Ok(object) => Some(Event::Apply(object)),
                Err(meta) => self.stored(&meta).map(Event::Delete),
            },
            Event::Delete(sighting) => {
                self.forget(&sighting.meta().clone(), "is gone");
                match sighting.object() {
                    Ok(object) => Some(Event::Delete(object)),
                    Err(_) => None,
                }
            }
        }
    }

    /// The object of a sighting; else its metadata.
    fn read(&mut self, sighting: Sighting<K>) -> Result<K, Box<ObjectMeta>> {
        match sighting {
            Sighting::Whole(object) => {
                self.forget(object.meta(), "can be read again");
                Ok(object)
            }
            Sighting::WithoutStatus(object, because) => {
                self.unreadable.remove(&self.kind, object.meta());
                if self.is_news(object.meta()) {
                    let (kind, name) = (&self.kind, full_name(object.meta()));
                    warn!(%kind, object = %name, "The status of {kind} {name} cannot be read ({because}). Somebody other than Bindery wrote it. It counts as empty, and is written anew.");
                }
                Ok(object)
            }
            Sighting::Unreadable(meta, because) => {
                let in_all = self.unreadable.add(&self.kind, &meta);
                if self.is_news(&meta) {
                    let (kind, name) = (&self.kind, full_name(&meta));
                    warn!(%kind, object = %name, in_all, "{kind} {name} cannot be read ({because}). It is left out, and all others go on; {in_all} in all of this kind are left out. Somebody has to correct that field or to delete the object.");
                    (self.tell)(
                        &meta,
                        format!(
                            "This object cannot be read ({because}), and nothing is done for it. Correct that field, or delete the object."
                        ),
                    );
                }
                Err(meta)
            }
        }
    }

    /// Notes an object with something in it that cannot be read. Is this version of it a new one?
    fn is_news(&mut self, meta: &ObjectMeta) -> bool {
        if let Some(listed) = &mut self.listed {
            listed.insert(key(meta));
        }
        let slim = ObjectMeta {
            name: meta.name.clone(),
            namespace: meta.namespace.clone(),
            resource_version: meta.resource_version.clone(),
            ..ObjectMeta::default()
        };
        let before = self.said.insert(key(meta), slim);
        before.is_none_or(|before| before.resource_version != meta.resource_version)
    }

    /// An object has nothing in it any more that cannot be read, or is gone.
    fn forget(&mut self, meta: &ObjectMeta, what: &str) {
        self.said.remove(&key(meta));
        if self.unreadable.remove(&self.kind, meta) {
            let (kind, name) = (&self.kind, full_name(meta));
            info!(%kind, object = %name, "{kind} {name}, which could not be read, {what}.");
        }
    }

    fn stored(&self, meta: &ObjectMeta) -> Option<K> {
        let mut object = ObjectRef::new(meta.name.as_deref().unwrap_or_default());
        object.namespace.clone_from(&meta.namespace);
        self.store.get(&object).map(|object| K::clone(&object))
    }
}

fn key(meta: &ObjectMeta) -> (String, String) {
    let (_, namespace, name) = named("", meta);
    (namespace, name)
}

fn full_name(meta: &ObjectMeta) -> String {
    let (namespace, name) = key(meta);
    if namespace.is_empty() { name } else { format!("{namespace}/{name}") }
}

#[cfg(test)]
mod tests;
