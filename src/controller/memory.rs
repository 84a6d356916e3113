//! What this process remembers of an object between passes. All of it may be lost at any moment.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;

use crate::decide::Failure;

/// By `metadata.uid`.
#[derive(Debug, Default)]
pub struct Memory(Mutex<HashMap<String, Remembered>>);

/// What is remembered of one object.
#[derive(Debug, Clone, Default)]
pub struct Remembered {
    /// The last call that did not work, with no success since, and the generation that it was for.
    pub failure: Option<Failure>,
    /// Set while Azure cannot be read.
    pub unreadable: Option<Failure>,
    /// The generation that the failures are about: a new one starts afresh.
    pub generation: i64,
    /// When Azure was last read.
    pub last_read: Option<Timestamp>,
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
