//! Autoscale settings: only Bindery's are changed, and nothing rises before it scales.

use serde_json::Value;

use super::hold;
use crate::azure::model::{Action, Call, ResourceId};
use crate::decide::{Mode, Place, Trouble, deployment_binding};
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

/// A PATCH says nothing but a count, which is the manifest's, of a deployment of ours. What carries traffic is scaled in only where the
/// manifest asks for that very deployment.
pub fn only_what_the_manifest_counts_is_scaled(
    facts: &deployment_binding::Facts,
    call: &Call,
) -> Result<(), String> {
    let Action::Patch(body) = &call.action else { return Ok(()) };
    let name = call.resource.name();
    let count = facts.spec.online.deployment.instance_count.map(i64::from);
    let alone = body.as_object().is_some_and(|it| it.keys().eq(["sku"]));
    let asked = body["sku"]["capacity"].as_i64();
    let Some(found) = facts.deployments.iter().find(|d| d.name() == name) else {
        return Err(format!("nobody has seen it: {}", call.doing));
    };
    let ours = found.tags.contains_key("bindery-revision");
    hold(alone && ours && asked.is_some() && asked == count, || {
        format!("{body}, where the manifest says {count:?}: {}", call.doing)
    })?;
    let serves = facts.endpoint.found().is_some_and(|e| e.weight(name) > 0);
    let less = asked < found.sku.as_ref().and_then(|sku| sku.capacity).map(i64::from);
    let wanted = facts.wanted().is_some_and(|(_, wanted)| wanted == name);
    hold(!serves || !less || wanted, || format!("{name} serves, and is scaled in: {}", call.doing))
}

/// Once all is settled, what is kept warm has the count that all the traffic needs.
pub fn what_is_kept_warm_can_take_everything_back(
    facts: &deployment_binding::Facts,
    settled: bool,
) -> Result<(), String> {
    let (Some(endpoint), Some(count)) = (facts.endpoint.found(), facts.spec.online.deployment.instance_count)
    else {
        return Ok(());
    };
    let situation = &facts.situation;
    let quiet = situation.mode == Mode::Act
        && !situation.deleting
        && situation.trouble
            == Trouble {
                last_read: situation.trouble.last_read,
                secret: situation.trouble.secret.clone(),
                ..Trouble::default()
            };
    let named = |tag: &str| endpoint.tags.get(tag).cloned();
    let arrived = facts.wanted().map(|(_, name)| name) == named("bindery-stable");
    let most = match &facts.place {
        Place::Ready { policy, .. } => policy.deployment.as_ref().and_then(|it| it.max_instances),
        _ => return Ok(()),
    };
    if !settled || !quiet || !arrived || most.is_some_and(|most| count > most) {
        return Ok(());
    }
    let warm = named("bindery-previous").filter(|name| Some(name) != named("bindery-stable").as_ref());
    let warm = facts.deployments.iter().find(|d| Some(d.name()) == warm.as_deref());
    let failed = endpoint.tags.get("bindery-failed").map(String::as_str).unwrap_or_default();
    let Some(warm) = warm.filter(|d| {
        let of_ours = d.tags.get("bindery-revision").is_some_and(|it| !failed.contains(it));
        let whole = d.properties.provisioning_state.as_deref() == Some("Succeeded");
        of_ours && whole && d.tags.contains_key("bindery-owner")
    }) else {
        return Ok(());
    };
    let has = warm.sku.as_ref().and_then(|sku| sku.capacity);
    let scaled = facts.setting_for(warm.name()).is_some();
    hold(scaled || has.is_none() || has == Some(count), || {
        format!("{} is kept warm with {has:?} instances, and {count} are needed", warm.name())
    })
}
