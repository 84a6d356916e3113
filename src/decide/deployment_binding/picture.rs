//! What is true of the endpoint, in the words of the status.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::Facts;
use super::endpoint::refuse_foreign;
use crate::api::{
    Candidate, ConditionType, DeploymentBindingStatus, DeploymentStatus, Drift, EndpointStatus,
    FailedRevision, FailureReason, Reason, Role, Tags, conditions_of,
};
use crate::azure::model::resource::{OnlineDeployment, Provisioning};
use crate::azure::model::{Operation, OperationState};
use crate::decide::drift::owned;
use crate::decide::rollout::{Failures, Revision, Scene, broken, progress};
use crate::decide::verdict::Course;
use crate::decide::{Look, SourceVersion, Verdict};

/// What a status may hold of deployments.
const DEPLOYMENTS: usize = 20;

/// The status, but for its conditions and phase.
pub(super) fn of(facts: &Facts) -> DeploymentBindingStatus {
    let mut status = facts.status.clone();
    status.observed_generation = facts.situation.generation;
    status.operation = facts.situation.operation.under_way(facts.situation.now).cloned();
    let scene = Scene::of(facts);
    status.revision = scene.wanted.as_ref().map(|(r, _)| r.to_string());
    // What runs on another's endpoint is the other's to report.
    let refused = refuse_foreign(facts).is_some();
    if facts.endpoint.is_absent() || refused {
        status.stable = None;
        status.candidate = None;
        status.traffic_summary = None;
        status.deployments = vec![];
        status.owned_deployment_tags = BTreeMap::new();
        status.drift = vec![];
    }
    if facts.endpoint.is_absent() {
        status.endpoint = None;
    }
    let Some(endpoint) = facts.endpoint.found() else { return status };
    status.endpoint = facts.id.as_ref().map(|id| EndpointStatus {
        id: id.to_string(),
        scoring_uri: endpoint.properties.scoring_uri.clone(),
        state: endpoint.properties.provisioning_state.clone(),
    });
    if refused {
        return status;
    }
    status.stable.clone_from(&scene.stable);
    status.traffic_summary = scene.held.as_ref().map(crate::decide::rollout::Traffic::in_words);
    status.failed = failed(facts, &scene);
    status.candidate = candidate(facts, &scene);
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
    status.drift = if stood || scene.traffic_drifted() { facts.differences() } else { vec![] };
    if stood {
        status.drift.extend(facts.differences_of_deployment());
    }
    if facts.observing() && !facts.situation.ownership.owns(&endpoint.tags) {
        status.drift.extend(another_version(facts, &scene));
    }
    status.owned_deployment_tags = owned_on_deployments(facts, &scene);
    // While Azure works, nobody knows which keys there will be.
    if facts.situation.ownership.owns(&endpoint.tags) && endpoint.provisioning() != Provisioning::Running {
        status.owned_tags = owned(&status.owned_tags, &facts.spec.online.endpoint.tags, &endpoint.tags);
    }
    status
}

/// That an endpoint that is only observed serves something else than the manifest names.
fn another_version(facts: &Facts, scene: &Scene<'_>) -> Option<Drift> {
    let SourceVersion::Ready { asset_id, .. } = &facts.version else { return None };
    let stable = scene.stable.as_deref().and_then(|name| scene.deployment(name));
    let found = stable.and_then(|d| d.properties.model.clone()).unwrap_or_default();
    (!found.eq_ignore_ascii_case(asset_id)).then(|| Drift {
        field: "model.versionRef".into(),
        wanted: asset_id.clone(),
        found,
    })
}

/// The tag keys that are ours on each of our deployments. An intent for one that cannot be seen yet stays.
fn owned_on_deployments(facts: &Facts, scene: &Scene<'_>) -> BTreeMap<String, Vec<String>> {
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

/// The candidate with the weight that Azure has settled on: pauses count from that moment.
fn candidate(facts: &Facts, scene: &Scene<'_>) -> Option<Candidate> {
    let (revision, name) = scene.wanted.as_ref().filter(|_| !scene.arrived() && !scene.wanted_failed())?;
    let found = scene.candidate()?;
    let known = facts.status.candidate.clone().filter(|c| c.revision == revision.to_string());
    let moving = facts.endpoint.found().is_some_and(|e| e.provisioning() == Provisioning::Running);
    if moving || (known.is_some() && found.provisioning() == Provisioning::Running) {
        return known;
    }
    // What it really has: a weight that somebody else has taken away is not waited out.
    let weight = scene.routed(name);
    let same = known.filter(|c| c.weight == weight.percent());
    let since = same.map_or(facts.situation.now, |c| c.since);
    // A candidate that has just become ready has been so from now on.
    let ready_before = |d: &DeploymentStatus| d.name == *name && d.state.as_deref() == Some("Succeeded");
    let just_ready = weight.percent() == 0 && !facts.status.deployments.iter().any(ready_before);
    Some(Candidate {
        deployment: name.clone(),
        revision: revision.to_string(),
        weight: weight.percent(),
        steps: progress(scene.steps(), weight),
        since: if just_ready { facts.situation.now } else { since },
    })
}

/// The revisions that failed, and what Azure said when they did.
fn failed(facts: &Facts, scene: &Scene<'_>) -> Vec<FailedRevision> {
    let late = scene.wanted.iter().map(|(r, _)| r.clone()).filter(|_| deadline_passed(facts));
    let known = |revision: &Revision| {
        facts.status.failed.iter().find(|f| f.revision == revision.to_string()).cloned()
    };
    late.collect::<Failures>()
        .then(scene.failures())
        .iter()
        .map(|revision| known(revision).unwrap_or_else(|| why_it_failed(facts, scene, revision)))
        .collect()
}

/// Why a revision failed that the status does not know yet. Azure's detail exists only in the operation.
fn why_it_failed(facts: &Facts, scene: &Scene<'_>, revision: &Revision) -> FailedRevision {
    let because = |reason: FailureReason, message: String| FailedRevision {
        revision: revision.to_string(),
        reason,
        message,
    };
    if scene.wanted.as_ref().is_some_and(|(wanted, _)| wanted == revision) && deadline_passed(facts) {
        let message = "Azure did not make it ready within spec.strategy.progressDeadline.";
        return because(FailureReason::ProgressDeadlineExceeded, message.into());
    }
    let deployment = facts.deployments.iter().find(|d| Revision::tagged(d).as_ref() == Some(revision));
    let Some(deployment) = deployment.filter(|d| broken(d) && !scene.failed.contains(revision)) else {
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
pub(super) fn deadline_passed(facts: &Facts) -> bool {
    let scene = Scene::of(facts);
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

/// The conditions that only a binding has.
pub(super) fn conditions(facts: &Facts, step: &Verdict, conditions: &[Condition]) -> Vec<Condition> {
    let mut conditions = conditions_of(conditions);
    let (generation, now) = (facts.situation.generation, facts.situation.now);
    let scene = Scene::of(facts);
    let name = &facts.spec.online.endpoint.name;
    match &facts.endpoint {
        Look::Found(endpoint) => {
            let (status, reason) = match endpoint.provisioning() {
                Provisioning::Succeeded => (true, Reason::Succeeded),
                Provisioning::Running => (false, Reason::OperationRunning),
                Provisioning::Failed | Provisioning::Canceled => (false, Reason::ResourceFailed),
            };
            let state = endpoint.properties.provisioning_state.as_deref().unwrap_or("there");
            conditions.set(
                ConditionType::EndpointReady,
                Some(status),
                reason,
                format!("The endpoint {name} is {state}."),
                generation,
                now,
            );
        }
        Look::Absent => {
            let message = format!("Azure has no endpoint {name}.");
            conditions.set(
                ConditionType::EndpointReady,
                Some(false),
                Reason::NotInAzure,
                message,
                generation,
                now,
            );
        }
        Look::Unseen => {}
    }
    let (progresses, reason, message) = if scene.wanted_failed() {
        let message = format!("{} failed.", scene.wanted_name().unwrap_or_default());
        conditions.set(
            ConditionType::CandidateReady,
            Some(false),
            Reason::CandidateFailed,
            message.clone(),
            generation,
            now,
        );
        (false, Reason::CandidateFailed, message)
    } else if let Some(candidate) = scene.candidate() {
        let state = candidate.properties.provisioning_state.as_deref().unwrap_or_default();
        let ready = candidate.provisioning() == Provisioning::Succeeded;
        let reason = if ready { Reason::Succeeded } else { Reason::OperationRunning };
        let message = format!("{} is {state}.", candidate.name());
        conditions.set(ConditionType::CandidateReady, Some(ready), reason, message, generation, now);
        let steps = progress(scene.steps(), scene.candidate_weight().0);
        (true, Reason::Progressing, format!("The rollout of {} has done {steps} steps.", candidate.name()))
    } else {
        conditions.remove(ConditionType::CandidateReady);
        if scene.role_is_settled() {
            (false, Reason::Succeeded, "No rollout goes on.".into())
        } else {
            (true, Reason::Progressing, "A rollout is about to begin.".into())
        }
    };
    if refuse_foreign(facts).is_some() {
        conditions.remove(ConditionType::CandidateReady);
    }
    // A rollout that waits for a person, or that nobody may move, does not progress.
    if progresses && step.course != Course::Working {
        conditions.set(
            ConditionType::Progressing,
            Some(false),
            step.reason,
            step.message.clone(),
            generation,
            now,
        );
    } else {
        conditions.set(ConditionType::Progressing, Some(progresses), reason, message, generation, now);
    }
    conditions.into_vec()
}

impl Scene<'_> {
    fn role_is_settled(&self) -> bool {
        self.arrived()
            && self
                .deployment(self.wanted_name().unwrap_or_default())
                .is_some_and(|d| self.role(d) == Role::Stable)
    }
}
