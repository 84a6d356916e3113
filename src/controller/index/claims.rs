//! Who names which resource or model, in the order in which they are looked at. However many objects name one, a look finds as
//! many as can matter, in a time that hardly grows with their number.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::hash;
use crate::api::{ObjectKey, ObjectKind};
use crate::decide::Kind;
use crate::decide::facts::{ALIKE, HOLDERS, LEAVING, PLACES, Rivals, Role, STRANGERS};

/// Who names which resource or model.
#[derive(Debug, Default)]
pub(super) struct Claims(BTreeSet<Claim>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    /// The hash of what it names.
    name: u64,
    stood: Stood,
    key: Arc<ObjectKey>,
}

/// Where an object stands among those that name the same resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stood {
    group: Group,
    role: Role,
    created: Timestamp,
}

/// Objects of one namespace that are alike, by hashes of a bit less than 64, so that there is one above each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    home: u64,
    place: u64,
    by: u64,
}

impl Stood {
    /// Where this object stands; none where it has no claim to anything.
    pub fn of<K: Kind>(object: &K) -> Option<Self> {
        let stake = object.stake();
        let group = Group { home: short(&*object.home()), place: short(&stake.place), by: short(&stake.by) };
        Some(Self { group, role: stake.role?, created: object.created() })
    }
}

fn short(it: &(impl std::hash::Hash + ?Sized)) -> u64 {
    hash(it) >> 1
}

/// Where a look begins, or goes on.
fn from(name: u64, group: Group, role: Role) -> Claim {
    let first = ObjectKey { kind: ObjectKind::Registry, namespace: Box::default(), name: Box::default() };
    Claim { name, stood: Stood { group, role, created: Timestamp::MIN }, key: Arc::new(first) }
}

impl Claims {
    /// Who is found by a look.
    pub fn seen(&self, name: u64, which: &Rivals) -> Vec<Arc<ObjectKey>> {
        match which {
            Rivals::Beside(home, place) => self.within(name, short(home), Some(short(place)), PLACES),
            Rivals::Within(home) => self.within(name, short(home), None, PLACES),
            Rivals::All(home) => {
                let home = short(home);
                let group = Group { home, place: 0, by: 0 };
                let all = self.0.range(from(name, group, Role::Manages)..);
                let all = all.take_while(|it| it.name == name && it.stood.group.home == home);
                all.map(|it| it.key.clone()).collect()
            }
            Rivals::Outside(home) => self.of_namespaces(name, Some(short(home)), STRANGERS),
            Rivals::Everywhere => self.of_namespaces(name, None, HOLDERS),
        }
    }

    /// What was asked by whoever looked so.
    pub fn read(name: u64, which: &Rivals) -> u64 {
        match which {
            Rivals::Beside(home, place) => hash(&(name, "beside", short(home), short(place))),
            Rivals::Within(home) => hash(&(name, "within", short(home))),
            Rivals::Outside(_) => hash(&(name, "outside")),
            Rivals::Everywhere => hash(&(name, "everywhere")),
            Rivals::All(home) => hash(&(name, "all", short(home))),
        }
    }

    /// What may have been asked by whoever saw an object that stands there.
    pub fn reads(name: u64, Stood { group: Group { home, place, .. }, .. }: Stood) -> [u64; 5] {
        let (beside, all) = (hash(&(name, "beside", home, place)), hash(&(name, "all", home)));
        let (within, outside) = (hash(&(name, "within", home)), hash(&(name, "outside")));
        [all, beside, within, outside, hash(&(name, "everywhere"))]
    }

    /// An object stands for other resources than before, or another way. The answer is what was asked by whoever now sees
    /// others, or the object itself.
    pub fn replace(&mut self, key: &Arc<ObjectKey>, old: &[(u64, Stood)], new: &[(u64, Stood)]) -> Vec<u64> {
        let claim = |(name, stood): &(u64, Stood)| Claim { name: *name, stood: *stood, key: key.clone() };
        let before = self.looks(old, new);
        for it in old {
            self.0.remove(&claim(it));
        }
        self.0.extend(new.iter().map(claim));
        let after = self.looks(old, new);
        let nobody = vec![];
        let differs = |(read, seen): (&u64, &Vec<Arc<ObjectKey>>)| {
            let seen_before = before.get(read).unwrap_or(&nobody);
            let there = seen.contains(key) || seen_before.contains(key);
            (there || seen != seen_before).then_some(*read)
        };
        let everybody = old.iter().chain(new).map(|(name, stood)| Self::reads(*name, *stood)[0]);
        after.iter().filter_map(differs).chain(everybody).collect()
    }

    /// Who is found by each look that may find these, and does not find everybody.
    fn looks(&self, old: &[(u64, Stood)], new: &[(u64, Stood)]) -> BTreeMap<u64, Vec<Arc<ObjectKey>>> {
        let mut looks = BTreeMap::new();
        for (name, stood) in old.iter().chain(new) {
            let Group { home, place, .. } = stood.group;
            let [_, beside, within, outside, everywhere] = Self::reads(*name, *stood);
            looks.entry(beside).or_insert_with(|| self.within(*name, home, Some(place), PLACES));
            looks.entry(within).or_insert_with(|| self.within(*name, home, None, PLACES));
            looks.entry(outside).or_insert_with(|| self.within(*name, home, None, STRANGERS));
            looks.entry(everywhere).or_insert_with(|| self.within(*name, home, None, HOLDERS));
        }
        looks
    }

    /// The first of each role of the first groups of a namespace, which may be those of one place.
    fn within(&self, name: u64, home: u64, place: Option<u64>, most: usize) -> Vec<Arc<ObjectKey>> {
        let mut groups: Vec<Vec<&Claim>> = vec![];
        let mut at = Group { home, place: place.unwrap_or_default(), by: 0 };
        while let Some(next) = self.first(name, at) {
            let group = next.stood.group;
            if group.home != home || place.is_some_and(|place| group.place != place) {
                break;
            }
            groups.push(self.heads(name, group));
            at = Group { by: group.by + 1, ..group };
        }
        let first = |it: &&Claim| (it.stood.role, it.stood.created, it.key.clone());
        groups.sort_by_cached_key(|group| group.first().map(first));
        groups.into_iter().take(most).flatten().map(|it| it.key.clone()).collect()
    }

    /// The same of every namespace, or of every one but this.
    fn of_namespaces(&self, name: u64, but: Option<u64>, most: usize) -> Vec<Arc<ObjectKey>> {
        let (mut found, mut at) = (vec![], 0);
        while let Some(next) = self.first(name, Group { home: at, place: 0, by: 0 }) {
            let home = next.stood.group.home;
            if Some(home) != but {
                found.extend(self.within(name, home, None, most));
            }
            at = home + 1;
        }
        found
    }

    /// The first claim at this group or after it.
    fn first(&self, name: u64, at: Group) -> Option<&Claim> {
        self.0.range(from(name, at, Role::Manages)..).next().filter(|it| it.name == name)
    }

    fn heads(&self, name: u64, group: Group) -> Vec<&Claim> {
        let of = |role: Role| {
            let alike =
                move |it: &&Claim| it.name == name && it.stood.group == group && it.stood.role == role;
            self.0.range(from(name, group, role)..).take_while(alike)
        };
        let mut heads: Vec<&Claim> = of(Role::Manages).take(ALIKE).collect();
        heads.extend(of(Role::Observes).take(ALIKE - heads.len()));
        heads.extend(of(Role::Leaves).take(LEAVING));
        heads
    }
}
