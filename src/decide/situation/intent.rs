//! An intent: what is stored before a call whose effect cannot be found again afterwards, such as a publish.
//!
//! Nobody can tell such an effect from a stranger's, and such a call must not be made twice. So the intent is in the status
//! when the call goes out, and stays there until somebody can say what became of the call:
//!
//! - the effect carries our mark: it is over;
//! - Azure said no, or its operation failed: nothing was done, and the call may be made again;
//! - nobody answered, or the operation was lost: the effect may still show, and is waited for.

use std::time::Duration;

use jiff::Timestamp;

use super::{Followed, elapsed};
use crate::azure::model::{Class, Error, OperationState, Reply};

/// The effect of a call may show for so long after nobody says any more how the call goes: as long as Azure follows an
/// operation itself (`x-ms-async-operation-timeout`, azure-ml.md B.1).
const SHOWS_WITHIN: Duration = Duration::from_secs(1800);

/// An intent that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intent {
    /// When it was stored, or since when nobody says any more how the call goes.
    pub since: Timestamp,
}

/// What a look into Azure says of the effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It is there, and carries our mark.
    Ours,
    /// Something is there, and nothing but the intent says that it is ours.
    Unmarked,
    /// It is not there.
    Absent,
    /// Nobody looked.
    Unseen,
}

impl Intent {
    /// What an answer to the call makes of the intent. An answer that says no means that nothing was done, and so
    /// does a request that never left. No answer says nothing at all.
    pub fn after(self, answer: Result<&Reply, &Error>) -> Option<Self> {
        let may_be_done = answer.err().is_none_or(|error| error.class == Class::Transient && !error.unsent);
        may_be_done.then_some(self)
    }

    /// What is left of the intent, by what the operation and a look say at this time.
    pub fn seen(self, effect: Effect, operation: &Followed, now: Timestamp) -> Option<Self> {
        match (effect, operation.believed(now)) {
            (Effect::Ours, _) | (Effect::Absent, Some(OperationState::Failed { .. })) => None,
            // From here on nobody says any more how it goes: the wait for the effect begins.
            (Effect::Absent, Some(OperationState::Gone | OperationState::Succeeded)) => {
                Some(Self { since: now })
            }
            _ => Some(self),
        }
    }

    /// Until when the effect may still show; none when that time is over.
    pub fn awaited_until(self, now: Timestamp) -> Option<Timestamp> {
        (elapsed(self.since, now) < SHOWS_WITHIN).then(|| self.since + SHOWS_WITHIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::model::{Purpose, ResourceId};
    use crate::decide::fixtures::{ago, failed_state, noon, operation};

    fn intent() -> Intent {
        Intent { since: ago(60) }
    }

    #[test]
    fn only_an_answer_that_says_no_ends_it() {
        let error = |class| Error::new(class, "No.");
        assert_eq!(intent().after(Ok(&Reply::default())), Some(intent()));
        assert_eq!(intent().after(Err(&error(Class::Transient))), Some(intent()));
        // A request that never left was not carried out.
        assert_eq!(intent().after(Err(&error(Class::Transient).before_sending())), None);
        for class in [Class::Permanent, Class::Conflict, Class::Unauthorized, Class::NotFound] {
            assert_eq!(intent().after(Err(&error(class))), None, "{class:?}");
        }
    }

    #[test]
    fn it_stands_until_somebody_can_say_what_became_of_the_call() {
        let followed = |state| operation(Purpose::Publish, "publish", &ResourceId::new("/x"), 60, state);
        let (running, succeeded, gone, failed) = (
            followed(OperationState::Running),
            followed(OperationState::Succeeded),
            followed(OperationState::Gone),
            followed(failed_state()),
        );
        let begins_anew = Some(Intent { since: noon() });
        let nobody = Followed::default();
        for (effect, operation, left) in [
            (Effect::Ours, &running, None),
            (Effect::Unmarked, &succeeded, Some(intent())),
            (Effect::Unmarked, &failed, Some(intent())),
            (Effect::Absent, &running, Some(intent())),
            (Effect::Absent, &succeeded, begins_anew),
            (Effect::Absent, &gone, begins_anew),
            (Effect::Absent, &failed, None),
            (Effect::Absent, &nobody, Some(intent())),
            (Effect::Unseen, &failed, Some(intent())),
        ] {
            assert_eq!(intent().seen(effect, operation, noon()), left, "{effect:?} {:?}", operation.answer);
        }
        let awaited = |seconds| Intent { since: ago(seconds) }.awaited_until(noon());
        let in_a_second = noon() + Duration::from_secs(1);
        assert_eq!((awaited(1799), awaited(1800)), (Some(in_a_second), None));
    }
}
