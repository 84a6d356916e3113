//! What people ask of a rollout by RolloutActions: which of them is carried out, and what becomes of the others.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::Revision;
use super::revision::canonical;
use crate::api::{ActionTold, ActionWord, RolloutAction, TakenAction};
use crate::decide::digest::short_hash;

/// The tag of an endpoint that holds the hashes of the actions that were carried out, the latest first.
pub const ACTIONS_TAG: &str = "bindery-actions";

/// How many a tag holds: its value has 256 characters.
const MOST: usize = 25;
/// How many characters of a reason are repeated.
const REASON: usize = 256;

/// A RolloutAction, as the rollout sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The object's name.
    pub name: String,
    /// A hash of the name and of what is asked.
    pub hash: String,
    /// What is asked.
    pub word: ActionWord,
    /// What the action speaks of.
    pub revision: Revision,
    /// The step to pass; with Promote and none, all of them.
    pub step: Option<String>,
    /// Where to go back to.
    pub to: Option<Revision>,
    /// Who asks.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
    /// When it was asked, by the clock of the API server.
    pub at: Timestamp,
}

/// A hash of an action's name and of what it asks: an object that is applied again, with the same name and the same words, is the
/// same action.
pub fn hash_of(action: &RolloutAction) -> String {
    let spec = serde_json::to_value(&action.spec).unwrap_or_default();
    let name = action.metadata.name.as_deref().unwrap_or_default();
    short_hash(&format!("{name}\n{}", canonical(&spec)), 4)
}

impl Asked {
    /// What an object asks.
    pub fn of(action: &RolloutAction, now: Timestamp) -> Self {
        let spec = &action.spec;
        Self {
            name: action.metadata.name.clone().unwrap_or_default(),
            hash: hash_of(action),
            word: spec.action,
            revision: Revision::parse(&spec.revision),
            step: spec.step.clone(),
            to: spec.to_revision.as_deref().map(Revision::parse),
            by: spec.requested_by.clone(),
            reason: spec.reason.as_ref().map(|reason| reason.chars().take(REASON).collect()),
            at: action.metadata.creation_timestamp.as_ref().map_or(now, |at| at.0),
        }
    }

    /// What was asked by an object that is gone by now, as the status remembers it.
    pub fn remembered(taken: &TakenAction) -> Self {
        Self {
            name: taken.name.clone(),
            hash: taken.hash.clone(),
            word: taken.action,
            revision: Revision::parse(&taken.revision),
            step: taken.step.clone(),
            to: taken.to_revision.as_deref().map(Revision::parse),
            by: taken.requested_by.clone(),
            reason: taken.reason.clone(),
            at: taken.since,
        }
    }

    /// For a history.
    pub fn told(&self) -> ActionTold {
        ActionTold {
            name: self.name.clone(),
            action: self.word,
            requested_by: self.by.clone(),
            reason: self.reason.clone(),
        }
    }

    /// Of two, the safer one is carried out first, and of two that are equally safe the older one.
    pub fn precedence(&self) -> impl Ord + use<> {
        let safety = match self.word {
            ActionWord::Abort => 4,
            ActionWord::Rollback => 3,
            ActionWord::Retry => 2,
            ActionWord::Release => 1,
            ActionWord::Promote => 0,
        };
        (Reverse(safety), self.at, self.name.clone())
    }
}

/// The actions that an endpoint says were carried out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CarriedOut(Vec<String>);

impl CarriedOut {
    /// From the tag's text.
    pub fn parse(text: &str) -> Self {
        Self(text.split_whitespace().take(MOST).map(str::to_string).collect())
    }

    /// Is this one among them?
    pub fn contains(&self, hash: &str) -> bool {
        self.0.iter().any(|known| known == hash)
    }

    /// These, and one more.
    #[must_use]
    pub fn and(&self, hash: &str) -> Self {
        let others = self.0.iter().filter(|known| *known != hash).cloned();
        Self(std::iter::once(hash.to_string()).chain(others).take(MOST).collect())
    }

    /// The tag's text; none where nothing was carried out.
    pub fn to_tag(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_that_were_carried_out_fit_into_a_tag() {
        let all = (0..40).fold(CarriedOut::default(), |all, n| all.and(&format!("{n:08x}")));
        let text = all.to_tag().unwrap();
        assert!(text.len() <= 256 && text.starts_with("00000027 00000026 "), "{text}");
        assert_eq!(CarriedOut::parse(&text), all);
        assert!(all.contains("0000000f") && !all.contains("0000000e"));
        assert_eq!(all.and("00000020").to_tag().unwrap().matches("00000020").count(), 1);
        assert_eq!(CarriedOut::default().to_tag(), None);
    }
}
