//! Who may refer to whom: places and versions that other objects name, as far as those may know of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::policy::{SoakPlace, Soaking, Source};
use super::publishers::{Host, asks_for_labels, is_publisher};
use super::{Place, Policy, SourceVersion};
use crate::api::{
    AllowedNamespaces, ConditionType, DeploymentBinding, EndpointDeletion, Management, MetricProvider,
    ModelVersion, Object, ObjectKey, Reason, Reference, Registry, Retirement, Workspace, conditions_of,
};
use crate::azure::model::{Principal, Purpose, ResourceId};
use crate::decide::facts::{ClusterRead, Kind, Known, Name, Rivals};
use crate::decide::{Referrers, Right};
use crate::measure::model::Provider;

fn allows(allowed: &AllowedNamespaces, home: &str, namespace: &str, known: &mut Known) -> bool {
    let by_labels = allowed.selector.is_some() && namespace != home;
    with_labels(by_labels, namespace, known, |labels| allowed.allows(home, namespace, labels))
}

/// What a rule says of a namespace by its labels, which are only asked for where they matter. Where nobody can read them, a
/// selector selects nothing: one that asks for the absence of a label would hold of every namespace.
pub(super) fn with_labels(
    matter: bool,
    namespace: &str,
    known: &mut Known,
    rule: impl FnOnce(&BTreeMap<String, String>) -> bool,
) -> bool {
    if !matter {
        return rule(&BTreeMap::new());
    }
    let labels = known.namespace(namespace).labels;
    !known.is_unwatched(&ClusterRead::Namespace(namespace.into())) && rule(&labels)
}

/// May an object of this namespace refer to the place? Whoever may publish there may refer to it, too.
pub fn may_refer<P: Host>(place: &P, namespace: &str, known: &mut Known) -> bool {
    allows(place.allowed(), &place.home(), namespace, known) || is_publisher(place, namespace, known)
}

/// Who refers to a place that is being deleted, and is let in by it: versions and bindings, whether they manage or only
/// observe, and the policies of workspaces. What is being deleted counts until our finalizer is off.
pub fn referrers<P: Host + Kind>(place: &P, known: &mut Known) -> Referrers {
    let mut found = Referrers { ignored: place.goes_while_in_use(), ..Referrers::default() };
    if place.is_deleting() {
        count::<DeploymentBinding>(place, &mut found, known);
        count::<ModelVersion>(place, &mut found, known);
        count::<Workspace>(place, &mut found, known);
    }
    found.others.sort();
    found
}

fn count<K: Kind>(place: &impl Host, found: &mut Referrers, known: &mut Known) {
    let name = Name::Place(place.key());
    let mut own = vec![];
    let mut let_in: HashMap<String, bool> = HashMap::new();
    for object in known.naming::<K>(name.clone()) {
        let home = object.home();
        let counts = !object.is_let_go() && object.names().contains(&name);
        if !counts || !*let_in.entry(home.clone()).or_insert_with(|| may_refer(place, &home, known)) {
            continue;
        }
        found.stays |= !object.is_deleting();
        if home == place.home() { own.push(object.title()) } else { found.others.push(home) }
    }
    own.sort();
    found.own.extend(own);
}

/// Where something was, by a status, when its place is gone. Whoever may write a status may write anything there: so it is
/// believed only where it is what the spec would name (`path`) in some place of this kind. What is done there hangs on the
/// owner's tag.
pub fn remembered(id: Option<&str>, place: &str, path: &str) -> Option<ResourceId> {
    let id = ResourceId::new(id?);
    let (group, name) = (id.segment("resourceGroups")?, id.segment(place)?);
    let place = match place {
        "registries" => ResourceId::registry(id.subscription(), group, name),
        _ => ResourceId::workspace(id.subscription(), group, name),
    };
    (ResourceId::new(format!("{place}{path}")) == id).then_some(id)
}

/// Does another object stand for the place, with rules of its own? The status of a place that is being deleted says who still
/// refers to it, and no longer whether it is contested, so it always counts as contested.
pub fn is_contested<P: Kind>(place: Option<&P>) -> bool {
    place.is_some_and(|place| {
        let ready = conditions_of(place.conditions()).reason(ConditionType::Ready);
        place.is_deleting() || matches!(ready, Some(Reason::OwnedByAnother | Reason::Conflict))
    })
}

/// As whom Bindery acts where a reference from `home` leads. Where the place is gone nobody knows its account: only the
/// operator's own identity is left.
pub fn acting_in<P: Host>(
    place: Option<&P>,
    reference: &Reference,
    home: &str,
    at: &ResourceId,
    known: &Known,
) -> Result<Principal, String> {
    known.acting(reference.namespace(home), place.and_then(Host::credentials), at)
}

/// The registry that a reference from `home` means, whoever may use it.
pub fn find_registry(reference: &Reference, home: &str, known: &mut Known) -> Option<Arc<Registry>> {
    known.object(ObjectKey::meant::<Registry>(reference, home))
}

/// The workspace that a reference from `home` means, whoever may use it.
pub fn find_workspace(reference: &Reference, home: &str, known: &mut Known) -> Option<Arc<Workspace>> {
    known.object(ObjectKey::meant::<Workspace>(reference, home))
}

/// May an object use what it names?
enum Access {
    Granted,
    /// It may not, or there is no such thing: from outside both look the same.
    Denied,
    /// That depends on something that the operator does not watch.
    NotWatched {
        /// A sentence that says what to do.
        because: String,
    },
}

/// May an object of `home` use the place of this key? The place is none where nobody has seen it.
fn access<P: Host>(key: &ObjectKey, place: Option<&P>, home: &str, known: &mut Known) -> Access {
    let Some(place) = place else { return unseen(key, known) };
    if may_refer(place, home, known) {
        Access::Granted
    } else if asks_for_labels(place) && known.is_unwatched(&ClusterRead::Namespace(home.into())) {
        Access::NotWatched {
            because: format!(
                "{key} lets other namespaces in by their labels, which an operator with --watch-namespaces (watchNamespaces in the chart's values) does not read. Have its owner set allowedNamespaces.from to All, or have the operator watch all namespaces."
            ),
        }
    } else {
        Access::Denied
    }
}

/// Nobody has seen an object of this key: there is none, or its namespace is not watched.
fn unseen(key: &ObjectKey, known: &Known) -> Access {
    if !known.is_unwatched(&ClusterRead::Object(key.clone())) {
        return Access::Denied;
    }
    Access::NotWatched {
        because: format!(
            "The operator does not watch the namespace of {key}. Add {} to its --watch-namespaces (watchNamespaces in the chart's values), or name an object of a namespace that it watches.",
            key.namespace
        ),
    }
}

/// The place that a reference to a registry stands for.
pub fn registry_place(reference: &Reference, home: &str, known: &mut Known) -> Place {
    let key = ObjectKey::meant::<Registry>(reference, home);
    let found = find_registry(reference, home, known);
    match (access(&key, found.as_deref(), home, known), found) {
        (Access::Granted, Some(it)) => {
            if let Err(because) = known.acting(&it.home(), it.spec.credentials.as_ref(), &it.id()) {
                return Place::NotServed { what: key.to_string(), because };
            }
            let place = Place::registry(key.to_string(), it.id(), &it.spec, &it.current(), it.is_deleting());
            place.told_to(home, &it.home(), &it.current().conditions)
        }
        (Access::NotWatched { because }, _) => Place::NotWatched { because },
        _ => Place::Missing { what: key.to_string() },
    }
}

/// The place that a reference to a workspace stands for.
pub fn workspace_place(reference: &Reference, home: &str, known: &mut Known) -> Place {
    let key = ObjectKey::meant::<Workspace>(reference, home);
    let found = find_workspace(reference, home, known);
    match (access(&key, found.as_deref(), home, known), found) {
        (Access::Granted, Some(it)) => {
            if let Err(because) = known.acting(&it.home(), it.spec.credentials.as_ref(), &it.id()) {
                return Place::NotServed { what: key.to_string(), because };
            }
            let policy = policy_of(&it, known);
            let place = Place::workspace(key.to_string(), it.id(), policy, &it.current(), it.is_deleting());
            place.told_to(home, &it.home(), &it.current().conditions)
        }
        (Access::NotWatched { because }, _) => Place::NotWatched { because },
        _ => Place::Missing { what: key.to_string() },
    }
}

/// The Prometheus that a reference stands for, and as whom it is asked; or why it cannot be asked, in sentences that say what to do.
pub fn provider(
    reference: &Reference,
    home: &str,
    known: &mut Known,
) -> Result<(Principal, Provider), String> {
    let key = ObjectKey::meant::<MetricProvider>(reference, home);
    let found = known.object::<MetricProvider>(key.clone());
    match (access(&key, found.as_deref(), home, known), found) {
        (Access::Granted, Some(it)) => it.server(),
        (Access::NotWatched { because }, _) => Err(because),
        _ => Err(format!(
            "There is no {key}, or its allowedNamespaces do not include this namespace. Apply it, or have its owner let this namespace in."
        )),
    }
}

/// May an endpoint in this workspace be taken down?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// Yes, as far as the workspace is asked.
    Allowed,
    /// No, by the word of this Workspace.
    Forbidden {
        /// `Workspace team-a/production`.
        by: String,
    },
    /// The Workspace that could say it is not there.
    NobodyCanSay,
}

/// What the workspace at `id`, which a reference from `home` means, says of taking down an endpoint that is in it. Where several
/// objects stand for the workspace, one that forbids it is enough: otherwise a second object would undo the word of the first.
pub fn removal(reference: &Reference, id: &ResourceId, home: &str, known: &mut Known) -> Removal {
    let forbids = |it: &Workspace| it.spec.policy.endpoint_deletion == Some(EndpointDeletion::Forbid);
    let named = find_workspace(reference, home, known).filter(|it| it.id() == *id);
    if let Some(it) = named.as_ref().filter(|it| forbids(it)) {
        return Removal::Forbidden { by: it.key().to_string() };
    }
    for other in known.rivals::<Workspace>(Name::resource(id.as_str()), Rivals::Everywhere) {
        // Whom Azure keeps out has no say about what is there, and neither has who has no claim against the named one.
        let stands = other.id() == *id
            && other.let_in(known) == Some(Right::Granted)
            && named.as_ref().is_none_or(|named| !named.outranks(&other));
        if stands && forbids(&other) {
            // What there is in other namespaces is not theirs to know.
            return Removal::Forbidden { by: "Another Workspace object for the same workspace".into() };
        }
    }
    if named.is_some() { Removal::Allowed } else { Removal::NobodyCanSay }
}

/// The policy of a workspace, with the registries that it names: by references from the workspace's own namespace.
pub fn policy_of(workspace: &Workspace, known: &mut Known) -> Policy {
    let (written, home) = (&workspace.spec.policy, workspace.home());
    // An alternative that this version does not know is nowhere.
    let mut place = |registry: &Option<Reference>, this: bool| {
        let Some(reference) = registry else { return this.then(|| workspace.id()) };
        find_registry(reference, &home, known).filter(|r| may_refer(&**r, &home, known)).map(|r| r.id())
    };
    let sources = written.sources.iter().map(|source| Source {
        name: source.name.clone(),
        place: place(&source.registry_ref, source.this_workspace.is_some()),
        models: source.models.clone(),
    });
    Policy {
        sources: sources.collect(),
        lineage: written.lineage.as_ref().map(|lineage| lineage.require),
        gates: written.gates.clone(),
        approvals: written.approvals.clone(),
        windows: written.windows.clone(),
        soak: written.soak.as_ref().map(|soak| Soaking {
            places: soak.places.iter().map(|reference| soak_place(reference, &home, known)).collect(),
            period: soak.period.clone(),
        }),
        tier: workspace.spec.tier.clone(),
        deployment: written.deployment.clone(),
    }
}

/// A workspace in which a version may have served, by a reference from the namespace of the workspace that asks.
fn soak_place(reference: &Reference, home: &str, known: &mut Known) -> SoakPlace {
    let key = ObjectKey::meant::<Workspace>(reference, home);
    let closed = match find_workspace(reference, home, known) {
        None if known.is_unwatched(&ClusterRead::Object(key.clone())) => {
            Some("the operator does not watch its namespace")
        }
        Some(it) if may_refer(&*it, home, known) => {
            is_contested(Some(&*it)).then_some("it is being deleted, or in Conflict")
        }
        _ => Some("there is none of this name, or it does not allow the namespace of this Workspace"),
    };
    SoakPlace { key, closed }
}

/// Keeps an object with the resource that it made, when its reference means another place: the place that it names was made
/// again for another one, or the namespace of the reference has come or gone. Then `id` becomes where the resource was
/// [`remembered`] to be (`made`), and the answer is where the reference leads. It counts only while it is there and carries
/// the owner tag of the object; where it cannot be read, it may be there.
pub fn stay_with_what_was_made<K: Kind, T: DeserializeOwned>(
    object: &K,
    id: &mut Option<ResourceId>,
    made: Option<ResourceId>,
    ours: impl FnOnce(&T) -> bool,
    known: &mut Known,
) -> Option<ResourceId> {
    let made = made?;
    id.as_ref().filter(|id| **id != made)?;
    if object.acting(&made, known).is_err() {
        return id.replace(made);
    }
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
    let found = known.object::<ModelVersion>(key.clone());
    let access = match &found {
        None => unseen(&key, known),
        Some(_) if &*key.namespace == home => Access::Granted,
        Some(found) => governed(found, home, known),
    };
    match (access, found) {
        (Access::Granted, Some(it)) => {
            let place = place_of(&it, known);
            // Nothing begins with what is in a place that is closed.
            let closed = place.as_ref().is_some_and(|(_, closed)| *closed);
            let goes = it.is_deleting() || closed;
            let place = place.map(|(place, _)| (it.acting(&place, known), place));
            SourceVersion::of(key.to_string(), place, &it.spec, it.current(), goes)
        }
        (Access::NotWatched { because }, _) => SourceVersion::NotWatched { because },
        _ => SourceVersion::Missing { what: key.to_string() },
    }
}

/// What manifests say of the end of a version's use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ending {
    /// When it goes out of use: the earliest.
    pub retirement: Option<Retirement>,
    /// It is to be archived.
    pub archived: bool,
}

/// Whether and when a version that a reference from `home` means goes out of use: by the word of the object that is named, and of
/// any other object for the same version whose namespace may publish there. Whether that object is Ready does not matter: a
/// suspended one, or one that Azure refuses for a moment, still says that the version is out of use.
pub fn ending(reference: &Reference, id: &ResourceId, home: &str, known: &mut Known) -> Ending {
    let named = known.object::<ModelVersion>(ObjectKey::meant::<ModelVersion>(reference, home));
    let Some(named) = named else { return Ending::default() };
    let ends = |name| match name {
        Name::Resource(path) => Some(Name::ending(&path)),
        _ => None,
    };
    let name = named.names().into_iter().find_map(ends);
    let mut all = name.map(|name| known.naming::<ModelVersion>(name)).unwrap_or_default();
    all.retain(|it| !it.is_let_go() && it.key() != named.key());
    all.retain(|it| it.target(known).as_ref() == Some(id) && it.let_in(known) == Some(Right::Granted));
    all.push(named);
    Ending {
        archived: all.iter().any(|it| it.spec.archived == Some(true)),
        retirement: all.into_iter().filter_map(|it| it.spec.retirement.clone()).min_by_key(|it| it.at),
    }
}

/// Why the identity of a version's place does not publish it into this registry for an object of `home`; none where it does.
///
/// Whoever promotes lets two places act. The identity of the first one publishes only for its own namespace, into registries of
/// its own namespace, or where it may act anyhow: else a reference would lend it to everybody who can write a Registry.
pub fn refuses_to_publish(
    source: &Reference,
    registry: &Reference,
    home: &str,
    known: &mut Known,
) -> Option<(Reason, String)> {
    let source = known.object::<ModelVersion>(ObjectKey::meant::<ModelVersion>(source, home))?;
    let from = find_workspace(source.spec.workspace_ref.as_ref()?, &source.home(), known)?;
    let into = find_registry(registry, home, known)?;
    if source.let_in(known) != Some(Right::Granted) {
        return Some((
            Reason::NotAPublisher,
            format!(
                "{} may not publish in {}, which it only looks at, so nothing is promoted from there for it. Have the owner of that place add its namespace to spec.publishers.",
                source.key(),
                from.key()
            ),
        ));
    }
    let first = from.acting(&from.id(), known).ok()?;
    let same = into.acting(&into.id(), known).as_ref() == Ok(&first);
    let listed = first == Principal::Operator && known.acting(&into.home(), None, &into.id()).is_ok();
    let may = same || listed || from.home() == home || from.home() == into.home();
    (!may).then(|| {
        (
            Reason::IdentityNotAllowed,
            format!(
                "The identity of {} does not publish into {}: the two have to be in one namespace or act as the same identity. Promote into a registry of the namespace {}, or from a workspace of this namespace.",
                from.key(),
                into.key(),
                from.home()
            ),
        )
    })
}

/// Does a registry only observe what another Registry object manages? Then it gives nobody a right there.
pub fn observes_anothers(registry: &Registry, known: &mut Known) -> bool {
    let (id, home) = (registry.id(), registry.home());
    registry.spec.management == Management::Observe
        && known.rivals::<Registry>(Name::resource(id.as_str()), Rivals::Outside(home.into())).iter().any(
            |other| {
                other.id() == id
                    && other.spec.management == Management::Manage
                    && other.let_in(known) == Some(Right::Granted)
            },
        )
}

/// The place that a version lives in, where that lets it in, and whether it is contested. The version's own status is not
/// asked: whoever may write a status could make it another's version.
fn place_of(version: &ModelVersion, known: &mut Known) -> Option<(ResourceId, bool)> {
    let home = version.home();
    if let Some(reference) = &version.spec.registry_ref {
        return find_registry(reference, &home, known)
            .filter(|r| may_refer(&**r, &home, known))
            .map(|r| (r.id(), is_contested(Some(&*r))));
    }
    find_workspace(version.spec.workspace_ref.as_ref()?, &home, known)
        .filter(|w| may_refer(&**w, &home, known))
        .map(|w| (w.id(), is_contested(Some(&*w))))
}

/// Does the registry that a version lives in let `home` use it?
fn governed(version: &ModelVersion, home: &str, known: &mut Known) -> Access {
    let Some(reference) = &version.spec.registry_ref else { return Access::Denied };
    let key = ObjectKey::meant::<Registry>(reference, &version.home());
    let registry = find_registry(reference, &version.home(), known);
    access(&key, registry.as_deref(), home, known)
}
