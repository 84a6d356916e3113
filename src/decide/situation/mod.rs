//! What the shell knows about an object and the moment, the same for every kind: who owns the resource
//! ([`ownership`]), who refers to it ([`referrers`]), how the last change goes ([`operation`]), what was asked for and not yet seen ([`intent`]), what did not work ([`failure`]); and the end of every
//! decision ([`conclude`]).

mod conclude;
mod failure;
mod intent;
mod operation;
mod ownership;
mod referrers;
mod secret;
mod watched;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::api::{ConditionType, conditions_of};
use crate::azure::model::{Lane, Principal};

pub use failure::{Attempt, Failure, Trouble, Written, retry_after};
pub use intent::{Effect, Intent};
pub use operation::Followed;
pub use ownership::{Adopting, Claimant, NotOurs, OWNER_TAG, Owner, Ownership, Right, Standing, Tagged};
pub use referrers::Referrers;
pub use secret::{KEYS_LABEL, KeysOf, SecretDeed, SecretDone, SecretRefusal, SecretWork};
pub use watched::Watched;

/// What the shell knows about the object and the moment.
#[derive(Debug, Clone)]
pub struct Situation {
    /// The time of this pass.
    pub now: Timestamp,
    /// `metadata.generation`.
    pub generation: i64,
    /// The value of the annotation that asks for a look now.
    pub asks: Option<String>,
    /// The cluster checks that an Approval is by whom it says.
    pub authors_checked: bool,
    /// `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// `metadata.deletionTimestamp`.
    pub deleted_at: Option<Timestamp>,
    /// Whether anything may be changed in Azure.
    pub mode: Mode,
    /// How often Azure is compared with the manifest.
    pub interval: Duration,
    /// How long a deletion waits for an heir where the manifest does not say it.
    pub handover: Duration,
    /// How urgent the object's requests are.
    pub lane: Lane,
    /// As whom the object's resource is read and changed; or why nobody does that, in sentences that say what to do.
    pub acting: Result<Principal, String>,
    /// Who we are, and who else names the same resource.
    pub ownership: Ownership,
    /// Who refers to it, where it is a place; looked up only when it is being deleted.
    pub referrers: Option<Referrers>,
    /// What was tried and did not work.
    pub trouble: Trouble,
    /// The change that the status remembers, and how it goes.
    pub operation: Followed,
}

/// Whether anything may be changed in Azure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Yes.
    Act,
    /// No: `suspend` is true.
    Suspended,
    /// No: `management` is `Observe`.
    Observe,
    /// No: the operator runs with `--observe-only`.
    ObserveOnly,
}

impl Mode {
    /// Azure is only looked at, whatever differs there.
    pub fn observes(self) -> bool {
        matches!(self, Self::Observe | Self::ObserveOnly)
    }
}

impl Situation {
    /// Which of the two settings says that nothing is changed: only who knows it can mend it.
    pub(in crate::decide) fn why_observed(&self) -> &'static str {
        match self.mode {
            Mode::ObserveOnly => "the operator runs with --observe-only",
            _ => "spec.management is Observe",
        }
    }

    /// Was this generation reached once? Then a difference in Azure is somebody else's doing, and not our own
    /// unfinished work.
    pub(super) fn stood(&self, old: &[Condition]) -> bool {
        let conditions = conditions_of(old);
        let is = |kind| {
            conditions.is_true(kind)
                && conditions.get(kind).is_some_and(|c| c.observed_generation == Some(self.generation))
        };
        self.mode.observes() || is(ConditionType::Ready) || is(ConditionType::Drifted)
    }

    /// How soon to look at something that has gone on since `since`: often at first, then less, at least every 15 s.
    pub(super) fn look_again(&self, since: Option<Timestamp>) -> Duration {
        self.look_less(since, Duration::from_secs(15))
    }

    /// A quarter of the time that it has gone on, from 1 s up to `at_most`.
    fn look_less(&self, since: Option<Timestamp>, at_most: Duration) -> Duration {
        let age = since.map_or(Duration::ZERO, |since| elapsed(since, self.now));
        (age / 4).clamp(Duration::from_secs(1), at_most.max(Duration::from_secs(1)))
    }
}

/// How long ago something was. For a time that lies ahead, as after a clock was set back, it is nothing: a wait may
/// then last longer, and is never cut short.
pub fn elapsed(since: Timestamp, now: Timestamp) -> Duration {
    since.duration_until(now).try_into().unwrap_or_default()
}

/// A time for a message.
pub fn in_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
