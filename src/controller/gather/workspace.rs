use kube::ResourceExt;
use kube::runtime::reflector::Store;

use super::{look, place, settle};
use crate::api::{Management, Period, Workspace};
use crate::azure::model::{Operation, ResourceId};
use crate::controller::context::{Context, Stores};
use crate::controller::kind::Kind;
use crate::controller::names::Name;
use crate::decide::{Situation, workspace::Facts};

impl Kind for Workspace {
    type Facts = Facts;

    fn store(stores: &Stores) -> &Store<Self> {
        &stores.workspaces
    }

    fn operation(&self) -> Option<Operation> {
        None
    }

    fn mode(&self) -> (bool, Management, Option<&Period>) {
        (false, Management::Observe, self.spec.interval.as_ref()) // it is never changed
    }

    fn target(&self, _: &Stores) -> Option<ResourceId> {
        Some(self.id())
    }

    fn names(&self) -> Vec<Name> {
        vec![Name::resource(self.id().as_str())]
    }

    async fn gather(&self, context: &Context, situation: Situation) -> Self::Facts {
        workspace(self, context, situation).await
    }
}

impl Workspace {
    /// The ARM id that the manifest names.
    pub fn id(&self) -> ResourceId {
        let azure = &self.spec.azure;
        let name = azure.name.clone().unwrap_or_else(|| self.name_any());
        ResourceId::workspace(&azure.subscription_id, &azure.resource_group, &name)
    }
}

/// The facts of a workspace.
async fn workspace(object: &Workspace, context: &Context, mut situation: Situation) -> Facts {
    let id = object.id();
    let workspace = look(&mut situation, &id, &place::named(object), context.azure.get(&id).await);
    settle(&mut situation, &workspace);
    Facts { situation, spec: object.spec.clone(), status: object.current(), id, workspace }
}
