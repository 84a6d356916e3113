//! What to do next. Pure: facts in, decision out. No clock, no I/O, no kube client, no HTTP, so that
//! everything can be tried: by tables, by properties and by the simulation in `simulation`.
//!
//! Each kind has a page that reads aloud: `picture` says what is true, then the first question of a
//! list that has an answer decides what happens. `conclude` folds that answer into conditions, and
//! holds back what may not be done now: the same way for every kind.

mod condition;
mod digest;
mod drift;
pub mod facts;
#[cfg(test)]
pub(crate) mod fixtures;
mod owner_tags;
mod situation;
mod verdict;

pub mod approval;
pub mod deployment_binding;
pub mod gate;
pub mod model_version;
pub mod places;
pub mod rollout;
pub mod rollout_action;

use crate::api::{ConditionType, conditions_of};

pub use facts::{Facts, Kind, Look};
pub use places::{Place, Served, SourceVersion};
pub use situation::{
    Adopting, Attempt, Claimant, Effect, Failure, Followed, Intent, KEYS_LABEL, KeysOf, Mode, NotOurs,
    OWNER_TAG, Owner, Ownership, Referrers, Right, SecretDeed, SecretDone, SecretRefusal, SecretWork,
    Situation, Standing, Tagged, Trouble, Watched, Written, elapsed, in_seconds, retry_after,
};
pub use verdict::{Decision, Deed, Event, LookAgain, Verdict};

/// Asks the questions in their order; the first that has an answer decides.
fn first_of<F: ?Sized>(facts: &F, questions: &[fn(&F) -> Option<Verdict>]) -> Option<Verdict> {
    questions.iter().find_map(|ask| ask(facts))
}

/// A text without line breaks, for the middle of a sentence.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The conditions of an object that others look at, by word and without their times.
fn words_of(conditions: &[k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition]) -> String {
    let interesting = [ConditionType::Ready, ConditionType::Registered, ConditionType::Stalled];
    let conditions = conditions_of(conditions);
    let all = interesting.into_iter().filter_map(|kind| conditions.get(kind));
    all.map(|c| format!("{}={} {}", c.type_, c.status, c.reason)).collect::<Vec<_>>().join(",")
}
