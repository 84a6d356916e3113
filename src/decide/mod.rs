//! What to do next. Pure: facts in, decision out. No clock, no I/O, no kube client, no HTTP, so that
//! everything can be tried: by tables, by properties and by the simulation in `simulation`.
//!
//! Each kind has a page that reads aloud: `picture` says what is true, then the first question of a
//! list that has an answer decides what happens. `conclude` folds that answer into conditions, and
//! holds back what may not be done now: the same way for every kind.

mod drift;
mod facts;
#[cfg(test)]
mod fixtures;
mod place;
#[cfg(test)]
mod simulation;
mod situation;
mod verdict;

pub mod deployment_binding;
pub mod model_version;
pub mod registry;
pub mod rollout;
pub mod workspace;

pub use facts::{Facts, Look, Place, SourceVersion, look, settle};
pub use situation::{
    Attempt, Claimant, Failure, Followed, Mode, OWNER_TAG, Owner, Ownership, Situation, Trouble, elapsed,
    retry_after,
};
pub use verdict::{Decision, Event, LookAgain, Verdict};

/// Asks the questions in their order; the first that has an answer decides.
fn first_of<F: ?Sized>(facts: &F, questions: &[fn(&F) -> Option<Verdict>]) -> Option<Verdict> {
    questions.iter().find_map(|ask| ask(facts))
}
