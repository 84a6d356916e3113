//! A promotion into a registry: its source, the publish, and a publish whose answer was lost.

use serde_json::json;

use super::Facts;
use crate::api::{Publishing, Reason, VersionDeletion};
use crate::azure::model::{Action, Call, Purpose};
use crate::decide::{Effect, Intent, Look, SourceVersion, Verdict};

pub(super) fn wait_for_source(facts: &Facts) -> Option<Verdict> {
    if !facts.version.is_absent() || facts.observing() {
        return None;
    }
    match facts.source.as_ref()? {
        SourceVersion::Missing { what } => Some(Verdict::stalled(
            Reason::ReferenceNotFound,
            format!(
                "There is no {what} to promote, or this namespace may not refer to it. Apply it, or correct spec.source.modelVersionRef in a new ModelVersion."
            ),
        )),
        SourceVersion::NotReady { what, because } => Some(Verdict::blocked(
            Reason::ReferenceNotReady,
            format!("{what}, which is to be promoted, is not ready: {because}"),
        )),
        // A published version cannot be unpublished, so this is said before.
        SourceVersion::Ready { id, kind: Some(kind), .. }
            if facts.spec.kind.is_some_and(|wanted| wanted != *kind) =>
        {
            let wanted = facts.spec.kind.unwrap_or_default();
            Some(Verdict::stalled(
                Reason::AssetMismatch,
                format!(
                    "{id} is of type {kind:?}, and spec.type says {wanted:?}. A copy has the type of its source: correct it in a new ModelVersion."
                ),
            ))
        }
        // Azure publishes from workspaces only.
        SourceVersion::Ready { id, registry: Some(registry), .. } => Some(Verdict::stalled(
            Reason::AssetMismatch,
            format!(
                "{id} is in registry {registry}, and Azure publishes only from a workspace. Name the version that it was promoted from in a new ModelVersion."
            ),
        )),
        SourceVersion::Ready { .. } => None,
    }
}

/// The publish that was asked for, and whose copy may still come. The intent stands until the copy carries our tag: until
/// then nothing else says that the copy is ours.
pub(super) fn publishing(facts: &Facts) -> Option<Publishing> {
    let publishing = facts.status.publishing.clone()?;
    let effect = match &facts.version {
        Look::Found(copy) if facts.situation.ownership.owns(&copy.properties.tags) => Effect::Ours,
        Look::Found(_) => Effect::Unmarked,
        Look::Absent => Effect::Absent,
        Look::Unseen => Effect::Unseen,
    };
    let intent = Intent { since: publishing.since };
    let Intent { since } = intent.seen(effect, &facts.situation.operation, facts.situation.now)?;
    Some(Publishing { since, ..publishing })
}

pub(super) fn wait_for_lost_publish(facts: &Facts) -> Option<Verdict> {
    let publishing = publishing(facts).filter(|_| facts.version.is_absent())?;
    if !(Intent { since: publishing.since }).is_awaited(facts.situation.now) {
        return None;
    }
    let then = match facts.spec.deletion_policy {
        _ if !facts.situation.deleting => " before it would ask again",
        VersionDeletion::Archive => ", to archive it",
        VersionDeletion::Delete | VersionDeletion::Retain => ", to delete it",
    };
    Some(Verdict::wait(
        Reason::Publishing,
        format!(
            "A publish from {} was asked for; Bindery waits for the copy to show{then}.",
            publishing.from
        ),
        facts.situation.look_again(Some(publishing.since)),
    ))
}

pub(super) fn publish(facts: &Facts) -> Option<Verdict> {
    if !facts.version.is_absent() || facts.observing() {
        return None;
    }
    let Some(SourceVersion::Ready { id: from, .. }) = &facts.source else { return None };
    let registry = facts.id.as_ref()?.segment("registries")?;
    let body = json!({
        "registryName": registry,
        "destinationName": facts.spec.model,
        "destinationVersion": facts.spec.version,
    });
    let doing = format!("publish {} to registry {registry}", facts.title());
    Some(Verdict::call(
        Reason::Publishing,
        Call::new(Purpose::Publish, from.clone(), Action::Post("publish", body), doing),
    ))
}
