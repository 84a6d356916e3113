//! What a workspace's decision needs to know.

use super::Facts;
use crate::api::{Object, Workspace};
use crate::azure::model::{Purpose, ResourceId};
use crate::decide::facts::{Kind, Known, Name};
use crate::decide::{Adopting, Right, Situation, words_of};

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

    fn target(&self, _: &mut Known) -> Option<ResourceId> {
        Some(self.id())
    }

    // Whom no identity serves has no claim.
    fn let_in(&self, known: &mut Known) -> Option<Right> {
        Some(Right::unless(known.served().refuses(&self.home(), &self.id())))
    }

    // Nothing of a workspace ever becomes Bindery's.
    fn adopting(&self, _: &mut Known) -> Adopting {
        Adopting::default()
    }

    fn names(&self) -> Vec<Name> {
        vec![Name::resource(self.id().as_str())]
    }

    fn outward(&self) -> String {
        let status = self.current();
        format!("{}{:?}{:?}", words_of(&status.conditions), status.location, status.mlflow_tracking_uri)
    }

    fn gather(&self, mut situation: Situation, known: &mut Known) -> Facts {
        let id = self.id();
        let refused = known.served().refuses(&self.home(), &id);
        let found = if refused.is_none() { known.resource(Purpose::Compare, &id) } else { None };
        let workspace = situation.look(&id, &format!("the workspace {}", id.name()), found);
        situation.looked(&workspace);
        Facts { situation, spec: self.spec.clone(), status: self.current(), id, workspace, refused }
    }
}
