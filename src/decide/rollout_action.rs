//! An action on a rollout: one word from a person. The binding that it speaks to judges it and carries it out; what is said of
//! the action itself is what the binding's status says.

mod gather;

use crate::api::{
    ActionState, ConditionType, Conditions, Reason, RolloutActionSpec, RolloutActionStatus, TakenAction,
    conditions_of,
};
use crate::decide::{Decision, Mode, Situation, Verdict, first_of};

pub use gather::{actions_for, ended};

/// Everything the decision needs.
#[derive(Debug, Clone)]
pub struct Facts {
    pub situation: Situation,
    pub spec: RolloutActionSpec,
    pub status: RolloutActionStatus,
    /// A hash of the object's name and of what it asks: by this the binding remembers the action.
    pub hash: String,
    /// What the binding says of the action.
    pub answer: Answer,
    /// The binding remembers as many actions as it can, and this one no more, and neither does its history.
    pub forgotten: bool,
    /// A GitOps tool has applied the object, and would apply it again.
    pub tracked: bool,
}

/// What a binding says of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// There is no such binding.
    NoBinding,
    /// Nothing: it has not looked at the action yet, or has dropped it from its status since.
    Nothing,
    /// This.
    Taken(Box<TakenAction>),
}

/// What to say of an action. The first question that has an answer decides.
pub fn decide(facts: &Facts) -> Decision<RolloutActionStatus> {
    let mut status = facts.status.clone();
    status.observed_generation = facts.situation.generation;
    status.last_handled_reconcile.clone_from(&facts.situation.asks);
    let verdict = first_of(facts, &[let_go, repeat_the_binding, remove, stay_at_the_end, look_for_binding])
        .unwrap_or_else(|| wait_for_the_binding(facts));
    let (conditions, verdict) = facts.situation.conclude(&facts.status.conditions, None, &[], verdict);
    status.conditions = with_own_conditions(facts, conditions_of(&conditions)).into_vec();
    verdict.decision(status)
}

impl Facts {
    /// Nothing is ever called for an action, so there is never an answer to take in.
    pub fn absorb(
        &mut self,
        _: &crate::azure::model::Call,
        _: Result<&crate::azure::model::Reply, &crate::azure::model::Error>,
    ) {
    }

    fn binding(&self) -> &str {
        &self.spec.binding_ref.name
    }
}

fn let_go(facts: &Facts) -> Option<Verdict> {
    facts.situation.deleting.then(|| Verdict::release("Nothing in Azure depends on this object."))
}

fn repeat_the_binding(facts: &Facts) -> Option<Verdict> {
    let Answer::Taken(taken) = &facts.answer else { return None };
    let said = &taken.message;
    Some(match taken.state {
        ActionState::Accepted => Verdict::blocked(Reason::Accepted, said),
        ActionState::Refused => Verdict::stalled(Reason::Refused, said),
        ActionState::Complete => Verdict::settled(Reason::Complete, said),
        ActionState::AlreadyDone => Verdict::settled(Reason::AlreadyDone, said),
    })
}

/// What has come to its end, and what nothing tells of any more, is removed: nobody else would do that. What a GitOps tool has
/// applied is that tool's to remove.
fn remove(facts: &Facts) -> Option<Verdict> {
    let may = facts.forgotten && !facts.tracked && facts.situation.mode == Mode::Act;
    stay_at_the_end(facts).filter(|_| may).map(|verdict| Verdict { remove: true, ..verdict })
}

/// A binding remembers the latest actions only, and may be gone. What was carried out or refused stays so.
fn stay_at_the_end(facts: &Facts) -> Option<Verdict> {
    let conditions = conditions_of(&facts.status.conditions);
    let reason = end(&conditions)?;
    let said = &conditions.get(ConditionType::Complete)?.message;
    let refused = reason == Reason::Refused;
    Some(if refused { Verdict::stalled(reason, said) } else { Verdict::settled(reason, said) })
}

/// How an action has come to its end; none while it has not.
fn end(conditions: &Conditions) -> Option<Reason> {
    let ends = [Reason::Complete, Reason::AlreadyDone, Reason::Refused];
    conditions.reason(ConditionType::Complete).filter(|reason| ends.contains(reason))
}

fn look_for_binding(facts: &Facts) -> Option<Verdict> {
    (facts.answer == Answer::NoBinding).then(|| {
        Verdict::stalled(
            Reason::ReferenceNotFound,
            format!(
                "There is no DeploymentBinding {} in this namespace. Check spec.bindingRef in a new RolloutAction.",
                facts.binding()
            ),
        )
    })
}

fn wait_for_the_binding(facts: &Facts) -> Verdict {
    let said = format!(
        "DeploymentBinding {} has not looked at this action yet: it does when it has read its endpoint in Azure, owns it, and knows the version that the manifest asks for. Its condition Ready says what it waits for.",
        facts.binding()
    );
    Verdict { ready: None, ..Verdict::blocked(Reason::ReferenceNotReady, said) }
}

/// `Complete` says what `Ready` says. `Accepted` is true from the moment that the binding has taken the action over.
fn with_own_conditions(facts: &Facts, mut conditions: Conditions) -> Conditions {
    let Some(ready) = conditions.get(ConditionType::Ready).cloned() else { return conditions };
    let Some(reason) = conditions.reason(ConditionType::Ready) else { return conditions };
    if facts.situation.deleting {
        return conditions;
    }
    let accepted = match reason {
        Reason::Accepted | Reason::Complete | Reason::AlreadyDone => Some(true),
        Reason::Refused => Some(false),
        _ => None,
    };
    let complete = match ready.status.as_str() {
        "True" => Some(true),
        "False" => Some(false),
        _ => None,
    };
    let (generation, now) = (facts.situation.generation, facts.situation.now);
    for (kind, status) in [(ConditionType::Accepted, accepted), (ConditionType::Complete, complete)] {
        conditions.set(kind, status, reason, &ready.message, generation, now);
    }
    conditions
}

#[cfg(test)]
mod tests;
