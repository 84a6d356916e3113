//! What must hold of every call, by what the places say: who publishes there, and whether what exists may be taken over.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::cloud::{US, traffic_in};
use super::super::world::World;
use super::hold;
use crate::api::{
    Adoption, AnyObject, DeploymentBinding, EndpointDeletion, ModelVersion, Object, ObjectKey, Reference,
    Registry, Workspace,
};
use crate::azure::model::{Action, Call};
use crate::decide::{Kind, deployment_binding};

/// A pass may have read what a place said before it was changed, and its requests take their time.
const UNDER_WAY: Duration = Duration::from_secs(300);

/// What the place of an object says: its publishers, as they are written, and its word on taking over; and what the object
/// puts there, by the name of the list that governs it.
struct Word {
    home: String,
    publishers: Value,
    adoption: Adoption,
    list: &'static str,
    name: String,
}

/// Has a place said something else a moment ago?
fn has_just_changed(world: &World) -> bool {
    world.rights_changed.duration_until(world.now).unsigned_abs() < UNDER_WAY
}

/// The word of the place that an object names. None where there is no such place, or it has just changed.
fn word<K: Kind>(world: &World, object: &K) -> Option<Word> {
    if has_just_changed(world) {
        return None;
    }
    let registry = |at: &Reference| world.seen_quietly(&ObjectKey::meant::<Registry>(at, &object.home()));
    let workspace = |at: &Reference| world.seen_quietly(&ObjectKey::meant::<Workspace>(at, &object.home()));
    let (place, list, name) = if let Some(it) = (object as &dyn std::any::Any).downcast_ref::<ModelVersion>()
    {
        let place = it.spec.registry_ref.as_ref().and_then(registry);
        let place = place.or_else(|| it.spec.workspace_ref.as_ref().and_then(workspace));
        (place, "models", it.spec.model.clone())
    } else if let Some(it) = (object as &dyn std::any::Any).downcast_ref::<DeploymentBinding>() {
        (workspace(&it.spec.workspace_ref), "endpoints", it.spec.endpoint_name().to_string())
    } else {
        return None;
    };
    let (home, publishers, adoption) = match place? {
        AnyObject::Registry(it) => (it.home(), json!(it.spec.publishers), it.spec.adoption),
        AnyObject::Workspace(it) => (it.home(), json!(it.spec.publishers), it.spec.adoption),
        _ => return None,
    };
    Some(Word { home, publishers, adoption, list, name })
}

/// Does the place let this namespace, with these labels, publish what the object puts there? Globs of the simulation have
/// their only `*` at the end.
fn publishes(word: &Word, namespace: &str, labels: Option<&BTreeMap<String, String>>) -> bool {
    let entries = word.publishers.as_array().map_or(&[][..], Vec::as_slice);
    if entries.is_empty() {
        return namespace == word.home;
    }
    let name = word.name.to_lowercase();
    let matches = |glob: &str| match glob.to_lowercase().strip_suffix('*') {
        Some(begin) => name.starts_with(begin),
        None => name == glob.to_lowercase(),
    };
    entries.iter().any(|entry| {
        let named = entry[word.list].as_array();
        let covers = named.is_none_or(|globs| globs.iter().filter_map(Value::as_str).any(matches));
        let namespaces = &entry["namespaces"];
        let team = namespaces["selector"]["matchLabels"]["team"].as_str();
        let included = match namespaces["from"].as_str() {
            Some("All") => true,
            Some("Same") => namespace == word.home,
            _ => labels.and_then(|labels| labels.get("team")).map(String::as_str) == team,
        };
        covers && included
    })
}

/// Nothing is written for somebody whom the place does not let publish.
pub fn nothing_is_written_for_strangers<K: Kind>(
    world: &World,
    object: &K,
    call: &Call,
) -> Result<(), String> {
    let Some(word) = word(world, object) else { return Ok(()) };
    let home = object.home();
    hold(publishes(&word, &home, world.cluster.labels.get(&home)), || {
        format!("{} is no publisher by {}, and yet: {}", object.key(), word.publishers, call.doing)
    })
}

/// What exists and nobody owns is left alone where the place refuses to have it taken over; but for the copy of a publish that
/// the object asked for.
pub fn nothing_is_taken_over_against_the_word_of_the_place<K: Kind>(
    world: &World,
    object: &K,
    found: Option<&Value>,
    call: &Call,
) -> Result<(), String> {
    let own = (object as &dyn std::any::Any).downcast_ref::<Registry>().map(|it| it.spec.adoption);
    let adoption = own.or_else(|| word(world, object).map(|word| word.adoption));
    let (Some(Adoption::Refuse), Some(found), Action::Put(body)) = (adoption, found, &call.action) else {
        return Ok(());
    };
    let owner = |body: &Value| {
        let owner =
            body.pointer("/tags/bindery-owner").or_else(|| body.pointer("/properties/tags/bindery-owner"));
        owner.and_then(Value::as_str).is_some_and(|owner| owner.contains('/'))
    };
    let version = (object as &dyn std::any::Any).downcast_ref::<ModelVersion>();
    let asked_for = version.is_some_and(|version| version.current().publishing.is_some());
    // After all status is lost, who made it still tells a copy that nobody has described yet.
    let tags = found.pointer("/properties/tags").and_then(Value::as_object);
    let bare = tags.is_none_or(serde_json::Map::is_empty) && found["systemData"]["createdBy"] == US;
    let asked_for = asked_for || (version.is_some() && bare);
    let takes_over = owner(body) && !owner(found) && !asked_for;
    hold(!takes_over, || format!("{} takes over what exists: {}", object.key(), call.doing))
}

/// Regions are removed where the manifest says that they may be.
pub fn regions_go_by_the_word_of_the_manifest<K: Kind>(object: &K, call: &Call) -> Result<(), String> {
    let Action::Post("removeRegions", _) = &call.action else { return Ok(()) };
    let registry = (object as &dyn std::any::Any).downcast_ref::<Registry>();
    let may = registry.is_some_and(|it| it.spec.region_removal == crate::api::RegionRemoval::Delete);
    hold(may, || format!("{} does not say so, and yet: {}", object.key(), call.doing))
}

/// At the end of a binding nothing is deleted, and no traffic is taken off, while an object for its workspace forbids that or no
/// object is there.
pub fn nothing_is_taken_down_where_that_is_forbidden(
    world: &World,
    facts: &deployment_binding::Facts,
    found: Option<&Value>,
    call: &Call,
) -> Result<(), String> {
    if !facts.situation.deleting || has_just_changed(world) {
        return Ok(());
    }
    let workspace = facts.id.as_ref().and_then(|id| id.segment("workspaces")).unwrap_or_default();
    let forbids = world.cluster.cache(world.acting).values().any(|it| match it {
        AnyObject::Workspace(it) => {
            it.id().name() == workspace && it.spec.policy.endpoint_deletion == Some(EndpointDeletion::Forbid)
        }
        _ => false,
    });
    let serves = |body: &Value| !traffic_in(body).is_empty();
    let ends = match &call.action {
        Action::Delete => true,
        Action::Put(body) => found.is_some_and(serves) && !serves(body),
        Action::Post(..)
        | Action::Patch(_)
        | Action::BeginUpload(_)
        | Action::Fetch(_)
        | Action::StartJob(_) => false,
    };
    hold(!forbids || !ends, || format!("workspace {workspace} forbids it, and yet: {}", call.doing))
}
