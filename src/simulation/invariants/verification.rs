//! What must hold of the batch jobs that verify a new deployment before it becomes the default.

use serde_json::Value;

use super::super::cloud::traffic_in;
use super::super::world::World;
use super::{actions, hold, was_ever_stable};
use crate::api::{ActionWord, DeploymentBinding, Object as _};
use crate::azure::model::{Action, Call, ResourceId};
use crate::decide::deployment_binding::Facts;

/// When a job is asked for, its name is in the status.
pub fn the_job_is_stored(world: &World, binding: &DeploymentBinding, call: &Call) -> Result<(), String> {
    let Action::StartJob(asked) = &call.action else { return Ok(()) };
    let live = world.cluster.live.get(&binding.key()).and_then(DeploymentBinding::from_any);
    let stored = live.is_none_or(|it| it.current().verification_jobs.iter().any(|job| job.name == asked.job));
    hold(stored, || format!("no intent is stored: {}", call.doing))
}

/// One job for each try of a deployment: no other one runs on it or has completed, but what is known to be of an earlier try.
pub fn one_job_for_each_try(world: &World, facts: &Facts, call: &Call) -> Result<(), String> {
    let Action::StartJob(asked) = &call.action else { return Ok(()) };
    let deployment = call.resource.child("deployments", &asked.deployment);
    let made = made(world, &deployment);
    let status = &facts.status;
    let past = status.history.iter().filter_map(|it| it.verification.as_ref());
    let past = past.chain(status.verification_jobs.iter().filter(|job| job.given_up));
    let earlier: Vec<&str> = past.map(|job| job.name.as_str()).collect();
    let input = facts.spec.batch.as_ref().and_then(|it| it.verify.as_ref()).map(|it| it.input.clone());
    let other = world.cloud.batch_jobs.iter().find(|job| {
        job.deployment == deployment
            && job.made == made
            && job.asked != asked.job
            && ["Running", "Completed"].contains(&job.status(world.cloud.now))
            && !earlier.contains(&job.name.as_str())
            && job.input.as_str() == input.as_deref()
    });
    let retried = facts
        .wanted()
        .is_some_and(|(revision, _)| actions::may_have_been(facts, ActionWord::Retry, &revision.to_string()));
    hold(other.is_none() || retried, || format!("{other:?} is of the same try: {}", call.doing))
}

fn made(world: &World, deployment: &ResourceId) -> Value {
    let found = world.cloud.resources.get(deployment);
    found.map(|found| found.body["systemData"]["createdAt"].clone()).unwrap_or_default()
}

/// No deployment becomes the default before a job has completed on it, where the manifest asks for one: but what serves again that
/// was stable, and what a person promotes.
pub fn nothing_becomes_the_default_unverified(
    world: &World,
    facts: &Facts,
    call: &Call,
) -> Result<(), String> {
    let asks = facts.spec.batch.as_ref().is_some_and(|batch| batch.verify.is_some());
    let (Action::Put(body), Some(endpoint), true) = (&call.action, facts.endpoint.found(), asks) else {
        return Ok(());
    };
    for (name, _) in traffic_in(body) {
        let deployment = facts.deployments.iter().find(|d| d.name() == name);
        let revision = deployment.and_then(|d| d.tags.get("bindery-revision")).cloned().unwrap_or_default();
        let is = |tag: &str| endpoint.tags.get(tag).is_some_and(|it| *it == name);
        let serves = endpoint.weight(&name) > 0 || is("bindery-stable") || is("bindery-previous");
        let back = serves || revision.is_empty() || was_ever_stable(facts, &revision);
        let promotes = actions::carried_out_by(facts, call, ActionWord::Promote);
        let promoted = promotes.iter().any(|it| it.step.is_none() && it.revision.to_string() == revision);
        let at = call.resource.child("deployments", &name);
        let made = made(world, &at);
        let completed = world.cloud.batch_jobs.iter().any(|job| {
            job.deployment == at && job.made == made && job.status(world.cloud.now) == "Completed"
        });
        hold(back || promoted || completed, || format!("{name} was not verified: {}", call.doing))?;
    }
    Ok(())
}
