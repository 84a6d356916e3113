//! The conditions that only a binding has, one function for each.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{Case, admission, is_held_by, windows};
use crate::api::{ConditionType, Reason, conditions_of};
use crate::azure::model::resource::{EndpointKind, Provisioning};
use crate::decide::condition::{Said, say};
use crate::decide::rollout::Traffic;
use crate::decide::verdict::{Course, Event};
use crate::decide::{Look, Place, Verdict};

/// The conditions of every kind, and after them those of a binding.
pub(super) fn of(case: &Case<'_>, verdict: &Verdict, common: &[Condition]) -> Vec<Condition> {
    let mut all = conditions_of(common);
    let (generation, now) = (case.facts.situation.generation, case.facts.situation.now);
    let own = [
        (ConditionType::Admitted, admission::said(case)),
        (ConditionType::ApprovalExpiring, admission::expiring(case)),
        (ConditionType::Available, available(case)),
        (ConditionType::EndpointReady, endpoint_ready(case)),
        (ConditionType::CandidateReady, candidate_ready(case)),
        (ConditionType::Progressing, progressing(case, verdict)),
    ];
    say(&mut all, own, generation, now);
    all.into_vec()
}

/// An approval that is needed ends soon, and it was not said before.
pub(super) fn news(before: &[Condition], now: &[Condition]) -> Option<Event> {
    let (before, now) = (conditions_of(before), conditions_of(now));
    let said = now.get(ConditionType::ApprovalExpiring)?;
    let known = before.is_true(ConditionType::ApprovalExpiring);
    (!known).then(|| Event {
        warning: true,
        reason: Reason::ApprovalExpiring,
        deed: None,
        note: said.message.clone(),
    })
}

/// Something healthy has all the traffic: a candidate that failed, or an edit that is not reached yet, is no outage. Absent
/// where the endpoint is another's.
fn available(case: &Case<'_>) -> Said {
    if case.is_anothers() {
        return Said::Absent;
    }
    let scene = &case.scene;
    match &case.facts.endpoint {
        Look::Unseen => return gone_with_its_workspace(case).unwrap_or(Said::AsBefore),
        Look::Absent => {
            let message = format!("Azure has no endpoint {}.", case.facts.endpoint_name());
            return Said::Holds(false, Reason::NotInAzure, message);
        }
        Look::Found(_) => {}
    }
    let Some(held) = &scene.held else {
        let message = "The weights do not sum to 100, so nobody can say who serves.";
        return Said::Unknown(Reason::UnknownTraffic, message.into());
    };
    let Some(held) = Some(held).filter(|held| **held != Traffic::none()) else {
        let message = match scene.kind() {
            EndpointKind::Online => "No deployment has traffic.",
            EndpointKind::Batch => "The endpoint has no default deployment.",
        };
        return Said::Holds(false, Reason::NothingServes, message.into());
    };
    let serving = held.serving();
    let broken = |name: &&str| scene.deployment(name).is_none() || scene.is_broken(name);
    let (which, what) = match scene.kind() {
        EndpointKind::Online => ("which has traffic", "traffic"),
        EndpointKind::Batch => ("the default deployment", "default deployment"),
    };
    if let Some(name) = serving.iter().copied().find(broken) {
        let message = format!("{name}, {which}, is not there or in a failed state.");
        return Said::Holds(false, Reason::ResourceFailed, message);
    }
    Said::Holds(true, Reason::Succeeded, format!("The {what}: {}.", held.said_of(scene.kind())))
}

/// Where Azure has no workspace, nobody looks for the endpoint in it, and nothing serves.
fn gone_with_its_workspace(case: &Case<'_>) -> Option<Said> {
    let Place::NotReady { gone: true, what, .. } = &case.facts.place else { return None };
    let name = case.facts.endpoint_name();
    case.facts.led_away.is_none().then(|| {
        let message = format!("{what} is not in Azure, and neither is the endpoint {name} in it.");
        Said::Holds(false, Reason::NotInAzure, message)
    })
}

/// Azure has the endpoint, and it works. Absent where the endpoint is another's: nobody wakes this object when it changes.
fn endpoint_ready(case: &Case<'_>) -> Said {
    if case.is_anothers() {
        return Said::Absent;
    }
    let name = case.facts.endpoint_name();
    let endpoint = match &case.facts.endpoint {
        Look::Found(endpoint) => endpoint,
        Look::Absent => {
            return Said::Holds(false, Reason::NotInAzure, format!("Azure has no endpoint {name}."));
        }
        Look::Unseen => return gone_with_its_workspace(case).unwrap_or(Said::AsBefore),
    };
    let (works, reason) = match endpoint.provisioning() {
        Provisioning::Succeeded => (true, Reason::Succeeded),
        Provisioning::Running => (false, Reason::OperationRunning),
        Provisioning::Failed | Provisioning::Canceled => (false, Reason::ResourceFailed),
    };
    let state = endpoint.properties.provisioning_state.as_deref().unwrap_or("unknown");
    Said::Holds(works, reason, format!("Azure reports the endpoint {name} in state {state}."))
}

/// The deployment of the wanted revision can serve. Absent where there is no such candidate, and where the endpoint is
/// another's: what runs there is the other's to report.
fn candidate_ready(case: &Case<'_>) -> Said {
    let scene = &case.scene;
    if case.is_anothers() {
        return Said::Absent;
    }
    if scene.wanted_failed() {
        return Said::Holds(false, Reason::CandidateFailed, wanted_failed(case));
    }
    let Some(candidate) = scene.candidate() else { return Said::Absent };
    let state = candidate.properties.provisioning_state.as_deref().unwrap_or_default();
    let ready = candidate.provisioning() == Provisioning::Succeeded;
    let reason = if ready { Reason::Succeeded } else { Reason::OperationRunning };
    Said::Holds(ready, reason, format!("Azure reports {} in state {state}.", candidate.name()))
}

/// A rollout moves. One that waits for a person, or that nobody may move, does not.
fn progressing(case: &Case<'_>, verdict: &Verdict) -> Said {
    let scene = &case.scene;
    // What goes on at another's endpoint, what cannot begin, and what is taken down, is no rollout of this binding.
    let waits = [Reason::ReferenceNotFound, Reason::ReferenceNotReady, Reason::Inheriting];
    let ends = case.facts.situation.deleting;
    let held = is_held_by(case, verdict.reason);
    if ends || case.is_anothers() || (!held && waits.contains(&verdict.reason)) {
        return Said::Holds(false, verdict.reason, verdict.message.clone());
    }
    if scene.wanted_failed() {
        return Said::Holds(false, Reason::CandidateFailed, wanted_failed(case));
    }
    if scene.candidate().is_none() && scene.arrived() {
        return Said::Holds(false, Reason::Succeeded, "No rollout goes on.".into());
    }
    if held && windows::keep(case) {
        let message = "A closed window keeps the rollout where it is; see status.window.";
        return Said::Holds(false, verdict.reason, message.into());
    }
    if held {
        // What is lacking stands in Ready and in Admitted, whose text can be long.
        let workspace = &case.facts.spec.workspace_ref.name;
        let message = format!(
            "The policy of Workspace {workspace} keeps the rollout where it is; see the condition Admitted."
        );
        return Said::Holds(false, verdict.reason, message);
    }
    if verdict.course != Course::Working {
        return Said::Holds(false, verdict.reason, verdict.message.clone());
    }
    if verdict.reason == Reason::Verifying {
        return Said::Holds(true, Reason::Progressing, verdict.message.clone());
    }
    let message = match scene.candidate() {
        Some(candidate) => {
            let steps = match case.facts.spec.steps() {
                [] => String::new(),
                _ => format!("; steps done: {}", scene.progress(scene.candidate_share())),
            };
            format!("The rollout of {} goes on{steps}.", candidate.name())
        }
        None => "A rollout is about to begin.".into(),
    };
    Said::Holds(true, Reason::Progressing, message)
}

fn wanted_failed(case: &Case<'_>) -> String {
    format!("{} failed.", case.scene.wanted_name().unwrap_or_default())
}
