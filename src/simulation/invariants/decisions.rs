//! What must hold of every decision.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::super::cloud::Operation;
use super::super::secrets;
use super::super::world::World;
use super::{
    Evidence, allowed, approvals, evidence, hold, is_stable, may_begin, may_ever_serve, positions, scaling,
    share_in, wanted, windows,
};
use crate::api::{ConditionType, Outcome, conditions_of};
use crate::azure::model::resource::{OnlineDeployment, OnlineEndpoint};
use crate::azure::model::{Action, Call, Purpose};
use crate::decide::deployment_binding::Files;
use crate::decide::rollout::Revision;
use crate::decide::{Decision, Facts as _, Kind, Mode, Place, Right, SourceVersion, deployment_binding};

/// What holds of every decision.
pub fn of_a_decision<K: Kind>(
    world: &World,
    object: &K,
    facts: &K::Facts,
    decision: &Decision<K::Status>,
) -> Result<(), String> {
    tells_one_story::<K>(object, decision)?;
    what_is_followed_was_asked_for::<K>(world, object, facts)?;
    if let Evidence::Binding(facts) = evidence::<K>(facts) {
        let admitted =
            conditions_of(K::conditions_in(&decision.status)).get(ConditionType::Admitted).cloned();
        what_is_said_of_the_policy_is_true(facts, admitted.as_ref())?;
        positions::no_step_is_passed_before_its_pause_is_over(facts)?;
        a_bad_candidate_is_taken_back(facts, decision.call.as_ref())?;
        somebody_answers_again(facts, decision.call.as_ref())?;
        what_is_too_much_goes(world, facts, decision.call.as_ref())?;
        a_rejected_candidate_is_taken_back(facts, decision.call.as_ref())?;
        secrets::they_were_wanted(facts)?;
        scaling::what_is_kept_warm_can_take_everything_back(
            facts,
            decision.settled && decision.call.is_none(),
        )?;
    }
    Ok(())
}

/// Ready is there and of this generation; Reconciling and Stalled are never there together.
fn tells_one_story<K: Kind>(object: &K, decision: &Decision<K::Status>) -> Result<(), String> {
    let conditions = conditions_of(K::conditions_in(&decision.status));
    let ready = conditions.get(ConditionType::Ready).and_then(|c| c.observed_generation);
    hold(ready == Some(object.generation()), || format!("{}: Ready speaks of {ready:?}", object.key()))?;
    let both = conditions.get(ConditionType::Reconciling).is_some()
        && conditions.get(ConditionType::Stalled).is_some();
    hold(!both, || format!("{}: Reconciling and Stalled at once", object.key()))
}

/// The operation that a status names is one that Azure began for a call for this resource.
fn what_is_followed_was_asked_for<K: Kind>(
    world: &World,
    object: &K,
    facts: &K::Facts,
) -> Result<(), String> {
    let mut facts = facts.clone();
    let Some(followed) = facts.situation().operation.remembered.clone() else { return Ok(()) };
    // A publish changes another resource than the one that it is asked of.
    let publish = followed.purpose == Purpose::Publish;
    let is_it = |it: &Operation| it.url == followed.url && (publish || it.resource == followed.resource);
    hold(world.cloud.operations.iter().any(is_it), || {
        format!("{} follows what nobody asked for: {followed:?}", object.key())
    })
}

/// `Admitted` is true only of what the workspace lets serve, and false only of what lacks something. Of a version in a workspace
/// it is also asked when Azure made it, and of gates that compare what served before it: there a refusal may have other reasons.
fn what_is_said_of_the_policy_is_true(
    facts: &deployment_binding::Facts,
    admitted: Option<&Condition>,
) -> Result<(), String> {
    let (Place::Ready { policy, .. }, SourceVersion::Ready { registry, .. }, Some(admitted)) =
        (&facts.place, &facts.version, admitted)
    else {
        return Ok(());
    };
    let compares = policy.gates.iter().flat_map(|it| &it.define).any(|gate| gate.against.is_some());
    // What serves already is not asked for the time.
    let timely = is_stable(facts) || windows::place_is_open(facts);
    let lacks_nothing = may_ever_serve(facts) && may_begin(facts) && timely;
    let holds = match admitted.status.as_str() {
        // Going back is free of most rules, and what serves already is held against all of them.
        "True" => lacks_nothing || (allowed(facts) && !is_stable(facts)),
        "False" => compares || registry.is_none() || !lacks_nothing,
        _ => true,
    };
    hold(holds, || format!("Admitted is {} ({}): {}", admitted.status, admitted.reason, admitted.message))
}

/// Something keeps the operator from acting on this endpoint now.
fn hindered(facts: &deployment_binding::Facts) -> bool {
    let situation = &facts.situation;
    situation.mode != Mode::Act
        || situation.deleting
        || situation.trouble.unreadable.is_some()
        || situation.trouble.failure.is_some()
        || facts.endpoint.found().is_some_and(|e| situation.not_ours(Some(&e.tags)).is_some())
        || situation.ownership.right != Right::Granted
        || !matches!(facts.place, Place::Ready { .. } | Place::Closed { .. })
}

fn state(state: Option<&String>) -> &str {
    state.map_or("", String::as_str)
}

/// Nothing is under way on this endpoint.
fn settled(facts: &deployment_binding::Facts, endpoint: &OnlineEndpoint) -> bool {
    let rests = |d: &OnlineDeployment| {
        ["Succeeded", "Failed"].contains(&state(d.properties.provisioning_state.as_ref()))
    };
    state(endpoint.properties.provisioning_state.as_ref()) == "Succeeded"
        && facts.deployments.iter().all(rests)
}

/// A pass that sees more than two of ours that did not fail, and may act, does something.
fn what_is_too_much_goes(
    world: &World,
    facts: &deployment_binding::Facts,
    call: Option<&Call>,
) -> Result<(), String> {
    let Some(endpoint) = facts.endpoint.found() else { return Ok(()) };
    let failed = endpoint.tags.get("bindery-failed").map(String::as_str).unwrap_or_default();
    let revision = |d: &OnlineDeployment| d.tags.get("bindery-revision").cloned().unwrap_or_default();
    let whole = |d: &&OnlineDeployment| {
        let ours = d.tags.get("bindery-owner").is_some_and(|o| o.starts_with("prod/"));
        ours && !revision(d).is_empty()
            && state(d.properties.provisioning_state.as_ref()) == "Succeeded"
            && !failed.contains(&revision(d))
            && !facts
                .id
                .as_ref()
                .is_some_and(|endpoint| world.ledger.kept_for_jobs(&endpoint.child("deployments", d.name())))
    };
    let count = facts.deployments.iter().filter(whole).count();
    if count <= 2 || call.is_some() {
        return Ok(());
    }
    let may = !hindered(facts) && settled(facts, endpoint) && wanted(facts).is_some() && allowed(facts);
    let taken = endpoint.tags.get("bindery-owner").is_some_and(|o| !o.starts_with("prod/"));
    hold(!may || taken, || format!("{count} deployments, and nothing is done"))
}

/// A pass that sees a rejected candidate with traffic, and may act, takes it back.
fn a_rejected_candidate_is_taken_back(
    facts: &deployment_binding::Facts,
    call: Option<&Call>,
) -> Result<(), String> {
    let (Some((_, name)), Some(endpoint)) = (wanted(facts), facts.endpoint.found()) else { return Ok(()) };
    if hindered(facts) || !settled(facts, endpoint) {
        return Ok(());
    }
    approvals::a_rejected_candidate_is_taken_back(facts, endpoint, &name, call)
}

/// Where somebody has deleted what serves and nothing answers any more, every pass that may act does something about that, until
/// something that was stable or is healthy answers. It may not where a person or a policy speaks against what would come back.
fn somebody_answers_again(facts: &deployment_binding::Facts, call: Option<&Call>) -> Result<(), String> {
    let Some(endpoint) = facts.endpoint.found() else { return Ok(()) };
    let tag = |key: &str| endpoint.tags.get(key).map(String::as_str).unwrap_or_default();
    let there = |name: &str| facts.deployments.iter().find(|d| d.name() == name);
    let healthy = |name: &str| {
        there(name).is_some_and(|d| state(d.properties.provisioning_state.as_ref()) == "Succeeded")
    };
    let stable = tag("bindery-stable");
    let deleted = !stable.is_empty() && there(stable).is_none();
    let mut routed = facts.deployments.iter().filter(|d| endpoint.weight(d.name()) > 0);
    let answers = routed.any(|d| healthy(d.name()));
    if !deleted || answers || call.is_some() || hindered(facts) || !settled(facts, endpoint) {
        return Ok(());
    }
    // The rules have much to say of what may come back; here none of them is there that could speak.
    let Place::Ready { policy, .. } = &facts.place else { return Ok(()) };
    let silent = policy.approvals.is_none() && policy.sources.is_empty() && policy.deployment.is_none();
    let held = facts.status.hold.is_some() || endpoint.tags.contains_key("bindery-hold");
    let failed = |revision: &str| {
        tag("bindery-failed").contains(revision)
            || facts.status.history.iter().any(|it| it.outcome == Outcome::Failed && it.revision == revision)
    };
    let may_come_back = facts.before.iter().any(|it| {
        let made = Revision::asked(&it.asset_id, &facts.spec) == it.revision;
        it.deployment == stable
            && !it.archived
            && it.files == Files::Same
            && made
            && !failed(&it.revision.to_string())
    });
    let candidate = wanted(facts).filter(|(revision, name)| {
        healthy(name)
            && tag("bindery-traffic").contains(&format!("{name}="))
            && !failed(&revision.to_string())
    });
    let may = silent && !held && (may_come_back || (candidate.is_some() && allowed(facts)));
    hold(!may, || format!("{stable} was deleted, nothing answers, and nothing is done"))
}

/// A pass that sees a broken candidate with traffic, and may act, takes it back.
fn a_bad_candidate_is_taken_back(
    facts: &deployment_binding::Facts,
    call: Option<&Call>,
) -> Result<(), String> {
    let failed = |d: &OnlineDeployment| state(d.properties.provisioning_state.as_ref()) == "Failed";
    if hindered(facts) || !facts.deployments.iter().any(failed) {
        return Ok(());
    }
    let (Some((_, name)), Some(endpoint)) = (wanted(facts), facts.endpoint.found()) else { return Ok(()) };
    let broken = facts.deployments.iter().any(|d| d.name() == name && failed(d));
    let stable = endpoint.tags.get("bindery-stable").filter(|s| **s != name);
    let stable = stable.filter(|s| facts.deployments.iter().any(|d| d.name() == s.as_str()));
    if !settled(facts, endpoint) || !broken || stable.is_none() || endpoint.weight(&name) == 0 {
        return Ok(());
    }
    let weight = match call.map(|c| &c.action) {
        Some(Action::Put(body)) => share_in(body, &name) / 1000,
        _ => 100,
    };
    hold(weight == 0, || format!("{name} is broken, has traffic, and is not taken back: {call:?}"))
}
