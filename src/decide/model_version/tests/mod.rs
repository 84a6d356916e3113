//! Versions, by what is asked of them.

#![allow(clippy::unwrap_used, clippy::large_stack_arrays)]

mod bodies;
mod copy;
mod decisions;
mod deletion;
mod gates;
mod origin;
mod promotion;
mod proof;
mod questions;
mod retirement;

use super::{Facts, decide};
use crate::api::{ModelVersionStatus, Publishing};
use crate::azure::model::{OperationState, Purpose, ResourceId};
use crate::decide::fixtures::{ago, model_version, operation, promotion};
use crate::decide::{Look, Place};

fn with(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = model_version();
    change(&mut facts);
    facts
}

/// A new object, whose version is not in Azure.
fn new(change: impl FnOnce(&mut Facts)) -> Facts {
    with(|f| {
        f.version = Look::Absent;
        f.status = ModelVersionStatus { observed_generation: -1, ..Default::default() };
        change(f);
    })
}

fn promoting(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = promotion();
    facts.version = Look::Absent;
    facts.status = ModelVersionStatus { observed_generation: -1, ..Default::default() };
    change(&mut facts);
    facts
}

const PUBLISH: &str = "publish taxi:3 to registry models";

/// A publish was asked for so long ago.
fn asked(facts: &mut Facts, seconds_ago: u64) {
    facts.status.publishing = Some(Publishing { from: "/w/models/taxi/3".into(), since: ago(seconds_ago) });
}

fn running(facts: &mut Facts, state: OperationState) {
    let publish = operation(Purpose::Publish, PUBLISH, &ResourceId::new("/w/models/taxi"), 700, state);
    facts.status.operation.clone_from(&publish.remembered);
    facts.situation.operation = publish;
}

fn found(facts: &mut Facts) -> &mut crate::azure::model::resource::ModelVersionProperties {
    let Look::Found(version) = &mut facts.version else { unreachable!() };
    &mut version.properties
}

fn missing() -> Place {
    Place::Missing { what: "Workspace fares/development".into() }
}
