//! The end of a model version's object: what becomes of the version in Azure.

use super::{Facts, copy, follow_running_operation, keep_out, keep_out_of_place, promotion};
use crate::api::{Reason, VersionDeletion};
use crate::azure::model::{Action, Call, Purpose};
use crate::decide::{Look, OWNER_TAG, Verdict};

pub(super) fn finish_deletion(facts: &Facts) -> Option<Verdict> {
    let mut verdict = end(facts)?;
    if let Some(left) = copy::left_besides(facts).filter(|_| verdict.release) {
        verdict.message = format!("{} {left}", verdict.message);
        for event in &mut verdict.events {
            event.note = format!("{} {left}", event.note);
        }
    }
    Some(verdict)
}

fn end(facts: &Facts) -> Option<Verdict> {
    let situation = &facts.situation;
    if !situation.deleting {
        return None;
    }
    if facts.spec.deletion_policy == VersionDeletion::Retain {
        if let Some(left) = copy::left_behind(facts) {
            return Some(Verdict::release(left));
        }
        return Some(Verdict::release("The version stays in Azure: spec.deletionPolicy is Retain."));
    }
    if let Some(verdict) = keep_out_of_place(facts).or_else(|| keep_out(facts)) {
        return Some(verdict);
    }
    let version = match &facts.version {
        Look::Absent if situation.ownership.heirs().next().is_some() => {
            return Some(Verdict::release("The version, once it is in Azure, belongs to another object."));
        }
        // A copy that is still on its way would be left behind.
        Look::Absent => {
            return follow_running_operation(facts)
                .or_else(|| promotion::wait_for_lost_publish(facts))
                .or_else(|| {
                    Some(Verdict::release(copy::left_behind(facts).unwrap_or_else(|| {
                        "The version is not in Azure, so nothing is left to delete there.".into()
                    })))
                });
        }
        Look::Unseen if facts.id.is_none() || facts.place.is_lost(&situation.acting) => {
            return situation.end_without_a_place("version");
        }
        Look::Unseen => {
            return facts.situation.report_unreadable_at_the_end(&facts.status.conditions);
        }
        Look::Found(version) => version,
    };
    let described = situation.ownership.owns(&version.properties.tags);
    // Until a copy is described, only the intent says that it is ours: its tags are none, or its source's.
    let copied = promotion::is_our_copy(facts, &version.properties.tags);
    let what = format!("version {}", facts.title());
    let tags = &version.properties.tags;
    let follow = || follow_running_operation(facts);
    let left = || {
        let strangers = situation.leave_to_strangers(&facts.place, tags, &what);
        strangers.or_else(|| situation.leave_to_owner(tags, &what, follow))
    };
    if let Some(verdict) = (!copied).then(left).flatten().or_else(follow) {
        return Some(verdict);
    }
    // Nobody has to wait for an heir to hear that it is in use.
    if situation.ownership.heirs().next().is_none()
        && let Some(verdict) = refuse_while_served(facts)
    {
        return Some(verdict);
    }
    let hand_over = situation.hand_over(&what, situation.handover, |heir, doing| {
        let mut given = version.clone();
        given.properties.tags.insert(OWNER_TAG.into(), heir.to_string());
        Some(Call::new(Purpose::HandOver, facts.id.clone()?, Action::Put(given.to_put()), doing))
    });
    if let Some(verdict) = hand_over {
        return Some(verdict);
    }
    if facts.spec.deletion_policy == VersionDeletion::Archive {
        if version.properties.is_archived {
            return Some(Verdict::release("The version is archived in Azure."));
        }
        let mut archived = version.clone();
        archived.properties.is_archived = true;
        return facts.put(
            Reason::Deleting,
            Purpose::Archive,
            format!("archive {}", facts.title()),
            &archived,
        );
    }
    if !described {
        // The intent ends with the deletion; if that fails, the tag still says whose it is.
        return facts.put(
            Reason::Deleting,
            Purpose::Describe,
            format!("describe the published {}", facts.title()),
            &facts.desired(version.clone()),
        );
    }
    let resource = facts.id.clone()?;
    Some(Verdict::call(
        Reason::Deleting,
        Call::new(Purpose::Delete, resource, Action::Delete, format!("delete {}", facts.title())),
    ))
}

fn refuse_while_served(facts: &Facts) -> Option<Verdict> {
    if facts.spec.deletion_policy != VersionDeletion::Delete || facts.served_by.is_empty() {
        return None;
    }
    let bindings: Vec<String> =
        facts.served_by.iter().map(|s| format!("{}/{}", s.namespace, s.name)).collect();
    Some(Verdict::stalled(
        Reason::InUse,
        format!(
            "{} is not deleted while it is deployed by {}. Bind another version there first; the deployment of a version that is no longer bound stays for spec.strategy.keepPrevious.",
            facts.title(),
            bindings.join(", ")
        ),
    ))
}
