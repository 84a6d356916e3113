//! Who names what, who has asked about what, and so: whom a change wakes.
//!
//! A pass says what it reads of the cluster before it reads it ([`Index::asks`]). A change of an object wakes everybody
//! whose last pass asked about it, by itself or by something that it names. So there is no list of who depends on whom
//! that could be forgotten when a decision learns to look at something new.

mod claims;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::ResourceExt;

use super::memory::fingerprint;
use crate::api::{ObjectKey, ObjectKind};
use crate::azure::model::{Operation, Purpose};
use crate::decide::Kind;
use crate::decide::facts::{ClusterRead, Name, Rivals};
use claims::{Claims, Stood};

/// The index of one process. It is rebuilt from the watches after a restart.
#[derive(Debug, Default)]
pub struct Index(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    objects: HashMap<Arc<ObjectKey>, Entry>,
    /// Who names which place. Two names may share a hash, so whoever asks looks at the object itself.
    named: BTreeSet<(u64, Arc<ObjectKey>)>,
    /// Who names which resource or model.
    claims: Claims,
    /// Whose last pass asked this.
    asked: BTreeSet<(u64, Arc<ObjectKey>)>,
    /// What the listing that goes on, or broke off, has brought so far.
    listed: HashMap<ObjectKind, Listing>,
}

#[derive(Debug, Default)]
struct Listing {
    seen: HashSet<Arc<ObjectKey>>,
    /// What had changed, and what a change of it touches.
    changed: HashMap<Arc<ObjectKey>, BTreeSet<u64>>,
}

/// What a listing has brought, at its end.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Who deserves a pass: everybody in it, and whoever asked about what changed or is gone.
    pub woken: Vec<Arc<ObjectKey>>,
    /// The uids of what is gone.
    pub gone: Vec<String>,
}

/// What is known of one object.
#[derive(Debug)]
struct Entry {
    uid: String,
    seen: Seen,
    /// What it names.
    names: Vec<Hashed>,
    /// Where it stands among those that name the same resource.
    stood: Option<Stood>,
    /// The last look at its resource found it to be the owner.
    owns: bool,
    /// What its last pass asked.
    asks: Vec<u64>,
}

/// What was seen of an object, as far as it wakes anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    own: u64,
    status: u64,
    /// What others look at who name it, or what it names.
    outward: u64,
    /// What rivals look at: those who stand for the same resource, or seem to.
    claim: u64,
    /// The tags of the resource name it as the owner.
    owns: bool,
}

impl Seen {
    fn of<K: Kind>(object: &K) -> Self {
        let meta = object.meta();
        let own = (meta.generation, object.is_deleting(), object.annotations());
        // The owner's tag is another one only when Azure has done the change: rivals look when that is over, too.
        let owner_changes = |it: &Operation| matches!(it.purpose, Purpose::TakeOver | Purpose::HandOver);
        let owner_changes = object.operation().is_some_and(owner_changes);
        let names: Vec<Name> = object.names().into_iter().filter(is_resource).collect();
        let claim = (object.is_deleting(), object.stake(), object.created(), object.claim(), names);
        Self {
            own: hash(&own),
            status: fingerprint(&object.current()),
            outward: hash(&(own.0, own.1, object.is_let_go(), object.outward())),
            claim: hash(&(claim, owner_changes)),
            owns: false,
        }
    }
}

fn is_resource(name: &Name) -> bool {
    matches!(name, Name::Resource(_))
}

/// A name, as the index keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hashed {
    hash: u64,
    what: Thing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thing {
    /// A resource that the object stands for.
    Resource,
    /// A model that it holds.
    Model,
    /// A place, what has served in a place, what goes out of use, a namespace that decides, a decision, the actions for a binding,
    /// a source, or the gates of places: everybody who names it is looked at.
    Everybody,
}

impl Hashed {
    fn of(kind: ObjectKind, name: Name) -> Self {
        let what = match name {
            Name::Resource(_) => Thing::Resource,
            Name::Asset(_) => Thing::Model,
            Name::Place(_)
            | Name::Served(..)
            | Name::Ending(_)
            | Name::Approvers(_)
            | Name::Decided(_)
            | Name::Decision(..)
            | Name::Actions(_)
            | Name::Source(_)
            | Name::Gates => Thing::Everybody,
        };
        Self { hash: named(kind, name), what }
    }
}

impl Index {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An object came or changed, and the store has it. `meant` is the fingerprint of the status that we last wrote to
    /// it. The answer is who deserves a pass.
    pub fn applied<K: Kind>(&self, object: &K, meant: Option<u64>) -> Vec<Arc<ObjectKey>> {
        let mut all = self.entries();
        let (key, before, now, touched) = all.put(object);
        let (mut woken, known) = (vec![], before);
        // Our own status comes back as an event too. Anybody else's deserves a look: it may be gone.
        let echo = meant == Some(now.status);
        if known.is_none_or(|k| k.own != now.own) || !(echo || known.is_some_and(|k| k.status == now.status))
        {
            woken.push(key.clone());
        }
        woken.extend(all.askers(&key, touched));
        woken
    }

    /// A listing of this kind begins: what is not in it is gone. What a listing that broke off had found changed stays found.
    pub fn listing_begins(&self, kind: ObjectKind) {
        self.entries().listed.entry(kind).or_default().seen.clear();
    }

    /// An object is in the listing.
    pub fn listed<K: Kind>(&self, object: &K) {
        let mut all = self.entries();
        let (key, .., touched) = all.put(object);
        let listing = all.listed.entry(K::KIND).or_default();
        listing.seen.insert(key.clone());
        if !touched.is_empty() {
            listing.changed.entry(key).or_default().extend(touched);
        }
    }

    /// The listing is at its end, and the store holds it. Only now is it asked who is to be woken: until now, whoever asked
    /// was shown what the store had before.
    pub fn listing_ends(&self, kind: ObjectKind) -> Listed {
        let mut all = self.entries();
        let Listing { seen, changed } = all.listed.remove(&kind).unwrap_or_default();
        let known = all.objects.iter().filter(|(key, _)| key.kind == kind && !seen.contains(*key));
        let (lost, gone): (Vec<Arc<ObjectKey>>, Vec<String>) =
            known.map(|(key, entry)| (key.clone(), entry.uid.clone())).unzip();
        let mut woken: Vec<Arc<ObjectKey>> = seen.into_iter().collect();
        for (key, touched) in changed {
            woken.extend(all.askers(&key, touched));
        }
        for key in &lost {
            woken.extend(all.remove(key));
        }
        woken.sort();
        woken.dedup();
        Listed { woken, gone }
    }

    /// An object is gone. The answer is who deserves a pass.
    pub fn deleted(&self, key: &ObjectKey) -> Vec<Arc<ObjectKey>> {
        self.entries().remove(key)
    }

    /// A namespace has changed. The answer is who deserves a pass.
    pub fn namespace_changed(&self, namespace: &str) -> Vec<Arc<ObjectKey>> {
        let mut all = self.entries();
        let asked = asked(&ClusterRead::Namespace(namespace.into()));
        all.asking(asked)
    }

    /// The objects of a kind that may name this place.
    pub fn naming(&self, kind: ObjectKind, name: &Name) -> Vec<Arc<ObjectKey>> {
        let all = self.entries();
        range(&all.named, named(kind, name.clone()))
    }

    /// The objects of a kind that may name this resource or model, as far as they can matter.
    pub fn rivals(&self, kind: ObjectKind, name: &Name, which: &Rivals) -> Vec<Arc<ObjectKey>> {
        self.entries().claims.seen(named(kind, name.clone()), which)
    }

    /// A pass over `reader` is about to read this. It has to be said before the store is looked at: whoever changes the
    /// store asks afterwards who is to be woken, so that no change falls in between. A reader that is gone meanwhile is not
    /// woken any more.
    pub fn asks(&self, reader: &Arc<ObjectKey>, read: &ClusterRead) {
        let mut all = self.entries();
        let Entries { objects, asked, .. } = &mut *all;
        let Some(entry) = objects.get_mut(reader) else { return };
        let read = self::asked(read);
        if asked.insert((read, reader.clone())) {
            entry.asks.push(read);
        }
    }

    /// The facts of `reader` are whole, and rest on these reads: on what it asked before, and not now, they rest no more.
    pub fn rests_on<'a>(&self, reader: &Arc<ObjectKey>, reads: impl Iterator<Item = &'a ClusterRead>) {
        let mut all = self.entries();
        let mut now: Vec<u64> = reads.map(asked).collect();
        now.sort_unstable();
        let Some(entry) = all.objects.get_mut(reader) else { return };
        let before = std::mem::replace(&mut entry.asks, now.clone());
        for asked in before.into_iter().filter(|asked| now.binary_search(asked).is_err()) {
            all.asked.remove(&(asked, reader.clone()));
        }
    }

    /// A look at what this object stands for has found whether it owns that. When the object changes next, its rivals hear of it.
    pub fn owns(&self, key: &ObjectKey, owns: bool) {
        if let Some(entry) = self.entries().objects.get_mut(key) {
            entry.owns = owns;
        }
    }

    /// Did the last look find that this object owns what it stands for?
    pub fn is_owner(&self, key: &ObjectKey) -> bool {
        self.entries().objects.get(key).is_some_and(|entry| entry.owns)
    }

    /// Is this object there, and not another one that was made under its name?
    pub fn knows(&self, key: &ObjectKey, uid: &str) -> bool {
        self.entries().objects.get(key).is_some_and(|entry| entry.uid == uid)
    }

    /// Has `reader` said that it reads this?
    #[cfg(test)]
    pub fn has_asked(&self, reader: &ObjectKey, read: &ClusterRead) -> bool {
        self.entries().asked.contains(&(asked(read), Arc::new(reader.clone())))
    }

    /// Has `reader` said that it reads who names this, with this object among them?
    #[cfg(test)]
    pub fn has_asked_who_names(&self, reader: &ObjectKey, name: &Name, object: &ObjectKey) -> bool {
        let all = self.entries();
        let name = named(object.kind, name.clone());
        let stood = all.objects.get(object).and_then(|entry| entry.stood);
        let rivals = stood.map(|stood| Claims::reads(name, stood)).into_iter().flatten();
        let reader = Arc::new(reader.clone());
        rivals.chain([name]).any(|read| all.asked.contains(&(read, reader.clone())))
    }
}

impl Entries {
    /// Takes in an object. The answer is its key, what was seen of it before and now, and what the change touches.
    fn put<K: Kind>(&mut self, object: &K) -> (Arc<ObjectKey>, Option<Seen>, Seen, Vec<u64>) {
        let mut now = Seen::of(object);
        let key = self.intern(&object.key());
        let names: Vec<Hashed> = object.names().into_iter().map(|name| Hashed::of(K::KIND, name)).collect();
        let stood = Stood::of(object);
        let uid = object.uid_or_empty();
        let new =
            || Entry { uid: uid.clone(), seen: now, names: vec![], stood: None, owns: false, asks: vec![] };
        // An object that was made anew under the same name has not been seen before.
        let known = self.objects.get(&key).is_some_and(|entry| entry.uid == uid);
        let entry = self.objects.entry(key.clone()).or_insert_with(new);
        let before = known.then_some(entry.seen);
        entry.owns &= known;
        now.owns = entry.owns;
        (entry.uid, entry.seen) = (uid.clone(), now);
        let named_before = std::mem::replace(&mut entry.names, names.clone());
        let stood_before = std::mem::replace(&mut entry.stood, stood);
        let outward = before.is_none_or(|before| before.outward != now.outward);
        let claim = before.is_none_or(|before| (before.claim, before.owns) != (now.claim, now.owns));
        let by_everybody = |name: &&Hashed| name.what == Thing::Everybody;
        let mut touched = vec![];
        if outward {
            touched.push(asked(&ClusterRead::Object(ObjectKey::clone(&key))));
            touched.extend(named_before.iter().chain(&names).filter(by_everybody).map(|name| name.hash));
        }
        for gone in named_before.iter().filter(by_everybody).filter(|name| !names.contains(name)) {
            self.named.remove(&(gone.hash, key.clone()));
        }
        self.named.extend(names.iter().filter(by_everybody).map(|name| (name.hash, key.clone())));
        if claim {
            touched.push(asked(&ClusterRead::Owner(ObjectKey::clone(&key))));
        }
        // Versions of one number in two workspaces seem to stand for one resource until somebody looks at their places: so a
        // rival is not woken by every change.
        for (what, changed) in [(Thing::Resource, claim), (Thing::Model, claim || outward)] {
            if changed {
                let (old, new) = (claims(&named_before, stood_before, what), claims(&names, stood, what));
                touched.extend(self.claims.replace(&key, &old, &new));
            }
        }
        (key, before, now, touched)
    }

    fn intern(&self, key: &ObjectKey) -> Arc<ObjectKey> {
        self.objects.get_key_value(key).map_or_else(|| Arc::new(key.clone()), |(key, _)| key.clone())
    }

    /// Forgets an object, and tells who asked about it.
    fn remove(&mut self, key: &ObjectKey) -> Vec<Arc<ObjectKey>> {
        let Some((key, entry)) = self.objects.remove_entry(key) else { return vec![] };
        let object = ObjectKey::clone(&key);
        let mut touched =
            vec![asked(&ClusterRead::Object(object.clone())), asked(&ClusterRead::Owner(object))];
        for name in entry.names.iter().filter(|name| name.what == Thing::Everybody) {
            self.named.remove(&(name.hash, key.clone()));
            touched.push(name.hash);
        }
        for what in [Thing::Resource, Thing::Model] {
            touched.extend(self.claims.replace(&key, &claims(&entry.names, entry.stood, what), &[]));
        }
        for asked in entry.asks {
            self.asked.remove(&(asked, key.clone()));
        }
        self.askers(&key, touched)
    }

    /// Whoever else asked what is touched by a change of an object.
    fn askers(
        &mut self,
        key: &Arc<ObjectKey>,
        touched: impl IntoIterator<Item = u64>,
    ) -> Vec<Arc<ObjectKey>> {
        let mut woken: Vec<Arc<ObjectKey>> = vec![];
        for asked in touched {
            woken.extend(self.asking(asked));
        }
        woken.sort();
        woken.dedup();
        woken.retain(|other| other != key);
        woken
    }

    fn asking(&mut self, asked: u64) -> Vec<Arc<ObjectKey>> {
        range(&self.asked, asked)
    }
}

fn range(all: &BTreeSet<(u64, Arc<ObjectKey>)>, hash: u64) -> Vec<Arc<ObjectKey>> {
    let first = ObjectKey { kind: ObjectKind::Registry, namespace: Box::default(), name: Box::default() };
    let found = all.range((hash, Arc::new(first))..).take_while(|(other, _)| *other == hash);
    found.map(|(_, key)| key.clone()).collect()
}

/// What of this kind an object lays claim to by these names, and how.
fn claims(names: &[Hashed], stood: Option<Stood>, what: Thing) -> Vec<(u64, Stood)> {
    let names = names.iter().filter(|name| name.what == what);
    names.filter_map(|name| Some((name.hash, stood?))).collect()
}

/// Who names this, as a question.
fn named(kind: ObjectKind, name: Name) -> u64 {
    hash(&ClusterRead::Naming(kind, name))
}

/// A question, as the index keeps it.
fn asked(read: &ClusterRead) -> u64 {
    match read {
        ClusterRead::Rivals(kind, name, which) => Claims::read(named(*kind, name.clone()), which),
        read => hash(read),
    }
}

fn hash(it: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    it.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
