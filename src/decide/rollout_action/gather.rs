//! What an action's decision needs to know, and how a binding finds its actions.

use std::sync::Arc;

use super::{Answer, Facts, end};
use crate::api::{DeploymentBinding, Object, ObjectKey, ObjectKind, RolloutAction, conditions_of};
use crate::decide::Situation;
use crate::decide::facts::{Kind, Known, Name};
use crate::decide::rollout::hash_of;

/// How many actions a binding looks at: as many as its status has room for. If there were more, those that find no room would be
/// judged anew at every look.
const MOST: usize = 20;

/// The RolloutActions for a binding, the oldest first. Where there are too many, those that have come to their end are left out
/// first, the oldest of them before the others.
pub fn actions_for(binding: &ObjectKey, known: &mut Known) -> Vec<Arc<RolloutAction>> {
    let mut all = known.naming::<RolloutAction>(Name::Actions(binding.clone()));
    all.retain(|action| !action.is_deleting() && binding_of(action) == *binding);
    let age = |action: &Arc<RolloutAction>| (action.created(), action.key());
    let (mut ended, mut open): (Vec<_>, Vec<_>) = all.into_iter().partition(|action| has_ended(action));
    open.sort_by_key(age);
    open.truncate(MOST);
    ended.sort_by_key(age);
    let mut all = ended.split_off(ended.len().saturating_sub(MOST - open.len()));
    all.extend(open);
    all.sort_by_key(age);
    all
}

/// The action was carried out or refused, as its own status says.
fn has_ended(action: &RolloutAction) -> bool {
    end(&conditions_of(action.conditions())).is_some()
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

    fn names(&self) -> Vec<Name> {
        vec![Name::Actions(binding_of(self))]
    }

    /// The binding reads what is asked, which never changes, and of the status only whether the action has come to its end.
    fn outward(&self) -> String {
        has_ended(self).to_string()
    }

    fn gather(&self, situation: Situation, known: &mut Known) -> Facts {
        let hash = hash_of(self);
        let binding = known.object::<DeploymentBinding>(binding_of(self));
        let name = self.metadata.name.as_deref().unwrap_or_default();
        let answer = binding.map_or(Answer::NoBinding, |binding| {
            let status = binding.current();
            let taken = status.actions.into_iter().find(|it| it.name == name && it.hash == hash);
            taken.map_or(Answer::Nothing, |taken| Answer::Taken(Box::new(taken)))
        });
        Facts { situation, spec: self.spec.clone(), status: self.current(), hash, answer }
    }
}
