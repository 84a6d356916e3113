//! What is true of the endpoint, in the words of the status.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Case;
use super::endpoint::refuse_foreign;
use crate::api::{
    Candidate, DeploymentBindingStatus, DeploymentStatus, Drift, EndpointStatus, FailedRevision,
    FailureReason, Tags,
};
use crate::azure::model::resource::{OnlineDeployment, Provisioning};
use crate::azure::model::{Operation, OperationState};
use crate::decide::SourceVersion;
use crate::decide::drift::owned;
use crate::decide::rollout::{Failures, Revision, Traffic, broken};

/// What a status may hold of deployments.
const DEPLOYMENTS: usize = 20;

/// The status, but for its conditions and phase.
pub(super) fn of(case: &Case<'_>) -> DeploymentBindingStatus {
    let (facts, scene) = (case.facts, &case.scene);
    let mut status = facts.status.clone();
    status.observed_generation = facts.situation.generation;
    status.operation = facts.situation.operation.under_way(facts.situation.now).cloned();
    status.revision = scene.wanted_revision().map(ToString::to_string);
    // What runs on another's endpoint is the other's to report.
    let refused = refuse_foreign(case).is_some();
    if facts.endpoint.is_absent() || refused {
        status.stable = None;
        status.candidate = None;
        status.traffic_summary = None;
        status.deployments = vec![];
        status.drift = vec![];
        status.endpoint = None;
    }
    if facts.endpoint.is_absent() {
        status.owned_deployment_tags = BTreeMap::new();
    }
    let Some(endpoint) = facts.endpoint.found().filter(|_| !refused) else { return status };
    status.endpoint = facts.id.as_ref().map(|id| EndpointStatus {
        id: id.to_string(),
        scoring_uri: endpoint.properties.scoring_uri.clone(),
        state: endpoint.properties.provisioning_state.clone(),
    });
    status.stable.clone_from(&scene.stable);
    status.traffic_summary = scene.held.as_ref().map(Traffic::in_words);
    status.failed = failed(case);
    status.candidate = candidate(case);
    status.deployments = facts
        .deployments
        .iter()
        .take(DEPLOYMENTS)
        .map(|d| DeploymentStatus {
            name: d.name().into(),
            role: scene.role(d),
            asset_id: d.properties.model.clone(),
            weight: endpoint.weight(d.name()),
            state: d.properties.provisioning_state.clone(),
            instances: d.instance_count(),
            since: scene.since(d),
        })
        .collect();
    status.deployments.sort_by(|a, b| a.name.cmp(&b.name));
    let stood = facts.situation.stood(&facts.status.conditions);
    status.drift = if stood || scene.traffic_drifted() { scene.differences() } else { vec![] };
    if stood {
        status.drift.extend(facts.differences_of_deployment(scene));
    }
    if facts.observing() && !scene.owned() {
        status.drift.extend(another_version(case));
    }
    status.owned_deployment_tags = owned_on_deployments(case);
    // While Azure works, nobody knows which keys there will be.
    if scene.owned() && endpoint.provisioning() != Provisioning::Running {
        status.owned_tags = owned(&status.owned_tags, &facts.spec.online.endpoint.tags, &endpoint.tags);
    }
    status
}

/// That an endpoint that is only observed serves something else than the manifest names.
fn another_version(case: &Case<'_>) -> Option<Drift> {
    let scene = &case.scene;
    let SourceVersion::Ready { asset_id, .. } = &case.facts.version else { return None };
    let stable = scene.stable.as_deref().and_then(|name| scene.deployment(name));
    let found = stable.and_then(|d| d.properties.model.clone()).unwrap_or_default();
    (!found.eq_ignore_ascii_case(asset_id)).then(|| Drift {
        field: "model.versionRef".into(),
        wanted: asset_id.clone(),
        found,
    })
}

/// The tag keys that are ours on each of our deployments. An intent for one that cannot be seen yet stays.
fn owned_on_deployments(case: &Case<'_>) -> BTreeMap<String, Vec<String>> {
    let (facts, scene) = (case.facts, &case.scene);
    let nothing = Tags::default();
    let wanted = |name: &str| scene.wanted_name() == Some(name);
    let keys = |deployment: &OnlineDeployment| {
        let before = facts.owned_on(deployment.name());
        if deployment.provisioning() == Provisioning::Running {
            return before.to_vec();
        }
        let tags = if wanted(deployment.name()) { &facts.spec.online.deployment.tags } else { &nothing };
        owned(before, tags, &deployment.tags)
    };
    let ours = facts.deployments.iter().filter(|d| scene.ours(d)).map(|d| (d.name().to_string(), keys(d)));
    let unseen = scene.wanted_name().filter(|name| scene.deployment(name).is_none());
    let unseen = unseen.map(|name| (name.to_string(), facts.owned_on(name).to_vec()));
    ours.chain(unseen).filter(|(_, keys)| !keys.is_empty()).collect()
}

/// The candidate with the weight that Azure has settled on, and the step at which it stands: pauses count from that
/// moment.
fn candidate(case: &Case<'_>) -> Option<Candidate> {
    let (facts, scene) = (case.facts, &case.scene);
    let (revision, name) = scene.wanted().filter(|_| !scene.arrived() && !scene.wanted_failed())?;
    let found = scene.candidate()?;
    let known = facts.status.candidate.clone().filter(|c| c.revision == revision.to_string());
    let moving = facts.endpoint.found().is_some_and(|e| e.provisioning() == Provisioning::Running);
    if moving || (known.is_some() && found.provisioning() == Provisioning::Running) {
        return known;
    }
    // What it really has: a weight that somebody else has taken away is not waited out.
    let weight = scene.routed(name);
    // The time until it could serve counts for no pause, so it stands at no step before.
    let ready = found.provisioning() == Provisioning::Succeeded;
    let position = scene.position_at(weight).filter(|_| ready);
    Some(Candidate {
        deployment: name.clone(),
        revision: revision.to_string(),
        weight: weight.percent(),
        steps: scene.progress(weight),
        since: scene.has_had(weight),
        step: position.map(|position| position.to_status()),
    })
}

/// The revisions that failed, and what Azure said when they did.
pub(super) fn failed(case: &Case<'_>) -> Vec<FailedRevision> {
    let (facts, scene) = (case.facts, &case.scene);
    let late = scene.wanted_revision().cloned().into_iter().filter(|_| deadline_passed(case));
    let known = |revision: &Revision| {
        facts.status.failed.iter().find(|f| f.revision == revision.to_string()).cloned()
    };
    late.collect::<Failures>()
        .then(scene.failures())
        .iter()
        .map(|revision| known(revision).unwrap_or_else(|| why_it_failed(case, revision)))
        .collect()
}

/// Why a revision failed that the status does not know yet. Azure's detail exists only in the operation.
fn why_it_failed(case: &Case<'_>, revision: &Revision) -> FailedRevision {
    let (facts, scene) = (case.facts, &case.scene);
    let because = |reason: FailureReason, message: String| FailedRevision {
        revision: revision.to_string(),
        reason,
        message,
    };
    if scene.wanted_revision() == Some(revision) && deadline_passed(case) {
        let message = "Azure did not make it ready within spec.strategy.progressDeadline.";
        return because(FailureReason::ProgressDeadlineExceeded, message.into());
    }
    let deployment = facts.deployments.iter().find(|d| Revision::tagged(d).as_ref() == Some(revision));
    let Some(deployment) =
        deployment.filter(|d| broken(d.provisioning()) && !scene.failed.contains(revision))
    else {
        return because(
            FailureReason::CandidateFailed,
            "It failed before; the status that knew why was lost.".into(),
        );
    };
    let operation = &facts.situation.operation;
    let of_it = |o: &Operation| o.resource.name().eq_ignore_ascii_case(deployment.name());
    let said = operation.answer.as_ref().filter(|_| operation.remembered.as_ref().is_some_and(of_it));
    let message = match said {
        Some(OperationState::Failed { code: Some(code), message }) if !message.starts_with(code.as_str()) => {
            format!("{code}: {message}")
        }
        Some(OperationState::Failed { message, .. }) => message.clone(),
        _ => "Azure reports it as failed and no longer says why; its logs may.".into(),
    };
    because(FailureReason::CandidateFailed, message)
}

/// Azure has worked on the candidate for longer than the strategy allows. It began by Azure's clock: where
/// that is ahead of ours, no time has passed.
pub(super) fn deadline_passed(case: &Case<'_>) -> bool {
    let (facts, scene) = (case.facts, &case.scene);
    let Some(candidate) = scene.candidate() else { return false };
    let deadline = facts
        .spec
        .strategy
        .progress_deadline
        .as_ref()
        .map_or(3600, |p| i64::try_from(p.duration().as_secs()).unwrap_or(i64::MAX));
    // A later change of one that was ready once, such as its count, is no delay of the rollout.
    let creating = candidate.properties.provisioning_state.as_deref();
    creating.is_some_and(|s| s.eq_ignore_ascii_case("creating"))
        && scene.intended.weight(candidate.name()).percent() == 0
        && created(candidate).is_some_and(|at| at.duration_until(facts.situation.now).as_secs() > deadline)
}

fn created(deployment: &OnlineDeployment) -> Option<Timestamp> {
    deployment.rest.get("systemData")?.get("createdAt")?.as_str()?.parse().ok()
}
