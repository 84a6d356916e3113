//! What is true of the endpoint, in the words of the status.

use std::collections::BTreeMap;

use super::{Case, admission, autoscale, history, keys};
use crate::api::{Candidate, DeploymentBindingStatus, DeploymentStatus, Drift, EndpointStatus, Stable, Tags};
use crate::azure::model::folded;
use crate::azure::model::resource::{EndpointKind, OnlineDeployment, Provisioning};
use crate::decide::SourceVersion;
use crate::decide::drift::owned;
use crate::decide::rollout::{Revision, Share, Traffic, version_of};

/// What a status may hold of deployments.
const DEPLOYMENTS: usize = 20;

/// The status, but for its conditions and phase.
pub(super) fn of(case: &Case<'_>) -> DeploymentBindingStatus {
    let (facts, scene) = (case.facts, &case.scene);
    let mut status = facts.status.clone();
    status.observed_generation = facts.situation.generation;
    status.last_handled_reconcile.clone_from(&facts.situation.asks);
    status.operation = facts.situation.operation.under_way(facts.situation.now).cloned();
    status.unknown_jobs = facts.unknown_of_jobs();
    status.revision = facts.manifest().map(|(revision, _)| revision.to_string());
    status.actions.clone_from(&case.orders.taken);
    status.hold = case.hold();
    let refused = case.is_anothers();
    status.keys_secret = keys::status(case);
    status.verification_jobs = if refused { vec![] } else { case.verification_jobs() };
    // What is about to be inherited is known beforehand, or the owner hands over nothing.
    let inherits = refused && !facts.situation.ownership.leaving.is_empty();
    if !inherits {
        status.autoscale = if refused { vec![] } else { autoscale::status(case) };
    }
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
    status.stable = stable(case);
    status.traffic_summary = scene.held.as_ref().map(|held| summary(held, scene.kind()));
    // What others roll out on an endpoint that is only observed is no rollout of Bindery's.
    if scene.owned() {
        status.history = history::of(case);
    }
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
            jobs: facts.all_jobs_on(d.name()),
            since: scene.since(d),
        })
        .collect();
    status.deployments.sort_by(|a, b| a.name.cmp(&b.name));
    let stood = facts.situation.stood(&facts.status.conditions);
    status.drift = if stood || scene.traffic_drifted() { scene.differences() } else { vec![] };
    if scene.wanted_name().is_some_and(|name| facts.deployment_stood(name)) {
        status.drift.extend(facts.differences_of_deployment(scene));
    }
    if stood && scene.arrived() {
        status.drift.extend(facts.differences_of_autoscale(scene));
    }
    if facts.observing() && !scene.owned() {
        status.drift.extend(another_version(case));
    }
    status.owned_deployment_tags = owned_on_deployments(case);
    // While Azure works, nobody knows which keys there will be.
    if scene.owned() && endpoint.provisioning() != Provisioning::Running {
        status.owned_tags = owned(&status.owned_tags, facts.spec.endpoint_tags(), &endpoint.tags);
    }
    status
}

/// The traffic in one line.
fn summary(held: &Traffic, kind: EndpointKind) -> String {
    let said = held.said_of(kind);
    match kind {
        EndpointKind::Batch if !held.serving().is_empty() => format!("{said} (default)"),
        _ => said,
    }
}

/// That an endpoint that is only observed serves something else than the manifest names.
fn another_version(case: &Case<'_>) -> Option<Drift> {
    let scene = &case.scene;
    let SourceVersion::Ready { asset_id, .. } = &case.facts.version else { return None };
    let stable = scene.stable.as_deref().and_then(|name| scene.deployment(name));
    let found = stable.and_then(|d| d.properties.model.clone()).unwrap_or_default();
    (folded(&found) != folded(asset_id)).then(|| Drift {
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
        let tags = if wanted(deployment.name()) { facts.spec.deployment_tags() } else { &nothing };
        owned(before, tags, &deployment.tags)
    };
    let ours = facts.deployments.iter().filter(|d| scene.ours(d)).map(|d| (d.name().to_string(), keys(d)));
    let unseen = scene.wanted_name().filter(|name| scene.deployment(name).is_none());
    let unseen = unseen.map(|name| (name.to_string(), facts.owned_on(name).to_vec()));
    ours.chain(unseen).filter(|(_, keys)| !keys.is_empty()).collect()
}

/// What serves for certain.
fn stable(case: &Case<'_>) -> Option<Stable> {
    let deployment = case.scene.stable.as_deref().and_then(|name| case.scene.deployment(name))?;
    Some(Stable {
        deployment: deployment.name().into(),
        revision: Revision::tagged(deployment).map(|revision| revision.to_string()),
        version: version_of(deployment),
        asset_id: deployment.properties.model.clone(),
        since: case.scene.since(deployment),
    })
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
        // What a person has passed just now is written down while Azure works, too: later nothing but the tag would know it.
        let passed = facts.passed(&case.orders).and(known.as_ref());
        let passed = passed.and_then(|known| scene.position_at(Share::seen(known)));
        let passed = passed.map(|position| position.to_status(facts.spec.steps()));
        let part = |known: Candidate| Candidate {
            step: passed.or_else(|| known.step.clone()),
            actions: case.part(Some(&known), revision),
            skipped: case.skipped(Some(&known), revision),
            metrics: case.runs(),
            measurements: case.measurements(Some(&known)),
            ..known
        };
        return known.map(part);
    }
    // What it really has: a share that somebody else has taken away is not waited out.
    let share = scene.reaching(name);
    // The time until it could serve counts for no pause, so it stands at no step before.
    let ready = found.provisioning() == Provisioning::Succeeded;
    // A weight that somebody else has set says nothing of the steps that are done.
    let position = scene.position_at(share).filter(|_| ready && !scene.traffic_drifted());
    // A candidate that stands at no step waits out no pause: the moment is kept, or every look would write the status anew.
    let waiting = known.as_ref().filter(|it| position.is_none() && it.step.is_none());
    let waiting = waiting.filter(|it| Share::seen(it) == share).map(|it| it.since);
    let remembered = known.as_ref().map(|known| known.waivers.clone()).unwrap_or_default();
    let before = known.clone();
    Some(Candidate {
        deployment: name.clone(),
        revision: revision.to_string(),
        weight: share.live.percent(),
        mirror: Some(share.mirror.percent()).filter(|percent| *percent > 0),
        started_at: before.as_ref().map_or(facts.situation.now, |known| known.started_at),
        git_revision: known.map_or_else(|| facts.git_revision.clone(), |known| known.git_revision),
        since: waiting.unwrap_or_else(|| scene.has_had(share)),
        step: position.map(|position| position.to_status(facts.spec.steps())),
        waivers: admission::of_rollout(&remembered, facts),
        actions: case.part(before.as_ref(), revision),
        skipped: case.skipped(before.as_ref(), revision),
        metrics: case.runs(),
        measurements: case.measurements(before.as_ref()),
        not_measured_since: case.not_measured_since(before.as_ref()),
    })
}
