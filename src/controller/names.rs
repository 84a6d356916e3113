//! Who names what: an index kept from the watches, so that nobody has to look through a whole kind.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{PoisonError, RwLock};

use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;

use super::kind::Kind;
use crate::api::Reference;

/// Something that objects name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Name {
    /// A resource in Azure, by its path below the place, in small letters: what differs in it is another
    /// resource, and what does not may still be in another place.
    Resource(String),
    /// An object of ours: its kind and `namespace/name`.
    Object(String),
}

impl Name {
    /// A resource in Azure; ARM compares without regard to case.
    pub fn resource(path: &str) -> Self {
        Self::Resource(path.to_ascii_lowercase())
    }

    /// An object of ours.
    pub fn of<K: Kind>(object: &K) -> Self {
        Self::Object(format!("{} {}", K::kind(&()), object.full_name()))
    }

    /// The object that a reference from `home` means.
    pub fn meant<K: Kind>(reference: &Reference, home: &str) -> Self {
        Self::Object(format!("{} {}/{}", K::kind(&()), reference.namespace(home), reference.name))
    }
}

/// The objects of all kinds by what they name.
///
/// What it knows may be more than there is, never less: after a broken watch an object that went meanwhile
/// is still in it, and two names may share a hash. So whoever asks looks at the object itself.
#[derive(Debug, Default)]
pub struct Names(RwLock<BTreeSet<Entry>>);

/// The hash of a kind and a name that its objects name; the namespace and name of one that does.
type Entry = (u64, Box<str>, Box<str>);

impl Names {
    /// An object came or changed; `before` is how it was last seen.
    pub fn put<K: Kind>(&self, before: Option<&K>, object: &K) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for gone in before.into_iter().flat_map(entries) {
            all.remove(&gone);
        }
        all.extend(entries(object));
    }

    /// An object is gone.
    pub fn remove<K: Kind>(&self, object: &K) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for gone in entries(object) {
            all.remove(&gone);
        }
    }

    /// The objects of a kind that may name this.
    pub fn naming<K: Kind>(&self, name: &Name) -> Vec<ObjectRef<K>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let key = key::<K>(name);
        let first = (key, Box::default(), Box::default());
        let found = all.range(first..).take_while(|(other, ..)| *other == key);
        found.map(|(_, namespace, name)| ObjectRef::new(name).within(namespace)).collect()
    }
}

fn entries<K: Kind>(object: &K) -> Vec<Entry> {
    let names = object.names();
    names.iter().map(|n| (key::<K>(n), object.home().into(), object.name_any().into())).collect()
}

fn key<K: Kind>(name: &Name) -> u64 {
    let mut hasher = DefaultHasher::new();
    (K::kind(&()), name).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
