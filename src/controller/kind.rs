//! What a kind has to bring so that the one wrapper can carry it.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use kube::core::object::HasStatus;
use kube::runtime::reflector::Store;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::context::{Context, Stores};
use super::names::Name;
use crate::api::{FINALIZER, Management, Period};
use crate::azure::model::{Operation, ResourceId};
use crate::decide::{Claimant, Facts, Situation};

/// How often Azure is compared where the manifest does not say it.
const INTERVAL: Duration = Duration::from_secs(600);

/// A kind of object, and the way from its facts to its status.
pub trait Kind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + HasStatus<Status: Clone + Default + PartialEq + Serialize + Send + Sync>
    + Clone
    + Debug
    + DeserializeOwned
    + Serialize
    + Send
    + Sync
    + 'static
{
    /// Everything its decision needs.
    type Facts: Facts<Status = Self::Status> + Send;

    /// The store of its objects.
    fn store(stores: &Stores) -> &Store<Self>;
    /// The change that its status remembers.
    fn operation(&self) -> Option<Operation>;
    /// `spec.suspend`, `spec.management`, `spec.interval`.
    fn mode(&self) -> (bool, Management, Option<&Period>);
    /// The resource in Azure that it stands for, as far as its references are known.
    fn target(&self, stores: &Stores) -> Option<ResourceId>;
    /// Does its place let it lay claim to what is there? To a place itself anybody may.
    fn let_in(&self, _: &Stores) -> bool {
        true
    }
    /// Its resource in Azure by the path below the place, and the objects that it refers to.
    fn names(&self) -> Vec<Name>;
    /// Gathers the facts. What could not be read is said in the situation.
    fn gather(&self, context: &Context, situation: Situation) -> impl Future<Output = Self::Facts> + Send;

    /// The status, empty where there is none.
    fn current(&self) -> Self::Status {
        self.status().cloned().unwrap_or_default()
    }

    /// The namespace, which every kind has.
    fn home(&self) -> String {
        self.namespace().unwrap_or_default()
    }

    /// `namespace/name`.
    fn full_name(&self) -> String {
        format!("{}/{}", self.home(), self.name_any())
    }

    /// `metadata.creationTimestamp`.
    fn created(&self) -> Timestamp {
        self.meta().creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |t| t.0)
    }

    /// How often Azure is compared with the manifest.
    fn interval(&self) -> Duration {
        self.mode().2.map_or(INTERVAL, Period::duration).max(Duration::from_secs(60))
    }

    /// The other objects that stand for the same resource. A version and its promotion, which have the
    /// same model and number in two places, do not.
    fn rivals(&self, stores: &Stores) -> Vec<Arc<Self>> {
        let Some(target) = self.target(stores) else { return vec![] };
        let names = self.names().into_iter().filter(|name| matches!(name, Name::Resource(_)));
        let mut others: Vec<Arc<Self>> = names.flat_map(|name| stores.naming(&name)).collect();
        others.retain(|o| o.meta().uid != self.meta().uid && o.target(stores).as_ref() == Some(&target));
        others
    }

    /// Those of them that are not going away, and that their place lets in.
    fn claimants(&self, stores: &Stores) -> Vec<Claimant> {
        let live = |o: &Arc<Self>| o.meta().deletion_timestamp.is_none() && o.let_in(stores);
        let rivals = self.rivals(stores).into_iter().filter(live);
        rivals
            .map(|o| Claimant {
                name: o.full_name(),
                created: o.created(),
                manages: o.mode().1 == Management::Manage,
                holds: o.holds(),
            })
            .collect()
    }

    /// Those of them that are going away, and that our finalizer still holds.
    fn leaving(&self, stores: &Stores) -> Vec<String> {
        let leaving = |o: &Arc<Self>| o.meta().deletion_timestamp.is_some() && o.holds();
        self.rivals(stores).into_iter().filter(leaving).map(|o| o.full_name()).collect()
    }

    /// It has our finalizer.
    fn holds(&self) -> bool {
        self.finalizers().iter().any(|f| f == FINALIZER)
    }
}
