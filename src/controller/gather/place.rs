//! Places and versions that other objects name, as far as those may know of them.

use std::collections::BTreeMap;

use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};

use crate::api::{AllowedNamespaces, ModelVersion, Reference, Registry, Workspace};
use crate::controller::context::Stores;
use crate::controller::kind::Kind;
use crate::decide::{Place, SourceVersion};

fn allows(allowed: &AllowedNamespaces, home: &str, namespace: &str, stores: &Stores) -> bool {
    // Labels are only asked for where they matter.
    allowed.allows(home, namespace, &BTreeMap::new())
        || allowed.allows(home, namespace, &stores.labels(namespace))
}

/// May what refers to this place from `home` lay claim to what is in it? Not where the place does not
/// allow it, nor where an older object stands for the place, with rules of its own. Where the place is
/// gone, its status tells where it was let in.
pub(super) fn lets_in<P: Kind>(
    place: Option<&P>,
    allowed: impl Fn(&P) -> &AllowedNamespaces,
    home: &str,
    stores: &Stores,
) -> bool {
    place.is_none_or(|place| {
        let (name, created) = (place.full_name(), place.created());
        allows(allowed(place), &place.home(), home, stores)
            && !place.claimants(stores).iter().any(|c| c.precedes(created, &name))
    })
}

/// The registry that a reference from `home` means, whoever may use it.
pub fn find_registry(reference: &Reference, home: &str, stores: &Stores) -> Option<std::sync::Arc<Registry>> {
    stores.registries.get(&ObjectRef::new(&reference.name).within(reference.namespace(home)))
}

/// The workspace that a reference from `home` means, whoever may use it.
pub fn find_workspace(
    reference: &Reference,
    home: &str,
    stores: &Stores,
) -> Option<std::sync::Arc<Workspace>> {
    stores.workspaces.get(&ObjectRef::new(&reference.name).within(reference.namespace(home)))
}

/// The place that a reference to a registry stands for.
pub(super) fn registry_place(reference: &Reference, home: &str, stores: &Stores) -> Place {
    let what = format!("Registry {}/{}", reference.namespace(home), reference.name);
    let found = find_registry(reference, home, stores)
        .filter(|r| allows(&r.spec.allowed_namespaces, &r.home(), home, stores));
    let Some(registry) = found else { return Place::Missing { what } };
    let deleting = registry.meta().deletion_timestamp.is_some();
    Place::registry(what, registry.id(), &registry.spec, &registry.current(), deleting)
}

/// The place that a reference to a workspace stands for.
pub(super) fn workspace_place(reference: &Reference, home: &str, stores: &Stores) -> Place {
    let what = format!("Workspace {}/{}", reference.namespace(home), reference.name);
    let found = find_workspace(reference, home, stores)
        .filter(|w| allows(&w.spec.allowed_namespaces, &w.home(), home, stores));
    let Some(workspace) = found else { return Place::Missing { what } };
    Place::workspace(what, workspace.id(), &workspace.spec, &workspace.current())
}

/// The version that a reference from `home` stands for. A registry's `allowedNamespaces` governs its
/// versions; versions in a workspace are for their own namespace.
pub(super) fn version(reference: &Reference, home: &str, stores: &Stores) -> SourceVersion {
    let namespace = reference.namespace(home);
    let what = format!("ModelVersion {namespace}/{}", reference.name);
    let found: Option<std::sync::Arc<ModelVersion>> =
        stores.versions.get(&ObjectRef::new(&reference.name).within(namespace));
    let Some(version) = found.filter(|v| namespace == home || governed(v, home, stores)) else {
        return SourceVersion::Missing { what };
    };
    SourceVersion::of(what, &version.spec, version.current(), version.meta().deletion_timestamp.is_some())
}

fn governed(version: &ModelVersion, home: &str, stores: &Stores) -> bool {
    version
        .spec
        .registry_ref
        .as_ref()
        .and_then(|r| find_registry(r, &version.home(), stores))
        .is_some_and(|r| allows(&r.spec.allowed_namespaces, &r.home(), home, stores))
}

/// The name of an object for a sentence.
pub(super) fn named<K: Kind>(object: &K) -> String {
    format!("{} {}", K::kind(&()), object.name_any())
}
