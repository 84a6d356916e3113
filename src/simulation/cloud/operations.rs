//! Operations: what was accepted, and is done later.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Cloud;
use crate::azure::model::{OperationState, Reply, ResourceId};

/// What is done when an operation ends.
#[derive(Debug, Clone)]
pub enum Deed {
    /// The resource gets this body.
    Become(Value),
    /// The resource gets this state; its content is as it is.
    State(&'static str),
    /// The resource is there.
    Appear(ResourceId, Value),
    /// The resource is gone, with what is below it.
    Disappear,
    /// Nothing: it has failed, and left no trace.
    Nothing,
}

/// A long-running operation.
#[allow(clippy::struct_excessive_bools)] // each is another way of the service to answer
#[derive(Debug, Clone)]
pub struct Operation {
    pub url: String,
    /// What it locks.
    pub lock: ResourceId,
    pub resource: ResourceId,
    pub deed: Deed,
    pub started: Timestamp,
    pub ends: Timestamp,
    pub fails: bool,
    pub done: bool,
    /// Its URL answers 404 from now on.
    pub gone: bool,
    /// Its URL says for ever that it runs.
    pub stuck: bool,
}

impl Operation {
    /// What its URL answers.
    pub fn state(&self) -> OperationState {
        match (self.gone, self.done && !self.stuck, self.fails) {
            (true, _, _) => OperationState::Gone,
            (_, false, _) => OperationState::Running,
            (_, true, false) => OperationState::Succeeded,
            (_, true, true) => OperationState::Failed {
                code: Some("ResourceNotReady".into()),
                message: "The container has crashed.".into(),
            },
        }
    }
}

impl Cloud {
    /// Starts an operation; the reply has its URL, and the body that the service answers with.
    pub(super) fn start(
        &mut self,
        resource: &ResourceId,
        deed: Deed,
        fails: bool,
        (from, to): (u64, u64),
        body: Option<Value>,
    ) -> Reply {
        let url = format!("https://azure.example/operations/{}", self.operations.len());
        let ends = self.now + self.seconds(from, to);
        let stuck = self.bad(0.5);
        let (lock, resource) = (super::lock_of(resource), resource.clone());
        self.operations.push(Operation {
            url: url.clone(),
            lock,
            resource,
            deed,
            started: self.now,
            ends,
            fails,
            done: false,
            gone: false,
            stuck,
        });
        let status = if body.is_some() { 201 } else { 202 };
        Reply { status, body, operation: Some(url), retry_after: None }
    }

    /// Does an operation run that locks this?
    pub fn busy(&self, lock: &ResourceId) -> bool {
        self.operations[self.first_open..].iter().any(|o| !o.done && o.lock == *lock)
    }

    /// The next time at which an operation ends.
    pub fn next_end(&self) -> Option<Timestamp> {
        self.operations.iter().filter(|o| !o.done).map(|o| o.ends).min()
    }

    /// Time goes on: what ends is done, and what was on its way arrives.
    pub fn advance(&mut self, now: Timestamp) {
        while let Some(request) = self.arriving(now) {
            self.end_operations(request.lands);
            self.land(&request);
        }
        self.end_operations(now);
    }

    fn end_operations(&mut self, now: Timestamp) {
        self.now = now;
        while self.operations.get(self.first_open).is_some_and(|o| o.done) {
            self.first_open += 1;
        }
        let mut due: Vec<usize> = (self.first_open..self.operations.len())
            .filter(|i| !self.operations[*i].done && self.operations[*i].ends <= now)
            .collect();
        due.sort_by_key(|i| self.operations[*i].ends);
        for i in due {
            self.operations[i].done = true;
            self.changes += 1;
            let operation = self.operations[i].clone();
            self.perform(&operation);
        }
    }

    fn perform(&mut self, operation: &Operation) {
        let id = &operation.resource;
        match &operation.deed {
            Deed::Become(body) if self.resources.contains_key(id) => self.put_there(id, body.clone()),
            Deed::State(state) => {
                if let Some(mut body) = self.resources.get(id).map(|r| r.body.clone()) {
                    body["properties"]["provisioningState"] = json!(state);
                    self.put_there(id, body);
                }
            }
            Deed::Appear(at, body) if !self.resources.contains_key(at) => self.put_there(at, body.clone()),
            Deed::Disappear => {
                let prefix = format!("{id}/").to_lowercase();
                let inside = |other: &&ResourceId| other.as_str().to_lowercase().starts_with(&prefix);
                let below: Vec<ResourceId> = self.resources.keys().filter(inside).cloned().collect();
                for id in below.iter().chain([id]) {
                    self.take_away(id);
                }
                self.take_traffic(id);
            }
            Deed::Become(_) | Deed::Appear(..) | Deed::Nothing => {}
        }
    }
}
