use kube::ResourceExt;
use kube::runtime::reflector::Store;
use serde_json::Value;

use super::{look, place, poll, settle};
use crate::api::{Management, ModelVersion, Period, Registry, RegistryDeletion};
use crate::azure::client::Azure;
use crate::azure::model::resource::Rest;
use crate::azure::model::{Error, Operation, ResourceId};
use crate::controller::context::{Context, Stores};
use crate::controller::kind::Kind;
use crate::controller::names::Name;
use crate::decide::{Situation, registry::Facts};

/// What a registry may hold.
const FAMILIES: [&str; 5] = ["models", "environments", "components", "data", "codes"];

impl Kind for Registry {
    type Facts = Facts;

    fn store(stores: &Stores) -> &Store<Self> {
        &stores.registries
    }

    fn operation(&self) -> Option<Operation> {
        self.status.as_ref()?.operation.clone()
    }

    fn mode(&self) -> (bool, Management, Option<&Period>) {
        (self.spec.suspend, self.spec.management, self.spec.interval.as_ref())
    }

    fn target(&self, _: &Stores) -> Option<ResourceId> {
        Some(self.id())
    }

    fn names(&self) -> Vec<Name> {
        vec![Name::resource(self.id().as_str())]
    }

    async fn gather(&self, context: &Context, situation: Situation) -> Self::Facts {
        registry(self, context, situation).await
    }
}

impl Registry {
    /// The ARM id that the manifest names.
    pub fn id(&self) -> ResourceId {
        let azure = &self.spec.azure;
        let name = azure.name.clone().unwrap_or_else(|| self.name_any());
        ResourceId::registry(&azure.subscription_id, &azure.resource_group, &name)
    }
}

/// The facts of a registry.
async fn registry(object: &Registry, context: &Context, mut situation: Situation) -> Facts {
    let azure = &context.azure;
    let id = object.id();
    situation.operation = poll(azure, object.operation(), true).await;
    let mut registry = look(&mut situation, &id, &place::named(object), azure.get(&id).await);
    let (mut holds, mut referrers) = (vec![], vec![]);
    if situation.deleting
        && object.spec.deletion_policy == RegistryDeletion::Delete
        && registry.found().is_some()
    {
        match content(azure, &id).await {
            Ok(content) => holds = content,
            Err(error) => registry = look(&mut situation, &id, "what the registry holds", Err(error)),
        }
        referrers = who_refers(object, &context.stores);
    }
    settle(&mut situation, &registry);
    Facts { situation, spec: object.spec.clone(), status: object.current(), id, registry, holds, referrers }
}

/// What the registry holds in Azure, archived assets too, in words. A name without versions is nothing
/// that could be lost: the service keeps it when the last version is deleted.
async fn content(azure: &Azure, id: &ResourceId) -> Result<Vec<String>, Error> {
    let mut all = vec![];
    for family in FAMILIES {
        let mut held = 0;
        for asset in listed(azure, &format!("{id}/{family}")).await? {
            let latest = asset.get("properties").and_then(|p| p.get("latestVersion"));
            let name = asset.get("name").and_then(Value::as_str).unwrap_or_default();
            let versions = format!("{id}/{family}/{name}/versions");
            // Archived versions may count as no latest one, so an absence is confirmed.
            if latest.is_some_and(Value::is_string) || !listed(azure, &versions).await?.is_empty() {
                held += 1;
            }
        }
        if held > 0 {
            all.push(format!("{held} {family}"));
        }
    }
    Ok(all)
}

/// A collection of assets, archived ones too; empty where Azure has no such collection.
async fn listed(azure: &Azure, collection: &str) -> Result<Vec<Rest>, Error> {
    match azure.list(collection, &[("listViewType", "All")]).await {
        Err(error) if error.is_not_found() => Ok(vec![]),
        listed => listed,
    }
}

/// The model versions that live in the registry, at most a handful by name.
fn who_refers(object: &Registry, stores: &Stores) -> Vec<String> {
    let versions = stores.naming::<ModelVersion>(&Name::of(object));
    versions.iter().take(5).map(|v| format!("ModelVersion {}", v.full_name())).collect()
}
