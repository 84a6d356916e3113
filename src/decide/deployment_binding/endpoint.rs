//! The endpoint: made, taken over, kept equal, and its traffic moved, all by the same PUT.

use super::{Case, waiting};
use crate::api::Reason;
use crate::azure::model::{Purpose, folded};
use crate::decide::rollout::{Carries, Cause, Next, Target, new_endpoint};
use crate::decide::{Place, Right, Verdict};

pub(super) fn refuse_foreign(case: &Case<'_>) -> Option<Verdict> {
    let facts = case.facts;
    let tags = facts.endpoint.found().map(|e| &e.tags);
    let what = format!("The endpoint {}", facts.endpoint_name());
    let advice = "Delete one of the two bindings, name another endpoint in a new one, or set spec.management to Observe";
    facts.situation.leave_alone((facts.id.as_ref(), tags), &what, advice)
}

/// An endpoint is made for Azure's machines or for one cluster, and Azure never moves it.
pub(super) fn refuse_another_compute(case: &Case<'_>) -> Option<Verdict> {
    let facts = case.facts;
    let found = facts.endpoint.found().filter(|_| !facts.observing())?;
    let (has, wanted) = (found.compute(), facts.spec.online.endpoint.compute.as_deref());
    if has.map(folded) == wanted.map(folded) {
        return None;
    }
    let on = |compute: Option<&str>| {
        compute.map_or("machines that Azure manages".into(), |id| format!("the compute {id}"))
    };
    Some(Verdict::stalled(
        Reason::Unchangeable,
        format!(
            "The endpoint {} is on {}, and the manifest wants it on {} (spec.online.endpoint.compute). Azure moves no endpoint: make a new DeploymentBinding for another one.",
            facts.endpoint_name(),
            on(has),
            on(wanted)
        ),
    ))
}

pub(super) fn refuse_unknown_traffic(case: &Case<'_>) -> Option<Verdict> {
    if case.facts.observing() {
        return None;
    }
    let serving = case.scene.unknown_split()?;
    let serving =
        if serving.is_empty() { "its weights do not sum to 100".to_string() } else { serving.join(" and ") };
    Some(Verdict::stalled(
        Reason::UnknownTraffic,
        format!(
            "The endpoint {} splits its traffic between deployments that Bindery did not make ({serving}), so none of them can count as stable. Give one of them all the traffic in Azure first.",
            case.facts.endpoint_name()
        ),
    ))
}

/// Whatever is to be done to an endpoint that is there: take back, shift, promote, mend, adopt, correct. What Azure did not
/// keep is no reason to hold up a rollout: until it is due again, the other questions are asked.
pub(super) fn align_endpoint(case: &Case<'_>) -> Option<Verdict> {
    wait_for_what_is_not_kept(case).filter(|_| !waits_until_kept(case))
}

/// Is the endpoint as it should be, but for what Azure did not keep?
pub(super) fn waits_until_kept(case: &Case<'_>) -> bool {
    let due = wait_for_what_is_not_kept(case);
    due.is_some_and(|verdict| case.facts.situation.waits_until_kept(&verdict))
}

/// The same where nothing else is to be done.
pub(super) fn wait_for_what_is_not_kept(case: &Case<'_>) -> Option<Verdict> {
    let facts = case.facts;
    let endpoint = facts.endpoint.found()?;
    let cause = case.next.cause.as_ref()?;
    let differences = case.scene.differences();
    if facts.observing() && differences.is_empty() {
        return None;
    }
    let title = format!("The endpoint {}", facts.endpoint_name());
    if let Some(theirs) = facts.situation.only_looks_at(&endpoint.tags, &title, &differences) {
        return Some(theirs);
    }
    let (reason, (purpose, doing)) = (cause.reason(), errand(case, cause));
    let put = facts.put_endpoint(case, endpoint.clone(), &case.next, (reason, purpose), doing)?;
    let verdict = put.mending(differences);
    Some(if facts.observing() { verdict } else { verdict.remarking(cause.is_warning(), cause.and_then()) })
}

/// What the call is for, and the sentence of it. An endpoint that a call of ours left in a failed state is mended by
/// another try of that call: so it waits for its time, and the status says meanwhile why the last one did not work.
fn errand(case: &Case<'_>, cause: &Cause) -> (Purpose, String) {
    let failure = case.facts.situation.trouble.failure.as_ref();
    let ours = failure.map(|f| &f.attempt).filter(|tried| Some(&tried.resource) == case.facts.id.as_ref());
    match ours {
        Some(tried) if *cause == Cause::Mend => (tried.purpose, tried.doing.clone()),
        _ => {
            let asked = case.next.order.as_ref().map(|order| format!(" ({})", order.title()));
            let doing =
                cause.doing(case.facts.endpoint_name(), case.scene.kind()) + &asked.unwrap_or_default();
            (cause.purpose(), doing)
        }
    }
}

/// Nothing begins in a workspace that is in conflict or being deleted, and no weight rises. But what serves on an endpoint of
/// ours is taken back to the stable deployment all the same, as soon as Azure lets go of it.
pub(super) fn take_back_where_nothing_begins(case: &Case<'_>) -> Option<Verdict> {
    let scene = &case.scene;
    // Who may not publish there changes nothing, and takes nothing back either.
    let may_publish = case.facts.situation.ownership.right == Right::Granted;
    let may = matches!(case.facts.place, Place::Closed { .. })
        && may_publish
        && scene.owned()
        && !case.facts.observing();
    if !may || scene.unknown_split().is_some() || !scene.only_takes_back(&case.next) {
        return None;
    }
    waiting::follow_running_change(case).or_else(|| align_endpoint(case))
}

pub(super) fn create_endpoint(case: &Case<'_>) -> Option<Verdict> {
    let facts = case.facts;
    if !facts.endpoint.is_absent() {
        return None;
    }
    let name = facts.endpoint_name();
    if facts.observing() {
        return Some(Verdict::stalled(
            Reason::NotInAzure,
            format!(
                "There is no endpoint {name} in Azure, and Bindery makes none: {}. Check the name, or let Bindery manage it.",
                facts.situation.why_observed()
            ),
        ));
    }
    let Place::Ready { location, .. } = &facts.place else { return None };
    let endpoint = new_endpoint(&facts.spec, location);
    // What people have asked for outlives the endpoint, so it is written with the first PUT.
    let target = Target { notes: case.next.target.notes.clone(), ..Target::default() };
    let empty = Next { target, cause: None, carries: Carries::Everything, order: None };
    let again = facts.status.history.iter().any(|it| it.outcome.serves());
    let doing = format!("create the endpoint {name}{}", if again { " again, which is gone" } else { "" });
    facts.put_endpoint(case, endpoint, &empty, (Reason::Creating, Purpose::Create), doing)
}
