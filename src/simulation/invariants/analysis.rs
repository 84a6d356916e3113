//! What must hold of measurements.

use serde_json::Value;

use super::actions::{carried_out_by, may_have_been};
use super::calls::was_stable_lately;
use super::{hold, share_in, wanted};
use crate::api::{ActionWord, Step};
use crate::azure::model::{Action, Call};
use crate::decide::deployment_binding::Facts;
use crate::simulation::world::World;

/// What a step gives, as [`share_in`] counts it.
fn given(step: &Step) -> Option<i64> {
    step.set_traffic.map(|percent| i64::from(percent) * 1000).or(step.mirror.map(i64::from))
}

/// No candidate gets past a step that measures it, unless it was measured there well, or a person let it pass.
pub fn no_analysis_is_passed_without_a_good_measurement(
    world: &World,
    facts: &Facts,
    call: &Call,
) -> Result<(), String> {
    let (Action::Put(body), Some(endpoint)) = (&call.action, facts.endpoint.found()) else { return Ok(()) };
    let Some((revision, name)) = wanted(facts) else { return Ok(()) };
    let tag = |key: &str| endpoint.tags.get(key).filter(|value| !value.is_empty());
    let before = serde_json::to_value(endpoint).unwrap_or(Value::Null);
    let (has, gets) = (share_in(&before, &name), share_in(body, &name));
    // Nothing served before, or it goes back to what is warm or was stable not long ago.
    let direct = tag("bindery-stable").is_none()
        || tag("bindery-previous") == Some(&name)
        || was_stable_lately(facts, &revision.to_string());
    if gets <= has || direct || tag("bindery-stable") == Some(&name) {
        return Ok(());
    }
    let promoted = !carried_out_by(facts, call, ActionWord::Promote).is_empty()
        || may_have_been(facts, ActionWord::Promote, &revision.to_string());
    if promoted {
        return Ok(());
    }
    let steps = &facts.spec.strategy.steps;
    let stands =
        steps.iter().rposition(|step| given(step).is_some_and(|it| it <= has)).map_or(0, |at| at + 1);
    let arrives = body["tags"]["bindery-stable"] == name.as_str();
    let end = steps.iter().position(|step| given(step).is_some_and(|it| it >= gets)).filter(|_| !arrives);
    let passed = steps.get(stands..end.unwrap_or(steps.len())).unwrap_or_default();
    for step in passed {
        let Some(analysis) = step.analysis.as_ref().filter(|it| !it.background) else { continue };
        for metric in &analysis.metrics {
            let good = world.meter.good.iter().any(|(of, word)| *of == name && word == metric);
            hold(good, || {
                format!(
                    "{name} passes step {:?}, where {metric} was never measured well: {}",
                    step.name, call.doing
                )
            })?;
        }
    }
    Ok(())
}
