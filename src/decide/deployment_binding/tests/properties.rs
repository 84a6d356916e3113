//! What holds of every decision about a binding, whatever it finds: also what no rollout would leave behind.

use std::collections::BTreeMap;

use proptest::collection::btree_map;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::super::{Facts, decide};
use crate::azure::model::{Action, Call};
use crate::decide::fixtures::{Binding, binding, same_every_time};
use crate::decide::{Look, Mode, SourceVersion};

/// The versions that there are, and `blue`, which is somebody else's deployment.
const NAMES: [&str; 4] = ["1", "2", "3", "blue"];
const STATES: [&str; 5] = ["Succeeded", "Failed", "Canceled", "Creating", "Updating"];

/// What Azure holds, and what the manifest and the status say.
#[derive(Debug, Clone)]
struct Found {
    wanted: usize,
    readable: bool,
    mode: Mode,
    deleting: bool,
    stood: bool,
    states: BTreeMap<&'static str, &'static str>,
    weights: BTreeMap<&'static str, i32>,
    written: Option<(&'static str, &'static str, i32)>,
    stable: Option<&'static str>,
    previous: Option<&'static str>,
    failed: Vec<&'static str>,
    steps: Vec<i32>,
}

prop_compose! {
    fn found()(
        wanted in 0..3usize,
        readable in prop::bool::weighted(0.9),
        mode in select(vec![Mode::Act, Mode::Act, Mode::Act, Mode::Suspended, Mode::Observe, Mode::ObserveOnly]),
        deleting in prop::bool::weighted(0.2),
        stood in any::<bool>(),
        states in btree_map(select(&NAMES[..]), select(&["Succeeded", "Succeeded", "Succeeded", STATES[1], STATES[2], STATES[3], STATES[4]][..]), 0..=4),
        weights in btree_map(select(&NAMES[..]), select(vec![0, 10, 50, 90, 100]), 0..=3),
        written in option::of((select(&NAMES[..]), select(&NAMES[..]), 0..=100i32)),
        stable in option::of(select(&NAMES[..])),
        previous in option::of(select(&NAMES[..])),
        failed in prop::sample::subsequence(&NAMES[..3], 0..=2),
        steps in prop::sample::subsequence(vec![5, 10, 50, 100], 0..=4),
    ) -> Found {
        Found { wanted, readable, mode, deleting, stood, states, weights, written, stable, previous, failed, steps }
    }
}

impl Found {
    fn binding(&self) -> Binding {
        let mut it = binding().wanting(NAMES[self.wanted]).endpoint();
        it = it.steps(self.steps.iter().map(|w| json!({"setTraffic": w})).collect());
        if self.stood {
            it.0.status.conditions = crate::decide::fixtures::ready();
        }
        let name = |it: &Binding, n: &str| if n == "blue" { n.to_string() } else { it.name(n) };
        for (number, state) in &self.states {
            it = if *number == "blue" { it.foreign("blue") } else { it.deployed(number, state) };
        }
        let there: Vec<String> = it.0.deployments.iter().map(|d| d.name().to_string()).collect();
        let weights = self.weights.iter().map(|(n, w)| (name(&it, n), *w)).filter(|(n, _)| there.contains(n));
        let weights: BTreeMap<String, i32> = weights.collect();
        it.found().properties.traffic = weights;
        if let Some((stable, candidate, weight)) = self.written {
            let (stable, candidate) = (name(&it, stable), name(&it, candidate));
            let split = crate::decide::rollout::Traffic::split(
                &stable,
                &candidate,
                crate::decide::rollout::Share::live(crate::decide::rollout::Weight::new(weight)),
            );
            it = it.tagged("bindery-traffic", &split.to_string());
        }
        for (tag, value) in [("bindery-stable", self.stable), ("bindery-previous", self.previous)] {
            if let Some(value) = value {
                let value = name(&it, value);
                it = it.tagged(tag, &value);
            }
        }
        let failed: Vec<String> = self.failed.iter().map(|n| it.revision(n).to_string()).collect();
        it = it.tagged("bindery-failed", &failed.join(" "));
        it.with(|f| {
            f.situation.mode = self.mode;
            f.situation.deleting = self.deleting;
            if !self.readable {
                let (what, because) = ("ModelVersion fares/taxi".to_string(), "no".to_string());
                f.version = SourceVersion::NotReady { what, because, stalled: false, registered: None };
            }
        })
    }
}

/// What a call may be, seen from the cloud.
fn allowed(found: &Found, facts: &Facts, stable: Option<&str>, call: &Call) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.mode, Mode::Act, "only looking: {}", call.doing);
    let Look::Found(endpoint) = &facts.endpoint else { unreachable!() };
    let there = |name: &str| facts.deployments.iter().find(|d| d.name() == name);
    let of_endpoint = facts.id.as_ref() == Some(&call.resource);
    let name = call.resource.name();
    match &call.action {
        Action::Put(body) if of_endpoint => {
            let traffic = body["properties"]["traffic"].as_object().cloned().unwrap_or_default();
            let sum: i64 = traffic.values().filter_map(serde_json::Value::as_i64).sum();
            let left_alone = json!(endpoint.properties.traffic) == json!(traffic);
            prop_assert!(left_alone || traffic.is_empty() || sum == 100, "{:?}: {}", traffic, call.doing);
            for (name, weight) in &traffic {
                let deployment = there(name);
                prop_assert!(deployment.is_some(), "{name} is not there: {}", call.doing);
                let state =
                    deployment.and_then(|d| d.properties.provisioning_state.clone()).unwrap_or_default();
                let rises = weight.as_i64() > Some(endpoint.weight(name).into());
                let back = stable == Some(name);
                prop_assert!(!rises || state == "Succeeded" || back, "{name} is {state}: {}", call.doing);
            }
        }
        Action::Put(_) if there(name).is_some() => prop_assert_ne!(name, "blue", "{}", call.doing),
        Action::Put(_) => {
            let revision = name.rsplit('-').next().unwrap_or_default();
            let failed = endpoint.tags.get("bindery-failed").is_some_and(|f| f.contains(revision));
            prop_assert!(!failed, "{name} has failed: {}", call.doing);
            let whole = facts.deployments.iter().filter(|d| d.name() != "blue").count();
            prop_assert!(whole <= 2, "room for one more than {whole}: {}", call.doing);
        }
        Action::Delete if of_endpoint => {
            prop_assert!(found.deleting && facts.deployments.is_empty(), "{}", call.doing);
        }
        Action::Delete => {
            prop_assert_ne!(name, "blue", "{}", call.doing);
            prop_assert_eq!(endpoint.weight(name), 0, "it serves: {}", call.doing);
            prop_assert!(there(name).is_some(), "it is not there: {}", call.doing);
        }
        other => prop_assert!(false, "{other:?} is nothing that a binding does: {}", call.doing),
    }
    Ok(())
}

proptest! {
    #![proptest_config(same_every_time())]

    #[test]
    fn no_call_does_harm_and_no_status_is_written_twice(found in found()) {
        let it = found.binding();
        let decision = it.decide();
        let ready = decision.status.conditions.iter().find(|c| c.type_ == "Ready");
        prop_assert_eq!(ready.and_then(|c| c.observed_generation), Some(it.0.situation.generation));
        if let Some(call) = &decision.call {
            allowed(&found, &it.0, decision.status.stable.as_ref().map(|s| s.deployment.as_str()), call)?;
        }
        // What was decided and stored is decided again, to the letter: or the status would be written for ever.
        let mut again = it.0.clone();
        again.status = decision.status.clone();
        again.before = again.known_before();
        let second = decide(&again);
        let action = |call: &Option<Call>| call.as_ref().map(|c| (c.resource.clone(), c.action.clone()));
        prop_assert_eq!(action(&second.call), action(&decision.call));
        if second.call.is_none() {
            prop_assert_eq!(second.status, decision.status);
        }
    }
}
