//! A promotion into a registry: its source, the publish, and a publish whose answer was lost.

use serde_json::json;

use super::Facts;
use crate::api::{Publishing, Reason, Retirement, VersionDeletion};
use crate::azure::model::resource::Strings;
use crate::azure::model::{Action, Call, Purpose};
use crate::decide::{Effect, Intent, Look, Owner, Place, SourceVersion, Verdict, in_seconds, places};

pub(super) fn wait_for_source(facts: &Facts) -> Option<Verdict> {
    if !facts.version.is_absent() || facts.observing() {
        return None;
    }
    if !facts.circle.is_empty() {
        return Some(Verdict::stalled(
            Reason::ReferenceCycle,
            format!(
                "spec.source.modelVersionRef leads back to this object: {}. A version cannot come from itself: name the version in the workspace that a job or a path registers, in a new ModelVersion.",
                facts.circle.join(", which comes from ").replacen(", which", "", 1)
            ),
        ));
    }
    match facts.source.as_ref()? {
        SourceVersion::Missing { what } => Some(Verdict::stalled(
            Reason::ReferenceNotFound,
            format!(
                "There is no {what} to promote, or this namespace may not refer to it. Apply it, or correct spec.source.modelVersionRef in a new ModelVersion."
            ),
        )),
        SourceVersion::NotWatched { because } => Some(Verdict::stalled(Reason::NotWatched, because)),
        SourceVersion::NotReady { what, because, stalled, .. } => Some(places::not_ready(
            format!("{what}, which is to be promoted, is not ready: {because}"),
            *stalled,
        )),
        // A published version cannot be unpublished, so this is said before.
        SourceVersion::Ready { id, kind: Some(kind), .. }
            if facts.spec.kind.is_some_and(|wanted| wanted != *kind) =>
        {
            let wanted = facts.spec.kind.unwrap_or_default();
            Some(Verdict::stalled(
                Reason::AssetMismatch,
                format!(
                    "{id} is of type {kind:?}, and spec.type says {wanted:?}. A copy has the type of its source: take spec.type out of the manifest; or, if another version was meant, name it in a new ModelVersion."
                ),
            ))
        }
        SourceVersion::Ready { id, archived: true, .. } => Some(Verdict::stalled(
            Reason::Retired,
            format!(
                "{id} is archived, so it is not promoted. Promote another version, or have its owner take it out of the archive (spec.archived: false of its ModelVersion)."
            ),
        )),
        SourceVersion::Ready { id, retirement: Some(Retirement { at, .. }), .. }
            if *at <= facts.situation.now =>
        {
            Some(Verdict::stalled(
                Reason::Retired,
                format!(
                    "{id} is retired since {} (spec.retirement of its ModelVersion), so it is not promoted. Promote another version, or have its owner set a later date.",
                    in_seconds(*at)
                ),
            ))
        }
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

/// Is what was found the copy that we asked for, and that nobody has described yet? A publish may take the tags of its source
/// along, and with them the source's owner. Where the status was lost, Azure says who made it: its number can never be made
/// again, so nobody else's is like it.
pub(super) fn is_our_copy(facts: &Facts, tags: &Strings) -> bool {
    let us = &facts.situation.ownership;
    // Where its place is gone or lets nobody in, only the status says where it is, and only its tag whose.
    let let_in = matches!(facts.place, Place::Ready { .. } | Place::NotReady { .. } | Place::Closed { .. });
    let source = facts.spec.source.model_version_ref.as_ref();
    let source = source.map(|it| format!("{}/{}", it.namespace(us.owner.namespace()), it.name));
    let free = Owner::of(tags).is_none_or(|owner| {
        let of_the_source = source.is_some_and(|source| owner.is(&source));
        owner.cluster == us.owner.cluster && of_the_source && us.claimants.iter().all(|c| !owner.is(&c.name))
    });
    let_in && free && (publishing(facts).is_some() || facts.copied_by_us)
}

pub(super) fn wait_for_lost_publish(facts: &Facts) -> Option<Verdict> {
    let publishing = publishing(facts).filter(|_| facts.version.is_absent())?;
    let until = (Intent { since: publishing.since }).awaited_until(facts.situation.now)?;
    let then = match facts.spec.deletion_policy {
        _ if !facts.situation.deleting => {
            "and asks again then. To have it asked for at once, delete this object and apply it again"
        }
        VersionDeletion::Archive => {
            "to archive the copy. To let go at once, set spec.deletionPolicy to Retain"
        }
        VersionDeletion::Delete | VersionDeletion::Retain => {
            "to delete the copy. To let go at once, set spec.deletionPolicy to Retain"
        }
    };
    Some(Verdict::wait(
        Reason::Publishing,
        format!(
            "A publish from {} was asked for, or was about to be, and its copy is not there yet. Bindery waits for the copy until {}, {then}.",
            publishing.from,
            in_seconds(until)
        ),
        facts.situation.look_again(Some(publishing.since)),
    ))
}

pub(super) fn publish(facts: &Facts) -> Option<Verdict> {
    if !facts.version.is_absent() || facts.observing() {
        return None;
    }
    let Some(SourceVersion::Ready { id: from, acting, registry: None, .. }) = &facts.source else {
        return None;
    };
    if let Some((reason, because)) = facts.lends_nothing.clone() {
        return Some(Verdict::stalled(reason, because));
    }
    let registry = facts.id.as_ref()?.segment("registries")?;
    let body = json!({
        "registryName": registry,
        "destinationName": facts.spec.model,
        "destinationVersion": facts.spec.version,
    });
    let doing = format!("publish {} to registry {registry}", facts.title());
    let call = Call::new(Purpose::Publish, from.clone(), Action::Post("publish", body), doing);
    Some(Verdict::call(Reason::Publishing, call).made_as(acting.clone()))
}
