//! What has to be there first, and what has to end first: the workspace, the version, a running change.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Case, admission, deployments, history};
use crate::api::{BindingDeletion, Reason, Role};
use crate::azure::model::resource::Provisioning;
use crate::azure::model::{Purpose, ResourceId};
use crate::decide::rollout::Revision;
use crate::decide::verdict::Course;
use crate::decide::{SourceVersion, Verdict, in_seconds, places};

pub(super) fn refuse_another_place(case: &Case<'_>) -> Option<Verdict> {
    let (facts, deleting) = (case.facts, case.facts.situation.deleting);
    let lets_go = deleting && facts.spec.deletion_policy == BindingDeletion::Retain;
    let (led_away, id) = (facts.led_away.as_ref().filter(|_| !lets_go)?, facts.id.as_ref()?);
    let (field, means) = ("spec.workspaceRef", led_away.parent().parent());
    Some(places::refuse_another_place(field, &means, "endpoint", "DeploymentBinding", id, deleting))
}

pub(super) fn refuse_what_it_does_not_know(case: &Case<'_>) -> Option<Verdict> {
    case.facts.spec.names_no_endpoint().then(|| {
        Verdict::stalled(
            Reason::Unchangeable,
            "The manifest gives neither spec.online nor spec.batch: it was written for a later version of Bindery than the one that runs. Update the operator.",
        )
    })
}

pub(super) fn wait_for_workspace(case: &Case<'_>) -> Option<Verdict> {
    keep_out_of_place(case).or_else(|| case.facts.place.wait_until_ready(case.facts.situation.deleting))
}

pub(super) fn keep_out_of_place(case: &Case<'_>) -> Option<Verdict> {
    let facts = case.facts;
    let endpoint = facts.status.endpoint.as_ref().map(|it| ResourceId::new(&it.id));
    let made = endpoint.is_some() && endpoint == facts.id;
    facts.situation.keep_out_of(&facts.place, made, ("endpoint", facts.endpoint_name()))
}

pub(super) fn keep_out(case: &Case<'_>) -> Option<Verdict> {
    case.facts.situation.keep_out(&format!("endpoint {}", case.facts.endpoint_name()))
}

pub(super) fn report_unreadable(case: &Case<'_>) -> Option<Verdict> {
    case.facts.situation.report_unreadable(&case.facts.status.conditions)
}

/// How soon a running change is looked at whose end something waits for that has to lose its traffic.
const SOON: Duration = Duration::from_secs(1);

/// Does something lose its traffic as soon as Azure is free: by an edit of the manifest, by a person's word, or by a measurement?
fn takes_back(case: &Case<'_>) -> bool {
    let cause = case.next.cause.as_ref();
    case.scene.only_takes_back(&case.next) || cause.is_some_and(|it| it.purpose() == Purpose::TakeBack)
}

pub(super) fn follow_running_change(case: &Case<'_>) -> Option<Verdict> {
    let facts = case.facts;
    let endpoint = facts.endpoint.found().filter(|e| e.provisioning() == Provisioning::Running);
    let deployment = facts.deployments.iter().find(|d| d.provisioning() == Provisioning::Running);
    let what = match (endpoint, deployment) {
        (Some(_), _) => format!("the endpoint {}", facts.endpoint_name()),
        (None, Some(deployment)) => format!("deployment {}", deployment.name()),
        (None, None) => return None,
    };
    let operation = facts.status.operation.as_ref();
    let doing = operation.map_or_else(|| format!("a change of {what}"), |o| o.doing.clone());
    let after = facts.situation.look_again(operation.map(|o| o.since));
    let urgent = takes_back(case);
    let after = if urgent { after.min(SOON) } else { after };
    if history::deadline_passed(case) {
        let mut verdict = Verdict::wait(
            Reason::ProgressDeadlineExceeded,
            format!(
                "Azure has worked on {what} for longer than spec.strategy.progressDeadline. Bindery takes it back as soon as Azure lets go of the endpoint."
            ),
            after,
        );
        verdict.course = Course::Stalled;
        return Some(Verdict { urgent: true, ..verdict });
    }
    // Whoever goes back waits for instances, and sees for how long already.
    let scales = operation.filter(|o| o.purpose == Purpose::AdjustDeployment && !case.scene.arrived());
    let since = scales.map(|o| format!(" since {}", in_seconds(o.since))).unwrap_or_default();
    let message = format!("Azure works on it{since}: {doing}.");
    Some(Verdict { urgent, ..Verdict::wait(Reason::OperationRunning, message, after) })
}

/// Somebody has rolled back what the manifest asks for.
pub(super) fn report_hold(case: &Case<'_>) -> Option<Verdict> {
    let hold = case.hold().filter(|_| !case.facts.observing())?;
    if let Some(busy) = deployments::keep_house(case) {
        return Some(busy);
    }
    let (revision, to) = (&hold.revision, &hold.to_revision);
    let left = case.facts.left_for(to).filter(|left| left != revision);
    let from = left.map(|left| format!(" from revision {left}")).unwrap_or_default();
    let who = hold.action.as_ref().map_or("Somebody", |action| action.requested_by.as_str());
    let why = hold.action.as_ref().and_then(|action| action.reason.as_ref());
    let why = why.map(|why| format!(" ({})", why.trim_end_matches('.'))).unwrap_or_default();
    let kept = || {
        let before = case.facts.before_of(&Revision::parse(to))?;
        case.facts.keeps_from_going_back(before)
    };
    let binding = case.facts.situation.ownership.owner.name();
    let until_then =
        case.scene.stable.as_ref().map(|it| format!("; {it} serves until then")).unwrap_or_default();
    let serves = if case.scene.arrived() {
        format!("revision {to} serves")
    } else if case.scene.wanted_failed() {
        format!(
            "revision {to} should serve, and its deployment has failed{until_then}. To try it again, run `bindery retry {binding}`"
        )
    } else {
        let because = kept().unwrap_or_else(|| "its deployment is gone".into());
        format!("revision {to} should serve, and {because}{until_then}")
    };
    let against = case.facts.against_what_serves().map(|it| format!(" {it}")).unwrap_or_default();
    Some(Verdict::stalled(
        Reason::Held,
        format!(
            "{who} rolled back{from}{why}: {serves}. Revision {revision} is held back until the manifest asks for another one, or until that is released (`bindery release {binding}`).{against}"
        ),
    ))
}

pub(super) fn wait_for_version(case: &Case<'_>) -> Option<Verdict> {
    match &case.facts.version {
        SourceVersion::Missing { what } => Some(Verdict::stalled(
            Reason::ReferenceNotFound,
            format!(
                "There is no {what}, or this namespace may not serve it. Apply it, or have the owner of its registry allow this namespace."
            ),
        )),
        SourceVersion::NotWatched { because } => Some(Verdict::stalled(Reason::NotWatched, because)),
        SourceVersion::NotReady { what, because, stalled, .. } => {
            Some(places::not_ready(format!("{what} is not ready: {because}"), *stalled))
        }
        SourceVersion::Ready { .. } => None,
    }
}

/// An endpoint that is only observed and was never taken over is what it is, whoever deploys to it.
pub(super) fn leave_observed_alone(case: &Case<'_>) -> Option<Verdict> {
    case.facts.endpoint.found().filter(|_| case.facts.observing())?;
    (!case.scene.owned()).then(|| super::settle(case))
}

pub(super) fn refuse_by_policy(case: &Case<'_>) -> Option<Verdict> {
    let refusals = admission::refusals(case.facts);
    // A closed window alone is no refusal: that question comes next.
    let asked = refusals.iter().any(|(reason, _)| *reason != Reason::WindowClosed);
    let mut verdict = (asked && !case.scene.arrived()).then(|| refused(&refusals))?;
    // Whoever reads why it does not serve any more wants to know what does.
    let served = case.scene.candidate().is_some_and(|it| case.scene.role(it) == Role::Previous);
    if let Some(stable) = case.scene.stable.as_ref().filter(|_| served) {
        let _ = write!(verdict.message, " {stable} serves instead.");
    }
    Some(verdict)
}

/// What serves goes on serving, whatever the policy says of it by now. What the manifest asks for besides may be refused all the
/// same: an identity of the endpoint, or more instances.
pub(super) fn refuse_what_is_asked_besides(case: &Case<'_>) -> Option<Verdict> {
    case.facts.asks_for_what_is_refused().then(|| refused(&admission::refusals(case.facts)))
}

fn refused(refusals: &[(Reason, String)]) -> Verdict {
    match admission::summary(refusals) {
        // Nobody has to help: the next look is when the time is over.
        (Reason::Soaking, said) => Verdict::blocked(Reason::Soaking, said),
        (reason, said) => Verdict::stalled(reason, said),
    }
}
