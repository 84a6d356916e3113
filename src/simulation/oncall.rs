//! People on call, who say one word to a rollout by a RolloutAction.

use serde_json::{Value, json};

use super::people::of;
use super::world::World;
use crate::api::{DeploymentBinding, Object as _, OnInconclusive, Phase, RolloutAction};

/// Steps that wait for a person.
pub fn by_hand() -> Value {
    json!([
        {"setTraffic": 20}, {"name": "go", "pause": {}}, {"name": "watch", "pause": {"for": "2m"}}, {"setTraffic": 60},
        {"name": "last", "pause": {}},
    ])
}

/// Every rollout waits for people from now on.
pub fn ask_for_people(world: &mut World) {
    for name in world.cluster.names::<DeploymentBinding>() {
        let Some(mut spec) = world.cluster.find::<DeploymentBinding>(&name).map(|it| it.spec.clone()) else {
            continue;
        };
        spec.strategy.steps = of(by_hand());
        let now = world.now;
        world.cluster.apply::<DeploymentBinding>(&name, spec, now);
    }
}

/// What somebody may sensibly ask of a binding, by its status: the words, each with the revision that it speaks of.
fn sensible(binding: &DeploymentBinding) -> Vec<Value> {
    let status = binding.current();
    let mut all = vec![];
    if let Some(candidate) = &status.candidate {
        let revision = &candidate.revision;
        all.push(json!({"action": "Abort", "revision": revision}));
        all.push(json!({"action": "Rollback", "revision": revision}));
        all.push(json!({"action": "Promote", "revision": revision, "full": true}));
        for _ in 0..3 {
            let named = candidate.step.as_ref().and_then(|step| step.name.as_deref());
            all.extend(named.map(|step| json!({"action": "Promote", "revision": revision, "step": step})));
        }
    }
    if let Some(revision) = status.revision.as_ref().filter(|_| status.phase == Some(Phase::Failed)) {
        all.push(json!({"action": "Retry", "revision": revision}));
    }
    if let Some(revision) = status.stable.as_ref().and_then(|stable| stable.revision.as_ref()) {
        all.push(json!({"action": "Rollback", "revision": revision}));
        // Also further than to what is warm.
        let mut before = status.history.iter().filter(|it| it.outcome.serves() && it.revision != *revision);
        let last = before.next_back().map(|it| &it.revision);
        all.extend(last.map(|to| json!({"action": "Rollback", "revision": revision, "toRevision": to})));
    }
    if let Some(hold) = &status.hold {
        all.push(json!({"action": "Release", "revision": hold.revision}));
        all.push(json!({"action": "Release", "revision": hold.revision}));
    }
    all
}

/// Somebody says a word to a binding; or an action is deleted, or applied once more under its name.
pub fn say_a_word(world: &mut World) {
    let now = world.now;
    let said = world.cluster.names::<RolloutAction>();
    if world.rng.u8(0..6) == 0
        && let Some(name) = world.rng.choice(said)
    {
        let spec = world.cluster.find::<RolloutAction>(&name).map(|it| it.spec.clone());
        let again = world.rng.bool();
        world.note(|| format!("USER deletes the action {name}, and applies it again: {again}"));
        world.cluster.delete::<RolloutAction>(&name, now);
        if let Some(spec) = spec.filter(|_| again) {
            world.cluster.apply::<RolloutAction>(&name, spec, now);
        }
        return;
    }
    let bindings = world.cluster.names::<DeploymentBinding>();
    // Mostly of one on which something goes on.
    let busy = |name: &String| {
        let status = world.cluster.find::<DeploymentBinding>(name).map(|it| it.current());
        status.is_some_and(|it| it.candidate.is_some() || it.hold.is_some())
    };
    let goes_on: Vec<String> = bindings.iter().filter(|name| busy(name)).cloned().collect();
    let among = if goes_on.is_empty() || world.rng.u8(0..4) == 0 { bindings } else { goes_on };
    let Some(name) = world.rng.choice(among) else { return };
    let Some(binding) = world.cluster.find::<DeploymentBinding>(&name).cloned() else { return };
    let Some(mut spec) = world.rng.choice(sensible(&binding)) else { return };
    if world.rng.u8(0..10) == 0 {
        spec["revision"] = json!("0123456789");
    }
    let (home, short) = (binding.home(), binding.metadata.name.clone().unwrap_or_default());
    spec["bindingRef"] = json!({"name": short});
    spec["requestedBy"] = json!("ada");
    world.words += 1;
    let action = format!("{home}/{short}-{}", world.words);
    world.note(|| format!("USER says by {action}: {spec}"));
    world.cluster.apply::<RolloutAction>(&action, of(spec), now);
}

/// Whoever is on call goes home: what is held back is let go on, and no step waits for a person any more.
pub fn leave_in_order(world: &mut World) {
    for name in world.cluster.names::<DeploymentBinding>() {
        let Some(binding) = world.cluster.find::<DeploymentBinding>(&name).cloned() else { continue };
        let mut spec = binding.spec.clone();
        spec.strategy.steps.retain(|step| step.pause.as_ref().is_none_or(|pause| pause.period.is_some()));
        // Nobody is asked about measurements that say nothing, either.
        spec.strategy.on_inconclusive = Some(OnInconclusive::Abort);
        let now = world.now;
        world.cluster.apply::<DeploymentBinding>(&name, spec, now);
        if let Some(hold) = binding.current().hold.filter(|_| world.rng.bool()) {
            let (home, short) = (binding.home(), binding.metadata.name.clone().unwrap_or_default());
            world.words += 1;
            let release = json!({"bindingRef": {"name": short}, "action": "Release", "revision": hold.revision, "requestedBy": "ada"});
            let action = format!("{home}/{short}-{}", world.words);
            world.cluster.apply::<RolloutAction>(&action, of(release), now);
        }
    }
}
