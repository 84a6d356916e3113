//! The change that the status remembers: a machine of its own, the same for every kind.

use std::time::Duration;

use jiff::Timestamp;

use super::elapsed;
use crate::azure::model::{Call, Operation, OperationState, Reply};

/// An operation's URL is believed for so long. Azure itself gives up on an operation after half an hour
/// (`x-ms-async-operation-timeout`, azure-ml.md B.1); registries with many regions were seen to take longer.
const BELIEVED: Duration = Duration::from_secs(2 * 3600);

/// A change that began so much later than now has not been noted by Bindery: clocks differ by less.
const AHEAD: Duration = Duration::from_secs(300);

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
    /// the resource is the truth; so does one that is to begin only later. None where nothing is remembered, or nobody knows.
    pub fn believed(&self, now: Timestamp) -> Option<OperationState> {
        let since = self.remembered.as_ref()?.since;
        match &self.answer {
            failed @ Some(OperationState::Failed { .. }) => failed.clone(),
            _ if elapsed(since, now) >= BELIEVED || elapsed(now, since) > AHEAD => Some(OperationState::Gone),
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

    /// Takes in what an accepted call has begun, and returns it for the status. A call that is done at once leaves
    /// nothing to follow: what was followed before it is over too, for the service makes one change at a time.
    pub fn begin(&mut self, call: &Call, reply: &Reply, now: Timestamp) -> Option<Operation> {
        let begun = reply.operation.clone().map(|url| Operation::begun(call, url, now));
        *self = Self { remembered: begun.clone(), answer: None };
        begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::model::{Action, Purpose, ResourceId};
    use crate::decide::fixtures::{failed_state, noon, operation};

    fn followed(seconds_ago: u64, answer: Option<OperationState>) -> Followed {
        let id = ResourceId::new("/x");
        let asked = operation(Purpose::Update, "change it", &id, seconds_ago, OperationState::Running);
        Followed { answer, ..asked }
    }

    fn ahead(seconds: u64) -> Followed {
        let mut followed = followed(0, None);
        if let Some(operation) = &mut followed.remembered {
            operation.since += Duration::from_secs(seconds);
        }
        followed
    }

    #[test]
    fn not_asked_is_not_running_and_no_end_either() {
        for (it, believed, under_way) in [
            (followed(60, None), None, true),
            (followed(60, Some(OperationState::Running)), Some(OperationState::Running), true),
            (followed(60, Some(OperationState::Succeeded)), Some(OperationState::Succeeded), false),
            (followed(60, Some(OperationState::Gone)), Some(OperationState::Gone), false),
            (followed(60, Some(failed_state())), Some(failed_state()), false),
            // After two hours only a failure is still believed.
            (followed(7200, None), Some(OperationState::Gone), false),
            (followed(7200, Some(OperationState::Running)), Some(OperationState::Gone), false),
            (followed(7200, Some(failed_state())), Some(failed_state()), false),
            // One that begins next year would be followed without end.
            (ahead(300), None, true),
            (ahead(301), Some(OperationState::Gone), false),
            (ahead(31_536_000), Some(OperationState::Gone), false),
            (Followed::default(), None, false),
        ] {
            assert_eq!(it.believed(noon()), believed, "{it:?}");
            assert_eq!(it.under_way(noon()).is_some(), under_way, "{it:?}");
        }
    }

    #[test]
    fn a_call_that_is_done_at_once_leaves_nothing_to_follow() {
        let call = Call::new(Purpose::Update, ResourceId::new("/x"), Action::Delete, "change it");
        let mut it = followed(60, Some(failed_state()));
        let accepted = Reply { status: 202, operation: Some("https://op".into()), ..Reply::default() };
        let begun = it.begin(&call, &accepted, noon());
        assert_eq!((begun.map(|o| o.url), &it.answer), (Some("https://op".into()), &None));
        assert_eq!(it.begin(&call, &Reply { status: 200, ..Reply::default() }, noon()), None);
        assert_eq!(it, Followed::default());
    }
}
