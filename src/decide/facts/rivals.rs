//! The other objects that stand for the same resource, or seem to. Anybody may make many of them, so only those are looked at
//! that can matter: of objects that are alike ([`Stake`]) the first of each [`Role`], of a namespace those of the first
//! [`PLACES`] groups, and of every other namespace those in the first [`STRANGERS`]. Whatever one namespace makes, the others
//! are seen as before.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Kind, Known, Name};
use crate::api::{Management, Object, ObjectKey};
use crate::azure::model::{ResourceId, folded};
use crate::decide::{Claimant, Owner, Right, Standing};

/// So many objects that are alike are looked at: one besides the one who asks. Who only observes counts where nobody manages.
pub const ALIKE: usize = 2;

/// So many objects that are alike and being deleted are looked at: the one that owned the resource has to be among them.
pub const LEAVING: usize = 8;

/// So many groups of objects that are alike are looked at in the own namespace, beside those of the own place.
pub const PLACES: usize = 16;

/// So many groups are looked at in each other namespace.
pub const STRANGERS: usize = 4;

/// So many groups are looked at in each namespace of those that hold a model: more would not be shown.
pub const HOLDERS: usize = 50;

/// Which of the objects that name a resource, or a model, are looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rivals {
    /// Those of a namespace that name this object as their place; none for places.
    Beside(Box<str>, Option<ObjectKey>),
    /// Those of a namespace.
    Within(Box<str>),
    /// Those of every namespace but this one.
    Outside(Box<str>),
    /// Those of every namespace.
    Everywhere,
    /// Everybody in a namespace, however many they are.
    All(Box<str>),
}

/// What an object has to do with the resource that it names. Objects of one namespace that name one resource by the same place
/// and `by` stand for the same one, with the same right.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stake {
    /// The object of its place; none for a place.
    pub place: Option<ObjectKey>,
    /// What else may tell it from others: the id in its status, or the account of a place.
    pub by: String,
    /// What it could do with the resource; none where it has no claim to it.
    pub role: Option<Role>,
}

/// What an object could do with a resource, the most important one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// It could look after it.
    Manages,
    /// It only looks at it.
    Observes,
    /// It is being deleted, and our finalizer holds it: it may have it to give away.
    Leaves,
}

impl Role {
    /// What an object could do; none where nothing is left to do for it.
    pub fn of(object: &impl Object) -> Option<Self> {
        match object.mode().1 {
            _ if object.is_let_go() => None,
            _ if object.is_deleting() => Some(Self::Leaves),
            Management::Manage => Some(Self::Manages),
            Management::Observe => Some(Self::Observes),
        }
    }
}

impl Stake {
    /// Of an object that lives in a place.
    pub fn in_a_place<K: Kind>(object: &K) -> Self {
        let place = object.names().into_iter().find_map(|name| match name {
            Name::Place(key) => Some(key),
            _ => None,
        });
        Self { place, by: object.claim().map(folded).unwrap_or_default(), role: Role::of(object) }
    }
}

/// The other objects of the namespace that stand for the same resource. Versions of the same model and number in two
/// workspaces do not.
pub(super) fn rivals<K: Kind>(object: &K, known: &mut Known) -> Vec<Arc<K>> {
    let home: Box<str> = object.home().into();
    let beside = Rivals::Beside(home.clone(), object.stake().place);
    among(object, [beside, Rivals::Within(home)], known)
}

/// Those of other namespaces.
pub(super) fn strangers<K: Kind>(object: &K, known: &mut Known) -> Vec<Arc<K>> {
    among(object, [Rivals::Outside(object.home().into())], known)
}

fn among<K: Kind>(object: &K, which: impl IntoIterator<Item = Rivals>, known: &mut Known) -> Vec<Arc<K>> {
    let Some(target) = object.target(known) else { return vec![] };
    let names = object.names().into_iter().filter(|name| matches!(name, Name::Resource(_)));
    let names: Vec<Name> = names.collect();
    let mut others: Vec<Arc<K>> = vec![];
    for which in which {
        for name in &names {
            for other in known.rivals::<K>(name.clone(), which.clone()) {
                let new = other.key() != object.key() && others.iter().all(|it| it.key() != other.key());
                if new && other.target(known).as_ref() == Some(&target) {
                    others.push(other);
                }
            }
        }
    }
    others
}

/// Those of them that are not going away, and that their place lets in.
pub(super) fn claimants<K: Kind>(object: &K, rivals: &[Arc<K>], known: &mut Known) -> Vec<Claimant> {
    let home = object.home();
    // By a place of one's own nobody gets a claim in another namespace. An heir is one whatever happens to its place.
    let mut claims = |o: &&Arc<K>| {
        // What is in no place that is there could be anybody's word, except in the own namespace.
        let let_in = match o.let_in(known) {
            Some(right) => right == Right::Granted && (o.home() == home || !o.place_is_contested(known)),
            None => o.home() == home,
        };
        let_in && !o.is_deleting() && !object.outranks(o)
    };
    rivals
        .iter()
        .filter(|o| claims(o))
        .map(|o| Claimant {
            name: o.full_name(),
            created: o.created(),
            manages: o.mode().1 == Management::Manage,
            prepared: o.holds() && (!object.is_deleting() || knows(o.as_ref(), object)),
        })
        .collect()
}

/// Does the heir know already what it has to know of what the owner wrote?
fn knows<K: Kind>(heir: &K, owner: &K) -> bool {
    let mut status = heir.current();
    K::inherit(&mut status, &owner.current());
    status == heir.current()
}

/// Those of them that are going away, and that our finalizer still holds.
pub(super) fn leaving<K: Kind>(rivals: &[Arc<K>]) -> Vec<String> {
    rivals.iter().filter(|o| o.is_deleting() && o.holds()).map(|o| o.full_name()).collect()
}

/// The object with what it has to know when it inherits from those of its namespace that are going.
pub(super) fn heir<K: Kind>(object: &K, rivals: &[Arc<K>]) -> Option<K> {
    let goes = |o: &&Arc<K>| o.is_deleting() && o.holds() && o.home() == object.home();
    let mut owners = rivals.iter().filter(goes).peekable();
    if object.is_deleting() || owners.peek().is_none() {
        return None;
    }
    let mut status = object.current();
    for owner in owners {
        K::inherit(&mut status, &owner.current());
    }
    let mut heir = object.clone();
    *heir.status_mut() = Some(status);
    Some(heir)
}

/// The object that the owner's tag of a resource names, with its key.
fn owner_of<K: Kind>(object: &K, owner: &Owner, known: &mut Known) -> Option<(ObjectKey, Option<Arc<K>>)> {
    let (namespace, name) = owner.object.split_once('/')?;
    let key = ObjectKey { kind: K::KIND, namespace: namespace.into(), name: name.into() };
    let there = known.owner::<K>(key.clone());
    // Whoever has a name that is too long for a tag is not found by the tag.
    let there = there.or_else(|| {
        let all = || among(object, [Rivals::All(namespace.into())], known);
        let all = owner.is_cut().then(all).unwrap_or_default();
        all.into_iter().find(|it| owner.is(&it.full_name()))
    });
    Some((key, there))
}

/// What the cluster knows of the object that the owner's tag of a resource names, and the object itself, where it stands for the
/// resource too; `since` is when its absence was first seen.
pub(super) fn standing<K: Kind>(
    object: &K,
    owner: &Owner,
    since: Timestamp,
    known: &mut Known,
) -> (Standing, Option<Arc<K>>) {
    let Some((key, there)) = owner_of(object, owner, known) else { return (Standing::Absent(since), None) };
    let Some(there) = there else {
        // It cannot speak for itself, and nobody takes what is its own because of that.
        let standing = if known.is_unreadable(&key) {
            Standing::Lives { going: false }
        } else if known.let_go(key) {
            Standing::LetGo
        } else {
            Standing::Absent(since)
        };
        return (standing, None);
    };
    // What is going and not held any more has done what it had to do.
    if there.is_let_go() {
        return (Standing::LetGo, None);
    }
    let (ours, theirs) = (object.target(known), there.target(known));
    // What it made is its own, wherever its place leads now.
    let made = there.claim().is_some_and(|id| Some(ResourceId::new(id)) == ours);
    let same_path =
        || there.names().iter().any(|n| matches!(n, Name::Resource(_)) && object.names().contains(n));
    let names_it = if theirs.is_some() { theirs == ours } else { same_path() };
    let rival = (theirs.is_some() && theirs == ours).then(|| there.clone());
    let standing =
        if made || names_it { Standing::Lives { going: there.is_deleting() } } else { Standing::Elsewhere };
    (standing, rival)
}
