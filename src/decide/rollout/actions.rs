//! What people ask of a rollout by RolloutActions: which of them is carried out, and what becomes of the others.

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use super::Revision;
use super::revision::canonical;
use crate::api::{ActionState, ActionTold, ActionWord, RolloutAction, Step, TakenAction};
use crate::decide::digest::short_hash;
use crate::decide::in_one_line;

/// The tag of an endpoint that holds the hashes of the actions that were carried out, the latest first, and after them those of
/// the actions that were refused, each with a `-` before it.
pub const ACTIONS_TAG: &str = "bindery-actions";

/// The tag of an endpoint that says which revision is held back.
pub const HOLD_TAG: &str = "bindery-hold";

/// How many a tag holds: its value has 256 characters.
const MOST: usize = 25;
/// How many of these may be refused ones: whoever makes many of those must not push out what was carried out.
const MOST_REFUSED: usize = 10;
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
    /// How it has come to its end and what was said then, by the object's own status.
    pub ended: Option<(ActionState, String)>,
}

/// What a person promotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// The step with this index.
    Step(usize),
    /// All steps that are left.
    All,
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
            reason: spec.reason.as_ref().map(|reason| in_one_line(reason).chars().take(REASON).collect()),
            at: action.metadata.creation_timestamp.as_ref().map_or(now, |at| at.0),
            ended: None,
        }
    }

    /// What is to be passed, of these steps; none of an action that promotes nothing.
    pub fn promotes(&self, steps: &[Step]) -> Option<Pass> {
        match (&self.step, self.word) {
            (Some(name), ActionWord::Promote) => {
                steps.iter().position(|it| it.name.as_ref() == Some(name)).map(Pass::Step)
            }
            (None, ActionWord::Promote) => Some(Pass::All),
            _ => None,
        }
    }

    /// Does it take traffic away? Then nothing rides along that Azure may refuse.
    pub fn takes_back(&self) -> bool {
        matches!(self.word, ActionWord::Abort | ActionWord::Rollback)
    }

    /// For a sentence: `RolloutAction taxi-abort-1 of ada`.
    pub fn title(&self) -> String {
        format!("RolloutAction {} of {}", self.name, self.by)
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
            ended: None,
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
        (safest_first(self.word), self.at, self.name.clone())
    }
}

/// The order in which actions are carried out: first what takes traffic away.
pub fn safest_first(word: ActionWord) -> impl Ord {
    Reverse(match word {
        ActionWord::Abort => 4,
        ActionWord::Rollback => 3,
        ActionWord::Retry => 2,
        ActionWord::Release => 1,
        ActionWord::Promote => 0,
    })
}

/// The actions that an endpoint says were carried out, and those that it says were refused; each the latest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CarriedOut {
    done: Vec<String>,
    refused: Vec<String>,
}

impl CarriedOut {
    /// From the tag's text.
    pub fn parse(text: &str) -> Self {
        let mut all = Self::default();
        for word in text.split_whitespace().take(MOST) {
            match word.strip_prefix('-') {
                Some(refused) => all.refused.push(refused.into()),
                None => all.done.push(word.into()),
            }
        }
        all
    }

    /// Was this one carried out?
    pub fn contains(&self, hash: &str) -> bool {
        self.done.iter().any(|known| known == hash)
    }

    /// Was this one refused?
    pub fn has_refused(&self, hash: &str) -> bool {
        self.refused.iter().any(|known| known == hash)
    }

    /// These, and one more that is carried out.
    #[must_use]
    pub fn and(&self, hash: &str) -> Self {
        let done = std::iter::once(hash).chain(self.done.iter().map(String::as_str));
        Self { done: one_of_each(done), refused: self.refused.clone() }.fit()
    }

    /// Those of these that have come to their end.
    pub fn of(taken: &[TakenAction]) -> Self {
        let mut all = Self::default();
        for it in taken {
            match it.state {
                ActionState::Accepted => {}
                ActionState::Refused => all.refused.push(it.hash.clone()),
                ActionState::Complete | ActionState::AlreadyDone => all.done.push(it.hash.clone()),
            }
        }
        all
    }

    /// These, and what the status knows of others: after a restore without status, only the tag can tell.
    #[must_use]
    pub fn with(&self, known: &Self) -> Self {
        let all =
            |first: &[String], then: &[String]| one_of_each(first.iter().chain(then).map(String::as_str));
        Self { done: all(&self.done, &known.done), refused: all(&known.refused, &self.refused) }.fit()
    }

    /// As many of them as a tag holds.
    fn fit(mut self) -> Self {
        self.refused.truncate(MOST_REFUSED);
        self.done.truncate(MOST - self.refused.len());
        self
    }

    /// The tag's text; none where no action has come to its end.
    pub fn to_tag(&self) -> Option<String> {
        let refused = self.refused.iter().map(|hash| format!("-{hash}"));
        let all: Vec<String> = self.done.iter().cloned().chain(refused).collect();
        (!all.is_empty()).then(|| all.join(" "))
    }
}

fn one_of_each<'a>(hashes: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut all: Vec<String> = vec![];
    for hash in hashes {
        if all.iter().all(|known| known != hash) {
            all.push(hash.into());
        }
    }
    all
}

/// A revision that is held back, and what serves instead, as the tag of an endpoint holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What is held back.
    pub revision: Revision,
    /// What serves instead.
    pub to: Revision,
    /// Since when.
    pub since: Timestamp,
}

impl fmt::Display for Held {
    /// For a tag: `5e6f7a8b90 1a2b3c4d5e 2026-03-01T12:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.revision, self.to, self.since)
    }
}

impl FromStr for Held {
    type Err = ();

    /// From the text that `Display` gives.
    fn from_str(text: &str) -> Result<Self, ()> {
        let [revision, to, since] = text.split(' ').collect::<Vec<_>>().try_into().map_err(|_| ())?;
        let since = since.parse().map_err(|_| ())?;
        Ok(Self { revision: Revision::parse(revision), to: Revision::parse(to), since })
    }
}

/// Where a rollout stands, as far as an action is judged by it.
#[derive(Debug, Clone)]
pub struct Standing<'a> {
    /// What the manifest asks for.
    pub wanted: Revision,
    /// What serves for certain.
    pub stable: Option<Revision>,
    /// What was stable before and may be gone back to, the last one first.
    pub before: Vec<Revision>,
    /// What was stable before and may not be gone back to, and why, for a sentence.
    pub kept_from: Vec<(Revision, String)>,
    /// The wanted revision has failed.
    pub failed: bool,
    /// The wanted revision is held back.
    pub held: Option<Held>,
    /// What should serve instead has failed.
    pub back_failed: bool,
    /// The steps.
    pub steps: &'a [Step],
    /// The step that goes on or comes next; none while the candidate cannot serve yet.
    pub step: Option<usize>,
    /// The steps whose measurements do not say how the candidate does.
    pub unclear: Vec<String>,
}

fn failed_already(revision: &Revision) -> String {
    format!("Revision {revision} has failed already and has no traffic.")
}

impl Standing<'_> {
    /// Why an action is not carried out, in a sentence; none where it is.
    pub fn refuses(&self, asked: &Asked) -> Option<String> {
        let (revision, wanted) = (&asked.revision, &self.wanted);
        let serves = self.stable.as_ref() == Some(revision);
        let stale = || {
            format!(
                "It speaks of revision {revision}, and the binding asks for revision {wanted} now. Look at what is going on, and make a new RolloutAction."
            )
        };
        let not_failed = || format!("Revision {revision} has not failed, so there is nothing to try again.");
        let arrived = || format!("Revision {revision} serves already; there is no rollout of it.");
        match asked.word {
            ActionWord::Rollback => self.refuses_to_go_back(asked),
            ActionWord::Release => match &self.held {
                Some(held) if held.revision == *revision => None,
                Some(held) => {
                    Some(format!("What is held back is revision {}, not {revision}.", held.revision))
                }
                None => Some("Nothing is held back.".into()),
            },
            ActionWord::Retry if self.held.as_ref().is_some_and(|held| held.to == *revision) => {
                (!self.back_failed).then(not_failed)
            }
            _ if revision != wanted => Some(stale()),
            _ if self.held.is_some() => Some(format!(
                "Revision {revision} is held back since it was rolled back. A RolloutAction with action: Release ends that."
            )),
            ActionWord::Abort if serves => Some(format!(
                "{} To go back to what served before, make a RolloutAction with action: Rollback.",
                arrived()
            )),
            ActionWord::Abort => self.failed.then(|| failed_already(revision)),
            ActionWord::Retry => (!self.failed).then(not_failed),
            ActionWord::Promote if serves => Some(arrived()),
            ActionWord::Promote if self.failed => Some(format!(
                "Revision {revision} has failed. A RolloutAction with action: Retry has it tried again."
            )),
            ActionWord::Promote => asked.step.as_ref().and_then(|step| self.refuses_to_pass(step)),
        }
    }

    fn refuses_to_go_back(&self, asked: &Asked) -> Option<String> {
        let (revision, wanted) = (&asked.revision, &self.wanted);
        if self.held.as_ref().is_some_and(|held| held.revision == *revision) {
            return Some(format!("Revision {revision} is held back already."));
        }
        if revision != wanted && self.stable.as_ref() != Some(revision) {
            return Some(format!(
                "It speaks of revision {revision}, and the binding asks for revision {wanted} now. Look at what is going on, and make a new RolloutAction."
            ));
        }
        if self.failed && revision == wanted && self.stable.as_ref() != Some(revision) {
            let serves = self.stable.as_ref().map(|it| format!(" Revision {it} serves.")).unwrap_or_default();
            return Some(format!("{}{serves}", failed_already(revision)));
        }
        if let Some(to) = &asked.to
            && self.goes_back_to(asked).is_none()
        {
            let kept = self.kept_from.iter().find(|(it, _)| it == to);
            return Some(match kept {
                Some((_, because)) => format!("There is no going back to revision {to}: {because}."),
                None => format!(
                    "Revision {to} is not one that was stable here before, as far as status.history knows. To serve another one, name its version in spec.model.versionRef, or revert that in Git."
                ),
            });
        }
        match self.goes_back_to(asked) {
            Some(back) if back == wanted && self.held.is_some() => Some(format!(
                "What served before revision {revision} is revision {back}, which is held back. A RolloutAction with action: Release ends that."
            )),
            Some(back) if back == wanted => {
                Some(format!("The binding asks for revision {back} already, and goes back to it by itself."))
            }
            Some(_) => None,
            None => {
                let kept = |(it, because): &(Revision, String)| format!(" Not to revision {it}: {because}.");
                let kept: String = self.kept_from.iter().map(kept).collect();
                Some(format!(
                    "There is nothing to go back to: status.history knows no other revision that was stable here and may serve again.{kept} Name the version that should serve in spec.model.versionRef, or revert that in Git."
                ))
            }
        }
    }

    /// Where a Rollback goes: from a candidate to what is stable, and from that to the revision that it names, or to the last that
    /// was stable before.
    pub fn goes_back_to(&self, asked: &Asked) -> Option<&Revision> {
        let to = |it: &&Revision| asked.to.as_ref().is_none_or(|to| *it == to);
        if self.stable.as_ref() == Some(&asked.revision) {
            self.before.iter().find(to)
        } else {
            self.stable.iter().find(to)
        }
    }

    fn refuses_to_pass(&self, step: &str) -> Option<String> {
        let steps = self.steps.len();
        let Some(at) = self.index_of(step) else {
            return Some(format!("There is no step {step} in spec.strategy.steps."));
        };
        if self.unclear.iter().any(|unclear| unclear == step) {
            return None;
        }
        if self.steps[at].analysis.is_some() {
            return Some(format!(
                "Step {step} is passed by itself when the measurements are good. It can be promoted only when they are inconclusive. To pass all steps that are left, promote with full: true."
            ));
        }
        if self.steps[at].pause.is_none() {
            return Some(format!(
                "Step {step} is no pause, and is passed by itself. To pass all steps that are left, promote with full: true."
            ));
        }
        match self.step {
            Some(stands) if stands == at => None,
            Some(stands) if stands > at => Some(format!("Step {step} is passed already.")),
            Some(stands) => Some(format!(
                "The rollout stands at step {} of {steps}, before step {step}. Promote {step} when the rollout has come there.",
                stands + 1
            )),
            None => Some(format!(
                "The new deployment cannot serve yet, so the rollout does not stand at step {step}. Promote it when the rollout has come there."
            )),
        }
    }

    /// Where a step is, by its name.
    pub fn index_of(&self, step: &str) -> Option<usize> {
        self.steps.iter().position(|it| it.name.as_deref() == Some(step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_that_were_carried_out_fit_into_a_tag() {
        let all = (0..40).fold(CarriedOut::default(), |all, n| all.and(&format!("{n:08x}")));
        let refused =
            CarriedOut { refused: (0..40).map(|n| format!("{n:08x}")).collect(), ..CarriedOut::default() };
        let both = all.with(&refused);
        let text = both.to_tag().unwrap_or_default();
        assert!(text.len() <= 256 && text.starts_with("00000027 ") && text.ends_with(" -00000009"), "{text}");
        assert_eq!(CarriedOut::parse(&text), both);
        assert!(
            both.contains("00000019") && !both.contains("00000018"),
            "many refused ones leave room for 15"
        );
        assert!(both.has_refused("00000000") && !both.has_refused("00000027") && !both.contains("00000000"));
        assert_eq!(both.with(&refused), both);
        let text = all.to_tag().unwrap_or_default();
        assert!(text.len() <= 256 && text.starts_with("00000027 00000026 "), "{text}");
        assert_eq!(CarriedOut::parse(&text), all);
        assert!(all.contains("0000000f") && !all.contains("0000000e"));
        assert_eq!(all.and("00000020").to_tag().unwrap_or_default().matches("00000020").count(), 1);
        assert_eq!(CarriedOut::default().to_tag(), None);
    }
}
