//! What must hold of approvals, of time, and of waivers. In the simulation one word of the namespace `risk` is enough, and only
//! what waives something ends.

use super::{hold, share_in};
use crate::api::OnWithdrawal;
use crate::azure::model::resource::OnlineEndpoint;
use crate::azure::model::{Action, Call};
use crate::decide::approval::tally::Ballot;
use crate::decide::{Place, SourceVersion, deployment_binding};

/// What the namespace `risk` says of an asset: whether somebody approves, and whether somebody rejects.
fn said(facts: &deployment_binding::Facts, asset: &str) -> (bool, bool) {
    let of = |approves: bool| {
        words(facts, asset).any(|ballot| ballot.approves == approves && !has_ended(facts, ballot))
    };
    (of(true), of(false))
}

fn words<'a>(facts: &'a deployment_binding::Facts, asset: &'a str) -> impl Iterator<Item = &'a Ballot> {
    let all = facts.approvals.ballots.iter().filter(move |(about, _)| about == asset);
    all.map(|(_, ballot)| ballot).filter(|ballot| ballot.namespace == "risk")
}

fn has_ended(facts: &deployment_binding::Facts, ballot: &Ballot) -> bool {
    ballot.expires_at.is_some_and(|at| at <= facts.situation.now)
}

/// Has the version served for as long as the workspace asks, or does somebody waive that who may?
pub fn has_time(facts: &deployment_binding::Facts) -> bool {
    let (Place::Ready { policy, .. }, SourceVersion::Ready { asset_id, .. }) = (&facts.place, &facts.version)
    else {
        return false;
    };
    let Some(soak) = &policy.soak else { return true };
    let (now, asked) = (facts.situation.now, soak.period.duration().as_secs());
    let served = facts.soak.times.iter().any(|time| {
        let length = time.until.unwrap_or(now).as_second() - time.since.as_second();
        u64::try_from(length).is_ok_and(|length| length >= asked)
    });
    served || waives(facts, asset_id, "Soak")
}

/// Does somebody waive this rule of the workspace for an asset, whom the workspace lets do that?
pub fn waives(facts: &deployment_binding::Facts, asset: &str, rule: &str) -> bool {
    let Place::Ready { policy, .. } = &facts.place else { return false };
    let names = |rules: &[String]| rules.iter().any(|it| it == rule);
    let waivable = policy.approvals.as_ref().is_some_and(|it| names(&it.waivable));
    let waives = |ballot: &Ballot| ballot.approves && names(&ballot.waives) && !has_ended(facts, ballot);
    waivable && words(facts, asset).any(waives)
}

/// Has the workspace the approval that it asks for?
pub fn has_approval(facts: &deployment_binding::Facts) -> bool {
    let (Place::Ready { policy, .. }, SourceVersion::Ready { asset_id, .. }) = (&facts.place, &facts.version)
    else {
        return false;
    };
    policy.approvals.is_none() || said(facts, asset_id) == (true, false)
}

/// Has nobody rejected the wanted version, and is no approval of it known to be taken back that is missing now?
pub fn nobody_speaks_against(facts: &deployment_binding::Facts) -> bool {
    let (Place::Ready { policy, .. }, SourceVersion::Ready { asset_id, .. }) = (&facts.place, &facts.version)
    else {
        return false;
    };
    let (approved, rejected) = said(facts, asset_id);
    let withdrawn = |at: jiff::Timestamp| facts.situation.now.as_second() - at.as_second() >= 300;
    let known = facts.status.approvals.iter().filter(|it| it.asset_id == *asset_id);
    let gone = known.filter_map(|it| it.withdrawn_at).any(withdrawn);
    policy.approvals.is_none() || (!rejected && (approved || !gone))
}

/// Does this revision of this asset take over again, because somebody speaks against what serves and the workspace says so? It was
/// stable here before.
pub fn goes_back_to(facts: &deployment_binding::Facts, revision: &str, asset: &str) -> bool {
    let (Place::Ready { policy, .. }, Some(endpoint)) = (&facts.place, facts.endpoint.found()) else {
        return false;
    };
    let Some(approvals) = &policy.approvals else { return false };
    let deployment = |name: &str| facts.deployments.iter().find(|d| d.name() == name);
    let stable = endpoint.tags.get("bindery-stable").and_then(|name| deployment(name));
    let Some(over) = stable.and_then(|d| d.properties.model.clone()) else { return false };
    let withdrawn = facts.status.approvals.iter().any(|it| it.asset_id == over && it.withdrawn_at.is_some());
    let ended = words(facts, &over).any(|ballot| ballot.approves && has_ended(facts, ballot));
    let (approved, rejected) = said(facts, &over);
    approvals.on_withdrawal == Some(OnWithdrawal::RollBack)
        && (rejected || (!approved && (withdrawn || ended)))
        && super::was_ever_stable(facts, revision)
        && said(facts, asset) == (true, false)
}

/// A pass that sees a rejected candidate with traffic, and may act, takes it back.
pub fn a_rejected_candidate_is_taken_back(
    facts: &deployment_binding::Facts,
    endpoint: &OnlineEndpoint,
    wanted: &str,
    call: Option<&Call>,
) -> Result<(), String> {
    let (Place::Ready { policy, .. }, SourceVersion::Ready { asset_id, .. }) = (&facts.place, &facts.version)
    else {
        return Ok(());
    };
    let stable = endpoint.tags.get("bindery-stable").filter(|stable| *stable != wanted);
    let there = stable.is_some_and(|stable| facts.deployments.iter().any(|d| d.name() == stable.as_str()));
    let has_traffic = endpoint.weight(wanted) > 0;
    if policy.approvals.is_none() || !said(facts, asset_id).1 || !there || !has_traffic {
        return Ok(());
    }
    let weight = match call.map(|c| &c.action) {
        Some(Action::Put(body)) => share_in(body, wanted) / 1000,
        _ => 100,
    };
    hold(weight == 0, || format!("{wanted} is rejected, has traffic, and is not taken back: {call:?}"))
}
