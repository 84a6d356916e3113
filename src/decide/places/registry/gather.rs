//! What a registry's decision needs to know.

use serde_json::Value;

use super::Facts;
use crate::api::{ModelVersion, Object, Registry, RegistryDeletion, RegistryStatus};
use crate::azure::model::resource::{self, Rest};
use crate::azure::model::{Error, Purpose, ResourceId};
use crate::decide::drift::unite;
use crate::decide::facts::{Kind, Known, Name};
use crate::decide::{Situation, words_of};

/// What a registry may hold.
const FAMILIES: [&str; 5] = ["models", "environments", "components", "data", "codes"];

/// How many of the objects that refer to a registry are named.
const NAMED: usize = 5;

impl Registry {
    /// The ARM id that the manifest names.
    pub fn id(&self) -> ResourceId {
        let (azure, own) = (&self.spec.azure, self.metadata.name.as_deref());
        let name = azure.name.as_deref().or(own).unwrap_or_default();
        ResourceId::registry(&azure.subscription_id, &azure.resource_group, name)
    }
}

impl Kind for Registry {
    type Facts = Facts;

    fn target(&self, _: &mut Known) -> Option<ResourceId> {
        Some(self.id())
    }

    // Whom no identity serves has no claim.
    fn let_in(&self, known: &mut Known) -> Option<bool> {
        Some(known.served().refuses(&self.home(), &self.id()).is_none())
    }

    fn names(&self) -> Vec<Name> {
        vec![Name::resource(self.id().as_str())]
    }

    fn outward(&self) -> String {
        let status = self.current();
        format!("{}{:?}", words_of(&status.conditions), status.discovery_url)
    }

    fn inherit(heir: &mut RegistryStatus, owner: &RegistryStatus) {
        unite(&mut heir.owned_tags, &owner.owned_tags);
    }

    fn gather(&self, mut situation: Situation, known: &mut Known) -> Facts {
        let id = self.id();
        let refused = known.served().refuses(&self.home(), &id);
        situation.follow(refused.is_none(), known);
        let found = match refused {
            None => known.resource::<resource::Registry>(Purpose::Compare, &id),
            Some(_) => None,
        };
        let mut registry = situation.look(&id, &format!("the registry {}", id.name()), found);
        let (mut holds, mut referrers) = (vec![], vec![]);
        let may_be_deleted = situation.deleting && self.spec.deletion_policy == RegistryDeletion::Delete;
        if may_be_deleted && registry.found().is_some() {
            match content(&id, known) {
                None => {}
                // Counting takes long, so who refers to the registry is asked last.
                Some(Ok(content)) => (holds, referrers) = (content, who_refers(self, known)),
                Some(Err(error)) => {
                    registry = situation.look(&id, "what the registry holds", Some(Err(error)));
                }
            }
        }
        situation.looked(&registry);
        situation.read_tags(self, registry.found().map(|r| &r.tags), known);
        let (spec, status) = (self.spec.clone(), self.current());
        Facts { situation, spec, status, id, refused, registry, holds, referrers }
    }
}

/// What the registry holds in Azure, archived assets too, in words. A name without versions is nothing
/// that could be lost: the service keeps it when the last version is deleted. None while something is not known yet.
fn content(id: &ResourceId, known: &mut Known) -> Option<Result<Vec<String>, Error>> {
    let (mut all, mut whole) = (vec![], true);
    for family in FAMILIES {
        let mut held = 0;
        let assets = match listed(&ResourceId::new(format!("{id}/{family}")), known) {
            None => {
                whole = false;
                continue;
            }
            Some(Ok(assets)) => assets,
            Some(Err(error)) => return Some(Err(error)),
        };
        for asset in assets {
            let latest = asset.get("properties").and_then(|p| p.get("latestVersion"));
            let name = asset.get("name").and_then(Value::as_str).unwrap_or_default();
            let versions = id.child(family, name);
            // Archived versions may count as no latest one, so an absence is confirmed.
            if latest.is_some_and(Value::is_string) {
                held += 1;
                continue;
            }
            let confirmed = listed(&ResourceId::new(format!("{versions}/versions")), known);
            match confirmed {
                None => whole = false,
                Some(Ok(versions)) => held += usize::from(!versions.is_empty()),
                Some(Err(error)) => return Some(Err(error)),
            }
        }
        if held > 0 {
            all.push(format!("{held} {family}"));
        }
    }
    whole.then_some(Ok(all))
}

/// A collection of assets, archived ones too; empty where Azure has no such collection. None while it is not known yet.
fn listed(collection: &ResourceId, known: &mut Known) -> Option<Result<Vec<Rest>, Error>> {
    match known.collection(Purpose::CountContent, collection, true)? {
        Err(error) if error.is_not_found() => Some(Ok(vec![])),
        listed => Some(listed),
    }
}

/// The model versions that live in the registry, at most a handful by name.
fn who_refers(registry: &Registry, known: &mut Known) -> Vec<String> {
    let versions = known.naming::<ModelVersion>(Name::Place(registry.key()));
    versions.iter().take(NAMED).map(|v| format!("ModelVersion {}", v.full_name())).collect()
}
