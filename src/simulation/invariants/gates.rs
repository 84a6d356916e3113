//! What must hold of gates. In the simulation the rmse of a version is its number, and lower is better.

use super::approvals;
use crate::api::{Gate, GatePolicy, MeasuredGate, PlaceGate, Scope};
use crate::decide::{Place, SourceVersion, deployment_binding};

/// Does the wanted version pass what the workspace asks of its metrics, or does somebody waive that who may?
pub fn passes(facts: &deployment_binding::Facts) -> bool {
    let (Place::Ready { policy, .. }, SourceVersion::Ready { asset_id, gates, .. }) =
        (&facts.place, &facts.version)
    else {
        return false;
    };
    let Some(GatePolicy { require, define }) = &policy.gates else { return true };
    let waived = |name: &str| approvals::waives(facts, asset_id, &format!("Gate/{name}"));
    let defined = |name: &str| define.iter().any(|gate| gate.name == name);
    let has = |name: &str| gates.iter().any(|gate| gate.name == name && passes_its_own(facts, gate));
    define.iter().all(|gate| passes_that_of_the_place(facts, gate) || waived(&gate.name))
        && require.iter().all(|name| defined(name) || has(name) || waived(name))
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or(f64::MAX)
}

/// The rmse of the wanted version, where its run has told it.
fn own(facts: &deployment_binding::Facts) -> Option<f64> {
    let SourceVersion::Ready { version, lineage, .. } = &facts.version else { return None };
    lineage.metrics.contains_key("rmse").then(|| number(version))
}

fn passes_that_of_the_place(facts: &deployment_binding::Facts, gate: &PlaceGate) -> bool {
    let SourceVersion::Ready { asset_id, .. } = &facts.version else { return false };
    let (stable, served) = serving(facts);
    let Some(against) = &gate.against else { return within(facts, gate.min.as_deref(), gate.max.as_deref()) };
    // What serves is not held against itself, and what has served neither.
    if served.contains(asset_id) {
        return true;
    }
    let others = if against.scope == Scope::History { served } else { stable.into_iter().collect() };
    let of = |asset: &String| number(asset.rsplit('/').next().unwrap_or_default());
    let best = others.iter().map(of).reduce(f64::min);
    let by = gate.by.as_deref().map_or(0.0, number);
    own(facts).is_some_and(|own| best.is_none_or(|best| own <= best - by))
}

/// A gate that the version has set itself: what a comparison came to is known by its object alone.
fn passes_its_own(facts: &deployment_binding::Facts, gate: &MeasuredGate) -> bool {
    let Gate { min, max, against, .. } = &gate.asked;
    if against.is_some() { gate.passed } else { within(facts, min.as_deref(), max.as_deref()) }
}

fn within(facts: &deployment_binding::Facts, min: Option<&str>, max: Option<&str>) -> bool {
    let (least, most) = (min.map_or(f64::MIN, number), max.map_or(f64::MAX, number));
    own(facts).is_some_and(|own| (least..=most).contains(&own))
}

/// The asset that is stable, and every one that is known to have been.
fn serving(facts: &deployment_binding::Facts) -> (Option<String>, Vec<String>) {
    let tag = facts.endpoint.found().and_then(|e| e.tags.get("bindery-stable"));
    let tagged = tag.and_then(|name| facts.deployments.iter().find(|d| d.name() == name));
    let remembered = || facts.status.stable.as_ref().and_then(|stable| stable.asset_id.clone());
    let stable = tagged.and_then(|d| d.properties.model.clone()).or_else(remembered);
    let promoted = facts.status.history.iter().filter(|it| it.outcome.serves());
    let served = promoted.filter_map(|it| it.asset_id.clone()).chain(stable.clone()).collect();
    (stable, served)
}
