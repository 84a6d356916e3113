//! What must hold of every call, and of letting an object go.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::cloud::{Deed, Form, traffic_in};
use super::super::cluster::HOME;
use super::super::world::World;
use super::{
    Evidence, actions, allowed, analysis, approvals, copies, evidence, given_by, hold, is_archived_before,
    positions, rights, scaling, share_in, verification, wanted, was_ever_stable, written_share,
    written_traffic,
};
use crate::api::{
    ActionWord, BindingDeletion, DeploymentBinding, ModelVersion, Object as _, Outcome, PastRollout,
    RegistryDeletion, RetirementAction, Step, Tags, VersionDeletion,
};
use crate::azure::model::resource::OnlineDeployment;
use crate::azure::model::{Account, Action, Ask, Call, Errand, Principal, Purpose, ResourceId};
use crate::decide::places::reference::Removal;
use crate::decide::{Claimant, Facts as _, Kind, Look, Mode, Place, Right, Situation, deployment_binding};

/// What holds of every call.
pub fn of_a_call<K: Kind>(world: &World, object: &K, facts: &K::Facts, call: &Call) -> Result<(), String> {
    let mut facts = facts.clone();
    nothing_is_written_when_only_looking(world, object, facts.situation(), call)?;
    what_others_claim_is_handed_over(facts.situation(), got(world, object, call)?.as_ref(), call)?;
    what_failed_is_not_tried_again_at_once(facts.situation(), call)?;
    ownership_stays(world, object, call)?;
    one_pass_at_a_time(world, object, call)?;
    let found = got(world, object, call)?;
    rights::nothing_is_written_for_strangers(world, object, call)?;
    rights::nothing_is_taken_over_against_the_word_of_the_place(world, object, found.as_ref(), call)?;
    rights::regions_go_by_the_word_of_the_manifest(object, call)?;
    match evidence::<K>(&facts) {
        Evidence::Workspace => Err(format!("a workspace was about to be changed: {}", call.doing)),
        Evidence::Registry(facts) => {
            let found = got(world, object, call)?;
            let tags = found.as_ref().map_or(&Value::Null, |f| &f["tags"]);
            only_ours_is_deleted_or_shrunk(&facts.situation, tags, call)?;
            the_younger_claimant_waits(&facts.situation, tags, call)?;
            let spec = &facts.spec;
            let access = ("/properties/publicNetworkAccess", spec.public_network_access.is_some());
            what_is_not_named_stays(found.as_ref(), &[access, ("/identity", spec.identity.is_some())], call)?;
            foreign_fields_survive(found.as_ref(), "/tags", &spec.tags, &facts.status.owned_tags, call)
        }
        Evidence::Version(facts) => {
            let found = got(world, object, call)?;
            let tags = found.as_ref().map_or(&Value::Null, |f| &f["properties"]["tags"]);
            only_ours_is_deleted_or_shrunk(&facts.situation, tags, call)?;
            the_younger_claimant_waits(&facts.situation, tags, call)?;
            one_publish_per_version(world, object, call)?;
            copies::of_a_call(world, object, facts, call)?;
            the_intent_is_stored(world, object, call)?;
            nothing_that_serves_is_deleted(facts.served_by.is_empty(), call)?;
            let (tags, owned) = (&facts.spec.tags, &facts.status.owned_tags);
            let retired = facts.spec.retirement.as_ref().filter(|it| it.at <= facts.situation.now);
            let retired = retired.is_some_and(|it| it.action == RetirementAction::Archive);
            let named = facts.spec.archived.is_some() || facts.situation.deleting || retired;
            what_is_not_named_stays(found.as_ref(), &[("/properties/isArchived", named)], call)?;
            foreign_fields_survive(found.as_ref(), "/properties/tags", tags, owned, call)
        }
        Evidence::Binding(facts) => {
            if let Some(binding) = (object as &dyn std::any::Any).downcast_ref::<DeploymentBinding>() {
                verification::the_job_is_stored(world, binding, call)?;
            }
            of_a_bindings_call(world, facts, call, got(world, object, call)?.as_ref())
        }
    }
}

/// What the pass has read by a GET of the resource that it is about to change: every PUT is a merge on a fresh GET.
fn got<K: Kind>(world: &World, object: &K, call: &Call) -> Result<Option<Value>, String> {
    match (world.got(&object.key(), &call.resource), &call.action) {
        (Some(found), _) => Ok(found.clone()),
        (None, Action::Put(_)) if world.cloud.resources.contains_key(&call.resource) => {
            Err(format!("what is there was not read by a GET: {}", call.doing))
        }
        (None, _) => Ok(None),
    }
}

fn of_a_bindings_call(
    world: &World,
    facts: &deployment_binding::Facts,
    call: &Call,
    got: Option<&Value>,
) -> Result<(), String> {
    let name = call.resource.name();
    if Form::of(&call.resource) == Form::Job {
        return Ok(());
    }
    nothing_begins_in_a_closed_place(facts, call)?;
    rights::nothing_is_taken_down_where_that_is_forbidden(world, facts, got, call)?;
    if Form::of(&call.resource) == Form::Endpoint {
        let tags = got.map_or(&Value::Null, |e| &e["tags"]);
        only_ours_is_deleted_or_shrunk(&facts.situation, tags, call)?;
        the_younger_claimant_waits(&facts.situation, tags, call)?;
        let serving = facts.endpoint.found().is_some_and(|e| e.properties.traffic.values().any(|w| *w > 0));
        nothing_that_serves_is_deleted(!serving && facts.deployments.is_empty(), call)?;
        traffic_sums_to_100_or_is_empty(call)?;
        only_the_qualified_rise(facts, call)?;
        scaling::nothing_rises_before_it_scales(world, facts, call)?;
        copies_of_requests_go_to_the_qualified(facts, call)?;
        actions::what_is_held_back_does_not_rise(facts, call)?;
        actions::actions_speak_of_what_is_wanted(facts, call)?;
        verification::one_job_for_each_try(world, facts, call)?;
        verification::nothing_becomes_the_default_unverified(world, facts, call)?;
        analysis::no_analysis_is_passed_without_a_good_measurement(world, facts, call)?;
        // What is handed over keeps the traffic that it has, whoever gave it.
        if !hands_over(&facts.situation, call) {
            steps_are_taken_one_by_one(world, facts, call)?;
            positions::what_is_written_names_a_step_of_this_rollout(facts, call)?;
        }
        let wanted = &facts.spec.online.endpoint;
        let access = ("/properties/publicNetworkAccess", wanted.public_network_access.is_some());
        let mode = ("/properties/authMode", wanted.auth_mode.is_some());
        what_is_not_named_stays(got, &[access, mode, ("/identity", wanted.identity.is_some())], call)?;
        let (tags, owned) = (facts.spec.endpoint_tags(), &facts.status.owned_tags);
        return foreign_fields_survive(got, "/tags", tags, owned, call);
    }
    if Form::of(&call.resource) == Form::Setting {
        return scaling::of_a_settings_call(world, facts, got, call);
    }
    instances_stay_within_the_policy(facts, call)?;
    scaling::only_what_the_manifest_counts_is_scaled(facts, call)?;
    let found = facts.deployments.iter().find(|d| d.name() == name);
    let serves = facts.endpoint.found().is_some_and(|e| e.weight(name) > 0);
    nothing_that_serves_is_deleted(!serves, call)?;
    if let Some(found) = found {
        let ours = found.tags.contains_key("bindery-revision")
            && found.tags.get("bindery-owner").is_some_and(|o| o.starts_with("prod/"));
        hold(ours, || format!("{name} is not ours: {}", call.doing))?;
    } else {
        a_failed_revision_is_not_tried_again(world, facts, call)?;
        what_is_made_may_serve(facts, call)?;
    }
    let named = facts.spec.online.deployment.instance_count.is_some();
    what_is_not_named_stays(got, &[("/sku/capacity", named)], call)?;
    let owned = facts.status.owned_deployment_tags.get(name).map_or(&[][..], Vec::as_slice);
    foreign_fields_survive(got, "/tags", facts.spec.deployment_tags(), owned, call)
}

/// Reads and calls go out as the account of the place that they are about, and as nobody else. Where the object of the place
/// is gone, nobody knows its account.
pub fn what_is_in_a_place_is_touched_as_the_place(
    world: &World,
    errand: &Errand,
    what: &Ask,
) -> Result<(), String> {
    let at = match what {
        Ask::Resource(id)
        | Ask::Collection { path: id, .. }
        | Ask::Beginning { path: id }
        | Ask::BatchJobs { path: id, .. } => id,
        Ask::Operation { resource, .. } => resource,
        Ask::Run { workspace, .. } => workspace,
        Ask::Files { version, .. } | Ask::Uploaded { version, .. } | Ask::Blocks { version, .. } => version,
        Ask::Names => return Ok(()),
    };
    // Settings are in the resource group; every endpoint is in one workspace.
    let of_settings = at.as_str().contains("/autoscalesettings").then_some("prod");
    let place =
        at.segment("registries").or_else(|| at.segment("workspaces")).or(of_settings).unwrap_or_default();
    let account = Account { namespace: HOME.into(), name: place.into() };
    let known = match &errand.principal {
        Principal::Account(one) => world.cluster.accounts && *one == account,
        Principal::Operator => !world.cluster.accounts || world.lost.contains(place),
    };
    // A publish is followed where its source is, and after the source has gone as whoever is left.
    let source_may_be_gone = matches!(what, Ask::Operation { .. });
    hold(known || source_may_be_gone, || format!("{what} was asked for as {}", errand.principal))
}

/// No write when suspended, observing, or with `--observe-only`.
fn nothing_is_written_when_only_looking<K: Kind>(
    world: &World,
    object: &K,
    situation: &Situation,
    call: &Call,
) -> Result<(), String> {
    let (suspend, management, _) = object.mode();
    let looking = suspend || management == crate::api::Management::Observe || world.observe_only;
    hold(!looking && situation.mode == Mode::Act, || format!("only looking, and yet: {}", call.doing))
}

/// Of two objects that claim a resource that nobody owns, the younger one does nothing.
fn the_younger_claimant_waits(situation: &Situation, tags: &Value, call: &Call) -> Result<(), String> {
    // Who only observes would never own it.
    let older = |c: &&Claimant| c.manages && c.created < situation.ownership.created;
    let older = situation.ownership.claimants.iter().find(older);
    let free = tags["bindery-owner"].as_str().is_none_or(|owner| !owner.starts_with("prod/"));
    hold(older.is_none() || !free, || format!("{older:?} is older, and yet: {}", call.doing))
}

/// The call names another claimant as the owner.
fn hands_over(situation: &Situation, call: &Call) -> bool {
    let Action::Put(body) = &call.action else { return false };
    let tag = |at: &str| body.pointer(at).and_then(Value::as_str).map(str::to_string);
    let owner = tag("/tags/bindery-owner").or_else(|| tag("/properties/tags/bindery-owner"));
    situation.ownership.claimants.iter().any(|c| owner.as_ref() == Some(&format!("prod/{}", c.name)))
}

/// What is deleted while another object claims it is theirs: nothing but its owner changes.
fn what_others_claim_is_handed_over(
    situation: &Situation,
    got: Option<&Value>,
    call: &Call,
) -> Result<(), String> {
    let namespace = |name: &str| name.split('/').next().map(str::to_string);
    let ours = namespace(&situation.ownership.owner.object);
    let mut heirs = situation.ownership.claimants.iter().filter(|c| namespace(&c.name) == ours);
    let heir = heirs.next().filter(|_| situation.deleting);
    let as_it_is = || matches!((&call.action, got), (Action::Put(body), Some(got)) if is_part_of(body, got));
    hold(heir.is_none() || hands_over(situation, call) || as_it_is(), || {
        format!("{heir:?} claims it, and yet: {}", call.doing)
    })
}

/// Everything that the first says, the second says too.
fn is_part_of(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(key, value)| whole.get(key).is_some_and(|other| is_part_of(value, other)))
        }
        (part, whole) => part == whole,
    }
}

/// The owner that a call names is of the namespace of the owner that the tags named, where both are of this cluster; and
/// while the object that they named lives, or is about to come back from a backup, it stays the owner until it goes.
fn ownership_stays<K: Kind>(world: &World, object: &K, call: &Call) -> Result<(), String> {
    let (Action::Put(body), Some(got)) = (&call.action, got(world, object, call)?) else { return Ok(()) };
    let owner = |body: &Value| {
        let tag =
            body.pointer("/tags/bindery-owner").or_else(|| body.pointer("/properties/tags/bindery-owner"));
        tag.and_then(Value::as_str).and_then(|tag| tag.strip_prefix("prod/")).map(str::to_string)
    };
    let (Some(before), Some(after)) = (owner(&got), owner(body)) else { return Ok(()) };
    let namespace = |name: &str| name.split('/').next().map(str::to_string);
    let said = || format!("{before} becomes {after}: {}", call.doing);
    hold(namespace(&before) == namespace(&after), said)?;
    // A publish may copy the tags of its source: describing the copy gives it its own owner.
    let of_its_source = before.starts_with("fares/dev-") && call.resource.segment("registries").is_some();
    let copied = call.errand.purpose == Purpose::Describe || of_its_source;
    let goes = object.is_deleting() && object.full_name() == before;
    // A deployment belongs to whoever owns its endpoint, whatever became of the one who made it.
    let endpoint = world.cloud.resources.get(&call.resource.parent().parent());
    let follows = Form::of(&call.resource) == Form::Deployment
        && endpoint.and_then(|endpoint| owner(&endpoint.body)).as_ref() == Some(&after);
    hold(copied || goes || follows || before == after || !world.lives::<K>(&before), said)
}

/// From the GET to the end of the PUT nobody else of this process works on the resource. A publish changes another one.
fn one_pass_at_a_time<K: Kind>(world: &World, object: &K, call: &Call) -> Result<(), String> {
    let other =
        world.also_read_by(&object.key(), &call.resource).filter(|_| call.errand.purpose != Purpose::Publish);
    hold(other.is_none(), || format!("{other:?} works on it too: {}", call.doing))
}

/// A call that did not work is not made again within the second.
fn what_failed_is_not_tried_again_at_once(situation: &Situation, call: &Call) -> Result<(), String> {
    let failed = situation.trouble.failure.as_ref().filter(|f| f.attempt.is(call));
    let over = failed.map(|f| f.at.duration_until(situation.now).unsigned_abs());
    hold(over.is_none_or(|over| over.as_secs() >= 1), || format!("{over:?} after it failed: {}", call.doing))
}

/// What is deleted, or loses regions, carries our tag: never what is somebody else's or nobody's.
fn only_ours_is_deleted_or_shrunk(situation: &Situation, tags: &Value, call: &Call) -> Result<(), String> {
    let owner = tags["bindery-owner"].as_str();
    let ours = owner == Some(situation.ownership.owner.to_string().as_str());
    match &call.action {
        Action::Delete | Action::Post("removeRegions", _) => {
            hold(ours, || format!("owned by {owner:?}: {}", call.doing))
        }
        _ => hold(owner.is_none_or(|o| o.starts_with("prod/")), || {
            format!("owned by {owner:?}: {}", call.doing)
        }),
    }
}

/// Nothing that serves is deleted.
fn nothing_that_serves_is_deleted(idle: bool, call: &Call) -> Result<(), String> {
    hold(idle || call.action != Action::Delete, || format!("it serves: {}", call.doing))
}

/// Every traffic map that we write sums to 100 or is empty.
fn traffic_sums_to_100_or_is_empty(call: &Call) -> Result<(), String> {
    let Action::Put(body) = &call.action else { return Ok(()) };
    let weights: Vec<i64> = traffic(body).into_values().collect();
    let sum: i64 = weights.iter().sum();
    hold(weights.is_empty() || sum == 100, || format!("traffic {weights:?}: {}", call.doing))
}

fn traffic(body: &Value) -> BTreeMap<String, i64> {
    let map = traffic_in(body);
    map.into_iter().map(|(n, w)| (n, w.as_i64().unwrap_or(-1))).collect()
}

/// No write raises the weight of a version that does not qualify in the facts: except back to stable.
fn only_the_qualified_rise(facts: &deployment_binding::Facts, call: &Call) -> Result<(), String> {
    let (Action::Put(body), Some(endpoint)) = (&call.action, facts.endpoint.found()) else { return Ok(()) };
    let there = |name: &str| facts.deployments.iter().find(|d| d.name() == name);
    let tagged = endpoint.tags.get("bindery-stable").filter(|s| there(s).is_some());
    for (name, weight) in traffic(body) {
        if weight <= i64::from(endpoint.weight(&name)) {
            continue;
        }
        let served = endpoint.weight(&name) > 0
            || endpoint.tags.get("bindery-traffic").is_some_and(|t| t.contains(&format!("{name}=")));
        if tagged.map_or(served, |s| *s == name) {
            continue; // back to stable
        }
        let told = endpoint.tags.get("bindery-failed").map(String::as_str).unwrap_or_default();
        let retried = actions::carried_out_by(facts, call, ActionWord::Retry);
        let failed = |revision: &str| {
            let again = retried.iter().any(|it| it.revision.to_string() == revision);
            !again && (told.contains(revision) || known_to_have_failed(facts, revision))
        };
        let tag = |d: &OnlineDeployment| d.tags.get("bindery-revision").cloned().unwrap_or_default();
        let revision = there(&name).map(tag).unwrap_or_default();
        let asset = there(&name).and_then(|d| d.properties.model.clone()).unwrap_or_default();
        let rolled_back = actions::rolls_back_to(facts, call, &revision);
        let is_wanted =
            wanted(facts).is_some_and(|(revision, wanted)| wanted == name && !failed(&revision.to_string()));
        let ready =
            there(&name).is_some_and(|d| d.properties.provisioning_state.as_deref() == Some("Succeeded"));
        let written = serde_json::to_value(endpoint).unwrap_or_default();
        let had = written_traffic(&written).get(name.as_str()).copied().unwrap_or(0);
        // Without a count in the manifest, whatever there is is enough.
        let all = facts.spec.online.deployment.instance_count.map_or(0, i64::from);
        let has = there(&name).and_then(|d| d.sku.as_ref()?.capacity).map_or(all, i64::from);
        // Where nothing serves there is nobody to protect.
        hold(tagged.is_none() || weight <= had || rolled_back || has * 100 >= all * weight, || {
            format!("{name} has {has} of {all} instances, and would rise to {weight}: {}", call.doing)
        })?;
        let back = approvals::goes_back_to(facts, &revision, &asset) || rolled_back;
        let back = back || (tagged.is_none() && was_ever_stable(facts, &revision));
        let back = back && !is_archived_before(facts, &revision);
        hold((back || (is_wanted && allowed(facts))) && ready, || {
            format!("{name} does not qualify, and would rise to {weight}: {}", call.doing)
        })?;
    }
    Ok(())
}

/// A deployment is made of what the manifest asks for and the workspace lets serve, or of what was stable before and serves again.
fn what_is_made_may_serve(facts: &deployment_binding::Facts, call: &Call) -> Result<(), String> {
    let Action::Put(body) = &call.action else { return Ok(()) };
    let revision = body["tags"]["bindery-revision"].as_str().unwrap_or_default();
    let asset = body["properties"]["model"]["assetId"].as_str().or(body["properties"]["model"].as_str());
    let asset = asset.unwrap_or_default();
    let again =
        actions::rolls_back_to(facts, call, revision) || approvals::goes_back_to(facts, revision, asset);
    let again = again || comes_back_after_a_deletion(facts, revision);
    let again = again && !is_archived_before(facts, revision);
    let is_wanted = wanted(facts).is_some_and(|(wanted, _)| wanted.to_string() == revision);
    hold(again || (is_wanted && allowed(facts)), || {
        format!("the workspace does not let {revision} of {asset} serve, and yet: {}", call.doing)
    })
}

/// What served last is made again where somebody has deleted it, whatever the rules say by now of a version that begins.
fn comes_back_after_a_deletion(facts: &deployment_binding::Facts, revision: &str) -> bool {
    let stable = facts.endpoint.found().and_then(|it| it.tags.get("bindery-stable"));
    let there = |name: &String| facts.deployments.iter().any(|d| d.name() == name);
    !stable.is_some_and(there) && was_ever_stable(facts, revision)
}

/// In a workspace that is in conflict or being deleted nothing is made or removed, and nothing but the stable deployment gets
/// more traffic; except at the end of an object.
fn nothing_begins_in_a_closed_place(facts: &deployment_binding::Facts, call: &Call) -> Result<(), String> {
    if !matches!(facts.place, Place::Closed { .. }) || facts.situation.deleting {
        return Ok(());
    }
    let endpoint = facts.endpoint.found().filter(|_| Form::of(&call.resource) == Form::Endpoint);
    let (Action::Put(body), Some(endpoint)) = (&call.action, endpoint) else {
        return Err(format!("the place is closed, and yet: {}", call.doing));
    };
    let stable = endpoint.tags.get("bindery-stable");
    let mut given = traffic(body).into_iter().filter(|(name, _)| Some(name) != stable);
    let risen = given.find(|(name, weight)| *weight > i64::from(endpoint.weight(name)));
    hold(risen.is_none(), || format!("the place is closed, and {risen:?} rises: {}", call.doing))?;
    let field = |it: &Value, at: &str| it.pointer(at).cloned();
    let before = serde_json::to_value(endpoint).unwrap_or_default();
    for at in ["/identity", "/properties/authMode", "/properties/publicNetworkAccess", "/tags/team"] {
        hold(field(body, at) == field(&before, at), || {
            format!("the place is closed, and {at} changes: {}", call.doing)
        })?;
    }
    Ok(())
}

/// No deployment gets more instances than the workspace allows, or than it has.
fn instances_stay_within_the_policy(facts: &deployment_binding::Facts, call: &Call) -> Result<(), String> {
    let (Action::Put(body) | Action::Patch(body), Place::Ready { policy, .. }) = (&call.action, &facts.place)
    else {
        return Ok(());
    };
    let most = policy.deployment.as_ref().and_then(|deployment| deployment.max_instances);
    let found = facts.deployments.iter().find(|d| d.name() == call.resource.name());
    let has = found.and_then(|d| d.sku.as_ref()?.capacity).map_or(0, i64::from);
    let asked = body["sku"]["capacity"].as_i64().unwrap_or(0);
    hold(most.is_none_or(|most| asked <= i64::from(most).max(has)), || {
        format!("{asked} instances, where there are {has} and may be {most:?}: {}", call.doing)
    })
}

/// Is the revision one of the three that were stable before the last, by the history, has it not failed since, and was the last not
/// rolled back to?
pub(super) fn was_stable_lately(facts: &deployment_binding::Facts, revision: &str) -> bool {
    let mut served: Vec<&str> = vec![];
    let history = facts.status.history.iter().filter(|it| it.outcome.serves());
    let rolled_back = history.clone().next().is_some_and(|it| it.outcome == Outcome::RolledBack);
    for it in history {
        if !served.contains(&it.revision.as_str()) {
            served.push(&it.revision);
        }
    }
    let of_it =
        facts.status.history.iter().find(|it| it.revision == revision && it.outcome != Outcome::Superseded);
    let failed = of_it.is_some_and(|it| it.outcome == Outcome::Failed);
    !rolled_back && !failed && served.iter().skip(1).take(3).any(|it| *it == revision)
}

/// A candidate rises by one step at a time, and not before the pauses of its step are over.
fn steps_are_taken_one_by_one(
    world: &World,
    facts: &deployment_binding::Facts,
    call: &Call,
) -> Result<(), String> {
    let (Action::Put(body), Some(endpoint)) = (&call.action, facts.endpoint.found()) else { return Ok(()) };
    let Some((revision, name)) = wanted(facts) else { return Ok(()) };
    let tag = |key: &str| endpoint.tags.get(key).map(String::as_str);
    let there = |name: &str| facts.deployments.iter().any(|d| d.name() == name);
    let stable = tag("bindery-stable").filter(|s| there(s));
    let content = serde_json::to_value(endpoint).unwrap_or_default();
    let before = tag("bindery-traffic").map(|_| written_share(&content, &name));
    let (Some(stable), Some(before)) = (stable, before) else { return Ok(()) };
    let after = share_in(body, &name);
    if stable == name || tag("bindery-previous") == Some(name.as_str()) || after <= before {
        return Ok(());
    }
    let steps = facts.spec.steps();
    let revision = revision.to_string();
    // What goes back may take the steps all the same, as where it waited behind a window.
    if after == 100_000 && was_stable_lately(facts, &revision) {
        return Ok(());
    }
    let promotes = actions::carried_out_by(facts, call, ActionWord::Promote);
    if promotes.iter().any(|it| it.step.is_none()) {
        return hold(after == 100_000, || format!("promoted in full, to share {after}: {}", call.doing));
    }
    let promoted = !promotes.is_empty() || actions::may_have_been(facts, ActionWord::Promote, &revision);
    let next = steps.iter().filter_map(given_by).filter(|share| *share > before).min().unwrap_or(100_000);
    hold(after == next, || format!("from share {before} to {after}, and not to {next}: {}", call.doing))?;
    let reached = steps.iter().position(|s| given_by(s) == Some(before)).map(|at| at + 1);
    let Some(reached) = reached.or((before == 0).then_some(0)) else { return Ok(()) };
    if promoted {
        return Ok(());
    }
    let passed: Vec<_> = steps[reached..].iter().take_while(|step| given_by(step).is_none()).collect();
    let asks_nobody = |step: &&Step| step.pause.as_ref().is_none_or(|pause| pause.period.is_some());
    hold(passed.iter().all(asks_nobody), || {
        format!("a pause that nobody has promoted is passed at share {before}: {}", call.doing)
    })?;
    let wait: std::time::Duration = passed.into_iter().filter_map(positions::how_long).sum();
    let id = call.resource.child("deployments", &name);
    let since = world.ledger.shares.get(&id).filter(|(w, _)| *w == before).map_or(world.now, |(_, s)| *s);
    // The time until it could serve counts for no pause.
    let since = since.max(world.ledger.ready.get(&id).copied().unwrap_or(world.now));
    let waited = since.duration_until(world.now).unsigned_abs();
    hold(waited >= wait, || format!("{waited:?} of {wait:?} waited at share {before}: {}", call.doing))
}

/// Azure copies requests only to a deployment that is on its way and may have traffic, and not to one that has some.
fn copies_of_requests_go_to_the_qualified(
    facts: &deployment_binding::Facts,
    call: &Call,
) -> Result<(), String> {
    let (Action::Put(body), Some(endpoint)) = (&call.action, facts.endpoint.found()) else { return Ok(()) };
    let there = |name: &str| facts.deployments.iter().find(|d| d.name() == name);
    let copies = body["properties"]["mirrorTraffic"].as_object().cloned().unwrap_or_default();
    for (name, percent) in copies {
        let (had, gets) = (endpoint.properties.mirror_traffic.get(&name), percent.as_i64().unwrap_or(0));
        if had.is_some_and(|had| gets <= i64::from(*had)) {
            continue;
        }
        let ready =
            there(&name).and_then(|d| d.properties.provisioning_state.as_deref()) == Some("Succeeded");
        let step = facts.spec.strategy.steps.iter().any(|step| step.mirror.map(i64::from) == Some(gets));
        let is_wanted = wanted(facts).is_some_and(|(_, wanted)| wanted == name);
        let live = traffic(body).get(&name).copied().unwrap_or(0);
        hold(ready && step && is_wanted && live == 0 && allowed(facts), || {
            format!("{name} does not qualify, and would get copies of {gets} %: {}", call.doing)
        })?;
    }
    Ok(())
}

fn known_to_have_failed(facts: &deployment_binding::Facts, revision: &str) -> bool {
    let last = facts.status.history.iter().find(|it| it.revision == revision);
    let retried = |it: &PastRollout| it.actions.iter().any(|told| told.action == ActionWord::Retry);
    last.is_some_and(|it| it.outcome == Outcome::Failed && !retried(it))
}

/// A revision that failed is not created again.
fn a_failed_revision_is_not_tried_again(
    world: &World,
    facts: &deployment_binding::Facts,
    call: &Call,
) -> Result<(), String> {
    let (Action::Put(body), Some(id)) = (&call.action, &facts.id) else { return Ok(()) };
    let revision = body["tags"]["bindery-revision"].as_str().unwrap_or_default();
    let by_tag = world.ledger.failed.get(id).is_some_and(|f| f.contains(revision));
    let by_status = known_to_have_failed(facts, revision);
    if actions::may_have_been(facts, ActionWord::Retry, revision) {
        return Ok(());
    }
    hold(!by_tag && !by_status, || format!("{revision} has failed: {}", call.doing))
}

/// When a publish goes out, its intent is in the status.
fn the_intent_is_stored<K: Kind>(world: &World, object: &K, call: &Call) -> Result<(), String> {
    let live = world.cluster.live.get(&object.key()).and_then(ModelVersion::from_any);
    let stored = live.is_none_or(|live| live.current().publishing.is_some());
    let publish = call.errand.purpose == Purpose::Publish;
    hold(!publish || stored, || format!("no intent is stored: {}", call.doing))
}

/// A version is published once: never again while the first may still land.
fn one_publish_per_version<K: Kind>(world: &World, object: &K, call: &Call) -> Result<(), String> {
    let Action::Post("publish", body) = &call.action else { return Ok(()) };
    let text = |key: &str| body[key].as_str().unwrap_or_default();
    let to = ResourceId::registry("s", "rg", text("registryName"))
        .model_version(text("destinationName"), text("destinationVersion"));
    // Nobody can remember what an earlier object, or a status that is lost, had asked for.
    let since = world.ledger.forgotten.map_or(object.created(), |f| f.max(object.created()));
    let pending = world
        .cloud
        .operations
        .iter()
        .find(|o| !o.done && o.started > since && matches!(&o.deed, Deed::Appear(at, _) if *at == to));
    hold(pending.is_none(), || format!("{to} may still come: {}", call.doing))
}

/// What the manifest does not name is not changed: a default of ours is for making, not for what is there.
fn what_is_not_named_stays(
    found: Option<&Value>,
    fields: &[(&str, bool)],
    call: &Call,
) -> Result<(), String> {
    let (Some(found), Action::Put(body)) = (found, &call.action) else { return Ok(()) };
    for (field, _) in fields.iter().filter(|(_, named)| !named) {
        let (was, sent) = (found.pointer(field), body.pointer(field));
        hold(was == sent, || format!("{field} was {was:?} and becomes {sent:?}: {}", call.doing))?;
    }
    Ok(())
}

/// What we did not set goes back as it came: unknown properties, foreign tags, mirror traffic.
fn foreign_fields_survive(
    found: Option<&Value>,
    tags: &str,
    wanted: &Tags,
    owned: &[String],
    call: &Call,
) -> Result<(), String> {
    let (Some(found), Action::Put(body)) = (found, &call.action) else { return Ok(()) };
    let ours =
        |key: &str| key.starts_with("bindery-") || wanted.contains_key(key) || owned.iter().any(|o| o == key);
    for (key, value) in found.pointer(tags).and_then(Value::as_object).into_iter().flatten() {
        let sent = body.pointer(tags).and_then(|t| t.get(key));
        hold(ours(key) || sent == Some(value), || format!("tag {key} is lost: {}", call.doing))?;
    }
    for field in ["futureProperty", "flavors", "modelUri", "model"] {
        let (was, sent) = (&found["properties"][field], &body["properties"][field]);
        hold(was == sent, || format!("{field} was {was} and becomes {sent}: {}", call.doing))?;
    }
    copies_for_others_survive(found, body, call)
}

/// Copies of requests for a deployment of somebody else go on, unless one of Bindery's gets them now, or the endpoint ends.
fn copies_for_others_survive(found: &Value, body: &Value, call: &Call) -> Result<(), String> {
    let copies = |it: &Value, ours: bool| -> BTreeMap<String, i64> {
        let map = it["properties"]["mirrorTraffic"].as_object().cloned().unwrap_or_default();
        let all = map.into_iter().map(|(name, percent)| (name, percent.as_i64().unwrap_or(0)));
        all.filter(|(name, percent)| name.starts_with('v') == ours && *percent > 0).collect()
    };
    let (was, sent) = (copies(found, false), copies(body, false));
    let given_to_ours = !copies(body, true).is_empty();
    let ending = call.doing.starts_with("take all traffic off");
    hold(was == sent || given_to_ours || ending, || {
        format!("copies went to {was:?} and go to {sent:?}: {}", call.doing)
    })
}

/// An object goes only when nothing in Azure is left to do for it.
pub fn of_a_release<K: Kind>(facts: &K::Facts) -> Result<(), String> {
    let mut situated = facts.clone();
    let situation = situated.situation();
    if situation.mode != Mode::Act || situation.ownership.right != Right::Granted {
        return Ok(());
    }
    let left = match evidence::<K>(facts) {
        Evidence::Workspace => false,
        Evidence::Registry(f) => {
            f.spec.deletion_policy == RegistryDeletion::Delete
                && f.registry.found().is_some_and(|r| f.situation.ownership.owns(&r.tags))
        }
        Evidence::Version(f) => {
            let policy = f.spec.deletion_policy;
            f.version.found().is_some_and(|v| {
                f.situation.ownership.owns(&v.properties.tags)
                    && (policy == VersionDeletion::Delete
                        || (policy == VersionDeletion::Archive && !v.properties.is_archived))
            })
        }
        Evidence::Binding(f) => {
            let forbidden = matches!(f.removal, Removal::Forbidden { .. });
            f.spec.deletion_policy == BindingDeletion::Delete
                && !forbidden
                && f.endpoint.found().is_some_and(|e| f.situation.ownership.owns(&e.tags))
        }
    };
    let unread = matches!(evidence::<K>(facts), Evidence::Binding(f)
        if matches!(f.endpoint, Look::Unseen) && f.id.is_some() && f.removal == Removal::Allowed && f.spec.deletion_policy == BindingDeletion::Delete);
    hold(!left && !unread, || "an object goes, and what it made is still there".into())
}
