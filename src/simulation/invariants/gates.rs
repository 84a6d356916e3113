//! What must hold of gates. In the simulation the rmse of a version is its number, and lower is better.

use crate::api::PlaceGate;
use crate::decide::{Place, SourceVersion, deployment_binding};

/// Does the wanted version pass what the workspace asks of its metrics?
pub fn passes(facts: &deployment_binding::Facts) -> bool {
    let (Place::Ready { policy, .. }, SourceVersion::Ready { asset_id, version, lineage, .. }) =
        (&facts.place, &facts.version)
    else {
        return false;
    };
    let Some(gates) = &policy.gates else { return true };
    let number = |version: &str| version.parse::<f64>().unwrap_or(f64::MAX);
    let (own, told) = (number(version), lineage.metrics.contains_key("rmse"));
    let (stable, served) = serving(facts);
    let passes = |gate: &PlaceGate| match (&gate.max, &stable) {
        (Some(max), _) => told && own <= number(max),
        // What serves is not held against itself, and what has served neither.
        (None, _) if served.contains(asset_id) => true,
        (None, None) => told,
        (None, Some(champion)) => told && own <= number(champion.rsplit('/').next().unwrap_or_default()),
    };
    gates.define.iter().all(passes)
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
