//! What a version's decision needs to know.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::lineage::METRICS;
use super::{Facts, Material, Origin, Proof, decisions, job_of, job_to_read, wants_lineage};
use crate::api::{
    DeploymentBinding, Gate, Management, ModelVersion, ModelVersionSpec, ModelVersionStatus, Object,
    ObjectKey, Reference, Registry, ServedBy, Workspace,
};
use crate::azure::model::resource::{self, Job};
use crate::azure::model::{Principal, Purpose, ResourceId, folded};
use crate::decide::drift::unite;
use crate::decide::facts::{Counted, Kind, Known, Name, Rivals};
use crate::decide::gate::Champions;
use crate::decide::places::publishers::{Published, adopting, right};
use crate::decide::places::reference::{
    acting_in, ending, find_registry, find_workspace, is_contested, observes_anothers, refuses_to_publish,
    registry_place, remembered, stay_with_what_was_made, version, workspace_place,
};
use crate::decide::{Adopting, Look, OWNER_TAG, Place, Right, Situation, SourceVersion, elapsed, words_of};

/// How many sources of sources are followed.
const LONGEST_CIRCLE: usize = 8;

/// How many pipelines around a job are looked for.
const DEEPEST_PIPELINE: usize = 5;

/// For how long after a version was registered its job may still come to be known.
const JOB_MAY_COME: Duration = Duration::from_secs(3600);

/// How many versions are looked at that are promoted from one another.
const COPIES: usize = 50;

/// What a status may hold of deployments.
const SERVED_BY: usize = 50;

impl Kind for ModelVersion {
    type Facts = Facts;

    fn target(&self, known: &mut Known) -> Option<ResourceId> {
        let (spec, home) = (&self.spec, self.home());
        let place = match (&spec.registry_ref, &spec.workspace_ref) {
            (Some(registry), _) => find_registry(registry, &home, known).map(|r| r.id()),
            (None, Some(workspace)) => find_workspace(workspace, &home, known).map(|w| w.id()),
            (None, None) => None,
        };
        // When the place is gone, the status still says where the version is.
        place.map(|id| id.model_version(&spec.model, &spec.version)).or_else(|| made(self))
    }

    fn acting(&self, at: &ResourceId, known: &mut Known) -> Result<Principal, String> {
        let home = self.home();
        match (&self.spec.registry_ref, &self.spec.workspace_ref) {
            (Some(place), _) => {
                acting_in(find_registry(place, &home, known).as_deref(), place, &home, at, known)
            }
            (None, Some(place)) => {
                acting_in(find_workspace(place, &home, known).as_deref(), place, &home, at, known)
            }
            (None, None) => known.acting(&home, None, at),
        }
    }

    fn let_in(&self, known: &mut Known) -> Option<Right> {
        let (spec, home) = (&self.spec, self.home());
        let what = Published::Model(&spec.model);
        match (&spec.registry_ref, &spec.workspace_ref) {
            (Some(place), _) => {
                let place = find_registry(place, &home, known);
                if place.as_ref().is_some_and(|it| observes_anothers(it, known)) {
                    return Some(Right::unless(place.map(|it| only_observed(&it))));
                }
                right(place.as_deref(), what, &home, known)
            }
            (None, Some(place)) => right(find_workspace(place, &home, known).as_deref(), what, &home, known),
            (None, None) => None,
        }
    }

    fn adopting(&self, known: &mut Known) -> Adopting {
        let home = self.home();
        match (&self.spec.registry_ref, &self.spec.workspace_ref) {
            (Some(place), _) => adopting(find_registry(place, &home, known).as_deref()),
            (None, Some(place)) => adopting(find_workspace(place, &home, known).as_deref()),
            (None, None) => Adopting::default(),
        }
    }

    fn place_is_contested(&self, known: &mut Known) -> bool {
        let home = self.home();
        match (&self.spec.registry_ref, &self.spec.workspace_ref) {
            (Some(registry), _) => is_contested(find_registry(registry, &home, known).as_deref()),
            (None, Some(workspace)) => is_contested(find_workspace(workspace, &home, known).as_deref()),
            (None, None) => false,
        }
    }

    fn names(&self) -> Vec<Name> {
        let (spec, home) = (&self.spec, self.home());
        // A version and its promotion have one path below two places, of which only one can be a registry.
        let path = format!("{}/-/models/{}/versions/{}", kind_of_place(self), spec.model, spec.version);
        let mut names = vec![Name::resource(&path)];
        let ends = spec.retirement.is_some() || spec.archived == Some(true);
        names.extend(ends.then(|| Name::ending(&path)));
        let registry = spec.registry_ref.as_ref().map(|r| ObjectKey::meant::<Registry>(r, &home));
        let workspace = spec.workspace_ref.as_ref().map(|r| ObjectKey::meant::<Workspace>(r, &home));
        names.extend(registry.or(workspace).map(Name::Place));
        let source = spec.source.model_version_ref.as_ref();
        names.extend(source.map(|it| Name::Source(ObjectKey::meant::<Self>(it, &home))));
        names
    }

    fn counted(before: &ModelVersionStatus, after: &ModelVersionStatus) -> Vec<Counted> {
        Counted::drift(&before.drift, &after.drift)
    }

    fn outward(&self) -> String {
        let status = self.current();
        format!(
            "{}{:?}{:?}{:?}{:?}{}",
            words_of(&status.conditions),
            status.gates,
            status.asset_id,
            status.created_at,
            status.lineage,
            status.archived
        )
    }

    fn claim(&self) -> Option<&str> {
        self.status.as_ref()?.id.as_deref()
    }

    fn inherit(heir: &mut ModelVersionStatus, owner: &ModelVersionStatus) {
        unite(&mut heir.owned_tags, &owner.owned_tags);
        unite(&mut heir.owned_properties, &owner.owned_properties);
    }

    fn gather(&self, mut situation: Situation, known: &mut Known) -> Facts {
        let (spec, mut status, home) = (&self.spec, self.current(), self.home());
        let place = match (&spec.registry_ref, &spec.workspace_ref) {
            (Some(registry), _) => registry_place(registry, &home, known),
            (None, Some(workspace)) => workspace_place(workspace, &home, known),
            (None, None) => Place::Missing { what: "place".into() },
        };
        let mut id = self.target(known);
        let ours = |v: &resource::ModelVersion| situation.ownership.owns(&v.properties.tags);
        // Whom its place keeps from looking is led nowhere by a status either.
        let made = made(self).filter(|_| !situation.is_kept_from_looking(&place));
        let led_away = stay_with_what_was_made(self, &mut id, made, ours, known);
        let unreadable = situation.trouble.unreadable.clone();
        let may_look = id.as_ref().is_some_and(|id| self.acting(id, known).is_ok())
            && place.may_be_read(situation.deleting)
            && !situation.is_kept_from_looking(&place);
        let found = match id.as_ref().filter(|_| may_look) {
            Some(id) => {
                let found = known.resource::<resource::ModelVersion>(Purpose::Compare, id);
                situation.look(id, &format!("version {}:{}", spec.model, spec.version), found)
            }
            None => Look::Unseen,
        };
        situation.looked(&found);
        let tags = found.found().map(|v| &v.properties.tags);
        situation.read_tags(self, tags, known);
        // What was made again under its number is another version, and comes from elsewhere.
        let made = |v: &resource::ModelVersion| v.created().zip(status.created_at);
        if found.found().and_then(made).is_some_and(|(now, before)| now != before) {
            (status.lineage, status.traced_at) = (None, None);
        }
        let asset_id = id.as_ref().map(ResourceId::asset_id);
        let source = spec.source.model_version_ref.as_ref().map(|r| in_use(r, &home, known));
        match (&source, situation.operation.remembered.as_ref().map(|operation| operation.purpose)) {
            // A publish goes on where the source is.
            (Some(SourceVersion::Ready { acting, .. }), Some(Purpose::Publish)) => {
                situation.follow_as(acting, may_look, known);
            }
            _ => situation.follow(may_look, known),
        }
        let copied_by_us = made_by_publish(found.found(), source.as_ref(), id.as_ref(), &situation, known);
        let lends_nothing = match (&spec.source.model_version_ref, &spec.registry_ref) {
            (Some(source), Some(registry)) => refuses_to_publish(source, registry, &home, known),
            _ => None,
        };
        let copied = status.publishing.is_some() && !tags.is_some_and(|tags| situation.ownership.owns(tags));
        let source_proof = match source.as_ref().filter(|_| copied && found.found().is_some()) {
            Some(source) => Proof::read(source, known),
            None => Proof::Unseen(None),
        };
        let circle = if found.is_absent() { circle(self, known) } else { vec![] };
        let to = id.as_ref().filter(|_| found.is_absent() && circle.is_empty());
        let copy = Material::gather(source.as_ref(), to, &status, unreadable.as_ref(), &mut situation, known);
        let job = id.as_ref().and_then(|id| match found.found() {
            Some(found) => job_of(found, id),
            None => job_to_read(spec, id),
        });
        let job = job.filter(|_| !situation.deleting && !matches!(found, Look::Unseen));
        let asked_metrics = asked_metrics(self, job.is_some() && may_lack_metrics(&status), known);
        let traced = id.as_ref().zip(job).filter(|_| wants_lineage(&status, &asked_metrics));
        let origin = traced.map(|(id, job)| lineage(self, id, &job, found.found(), situation.now, known));
        let origin = origin.unwrap_or_default();
        let served_by = asset_id.as_deref().map(|asset| served_by(asset, known)).unwrap_or_default();
        let champions = champions(spec, &home, known);
        let now = situation.now;
        let approvals = id.as_ref().zip(asset_id.as_deref());
        let approvals =
            approvals.map(|(id, asset)| decisions::gather(self, id, asset, now, known)).unwrap_or_default();
        let spec = spec.clone();
        Facts {
            situation,
            spec,
            status,
            place,
            id,
            led_away,
            asset_id,
            source,
            circle,
            version: found,
            copied_by_us,
            copy,
            lends_nothing,
            source_proof,
            origin,
            asked_metrics,
            served_by,
            champions,
            approvals,
        }
    }
}

/// What the gates are held against that compare, by the gate's name.
fn champions(spec: &ModelVersionSpec, home: &str, known: &mut Known) -> BTreeMap<String, Champions> {
    let of = |gate: &Gate| {
        let against = gate.against.as_ref()?;
        let scope = against.scope.unwrap_or_default();
        Some((gate.name.clone(), Champions::of(home, &against.binding_ref.name, scope, known)))
    };
    spec.gates.iter().filter_map(of).collect()
}

/// Why nobody publishes by way of a registry that another object manages.
fn only_observed(registry: &Registry) -> String {
    format!(
        "{} only observes a registry that another Registry object manages, so nobody publishes by way of it. Name that object in spec.registryRef of a new ModelVersion, or set spec.management to Observe",
        registry.key()
    )
}

fn kind_of_place(version: &ModelVersion) -> &'static str {
    if version.spec.registry_ref.is_some() { "registries" } else { "workspaces" }
}

/// Was a version of a registry that has no owner of its own made by the identity that publishes from the source?
fn made_by_publish(
    found: Option<&resource::ModelVersion>,
    source: Option<&SourceVersion>,
    id: Option<&ResourceId>,
    situation: &Situation,
    known: &mut Known,
) -> bool {
    // A copy from another registry carries our tag from the beginning.
    let Some((found, SourceVersion::Ready { acting, registry: None, .. })) = found.zip(source) else {
        return false;
    };
    let in_registry = id.is_some_and(|id| id.segment("registries").is_some());
    let Some(by) = found.created_by().filter(|_| in_registry) else { return false };
    // Who it belongs to is asked only where no tag says it. What somebody has described is theirs; a publish may take along the
    // tags of its source, with the owner's among them.
    let tags = &found.properties.tags;
    let bare = tags.is_empty() || tags.contains_key(OWNER_TAG);
    bare && !situation.ownership.owns(tags) && known.names_of(acting).iter().any(|name| name == by)
}

/// The version that a reference means, and whether it goes out of use.
fn in_use(reference: &Reference, home: &str, known: &mut Known) -> SourceVersion {
    let mut found = version(reference, home, known);
    if let SourceVersion::Ready { id, retirement, archived, .. } = &mut found {
        let ends = ending(reference, id, home, known);
        *retirement = ends.retirement;
        *archived |= ends.archived;
    }
    found
}

/// Where the version was when its status was written.
fn made(version: &ModelVersion) -> Option<ResourceId> {
    let (spec, status) = (&version.spec, version.status.as_ref()?);
    let path = format!("/models/{}/versions/{}", spec.model, spec.version);
    remembered(status.id.as_deref(), kind_of_place(version), &path)
}

/// The objects through which the sources of a version lead back to it, itself at both ends; none where they do not.
pub fn circle(object: &ModelVersion, known: &mut Known) -> Vec<String> {
    let mut names = vec![object.full_name()];
    let mut at = (object.spec.source.model_version_ref.clone(), object.home());
    while let (Some(reference), home) = at {
        let key = ObjectKey::meant::<ModelVersion>(&reference, &home);
        // What may not be known of is not named.
        if matches!(version(&reference, &home, known), SourceVersion::Missing { .. }) {
            return vec![];
        }
        let Some(next) = known.object::<ModelVersion>(key) else { return vec![] };
        names.push(next.full_name());
        if next.full_name() == object.full_name() {
            return names;
        }
        if names.len() > LONGEST_CIRCLE {
            return vec![];
        }
        at = (next.spec.source.model_version_ref.clone(), next.home());
    }
    vec![]
}

/// The metrics that gates ask of the version's run, as many as may be kept: those of its own gates first, then those of the versions
/// that are promoted from it, then those of the gates of places. `elsewhere`: also what others ask.
fn asked_metrics(object: &ModelVersion, elsewhere: bool, known: &mut Known) -> Vec<String> {
    let of_version = |version: &ModelVersion| version.spec.gates.iter().map(|it| it.metric.clone()).collect();
    let mut asked: Vec<String> = of_version(object);
    if elsewhere {
        let mut copies = vec![object.key()];
        let mut at = 0;
        while let Some(source) = copies.get(at).cloned().filter(|_| at < COPIES) {
            for copy in known.naming::<ModelVersion>(Name::Source(source)) {
                if !copies.contains(&copy.key()) {
                    copies.push(copy.key());
                    asked.extend(of_version(&copy));
                }
            }
            at += 1;
        }
        for place in known.naming::<Workspace>(Name::Gates) {
            let gates = place.spec.policy.gates.iter().flat_map(|gates| &gates.define);
            asked.extend(gates.map(|it| it.metric.clone()));
        }
    }
    let mut first = BTreeSet::new();
    asked.retain(|metric| first.insert(metric.clone()));
    asked.truncate(METRICS);
    asked
}

/// Does it matter what gates ask: is the run not read yet, or were some of its metrics left out?
fn may_lack_metrics(status: &ModelVersionStatus) -> bool {
    let cut = status.lineage.as_ref().is_some_and(|lineage| lineage.metric_count.is_some());
    status.traced_at.is_none() || cut
}

/// The job that made the version, its run, and the pipelines that the job is a step of. What cannot be read is tried again at the
/// next comparison: a version is ready without it.
fn lineage(
    object: &ModelVersion,
    version: &ResourceId,
    job: &str,
    found: Option<&resource::ModelVersion>,
    now: Timestamp,
    known: &mut Known,
) -> Origin {
    let workspace = object.spec.workspace_ref.as_ref();
    let workspace = workspace.and_then(|r| find_workspace(r, &object.home(), known));
    // A job of the same name elsewhere is another job.
    let Some(workspace) = workspace.filter(|workspace| version.is_in(&workspace.id())) else {
        return Origin::default();
    };
    let (id, uri) = (workspace.id(), workspace.current().mlflow_tracking_uri);
    let run_of = |job: &str, known: &mut Known| match &uri {
        Some(uri) => known.run(uri, &id, job),
        None => Look::Absent, // a workspace without MLflow has no runs
    };
    let mut origin = Origin { job: job_named(&id, job, known), run: run_of(job, known), ..Origin::default() };
    // Azure registers the output of a job that it does not show yet.
    let is_old =
        |it: &resource::ModelVersion| it.created().is_some_and(|at| elapsed(at, now) >= JOB_MAY_COME);
    let settled = !origin.job.is_absent() || found.is_some_and(is_old);
    origin.whole = settled && origin.job.seen().is_some() && origin.run.seen().is_some();
    let mut parent = origin.run.found().and_then(|run| run.parent.clone());
    while let Some(name) = parent.filter(|name| *name != job && !origin.pipelines.contains(name)) {
        origin.pipelines.push(name.clone());
        if origin.pipelines.len() == DEEPEST_PIPELINE {
            break;
        }
        let outer = run_of(&name, known);
        origin.whole &= outer.seen().is_some();
        parent = outer.found().and_then(|run| run.parent.clone());
    }
    if let Some(outermost) = origin.pipelines.last() {
        origin.pipeline = job_named(&id, outermost, known);
        origin.whole &= origin.pipeline.seen().is_some();
    }
    origin
}

fn job_named(workspace: &ResourceId, name: &str, known: &mut Known) -> Look<Job> {
    match known.resource(Purpose::TraceLineage, &workspace.child("jobs", name)) {
        Some(Ok(Some(job))) => Look::Found(job),
        Some(Ok(None)) => Look::Absent,
        Some(Err(_)) | None => Look::Unseen,
    }
}

/// The deployments that hold an asset, from the status of the bindings. Of two bindings that show one endpoint, the one that
/// manages it counts.
fn served_by(asset: &str, known: &mut Known) -> Vec<ServedBy> {
    let mut all: BTreeMap<(String, String), (bool, ServedBy)> = BTreeMap::new();
    for binding in known.rivals::<DeploymentBinding>(Name::asset(asset), Rivals::Everywhere) {
        let (key, status) = (binding.key(), binding.current());
        let workspace = ObjectKey::meant::<Workspace>(&binding.spec.workspace_ref, &binding.home());
        let observes = binding.mode().1 == Management::Observe;
        let endpoint = status.endpoint.map_or_else(|| key.to_string(), |endpoint| folded(&endpoint.id));
        for deployment in status.deployments {
            if deployment.asset_id.as_deref().is_some_and(|a| folded(a) == folded(asset)) {
                let at = (endpoint.clone(), deployment.name.to_ascii_lowercase());
                let served = ServedBy {
                    namespace: key.namespace.to_string(),
                    name: key.name.to_string(),
                    endpoint: binding.spec.endpoint_name().to_string(),
                    deployment: deployment.name,
                    role: deployment.role,
                    workspace: Some(format!("{}/{}", workspace.namespace, workspace.name)),
                    tier: known.object::<Workspace>(workspace.clone()).and_then(|it| it.spec.tier.clone()),
                };
                let shown = all.entry(at).or_insert((observes, served.clone()));
                if (observes, &served) < (shown.0, &shown.1) {
                    *shown = (observes, served);
                }
            }
        }
    }
    let mut all: Vec<ServedBy> = all.into_values().map(|(_, served)| served).collect();
    all.sort();
    all.truncate(SERVED_BY);
    all
}
