//! The change that the status remembers: a machine of its own, the same for every kind.

use std::time::Duration;

use jiff::Timestamp;

use super::elapsed;
use crate::azure::model::{Call, Operation, OperationState, Reply};

/// An operation's URL is believed for so long. Azure itself gives up on an operation after half an hour
/// (`x-ms-async-operation-timeout`, azure-ml.md B.1); registries with many regions were seen to take longer.
const BELIEVED: Duration = Duration::from_secs(2 * 3600);

/// The change that the status remembers, and what its URL said in this pass.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Followed {
    /// The change; none where nothing was begun, or its end was seen.
    pub remembered: Option<Operation>,
    /// What its URL answered; none where nobody asked, or no answer came.
    pub answer: Option<OperationState>,
}

impl Followed {
    /// What is to be believed of the answer at this time. After [`BELIEVED`] a change without an end counts as lost, and
    /// the resource is the truth. None where nothing is remembered, or nobody knows.
    pub fn believed(&self, now: Timestamp) -> Option<OperationState> {
        let since = self.remembered.as_ref()?.since;
        match &self.answer {
            failed @ Some(OperationState::Failed { .. }) => failed.clone(),
            _ if elapsed(since, now) >= BELIEVED => Some(OperationState::Gone),
            answer => answer.clone(),
        }
    }

    /// The change, while Azure works on it as far as anybody knows: where nobody asked, it has not ended.
    pub fn under_way(&self, now: Timestamp) -> Option<&Operation> {
        let goes_on = matches!(self.believed(now), None | Some(OperationState::Running));
        self.remembered.as_ref().filter(|_| goes_on)
    }

    /// Since when Azure works on the change.
    pub fn since(&self) -> Option<Timestamp> {
        self.remembered.as_ref().map(|o| o.since)
    }

    /// Takes in what a call has begun, and returns it for the status.
    pub fn begin(&mut self, call: &Call, reply: &Reply, now: Timestamp) -> Option<Operation> {
        let url = reply.operation.clone()?;
        *self = Self { remembered: Some(Operation::begun(call, url, now)), answer: None };
        self.remembered.clone()
    }
}
