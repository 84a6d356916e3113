//! What goes back to the cluster: status, finalizer, events. Each write carries the resource version
//! that it was decided on, so that nobody's change is lost.

use std::time::Duration;

use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::runtime::events::{Event, EventType};
use serde_json::json;
use tracing::debug;

use super::context::Context;
use super::kind::Kind;
use super::memory::fingerprint;
use crate::api::FINALIZER;
use crate::decide;

/// The API server has no time-out of its own on a request that hangs.
const LONGEST: Duration = Duration::from_secs(15);
/// What an event's note may hold.
const NOTE_LIMIT: usize = 1000;

/// Whether a write was made.
pub(super) enum Written<K> {
    /// Yes, or there was nothing to write: the object as it is now.
    Yes(K),
    /// Somebody else was quicker, or the object is gone: look again.
    No,
}

/// The object's resource version as a number, which is how the API server counts.
pub(super) fn version<K: ResourceExt>(object: &K) -> Option<u64> {
    object.resource_version().and_then(|v| v.parse().ok())
}

/// Writes the status if it is another one.
pub(super) async fn status<K: Kind>(
    object: &K,
    context: &Context,
    status: K::Status,
) -> Result<Written<K>, kube::Error> {
    if object.current() == status {
        return Ok(Written::Yes(object.clone()));
    }
    let uid = object.uid().unwrap_or_default();
    context.memory.change(&uid, |it| it.meant = Some(fingerprint(&status)));
    let mut new = object.clone();
    *new.status_mut() = Some(status);
    let api: Api<K> = Api::namespaced(context.client.clone(), &object.home());
    let written = within(api.replace_status(&object.name_any(), &PostParams::default(), &new)).await;
    settle(context, &uid, written)
}

/// Puts the finalizer on the object, so that it cannot go before what it made in Azure.
pub(super) async fn hold<K: Kind>(object: &K, context: &Context) -> Result<Written<K>, kube::Error> {
    if object.holds() {
        return Ok(Written::Yes(object.clone()));
    }
    let mut finalizers = object.finalizers().to_vec();
    finalizers.push(FINALIZER.into());
    set_finalizers(object, context, &finalizers).await
}

/// Takes the finalizer off, so that the object can go.
pub(super) async fn release<K: Kind>(object: &K, context: &Context) -> Result<Written<K>, kube::Error> {
    let mut finalizers = object.finalizers().to_vec();
    finalizers.retain(|f| f != FINALIZER);
    set_finalizers(object, context, &finalizers).await
}

async fn set_finalizers<K: Kind>(
    object: &K,
    context: &Context,
    finalizers: &[String],
) -> Result<Written<K>, kube::Error> {
    let patch = json!({"metadata": {"resourceVersion": object.resource_version(), "finalizers": finalizers}});
    let api: Api<K> = Api::namespaced(context.client.clone(), &object.home());
    let written = within(api.patch(&object.name_any(), &PatchParams::default(), &Patch::Merge(patch))).await;
    settle(context, &object.uid().unwrap_or_default(), written)
}

fn settle<K: Kind>(
    context: &Context,
    uid: &str,
    written: Result<K, kube::Error>,
) -> Result<Written<K>, kube::Error> {
    match written {
        Ok(object) => {
            context.memory.change(uid, |it| it.written = version(&object).max(it.written));
            Ok(Written::Yes(object))
        }
        Err(kube::Error::Api(status)) if status.is_conflict() || status.is_not_found() => Ok(Written::No),
        Err(error) => Err(error),
    }
}

async fn within<T>(request: impl Future<Output = Result<T, kube::Error>>) -> Result<T, kube::Error> {
    tokio::time::timeout(LONGEST, request)
        .await
        .unwrap_or_else(|_| Err(kube::Error::Service("the API server did not answer in time".into())))
}

/// Publishes events. Best effort: nothing depends on them.
pub(super) async fn events<K: Kind>(object: &K, context: &Context, events: &[decide::Event]) {
    let reference = object.object_ref(&());
    for event in events {
        let mut note = event.note.clone();
        if let Some((cut, _)) = note.char_indices().nth(NOTE_LIMIT) {
            note.truncate(cut);
        }
        let event = Event {
            type_: if event.warning { EventType::Warning } else { EventType::Normal },
            reason: event.reason.to_string(),
            note: Some(note),
            action: "Reconcile".into(),
            secondary: None,
        };
        if let Err(error) = within(context.recorder.publish(&event, &reference)).await {
            debug!("an event was not published: {}", plain(&error));
        }
    }
}

/// An error of the API server in one sentence, without its debug dump.
pub(super) fn plain(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("{}: {}", status.reason, status.message),
        other => other.to_string(),
    }
}
