//! What is true of the endpoint, in the words of the status.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::Facts;
use crate::api::{
    Candidate, DeploymentBindingStatus, DeploymentStatus, EndpointStatus, FailedRevision, Reason, Role,
    conditions_of,
};
use crate::azure::OperationState;
use crate::azure::resource::{OnlineDeployment, Provisioning};
use crate::decide::Look;
use crate::decide::drift::owned;
use crate::decide::rollout::{FAILED_TAG, Scene, progress};

/// What a status may hold of deployments.
const DEPLOYMENTS: usize = 20;

/// The status, but for its conditions and phase.
pub(super) fn of(facts: &Facts) -> DeploymentBindingStatus {
    let mut status = facts.status.clone();
    status.observed_generation = facts.situation.generation;
    status.operation = facts.situation.running(facts.status.operation.as_ref());
    let scene = Scene::of(facts);
    status.revision = scene.wanted.as_ref().map(|(r, _)| r.to_string());
    let Some(endpoint) = facts.endpoint.found() else {
        if facts.endpoint.is_absent() {
            status.stable = None;
            status.candidate = None;
            status.endpoint = None;
            status.traffic_summary = None;
            status.deployments = vec![];
            status.drift = vec![];
        }
        return status;
    };
    status.endpoint = facts.id.as_ref().map(|id| EndpointStatus {
        id: id.to_string(),
        scoring_uri: endpoint.properties.scoring_uri.clone(),
        state: endpoint.properties.provisioning_state.clone(),
    });
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
            since: scene.since(d).to_string(),
        })
        .collect();
    status.deployments.sort_by(|a, b| a.name.cmp(&b.name));
    status.drift = if facts.situation.stood(&facts.status.conditions) || scene.traffic_drifted() {
        facts.differences()
    } else {
        vec![]
    };
    if facts.situation.owns(&endpoint.tags) {
        status.owned_tags = owned(&status.owned_tags, &facts.spec.online.endpoint.tags, &endpoint.tags);
    }
    status
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
    let since = same.and_then(|c| c.since.parse().ok()).unwrap_or(facts.situation.now);
    // A candidate that has just become ready has been so from now on.
    let ready_before = |d: &DeploymentStatus| d.name == *name && d.state.as_deref() == Some("Succeeded");
    let just_ready = weight.percent() == 0 && !facts.status.deployments.iter().any(ready_before);
    Some(Candidate {
        deployment: name.clone(),
        revision: revision.to_string(),
        weight: weight.percent(),
        steps: progress(scene.steps(), weight),
        since: if just_ready { facts.situation.now } else { since }.to_string(),
    })
}

/// The last revision that failed, and what Azure said: its detail exists only in the operation.
fn failed(facts: &Facts, scene: &Scene<'_>) -> Option<FailedRevision> {
    let known = facts.status.failed.clone();
    let Some((revision, name)) = scene.wanted.as_ref().filter(|_| !scene.arrived()) else {
        return known.or_else(|| forgotten(facts));
    };
    if known.as_ref().is_some_and(|f| f.revision == revision.to_string()) {
        return known;
    }
    if deadline_passed(facts) {
        return Some(FailedRevision {
            revision: revision.to_string(),
            reason: Reason::ProgressDeadlineExceeded.to_string(),
            message: "Azure did not make it ready within spec.strategy.progressDeadline.".into(),
        });
    }
    let broken = scene
        .candidate()
        .filter(|d| matches!(d.provisioning(), Provisioning::Failed | Provisioning::Canceled));
    if broken.is_none() {
        return known.or_else(|| forgotten(facts));
    }
    let said = facts.situation.operation.as_ref().filter(|p| p.resource.name().eq_ignore_ascii_case(name));
    let message = match said.map(|p| &p.state) {
        Some(OperationState::Failed { code: Some(code), message }) if !message.starts_with(code.as_str()) => {
            format!("{code}: {message}")
        }
        Some(OperationState::Failed { message, .. }) => message.clone(),
        _ => "Azure reports it as failed and no longer says why; its logs may.".into(),
    };
    Some(FailedRevision {
        revision: revision.to_string(),
        reason: Reason::CandidateFailed.to_string(),
        message,
    })
}

/// A failure that only the endpoint's tag remembers.
fn forgotten(facts: &Facts) -> Option<FailedRevision> {
    let tag = facts.endpoint.found()?.tags.get(FAILED_TAG).filter(|t| !t.is_empty())?;
    Some(FailedRevision {
        revision: tag.clone(),
        reason: Reason::CandidateFailed.to_string(),
        message: "It failed before; the status that knew why was lost.".into(),
    })
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
pub(super) fn conditions(facts: &Facts, conditions: &[Condition]) -> Vec<Condition> {
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
                "EndpointReady",
                Some(status),
                reason,
                format!("The endpoint {name} is {state}."),
                generation,
                now,
            );
        }
        Look::Absent => {
            let message = format!("Azure has no endpoint {name}.");
            conditions.set("EndpointReady", Some(false), Reason::NotInAzure, message, generation, now);
        }
        Look::Unseen => {}
    }
    if scene.wanted_failed() {
        let message = format!("{} failed.", scene.wanted_name().unwrap_or_default());
        conditions.set(
            "CandidateReady",
            Some(false),
            Reason::CandidateFailed,
            message.clone(),
            generation,
            now,
        );
        conditions.set("Progressing", Some(false), Reason::CandidateFailed, message, generation, now);
    } else if let Some(candidate) = scene.candidate() {
        let state = candidate.properties.provisioning_state.as_deref().unwrap_or_default();
        let ready = candidate.provisioning() == Provisioning::Succeeded;
        let reason = if ready { Reason::Succeeded } else { Reason::OperationRunning };
        let message = format!("{} is {state}.", candidate.name());
        conditions.set("CandidateReady", Some(ready), reason, message, generation, now);
        let steps = progress(scene.steps(), scene.candidate_weight().0);
        let message = format!("The rollout of {} has done {steps} steps.", candidate.name());
        conditions.set("Progressing", Some(true), Reason::Progressing, message, generation, now);
    } else {
        conditions.remove("CandidateReady");
        let arrived = scene.role_is_settled();
        let (reason, message) = if arrived {
            (Reason::Succeeded, "No rollout goes on.")
        } else {
            (Reason::Progressing, "A rollout is about to begin.")
        };
        conditions.set("Progressing", Some(!arrived), reason, message, generation, now);
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
