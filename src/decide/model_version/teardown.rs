//! The end of a model version's object: what becomes of the version in Azure.

use super::{Facts, follow_running_operation};
use crate::api::{Reason, VersionDeletion};
use crate::azure::{Action, Call};
use crate::decide::{Look, Step};

pub(super) fn finish_deletion(facts: &Facts) -> Option<Step> {
    let situation = &facts.situation;
    if !situation.deleting {
        return None;
    }
    if facts.spec.deletion_policy == VersionDeletion::Retain {
        return Some(Step::release("The version stays in Azure: spec.deletionPolicy is Retain."));
    }
    let version = match &facts.version {
        Look::Absent => return Some(Step::release("The version is gone from Azure.")),
        Look::Unseen if facts.id.is_none() => return Some(Step::release("Nothing was registered in Azure.")),
        Look::Unseen => {
            return facts.situation.report_unreadable_at_the_end(&facts.status.conditions);
        }
        Look::Found(version) => version,
    };
    if !situation.owns(&version.properties.tags) || situation.has_heir() {
        return Some(Step::release("The version stays in Azure: it belongs to another object."));
    }
    if let Some(waiting) = follow_running_operation(facts) {
        return Some(waiting);
    }
    if facts.spec.deletion_policy == VersionDeletion::Archive {
        if version.properties.is_archived {
            return Some(Step::release("The version is archived in Azure."));
        }
        let mut archived = version.clone();
        archived.properties.is_archived = true;
        return facts.put(Reason::Deleting, format!("archive {}", facts.title()), &archived);
    }
    if !facts.served_by.is_empty() {
        let bindings: Vec<&str> = facts.served_by.iter().map(|s| s.binding.as_str()).collect();
        return Some(Step::stalled(
            Reason::InUse,
            format!(
                "{} is not deleted while it is deployed by {}. Bind another version there first.",
                facts.title(),
                bindings.join(", ")
            ),
        ));
    }
    let resource = facts.id.clone()?;
    Some(Step::call(
        Reason::Deleting,
        Call { doing: format!("delete {}", facts.title()), resource, action: Action::Delete },
    ))
}
