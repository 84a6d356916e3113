use super::{look, place};
use crate::api::Workspace;
use crate::controller::context::Context;
use crate::controller::kind::Kind;
use crate::decide::{Situation, workspace::Facts};

/// The facts of a workspace.
pub async fn workspace(object: &Workspace, context: &Context, mut situation: Situation) -> Facts {
    let id = object.id();
    let workspace = look(&mut situation, &place::named(object), context.azure.get(&id).await);
    settle(&mut situation, &workspace);
    Facts { situation, spec: object.spec.clone(), status: object.current(), id, workspace }
}

/// A look that worked ends a series of looks that did not.
pub(super) fn settle<T>(situation: &mut Situation, look: &crate::decide::Look<T>) {
    if !matches!(look, crate::decide::Look::Unseen) {
        situation.unreadable = None;
    }
}
