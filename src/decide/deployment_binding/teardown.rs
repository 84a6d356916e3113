//! The end of a binding: traffic first, then our deployments, then the endpoint if nothing else is on it.

use std::fmt::Write as _;

use super::endpoint::align_endpoint;
use super::waiting::{follow_running_change, keep_out, keep_out_of_place};
use super::{Case, autoscale, deployments, verification};
use crate::api::{BindingDeletion, Period, Reason};
use crate::azure::model::resource::{EndpointKind, OnlineDeployment};
use crate::azure::model::{Action, Call, Purpose};
use crate::decide::places::reference::Removal;
use crate::decide::rollout::{
    Cause, FAILED_TAG, HISTORY_TAG, HOLD_TAG, POSITION_TAG, PREVIOUS_TAG, STABLE_TAG, Share, TRAFFIC_TAG,
    Target, Traffic, mark, route,
};
use crate::decide::{Look, OWNER_TAG, Verdict};

/// How many deployments a sentence names.
const NAMED: usize = 5;

/// The endpoint with all the traffic back on its stable deployment, where another one that has traffic is bad: also while
/// nobody can say what is wanted.
fn back_to_stable(case: &Case<'_>, takes_back: bool) -> Option<Target> {
    let scene = &case.scene;
    let stable = scene.stable.clone().filter(|name| !scene.is_broken(name))?;
    let serving = case.facts.endpoint.found()?.properties.traffic.iter().filter(|(_, weight)| **weight > 0);
    let bad = serving.map(|(name, _)| name).any(|name| *name != stable && scene.is_broken(name));
    let (traffic, previous) = (Traffic::all_to(&stable), scene.previous.clone());
    let notes = case.next.target.notes.clone();
    (bad || takes_back).then(|| Target {
        traffic,
        stable: Some(stable),
        previous,
        notes,
        ..Target::default()
    })
}

/// Where the workspace forbids that endpoints are taken down, the object lets go of its own: it becomes the heir's where there
/// is one, and otherwise stays as it is.
fn let_go_where_it_is_forbidden(case: &Case<'_>) -> Option<Verdict> {
    let (facts, us) = (case.facts, &case.facts.situation.ownership);
    let Removal::Forbidden { by } = &facts.removal else { return None };
    let owned = case.scene.owned();
    if owned && us.heirs().any(|heir| heir.manages) {
        return None;
    }
    let mut said = format!(
        "{by} forbids that endpoints are taken down (spec.policy.endpointDeletion), so the endpoint {} stays in Azure as it is{}.",
        facts.endpoint_name(),
        what_is_on_it(case)
    );
    if owned {
        let home = us.owner.namespace();
        let _ = write!(said, " A DeploymentBinding of namespace {home} that names it takes it over.");
    }
    Some(Verdict::release(said))
}

/// The deployments on the endpoint, for a sentence.
fn what_is_on_it(case: &Case<'_>) -> String {
    let Some(endpoint) = case.facts.endpoint.found() else { return String::new() };
    let mut all: Vec<&OnlineDeployment> = case.facts.deployments.iter().collect();
    all.sort_by_key(|d| (std::cmp::Reverse(endpoint.weight(d.name())), d.name()));
    let said = |d: &&OnlineDeployment| {
        let instances = d.instance_count().map(|count| format!(", instances: {count}")).unwrap_or_default();
        match (endpoint.kind, endpoint.weight(d.name())) {
            (EndpointKind::Online, weight) => format!("{} ({weight} % of the traffic{instances})", d.name()),
            (EndpointKind::Batch, 0) => d.name().to_string(),
            (EndpointKind::Batch, _) => format!("{} (the default deployment)", d.name()),
        }
    };
    let mut named: Vec<String> = all.iter().take(NAMED).map(said).collect();
    if all.len() > NAMED {
        named.push(format!("{} more", all.len() - NAMED));
    }
    if named.is_empty() { String::new() } else { format!(", with {}", named.join(" and ")) }
}

/// Nothing is taken down while nobody can say whether that is allowed.
fn wait_for_who_can_say(case: &Case<'_>) -> Verdict {
    let (facts, name) = (case.facts, case.facts.endpoint_name());
    let asked =
        "whether an endpoint may be taken down is for its workspace to say (spec.policy.endpointDeletion)";
    if facts.situation.ownership.namespace_ends {
        return Verdict::release(format!(
            "The endpoint {name} stays in Azure as it is: {asked}, and that Workspace is gone."
        ));
    }
    let mut verdict = facts.place.wait_until_ready(true).unwrap_or_else(|| {
        Verdict::stalled(Reason::ReferenceNotFound, "The Workspace that the endpoint is in is gone.")
    });
    let _ = write!(verdict.message, " Until then the endpoint {name} stays as it is: {asked}.");
    verdict
}

/// Azure keeps the autoscale setting of a deployment that is gone, and it would scale a later one of that name.
fn remove_settings_of_what_is_gone(case: &Case<'_>) -> Option<Verdict> {
    autoscale::go_on_removing(case).map(|verdict| Verdict { reason: Reason::Deleting, ..verdict })
}

pub(super) fn finish_deletion(case: &Case<'_>) -> Option<Verdict> {
    let facts = case.facts;
    let situation = &facts.situation;
    if !situation.deleting {
        return None;
    }
    if facts.spec.deletion_policy == BindingDeletion::Retain {
        return Some(Verdict::release("The endpoint stays in Azure: spec.deletionPolicy is Retain."));
    }
    if let Some(verdict) = keep_out_of_place(case).or_else(|| keep_out(case)) {
        return Some(verdict);
    }
    if facts.endpoint.is_absent() {
        if let Some(first) = remove_settings_of_what_is_gone(case) {
            return Some(first);
        }
        let nothing = "The endpoint is not in Azure, so nothing is left to delete there.";
        return Some(Verdict::release(nothing));
    }
    if let Some(verdict) = let_go_where_it_is_forbidden(case) {
        return Some(verdict);
    }
    let Look::Found(endpoint) = &facts.endpoint else {
        if facts.id.is_none() || facts.place.is_lost(&situation.acting) {
            return situation.end_without_a_place("endpoint");
        }
        return situation.report_unreadable_at_the_end(&facts.status.conditions);
    };
    let (id, what) = (facts.id.clone()?, format!("endpoint {}", facts.endpoint_name()));
    let follow = || follow_running_change(case);
    let strangers = situation.leave_to_strangers(&facts.place, &endpoint.tags, &what);
    let left = strangers.or_else(|| situation.leave_to_owner(&endpoint.tags, &what, follow));
    if let Some(verdict) = left.or_else(follow) {
        return Some(verdict);
    }
    if facts.removal == Removal::NobodyCanSay && situation.ownership.heirs().next().is_none() {
        return Some(wait_for_who_can_say(case));
    }
    let takes_back = matches!(case.next.cause, Some(Cause::TakeBack { .. }));
    let patience = facts.spec.strategy.handover.as_ref().map_or(situation.handover, Period::duration);
    let hand_over = situation.hand_over(&what, patience, |heir, doing| {
        let mut given = endpoint.clone();
        given.tags.insert(OWNER_TAG.into(), heir.to_string());
        // A bad candidate is taken back by the same PUT: Azure may take no traffic map that names a failed deployment.
        if let Some(back) = back_to_stable(case, takes_back) {
            mark(&mut given.tags, heir, &back, &case.scene.failures());
            route(&mut given, back.routed(), |name| case.scene.is_ours(name));
        }
        Some(Call::new(Purpose::HandOver, id.clone(), Action::Put(given.to_put()), doing))
    });
    if let Some(verdict) = hand_over {
        let first = match &verdict.call {
            // The heir's traffic map names what serves, too.
            Some(_) => deployments::mend_stable(case),
            None if takes_back && situation.ownership.heirs().next().is_none() => align_endpoint(case),
            None => None,
        };
        return first.or(Some(verdict));
    }
    if let Some(first) = verification::cancel_at_the_end(case) {
        return Some(first);
    }
    let (ours, foreign): (Vec<&OnlineDeployment>, Vec<_>) =
        facts.deployments.iter().partition(|d| case.scene.ours(d));
    let serves = |d: &&OnlineDeployment| endpoint.weight(d.name()) > 0;
    if ours.iter().any(|d| case.scene.reaching(d.name()) > Share::NONE) {
        if let Some(other) = foreign.iter().find(|d| serves(d)) {
            let message = format!(
                "The endpoint {} also sends traffic to {}, which is not Bindery's. Move all traffic to it or none, or set spec.deletionPolicy to Retain.",
                id.name(),
                other.name()
            );
            return Some(situation.held_in_azure(&facts.status.conditions, Reason::InUse, message));
        }
        let mut quiet = endpoint.clone();
        quiet.properties.traffic.clear();
        quiet.properties.mirror_traffic.clear();
        quiet.tags.insert(TRAFFIC_TAG.into(), String::new());
        quiet.tags.remove(POSITION_TAG);
        let doing = match case.scene.kind() {
            EndpointKind::Online => format!("take all traffic off the endpoint {}", id.name()),
            EndpointKind::Batch => format!("leave the endpoint {} without a default deployment", id.name()),
        };
        return Some(Verdict::call(
            Reason::Deleting,
            Call::new(Purpose::StopTraffic, id, Action::Put(quiet.to_put()), doing),
        ));
    }
    if let Some(one) = ours.first() {
        if let Some(first) = facts.remove_setting_before(one.name(), "which goes") {
            return Some(Verdict { reason: Reason::Deleting, ..first });
        }
        let doing = format!("delete deployment {}{}", one.name(), facts.jobs_that_outlive(one.name()));
        let resource = id.child("deployments", one.name());
        return Some(Verdict::call(
            Reason::Deleting,
            Call::new(Purpose::RemoveDeployment, resource, Action::Delete, doing),
        ));
    }
    if let Some(first) = remove_settings_of_what_is_gone(case) {
        return Some(first);
    }
    if !foreign.is_empty() {
        let mut left = endpoint.clone();
        // What people's actions have done already stays written down: the objects of the actions may be there longer.
        let ours = [
            OWNER_TAG,
            STABLE_TAG,
            PREVIOUS_TAG,
            TRAFFIC_TAG,
            FAILED_TAG,
            POSITION_TAG,
            HISTORY_TAG,
            HOLD_TAG,
        ];
        left.tags.retain(|tag, _| !ours.contains(&tag.as_str()));
        let doing = format!("let go of the endpoint {}, on which other deployments are", id.name());
        return Some(Verdict::call(
            Reason::Deleting,
            Call::new(Purpose::LetGo, id, Action::Put(left.to_put()), doing),
        ));
    }
    let doing = format!("delete the endpoint {}", id.name());
    Some(Verdict::call(Reason::Deleting, Call::new(Purpose::Delete, id, Action::Delete, doing)))
}
