//! What an action's decision needs to know, and how a binding finds its actions.

use std::sync::Arc;

use super::{Answer, Facts};
use crate::api::{DeploymentBinding, Object, ObjectKey, ObjectKind, RolloutAction};
use crate::azure::model::{Principal, ResourceId};
use crate::decide::facts::{Kind, Known, Name};
use crate::decide::rollout::hash_of;
use crate::decide::{Adopting, Right, Situation};

/// The RolloutActions for a binding, the oldest first.
pub fn actions_for(binding: &ObjectKey, known: &mut Known) -> Vec<Arc<RolloutAction>> {
    let mut all = known.naming::<RolloutAction>(Name::Actions(binding.clone()));
    all.retain(|action| !action.is_deleting() && binding_of(action) == *binding);
    all.sort_by_key(|action| (action.created(), action.key()));
    all
}

/// The binding that an action speaks to.
fn binding_of(action: &RolloutAction) -> ObjectKey {
    ObjectKey {
        kind: ObjectKind::DeploymentBinding,
        namespace: action.home().into(),
        name: action.spec.binding_ref.name.as_str().into(),
    }
}

impl Kind for RolloutAction {
    type Facts = Facts;

    const HOLDS: bool = false;

    fn target(&self, _: &mut Known) -> Option<ResourceId> {
        None
    }

    fn acting(&self, _: &ResourceId, _: &mut Known) -> Result<Principal, String> {
        Ok(Principal::Operator)
    }

    fn let_in(&self, _: &mut Known) -> Option<Right> {
        None
    }

    fn adopting(&self, _: &mut Known) -> Adopting {
        Adopting::default()
    }

    fn names(&self) -> Vec<Name> {
        vec![Name::Actions(binding_of(self))]
    }

    /// The binding reads what is asked, which never changes, and not what it has itself said of it.
    fn outward(&self) -> String {
        String::new()
    }

    fn gather(&self, situation: Situation, known: &mut Known) -> Facts {
        let hash = hash_of(self);
        let binding = known.object::<DeploymentBinding>(binding_of(self));
        let name = self.metadata.name.as_deref().unwrap_or_default();
        let answer = binding.map_or(Answer::NoBinding, |binding| {
            let status = binding.current();
            let taken = status.actions.into_iter().find(|it| it.name == name && it.hash == hash);
            taken.map_or(Answer::Nothing, Answer::Taken)
        });
        Facts { situation, spec: self.spec.clone(), status: self.current(), hash, answer }
    }
}
