//! What this process remembers of an object between passes. All of it may be lost at any moment.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::api::ObjectKey;
use crate::decide::{Owner, Trouble, elapsed};

/// So long is remembered that an object was let go.
const LET_GO: Duration = Duration::from_secs(600);

/// What one process remembers.
#[derive(Debug, Default)]
pub struct Memory {
    /// By `metadata.uid`.
    objects: Mutex<HashMap<String, Remembered>>,
    /// Who was let go at its deletion, and when.
    let_go: Mutex<HashMap<ObjectKey, Timestamp>>,
}

/// What is remembered of one object.
#[derive(Debug, Clone, Default)]
pub struct Remembered {
    /// What was tried on Azure and did not work, and what nobody has seen the end of.
    pub trouble: Trouble,
    /// The generation that the trouble is about: a new one starts afresh.
    pub generation: i64,
    /// The generation that was last seen, and since when it is there and not ready.
    pub seen_generation: i64,
    pub new_since: Option<Timestamp>,
    /// What asked for the last look: who asks again wants what failed to be tried again.
    pub asks: Option<String>,
    /// The owner that the tags named and whose object was not there, and since when.
    pub absent: Option<(Owner, Timestamp)>,
    /// How often in a row the cluster did not take a write.
    pub refused: u32,
    /// The resource version of our own last write.
    pub written: Option<u64>,
    /// The [`fingerprint`] of the status as we last meant it to be: an event that brings exactly this one
    /// is our own echo.
    pub meant: Option<u64>,
}

impl Remembered {
    /// A pass over this generation begins.
    pub fn sees_generation(&mut self, generation: i64, ready: bool, now: Timestamp) {
        if self.seen_generation != generation {
            self.seen_generation = generation;
            self.new_since = (!ready).then_some(now);
        }
    }
}

impl Memory {
    /// What is remembered of the object, with the trouble of an earlier generation, or of the time before somebody asked,
    /// forgotten.
    pub fn recall(&self, uid: &str, generation: i64, asks: Option<&String>) -> Remembered {
        self.change(uid, |it| {
            let asked = asks.is_some() && it.asks.as_ref() != asks;
            if it.generation != generation || asked {
                it.generation = generation;
                it.asks = asks.cloned();
                it.trouble = Trouble { last_read: it.trouble.last_read, ..Trouble::default() };
            }
            it.clone()
        })
    }

    /// Changes what is remembered.
    pub fn change<T>(&self, uid: &str, change: impl FnOnce(&mut Remembered) -> T) -> T {
        let mut all = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        change(all.entry(uid.to_string()).or_default())
    }

    /// Another process may have acted meanwhile: what was tried and seen before says nothing of now. What we wrote ourselves is
    /// still the least that a pass may act on.
    pub fn begin_afresh(&self) {
        let mut all = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        for it in all.values_mut() {
            let (written, meant) = (it.written, it.meant);
            *it = Remembered { written, meant, ..Remembered::default() };
        }
    }

    /// A pass came to its end: the cluster takes writes.
    pub fn write_was_taken(&self, uid: &str) {
        if let Some(it) = self.objects.lock().unwrap_or_else(PoisonError::into_inner).get_mut(uid) {
            it.refused = 0;
        }
    }

    /// An object is about to be let go at its deletion.
    pub fn lets_go(&self, key: ObjectKey, now: Timestamp) {
        let mut gone = self.let_go.lock().unwrap_or_else(PoisonError::into_inner);
        gone.retain(|_, at| elapsed(*at, now) < LET_GO);
        gone.insert(key, now);
    }

    /// Has the object been let go, and not come back?
    pub fn has_let_go(&self, key: &ObjectKey, now: Timestamp) -> bool {
        let gone = self.let_go.lock().unwrap_or_else(PoisonError::into_inner);
        gone.get(key).is_some_and(|at| elapsed(*at, now) < LET_GO)
    }

    /// An object is there that is not being deleted.
    pub fn is_there(&self, key: &ObjectKey) {
        self.let_go.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Is anything remembered of this object?
    #[cfg(test)]
    pub fn knows(&self, uid: &str) -> bool {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).contains_key(uid)
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, uid: &str) {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

/// Tells one status from another, in the place of a copy.
pub fn fingerprint(status: &impl Serialize) -> u64 {
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(status).unwrap_or_default().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::model::{Class, Purpose, ResourceId};
    use crate::decide::Attempt;
    use crate::decide::fixtures::failure;

    #[test]
    fn a_new_generation_and_a_new_question_begin_afresh() {
        let (memory, asks) = (Memory::default(), |token: &str| Some(token.to_string()));
        let fails = || {
            let attempt = Attempt {
                purpose: Purpose::Update,
                resource: ResourceId::new("/x"),
                doing: "change it".into(),
            };
            memory.change("uid", |it| it.trouble.failure = Some(failure(attempt, Class::Permanent, 0, 1)));
        };
        let knows = |generation, asks: Option<String>| {
            memory.recall("uid", generation, asks.as_ref()).trouble.failure.is_some()
        };
        knows(1, None);
        for (generation, token, expected) in [
            (1, None, true),
            (2, None, false),
            (2, asks("a"), false),
            (2, asks("a"), true),
            (2, asks("b"), false),
            (2, None, true),
        ] {
            fails();
            assert_eq!(knows(generation, token.clone()), expected, "{generation} {token:?}");
        }
    }
}
