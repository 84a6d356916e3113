//! What happens when the time of a deed has come.

use super::asset::{publish, version};
use super::endpoint::{batch, deployment, keys, online};
use super::registry::regions;
use super::{job, registry};
use crate::core::Core;
use crate::core::machinery::operation::{Deed, Due, Failure};

/// An operation's end: the deed is done, or fails.
pub fn happen(core: &mut Core, due: Due) {
    let verdict = match due.failure {
        Some(failure) => Err(failure),
        None => Ok(()),
    };
    let verdict = perform(core, due.deed, verdict);
    let now = core.now;
    if let Some(id) = due.operation {
        core.operations.end(&id, now, verdict);
    }
    let kept = jiff::SignedDuration::try_from_secs_f64(core.config.operation_retention).unwrap_or_default();
    core.operations.forget(now.checked_sub(kept).unwrap_or(jiff::Timestamp::MIN));
}

/// Each deed decides what becomes of its resource, given whether the operation is fated to fail.
fn perform(core: &mut Core, deed: Deed, fate: Result<(), Failure>) -> Result<(), Failure> {
    match deed {
        Deed::FinishRegistry { key, before } => registry::finish(core, &key, before, fate),
        Deed::RemoveRegistry { key } => fate.map(|()| registry::remove(core, &key)),
        Deed::RemoveRegions { key, regions } => fate.map(|()| regions::remove(core, &key, &regions)),
        Deed::FinishVersion { key } => version::finish(core, &key, fate),
        Deed::RemoveVersion { key, container } => version::remove_for_ever(core, &key, &container, fate),
        Deed::Publish(order) => publish::finish(core, &order, fate),
        Deed::FinishEndpoint { key } => online::finish(core, &key, fate),
        Deed::RemoveEndpoint { key } => online::remove(core, &key, fate),
        Deed::ReplaceKey { key, primary, value } => fate.map(|()| keys::replace(core, &key, primary, value)),
        Deed::FinishDeployment { key } => deployment::finish(core, &key, fate),
        Deed::RemoveDeployment { key } => deployment::remove(core, &key, fate),
        Deed::FinishBatch { key } => batch::finish(core, &key, fate),
        Deed::RemoveBatch { key } => batch::remove(core, &key, fate),
        Deed::RemoveJob { key } => fate.map(|()| job::remove(core, &key)),
        Deed::MoveJob { key, status } => fate.map(|()| job::move_on(core, &key, &status)),
    }
}
