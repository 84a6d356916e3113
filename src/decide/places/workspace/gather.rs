//! What a workspace's decision needs to know.

use super::Facts;
use super::unmanaged::unmanaged;
use crate::api::{Object, ObjectKey, Registry, Workspace};
use crate::azure::model::{Principal, Purpose, ResourceId};
use crate::decide::facts::{Kind, Known, Name, Stake};
use crate::decide::places::publishers::{is_listed_before, right_of_place, stake_of_place};
use crate::decide::places::reference::referrers;
use crate::decide::{Adopting, Referrers, Right, Situation, words_of};

impl Workspace {
    /// The ARM id that the manifest names.
    pub fn id(&self) -> ResourceId {
        let (azure, own) = (&self.spec.azure, self.metadata.name.as_deref());
        let name = azure.name.as_deref().or(own).unwrap_or_default();
        ResourceId::workspace(&azure.subscription_id, &azure.resource_group, name)
    }
}

impl Kind for Workspace {
    type Facts = Facts;
    const CHANGES: bool = false;

    fn target(&self, _: &mut Known) -> Option<ResourceId> {
        Some(self.id())
    }

    fn acting(&self, at: &ResourceId, known: &mut Known) -> Result<Principal, String> {
        known.acting(&self.home(), self.spec.credentials.as_ref(), at)
    }

    fn let_in(&self, known: &mut Known) -> Option<Right> {
        let (acting, seen) = (self.acting(&self.id(), known), self.current().workspace_id.is_some());
        Some(right_of_place(self, acting, seen))
    }

    fn stake(&self) -> Stake {
        stake_of_place(self, self.status.as_ref().is_some_and(|status| status.workspace_id.is_some()))
    }

    fn outranks(&self, other: &Self) -> bool {
        is_listed_before(self, other)
    }

    // Nothing of a workspace ever becomes Bindery's.
    fn adopting(&self, _: &mut Known) -> Adopting {
        Adopting::default()
    }

    fn referrers(&self, known: &mut Known) -> Option<Referrers> {
        Some(referrers(self, known))
    }

    fn names(&self) -> Vec<Name> {
        let sources = self.spec.policy.sources.iter().filter_map(|source| source.registry_ref.as_ref());
        let registries =
            sources.map(|reference| Name::Place(ObjectKey::meant::<Registry>(reference, &self.home())));
        let approvals = self.spec.policy.approvals.iter();
        let approvers = approvals.flat_map(|policy| &policy.from_namespaces);
        let approvers = approvers.map(|namespace| Name::Approvers(namespace.as_str().into()));
        let soak = self.spec.policy.soak.iter().flat_map(|soak| &soak.places);
        let soak = soak.map(|reference| ObjectKey::meant::<Self>(reference, &self.home()));
        // Whoever names itself does not hold itself back.
        let soak = soak.filter(|key| *key != self.key()).map(Name::Place);
        let own = Name::resource(self.id().as_str());
        let gates =
            self.spec.policy.gates.iter().filter(|gates| !gates.define.is_empty()).map(|_| Name::Gates);
        let mut names: Vec<Name> =
            registries.chain(approvers).chain(soak).chain(gates).chain([own]).collect();
        names.sort();
        names.dedup();
        names
    }

    fn outward(&self) -> String {
        let status = self.current();
        format!("{}{:?}{:?}", words_of(&status.conditions), status.location, status.mlflow_tracking_uri)
    }

    fn gather(&self, mut situation: Situation, known: &mut Known) -> Facts {
        let id = self.id();
        let served = situation.acting.is_ok();
        let found = served.then(|| known.resource(Purpose::Compare, &id)).flatten();
        let workspace = situation.look(&id, &format!("the workspace {}", id.name()), found);
        situation.looked(&workspace);
        let listed = workspace.found().is_some() && !situation.deleting;
        let cluster = situation.ownership.owner.cluster.clone();
        let unmanaged = listed.then(|| unmanaged(&id, &cluster, known)).flatten();
        Facts { situation, spec: self.spec.clone(), status: self.current(), id, workspace, unmanaged }
    }
}
