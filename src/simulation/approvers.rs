//! People who say which versions may serve in the workspace `prod`, and who ask for their word, or for time.

use std::time::Duration;

use serde_json::{Value, json};

use super::people::{VERSIONS, edit, of};
use super::policies;
use super::world::World;
use crate::api::{
    Approval, ApprovalPolicy, ApprovalSpec, DeploymentBinding, OnWithdrawal, SoakPolicy, Workspace,
};

/// The asset of a version in the registry.
fn asset(number: &str) -> String {
    format!("azureml://registries/models/models/taxi/versions/{number}")
}

fn decision(number: &str, approves: bool) -> ApprovalSpec {
    let decision = if approves { "Approved" } else { "Rejected" };
    let version = json!({"name": format!("taxi-{number}"), "namespace": "fares"});
    of(json!({"modelVersionRef": version, "assetId": asset(number), "decision": decision, "by": "ada"}))
}

fn approve(world: &mut World, number: &str) {
    let now = world.now;
    world.cluster.apply::<Approval>(&format!("risk/yes-{number}"), decision(number, true), now);
}

/// The workspace asks for approvals now, or for none.
fn ask(world: &mut World, policy: &Value) {
    let policy: Option<ApprovalPolicy> = of(policy.clone());
    edit::<Workspace>(world, "prod", |s| s.policy.approvals = policy);
}

fn policy(world: &mut World) -> Value {
    match world.rng.u8(0..6) {
        0 => Value::Null,
        1 => json!({"fromNamespaces": ["risk"]}),
        2 => json!({"fromNamespaces": ["risk"], "waivable": ["Soak"]}),
        3 => json!({"fromNamespaces": ["risk"], "waivable": waivable()}),
        _ => json!({"fromNamespaces": ["risk"], "onWithdrawal": OnWithdrawal::RollBack}),
    }
}

/// All rules that somebody may waive.
fn waivable() -> Vec<String> {
    policies::GATES.into_iter().chain(["Soak", "Windows"]).map(String::from).collect()
}

/// The workspace asks that a version has served in it before, on this endpoint or on another, or does not.
pub fn ask_for_time(world: &mut World, period: Option<&str>) {
    let policy: Option<SoakPolicy> =
        of(period.map_or(Value::Null, |it| json!({"in": [{"name": "prod"}], "for": it})));
    world.note(|| format!("USER workspace prod asks for time: {period:?}"));
    edit::<Workspace>(world, "prod", |s| s.policy.soak = policy);
}

/// Somebody lets a version serve for so many minutes that some rules refuse.
fn waive(world: &mut World, number: &str, rules: Vec<String>, minutes: u64) {
    world.note(|| format!("USER waives {rules:?} of version {number} for {minutes} minutes"));
    let (now, name) = (world.now, format!("risk/waive-{number}"));
    // No decision can be changed.
    world.cluster.delete::<Approval>(&name, now);
    let ends = now + Duration::from_secs(minutes * 60);
    let spec = ApprovalSpec { waives: rules, expires_at: Some(ends), ..decision(number, true) };
    world.cluster.apply::<Approval>(&name, spec, now);
}

/// The workspace lets time be waived, and somebody does that for a version.
pub fn have_time_waived(world: &mut World, number: &str, minutes: u64) {
    ask(world, &json!({"fromNamespaces": ["risk"], "waivable": waivable()}));
    waive(world, number, vec!["Soak".into()], minutes);
}

/// Somebody waives every rule of a version for so many minutes, where the workspace names these rules or none.
pub fn have_all_waived(world: &mut World, number: &str, minutes: u64) {
    let named = if world.rng.u8(0..3) > 0 { waivable() } else { vec![] };
    ask(world, &json!({"fromNamespaces": ["risk"], "waivable": named}));
    waive(world, number, waivable(), minutes);
}

/// The number of a version that some rules refuse to serve, and those rules, as the status of a binding tells.
fn refused(world: &World) -> Option<(String, Vec<String>)> {
    let waivable = waivable();
    world.cluster.all::<DeploymentBinding>().find_map(|it| {
        let number = it.spec.model.version_ref.name.strip_prefix("taxi-")?;
        let lines = it.status.as_ref()?.admission.iter();
        let lines = lines.filter(|line| !line.admitted && waivable.contains(&line.rule));
        let rules: Vec<String> = lines.map(|line| line.rule.clone()).collect();
        (!rules.is_empty()).then(|| (number.to_string(), rules))
    })
}

/// Now and then somebody waives what a version is refused for, mostly for less time than its rollout takes. Where the workspace
/// names no such rule, nothing follows.
pub fn waive_a_refusal(world: &mut World) -> bool {
    let Some((number, rules)) = refused(world).filter(|_| world.rng.u8(0..3) == 0) else { return false };
    if world.rng.u8(0..3) > 0 {
        ask(world, &json!({"fromNamespaces": ["risk"], "waivable": waivable()}));
    }
    let minutes = world.rng.u64(1..9);
    waive(world, &number, rules, minutes);
    true
}

/// On the first day every version is approved, and the workspace may ask for that.
pub fn begin(world: &mut World) {
    for number in VERSIONS {
        approve(world, number);
    }
    let policy = policy(world);
    ask(world, &policy);
}

/// The number of a version that is rolled out and has at least so much of the traffic.
pub fn on_its_way(world: &World, least: i32) -> Option<String> {
    world.cluster.all::<DeploymentBinding>().find_map(|it| {
        let candidate =
            it.status.as_ref()?.candidate.as_ref().filter(|candidate| candidate.weight >= least)?;
        let (number, _) = candidate.deployment.strip_prefix('v')?.split_once('-')?;
        Some(number.to_string())
    })
}

/// Somebody rejects a version, and the workspace asks for such words.
pub fn reject(world: &mut World, number: &str) {
    if world.cluster.find::<Workspace>("prod").is_some_and(|it| it.spec.policy.approvals.is_none()) {
        ask(world, &json!({"fromNamespaces": ["risk"], "waivable": waivable()}));
    }
    world.note(|| format!("USER rejects version {number}"));
    let now = world.now;
    world.cluster.apply::<Approval>(&format!("risk/no-{number}"), decision(number, false), now);
}

/// Somebody takes every rejection back.
pub fn take_rejections_back(world: &mut World) {
    for number in VERSIONS {
        let now = world.now;
        world.cluster.delete::<Approval>(&format!("risk/no-{number}"), now);
    }
}

/// Now and then somebody rejects a version that has just got some of the traffic, or withdraws its approval.
pub fn stop_a_rollout(world: &mut World) -> bool {
    let Some(number) = on_its_way(world, 1).filter(|_| world.rng.u8(0..4) == 0) else { return false };
    let now = world.now;
    if world.rng.u8(0..3) == 0 {
        world.note(|| format!("USER withdraws the approval of version {number}, which rises"));
        world.cluster.delete::<Approval>(&format!("risk/yes-{number}"), now);
    } else {
        world.note(|| format!("USER rejects version {number}, which rises"));
        world.cluster.apply::<Approval>(&format!("risk/no-{number}"), decision(&number, false), now);
    }
    true
}

/// The number of a version: mostly one that a binding asks for.
fn what_they_look_at(world: &mut World) -> String {
    let asked: Vec<String> = world
        .cluster
        .all::<DeploymentBinding>()
        .filter_map(|it| {
            it.spec.model.version_ref.name.rsplit_once('-').map(|(_, number)| number.to_string())
        })
        .collect();
    let any = VERSIONS[world.rng.usize(0..3)].to_string();
    if world.rng.u8(0..4) == 0 { any } else { world.rng.choice(asked).unwrap_or(any) }
}

/// Somebody decides, takes a decision back, or asks for other decisions.
pub fn act(world: &mut World) {
    let number = what_they_look_at(world);
    let (now, number) = (world.now, number.as_str());
    match world.rng.u8(0..9) {
        6 => {
            let period = [None, Some("5m"), Some("40m")][world.rng.usize(0..3)];
            ask_for_time(world, period);
        }
        7 => {
            let rules = waivable().into_iter().filter(|rule| world.rng.bool() || rule == "Soak").collect();
            waive(world, number, rules, 30);
        }
        0 => {
            let policy = policy(world);
            world.note(|| format!("USER workspace prod asks for approvals: {policy}"));
            ask(world, &policy);
        }
        1 => reject(world, number),
        2 => {
            world.note(|| format!("USER withdraws the approval of version {number}"));
            world.cluster.delete::<Approval>(&format!("risk/yes-{number}"), now);
        }
        3 => {
            world.note(|| format!("USER of a team approves version {number}"));
            world.cluster.apply::<Approval>(&format!("blue/yes-{number}"), decision(number, true), now);
        }
        4 => {
            world.note(|| format!("USER takes the rejection of version {number} back"));
            world.cluster.delete::<Approval>(&format!("risk/no-{number}"), now);
        }
        _ => {
            world.note(|| format!("USER approves version {number}"));
            approve(world, number);
        }
    }
}

/// In the end every version is approved, and none is rejected.
pub fn leave_in_order(world: &mut World) {
    take_rejections_back(world);
    for number in VERSIONS {
        let now = world.now;
        world.cluster.delete::<Approval>(&format!("risk/waive-{number}"), now);
        approve(world, number);
    }
}
