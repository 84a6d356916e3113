//! What was tried on Azure and did not work, and when it is tried again.

use std::time::Duration;

use jiff::Timestamp;

use super::{SecretDone, Situation, elapsed};
use crate::azure::model::{
    Action, Call, Class, Error, Operation, OperationState, Purpose, Reply, ResourceId,
};

/// What was tried and did not work, as far as this process remembers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trouble {
    /// The last call that did not work, with no success since.
    pub failure: Option<Failure>,
    /// Set when Azure could not be read in this pass.
    pub unreadable: Option<Failure>,
    /// When Azure was last read.
    pub last_read: Option<Timestamp>,
    /// The last PUT or PATCH that Azure took, and of which nobody has seen yet that it was kept.
    pub written: Option<Written>,
    /// Since when this generation refers to something that is not there, or cannot get ready.
    pub missing: Option<Timestamp>,
    /// What came of the Secret that this generation asks for.
    pub secret: Option<SecretDone>,
}

/// A PUT that Azure took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// What was asked.
    pub attempt: Attempt,
    /// What of it was ours.
    pub content: u64,
    /// When it was taken.
    pub at: Timestamp,
    /// How often in a row, this time included.
    pub times: u32,
}

impl Written {
    /// Would this call write the same once more?
    pub fn again(&self, call: &Call) -> bool {
        is_written(call) && self.attempt.is(call) && self.content == call.content
    }
}

/// Does the call say how the resource, or a part of it, is to be?
fn is_written(call: &Call) -> bool {
    matches!(call.action, Action::Put(_) | Action::Patch(_))
}

/// Something that is tried on Azure. Two attempts are the same when purpose and resource are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What for.
    pub purpose: Purpose,
    /// The resource.
    pub resource: ResourceId,
    /// The rest of the sentence "Bindery could not …".
    pub doing: String,
}

impl Attempt {
    /// Is this call another try of the same?
    pub fn is(&self, call: &Call) -> bool {
        self.purpose == call.errand.purpose && self.resource == call.resource
    }

    /// Is it the same as another one?
    pub fn same_as(&self, other: &Self) -> bool {
        self.purpose == other.purpose && self.resource == other.resource
    }
}

impl From<&Call> for Attempt {
    fn from(call: &Call) -> Self {
        Self { purpose: call.errand.purpose, resource: call.resource.clone(), doing: call.doing.clone() }
    }
}

impl From<&Operation> for Attempt {
    fn from(operation: &Operation) -> Self {
        let Operation { purpose, resource, doing, .. } = operation.clone();
        Self { purpose, resource, doing }
    }
}

/// An attempt that did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What was tried.
    pub attempt: Attempt,
    /// What came back.
    pub error: Error,
    /// When.
    pub at: Timestamp,
    /// How often in a row, this time included.
    pub times: u32,
}

impl Failure {
    /// The failure that follows `before` when the same thing did not work once more.
    pub fn once_more(before: Option<&Self>, attempt: Attempt, error: Error, at: Timestamp) -> Self {
        let times = before.filter(|f| f.attempt.same_as(&attempt)).map_or(0, |f| f.times) + 1;
        Self { attempt, error, at, times }
    }
}

impl Failure {
    /// What to do where Azure did not make the resource because its name is in use elsewhere.
    ///
    /// The name of a registry is unique in the tenant, and how Azure says that it is taken nobody has recorded: so it is a conflict
    /// again and again about a registry that is not there, when another change would be over. The name of an endpoint is unique in
    /// its region, and Azure says so.
    pub fn advice_on_a_taken_name(&self) -> Option<&'static str> {
        let Attempt { purpose, resource, .. } = &self.attempt;
        let collection = resource.parent().name().to_ascii_lowercase();
        let said = || self.error.message.to_ascii_lowercase().contains("unique within a region");
        match collection.as_str() {
            _ if *purpose != Purpose::Create => None,
            "registries" if self.error.class == Class::Conflict && self.times >= 3 => Some(
                "The name of a registry is unique in the whole tenant, and this one is in use in another resource group or not free again after a deletion. Make a new object with another name in spec.azure.name, or have the other registry deleted",
            ),
            "onlineendpoints" | "batchendpoints" if said() => Some(
                "The name of an endpoint is unique in its region, in all subscriptions. Make a new DeploymentBinding with another name of the endpoint, or have the other endpoint deleted",
            ),
            _ => None,
        }
    }
}

impl Situation {
    /// How long this call waits for its next try: not at all, where it was not the last that did not work.
    pub fn left_to_retry(&self, call: &Call) -> Duration {
        let failure = self.trouble.failure.as_ref().filter(|failure| failure.attempt.is(call));
        failure.map_or(Duration::ZERO, |failure| {
            let wait = retry_after(failure.error.class, failure.times, self.interval);
            wait.saturating_sub(elapsed(failure.at, self.now))
        })
    }

    /// Takes in what became of the change that the status remembers. A change that was accepted has not worked before
    /// its operation says so: until then a failure is counted on.
    pub fn take_in_operation(&mut self) {
        let Some(operation) = &self.operation.remembered else { return };
        match &self.operation.answer {
            Some(OperationState::Failed { code, message }) => {
                let error = Error { code: code.clone(), ..Error::new(Class::Permanent, message.clone()) };
                let before = self.trouble.failure.take();
                let failure = Failure::once_more(before.as_ref(), operation.into(), error, self.now);
                self.trouble.failure = Some(failure);
                self.trouble.written = None;
            }
            Some(OperationState::Succeeded) => self.trouble.failure = None,
            Some(OperationState::Running | OperationState::Gone) | None => {}
        }
    }

    /// Takes in the answer to a call, at this time.
    pub fn take_in_answer(&mut self, call: &Call, answer: Result<&Reply, &Error>, now: Timestamp) {
        self.now = now;
        // A new endpoint has other keys than the one before.
        if call.errand.purpose == Purpose::Create {
            self.trouble.secret = None;
        }
        match answer {
            Err(error) => {
                let before = self.trouble.failure.take();
                let failure = Failure::once_more(before.as_ref(), call.into(), error.clone(), now);
                self.trouble.failure = Some(failure);
            }
            // What is only accepted may still fail.
            Ok(reply) if reply.operation.is_some() => self.remember_written(call),
            Ok(_) => {
                self.trouble.failure = None;
                self.remember_written(call);
            }
        }
    }

    fn remember_written(&mut self, call: &Call) {
        let before = self.trouble.written.take().filter(|before| before.again(call));
        let times = before.map_or(0, |before| before.times) + 1;
        let written = Written { attempt: call.into(), content: call.content, at: self.now, times };
        self.trouble.written = is_written(call).then_some(written);
    }
}

/// How long to wait after a failure, by its class and how often it happened. Nothing stops for good.
pub fn retry_after(class: Class, times: u32, interval: Duration) -> Duration {
    let doubling = |first: u64, most: Duration| {
        Duration::from_secs(first.saturating_mul(1 << times.saturating_sub(1).min(10))).min(most)
    };
    match class {
        Class::Throttled(wait) => wait.max(Duration::from_secs(1)),
        Class::Conflict => doubling(2, Duration::from_secs(60)),
        Class::Transient => doubling(1, Duration::from_secs(300)),
        Class::Permanent | Class::Unauthorized | Class::Credential | Class::NotFound => {
            doubling(10, interval.max(Duration::from_secs(60)))
        }
    }
}
