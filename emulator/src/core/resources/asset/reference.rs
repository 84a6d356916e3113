//! How assets are named other than by path (§C.3): `azureml://registries/…`, and `azureml://locations/…`.

use super::container;
use crate::core::Core;
use crate::core::machinery::address::Address;
use crate::core::resources::registry;
use crate::wire::decode;

const SCHEME: &str = "azureml://";

/// What stands in the place of `versions` before a label. No path has it.
const LABELS: &str = "labels";

/// The label that every asset of a registry has.
const LATEST: &str = "latest";

/// The registry of Microsoft's own, whose environments are there for everybody.
const CURATED: &str = "azureml";

/// Takes an asset's name apart, from the registry or location on, whose subscription it does not tell.
pub fn parse(reference: &str) -> Option<Address> {
    let scheme = reference.get(..SCHEME.len())?;
    let path = reference[SCHEME.len()..].trim_end_matches('/');
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return None;
    }
    let mut end = path.rsplitn(3, '/');
    let address = match (end.next()?, end.next()?, end.next()?) {
        (label, word, asset) if word.eq_ignore_ascii_case(LABELS) => {
            Address::somewhere(asset).ok()?.child(LABELS, &decode(label))
        }
        _ => Address::somewhere(path).ok()?,
    };
    address.is_resource().then_some(address)
}

/// The version that an ARM id, or a registry's asset id, names; whether there is one or not, but for a label.
pub fn version(core: &Core, reference: &str) -> Option<Address> {
    let Some(asset) = parse(reference) else {
        return Address::parse(reference).ok().filter(Address::is_resource);
    };
    let ("registries", name) = asset.steps.first().map(|(kind, name)| (*kind, name))? else { return None };
    let found = asset.moved_to(&registry::named(core, name)?, 1);
    match found.steps.last() {
        Some((LABELS, label)) if label == LATEST => container::latest(core, &found.parent()),
        Some((LABELS, _)) => None,
        _ => Some(found),
    }
}

/// Whether it names an environment of Microsoft's own registry.
pub fn is_curated(reference: &str) -> bool {
    let Some(asset) = parse(reference) else { return false };
    match asset.steps.as_slice() {
        [("registries", registry), ("environments", _), (by, which)] => {
            registry.eq_ignore_ascii_case(CURATED)
                && (*by == "versions" || (*by == LABELS && which == LATEST))
        }
        _ => false,
    }
}
