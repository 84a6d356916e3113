//! What is true in the end, when nobody disturbs any more.

use std::sync::Arc;

use kube::ResourceExt;
use serde_json::Value;

use super::cloud::{Form, traffic_in};
use super::cluster;
use super::secrets;
use super::world::{World, told};
use crate::api::{
    AnyObject, ConditionType, DeploymentBinding, ModelVersion, Object, Reason, Tags, any_object,
    conditions_of,
};
use crate::azure::model::ResourceId;
use crate::decide::rollout::Revision;

/// Everything is as its manifest says, or says why not.
pub fn of_the_end(world: &World) -> Result<(), String> {
    for object in world.cluster.live.values() {
        every_object_is_done(object)?;
    }
    for binding in world.cluster.all::<DeploymentBinding>() {
        what_is_refused_reports_nothing(binding)?;
        what_is_ready_serves(world, binding)?;
        secrets::of_the_end(world, binding)?;
    }
    every_endpoint_has_its_object(world)?;
    for version in world.cluster.all::<ModelVersion>() {
        what_is_ready_is_described(world, version)?;
    }
    Ok(())
}

/// Every endpoint of ours has an object that looks after it, but where one was let go on purpose.
fn every_endpoint_has_its_object(world: &World) -> Result<(), String> {
    for endpoint in world.cloud.resources.values().filter(|r| Form::of(&r.id) == Form::Endpoint) {
        let owner = endpoint.body["tags"]["bindery-owner"].as_str().unwrap_or_default();
        let Some(object) = owner.strip_prefix("prod/") else { continue };
        let there = world.cluster.all::<DeploymentBinding>().any(|b| b.full_name() == object);
        let unheld = world.cluster.unheld.contains(object);
        if !there && !unheld && !world.ledger.left(&endpoint.id, owner) {
            return Err(format!("{} belongs to {owner}, which is gone", endpoint.id));
        }
    }
    Ok(())
}

/// Nothing is on its way any more; no finalizer holds what is deleted, but for a reason that it says.
fn every_object_is_done(object: &AnyObject) -> Result<(), String> {
    let (key, deleting) = (cluster::name(object), any_object!(object, it => it.is_deleting()));
    let conditions = any_object!(object, it => conditions_of(it.conditions()));
    let reason = conditions.reason(ConditionType::Ready);
    let blocked = matches!(reason, Some(Reason::ReferenceNotReady | Reason::ReferenceNotFound));
    // An action waits for as long as its binding does, and says so.
    let waits = matches!(object, AnyObject::RolloutAction(_)) && told(object).contains(": It waits for ");
    let blocked = blocked || waits;
    if !conditions.is_true(ConditionType::Ready) && !conditions.is_true(ConditionType::Stalled) && !blocked {
        return Err(format!("{key} ends as {}", told(object)));
    }
    if deleting && !matches!(reason, Some(Reason::NotEmpty | Reason::InUse)) {
        return Err(format!("{key} is never let go: {}", told(object)));
    }
    Ok(())
}

fn ready<K: Object>(object: &K) -> bool {
    conditions_of(object.conditions()).is_true(ConditionType::Ready)
}

/// A binding whose endpoint is another's says nothing of what serves there.
fn what_is_refused_reports_nothing(binding: &DeploymentBinding) -> Result<(), String> {
    let status = binding.current();
    let reason = conditions_of(&status.conditions).reason(ConditionType::Ready);
    let refused = matches!(reason, Some(Reason::OwnedByAnother | Reason::AdoptionRefused));
    let silent = status.stable.is_none() && status.phase.is_none() && status.deployments.is_empty();
    if silent || !refused {
        Ok(())
    } else {
        Err(format!("{} is refused, and reports {status:?}", binding.full_name()))
    }
}

/// A binding that is Ready serves what its manifest asks for, with all the traffic.
fn what_is_ready_serves(world: &World, binding: &DeploymentBinding) -> Result<(), String> {
    let workspace = ResourceId::workspace("s", "rg", "prod");
    let endpoint = workspace.child(binding.spec.kind().collection(), binding.spec.endpoint_name());
    let Some(found) = world.cloud.resources.get(&endpoint) else {
        return if ready(binding) {
            Err(format!("{} is Ready, and nothing is there", binding.full_name()))
        } else {
            Ok(())
        };
    };
    let reference = &binding.spec.model.version_ref.name;
    let Some(version) = world.cluster.find::<ModelVersion>(reference) else { return Ok(()) };
    let Some(asset_id) = version.current().asset_id.filter(|_| ready(&**version)) else { return Ok(()) };
    let revision = Revision::asked(&asset_id, &binding.spec);
    let name = revision.deployment_name(&version.spec.version);
    let traffic = Value::Object(traffic_in(&found.body));
    let serves = traffic[&name] == 100;
    let failed = found.body["tags"]["bindery-failed"].as_str();
    let failed = failed.is_some_and(|f| f.contains(&revision.to_string()));
    let stopped = conditions_of(binding.conditions()).get(ConditionType::Stalled).is_some();
    if ready(binding) != (serves && !stopped) || (!serves && !failed && !stopped) {
        return Err(format!(
            "{}: {name} has {traffic}, failed {failed}; its status says {}",
            binding.full_name(),
            told(&Arc::new(binding.clone()).any())
        ));
    }
    if ready(binding) {
        let deployment = world.cloud.resources.get(&endpoint.child("deployments", &name));
        let count = deployment.and_then(|d| d.body["sku"]["capacity"].as_i64());
        let wanted = binding.spec.online.deployment.instance_count.map(i64::from);
        if wanted.is_some() && count != wanted {
            return Err(format!("{name} has {count:?} instances and should have {wanted:?}"));
        }
        nothing_is_left_behind(world, &endpoint, &name)?;
        settings_are_as_written(world, binding, &endpoint.child("deployments", &name))?;
        let knows = knows_its_keys(world, binding);
        tags_are_as_written(&binding.full_name(), &found.body["tags"], binding.spec.endpoint_tags(), knows)?;
        let tags = deployment.map_or(&Value::Null, |d| &d.body["tags"]);
        tags_are_as_written(&name, tags, binding.spec.deployment_tags(), knows)?;
    }
    Ok(())
}

/// What is to scale has its setting and nothing else on the endpoint has one, where the object knows all that it ever made.
fn settings_are_as_written(
    world: &World,
    binding: &DeploymentBinding,
    deployment: &ResourceId,
) -> Result<(), String> {
    let all = world.cloud.settings_of(&deployment.parent().parent());
    let wanted = binding.spec.online.deployment.autoscale.as_ref();
    let (right, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(target, _)| target == deployment);
    if let Some(wanted) = wanted {
        let most = |setting: &Value| setting["properties"]["profiles"][0]["capacity"]["maximum"].clone();
        let found: Vec<Value> = right.iter().map(|(_, setting)| most(&setting.body)).collect();
        if found != [Value::from(wanted.max_instances.to_string())] {
            return Err(format!(
                "{deployment} should scale up to {}, and has {found:?}",
                wanted.max_instances
            ));
        }
    }
    let left = if wanted.is_some() { others } else { [right, others].concat() };
    // A request of a process that is dead may have made one that nobody knows.
    match left
        .first()
        .filter(|(_, setting)| knows_its_keys(world, binding) && !landed_late(world, &setting.id))
    {
        Some((_, left)) => Err(format!("the setting {} is left behind", left.id)),
        None => Ok(()),
    }
}

fn landed_late(world: &World, id: &ResourceId) -> bool {
    world.cloud.landed.iter().any(|landed| landed.resource == *id)
}

/// Long after the last change only what serves is left of ours.
fn nothing_is_left_behind(world: &World, endpoint: &ResourceId, wanted: &str) -> Result<(), String> {
    let ours = |tags: &Value| tags["bindery-revision"].is_string();
    let all = world.cloud.deployments_of(endpoint);
    // What a job runs on stays.
    let runs = |d: &super::cloud::Resource| {
        let mut jobs = world.cloud.batch_jobs.iter().filter(|job| job.deployment == d.id);
        jobs.any(|job| job.status(world.cloud.now) == "Running")
    };
    match all.into_iter().find(|d| ours(&d.body["tags"]) && d.id.name() != wanted && !runs(d)) {
        Some(left) => Err(format!("{} is left behind beside {wanted}", left.id.name())),
        None => Ok(()),
    }
}

/// An object of the first day whose status was never lost knows every key that it ever set.
fn knows_its_keys<K: Object>(world: &World, object: &K) -> bool {
    world.ledger.remembers_all() && object.created() == world.began
}

/// The tags of the manifest are in Azure and, where the object knows its keys, none that it had before.
fn tags_are_as_written(what: &str, found: &Value, wanted: &Tags, knows: bool) -> Result<(), String> {
    if let Some((key, _)) = wanted.iter().find(|(k, v)| found[k] != **v) {
        return Err(format!("{what}: tag {key} is {}", found[key]));
    }
    let people_set = |key: &&String| key.starts_with('k') && !wanted.contains_key(*key);
    match found.as_object().into_iter().flat_map(|t| t.keys()).find(people_set) {
        Some(key) if knows => Err(format!("{what}: tag {key} is left behind")),
        _ => Ok(()),
    }
}

/// A version that is Ready is in Azure, with our tag and what the manifest says.
fn what_is_ready_is_described(world: &World, version: &ModelVersion) -> Result<(), String> {
    if !ready(version) {
        return Ok(());
    }
    let id = version.current().id.map(ResourceId::new);
    let found = id.as_ref().and_then(|id| world.cloud.resources.get(id));
    let Some(found) = found else { return Err(format!("{} is Ready, and not there", version.full_name())) };
    let properties = &found.body["properties"];
    let owner = format!("prod/{}", version.full_name());
    let tags = &properties["tags"];
    // Where a publish copies the tags, those of the source are foreign ones of the copy.
    let copied = version.name_any().starts_with("taxi") && world.cloud.positions.publish_copies_metadata;
    let knows = knows_its_keys(world, version) && !copied;
    tags_are_as_written(&version.full_name(), tags, &version.spec.tags, knows)?;
    let archived = version.spec.archived.is_none_or(|archived| properties["isArchived"] == archived);
    let right = tags["bindery-owner"] == owner.as_str() && archived;
    if right { Ok(()) } else { Err(format!("{} is Ready, and Azure has {properties}", version.full_name())) }
}
