//! What goes back to the cluster: status, finalizer, events. Each write carries the resource version
//! that it was decided on, so that nobody's change is lost.

use kube::ResourceExt;

use super::context::Context;
use super::memory::fingerprint;
use super::ports::{Ports, Refusal};
use crate::api::{FINALIZER, fit};
use crate::decide::{Event, Kind};

/// The object's resource version as a number, which is how the API server counts.
pub(super) fn version<K: ResourceExt>(object: &K) -> Option<u64> {
    object.resource_version().and_then(|v| v.parse().ok())
}

/// Writes the status if it is another one. The answer is the object as it is now.
pub(super) async fn status<K: Kind, P: Ports>(
    object: &K,
    context: &Context<P>,
    status: K::Status,
) -> Result<K, Refusal> {
    let current = object.current();
    if current == status {
        return Ok(object.clone());
    }
    let status = fit::<K>(status);
    if current == status {
        return Ok(object.clone());
    }
    context.memory.change(&object.uid_or_empty(), |it| it.meant = Some(fingerprint(&status)));
    let mut new = object.clone();
    *new.status_mut() = Some(status);
    let written = context.replace_status(&new).await?;
    Ok(remember(context, written))
}

/// Puts the finalizer on the object, so that it cannot go before what it made in Azure.
pub(super) async fn hold<K: Kind, P: Ports>(object: &K, context: &Context<P>) -> Result<K, Refusal> {
    if object.holds() {
        return Ok(object.clone());
    }
    let mut finalizers = object.finalizers().to_vec();
    finalizers.push(FINALIZER.into());
    Ok(remember(context, context.replace_finalizers(object, finalizers).await?))
}

/// Takes the finalizer off, so that the object can go.
pub(super) async fn release<K: Kind, P: Ports>(object: &K, context: &Context<P>) -> Result<(), Refusal> {
    let mut finalizers = object.finalizers().to_vec();
    finalizers.retain(|f| f != FINALIZER);
    remember(context, context.replace_finalizers(object, finalizers).await?);
    Ok(())
}

/// Remembers our own write: no later pass acts on an older object.
fn remember<K: Kind, P: Ports>(context: &Context<P>, written: K) -> K {
    context.memory.change(&written.uid_or_empty(), |it| it.written = version(&written).max(it.written));
    written
}

/// Publishes events. Best effort: nothing depends on them.
pub(super) async fn events<K: Kind, P: Ports>(object: &K, context: &Context<P>, events: &[Event]) {
    for event in events {
        context.publish(object, event).await;
    }
}
