//! The four kinds as the shell carries them: their facts, gathered as the controller gathers them.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::cluster::{Cluster, HOME, Object, Table};
use super::world::World;
use crate::api::{
    AllowedNamespaces, DeploymentBinding, DeploymentBindingSpec, DeploymentBindingStatus, Management,
    ModelVersion, ModelVersionSpec, ModelVersionStatus, Period, Reference, Registry, RegistrySpec,
    RegistryStatus, ServedBy, Workspace, WorkspaceSpec, WorkspaceStatus,
};
use crate::azure::model::registry_asset_id;
use crate::azure::model::resource::{OnlineDeployment, OnlineEndpoint, Provisioning};
use crate::azure::model::{Error, Operation, ResourceId};
use crate::decide::{
    Facts, Followed, Look, Place, Situation, SourceVersion, deployment_binding, look, model_version,
    registry, settle, workspace,
};

/// What differs between the kinds for the shell.
pub trait Kind: Sized + 'static {
    type Spec: Clone + PartialEq + std::fmt::Debug;
    type Status: Clone + PartialEq + std::fmt::Debug;
    type Facts: Facts<Status = Self::Status> + Clone;
    const WORD: &'static str;

    fn table(cluster: &Cluster) -> &Table<Self>;
    fn table_mut(cluster: &mut Cluster) -> &mut Table<Self>;
    /// The schema's default.
    fn no_status() -> Self::Status;
    fn settings(spec: &Self::Spec) -> (bool, Management, Option<&Period>);
    fn conditions(status: &Self::Status) -> &[Condition];
    fn target(object: &Object<Self>, cluster: &Cluster) -> Option<ResourceId>;
    /// Does its place let it lay claim to what is there? Where the place is gone, its status tells.
    fn let_in(_: &Object<Self>, _: &Cluster) -> bool {
        true
    }
    fn gather(world: &mut World, object: &Object<Self>, situation: Situation) -> Self::Facts;
    /// What the invariants need to know of the facts of a call.
    fn evidence(facts: &Self::Facts) -> Evidence<'_>;

    fn interval(spec: &Self::Spec) -> Duration {
        Self::settings(spec).2.map_or(Duration::from_secs(600), Period::duration)
    }
}

/// The facts of a call, whatever the kind.
pub enum Evidence<'a> {
    Registry(&'a registry::Facts),
    Workspace,
    Version(&'a model_version::Facts),
    Binding(&'a deployment_binding::Facts),
}

macro_rules! common {
    ($table:ident, $spec:ty, $status:ident, $facts:ty) => {
        type Spec = $spec;
        type Status = $status;
        type Facts = $facts;
        const WORD: &'static str = stringify!($table);

        fn table(cluster: &Cluster) -> &Table<Self> {
            &cluster.$table
        }

        fn table_mut(cluster: &mut Cluster) -> &mut Table<Self> {
            &mut cluster.$table
        }

        fn no_status() -> $status {
            $status { observed_generation: -1, ..$status::default() }
        }

        fn conditions(status: &$status) -> &[Condition] {
            &status.conditions
        }
    };
}

impl Kind for Registry {
    common!(registries, RegistrySpec, RegistryStatus, registry::Facts);

    fn settings(spec: &RegistrySpec) -> (bool, Management, Option<&Period>) {
        (spec.suspend, spec.management, spec.interval.as_ref())
    }

    fn target(object: &Object<Self>, _: &Cluster) -> Option<ResourceId> {
        Some(registry_id(object))
    }

    fn gather(world: &mut World, object: &Object<Self>, mut situation: Situation) -> registry::Facts {
        let id = registry_id(object);
        situation.operation = poll(world, object.status.operation.as_ref(), true);
        let got = world.get(&id);
        let registry = look(&mut situation, &id, "the registry", got);
        let (mut holds, mut referrers) = (vec![], vec![]);
        if situation.deleting && registry.found().is_some() {
            holds = world.cloud.holds(&id);
            let lives_here = |v: &&Object<ModelVersion>| {
                v.spec.registry_ref.as_ref().is_some_and(|r| r.name == object.name)
            };
            referrers =
                world.cluster.versions.cache.values().filter(lives_here).map(Object::full_name).collect();
        }
        settle(&mut situation, &registry);
        registry::Facts {
            situation,
            spec: object.spec.clone(),
            status: object.status.clone(),
            id,
            registry,
            holds,
            referrers,
        }
    }

    fn evidence(facts: &registry::Facts) -> Evidence<'_> {
        Evidence::Registry(facts)
    }
}

impl Kind for Workspace {
    common!(workspaces, WorkspaceSpec, WorkspaceStatus, workspace::Facts);

    fn settings(spec: &WorkspaceSpec) -> (bool, Management, Option<&Period>) {
        (false, Management::Observe, spec.interval.as_ref())
    }

    fn target(object: &Object<Self>, _: &Cluster) -> Option<ResourceId> {
        Some(workspace_id(object))
    }

    fn gather(world: &mut World, object: &Object<Self>, mut situation: Situation) -> workspace::Facts {
        let id = workspace_id(object);
        let got = world.get(&id);
        let workspace = look(&mut situation, &id, "the workspace", got);
        settle(&mut situation, &workspace);
        workspace::Facts {
            situation,
            spec: object.spec.clone(),
            status: object.status.clone(),
            id,
            workspace,
        }
    }

    fn evidence(_: &workspace::Facts) -> Evidence<'_> {
        Evidence::Workspace
    }
}

impl Kind for ModelVersion {
    common!(versions, ModelVersionSpec, ModelVersionStatus, model_version::Facts);

    fn settings(spec: &ModelVersionSpec) -> (bool, Management, Option<&Period>) {
        (spec.suspend, spec.management, spec.interval.as_ref())
    }

    fn target(object: &Object<Self>, cluster: &Cluster) -> Option<ResourceId> {
        let place = match (&object.spec.registry_ref, &object.spec.workspace_ref) {
            (Some(r), _) => cluster.registries.cache.get(&r.name).map(registry_id),
            (None, Some(w)) => cluster.workspaces.cache.get(&w.name).map(workspace_id),
            (None, None) => None,
        };
        place
            .map(|id| id.model_version(&object.spec.model, &object.spec.version))
            .or_else(|| object.status.id.clone().map(ResourceId::new))
    }

    fn gather(world: &mut World, object: &Object<Self>, mut situation: Situation) -> model_version::Facts {
        let spec = &object.spec;
        let place = match (&spec.registry_ref, &spec.workspace_ref) {
            (Some(r), _) => registry_place(&world.cluster, object.home(), r),
            (None, w) => workspace_place(&world.cluster, object.home(), w.as_ref()),
        };
        let id = Self::target(object, &world.cluster);
        let may_look = matches!(place, Place::Ready { .. }) || (situation.deleting && id.is_some());
        let version = match id.as_ref().filter(|_| may_look) {
            Some(id) => {
                let got = world.get(id);
                look(&mut situation, id, "the version", got)
            }
            None => Look::Unseen,
        };
        settle(&mut situation, &version);
        situation.operation = poll(world, object.status.operation.as_ref(), may_look);
        let asset_id = id.as_ref().map(|id| match id.segment("registries") {
            Some(registry) => registry_asset_id(registry, &spec.model, &spec.version),
            None => id.to_string(),
        });
        let source = spec.source.model_version_ref.as_ref().map(|r| version_of(&world.cluster, r));
        let served_by = asset_id.as_deref().map(|a| served_by(&world.cluster, a)).unwrap_or_default();
        model_version::Facts {
            situation,
            spec: spec.clone(),
            status: object.status.clone(),
            place,
            id,
            asset_id,
            source,
            version,
            job: Look::Unseen,
            run: Look::Unseen,
            served_by,
        }
    }

    fn evidence(facts: &model_version::Facts) -> Evidence<'_> {
        Evidence::Version(facts)
    }
}

impl Kind for DeploymentBinding {
    common!(bindings, DeploymentBindingSpec, DeploymentBindingStatus, deployment_binding::Facts);

    fn settings(spec: &DeploymentBindingSpec) -> (bool, Management, Option<&Period>) {
        (spec.suspend, spec.management, spec.interval.as_ref())
    }

    fn target(object: &Object<Self>, cluster: &Cluster) -> Option<ResourceId> {
        let workspace = cluster.workspaces.cache.get(&object.spec.workspace_ref.name);
        workspace
            .map(|w| workspace_id(w).child("onlineEndpoints", &object.spec.online.endpoint.name))
            .or_else(|| object.status.endpoint.as_ref().map(|e| ResourceId::new(e.id.clone())))
    }

    fn let_in(object: &Object<Self>, cluster: &Cluster) -> bool {
        let workspace = cluster.workspaces.cache.get(&object.spec.workspace_ref.name);
        workspace.is_none_or(|w| allows(&w.spec.allowed_namespaces, object.home()))
    }

    fn gather(
        world: &mut World,
        object: &Object<Self>,
        mut situation: Situation,
    ) -> deployment_binding::Facts {
        let place = workspace_place(&world.cluster, object.home(), Some(&object.spec.workspace_ref));
        let version = version_of(&world.cluster, &object.spec.model.version_ref);
        let id = Self::target(object, &world.cluster);
        let may_look = matches!(place, Place::Ready { .. }) || (situation.deleting && id.is_some());
        let mut facts = deployment_binding::Facts {
            endpoint: Look::Unseen,
            deployments: vec![],
            spec: object.spec.clone(),
            status: object.status.clone(),
            place,
            id: id.clone(),
            version,
            situation: situation.clone(),
        };
        if let Some(id) = id.filter(|_| may_look) {
            let got = world.get::<OnlineEndpoint>(&id);
            facts.endpoint = look(&mut situation, &id, "the endpoint", got);
            if facts.endpoint.found().is_some() {
                let listed = deployments(world, &id, &mut facts);
                if !matches!(look(&mut situation, &id, "the deployments", listed.map(Some)), Look::Found(()))
                {
                    facts.endpoint = Look::Unseen;
                }
            }
        }
        settle(&mut situation, &facts.endpoint);
        let operation = object.status.operation.clone();
        let changes = |name: &str| {
            let endpoint = facts.endpoint.found().is_some_and(|e| e.provisioning() == Provisioning::Running);
            let running =
                |d: &OnlineDeployment| d.name() == name && d.provisioning() == Provisioning::Running;
            endpoint || facts.deployments.iter().any(running)
        };
        let ask = may_look && operation.as_ref().is_some_and(|o| !changes(o.resource.name()));
        situation.operation = poll(world, operation.as_ref(), ask);
        facts.situation = situation;
        facts
    }

    fn evidence(facts: &deployment_binding::Facts) -> Evidence<'_> {
        Evidence::Binding(facts)
    }
}

/// The list may lag: what it is not believed about is asked for by a GET.
fn deployments(
    world: &mut World,
    endpoint: &ResourceId,
    facts: &mut deployment_binding::Facts,
) -> Result<(), Error> {
    facts.deployments = world.list_deployments(endpoint)?;
    for name in facts.to_read() {
        let found = world.get::<OnlineDeployment>(&endpoint.child("deployments", &name))?;
        facts.look_afresh(&name, found);
    }
    Ok(())
}

fn poll(world: &mut World, operation: Option<&Operation>, ask: bool) -> Followed {
    let answer = operation.filter(|_| ask).map(|o| world.poll(&o.url));
    Followed { remembered: operation.cloned(), answer }
}

fn registry_id(object: &Object<Registry>) -> ResourceId {
    ResourceId::registry("s", "rg", object.spec.azure.name.as_deref().unwrap_or(&object.name))
}

fn workspace_id(object: &Object<Workspace>) -> ResourceId {
    ResourceId::workspace("s", "rg", object.spec.azure.name.as_deref().unwrap_or(&object.name))
}

fn allows(allowed: &AllowedNamespaces, home: &str) -> bool {
    allowed.allows(HOME, home, &BTreeMap::new())
}

fn registry_place(cluster: &Cluster, home: &str, reference: &Reference) -> Place {
    let what = format!("Registry fares/{}", reference.name);
    let found = cluster.registries.cache.get(&reference.name);
    let Some(registry) = found.filter(|r| allows(&r.spec.allowed_namespaces, home)) else {
        return Place::Missing { what };
    };
    Place::registry(what, registry_id(registry), &registry.spec, &registry.status, registry.deleting)
}

fn workspace_place(cluster: &Cluster, home: &str, reference: Option<&Reference>) -> Place {
    let name = reference.map(|r| r.name.clone()).unwrap_or_default();
    let what = format!("Workspace fares/{name}");
    let found = cluster.workspaces.cache.get(&name);
    let Some(workspace) = found.filter(|w| allows(&w.spec.allowed_namespaces, home)) else {
        return Place::Missing { what };
    };
    Place::workspace(what, workspace_id(workspace), &workspace.spec, &workspace.status)
}

fn version_of(cluster: &Cluster, reference: &Reference) -> SourceVersion {
    let what = format!("ModelVersion fares/{}", reference.name);
    let Some(version) = cluster.versions.cache.get(&reference.name) else {
        return SourceVersion::Missing { what };
    };
    SourceVersion::of(what, &version.spec, version.status.clone(), version.deleting)
}

fn served_by(cluster: &Cluster, asset: &str) -> Vec<ServedBy> {
    let mut all: Vec<ServedBy> = cluster
        .bindings
        .cache
        .values()
        .flat_map(|b| {
            let holding = b.status.deployments.iter().filter(|d| d.asset_id.as_deref() == Some(asset));
            holding.map(|d| ServedBy {
                binding: b.full_name(),
                endpoint: b.spec.online.endpoint.name.clone(),
                deployment: d.name.clone(),
                role: d.role,
            })
        })
        .collect();
    all.sort();
    all
}
