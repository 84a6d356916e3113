//! Registries, by what is asked of them.

#![allow(clippy::unwrap_used)]

mod accounts;
mod bodies;
mod deletion;
mod questions;

use serde_json::json;

use super::{Facts, decide};
use crate::azure::model::{OperationState, Purpose};
use crate::decide::Look;
use crate::decide::fixtures::{operation, registry, registry_found};

fn with(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = registry();
    change(&mut facts);
    facts
}

/// A new object, of which nothing is in Azure yet.
fn new(change: impl FnOnce(&mut Facts)) -> Facts {
    with(|f| {
        f.registry = Look::Absent;
        f.status = crate::api::RegistryStatus { observed_generation: -1, ..Default::default() };
        change(f);
    })
}

fn running(facts: &mut Facts, purpose: Purpose, doing: &str, seconds_ago: u64, state: OperationState) {
    let running = operation(purpose, doing, &facts.id, seconds_ago, state);
    facts.status.operation.clone_from(&running.remembered);
    facts.situation.operation = running;
}

fn regions(locations: &[&str]) -> Vec<crate::api::Region> {
    serde_json::from_value(json!(locations.iter().map(|l| json!({"location": l})).collect::<Vec<_>>()))
        .unwrap()
}

fn two_regions(facts: &mut Facts) {
    facts.registry = Look::Found(registry_found(
        &["eastus", "westus"],
        &[("team", "platform"), ("bindery-owner", "prod/platform/models")],
    ));
}

fn tag(facts: &mut Facts, key: &str, value: &str) {
    let Look::Found(registry) = &mut facts.registry else { unreachable!() };
    registry.tags.insert(key.into(), value.into());
}

/// It is there, and Azure has made no accounts for it.
fn halfway(change: impl FnOnce(&mut Facts)) -> Facts {
    with(|f| {
        let Look::Found(r) = &mut f.registry else { unreachable!() };
        r.properties.region_details[0].acr_details = vec![json!({"systemCreatedAcrAccount": {}})];
        change(f);
    })
}
