//! What must hold, each with a name and a sentence. They read the facts, the call and the cloud, and
//! share as little as possible with the rules that they watch.

mod actions;
mod analysis;
mod approvals;
mod calls;
mod copies;
mod decisions;
mod gates;
mod positions;
mod rights;
mod scaling;
mod verification;
mod windows;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::cloud::{Cloud, Form, Resource, is_batch, traffic_in};
use super::world::World;
use crate::api::{BindingDeletion, DeploymentBinding, Object as _, ObjectKey, Step};
use crate::azure::model::ResourceId;
use crate::decide::places::reference::Removal;
use crate::decide::places::registry;
use crate::decide::rollout::Revision;
use crate::decide::{Kind, Mode, Place, Right, SourceVersion, deployment_binding, model_version};

/// The facts of a call, whatever the kind.
pub enum Evidence<'a> {
    Registry(&'a registry::Facts),
    Workspace,
    Version(&'a model_version::Facts),
    Binding(&'a deployment_binding::Facts),
}

/// What the invariants need to know of the facts of a call.
pub fn evidence<K: Kind>(facts: &K::Facts) -> Evidence<'_> {
    let facts: &dyn Any = facts;
    if let Some(facts) = facts.downcast_ref::<registry::Facts>() {
        Evidence::Registry(facts)
    } else if let Some(facts) = facts.downcast_ref::<model_version::Facts>() {
        Evidence::Version(facts)
    } else if let Some(facts) = facts.downcast_ref::<deployment_binding::Facts>() {
        Evidence::Binding(facts)
    } else {
        Evidence::Workspace
    }
}

pub use actions::what_is_removed_has_ended;
pub use calls::{of_a_call, of_a_release, what_is_in_a_place_is_touched_as_the_place};
pub use copies::what_is_copied_is_read_as_its_place;
pub use decisions::of_a_decision;

/// What the invariants remember.
#[derive(Debug, Default)]
pub struct Ledger {
    /// By endpoint: the revisions that a tag ever said to have failed.
    failed: BTreeMap<ResourceId, BTreeSet<String>>,
    /// By deployment: the [share](share_in) that Bindery wrote and Azure routes by, and since when; -1 while Azure routes by
    /// another one.
    shares: BTreeMap<ResourceId, (i64, Timestamp)>,
    /// By deployment: when it could serve for the first time.
    ready: BTreeMap<ResourceId, Timestamp>,
    /// Resources of others, as they have to stay.
    foreign: BTreeMap<ResourceId, Value>,
    /// Deployments that a request made or changed which arrived after its process was dead.
    late: BTreeSet<ResourceId>,
    /// Batch deployments on which a job may have run when the jobs were asked for.
    kept_for_jobs: BTreeSet<ResourceId>,
    /// Endpoints that an object leaves on purpose as soon as it is gone, with their owner tags.
    leaving: BTreeMap<ObjectKey, (Option<ResourceId>, String)>,
    /// Endpoints that an object let go of on purpose, with their owner tags.
    left: BTreeSet<(Option<ResourceId>, String)>,
    /// When every status was forgotten last.
    forgotten: Option<Timestamp>,
    now: Option<Timestamp>,
    /// The changes of the cloud that were looked at.
    seen: u64,
}

impl Ledger {
    /// Every status was forgotten.
    pub fn forget(&mut self) {
        self.forgotten = self.now;
    }

    /// No status was ever forgotten.
    pub fn remembers_all(&self) -> bool {
        self.forgotten.is_none()
    }

    /// A request for this arrived late: the momentary invariants cannot hold of what it made.
    pub fn came_late(&mut self, id: &ResourceId) {
        self.late.insert(id.clone());
    }

    /// Somebody asked for the jobs of a workspace. What one runs on stays, and so does what one may run on because nobody could
    /// read them; the next deployment is made beside it, which costs nothing on a batch endpoint.
    pub fn jobs_were_asked_for(&mut self, kept: Vec<ResourceId>) {
        self.kept_for_jobs.extend(kept);
    }

    /// Was it kept because a job may run on it?
    pub fn kept_for_jobs(&self, deployment: &ResourceId) -> bool {
        self.kept_for_jobs.contains(deployment)
    }

    /// From now on this has to stay as it is.
    pub fn guard(&mut self, resource: &Resource) {
        self.foreign.insert(resource.id.clone(), resource.body.clone());
    }

    /// An object is about to be let go, or is not: what it leaves as it is, because it is only looking, has to retain
    /// it or is kept out, stays once the object is gone.
    pub fn lets_go<K: Kind>(&mut self, object: &K, facts: &K::Facts, releases: bool) {
        let Evidence::Binding(facts) = evidence::<K>(facts) else { return };
        let retained = facts.spec.deletion_policy == BindingDeletion::Retain;
        let kept_out = facts.situation.ownership.right != Right::Granted;
        let forbidden = matches!(facts.removal, Removal::Forbidden { .. });
        let leaves = releases && (facts.situation.mode != Mode::Act || retained || kept_out || forbidden);
        self.leaving.remove(&object.key());
        // Where nothing says where its endpoint is, it is left wherever it is.
        if leaves {
            self.leaving
                .insert(object.key(), (facts.id.clone(), facts.situation.ownership.owner.to_string()));
        }
    }

    /// An object is gone.
    pub fn is_gone(&mut self, key: &ObjectKey) {
        self.left.extend(self.leaving.remove(key));
    }

    /// Was it left on purpose by the owner that its tag names?
    pub fn left(&self, id: &ResourceId, owner: &str) -> bool {
        [Some(id.clone()), None].into_iter().any(|id| self.left.contains(&(id, owner.to_string())))
    }

    /// Is it somebody else's?
    pub fn guards(&self, id: &ResourceId) -> bool {
        self.foreign.contains_key(id)
    }

    /// Looks at the cloud, whoever has changed it.
    pub fn look(&mut self, world: &Cloud) {
        self.now = Some(world.now);
        if std::mem::replace(&mut self.seen, world.changes) == world.changes {
            return;
        }
        self.failed.retain(|id, _| world.resources.contains_key(id));
        self.shares.retain(|id, _| world.resources.contains_key(id));
        self.ready.retain(|id, _| world.resources.contains_key(id));
        self.late.retain(|id| world.resources.contains_key(id));
        self.kept_for_jobs.retain(|id| world.resources.contains_key(id));
        for resource in
            world.resources.values().filter(|r| r.body["properties"]["provisioningState"] == "Succeeded")
        {
            self.ready.entry(resource.id.clone()).or_insert(world.now);
        }
        for resource in world.resources.values().filter(|r| Form::of(&r.id) == Form::Endpoint) {
            if world.busy(&resource.id) {
                continue;
            }
            if let Some(failed) = resource.body["tags"]["bindery-failed"].as_str() {
                let known = self.failed.entry(resource.id.clone()).or_default();
                known.extend(failed.split(' ').map(str::to_string));
            }
            for deployment in world.deployments_of(&resource.id) {
                let name = deployment.id.name();
                let share = written_share(&resource.body, name);
                let share = if share == share_in(&resource.body, name) { share } else { -1 };
                let since = self.shares.entry(deployment.id.clone()).or_insert((share, world.now));
                if since.0 != share {
                    *since = (share, world.now);
                }
            }
        }
    }
}

fn written_traffic(endpoint: &Value) -> BTreeMap<&str, i64> {
    let text = endpoint["tags"]["bindery-traffic"].as_str().unwrap_or_default();
    text.split(' ').filter_map(|p| p.split_once('=')).map(|(n, w)| (n, w.parse().unwrap_or(0))).collect()
}

/// What a deployment gets, as one number: a thousand for each percent of the traffic, and one for each percent of the requests of
/// which it gets copies. Any part of the traffic is more than any copies.
fn share_in(endpoint: &Value, name: &str) -> i64 {
    let percent = |map: &str| endpoint["properties"][map][name].as_i64().unwrap_or(0);
    let live = traffic_in(endpoint).get(name).and_then(Value::as_i64).unwrap_or(0);
    live * 1000 + percent("mirrorTraffic")
}

/// The same, as Bindery wrote it last.
fn written_share(endpoint: &Value, name: &str) -> i64 {
    let text = endpoint["tags"]["bindery-traffic"].as_str().unwrap_or_default();
    let percent = |sign| {
        let of = text.split(' ').filter_map(|part| part.split_once(sign)).find(|(of, _)| *of == name);
        of.and_then(|(_, percent)| percent.parse::<i64>().ok()).unwrap_or(0)
    };
    percent('=') * 1000 + percent('~')
}

/// What a step gives.
fn given_by(step: &Step) -> Option<i64> {
    let live = step.set_traffic.map(|percent| i64::from(percent) * 1000);
    live.or_else(|| step.mirror.map(i64::from))
}

fn hold(it: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if it { Ok(()) } else { Err(what()) }
}

// --- the cloud, after every effect ---

/// What holds of the cloud after every effect.
pub fn of_the_cloud(world: &World) -> Result<(), String> {
    at_most_two_and_one_failed(world)?;
    what_is_not_kept_is_not_written_again_and_again(world)?;
    what_is_not_ours_stays(world)
}

/// Where a policy keeps another value than a PUT says, the PUT is not repeated for ever: a rollout moves traffic a few times.
fn what_is_not_kept_is_not_written_again_and_again(world: &World) -> Result<(), String> {
    let often = world.cloud.overruled.iter().find(|(_, times)| times.len() > 15);
    hold(often.is_none(), || format!("a policy was written against again and again: {often:?}"))
}

/// Does a job run on this deployment, or may one that was asked for? Nothing waits for its end but the deletion of the deployment.
fn is_used(world: &World, deployment: &ResourceId) -> bool {
    let over = |status: &str| ["Completed", "Failed", "Canceled", "Missing"].contains(&status);
    let now = world.cloud.now;
    let mut jobs = world.cloud.batch_jobs.iter();
    let runs = jobs.any(|job| job.deployment == *deployment && !over(job.status(now)));
    let statuses = world.cluster.live.values().filter_map(DeploymentBinding::from_any);
    let remembered = statuses.flat_map(|it| it.current().verification_jobs);
    let mut of_it = remembered.filter(|job| job.deployment == deployment.name());
    runs || of_it.any(|job| !job.status.as_deref().is_some_and(over))
}

/// The batch deployments of a workspace that are not the default and on which a job may run, as far as somebody can say whose
/// question was answered or not.
pub fn kept_for_jobs(world: &World, workspace: &ResourceId, answered: bool) -> Vec<ResourceId> {
    let deployments = world.cloud.resources.keys().filter(|id| Form::of(id) == Form::Deployment);
    let of_it = |id: &&ResourceId| {
        let endpoint = id.parent().parent();
        is_batch(&endpoint) && endpoint.parent().parent() == *workspace
    };
    let idle = |id: &&ResourceId| {
        let endpoint = world.cloud.resources.get(&id.parent().parent());
        endpoint.is_none_or(|it| share_in(&it.body, id.name()) == 0)
    };
    deployments.filter(of_it).filter(idle).filter(|id| !answered || is_used(world, id)).cloned().collect()
}

/// At most two deployments of ours are on an endpoint, and one that failed; beside what came late, and what jobs may run on.
fn at_most_two_and_one_failed(world: &World) -> Result<(), String> {
    for endpoint in world.cloud.resources.values().filter(|r| Form::of(&r.id) == Form::Endpoint) {
        let all = world.cloud.deployments_of(&endpoint.id);
        let ours: Vec<&&Resource> =
            all.iter().filter(|r| r.body["tags"]["bindery-revision"].is_string()).collect();
        let ours: Vec<&&Resource> = ours.into_iter().filter(|r| !world.ledger.late.contains(&r.id)).collect();
        let ours: Vec<&&Resource> = ours.into_iter().filter(|r| !is_used(world, &r.id)).collect();
        let kept = |r: &&&Resource| world.ledger.kept_for_jobs(&r.id);
        let ours: Vec<&&Resource> = ours.into_iter().filter(|r| !kept(r)).collect();
        let failed = endpoint.body["tags"]["bindery-failed"].as_str().unwrap_or_default();
        // One that came too late has failed too, whatever became of it.
        let ending = |r: &&&Resource| {
            let state = r.body["properties"]["provisioningState"].as_str().unwrap_or_default();
            let revision = r.body["tags"]["bindery-revision"].as_str().unwrap_or_default();
            ["Failed", "Deleting"].contains(&state) || failed.contains(revision)
        };
        let whole = ours.iter().filter(|r| !ending(r)).count();
        hold(whole <= 2 && ours.len() <= 3, || {
            let state = |r: &&&Resource| r.body["properties"]["provisioningState"].clone();
            let names: Vec<String> = ours.iter().map(|r| format!("{} {}", r.id.name(), state(r))).collect();
            format!("too many deployments of ours: {names:?}, with {}", endpoint.body["tags"])
        })?;
    }
    Ok(())
}

/// Nothing that is not ours is changed or deleted.
fn what_is_not_ours_stays(world: &World) -> Result<(), String> {
    for (id, body) in &world.ledger.foreign {
        let now = world.cloud.resources.get(id).map(|r| &r.body);
        hold(now == Some(body), || format!("{id} is not ours, and became {now:?}"))?;
    }
    Ok(())
}

/// What the manifest asks for, where the version can be read.
fn wanted(facts: &deployment_binding::Facts) -> Option<(Revision, String)> {
    let SourceVersion::Ready { asset_id, version, .. } = &facts.version else { return None };
    let revision = Revision::asked(asset_id, &facts.spec);
    let name = revision.deployment_name(version);
    Some((revision, name))
}

/// The version is not retired.
fn in_use(facts: &deployment_binding::Facts) -> bool {
    let SourceVersion::Ready { retirement, .. } = &facts.version else { return false };
    retirement.as_ref().is_none_or(|it| it.at > facts.situation.now)
}

/// The version is archived.
fn is_archived(facts: &deployment_binding::Facts) -> bool {
    matches!(facts.version, SourceVersion::Ready { archived: true, .. })
}

/// The wanted deployment serves for certain: by the tag or, while nobody can read that, by the status.
fn is_stable(facts: &deployment_binding::Facts) -> bool {
    let remembered = || facts.status.stable.as_ref().map(|stable| stable.deployment.clone());
    let stable = match facts.endpoint.found() {
        Some(endpoint) => endpoint.tags.get("bindery-stable").cloned(),
        None => remembered(),
    };
    wanted(facts).is_some_and(|(_, name)| stable == Some(name))
}

/// The wanted revision was stable here before: the history says so, or the tag of its deployment, which is still there.
fn was_stable(facts: &deployment_binding::Facts) -> bool {
    let Some((revision, name)) = wanted(facts) else { return false };
    let previous = facts.endpoint.found().and_then(|e| e.tags.get("bindery-previous"));
    let there = facts.deployments.iter().any(|d| d.name() == name);
    let promoted =
        facts.status.history.iter().any(|it| it.outcome.serves() && it.revision == revision.to_string());
    promoted || (previous == Some(&name) && there)
}

/// This revision was stable here before: the history says so, or the tag of its deployment.
fn was_ever_stable(facts: &deployment_binding::Facts, revision: &str) -> bool {
    let previous = facts.endpoint.found().and_then(|e| e.tags.get("bindery-previous"));
    let tagged = facts.deployments.iter().find(|d| Some(d.name()) == previous.map(String::as_str));
    let by_tag = tagged.and_then(|d| d.tags.get("bindery-revision")).is_some_and(|it| it == revision);
    by_tag || facts.status.history.iter().any(|it| it.outcome.serves() && it.revision == revision)
}

/// An object of the cluster says that the version is archived to which the binding goes back.
fn is_archived_before(facts: &deployment_binding::Facts, revision: &str) -> bool {
    facts.before.iter().any(|it| it.archived && it.revision.to_string() == revision)
}

/// The workspace lets the version serve, or lets the binding go back to it.
fn allowed(facts: &deployment_binding::Facts) -> bool {
    let goes_back = was_stable(facts) && approvals::nobody_speaks_against(facts);
    may_ever_serve(facts) && (goes_back || (may_begin(facts) && windows::are_open(facts)))
}

/// Nothing is lacking of what the workspace asks of a version that comes for the first time.
fn may_begin(facts: &deployment_binding::Facts) -> bool {
    approvals::has_approval(facts) && approvals::has_time(facts) && in_use(facts) && gates::passes(facts)
}

/// What the workspace asks of every version, also of one that comes back: where it is, and how many instances it takes.
fn may_ever_serve(facts: &deployment_binding::Facts) -> bool {
    let Place::Ready { policy, .. } = &facts.place else { return false };
    let SourceVersion::Ready { registry, .. } = &facts.version else { return false };
    // In the simulation a source is a registry, and allows every model.
    let from = |place: &ResourceId| registry.as_deref() == place.segment("registries");
    let most = policy.deployment.as_ref().and_then(|deployment| deployment.max_instances);
    let asked = match &facts.spec.batch {
        Some(batch) => batch.deployment.instance_count,
        None => facts.spec.online.deployment.most_instances(),
    };
    let few = most.zip(asked).is_none_or(|(most, asked)| asked <= most);
    few && !is_archived(facts)
        && (policy.sources.is_empty() || policy.sources.iter().any(|s| s.place.as_ref().is_some_and(from)))
}
