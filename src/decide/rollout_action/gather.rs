//! What an action's decision needs to know, and how a binding finds its actions.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Answer, Facts, end};
use crate::api::{
    ActionState, ConditionType, DeploymentBinding, DeploymentBindingStatus, Object, ObjectKey, ObjectKind,
    Reason, RolloutAction, conditions_of,
};
use crate::decide::Situation;
use crate::decide::facts::{Kind, Known, Name};
use crate::decide::rollout::{hash_of, safest_first};

/// How many actions a binding looks at: as many as its status has room for. If there were more, those that find no room would be
/// judged anew at every look.
const MOST: usize = 20;

/// The RolloutActions for a binding, the oldest first. Where there are too many, those that have come to their end are left out
/// first, the oldest of them before the others; then those that are the least urgent: no crowd of others keeps an Abort waiting.
pub fn actions_for(binding: &ObjectKey, known: &mut Known) -> Vec<Arc<RolloutAction>> {
    let mut all = known.naming::<RolloutAction>(Name::Actions(binding.clone()));
    all.retain(|action| !action.is_deleting() && binding_of(action) == *binding);
    let age = |action: &Arc<RolloutAction>| (action.created(), action.key());
    let (mut ended, mut open): (Vec<_>, Vec<_>) = all.into_iter().partition(|action| has_ended(action));
    open.sort_by_key(|action| (safest_first(action.spec.action), age(action)));
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

/// How an action has come to its end and what was said then, as its own status says; none while it has not.
pub fn ended(action: &RolloutAction) -> Option<(ActionState, String)> {
    let conditions = conditions_of(action.conditions());
    let state = match end(&conditions)? {
        Reason::Refused => ActionState::Refused,
        Reason::AlreadyDone => ActionState::AlreadyDone,
        _ => ActionState::Complete,
    };
    Some((state, conditions.get(ConditionType::Complete)?.message.clone()))
}

/// What GitOps tools write on the objects that they apply.
const TRACKS: [&str; 5] = [
    "argocd.argoproj.io/tracking-id",
    "argocd.argoproj.io/instance",
    "app.kubernetes.io/instance",
    "kustomize.toolkit.fluxcd.io/name",
    "helm.toolkit.fluxcd.io/name",
];

/// Has a GitOps tool applied this object?
fn is_tracked(action: &RolloutAction) -> bool {
    let of = |map: &Option<BTreeMap<String, String>>| {
        map.iter().flat_map(BTreeMap::keys).any(|key| TRACKS.contains(&key.as_str()))
    };
    of(&action.metadata.annotations) || of(&action.metadata.labels)
}

/// Has a binding no room for this action any more, and does nothing that it remembers tell of it?
fn is_forgotten(name: &str, status: &DeploymentBindingStatus) -> bool {
    let history = status.history.iter().flat_map(|it| &it.actions);
    let told = history.chain(status.candidate.iter().flat_map(|it| &it.actions));
    let mut told = told.chain(status.hold.iter().filter_map(|it| it.action.as_ref()));
    status.actions.len() >= MOST
        && status.actions.iter().all(|it| it.name != name)
        && told.all(|it| it.name != name)
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
        let status = binding.as_ref().map(|binding| binding.current());
        let forgotten = status.as_ref().is_some_and(|status| is_forgotten(name, status));
        let answer = status.map_or(Answer::NoBinding, |status| {
            let taken = status.actions.into_iter().find(|it| it.name == name && it.hash == hash);
            taken.map_or(Answer::Nothing, |taken| Answer::Taken(Box::new(taken)))
        });
        let tracked = is_tracked(self);
        Facts { situation, spec: self.spec.clone(), status: self.current(), hash, answer, forgotten, tracked }
    }
}
