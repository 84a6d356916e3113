//! Places and versions that other objects name, as far as those may know of them.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};

use crate::api::{AllowedNamespaces, ModelVersion, Policy, Reference, Registry, Workspace, conditions_of};
use crate::azure::ResourceId;
use crate::controller::context::Stores;
use crate::controller::kind::Kind;
use crate::decide::{Place, SourceVersion};

/// Is only a person able to help it?
fn stalled(conditions: &[Condition]) -> bool {
    conditions_of(conditions).get("Stalled").is_some_and(|c| c.status == "True")
}

fn because(conditions: &[Condition]) -> String {
    conditions_of(conditions)
        .get("Ready")
        .map_or_else(|| "it was not looked at yet.".into(), |c| c.message.clone())
}

fn allows(allowed: &AllowedNamespaces, home: &str, namespace: &str, stores: &Stores) -> bool {
    // Labels are only asked for where they matter.
    allowed.allows(home, namespace, &BTreeMap::new())
        || allowed.allows(home, namespace, &stores.labels(namespace))
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
    let status = registry.current();
    if status.discovery_url.is_none()
        || stalled(&status.conditions)
        || registry.meta().deletion_timestamp.is_some()
    {
        return Place::NotReady { what, because: because(&status.conditions) };
    }
    Place::Ready { id: registry.id(), location: registry.spec.location.clone(), policy: Policy::default() }
}

/// The place that a reference to a workspace stands for.
pub(super) fn workspace_place(reference: &Reference, home: &str, stores: &Stores) -> Place {
    let what = format!("Workspace {}/{}", reference.namespace(home), reference.name);
    let found = find_workspace(reference, home, stores)
        .filter(|w| allows(&w.spec.allowed_namespaces, &w.home(), home, stores));
    let Some(workspace) = found else { return Place::Missing { what } };
    let status = workspace.current();
    match status.location {
        Some(location) if !stalled(&status.conditions) => {
            Place::Ready { id: workspace.id(), location, policy: workspace.spec.policy.clone() }
        }
        _ => Place::NotReady { what, because: because(&status.conditions) },
    }
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
    let status = version.current();
    let registered = conditions_of(&status.conditions).get("Registered").is_some_and(|c| c.status == "True");
    let ids = status.asset_id.zip(status.id).filter(|_| registered && !stalled(&status.conditions));
    let Some((asset_id, id)) = ids.filter(|_| version.meta().deletion_timestamp.is_none()) else {
        return SourceVersion::NotReady { what, because: because(&status.conditions) };
    };
    let id = ResourceId::new(id);
    SourceVersion::Ready {
        registry: id.segment("registries").map(str::to_string),
        id,
        asset_id,
        model: version.spec.model.clone(),
        version: version.spec.version.clone(),
        kind: version.spec.kind,
        lineage: status.lineage.unwrap_or_default(),
    }
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
