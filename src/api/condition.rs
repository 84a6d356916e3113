//! Conditions, and the stable words for their reasons.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::azure::model::{redacted, visible};

macro_rules! words {
    ($(#[$doc:meta])+ $enum:ident, $what:literal: $($(#[$variant:meta])* $name:ident,)+) => {
        $(#[$doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $enum {
            $($(#[$variant])* $name,)+
        }

        impl $enum {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];
        }

        impl fmt::Display for $enum {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => stringify!($name),)+ })
            }
        }

        impl FromStr for $enum {
            type Err = String;

            fn from_str(word: &str) -> Result<Self, String> {
                match word {
                    $(stringify!($name) => Ok(Self::$name),)+
                    _ => Err(format!("there is no {} {word}", $what)),
                }
            }
        }
    };
}

words! {
    /// What a condition speaks of.
    ConditionType, "condition":
    /// The manifest is reached: the summary of all others.
    Ready,
    /// Something healthy has all the traffic, whether the manifest is reached or not.
    Available,
    /// Work goes on. Absent otherwise.
    Reconciling,
    /// Only a person or a new spec can help. Absent otherwise.
    Stalled,
    /// Somebody changed in Azure what the manifest says.
    Drifted,
    /// Azure has the version.
    Registered,
    /// The date from which the version gets no new deployment is near. Absent otherwise.
    RetiringSoon,
    /// The version gets no new deployment any more. Absent otherwise.
    Retired,
    /// The workspace's policy lets it serve.
    Admitted,
    /// What serves, or is wanted, will not be approved any more before long. Absent otherwise.
    ApprovalExpiring,
    /// Azure has the endpoint, and it works.
    EndpointReady,
    /// The deployment of the wanted revision can serve.
    CandidateReady,
    /// A rollout moves.
    Progressing,
    /// The binding carries the action out, or has done so.
    Accepted,
    /// The action is carried out.
    Complete,
}

words! {
    /// Why a condition is what it is. The words are part of the API: people alert on them.
    Reason, "reason":
    // Work goes on.
    Creating,
    Updating,
    Deleting,
    Publishing,
    Copying,
    Registering,
    Progressing,
    Pausing,
    AwaitingPromotion,
    Analyzing,
    Verifying,
    Inconclusive,
    Soaking,
    WindowClosed,
    TakingBack,
    Finishing,
    Accepted,
    // All is well.
    Succeeded,
    Observed,
    InSync,
    Valid,
    Waived,
    ApprovalExpiring,
    Retiring,
    Retired,
    StillDeployed,
    Complete,
    AlreadyDone,
    // Something else has to happen first.
    ReferenceNotFound,
    ReferenceNotReady,
    NotWatched,
    IdentityNotAllowed,
    Suspended,
    OperationRunning,
    Inheriting,
    AwaitingHeir,
    // A person or a new spec has to help.
    NotAPublisher,
    OwnedByAnother,
    AdoptionRefused,
    NameTaken,
    Conflict,
    NotInAzure,
    AssetMismatch,
    Unchangeable,
    RegionRemovalRefused,
    UnknownTraffic,
    PolicyRefused,
    GateNotPassed,
    GateLoosened,
    NotApproved,
    Rejected,
    Expired,
    NotCounted,
    CandidateFailed,
    AnalysisFailed,
    VerificationFailed,
    QueryFailed,
    InvalidExpression,
    Aborted,
    Held,
    ProgressDeadlineExceeded,
    NotEmpty,
    InUse,
    ResourceFailed,
    NotKept,
    AutoscaleNotOurs,
    SecretNotOurs,
    SecretNotAllowed,
    KeysUnavailable,
    NothingServes,
    ReferenceCycle,
    Drifted,
    // Azure did not do what was asked.
    Refused,
    Locked,
    DisallowedByPolicy,
    OutOfQuota,
    Unreachable,
    Throttled,
    Unauthorized,
    CredentialFailed,
    Busy,
    NotFound,
}

/// The conditions of one status, by type.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Conditions(Vec<Condition>);

/// The conditions that a status holds, ready to be changed.
pub fn conditions_of(conditions: &[Condition]) -> Conditions {
    Conditions(conditions.to_vec())
}

/// What a condition's message may hold; the rest is cut.
const MESSAGE_LIMIT: usize = 1024;

impl Conditions {
    /// Sets a condition. The transition time moves only when the status does.
    pub fn set(
        &mut self,
        kind: ConditionType,
        status: Option<bool>,
        reason: Reason,
        message: impl Into<String>,
        generation: i64,
        now: Timestamp,
    ) {
        let status = match status {
            Some(true) => "True",
            Some(false) => "False",
            None => "Unknown",
        };
        let mut message = visible(&redacted(&message.into()));
        if let Some((cut, _)) = message.char_indices().nth(MESSAGE_LIMIT - 1) {
            message.truncate(cut);
            message.push('…');
        }
        if let Some(said) = self.get(kind).filter(|c| uncorrelated(&c.message) == uncorrelated(&message)) {
            message.clone_from(&said.message);
        }
        let old = self.get(kind).filter(|c| c.status == status);
        let condition = Condition {
            type_: kind.to_string(),
            status: status.into(),
            reason: reason.to_string(),
            message,
            observed_generation: Some(generation),
            last_transition_time: old.map_or_else(|| Time(seconds(now)), |c| c.last_transition_time.clone()),
        };
        match self.0.iter_mut().find(|c| c.type_ == condition.type_) {
            Some(slot) => *slot = condition,
            None => self.0.push(condition),
        }
    }

    /// Takes a condition away.
    pub fn remove(&mut self, kind: ConditionType) {
        let kind = kind.to_string();
        self.0.retain(|c| c.type_ != kind);
    }

    /// The condition of this type.
    pub fn get(&self, kind: ConditionType) -> Option<&Condition> {
        let kind = kind.to_string();
        self.0.iter().find(|c| c.type_ == kind)
    }

    /// Is this condition there, and true?
    pub fn is_true(&self, kind: ConditionType) -> bool {
        self.get(kind).is_some_and(|c| c.status == "True")
    }

    /// Why a condition is what it is; none where the condition is absent or its word is not ours.
    pub fn reason(&self, kind: ConditionType) -> Option<Reason> {
        self.get(kind)?.reason.parse().ok()
    }

    /// As the status holds them.
    pub fn into_vec(self) -> Vec<Condition> {
        self.0
    }
}

/// Kubernetes keeps times of conditions in whole seconds; a finer one would differ after a round trip.
fn seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// A message without Azure's correlation id, which is another one at each try: a status that differs in
/// nothing else is not worth a write.
fn uncorrelated(message: &str) -> (&str, &str) {
    let Some((before, rest)) = message.split_once("correlation ") else { return (message, "") };
    (before, rest.split_once(')').map_or("", |(_, after)| after))
}

#[cfg(test)]
mod tests {
    use super::{ConditionType, Conditions, Reason};
    use jiff::Timestamp;

    fn after(messages: &[&str]) -> String {
        let mut conditions = Conditions::default();
        for message in messages {
            conditions.set(
                ConditionType::Ready,
                Some(false),
                Reason::Refused,
                *message,
                1,
                Timestamp::UNIX_EPOCH,
            );
        }
        conditions.get(ConditionType::Ready).map(|c| c.message.clone()).unwrap_or_default()
    }

    #[test]
    fn a_message_is_one_line_in_which_everything_is_seen() {
        let forged = "tags.team is 'x\n\u{1b}[2KReady  True\u{202e}'.";
        assert_eq!(after(&[forged]), r"tags.team is 'x\n\u001b[2KReady  True\u202e'.");
    }

    #[test]
    fn the_same_refusal_keeps_its_first_correlation_id() {
        let first = "Azure said no (HTTP 400, correlation aaa). Mend it.";
        assert_eq!(after(&[first, "Azure said no (HTTP 400, correlation bbb). Mend it."]), first);
        let other = "Azure said never (HTTP 400, correlation bbb). Mend it.";
        assert_eq!(after(&[first, other]), other);
    }
}
