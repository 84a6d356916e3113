//! Which operations there are, what is due when, and which endpoints are busy.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use super::{Deed, Failure, Family};
use crate::core::machinery::call::Door;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Operation {
    pub(super) family: Family,
    pub(super) subscription: String,
    pub(super) location: String,
    /// Where it was asked for: the resource that it shows looks as it does there.
    pub(super) door: Door,
    pub(super) started: Timestamp,
    pub(super) ended: Option<Timestamp>,
    pub(super) verdict: Option<Result<(), Failure>>,
    /// The resource that a finished operation's `Location` shows; none after a deletion.
    pub(super) shows: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) vanished: bool,
}

/// A deed that is due, and the operation that it belongs to.
#[derive(Debug)]
pub struct Due {
    /// The operation's id; none when nobody can ask for it.
    pub operation: Option<String>,
    /// What is due.
    pub deed: Deed,
    /// Why it fails, when it is fated to.
    pub failure: Option<Failure>,
}

/// Operations, by id, and what is still to be done, by time.
#[derive(Debug, Default)]
pub struct Operations {
    pub(super) known: BTreeMap<String, Operation>,
    /// Endpoints on which something runs, with how much.
    busy: BTreeMap<String, usize>,
    /// What ended, and when, in that order.
    ended: VecDeque<(Timestamp, String)>,
    schedule: BTreeMap<(Timestamp, u64), Due>,
    sequence: u64,
}

impl Operations {
    /// Takes the next deed that is due at `now`.
    pub(in crate::core) fn next_due(&mut self, now: Timestamp) -> Option<(Timestamp, Due)> {
        let entry = self.schedule.first_entry()?;
        (entry.key().0 <= now).then(|| {
            let ((due, _), work) = entry.remove_entry();
            (due, work)
        })
    }

    /// The time of the next deed.
    pub fn next_time(&self) -> Option<Timestamp> {
        self.schedule.keys().next().map(|(time, _)| *time)
    }

    /// Operations that have not ended.
    pub fn running(&self) -> usize {
        self.known.values().filter(|operation| operation.ended.is_none()).count()
    }

    /// What an operation came to; none while it runs, and when there is none of this id.
    pub(in crate::core) fn verdict(&self, id: &str) -> Option<&Result<(), Failure>> {
        self.known.get(id)?.verdict.as_ref()
    }

    /// Whether something runs on an endpoint or one of its deployments.
    pub fn busy(&self, endpoint: &str) -> bool {
        self.busy.contains_key(endpoint)
    }

    pub(super) fn occupy(&mut self, endpoint: Option<&str>) {
        if let Some(endpoint) = endpoint {
            *self.busy.entry(endpoint.to_owned()).or_default() += 1;
        }
    }

    fn release(&mut self, endpoint: Option<&str>) {
        let Some(endpoint) = endpoint else { return };
        if let Some(count) = self.busy.get_mut(endpoint) {
            *count -= 1;
            if *count == 0 {
                self.busy.remove(endpoint);
            }
        }
    }

    /// Ends an operation, and makes its result one that will be forgotten.
    pub(in crate::core) fn end(&mut self, id: &str, now: Timestamp, verdict: Result<(), Failure>) {
        let Some(operation) = self.known.get_mut(id) else { return };
        operation.ended = Some(now);
        operation.verdict = Some(verdict);
        let endpoint = operation.endpoint.clone();
        self.ended.push_back((now, id.to_owned()));
        self.release(endpoint.as_deref());
    }

    /// Forgets what ended before a time.
    pub(in crate::core) fn forget(&mut self, before: Timestamp) {
        while self.ended.front().is_some_and(|(ended, _)| *ended < before) {
            if let Some((_, id)) = self.ended.pop_front() {
                self.known.remove(&id);
            }
        }
    }

    pub(super) fn enter(&mut self, at: Timestamp, due: Due) {
        self.sequence += 1;
        self.schedule.insert((at, self.sequence), due);
    }
}
