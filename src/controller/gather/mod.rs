//! Each kind as the wrapper carries it, and its facts: what the cluster holds, from the watches, and what Azure holds, freshly read.

mod binding;
mod model_version;
mod place;
mod registry;
mod workspace;

pub(super) use model_version::served_by;
pub(super) use place::find_registry;

use crate::api::RunningOperation;
use crate::azure::client::Azure;
use crate::azure::model::{OperationState, ResourceId};
use crate::decide::{Polled, look, settle};

/// Asks how the remembered change goes. When the answer does not come, it goes on.
async fn poll(azure: &Azure, operation: Option<&RunningOperation>, ask: bool) -> Option<Polled> {
    let operation = operation?;
    let resource = ResourceId::new(&operation.resource);
    let state = if ask {
        azure.operation(&operation.url, resource.subscription()).await.unwrap_or_else(|error| {
            tracing::debug!(%resource, "the operation could not be read: {error}");
            OperationState::Running
        })
    } else {
        OperationState::Running
    };
    Some(Polled { doing: operation.doing.clone(), resource, state })
}
