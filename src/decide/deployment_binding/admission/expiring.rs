//! Approvals that end soon, said while there is time to approve anew.

use super::super::{Case, Facts};
use crate::api::Reason;
use crate::azure::model::folded;
use crate::decide::approval::tally::{Ballot, Tally};
use crate::decide::condition::Said;
use crate::decide::{Place, SourceVersion};

/// What serves, or is wanted, will not be approved any more before long. Absent where nothing of that kind is to be said.
pub(in crate::decide::deployment_binding) fn said(case: &Case<'_>) -> Said {
    let facts = case.facts;
    if facts.situation.deleting || case.is_anothers() {
        return Said::Absent;
    }
    if !matches!(facts.place, Place::Ready { .. }) || facts.endpoint.seen().is_none() {
        return Said::AsBefore;
    }
    let sentences: Vec<String> = assets(case).iter().filter_map(|asset| expiring(facts, asset)).collect();
    if sentences.is_empty() {
        Said::Absent
    } else {
        Said::Holds(true, Reason::ApprovalExpiring, sentences.join(" "))
    }
}

/// What the manifest asks for, and what serves for certain.
fn assets(case: &Case<'_>) -> Vec<String> {
    let wanted = match &case.facts.version {
        SourceVersion::Ready { asset_id, .. } => Some(asset_id.clone()),
        _ => None,
    };
    let stable = case.scene.stable.as_deref().and_then(|name| case.scene.deployment(name));
    let mut all: Vec<String> =
        wanted.into_iter().chain(stable.and_then(|it| it.properties.model.clone())).collect();
    all.dedup_by_key(|asset| folded(asset));
    all
}

/// When this asset will not be approved any more, in a sentence, where that is soon.
fn expiring(facts: &Facts, asset: &str) -> Option<String> {
    let mut left = facts.count(asset)?;
    if !facts.is_enough(&left) {
        return None;
    }
    let now = facts.situation.now;
    let soon = |ballot: &&Ballot| ballot.warns_at().is_some_and(|at| at <= now);
    let mut ending: Vec<Ballot> = left.approved.iter().filter(soon).cloned().collect();
    ending.sort_by_key(|ballot| ballot.expires_at);
    let last = ending.into_iter().find(|ballot| {
        let rest = left.approved.drain(..).filter(|it| it != ballot).collect();
        left = Tally { approved: rest, ..std::mem::take(&mut left) };
        !facts.is_enough(&left)
    })?;
    let at = last.expires_at?;
    Some(format!(
        "{} ends at {at}, and without it {} has too few approvals. Have it approved anew before then.",
        last.title(),
        label(asset)
    ))
}

/// `taxi:3`, by the id of an asset.
fn label(asset: &str) -> String {
    let parts = asset.rsplit_once("/models/").and_then(|(_, it)| it.split_once("/versions/"));
    parts.map_or_else(|| asset.to_string(), |(model, version)| format!("{model}:{version}"))
}
