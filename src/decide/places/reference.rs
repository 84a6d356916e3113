//! Who may refer to whom: places and versions that other objects name, as far as those may know of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::policy::Source;
use super::{Place, Policy, SourceVersion};
use crate::api::{
    AllowedNamespaces, ConditionType, ModelVersion, Object, ObjectKey, Reason, Reference, Registry,
    Workspace, conditions_of,
};
use crate::azure::model::{Purpose, ResourceId};
use crate::decide::facts::{Kind, Known};

fn allows(allowed: &AllowedNamespaces, home: &str, namespace: &str, known: &mut Known) -> bool {
    // Labels are only asked for where they matter.
    allowed.allows(home, namespace, &BTreeMap::new())
        || (allowed.selector.is_some() && allowed.allows(home, namespace, &known.namespace(namespace).labels))
}

/// May what refers to this place from `home` lay claim to what is in it? Not where the place does not
/// allow it, nor where another object stands for the place, with rules of its own. Where the place is
/// gone, its status tells where it was let in.
pub fn lets_in<P: Kind>(
    place: Option<&P>,
    allowed: impl Fn(&P) -> &AllowedNamespaces,
    home: &str,
    known: &mut Known,
) -> bool {
    let Some(place) = place else { return true };
    let ready = conditions_of(place.conditions()).reason(ConditionType::Ready);
    let stands = !matches!(ready, Some(Reason::OwnedByAnother | Reason::Conflict));
    stands && allows(allowed(place), &place.home(), home, known)
}

/// The registry that a reference from `home` means, whoever may use it.
pub fn find_registry(reference: &Reference, home: &str, known: &mut Known) -> Option<Arc<Registry>> {
    known.object(ObjectKey::meant::<Registry>(reference, home))
}

/// The workspace that a reference from `home` means, whoever may use it.
pub fn find_workspace(reference: &Reference, home: &str, known: &mut Known) -> Option<Arc<Workspace>> {
    known.object(ObjectKey::meant::<Workspace>(reference, home))
}

/// The place that a reference to a registry stands for.
pub fn registry_place(reference: &Reference, home: &str, known: &mut Known) -> Place {
    let what = ObjectKey::meant::<Registry>(reference, home).to_string();
    match find_registry(reference, home, known) {
        Some(found) if allows(&found.spec.allowed_namespaces, &found.home(), home, known) => {
            Place::registry(what, found.id(), &found.spec, &found.current(), found.is_deleting())
        }
        _ => Place::Missing { what },
    }
}

/// The place that a reference to a workspace stands for.
pub fn workspace_place(reference: &Reference, home: &str, known: &mut Known) -> Place {
    let what = ObjectKey::meant::<Workspace>(reference, home).to_string();
    match find_workspace(reference, home, known) {
        Some(found) if allows(&found.spec.allowed_namespaces, &found.home(), home, known) => {
            let policy = policy_of(&found, known);
            Place::workspace(what, found.id(), policy, &found.current())
        }
        _ => Place::Missing { what },
    }
}

/// The policy of a workspace, with the registries that it names: by references from the workspace's own namespace.
fn policy_of(workspace: &Workspace, known: &mut Known) -> Policy {
    let (written, home) = (&workspace.spec.policy, workspace.home());
    let mut place = |registry: &Option<Reference>| {
        let Some(reference) = registry else { return Some(workspace.id()) };
        find_registry(reference, &home, known)
            .filter(|r| allows(&r.spec.allowed_namespaces, &r.home(), &home, known))
            .map(|r| r.id())
    };
    let sources = written.sources.iter().map(|source| Source {
        name: source.name.clone(),
        place: place(&source.registry_ref),
        models: source.models.clone(),
    });
    Policy { sources: sources.collect(), lineage: written.lineage.as_ref().map(|lineage| lineage.require) }
}

/// Keeps an object with the resource that it made, when its reference means another place: the place that it names was made
/// again for another one, or the namespace of the reference has come or gone. Then `id` becomes where the status says
/// that the resource is, and the answer is where the reference leads. Only what the spec would name there too (`path`) is
/// looked at, and it counts only while it is there and carries the owner tag of the object; where it cannot be read, it
/// may be there.
pub fn stay_with_what_was_made<T: DeserializeOwned>(
    id: &mut Option<ResourceId>,
    remembered: Option<&str>,
    path: &str,
    ours: impl FnOnce(&T) -> bool,
    known: &mut Known,
) -> Option<ResourceId> {
    let made = ResourceId::new(remembered?);
    let named = made.as_str().to_ascii_lowercase().ends_with(&path.to_ascii_lowercase());
    id.as_ref().filter(|id| **id != made && named)?;
    let there = match known.resource::<T>(Purpose::Compare, &made)? {
        Ok(found) => found.is_some_and(|found| ours(&found)),
        Err(error) => !error.is_not_found(),
    };
    if there { id.replace(made) } else { None }
}

/// The version that a reference from `home` stands for. A registry's `allowedNamespaces` governs its
/// versions; versions in a workspace are for their own namespace.
pub fn version(reference: &Reference, home: &str, known: &mut Known) -> SourceVersion {
    let key = ObjectKey::meant::<ModelVersion>(reference, home);
    let what = key.to_string();
    let elsewhere = &*key.namespace != home;
    match known.object::<ModelVersion>(key) {
        Some(found) if !elsewhere || governed(&found, home, known) => {
            SourceVersion::of(what, &found.spec, found.current(), found.is_deleting())
        }
        _ => SourceVersion::Missing { what },
    }
}

fn governed(version: &ModelVersion, home: &str, known: &mut Known) -> bool {
    let Some(reference) = &version.spec.registry_ref else { return false };
    find_registry(reference, &version.home(), known)
        .is_some_and(|registry| allows(&registry.spec.allowed_namespaces, &registry.home(), home, known))
}
