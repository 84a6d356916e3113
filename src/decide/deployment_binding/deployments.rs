//! The deployments of the binding: one per revision, made once, kept for a while, removed.

use std::time::Duration;

use serde_json::json;

use super::{Case, autoscale, endpoint, history, verification, waiting, windows};
use crate::api::{Drift, FailureReason, Period, Reason, Role, VersionOwner};
use crate::azure::model::resource::{EndpointKind, OnlineDeployment, Provisioning, Rest, Sku};
use crate::azure::model::{Action, Call, Purpose};
use crate::decide::owner_tags::with_owner;
use crate::decide::rollout::{Revision, Share, Wait, Weight, adjusted_deployment, broken, new_deployment};
use crate::decide::{Mode, Place, SourceVersion, Verdict, elapsed, in_seconds, retry_after};

/// How many failures in a row of another call come before one more try to mend what serves.
///
/// Azure may refuse a traffic map because of the deployment in it that it left in a failed state, so a call that keeps
/// failing may be cured by the mend, and then has to make way for it. It may also fail for a reason of its own, and the
/// mend, which takes Azure minutes and may be refused as well, would only hold it up: so not every time. With three, a
/// refusal that the mend cures lasts half a minute (10 and 20 s of back-off). The number is a judgement, not a
/// measurement.
const TRIES_BEFORE_A_MEND: u32 = 3;

/// Our deployments without traffic, in this role.
fn idle<'a>(case: &Case<'a>, role: Role) -> Vec<&'a OnlineDeployment> {
    let scene = &case.scene;
    let serves = |d: &OnlineDeployment| scene.reaching(d.name()) > Share::NONE;
    // While a job may run on it, a batch deployment is not idle.
    let idle = |d: &&OnlineDeployment| scene.ours(d) && !serves(d) && !case.facts.is_used(d.name());
    case.facts.deployments.iter().filter(|d| scene.role(d) == role).filter(idle).collect()
}

/// Azure left the deployment that serves in a failed state, as after a change of its count without quota, and may then
/// refuse every traffic map that names it. So it is written once more. Until the next try is due, the other questions
/// are still asked.
pub(super) fn mend_stable(case: &Case<'_>) -> Option<Verdict> {
    let verdict = go_on_mending(case)?;
    let call = verdict.call.as_ref()?;
    let (scene, situation) = (&case.scene, &case.facts.situation);
    let candidate_serves = scene.candidate().is_some_and(|d| scene.routed(d.name()) > Weight::NONE);
    let due = match &situation.trouble.failure {
        // Taking a bad candidate back is tried first.
        None => !(scene.wanted_failed() && candidate_serves),
        Some(failure) if failure.attempt.is(call) => {
            let wait = retry_after(failure.error.class, failure.times, situation.interval);
            elapsed(failure.at, situation.now) >= wait
        }
        Some(failure) => failure.times.is_multiple_of(TRIES_BEFORE_A_MEND),
    };
    due.then_some(verdict)
}

/// The same where nothing else is to be done: while it waits for its time, the status says why the last try did not
/// work.
pub(super) fn go_on_mending(case: &Case<'_>) -> Option<Verdict> {
    let (facts, scene) = (case.facts, &case.scene);
    let stable = scene.stable.as_deref().and_then(|name| scene.deployment(name));
    let stable = stable.filter(|d| broken(d.provisioning()) && scene.ours(d) && !facts.observing())?;
    let name = stable.name();
    // All traffic goes to another one next: a map that does not name it is not refused because of it.
    if case.next.target.traffic.weight(name) == Weight::NONE {
        return None;
    }
    let granted = facts.granted();
    let owner = &facts.situation.ownership.owner;
    // What is handed over is the heir's to change.
    let ours_to_change = scene.arrived() && !facts.situation.deleting;
    let mut body = match scene.wanted_revision().filter(|_| ours_to_change) {
        Some(revision) => adjusted_deployment(stable, &granted, facts.owned_on(name), owner, revision),
        None => stable.clone(),
    };
    if let Some(answers) = facts.owner_of(stable).filter(|_| ours_to_change) {
        body.tags = with_owner(&body.tags, Some(&answers));
    }
    let doing = format!("mend deployment {name}, which serves and which Azure left in a failed state");
    let call = Call::new(Purpose::Mend, facts.deployment_id(name)?, Action::Put(body.to_put()), doing);
    Some(Verdict::call(Reason::Updating, call).remarking(true, ""))
}

pub(super) fn remove_superseded(case: &Case<'_>) -> Option<Verdict> {
    let one = *idle(case, Role::Superseded).first()?;
    let failed = Revision::tagged(one).is_some_and(|revision| case.scene.failures().contains(&revision));
    let why =
        if failed { "which failed, as a later one did" } else { "whose rollout was given up for another" };
    case.facts.delete_deployment(one.name(), why)
}

/// A person wants a failed revision tried again: what Azure has left of it goes first.
pub(super) fn remove_what_is_tried_again(case: &Case<'_>) -> Option<Verdict> {
    let broken = case.facts.starts_anew(case.orders.next.as_ref(), &case.scene)?;
    let idle = case.scene.reaching(&broken) == Share::NONE;
    (idle && !case.facts.observing())
        .then(|| case.facts.delete_deployment(&broken, "which failed, to try it again"))
        .flatten()
}

pub(super) fn report_failed_candidate(case: &Case<'_>) -> Option<Verdict> {
    let scene = &case.scene;
    if !scene.wanted_failed() {
        return None;
    }
    // Nothing in the answer below needs the failed deployment, so it may go when its time has come.
    if let Some(verdict) = remove_what_has_expired(case).or_else(|| scale_beside(case)) {
        return Some(verdict);
    }
    let failure = history::failure_of(case, scene.wanted_revision()?);
    let because = failure.as_ref().and_then(|it| it.message.as_deref()).unwrap_or_default().trim();
    let because =
        if because.is_empty() { String::new() } else { format!(" {}.", because.trim_end_matches('.')) };
    let reason = match failure.as_ref().and_then(|it| it.reason) {
        Some(FailureReason::ProgressDeadlineExceeded) => Reason::ProgressDeadlineExceeded,
        Some(FailureReason::Aborted) => Reason::Aborted,
        Some(FailureReason::AnalysisFailed) => Reason::AnalysisFailed,
        Some(FailureReason::VerificationFailed) => Reason::VerificationFailed,
        _ => Reason::CandidateFailed,
    };
    let keeps = scene.held.as_ref().map(|held| held.said_of(scene.kind())).unwrap_or_default();
    let serving = match (scene.kind(), scene.stable.as_deref()) {
        (kind, Some(stable)) if scene.stable_is_gone() => {
            let stays = match kind {
                EndpointKind::Online => "the traffic stays as it is",
                EndpointKind::Batch => "the default deployment stays as it is",
            };
            format!(
                "{stable}, which served, is gone from the endpoint and is made again; until then {stays} ({keeps})."
            )
        }
        (EndpointKind::Online, Some(stable)) => format!("{stable} has all the traffic."),
        (EndpointKind::Online, None) => "No deployment has traffic.".to_string(),
        (EndpointKind::Batch, Some(stable)) => format!("{stable} is the default deployment."),
        (EndpointKind::Batch, None) => "The endpoint has no default deployment.".to_string(),
    };
    let gone = case.facts.why_nothing_is_restored().filter(|_| scene.stable.is_none());
    let serving = serving + &gone.unwrap_or_default();
    let change = match scene.kind() {
        EndpointKind::Online => "spec.online.deployment but instanceCount, autoscale and tags",
        EndpointKind::Batch => "spec.batch.deployment but tags",
    };
    let wanted = scene.wanted_name().unwrap_or_default();
    let failed = if reason == Reason::Aborted { "was aborted" } else { "failed" };
    let binding = case.facts.situation.ownership.owner.name();
    Some(Verdict::stalled(
        reason,
        format!(
            "{wanted} {failed}.{because} {serving} {wanted} is not tried again: bind another version, change anything in {change}, or have it tried again (`bindery retry {binding}`)."
        ),
    ))
}

pub(super) fn make_room(case: &Case<'_>) -> Option<Verdict> {
    if case.scene.arrived() || case.scene.candidate().is_some() {
        return None;
    }
    room_for_one(case)
}

/// The most are two and one that failed: where what served is gone, there is room.
fn room_for_one(case: &Case<'_>) -> Option<Verdict> {
    let counts = |d: &&OnlineDeployment| case.scene.ours(d) && case.scene.role(d) != Role::Failed;
    if case.facts.deployments.iter().filter(counts).count() < 2 {
        return None;
    }
    if let Some(given_up) = remove_superseded(case) {
        return Some(given_up);
    }
    let one = *idle(case, Role::Previous).first()?;
    case.facts.delete_deployment(one.name(), "to make room for the next one")
}

pub(super) fn create_candidate(case: &Case<'_>) -> Option<Verdict> {
    let SourceVersion::Ready { asset_id, model, version, owner, .. } = &case.facts.version else {
        return None;
    };
    if case.scene.wanted() != case.facts.manifest().as_ref() {
        return None;
    }
    create(case, asset_id, owner.as_ref(), &format!("of {model}:{version}"))
}

/// What was stable before and has to serve again is made again where its deployment is gone, whatever keeps a new version out.
pub(super) fn make_again(case: &Case<'_>) -> Option<Verdict> {
    let (facts, scene) = (case.facts, &case.scene);
    if facts.observing() || !facts.is_back() || scene.wanted_failed() {
        return None;
    }
    let (revision, name) = scene.wanted()?;
    let before = facts.before_of(revision).filter(|_| scene.deployment(name).is_none())?;
    if facts.keeps_from_going_back(before).is_some() {
        return None;
    }
    let goes_back = facts.held().is_some() || facts.goes_back().is_some();
    let why = if goes_back { "to go back to it" } else { "which served last" };
    let of_it = format!("of {}, {why}", before.asset_id);
    endpoint::create_endpoint(case)
        .or_else(|| make_room(case))
        .or_else(|| create(case, &before.asset_id, None, &of_it))
}

/// The stable deployment is made again beside a candidate that has not come to the end of its steps. Until the next try is due, the
/// other questions are still asked.
pub(super) fn make_stable_again(case: &Case<'_>) -> Option<Verdict> {
    let verdict = making_stable(case)?;
    let call = verdict.call.as_ref()?;
    case.facts.situation.left_to_retry(call).is_zero().then_some(verdict)
}

/// The same where nothing else is to be done and the rollout cannot go on before: the status says why the last try did not work.
pub(super) fn go_on_making_stable(case: &Case<'_>) -> Option<Verdict> {
    case.next.target.meanwhile.as_ref()?;
    making_stable(case)
}

fn making_stable(case: &Case<'_>) -> Option<Verdict> {
    let (facts, scene) = (case.facts, &case.scene);
    let before = facts.lost_stable().filter(|_| scene.stable_is_gone())?;
    let of_it = format!("of {}, which the rollout may have to be taken back to", before.asset_id);
    let make = || make(case, (&before.revision, &before.deployment), &before.asset_id, None, &of_it);
    room_for_one(case).or_else(make)
}

/// Makes the wanted deployment of this asset, where it is not there.
fn create(case: &Case<'_>, asset: &str, answers: Option<&VersionOwner>, of_what: &str) -> Option<Verdict> {
    make(
        case,
        case.scene.wanted().map(|(revision, name)| (revision, name.as_str()))?,
        asset,
        answers,
        of_what,
    )
}

/// Makes the deployment of this revision and name of this asset, where it is not there.
fn make(
    case: &Case<'_>,
    (revision, name): (&Revision, &str),
    asset: &str,
    answers: Option<&VersionOwner>,
    of_what: &str,
) -> Option<Verdict> {
    let (facts, scene) = (case.facts, &case.scene);
    let Place::Ready { location, .. } = &facts.place else { return None };
    if scene.deployment(name).is_some() {
        return None;
    }
    let owner = &facts.situation.ownership.owner;
    let mut body = new_deployment(&facts.spec, asset, location, owner, revision);
    body.tags = with_owner(&body.tags, answers);
    let doing = format!("create deployment {name} {of_what}");
    let call =
        Call::new(Purpose::CreateDeployment, facts.deployment_id(name)?, Action::Put(body.to_put()), doing);
    Some(Verdict::call(Reason::Progressing, call))
}

pub(super) fn adjust_deployment(case: &Case<'_>) -> Option<Verdict> {
    let (facts, scene) = (case.facts, &case.scene);
    let (revision, name) = scene.wanted()?;
    let found = scene.deployment(name).filter(|d| scene.ours(d))?;
    let (differences, unsaid) = (facts.differences_of_deployment(scene), facts.unsaid_of_the_owner(scene));
    let (drifted, purpose) = match (differences.is_empty(), unsaid.is_empty()) {
        (true, true) => return None,
        (true, false) => (false, Purpose::NameOwner),
        (false, _) => (facts.deployment_stood(name), Purpose::AdjustDeployment),
    };
    let differences = [differences, unsaid].concat();
    let fields: Vec<&str> =
        differences.iter().map(|d| d.field.strip_prefix("deployment.").unwrap_or(&d.field)).collect();
    let verb = if drifted { "put back" } else { "change" };
    let doing = format!("{verb} {} of deployment {name}", fields.join(", "));
    let granted = facts.granted();
    let owner = &facts.situation.ownership.owner;
    let mut body = adjusted_deployment(found, &granted, facts.owned_on(name), owner, revision);
    if let Some(answers) = facts.owner_of(found) {
        body.tags = with_owner(&body.tags, Some(&answers));
    }
    let reason = if drifted { Reason::Drifted } else { Reason::Updating };
    let counted = granted.online.deployment.instance_count.filter(|_| fields == ["instanceCount"]);
    let action = counted.map_or_else(|| Action::Put(body.to_put()), |count| scaled(found, count));
    let back = counted.filter(|count| scene.role(found) == Role::Previous && has_less(found, *count));
    let doing = match back {
        Some(count) => format!("{}, before it gets all the traffic back", scaling(found, count)),
        None => doing,
    };
    let call = Call::new(purpose, facts.deployment_id(name)?, action, doing);
    let verdict = Verdict::call(reason, call).mending(differences.clone());
    Some(if drifted && !facts.observing() { verdict.remarking(true, "") } else { verdict })
}

/// A change of nothing but the number of instances, which Azure takes as a PATCH: nothing else can be lost by it.
fn scaled(found: &OnlineDeployment, count: i32) -> Action {
    let default = || Sku { name: "Default".into(), capacity: None, rest: Rest::new() };
    let sku = Sku { capacity: Some(count), ..found.sku.clone().unwrap_or_else(default) };
    Action::Patch(json!({"sku": sku}))
}

fn scaling(found: &OnlineDeployment, count: i32) -> String {
    let has = found.instance_count().map(|has| format!(" from {has}")).unwrap_or_default();
    format!("scale deployment {}{has} to {count} instances", found.name())
}

fn has_less(found: &OnlineDeployment, count: i32) -> bool {
    found.instance_count().is_some_and(|has| has < count)
}

/// The number of instances of a deployment that is not the wanted one. What is kept warm has as many as all the traffic needs, so
/// that going back is one PUT; and so has what took the traffic back from a revision that failed, once it has it. What an autoscale
/// setting scales is Azure's. Until the next try is due, the other questions are still asked.
pub(super) fn scale_beside(case: &Case<'_>) -> Option<Verdict> {
    let (verdict, left) = scaling_beside(case)?;
    left.is_zero().then_some(verdict)
}

/// In how much time that is tried again.
pub(super) fn next_scaling(case: &Case<'_>) -> Option<Duration> {
    scaling_beside(case).map(|(_, left)| left).filter(|left| !left.is_zero())
}

fn scaling_beside(case: &Case<'_>) -> Option<(Verdict, Duration)> {
    let (facts, scene) = (case.facts, &case.scene);
    let count = facts.granted().online.deployment.instance_count.filter(|_| !facts.observing())?;
    let lacks = |d: &&OnlineDeployment| match scene.role(d) {
        Role::Previous if scene.reaching(d.name()) > Share::NONE => has_less(d, count),
        Role::Previous => scene.arrived() && d.instance_count().is_some_and(|has| has != count),
        Role::Stable => scene.wanted_failed() && has_less(d, count),
        _ => false,
    };
    let free = |d: &&OnlineDeployment| {
        let name = d.name();
        scene.ours(d)
            && scene.wanted_name() != Some(name)
            && d.provisioning() == Provisioning::Succeeded
            && facts.setting_for(name).is_none()
            && facts.foreign_setting_for(name).is_none()
    };
    let found = facts.deployments.iter().filter(free).find(lacks)?;
    let because = if scene.role(found) == Role::Stable {
        "which has all the traffic again"
    } else {
        "which is kept to take the traffic back"
    };
    let doing = format!("{}, {because}", scaling(found, count));
    let resource = facts.deployment_id(found.name())?;
    let call = Call::new(Purpose::ScaleDeployment, resource, scaled(found, count), doing);
    let differs = Drift {
        field: "deployment.instanceCount".into(),
        wanted: count.to_string(),
        found: found.instance_count().map_or_else(String::new, |has| has.to_string()),
    };
    let situation = &facts.situation;
    let refused = situation.left_to_retry(&call);
    let verdict = Verdict::call(Reason::Updating, call).mending(vec![differs]);
    let unkept = if situation.waits_until_kept(&verdict) { situation.interval } else { Duration::ZERO };
    Some((verdict, refused.max(unkept)))
}

pub(super) fn pause_between_steps(case: &Case<'_>) -> Option<Verdict> {
    let (facts, scene) = (case.facts, &case.scene);
    let wait = case.next.target.pause?;
    if wait == Wait::Verification {
        return verification::verify(case);
    }
    let (wanted, steps) = (scene.wanted_name().unwrap_or_default(), facts.spec.steps());
    let at = case.next.target.position.as_ref().map_or(0, |position| position.step);
    let has = format!("{wanted} has {}.", scene.candidate_share().in_words());
    let step = format!("Step {} of {}", at + 1, steps.len());
    let binding = facts.situation.ownership.owner.name();
    let promote = |name: &str| format!("`bindery promote {binding} --step {name}`");
    let name = steps.get(at).and_then(|step| step.name.as_deref()).unwrap_or_default();
    Some(match wait {
        Wait::For(left) => Verdict::wait(
            Reason::Pausing,
            format!("{has} {step} is a pause, until {}.", in_seconds(facts.situation.now + left)),
            left.max(Duration::from_millis(100)),
        ),
        Wait::Promotion => Verdict::blocked(
            Reason::AwaitingPromotion,
            format!(
                "{has} {step} is a pause until a person promotes it: {}, or a RolloutAction.",
                promote(name)
            ),
        ),
        Wait::Analysis => {
            let (until, so_far) = (case.measured_until(at), case.measured_so_far());
            Verdict::wait(
                Reason::Analyzing,
                format!("{has} {step} ({name}) measures it{until}.{so_far}"),
                Duration::from_secs(60),
            )
        }
        Wait::Verification => return None,
        Wait::Judgement => {
            let (step, because) = case.what_is_unclear(name);
            Verdict::blocked(
                Reason::Inconclusive,
                format!(
                    "{has} It gets no more before a person has looked at it: {because} Go on with {}, or give it up with `bindery abort {binding}`.",
                    promote(&step)
                ),
            )
        }
    })
}

/// How long a deployment without traffic is kept in this role.
fn kept_for(case: &Case<'_>, role: Role) -> Duration {
    let strategy = &case.facts.spec.strategy;
    let kept = if role == Role::Failed { &strategy.keep_failed } else { &strategy.keep_previous };
    kept.as_ref().map_or(Duration::from_secs(3600), Period::duration)
}

/// What is left of the time that our idle deployments are kept, by name.
pub(super) fn expiries(case: &Case<'_>) -> Vec<(String, Role, Duration)> {
    let left = |deployment: &OnlineDeployment, role: Role| {
        let kept = elapsed(case.scene.since(deployment), case.facts.situation.now);
        (deployment.name().to_string(), role, kept_for(case, role).saturating_sub(kept))
    };
    let roles = [Role::Previous, Role::Failed].into_iter();
    roles.flat_map(|role| idle(case, role).into_iter().map(move |d| left(d, role))).collect()
}

pub(super) fn remove_what_has_expired(case: &Case<'_>) -> Option<Verdict> {
    remove_expired(case, |_, _| true)
}

/// The same while the wanted version may not serve or may not begin: that may last, and what is kept for a time costs money. What
/// the manifest goes back to stays.
pub(super) fn remove_meanwhile(case: &Case<'_>) -> Option<Verdict> {
    let waits = waiting::wait_for_version(case)
        .or_else(|| waiting::refuse_by_policy(case))
        .or_else(|| windows::wait_for_the_window(case));
    waits.filter(|_| case.facts.situation.mode == Mode::Act)?;
    remove_expired(case, |name, role| role == Role::Failed || case.scene.wanted_name() != Some(name))
}

/// What is done to the deployments while a rollout is kept where it is: what costs money for nothing goes, and what serves is as
/// the manifest has it.
pub(super) fn keep_house(case: &Case<'_>) -> Option<Verdict> {
    // What keeps a setting from being made is worth less of a word than what keeps the rollout.
    let scale = || autoscale::align_autoscale(case).filter(|verdict| verdict.call.is_some());
    remove_superseded(case)
        .or_else(scale)
        .or_else(|| adjust_deployment(case))
        .or_else(|| remove_what_has_expired(case))
        .or_else(|| scale_beside(case))
        .or_else(|| go_on_mending(case))
}

fn remove_expired(case: &Case<'_>, may: impl Fn(&str, Role) -> bool) -> Option<Verdict> {
    let over = |(name, role, left): &(String, Role, Duration)| left.is_zero() && may(name, *role);
    let (name, role, _) = expiries(case).into_iter().find(over)?;
    let because = if role == Role::Failed { "which failed" } else { "which no longer serves" };
    case.facts.delete_deployment(&name, because)
}
