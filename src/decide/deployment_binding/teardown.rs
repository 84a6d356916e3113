//! The end of a binding: traffic first, then our deployments, then the endpoint if nothing else is on it.

use super::endpoint::align_endpoint;
use super::waiting::{follow_running_change, keep_out, keep_out_of_place};
use super::{Case, deployments};
use crate::api::{BindingDeletion, Period, Reason};
use crate::azure::model::resource::OnlineDeployment;
use crate::azure::model::{Action, Call, Purpose};
use crate::decide::rollout::{
    Cause, FAILED_TAG, POSITION_TAG, PREVIOUS_TAG, STABLE_TAG, TRAFFIC_TAG, Target, Traffic, mark,
};
use crate::decide::{Look, OWNER_TAG, Verdict};

/// The endpoint with all the traffic back on its stable deployment, where another one that has traffic is bad: also while
/// nobody can say what is wanted.
fn back_to_stable(case: &Case<'_>, takes_back: bool) -> Option<Target> {
    let scene = &case.scene;
    let stable = scene.stable.clone().filter(|name| !scene.is_broken(name))?;
    let serving = case.facts.endpoint.found()?.properties.traffic.iter().filter(|(_, weight)| **weight > 0);
    let bad = serving.map(|(name, _)| name).any(|name| *name != stable && scene.is_broken(name));
    let (traffic, previous) = (Traffic::all_to(&stable), scene.previous.clone());
    (bad || takes_back).then(|| Target { traffic, stable: Some(stable), previous, ..Target::default() })
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
    let endpoint = match &facts.endpoint {
        Look::Absent => {
            return Some(Verdict::release(
                "The endpoint is not in Azure, so nothing is left to delete there.",
            ));
        }
        Look::Unseen if facts.id.is_none() || facts.place.is_lost(&situation.acting) => {
            return situation.end_without_a_place("endpoint");
        }
        Look::Unseen => {
            return facts.situation.report_unreadable_at_the_end(&facts.status.conditions);
        }
        Look::Found(endpoint) => endpoint,
    };
    let (id, what) = (facts.id.clone()?, format!("endpoint {}", facts.endpoint_name()));
    let follow = || follow_running_change(case);
    let strangers = situation.leave_to_strangers(&facts.place, &endpoint.tags, &what);
    let left = strangers.or_else(|| situation.leave_to_owner(&endpoint.tags, &what, follow));
    if let Some(verdict) = left.or_else(follow) {
        return Some(verdict);
    }
    let takes_back = matches!(case.next.cause, Some(Cause::TakeBack { .. }));
    let patience = facts.spec.strategy.handover.as_ref().map_or(situation.handover, Period::duration);
    let hand_over = situation.hand_over(&what, patience, |heir, doing| {
        let mut given = endpoint.clone();
        given.tags.insert(OWNER_TAG.into(), heir.to_string());
        // A bad candidate is taken back by the same PUT: Azure may take no traffic map that names a failed deployment.
        if let Some(back) = back_to_stable(case, takes_back) {
            mark(&mut given.tags, heir, &back, &case.scene.failures());
            given.properties.traffic = back.traffic.to_map();
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
    let (ours, foreign): (Vec<&OnlineDeployment>, Vec<_>) =
        facts.deployments.iter().partition(|d| case.scene.ours(d));
    let serves = |d: &&OnlineDeployment| endpoint.weight(d.name()) > 0;
    if ours.iter().any(serves) {
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
        let doing = format!("take all traffic off the endpoint {}", id.name());
        return Some(Verdict::call(
            Reason::Deleting,
            Call::new(Purpose::StopTraffic, id, Action::Put(quiet.to_put()), doing),
        ));
    }
    if let Some(one) = ours.first() {
        let doing = format!("delete deployment {}", one.name());
        let resource = id.child("deployments", one.name());
        return Some(Verdict::call(
            Reason::Deleting,
            Call::new(Purpose::RemoveDeployment, resource, Action::Delete, doing),
        ));
    }
    if !foreign.is_empty() {
        let mut left = endpoint.clone();
        for tag in [OWNER_TAG, STABLE_TAG, PREVIOUS_TAG, TRAFFIC_TAG, FAILED_TAG, POSITION_TAG] {
            left.tags.remove(tag);
        }
        let doing = format!("let go of the endpoint {}, on which other deployments are", id.name());
        return Some(Verdict::call(
            Reason::Deleting,
            Call::new(Purpose::LetGo, id, Action::Put(left.to_put()), doing),
        ));
    }
    let doing = format!("delete the endpoint {}", id.name());
    Some(Verdict::call(Reason::Deleting, Call::new(Purpose::Delete, id, Action::Delete, doing)))
}
