//! What this process remembers of an object between passes. All of it may be lost at any moment.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::api::ObjectKey;
use crate::decide::{Failure, Owner, Written, elapsed};

/// So long is remembered that an object was let go.
const LET_GO: Duration = Duration::from_secs(600);

/// By `metadata.uid`; and who was let go at its deletion, and when.
#[derive(Debug, Default)]
pub struct Memory(Mutex<HashMap<String, Remembered>>, Mutex<HashMap<ObjectKey, Timestamp>>);

/// What is remembered of one object.
#[derive(Debug, Clone, Default)]
pub struct Remembered {
    /// The last call that did not work, with no success since, and the generation that it was for.
    pub failure: Option<Failure>,
    /// Set while Azure cannot be read.
    pub unreadable: Option<Failure>,
    /// The last PUT that Azure took, and of which nobody has seen yet that it was kept.
    pub written_to_azure: Option<Written>,
    /// Since when this generation refers to something that is not there.
    pub missing: Option<Timestamp>,
    /// The generation that the failures are about: a new one starts afresh.
    pub generation: i64,
    /// When Azure was last read.
    pub last_read: Option<Timestamp>,
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

impl Memory {
    /// What is remembered of the object, with failures of an earlier generation forgotten.
    pub fn recall(&self, uid: &str, generation: i64) -> Remembered {
        self.change(uid, |it| {
            if it.generation != generation {
                it.generation = generation;
                it.failure = None;
                it.unreadable = None;
                it.written_to_azure = None;
                it.missing = None;
            }
            it.clone()
        })
    }

    /// Changes what is remembered.
    pub fn change<T>(&self, uid: &str, change: impl FnOnce(&mut Remembered) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(all.entry(uid.to_string()).or_default())
    }

    /// A pass came to its end: the cluster takes writes.
    pub fn write_was_taken(&self, uid: &str) {
        if let Some(it) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(uid) {
            it.refused = 0;
        }
    }

    /// An object is about to be let go at its deletion.
    pub fn lets_go(&self, key: ObjectKey, now: Timestamp) {
        let mut gone = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        gone.retain(|_, at| elapsed(*at, now) < LET_GO);
        gone.insert(key, now);
    }

    /// Has the object been let go, and not come back?
    pub fn has_let_go(&self, key: &ObjectKey, now: Timestamp) -> bool {
        let gone = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        gone.get(key).is_some_and(|at| elapsed(*at, now) < LET_GO)
    }

    /// An object is there that is not being deleted.
    pub fn is_there(&self, key: &ObjectKey) {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

/// Tells one status from another, in the place of a copy.
pub fn fingerprint(status: &impl Serialize) -> u64 {
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(status).unwrap_or_default().hash(&mut hasher);
    hasher.finish()
}
