use kube::runtime::reflector::Store;

use super::place::{find_registry, find_workspace, lets_in};
use super::{look, place, poll, settle};
use crate::api::{Management, ModelVersion, Period, Registry, ServedBy, Workspace};
use crate::azure::client::Azure;
use crate::azure::model::registry_asset_id;
use crate::azure::model::resource::{self, Job, Run};
use crate::azure::model::{Operation, ResourceId};
use crate::controller::context::{Context, Stores};
use crate::controller::kind::Kind;
use crate::controller::names::Name;
use crate::decide::model_version::{Facts, job_of, wants_lineage};
use crate::decide::{Look, Place, Situation};

/// What a status may hold of deployments.
const SERVED_BY: usize = 50;

/// The ARM id of a version, as far as its place is known; from its status otherwise.
fn version_id(object: &ModelVersion, stores: &Stores) -> Option<ResourceId> {
    let (spec, home) = (&object.spec, object.home());
    let place = match (&spec.registry_ref, &spec.workspace_ref) {
        (Some(registry), _) => find_registry(registry, &home, stores).map(|r| r.id()),
        (None, Some(workspace)) => find_workspace(workspace, &home, stores).map(|w| w.id()),
        (None, None) => None,
    };
    place
        .map(|id| id.model_version(&spec.model, &spec.version))
        .or_else(|| object.status.as_ref()?.id.clone().map(ResourceId::new))
}

impl Kind for ModelVersion {
    type Facts = Facts;

    fn store(stores: &Stores) -> &Store<Self> {
        &stores.versions
    }

    fn operation(&self) -> Option<Operation> {
        self.status.as_ref()?.operation.clone()
    }

    fn mode(&self) -> (bool, Management, Option<&Period>) {
        (self.spec.suspend, self.spec.management, self.spec.interval.as_ref())
    }

    fn target(&self, stores: &Stores) -> Option<ResourceId> {
        version_id(self, stores)
    }

    fn let_in(&self, stores: &Stores) -> bool {
        let home = self.home();
        if let Some(registry) = &self.spec.registry_ref {
            let place = find_registry(registry, &home, stores);
            return lets_in(place.as_deref(), |r| &r.spec.allowed_namespaces, &home, stores);
        }
        let place = self.spec.workspace_ref.as_ref().and_then(|w| find_workspace(w, &home, stores));
        lets_in(place.as_deref(), |w| &w.spec.allowed_namespaces, &home, stores)
    }

    fn names(&self) -> Vec<Name> {
        let (spec, home) = (&self.spec, self.home());
        let mut names = vec![Name::resource(&format!("models/{}/versions/{}", spec.model, spec.version))];
        names.extend(spec.registry_ref.as_ref().map(|r| Name::meant::<Registry>(r, &home)));
        names.extend(spec.workspace_ref.as_ref().map(|r| Name::meant::<Workspace>(r, &home)));
        names.extend(spec.source.model_version_ref.as_ref().map(|r| Name::meant::<Self>(r, &home)));
        names
    }

    async fn gather(&self, context: &Context, situation: Situation) -> Self::Facts {
        model_version(self, context, situation).await
    }
}

/// The facts of a model version.
async fn model_version(object: &ModelVersion, context: &Context, mut situation: Situation) -> Facts {
    let (azure, stores) = (&context.azure, &context.stores);
    let (spec, status, home) = (&object.spec, object.current(), object.home());
    let place = match (&spec.registry_ref, &spec.workspace_ref) {
        (Some(registry), _) => place::registry_place(registry, &home, stores),
        (None, Some(workspace)) => place::workspace_place(workspace, &home, stores),
        (None, None) => Place::Missing { what: "place".into() },
    };
    let id = version_id(object, stores);
    let may_look = matches!(place, Place::Ready { .. }) || (situation.deleting && id.is_some());
    let version = match id.as_ref().filter(|_| may_look) {
        Some(id) => look(&mut situation, id, &place::named(object), azure.get(id).await),
        None => Look::Unseen,
    };
    settle(&mut situation, &version);
    situation.operation = poll(azure, object.operation(), may_look).await;
    let asset_id = id.as_ref().map(|id| match id.segment("registries") {
        Some(registry) => registry_asset_id(registry, &spec.model, &spec.version),
        None => id.to_string(),
    });
    let source = spec.source.model_version_ref.as_ref().map(|r| place::version(r, &home, stores));
    let (mut job, mut run) = (Look::Unseen, Look::Unseen);
    if !situation.deleting && wants_lineage(&status) && !matches!(version, Look::Unseen) {
        (job, run) = lineage(azure, object, stores, version.found()).await;
    }
    let served_by = asset_id.as_deref().map(|asset| served_by(asset, stores)).unwrap_or_default();
    Facts { situation, spec: spec.clone(), status, place, id, asset_id, source, version, job, run, served_by }
}

/// The job that made the version, and its run. What cannot be read is tried again at the next
/// comparison: a version is ready without it.
async fn lineage(
    azure: &Azure,
    object: &ModelVersion,
    stores: &Stores,
    found: Option<&resource::ModelVersion>,
) -> (Look<Job>, Look<Run>) {
    let unseen = (Look::Unseen, Look::Unseen);
    let job = match found {
        Some(version) => job_of(&object.spec, version),
        None => object.spec.source.job.as_ref().map(|j| j.name.clone()), // about to be registered
    };
    let workspace =
        object.spec.workspace_ref.as_ref().and_then(|r| find_workspace(r, &object.home(), stores));
    let (Some(job), Some(workspace)) = (job, workspace) else { return unseen };
    let id = workspace.id();
    let found = azure.get(&id.child("jobs", &job)).await.ok().flatten();
    let run = match workspace.current().mlflow_tracking_uri {
        Some(uri) => azure.run(&uri, &id, &job).await.ok().flatten(),
        None => None,
    };
    (found.map_or(Look::Unseen, Look::Found), run.map_or(Look::Unseen, Look::Found))
}

/// The deployments that hold an asset, from the status of the bindings.
pub(in crate::controller) fn served_by(asset: &str, stores: &Stores) -> Vec<ServedBy> {
    let holds = |d: &crate::api::DeploymentStatus| {
        d.asset_id.as_deref().is_some_and(|a| a.eq_ignore_ascii_case(asset))
    };
    let bindings =
        stores.bindings.state_filter(|b| b.status.as_ref().is_some_and(|s| s.deployments.iter().any(holds)));
    let mut all: Vec<ServedBy> = bindings
        .iter()
        .flat_map(|b| {
            let status = b.current();
            let holding: Vec<_> = status.deployments.into_iter().filter(holds).collect();
            holding.into_iter().map(|d| ServedBy {
                binding: b.full_name(),
                endpoint: b.spec.online.endpoint.name.clone(),
                deployment: d.name,
                role: d.role,
            })
        })
        .collect();
    all.sort();
    all.truncate(SERVED_BY);
    all
}
