//! People who write the policy of a place: which versions may serve there, from where, and for whom.

use std::ops::Range;
use std::sync::Arc;

use serde_json::{Value, json};

use super::approvers::{self, ask_for_time, have_all_waived, have_time_waived, on_its_way, reject};
use super::people::{VERSIONS, edit, edit_all, of};
use super::world::World;
use crate::api::{
    Adoption, DeploymentBinding, DeploymentPolicy, EndpointDeletion, ModelVersion, Object as _, Registry,
    Workspace,
};

/// The names of the gates that the workspace `prod` may ask for, as an Approval waives them.
pub const GATES: [&str; 3] = ["Gate/bound", "Gate/best", "Gate/own"];

/// Whom the workspace `prod` may let publish: the namespaces `fares` and `blue`, all names or some.
fn publishers(which: usize) -> Value {
    let by_label = json!({"from": "Selector", "selector": {"matchLabels": {"team": "blue"}}});
    let (own, all) = (json!({"from": "Same"}), json!({"from": "All"}));
    [
        json!([]),
        json!([{"name": "all", "namespaces": all}]),
        json!([{"name": "own", "namespaces": own}, {"name": "blue", "namespaces": by_label}]),
        json!([{"name": "own", "namespaces": own}, {"name": "blue", "namespaces": all, "endpoints": ["other-*"]}]),
        json!([{"name": "own", "namespaces": own, "endpoints": ["TAXI*"]}]),
        json!([{"name": "blue", "namespaces": by_label}]),
    ][which]
        .clone()
}

fn bound(most: &str) -> Value {
    json!({"define": [{"name": "bound", "metric": "rmse", "max": most}]})
}

fn best(scope: &str, by: &str) -> Value {
    json!({"define": [{"name": "best", "metric": "rmse", "better": "Lower", "by": by, "against": {"scope": scope}}]})
}

/// What the workspace `prod` may ask of metrics, mostly such that some versions pass.
fn some_gates(world: &mut World) -> Value {
    match world.rng.u8(0..6) {
        0 => bound("1"),
        1 => bound("2"),
        2 => best("Stable", "0"),
        3 => best("History", "0"),
        4 => json!({"require": ["own"]}),
        _ => json!({"require": ["own"], "define": bound("2.5")["define"]}),
    }
}

/// Gates that a version of this number does not pass when it comes after one that is as good.
fn strict_gates(world: &mut World, number: &str) -> Value {
    let less = number.parse::<u32>().unwrap_or(1).saturating_sub(1).to_string();
    match world.rng.u8(0..4) {
        0 | 1 => bound(&less),
        2 => best("Stable", "1.5"),
        _ => best("History", "1"),
    }
}

fn ask_for_gates(world: &mut World, gates: &Value) {
    world.note(|| format!("USER workspace prod asks for gates: {gates}"));
    edit::<Workspace>(world, "prod", |s| s.policy.gates = of(gates.clone()));
}

/// The workspace `prod` serves from this registry only, or from everywhere.
fn serve_from(world: &mut World, registry: Option<&str>) {
    world.note(|| format!("USER workspace prod serves from {registry:?}"));
    let sources: Vec<Value> =
        registry.iter().map(|name| json!({"name": name, "registryRef": {"name": name}})).collect();
    edit::<Workspace>(world, "prod", |s| s.policy.sources = of(json!(sources)));
}

/// Some versions have a gate of their own, and the workspace may ask for something from the first day.
pub fn begin(world: &mut World) {
    if world.rng.bool() {
        for number in VERSIONS {
            give_a_gate(world, number);
        }
    }
    let asks_for_gates = world.rng.u8(0..3) == 0;
    let asks_for_time = !asks_for_gates && world.rng.u8(0..3) == 0;
    if asks_for_gates {
        let gates = some_gates(world);
        ask_for_gates(world, &gates);
    } else if asks_for_time {
        let number = VERSIONS[world.rng.usize(0..3)];
        begin_with_time(world, number);
    }
    if world.rng.u8(0..3) == 0 {
        serve_from(world, Some("models"));
    }
    if world.rng.u8(0..8) == 0 {
        let number = VERSIONS[world.rng.usize(0..3)];
        retire(world, number, -60..600);
    }
}

/// The workspace asks for time from the first day, and lets one version serve without it for a while.
fn begin_with_time(world: &mut World, number: &str) {
    ask_for_time(world, Some("5m"));
    let minutes = world.rng.u64(1..12);
    have_time_waived(world, number, minutes);
}

/// The team sets a gate for its version, changes it, or takes it away.
fn give_a_gate(world: &mut World, number: &str) {
    let own = |bound: Value| {
        let mut gate = json!({"name": "own", "metric": "rmse"});
        gate.as_object_mut()
            .into_iter()
            .for_each(|gate| gate.extend(bound.as_object().cloned().unwrap_or_default()));
        json!([gate])
    };
    let against =
        |scope: &str| json!({"better": "Lower", "against": {"bindingRef": {"name": "taxi"}, "scope": scope}});
    let gates = match world.rng.u8(0..6) {
        0 => json!([]),
        1 => own(json!({"max": "1"})),
        2 => own(json!({"max": "2"})),
        3 => own(against("Stable")),
        4 => own(against("History")),
        _ => own(json!({"min": "0", "max": "3"})),
    };
    world.note(|| format!("USER version taxi-{number} has gates {gates}"));
    edit::<ModelVersion>(world, &format!("taxi-{number}"), |s| s.gates = of(gates));
}

/// What somebody may set as windows: some minutes of every hour, or none for ever.
fn some_windows(world: &mut World) -> Value {
    let window = |kind: &str, schedule: &str, duration: &str, zone: &str| json!({"name": kind.to_lowercase(), "kind": kind, "schedule": schedule, "duration": duration, "timeZone": zone});
    match world.rng.u8(0..7) {
        0 => json!([]),
        1 => json!([window("Allow", "*/20 * * * *", "8m", "UTC")]),
        2 => json!([window("Deny", "*/15 * * * *", "5m30s", "Europe/Berlin")]),
        3 => json!([
            window("Allow", "0,30 * * * *", "12m", "America/New_York"),
            window("Deny", "5 * * * *", "2m", "UTC")
        ]),
        4 => json!([window("Deny", "* * * * *", "1h", "UTC")]),
        5 => json!([
            window("Allow", "10 * * * *", "25m", "UTC"),
            window("Deny", "*/30 * * * *", "15m", "Asia/Tokyo")
        ]),
        _ => json!([window("Allow", "0 0 30 2 *", "1h", "UTC")]),
    }
}

/// Somebody sets other windows than there are.
pub fn open_or_close(world: &mut World) {
    let windows = some_windows(world);
    set_windows(world, &windows);
}

/// Somebody sets windows, of the workspace or of a binding.
fn set_windows(world: &mut World, windows: &Value) {
    let names = world.cluster.names::<DeploymentBinding>();
    let binding = world.rng.choice(names).filter(|_| world.rng.u8(0..3) == 0);
    world.note(|| format!("USER {} has windows {windows}", binding.as_deref().unwrap_or("workspace prod")));
    match binding {
        Some(name) => edit::<DeploymentBinding>(world, &name, |s| s.strategy.windows = of(windows.clone())),
        None => edit::<Workspace>(world, "prod", |s| s.policy.windows = of(windows.clone())),
    }
}

/// While a candidate is made or rises, somebody now and then has the workspace ask for the one thing that it lacks, or takes its
/// version out of use. Of two rules one would hide that the other is not asked.
pub fn stop_a_rollout(world: &mut World) -> bool {
    let Some(number) = on_its_way(world, 0).filter(|_| world.rng.u8(0..5) < 2) else { return false };
    ask_for_nothing(world);
    match world.rng.u8(0..12) {
        10.. => open_or_close(world),
        0..3 => {
            let gates = strict_gates(world, &number);
            ask_for_gates(world, &gates);
        }
        3..6 => {
            let period = ["40m", "2h"][world.rng.usize(0..2)];
            ask_for_time(world, Some(period));
        }
        6..8 => serve_from(world, Some("released")),
        _ => retire(world, &number, -60..60),
    }
    true
}

/// Somebody takes a version out of use, so many seconds from now.
fn retire(world: &mut World, number: &str, seconds: Range<i64>) {
    let at = world.now + jiff::SignedDuration::from_secs(world.rng.i64(seconds));
    world.note(|| format!("USER version taxi-{number} retires at {at}"));
    edit::<ModelVersion>(world, &format!("taxi-{number}"), |s| {
        s.retirement = Some(of(json!({"at": at, "action": "BlockNewDeployments"})));
    });
}

/// Now and then somebody takes back what the workspace asks for, so that rollouts go on.
pub fn let_rollouts_go_on(world: &mut World) -> bool {
    let asks = world.cluster.find::<Workspace>("prod").is_some_and(|it| {
        let policy = &it.spec.policy;
        let copies_only = policy.sources.iter().any(|source| source.name == "released");
        let deployment = policy.deployment.is_some();
        policy.gates.is_some()
            || policy.soak.is_some()
            || deployment
            || copies_only
            || !policy.windows.is_empty()
    });
    if !asks || world.rng.u8(0..8) > 0 {
        return false;
    }
    let_everything_serve(world);
    true
}

/// The workspace asks for nothing that a version lacks, and nobody is against any.
pub fn let_everything_serve(world: &mut World) {
    world.note(|| "USER workspace prod lets everything serve, and nobody is against a version".into());
    ask_for_nothing(world);
    approvers::take_rejections_back(world);
    edit_all::<ModelVersion>(world, |s| (s.retirement, s.archived) = (None, Some(false)));
}

fn ask_for_nothing(world: &mut World) {
    edit::<Workspace>(world, "prod", |s| {
        (s.policy.gates, s.policy.soak, s.policy.deployment) = (None, None, None);
        s.policy.windows.clear();
        s.policy.sources.retain(|source| source.name == "models");
    });
    edit_all::<DeploymentBinding>(world, |s| s.strategy.windows.clear());
}

/// A binding that has served another version of the registry than it serves now, and the number of that version.
fn served_before(world: &mut World) -> Option<(String, String)> {
    let of_binding = |it: &DeploymentBinding| {
        let status = it.status.as_ref()?;
        let now = status.stable.as_ref()?.asset_id.as_deref();
        let before = status.history.iter().filter(|it| it.outcome.serves());
        let mut assets = before.filter_map(|it| it.asset_id.as_deref());
        let asset = assets.find(|asset| asset.starts_with("azureml://registries/") && Some(*asset) != now)?;
        let name = it.key().name.to_string();
        Some((name, asset.rsplit('/').next()?.to_string()))
    };
    let all = world.cluster.all::<DeploymentBinding>().filter(|it| it.home() == super::cluster::HOME);
    let all: Vec<(String, String)> = all.filter_map(|it| of_binding(it)).collect();
    world.rng.choice(all)
}

/// Somebody has a binding go back to what it served before; somebody else may ask for what that version lacks, or speak against
/// it. Going back is let through by most rules, and not by the sources, the instances, the archive and a rejection.
pub fn go_back(world: &mut World) -> bool {
    let Some((name, number)) = served_before(world) else { return false };
    let what = world.rng.u8(0..8);
    world.note(|| format!("USER binding {name}: back to version {number} ({what})"));
    edit::<DeploymentBinding>(world, &name, |s| s.model.version_ref.name = format!("taxi-{number}"));
    match what {
        0 | 1 => serve_from(world, Some("released")),
        2 => archive(world, &number),
        4 => reject(world, &number),
        5 => {
            edit::<DeploymentBinding>(world, &name, |s| {
                s.online.deployment.autoscale = None;
                s.online.deployment.instance_count = Some(3);
            });
            serve_with(world, Some(2));
        }
        3 => {
            let gates = strict_gates(world, &number);
            ask_for_gates(world, &gates);
        }
        _ => {}
    }
    true
}

/// The workspace asks for something that the version of a binding lacks, and somebody waives it for less time than that takes to
/// come, where somebody may.
pub fn let_through_for_a_while(world: &mut World) {
    let asked = |it: &Arc<DeploymentBinding>| {
        it.spec.model.version_ref.name.strip_prefix("taxi-").map(str::to_string)
    };
    let all: Vec<String> = world.cluster.all::<DeploymentBinding>().filter_map(asked).collect();
    let Some(number) = world.rng.choice(all) else { return };
    match world.rng.u8(0..3) {
        0 => {
            let gates = strict_gates(world, &number);
            ask_for_gates(world, &gates);
        }
        1 => {
            let gate = json!([{"name": "own", "metric": "rmse", "max": "0"}]);
            world.note(|| format!("USER version taxi-{number} has gates {gate}"));
            edit::<ModelVersion>(world, &format!("taxi-{number}"), |s| s.gates = of(gate));
            ask_for_gates(world, &json!({"require": ["own"]}));
        }
        _ => ask_for_time(world, Some("2h")),
    }
    let minutes = world.rng.u64(1..4);
    have_all_waived(world, &number, minutes);
}

fn archive(world: &mut World, number: &str) {
    world.note(|| format!("USER archives version taxi-{number}"));
    edit::<ModelVersion>(world, &format!("taxi-{number}"), |s| s.archived = Some(true));
}

fn serve_with(world: &mut World, most: Option<i32>) {
    world.note(|| format!("USER workspace prod serves with at most {most:?} instances"));
    let policy = most.map(|most| DeploymentPolicy { max_instances: Some(most), ..Default::default() });
    edit::<Workspace>(world, "prod", |s| s.policy.deployment = policy);
}

/// Somebody changes what a place lets serve, or whom it lets do what.
pub fn act(world: &mut World) {
    match world.rng.u8(0..9) {
        8 => open_or_close(world),
        0 => {
            let from = [None, Some("models"), Some("released")][world.rng.usize(0..3)];
            serve_from(world, from);
        }
        1 => {
            let gates = if world.rng.u8(0..3) == 0 { Value::Null } else { some_gates(world) };
            ask_for_gates(world, &gates);
        }
        2 => {
            let most = [None, Some(1), Some(2)][world.rng.usize(0..3)];
            serve_with(world, most);
        }
        3 => {
            let number = VERSIONS[world.rng.usize(0..3)];
            give_a_gate(world, number);
        }
        _ => with_rights(world),
    }
}

/// Somebody changes whom a place lets do what.
fn with_rights(world: &mut World) {
    match world.rng.u8(0..6) {
        0 => {
            let allowed = [
                json!({"from": "Same"}),
                json!({"from": "All"}),
                json!({"from": "Selector", "selector": {"matchLabels": {"team": "blue"}}}),
            ];
            let allowed = allowed[world.rng.usize(0..3)].clone();
            world.note(|| format!("USER workspace prod is for {allowed}"));
            edit::<Workspace>(world, "prod", |s| s.allowed_namespaces = of(allowed));
        }
        1 | 2 => {
            let publishers = publishers(world.rng.usize(0..6));
            world.note(|| format!("USER workspace prod lets publish: {publishers}"));
            world.rights_changed = world.now;
            edit::<Workspace>(world, "prod", |s| s.publishers = of(publishers));
        }
        3 => {
            let publishers =
                [json!([]), json!([{"name": "own", "namespaces": {"from": "Same"}, "models": ["fare"]}])]
                    [world.rng.usize(0..2)]
                .clone();
            world.note(|| format!("USER the registry lets publish: {publishers}"));
            world.rights_changed = world.now;
            edit::<Registry>(world, "models", |s| s.publishers = of(publishers));
        }
        4 => {
            let adoption = if world.rng.u8(0..3) == 0 { Adoption::Refuse } else { Adoption::Allow };
            world.note(|| format!("USER the places say of taking over: {adoption:?}"));
            (world.rights_changed, world.adoption) = (world.now, adoption);
            edit_all::<Workspace>(world, |s| s.adoption = adoption);
            edit_all::<Registry>(world, |s| s.adoption = adoption);
        }
        _ => {
            let word = [EndpointDeletion::Allow, EndpointDeletion::Forbid][world.rng.usize(0..2)];
            world.note(|| format!("USER workspace prod says of taking endpoints down: {word:?}"));
            world.rights_changed = world.now;
            edit::<Workspace>(world, "prod", |s| s.policy.endpoint_deletion = Some(word));
        }
    }
}

/// In the end the workspace mostly asks for nothing that a version lacks. What a gate still refuses has to settle, too.
pub fn leave_in_order(world: &mut World) {
    edit::<Workspace>(world, "prod", |s| {
        s.policy.soak = None;
        s.policy.windows.clear();
    });
    edit_all::<DeploymentBinding>(world, |s| s.strategy.windows.clear());
    if world.rng.u8(0..4) > 0 {
        ask_for_nothing(world);
    }
}
