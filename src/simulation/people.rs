//! People: those who apply manifests.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::ResourceExt;
use serde_json::{Value, json};

use super::cluster::{Cluster, Simulated};
use super::world::World;
use super::{approvers, foreign, meter, oncall, policies, secrets};
use crate::api::{
    Adoption, Credentials, DeploymentBinding, DeploymentBindingSpec, Management, ModelVersion,
    ModelVersionSpec, RegionRemoval, Registry, RegistrySpec, Step, Workspace, WorkspaceSpec,
};
use crate::azure::model::ResourceId;

/// A second object for the workspace `prod`.
const SECOND: &str = "prod-again";

/// The numbers of the versions that there are.
pub const VERSIONS: [&str; 3] = ["1", "2", "3"];

pub fn of<T: serde::de::DeserializeOwned>(spec: Value) -> T {
    serde_json::from_value(spec).expect("a spec")
}

fn azure(name: &str) -> Value {
    json!({"subscriptionId": "s", "resourceGroup": "rg", "name": name})
}

/// The account of a place, where places have accounts.
fn credentials(cluster: &Cluster, place: &str) -> Option<Credentials> {
    cluster.accounts.then(|| Credentials { service_account_name: place.into() })
}

fn registry(cluster: &Cluster, name: &str, adoption: Adoption) -> RegistrySpec {
    let spec: RegistrySpec = of(json!({
        "azure": azure(name), "location": "eastus", "tags": {"team": "platform"},
        "allowedNamespaces": {"from": "All"}, "adoption": adoption,
    }));
    RegistrySpec { credentials: credentials(cluster, name), ..spec }
}

fn workspace(cluster: &Cluster, name: &str, adoption: Adoption) -> WorkspaceSpec {
    let spec: WorkspaceSpec = of(json!({"azure": azure(name), "adoption": adoption}));
    WorkspaceSpec { credentials: credentials(cluster, name), ..spec }
}

fn trained(number: &str) -> ModelVersionSpec {
    of(json!({
        "workspaceRef": {"name": "dev"}, "model": "taxi", "version": number,
        "source": {"job": {"name": format!("train-{number}"), "path": "model"}}, "tags": {"team": "fares"},
    }))
}

fn promoted(number: &str) -> ModelVersionSpec {
    of(json!({
        "registryRef": {"name": "models"}, "model": "taxi", "version": number,
        "source": {"modelVersionRef": {"name": format!("dev-{number}")}}, "description": "Fares.",
    }))
}

/// A copy of a version of the registry `models` in the registry `released`, under a number of its own.
fn released(number: &str, source: &str) -> ModelVersionSpec {
    of(json!({
        "registryRef": {"name": "released"}, "model": "taxi-released", "version": number,
        "source": {"modelVersionRef": {"name": format!("taxi-{source}")}}, "tags": {"team": "fares"},
    }))
}

/// A binding of the endpoint `taxi`.
fn binding(batch: bool, number: &str) -> DeploymentBindingSpec {
    let mut spec = online("taxi", number);
    if batch {
        let cluster = ResourceId::workspace("s", "rg", "prod").child("computes", "cpu");
        spec.batch = of(json!({
            "endpoint": {"name": "taxi", "tags": {"team": "fares"}}, "deployment": {"compute": cluster.as_str()},
        }));
        keep_its_kind(&mut spec);
    }
    spec
}

/// What a job has to score before a new deployment becomes the default of the batch endpoint.
fn verify(which: i32) -> Value {
    match which {
        1 => Value::Null,
        2 => json!({"input": "azureml://datastores/workspaceblobstore/paths/sample"}),
        _ => {
            json!({"input": "azureml://datastores/workspaceblobstore/paths/other.csv", "inputType": "UriFile", "timeout": "4m"})
        }
    }
}

fn verify_by(spec: &mut DeploymentBindingSpec, which: i32) {
    if let Some(batch) = &mut spec.batch {
        batch.verify = of(verify(which));
    }
}

/// What somebody writes of an online endpoint into the manifest of a batch endpoint goes to its place there, as far as there is one.
fn keep_its_kind(spec: &mut DeploymentBindingSpec) {
    let Some(batch) = &mut spec.batch else { return };
    let online = std::mem::take(&mut spec.online);
    if !online.endpoint.tags.is_empty() {
        batch.endpoint.tags = online.endpoint.tags;
    }
    if !online.deployment.tags.is_empty() {
        batch.deployment.tags = online.deployment.tags;
    }
    let count = online.deployment.instance_count.filter(|count| *count > 1);
    batch.deployment.instance_count = count.or(batch.deployment.instance_count);
    batch.deployment.environment_variables.0.extend(online.deployment.environment_variables.0);
    spec.strategy.steps.clear();
    spec.strategy.metrics.clear();
}

fn online(endpoint: &str, number: &str) -> DeploymentBindingSpec {
    of(json!({
        "workspaceRef": {"name": "prod", "namespace": "fares"},
        "model": {"versionRef": {"name": format!("taxi-{number}"), "namespace": "fares"}},
        "online": {"endpoint": {"name": endpoint, "tags": {"team": "fares"}}, "deployment": {"instanceCount": 1}},
        "strategy": {
            "steps": [{"pause": {"for": "1m"}}, {"setTraffic": 10}, {"pause": {"for": "2m"}}, {"setTraffic": 50}, {"pause": {"for": "1m"}}],
            "keepPrevious": "5m", "keepFailed": "5m", "progressDeadline": "40m",
        },
    }))
}

/// Steps that begin with copies of requests.
fn shadow_first() -> Value {
    json!([
        {"name": "shadow", "mirror": 10}, {"pause": {"for": "1m"}}, {"name": "more", "mirror": 30}, {"pause": {"for": "2m"}},
        {"setTraffic": 50}, {"pause": {"for": "1m"}},
    ])
}

/// The manifests of the first day.
pub fn begin(world: &mut World) {
    let now = world.now;
    // Where Azure is hardly ever compared, whoever is not woken by a change does not see it.
    world.cluster.interval = if world.rng.u8(0..4) == 0 { "24h" } else { "5m" };
    world.cluster.accounts = world.rng.u8(0..4) > 0;
    world.cluster.copies = world.rng.u8(0..3) == 0;
    world.cluster.batch = world.rng.u8(0..3) == 0;
    let World { cluster, rng, adoption, .. } = world;
    apply_missing(cluster, *adoption, now);
    let mut spec = binding(cluster.batch, "1");
    verify_by(&mut spec, rng.i32(1..4));
    cluster.apply::<DeploymentBinding>("taxi", spec, now);
    if rng.bool() {
        cluster.apply::<DeploymentBinding>("tips", online("tips", "2"), now);
    }
    match world.rng.u8(0..6) {
        0 | 1 => edit_all::<DeploymentBinding>(world, |s| s.strategy.steps = of(shadow_first())),
        2 | 3 => edit_all::<DeploymentBinding>(world, |s| s.strategy.steps = of(oncall::by_hand())),
        4 => meter::measure_all(world),
        _ => {}
    }
    approvers::begin(world);
    policies::begin(world);
    if world.rng.u8(0..3) == 0 {
        foreign::stranger(world);
    }
    match world.rng.u8(0..24) {
        0..4 => foreign::taken_version(world),
        4..6 => foreign::registry_before(world, "other/a/b"),
        6..8 => foreign::registry_before(world, ""),
        _ => {}
    }
}

fn apply_missing(cluster: &mut Cluster, adoption: Adoption, now: jiff::Timestamp) {
    for name in ["models", "released"] {
        if (name == "models" || cluster.copies) && cluster.find::<Registry>(name).is_none() {
            cluster.apply::<Registry>(name, registry(cluster, name, adoption), now);
        }
    }
    if cluster.copies && cluster.find::<ModelVersion>("released-1").is_none() {
        cluster.apply::<ModelVersion>("released-1", released("1", "1"), now);
    }
    for name in ["dev", "prod"] {
        if cluster.find::<Workspace>(name).is_none() {
            cluster.apply::<Workspace>(name, workspace(cluster, name, adoption), now);
        }
    }
    for number in VERSIONS {
        let (dev, taxi) = (format!("dev-{number}"), format!("taxi-{number}"));
        if cluster.find::<ModelVersion>(&dev).is_none() {
            cluster.apply::<ModelVersion>(&dev, trained(number), now);
        }
        if cluster.find::<ModelVersion>(&taxi).is_none() {
            cluster.apply::<ModelVersion>(&taxi, promoted(number), now);
        }
    }
}

/// Somebody applies everything of the first day that is not there.
pub fn apply_what_is_missing(world: &mut World) {
    world.rights_changed = world.now;
    let World { cluster, adoption, now, .. } = world;
    apply_missing(cluster, *adoption, *now);
}

/// Everybody goes home: what was suspended or observed is managed again, of two objects for one workspace one is left, and
/// nothing that is being deleted waits for what refers to it.
pub fn leave_in_order(world: &mut World) {
    world.observe_only = false;
    apply_what_is_missing(world);
    approvers::leave_in_order(world);
    oncall::leave_in_order(world);
    policies::leave_in_order(world);
    let now = world.now;
    world.cluster.delete::<Workspace>(SECOND, now);
    for name in world.cluster.names::<Workspace>() {
        world.cluster.let_go_while_in_use::<Workspace>(&name);
    }
    world.cluster.let_go_while_in_use::<Registry>("models");
    edit_all::<Workspace>(world, |s| s.policy.endpoint_deletion = None);
    edit_all::<Registry>(world, |s| {
        (s.suspend, s.management) = (false, Management::Manage);
        s.publishers.clear();
    });
    edit_all::<ModelVersion>(world, |s| (s.suspend, s.management) = (false, Management::Manage));
    edit_all::<ModelVersion>(world, |s| (s.retirement, s.archived) = (None, Some(false)));
    edit_all::<DeploymentBinding>(world, |s| (s.suspend, s.management) = (false, Management::Manage));
}

/// Somebody asks for a look at every Workspace now.
pub fn have_workspaces_looked_at(world: &mut World) {
    for name in world.cluster.names::<Workspace>() {
        world.cluster.ask::<Workspace>(&name, "at the end".into());
    }
}

pub fn edit_all<K: Simulated>(world: &mut World, change: impl Fn(&mut K::Spec)) {
    for name in world.cluster.names::<K>() {
        edit::<K>(world, &name, &change);
    }
}

pub fn edit<K: Simulated>(world: &mut World, name: &str, change: impl FnOnce(&mut K::Spec)) {
    let now = world.now;
    let Some(object) = world.cluster.find::<K>(name) else { return };
    let mut spec = object.spec().clone();
    change(&mut spec);
    if let Some(binding) = (&mut spec as &mut dyn std::any::Any).downcast_mut::<DeploymentBindingSpec>() {
        keep_its_kind(binding);
    }
    world.cluster.apply::<K>(name, spec, now);
}

fn any<K: Simulated>(world: &mut World) -> Option<String> {
    let names = world.cluster.names::<K>();
    world.rng.choice(names)
}

/// A version of this number: mostly what is in the registry, now and then what is in a workspace.
fn some_version(world: &mut World, number: &str) -> String {
    if world.rng.u8(0..7) == 0 { format!("dev-{number}") } else { format!("taxi-{number}") }
}

/// Somebody promotes another version to a binding's endpoint.
pub fn bind_another_version(world: &mut World) {
    let version = world.rng.usize(0..3);
    let version = some_version(world, VERSIONS[version]);
    let Some(name) = any::<DeploymentBinding>(world) else { return };
    world.note(|| format!("USER binding {name}: to version {version}"));
    edit::<DeploymentBinding>(world, &name, |s| s.model.version_ref.name = version);
}

/// Every rollout goes without steps from now on. The answer is the steps that there were.
pub fn put_steps_aside(world: &mut World) -> BTreeMap<String, Vec<Step>> {
    let of = |it: &Arc<DeploymentBinding>| (it.name_any(), it.spec.strategy.steps.clone());
    let steps = world.cluster.all::<DeploymentBinding>().map(of).collect();
    edit_all::<DeploymentBinding>(world, |s| s.strategy.steps.clear());
    steps
}

/// The bindings have these steps again.
pub fn take_steps_again(world: &mut World, steps: BTreeMap<String, Vec<Step>>) {
    for (name, steps) in steps {
        edit::<DeploymentBinding>(world, &name, |s| s.strategy.steps = steps);
    }
}

/// Somebody has another version copied.
pub fn copy_another_version(world: &mut World) {
    let (now, source) = (world.now, VERSIONS[world.rng.usize(0..3)]);
    let number = (2..).map(|n: u32| n.to_string());
    let free = |n: &String| world.cluster.find::<ModelVersion>(&format!("released-{n}")).is_none();
    let Some(number) = number.take(7).find(free) else { return };
    world.note(|| format!("USER has version {source} copied as {number}"));
    world.cluster.apply::<ModelVersion>(&format!("released-{number}"), released(&number, source), now);
}

/// Somebody applies a second object for the workspace `prod`, or deletes it.
pub fn contest(world: &mut World) {
    let now = world.now;
    if world.cluster.find::<Workspace>(SECOND).is_none() {
        world.note(|| "USER applies a second object for workspace prod".into());
        let second = workspace(&world.cluster, "prod", world.adoption);
        world.cluster.apply::<Workspace>(SECOND, second, now);
    } else {
        world.note(|| "USER deletes the second object for workspace prod".into());
        world.cluster.delete::<Workspace>(SECOND, now);
    }
}

/// Somebody asks for a look at every binding, now.
pub fn ask_for_a_look(world: &mut World) {
    let token = world.now.to_string();
    for name in world.cluster.names::<DeploymentBinding>() {
        world.cluster.ask::<DeploymentBinding>(&name, token.clone());
    }
}

/// Somebody stops a rollout that goes on, lets one through that is refused, or has one go back.
pub fn they_speak_of_a_rollout(world: &mut World) -> bool {
    if world.rng.u8(0..6) == 0 && policies::go_back(world) {
        return true;
    }
    if world.rng.u8(0..6) == 0 {
        oncall::say_a_word(world);
        return true;
    }
    approvers::stop_a_rollout(world)
        || policies::stop_a_rollout(world)
        || approvers::waive_a_refusal(world)
        || policies::let_rollouts_go_on(world)
}

/// Somebody changes something in Git.
pub fn act(world: &mut World) {
    if they_speak_of_a_rollout(world) {
        return;
    }
    if world.rng.u8(0..8) == 0 {
        return approvers::act(world);
    }
    match world.rng.u8(0..50) {
        0..26 => with_a_binding(world),
        26..32 => with_a_version(world),
        32..35 => with_the_registry(world),
        35 | 37 | 40..44 | 47 | 48 => policies::act(world),
        36 => {
            world.observe_only = !world.observe_only && world.rng.u8(0..3) == 0;
            let it = world.observe_only;
            world.note(|| format!("USER --observe-only={it}"));
            world.restart = true;
        }
        38 => {
            let team = ["blue", "red"][world.rng.usize(0..2)];
            world.note(|| format!("USER labels the namespace blue as {team}"));
            world.rights_changed = world.now;
            world.cluster.labels.insert("blue".into(), [("team".to_string(), team.to_string())].into());
            world.relabelled.push("blue".into());
        }
        44 | 45 => contest(world),
        46 => {
            let name = ["dev", "prod"][world.rng.usize(0..2)];
            let all_the_same = world.rng.bool();
            world.note(|| format!("USER deletes workspace {name}, while in use: {all_the_same}"));
            if all_the_same {
                world.cluster.let_go_while_in_use::<Workspace>(name);
            }
            world.cluster.delete::<Workspace>(name, world.now);
        }
        39 | 49 => with_the_end_of_a_version(world),
        _ => {
            world.note(|| "USER applies what is missing".into());
            apply_what_is_missing(world);
        }
    }
}

fn with_a_binding(world: &mut World) {
    let now = world.now;
    let number = VERSIONS[world.rng.usize(0..3)];
    let Some(name) = any::<DeploymentBinding>(world) else {
        world.note(|| "USER applies binding taxi".into());
        let spec = binding(world.cluster.batch, number);
        return world.cluster.apply::<DeploymentBinding>("taxi", spec, now);
    };
    let choice = world.rng.u8(0..21);
    world.note(|| format!("USER binding {name}: {choice} ({number})"));
    let small = world.rng.i32(1..4);
    let version = some_version(world, number);
    match choice {
        0..6 => edit::<DeploymentBinding>(world, &name, |s| s.model.version_ref.name = version),
        6 if world.rng.bool() => edit::<DeploymentBinding>(world, &name, |s| {
            s.online.deployment.instance_count = None;
            s.online.deployment.autoscale =
                Some(of(json!({"minInstances": 1, "maxInstances": small, "cpuPercent": 70})));
        }),
        6 => edit::<DeploymentBinding>(world, &name, |s| {
            s.online.deployment.autoscale = None;
            s.online.deployment.instance_count = (small > 1).then_some(small);
        }),
        7 => edit::<DeploymentBinding>(world, &name, |s| {
            s.online.deployment.environment_variables.insert("A".into(), small.to_string());
        }),
        8 if world.cluster.batch && world.rng.bool() => {
            edit::<DeploymentBinding>(world, &name, |s| verify_by(s, small));
        }
        8 if world.rng.u8(0..3) == 0 => {
            let aborts = world.rng.bool();
            edit::<DeploymentBinding>(world, &name, |s| meter::measure(s, aborts));
        }
        8 if world.rng.bool() => {
            let steps = if world.rng.bool() { shadow_first() } else { oncall::by_hand() };
            edit::<DeploymentBinding>(world, &name, |s| s.strategy.steps = of(steps));
        }
        8 => edit::<DeploymentBinding>(world, &name, |s| {
            s.strategy.steps = of(match small {
                1 => json!([]),
                2 => {
                    json!([{"setTraffic": 20}, {"pause": {"for": "1m"}}, {"setTraffic": 100}, {"pause": {"for": "1m"}}])
                }
                _ => {
                    json!([{"pause": {"for": "1m"}}, {"setTraffic": 5}, {"setTraffic": 50}, {"pause": {"for": "2m"}}, {"pause": {"for": "1m"}}])
                }
            });
        }),
        9 => edit::<DeploymentBinding>(world, &name, |s| {
            s.online.endpoint.tags = of(json!({format!("k{small}"): "v", "team": "fares"}));
        }),
        10 => edit::<DeploymentBinding>(world, &name, |s| s.suspend = !s.suspend),
        11 => edit::<DeploymentBinding>(world, &name, |s| {
            s.management =
                if s.management == Management::Manage { Management::Observe } else { Management::Manage };
        }),
        12 => world.cluster.delete::<DeploymentBinding>(&name, now),
        13 => {
            // Renamed in Git: the old name goes, the new one comes, in either order.
            let Some(old) = world.cluster.find::<DeploymentBinding>(&name).map(|o| o.spec.clone()) else {
                return;
            };
            let new = format!("{}-{}", old.endpoint_name(), world.rng.u8(0..9));
            if world.rng.bool() {
                world.cluster.delete::<DeploymentBinding>(&name, now);
            }
            world.cluster.apply::<DeploymentBinding>(&new, old, now);
            world.cluster.delete::<DeploymentBinding>(&name, now);
        }
        14 => {
            // The other is somebody in a namespace that the workspace may not allow.
            let who = if small == 1 { "rival" } else { "blue/taxi" };
            let spec = binding(world.cluster.batch, number);
            world.cluster.apply::<DeploymentBinding>(who, spec, now);
        }
        15..20 => {
            let Some(old) = world.cluster.find::<DeploymentBinding>(&name).cloned() else { return };
            let mut wanted = old.spec.online.endpoint.keys_secret.clone();
            secrets::meddle(world, &mut wanted);
            edit::<DeploymentBinding>(world, &name, |s| s.online.endpoint.keys_secret = wanted);
        }
        _ => edit::<DeploymentBinding>(world, &name, |s| {
            s.online.deployment.tags = of(json!({format!("k{small}"): "v", "team": "fares"}));
        }),
    }
}

fn with_a_version(world: &mut World) {
    let now = world.now;
    let Some(name) = any::<ModelVersion>(world) else { return };
    let choice = world.rng.u8(0..17) / 2;
    world.note(|| format!("USER version {name}: {choice}"));
    let small = world.rng.u8(1..4);
    match choice {
        0 | 1 => edit::<ModelVersion>(world, &name, |s| s.tags = of(json!({format!("k{small}"): "v"}))),
        2 => edit::<ModelVersion>(world, &name, |s| s.properties = of(json!({format!("p{small}"): "v"}))),
        3 => edit::<ModelVersion>(world, &name, |s| {
            s.archived = s.archived.map_or(Some(true), |archived| archived.then_some(false));
        }),
        4 => edit::<ModelVersion>(world, &name, |s| s.stage = Some(format!("Stage{small}"))),
        5 => edit::<ModelVersion>(world, &name, |s| s.suspend = !s.suspend),
        6 => edit::<ModelVersion>(world, &name, |s| s.deletion_policy = crate::api::VersionDeletion::Archive),
        // A number of a registry is burnt by a deletion: only what can be made again is deleted.
        7 if name.starts_with("dev-") => {
            edit::<ModelVersion>(world, &name, |s| s.deletion_policy = crate::api::VersionDeletion::Delete);
        }
        _ => {
            if small == 1 && name.starts_with("dev-") {
                edit::<ModelVersion>(world, &name, |s| {
                    s.deletion_policy = crate::api::VersionDeletion::Delete;
                });
            }
            world.cluster.delete::<ModelVersion>(&name, now);
        }
    }
}

/// Somebody says when a version goes out of use, or who answers for it.
fn with_the_end_of_a_version(world: &mut World) {
    let now = world.now;
    let Some(name) = any::<ModelVersion>(world) else { return };
    if world.rng.u8(0..3) == 0 {
        let owner = [Value::Null, json!({"team": "fares"}), json!({"team": "tips", "costCenter": "1"})]
            [world.rng.usize(0..3)]
        .clone();
        world.note(|| format!("USER version {name}: {owner} answers for it"));
        return edit::<ModelVersion>(world, &name, |s| s.owner = of(owner));
    }
    let minutes = [None, Some(-5), Some(0), Some(3), Some(10), Some(14 * 24 * 60 + 3)][world.rng.usize(0..6)];
    let action = ["BlockNewDeployments", "Archive"][world.rng.usize(0..2)];
    world.note(|| format!("USER version {name}: retires in {minutes:?} minutes, {action}"));
    let at = minutes.map(|minutes| now + jiff::SignedDuration::from_mins(minutes));
    edit::<ModelVersion>(world, &name, |s| {
        s.retirement = at.map(|at| of(json!({"at": at, "action": action})));
    });
}

fn with_the_registry(world: &mut World) {
    let now = world.now;
    let choice = world.rng.u8(0..13) / 2;
    world.note(|| format!("USER registry: {choice}"));
    let small = world.rng.u8(1..4);
    if world.rng.u8(0..4) == 0 {
        foreign::disown_the_registry(world);
    }
    match choice {
        0 => edit::<Registry>(world, "models", |s| s.tags = of(json!({format!("k{small}"): "v"}))),
        1 => edit::<Registry>(world, "models", |s| {
            s.regions = of(json!([{"location": "eastus"}, {"location": "westus"}]));
        }),
        2 => edit::<Registry>(world, "models", |s| {
            s.regions = of(json!([{"location": "eastus"}]));
            s.region_removal = if small == 1 { RegionRemoval::Refuse } else { RegionRemoval::Delete };
        }),
        3 => edit::<Registry>(world, "models", |s| s.suspend = !s.suspend),
        4 => edit::<Registry>(world, "models", |s| s.deletion_policy = crate::api::RegistryDeletion::Delete),
        5 => edit::<Registry>(world, "models", |s| s.deletion_policy = crate::api::RegistryDeletion::Retain),
        _ => {
            // Otherwise it stays while there are versions.
            if small < 3 {
                world.cluster.let_go_while_in_use::<Registry>("models");
            }
            world.cluster.delete::<Registry>("models", now);
        }
    }
}
