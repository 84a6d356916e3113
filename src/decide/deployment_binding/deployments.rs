//! The deployments of the binding: one per revision, made once, kept for a while, removed.

use std::time::Duration;

use super::{Facts, picture};
use crate::api::{FailureReason, Period, Reason, Role};
use crate::azure::model::resource::OnlineDeployment;
use crate::azure::model::{Action, Call, Purpose};
use crate::decide::rollout::{Scene, Weight, adjusted_deployment, broken, new_deployment};
use crate::decide::{Place, SourceVersion, Verdict, elapsed, retry_after};

/// Our deployments without traffic, in this role.
pub(super) fn idle<'a>(facts: &'a Facts, scene: &Scene<'_>, role: Role) -> Vec<&'a OnlineDeployment> {
    let endpoint = facts.endpoint.found();
    let serves = |d: &OnlineDeployment| endpoint.is_some_and(|e| e.weight(d.name()) > 0);
    facts.deployments.iter().filter(|d| scene.role(d) == role && scene.ours(d) && !serves(d)).collect()
}

/// Azure left what serves in a failed state, as after a change of its count without quota, and may then
/// refuse every traffic map that names it. So it is PUT once more; what else is to be done is not held up
/// by a time that has not come.
pub(super) fn mend_stable(facts: &Facts) -> Option<Verdict> {
    let step = go_on_mending(facts)?;
    let call = step.call.as_ref()?;
    let scene = Scene::of(facts);
    let candidate_serves = scene.candidate().is_some_and(|d| scene.routed(d.name()) > Weight::NONE);
    let due = match &facts.situation.trouble.failure {
        // Taking a bad candidate back is tried first.
        None => !(scene.wanted_failed() && candidate_serves),
        Some(failure) if failure.attempt.is(call) => {
            let wait = retry_after(failure.error.class, failure.times, facts.situation.interval);
            elapsed(failure.at, facts.situation.now) >= wait
        }
        Some(failure) => failure.times.is_multiple_of(3),
    };
    due.then_some(step)
}

/// The same where nothing else is to be done: the status says why it has not worked.
pub(super) fn go_on_mending(facts: &Facts) -> Option<Verdict> {
    let scene = Scene::of(facts);
    let stable = scene.stable.as_deref().and_then(|name| scene.deployment(name));
    let stable = stable.filter(|d| broken(d) && scene.ours(d) && !facts.observing())?;
    let name = stable.name();
    // Going over to another one does not need it.
    if scene.next(facts.may_rise()).traffic.weight(name) == Weight::NONE {
        return None;
    }
    let (wanted, owner) = (&facts.spec.online.deployment, &facts.situation.ownership.owner);
    let body = match scene.wanted.as_ref().filter(|(_, wanted)| wanted == name) {
        Some((revision, _)) => adjusted_deployment(stable, wanted, facts.owned_on(name), owner, revision),
        None => stable.clone(),
    };
    let doing = format!("mend deployment {name}, which serves and which Azure left in a failed state");
    let note = format!("Bindery is about to {doing}.");
    let call = Call::new(Purpose::Mend, facts.deployment_id(name)?, Action::Put(body.to_put()), doing);
    Some(Verdict::call(Reason::Updating, call).telling(true, Reason::Updating, note))
}

pub(super) fn remove_superseded(facts: &Facts) -> Option<Verdict> {
    let scene = Scene::of(facts);
    let one = *idle(facts, &scene, Role::Superseded).first()?;
    facts.delete_deployment(one.name(), "whose rollout was given up for another")
}

pub(super) fn report_failed_candidate(facts: &Facts) -> Option<Verdict> {
    let scene = Scene::of(facts);
    if !scene.wanted_failed() {
        return None;
    }
    // Nothing in the answer below needs the failed deployment, so it may go when its time has come.
    if let Some(step) = remove_what_has_expired(facts) {
        return Some(step);
    }
    let (revision, _) = scene.wanted.as_ref()?;
    let failed = picture::of(facts).failed.into_iter().find(|f| f.revision == revision.to_string());
    let message = failed.as_ref().map_or("", |f| f.message.as_str());
    let reason = match failed.as_ref().map(|f| f.reason) {
        Some(FailureReason::ProgressDeadlineExceeded) => Reason::ProgressDeadlineExceeded,
        _ => Reason::CandidateFailed,
    };
    let serving =
        scene.stable.as_deref().map_or_else(|| "Nothing serves.".to_string(), |s| format!("{s} serves on."));
    let wanted = scene.wanted_name().unwrap_or_default();
    Some(Verdict::stalled(
        reason,
        format!(
            "{wanted} failed and was taken back: {message} {serving} It is not tried again: bind another version, or change anything in spec.online.deployment but instanceCount and tags."
        ),
    ))
}

pub(super) fn make_room(facts: &Facts) -> Option<Verdict> {
    let scene = Scene::of(facts);
    if scene.arrived() || scene.candidate().is_some() {
        return None;
    }
    let one = *idle(facts, &scene, Role::Previous).first()?;
    facts.delete_deployment(one.name(), "to make room for the next one")
}

pub(super) fn create_candidate(facts: &Facts) -> Option<Verdict> {
    let scene = Scene::of(facts);
    let (revision, name) = scene.wanted.as_ref()?;
    if scene.deployment(name).is_some() {
        return None;
    }
    let (Place::Ready { location, .. }, SourceVersion::Ready { asset_id, model, version, .. }) =
        (&facts.place, &facts.version)
    else {
        return None;
    };
    let deployment = &facts.spec.online.deployment;
    let body = new_deployment(deployment, asset_id, location, &facts.situation.ownership.owner, revision);
    let doing = format!("create deployment {name} of {model}:{version}");
    let note = format!("Bindery is about to {doing}.");
    let call =
        Call::new(Purpose::CreateDeployment, facts.deployment_id(name)?, Action::Put(body.to_put()), doing);
    Some(Verdict::call(Reason::Progressing, call).telling(false, Reason::Progressing, note))
}

pub(super) fn adjust_deployment(facts: &Facts) -> Option<Verdict> {
    let scene = Scene::of(facts);
    let (revision, name) = scene.wanted.as_ref()?;
    let found = scene.deployment(name).filter(|d| scene.ours(d))?;
    let differences = facts.differences_of_deployment();
    if differences.is_empty() {
        return None;
    }
    let fields: Vec<&str> =
        differences.iter().map(|d| d.field.strip_prefix("deployment.").unwrap_or(&d.field)).collect();
    let drifted = facts.situation.stood(&facts.status.conditions);
    let verb = if drifted { "put back" } else { "change" };
    let doing = format!("{verb} {} of deployment {name}", fields.join(", "));
    let (wanted, owner) = (&facts.spec.online.deployment, &facts.situation.ownership.owner);
    let body = adjusted_deployment(found, wanted, facts.owned_on(name), owner, revision);
    let reason = if drifted { Reason::Drifted } else { Reason::Updating };
    let note = format!("Bindery is about to {doing}.");
    let call =
        Call::new(Purpose::AdjustDeployment, facts.deployment_id(name)?, Action::Put(body.to_put()), doing);
    let step = Verdict::call(reason, call);
    Some(if drifted && !facts.observing() { step.telling(true, reason, note) } else { step })
}

pub(super) fn pause_between_steps(facts: &Facts) -> Option<Verdict> {
    let scene = Scene::of(facts);
    let left = scene.next(facts.may_rise()).pause?;
    let (weight, since) = scene.candidate_weight();
    let wanted = scene.wanted_name().unwrap_or_default();
    Some(Verdict::wait(
        Reason::Pausing,
        format!(
            "{wanted} has {} % of the traffic since {since}; a pause of the strategy goes on.",
            weight.percent()
        ),
        left.max(Duration::from_millis(100)),
    ))
}

/// How long a deployment without traffic is kept; none for one that stays.
pub(super) fn kept_for(facts: &Facts, role: Role) -> Option<Duration> {
    let hour = Duration::from_secs(3600);
    let strategy = &facts.spec.strategy;
    match role {
        Role::Previous => Some(strategy.keep_previous.as_ref().map_or(hour, Period::duration)),
        Role::Failed => Some(strategy.keep_failed.as_ref().map_or(hour, Period::duration)),
        _ => None,
    }
}

/// What is left of the time that our idle deployments are kept, by name.
pub(super) fn expiries(facts: &Facts) -> Vec<(String, Role, Duration)> {
    let scene = Scene::of(facts);
    let mut all = vec![];
    for role in [Role::Previous, Role::Failed] {
        let keep = kept_for(facts, role).unwrap_or_default();
        for deployment in idle(facts, &scene, role) {
            let kept = elapsed(scene.since(deployment), facts.situation.now);
            all.push((deployment.name().to_string(), role, keep.saturating_sub(kept)));
        }
    }
    all
}

pub(super) fn remove_what_has_expired(facts: &Facts) -> Option<Verdict> {
    let (name, role, _) = expiries(facts).into_iter().find(|(_, _, left)| left.is_zero())?;
    let because = if role == Role::Failed { "which failed" } else { "which no longer serves" };
    facts.delete_deployment(&name, because)
}
