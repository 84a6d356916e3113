//! Each kind as the wrapper carries it, and its facts: what the cluster holds, from the watches, and what Azure holds, freshly read.

mod binding;
mod model_version;
mod place;
mod registry;
mod workspace;

use crate::api::RunningOperation;
use crate::azure::{Azure, Error, OperationState, ResourceId};
use crate::controller::memory::once_more;
use crate::decide::{Look, Polled, Situation};

/// A look into Azure; one that failed is said in the situation, once.
fn look<T>(situation: &mut Situation, what: &str, answer: Result<Option<T>, Error>) -> Look<T> {
    match answer {
        Ok(found) => Look::from_get(found),
        Err(error) => {
            let before = situation.unreadable.take();
            situation.unreadable =
                Some(once_more(before.as_ref(), format!("read {what}"), error, situation.now));
            Look::Unseen
        }
    }
}

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

/// A look that worked ends a series of looks that did not.
fn settle<T>(situation: &mut Situation, look: &Look<T>) {
    if !matches!(look, Look::Unseen) {
        situation.unreadable = None;
    }
}
