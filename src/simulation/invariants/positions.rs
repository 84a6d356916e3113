//! What must hold of the position of a rollout, in the status and in the endpoint's tag.

use std::time::Duration;

use super::{actions, given_by, hold, share_in, wanted, written_share};
use crate::api::{ActionWord, Candidate, Pause, RunPhase, Step};
use crate::azure::model::{Action, Call};
use crate::decide::deployment_binding;

/// No step is passed without its pause being over: neither by time, nor by anything that is read in a tag.
pub fn no_step_is_passed_before_its_pause_is_over(facts: &deployment_binding::Facts) -> Result<(), String> {
    let (before, after) = (&facts.status.candidate, deployment_binding::decide(facts).status.candidate);
    let (Some(before), Some(after)) = (before, &after) else { return Ok(()) };
    let (Some(from), Some(to)) = (&before.step, &after.step) else { return Ok(()) };
    let same =
        before.revision == after.revision && (before.weight, before.mirror) == (after.weight, after.mirror);
    if !same || from.steps_hash != to.steps_hash || to.index <= from.index {
        return Ok(());
    }
    let index = |index: i32| usize::try_from(index).unwrap_or_default();
    let passed = &facts.spec.strategy.steps[index(from.index)..index(to.index)];
    if actions::may_have_been(facts, ActionWord::Promote, &after.revision) {
        return Ok(());
    }
    let asks_nobody = |step: &Step| step.pause.as_ref().is_none_or(|pause| pause.period.is_some());
    hold(passed.iter().all(asks_nobody), || format!("{passed:?} passed, and nobody has promoted it"))?;
    let gives_nothing = |step: &Step| step.pause.is_some() || step.analysis.is_some();
    hold(passed.iter().all(gives_nothing), || format!("{passed:?} passed without traffic"))?;
    hold(passed.iter().all(|step| was_measured(step, after)), || {
        format!("{passed:?} passed, and what was measured is {:?}", after.metrics)
    })?;
    let wait: Duration = passed.iter().filter_map(how_long).sum();
    let waited = from.since.duration_until(facts.situation.now).unsigned_abs();
    hold(waited >= wait, || format!("{passed:?} passed after {waited:?}"))
}

/// How long a rollout stays at a step, at least.
pub fn how_long(step: &Step) -> Option<Duration> {
    step.pause.as_ref().and_then(Pause::duration).or_else(|| step.analysis.as_ref()?.duration())
}

/// Does the status say of a step that is passed that each of its metrics was measured well?
fn was_measured(step: &Step, candidate: &Candidate) -> bool {
    let Some(analysis) = step.analysis.as_ref().filter(|it| !it.background) else { return true };
    let well = |metric: &String| {
        let mut runs = candidate.metrics.iter();
        let run = runs.find(|it| Some(&it.step) == step.name.as_ref() && it.metric == *metric);
        run.is_some_and(|it| it.dry_run || (it.phase == RunPhase::Successful && it.successful > 0))
    };
    analysis.metrics.iter().all(well)
}

/// The position that a PUT of the endpoint writes is of the wanted revision, and at a step whose share the map has: a
/// rollout that goes on says where it stands, and one that is over or given up says nothing.
pub fn what_is_written_names_a_step_of_this_rollout(
    facts: &deployment_binding::Facts,
    call: &Call,
) -> Result<(), String> {
    let (Action::Put(body), Some((revision, name))) = (&call.action, wanted(facts)) else { return Ok(()) };
    let tag = |key: &str| body["tags"][key].as_str();
    // While the stable deployment is made again, another one may answer in its place: what it is meant to have is in the tag.
    let gone =
        tag("bindery-stable").is_some_and(|stable| facts.deployments.iter().all(|d| d.name() != stable));
    let has = if gone { written_share(body, &name) } else { share_in(body, &name) };
    let Some(position) = tag("bindery-position") else {
        let under_way = has > 0 && tag("bindery-stable").is_some_and(|stable| stable != name);
        return hold(!under_way, || format!("{name} has share {has}, and no position: {}", call.doing));
    };
    hold(tag("bindery-stable") != Some(&name), || {
        format!("{name} has arrived at {position}: {}", call.doing)
    })?;
    let told: Vec<&str> = position.split([' ', '@']).collect();
    let step: Option<usize> = told.get(2).and_then(|step| step.parse().ok());
    let steps = &facts.spec.strategy.steps;
    let Some(step) = step.filter(|step| told[0] == revision.to_string() && *step <= steps.len()) else {
        return Err(format!("{position} is none of {revision}: {}", call.doing));
    };
    let done = steps[..step].iter().filter_map(given_by).all(|share| share <= has);
    let to_come = steps[step..].iter().filter_map(given_by).all(|share| share > has);
    hold(done && to_come, || format!("{position} is no step at share {has}: {}", call.doing))
}
