//! Autoscale settings: only Bindery's are changed, and nothing rises before it scales.

use serde_json::Value;

use super::hold;
use crate::azure::model::{Action, Call, ResourceId};
use crate::decide::deployment_binding;
use crate::simulation::world::World;

/// A setting is made for a deployment that is there and is wanted, and only one with our tag is changed or deleted.
pub fn of_a_settings_call(
    world: &World,
    facts: &deployment_binding::Facts,
    got: Option<&Value>,
    call: &Call,
) -> Result<(), String> {
    let ours = got.is_none_or(|got| {
        got["tags"]["bindery-owner"].as_str().is_some_and(|owner| owner.starts_with("prod/"))
    });
    hold(ours, || format!("the setting is not ours: {}", call.doing))?;
    let Action::Put(body) = &call.action else { return Ok(()) };
    let target = ResourceId::new(body["properties"]["targetResourceUri"].as_str().unwrap_or_default());
    let wanted = facts.wanted().is_some_and(|(_, name)| target.name() == name);
    let known = facts.deployments.iter().any(|d| d.name() == target.name());
    hold(wanted && known, || format!("{target} is not what is wanted: {}", call.doing))?;
    let others = world.cloud.settings_of(&target.parent().parent());
    let other = others.iter().find(|(of, setting)| *of == target && setting.id != call.resource);
    hold(other.is_none(), || format!("another setting scales it: {}", call.doing))
}

/// A candidate that is to scale has its setting before it gets any traffic; not what goes back to what was stable before.
pub fn nothing_rises_before_it_scales(
    world: &World,
    facts: &deployment_binding::Facts,
    call: &Call,
) -> Result<(), String> {
    let (Action::Put(body), Some(endpoint)) = (&call.action, facts.endpoint.found()) else { return Ok(()) };
    let Some((_, wanted)) = facts.wanted().filter(|_| facts.spec.online.deployment.autoscale.is_some())
    else {
        return Ok(());
    };
    let named = |tag: &str| endpoint.tags.get(tag).is_some_and(|name| *name == wanted);
    let had = i64::from(endpoint.weight(&wanted));
    let had = if endpoint.tags.get("bindery-traffic").is_some_and(|t| t.contains(&format!("{wanted}="))) {
        100
    } else {
        had
    };
    let to = body["properties"]["traffic"][&wanted].as_i64().unwrap_or(0);
    let held = endpoint.tags.contains_key("bindery-hold") || facts.goes_back().is_some();
    if had > 0 || to == 0 || held || named("bindery-stable") || named("bindery-previous") {
        return Ok(());
    }
    let target = call.resource.child("deployments", &wanted);
    // A setting may have been deleted behind our back since it was read.
    let read = facts.setting_for(&wanted).is_some();
    let there = world.cloud.settings_of(&call.resource).iter().any(|(of, _)| *of == target);
    hold(read || there, || format!("{wanted} has no autoscale setting: {}", call.doing))
}
