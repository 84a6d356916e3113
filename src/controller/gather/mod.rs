//! Each kind as the wrapper carries it, and its facts: what the cluster holds, from the watches, and what Azure holds, freshly read.

mod binding;
mod model_version;
mod place;
mod registry;
mod workspace;

pub(super) use model_version::served_by;
pub(super) use place::find_registry;

use crate::azure::client::Azure;
use crate::azure::model::Operation;
use crate::decide::{Followed, look, settle};

/// Asks how the remembered change goes.
async fn poll(azure: &Azure, operation: Option<Operation>, ask: bool) -> Followed {
    let mut answer = None;
    if let Some(operation) = operation.as_ref().filter(|_| ask) {
        answer = azure.operation(&operation.url, operation.resource.subscription()).await.ok();
    }
    Followed { remembered: operation, answer }
}
