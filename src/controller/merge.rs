//! The watches of several namespaces as one, so that a store and the index see one collection.
//!
//! A listing of one namespace says nothing of what is in the others. So the first listings are held back until there is one
//! of every namespace; then they are one listing. Every later listing of a namespace becomes the changes that it amounts to.

use std::collections::{BTreeMap, HashMap};

use futures::stream::{BoxStream, Stream, StreamExt, select_all};
use kube::ResourceExt;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::Event;

use crate::decide::Kind;

/// One stream of events out of one for each namespace. `store` is the one that the events will be applied to.
pub(super) fn merged<K: Kind>(
    watches: Vec<(String, BoxStream<'static, Event<K>>)>,
    store: Store<K>,
) -> impl Stream<Item = Event<K>> + Unpin {
    let mut merge = Merge::new(watches.iter().map(|(namespace, _)| namespace.clone()), store);
    let named = |(namespace, events): (String, BoxStream<'static, Event<K>>)| {
        events.map(move |event| (namespace.clone(), event)).boxed()
    };
    select_all(watches.into_iter().map(named))
        .flat_map(move |(namespace, event)| futures::stream::iter(merge.take_in(&namespace, event)))
}

/// What the watches have brought so far.
struct Merge<K: Kind> {
    store: Store<K>,
    /// The listing of each namespace that goes on.
    listings: HashMap<String, Vec<K>>,
    /// What each namespace holds, by name, until there was a listing of every one; none where there was none yet.
    waiting: Option<BTreeMap<String, Option<BTreeMap<String, K>>>>,
}

impl<K: Kind> Merge<K> {
    fn new(namespaces: impl Iterator<Item = String>, store: Store<K>) -> Self {
        let waiting = namespaces.map(|namespace| (namespace, None)).collect();
        Self { store, listings: HashMap::new(), waiting: Some(waiting) }
    }

    /// Takes in an event of one namespace. The answer is what to pass on.
    fn take_in(&mut self, namespace: &str, event: Event<K>) -> Vec<Event<K>> {
        match event {
            Event::Init => {
                self.listings.insert(namespace.into(), vec![]);
                vec![]
            }
            Event::InitApply(object) => {
                self.listings.entry(namespace.into()).or_default().push(object);
                vec![]
            }
            Event::InitDone => {
                let listed = self.listings.remove(namespace).unwrap_or_default();
                self.listing_ends(namespace, listed)
            }
            Event::Apply(object) => match self.held(namespace) {
                Some(held) => {
                    held.insert(object.name_any(), object);
                    vec![]
                }
                None => vec![Event::Apply(object)],
            },
            Event::Delete(object) => match self.held(namespace) {
                Some(held) => {
                    held.remove(&object.name_any());
                    vec![]
                }
                None => vec![Event::Delete(object)],
            },
        }
    }

    /// What is held back of a namespace; none when nothing is held back any more.
    fn held(&mut self, namespace: &str) -> Option<&mut BTreeMap<String, K>> {
        let slot = self.waiting.as_mut()?.entry(namespace.into()).or_default();
        Some(slot.get_or_insert_default())
    }

    fn listing_ends(&mut self, namespace: &str, listed: Vec<K>) -> Vec<Event<K>> {
        let Some(waiting) = self.waiting.as_mut() else { return self.changes(namespace, listed) };
        let listed = listed.into_iter().map(|object| (object.name_any(), object)).collect();
        waiting.insert(namespace.into(), Some(listed));
        if waiting.values().any(Option::is_none) {
            return vec![];
        }
        let all =
            self.waiting.take().unwrap_or_default().into_values().flatten().flat_map(BTreeMap::into_values);
        let mut events = vec![Event::Init];
        events.extend(all.map(Event::InitApply));
        events.push(Event::InitDone);
        events
    }

    /// A watch broke and was begun again: what it lists is there, and what it does not list is gone.
    fn changes(&self, namespace: &str, listed: Vec<K>) -> Vec<Event<K>> {
        let there = |object: &K| ObjectRef::from_obj(object);
        let names: std::collections::HashSet<ObjectRef<K>> = listed.iter().map(there).collect();
        let known = self.store.state();
        let gone = known
            .iter()
            .filter(|object| object.home() == namespace && !names.contains(&there(object)))
            .map(|object| Event::Delete(K::clone(object)));
        gone.chain(listed.into_iter().map(Event::Apply)).collect()
    }
}

#[cfg(test)]
mod tests;
