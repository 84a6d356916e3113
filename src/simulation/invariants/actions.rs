//! What must hold of people's words to a rollout.

use serde_json::Value;

use super::{hold, share_in, wanted, was_ever_stable};
use crate::api::{ActionWord, AnyObject, ConditionType, Object as _, Reason, conditions_of};
use crate::azure::model::{Action, Call};
use crate::decide::deployment_binding::Facts;
use crate::decide::rollout::Asked;

/// The operator removes nothing but RolloutActions that were carried out or refused.
pub fn what_is_removed_has_ended(object: &AnyObject) -> Result<(), String> {
    let AnyObject::RolloutAction(action) = object else { return Err("something is removed".into()) };
    let complete = conditions_of(action.conditions()).reason(ConditionType::Complete);
    let ended = matches!(complete, Some(Reason::Complete | Reason::AlreadyDone | Reason::Refused));
    hold(ended, || format!("{} is removed, and has not come to its end: {complete:?}", action.full_name()))
}

fn hashes(tags: Option<&str>) -> Vec<&str> {
    tags.map(|text| text.split(' ').collect()).unwrap_or_default()
}

fn found(facts: &Facts) -> Vec<&str> {
    let tag = facts.endpoint.found().and_then(|endpoint| endpoint.tags.get("bindery-actions"));
    hashes(tag.map(String::as_str))
}

/// The actions with this word that a PUT of the endpoint carries out: it writes their hash, and the endpoint does not have that yet.
/// What was over before only stays known, on an endpoint that was made anew.
pub fn carried_out_by<'a>(facts: &'a Facts, call: &Call, word: ActionWord) -> Vec<&'a Asked> {
    let Action::Put(body) = &call.action else { return vec![] };
    let (before, after) = (found(facts), hashes(body["tags"]["bindery-actions"].as_str()));
    let new = |it: &&Asked| after.contains(&it.hash.as_str()) && !before.contains(&it.hash.as_str());
    facts.asked.iter().filter(|it| it.word == word && it.ended.is_none()).filter(new).collect()
}

/// Was an action with this word carried out for this revision, as far as anybody can know? The object of one may be gone.
pub fn may_have_been(facts: &Facts, word: ActionWord, revision: &str) -> bool {
    found(facts).into_iter().any(|hash| match facts.asked.iter().find(|it| it.hash == hash) {
        Some(asked) => asked.word == word && asked.revision.to_string() == revision,
        None => true,
    })
}

/// Does this call roll back to this revision what the manifest asks for and what serves, as a person asked? It was stable before.
pub fn rolls_back_to(facts: &Facts, call: &Call, revision: &str) -> bool {
    let hold = facts.endpoint.found().and_then(|endpoint| endpoint.tags.get("bindery-hold"));
    let is_held = hold.and_then(|tag| tag.split(' ').nth(1)).is_some_and(|to| to == revision);
    let asked = !carried_out_by(facts, call, ActionWord::Rollback).is_empty();
    (asked || is_held) && was_ever_stable(facts, revision)
}

/// What is held back gets no more than it has, unless somebody lets it go on.
pub fn what_is_held_back_does_not_rise(facts: &Facts, call: &Call) -> Result<(), String> {
    let (Action::Put(body), Some(endpoint)) = (&call.action, facts.endpoint.found()) else { return Ok(()) };
    let held = endpoint.tags.get("bindery-hold").and_then(|tag| tag.split(' ').next());
    let (Some(held), Some((revision, name))) = (held, wanted(facts)) else { return Ok(()) };
    if revision.to_string() != held || !carried_out_by(facts, call, ActionWord::Release).is_empty() {
        return Ok(());
    }
    let before = serde_json::to_value(endpoint).unwrap_or(Value::Null);
    hold(share_in(body, &name) <= share_in(&before, &name), || {
        format!("{name} is held back, and rises: {}", call.doing)
    })?;
    let still = body["tags"]["bindery-hold"].as_str().is_some_and(|tag| tag.starts_with(held));
    hold(still, || format!("{held} is not held back any more: {}", call.doing))
}

/// An action is carried out for the revision that it speaks of, and for no other: what the manifest asks for, or, to roll back, what
/// serves.
pub fn actions_speak_of_what_is_wanted(facts: &Facts, call: &Call) -> Result<(), String> {
    let Some((revision, _)) = wanted(facts) else { return Ok(()) };
    let stable = facts.endpoint.found().and_then(|endpoint| endpoint.tags.get("bindery-stable"));
    let stable = stable.and_then(|name| facts.deployments.iter().find(|d| d.name() == name));
    let serves = |it: &Asked| {
        let tag = stable.and_then(|d| d.tags.get("bindery-revision"));
        it.word == ActionWord::Rollback && tag == Some(&it.revision.to_string())
    };
    for word in
        [ActionWord::Promote, ActionWord::Abort, ActionWord::Retry, ActionWord::Rollback, ActionWord::Release]
    {
        let stale =
            carried_out_by(facts, call, word).into_iter().find(|it| it.revision != revision && !serves(it));
        hold(stale.is_none(), || format!("{revision} is wanted, and yet {stale:?}: {}", call.doing))?;
    }
    Ok(())
}
