//! The endpoint: made, taken over, kept equal, and its traffic moved, all by the same PUT.

use super::{Carries, Facts};
use crate::api::{AzureIdentity, Drift, Reason};
use crate::azure::model::Purpose;
use crate::azure::model::resource::{OnlineEndpoint, Provisioning, Strings};
use crate::decide::registry::to_azure;
use crate::decide::rollout::{Scene, Target, Traffic};
use crate::decide::{OWNER_TAG, Place, Verdict};

pub(super) fn refuse_foreign(facts: &Facts) -> Option<Verdict> {
    let nobody = Strings::new();
    let tags = facts.endpoint.found().map_or(&nobody, |e| &e.tags);
    let other = facts.situation.other_owner(tags)?;
    Some(Verdict::stalled(
        Reason::OwnedByAnother,
        format!(
            "The endpoint {} belongs to {other}. Delete one of the two bindings, or name another endpoint in a new one; if the other owner is gone for good, remove the tag {OWNER_TAG} in Azure.",
            facts.endpoint_name()
        ),
    ))
}

pub(super) fn refuse_unknown_traffic(facts: &Facts) -> Option<Verdict> {
    if facts.observing() {
        return None;
    }
    let scene = Scene::of(facts);
    let serving = scene.unknown_split()?;
    let serving =
        if serving.is_empty() { "its weights do not sum to 100".to_string() } else { serving.join(" and ") };
    Some(Verdict::stalled(
        Reason::UnknownTraffic,
        format!(
            "The endpoint {} splits its traffic between deployments that Bindery did not make ({serving}), so none of them can count as stable. Give one of them all the traffic in Azure first.",
            facts.endpoint_name()
        ),
    ))
}

pub(super) fn align_endpoint(facts: &Facts) -> Option<Verdict> {
    let endpoint = facts.endpoint.found()?;
    let scene = Scene::of(facts);
    let target = scene.next(facts.may_rise());
    let differences = facts.differences();
    let adopting = !facts.situation.ownership.owns(&endpoint.tags);
    let moving = scene.held.as_ref() != Some(&target.traffic) || scene.intended != target.traffic;
    let promoting = scene.stable != target.stable;
    let failures = scene.unwritten_failures(endpoint);
    let failed = failures.latest().is_some();
    let gives_up = scene.wanted.as_ref().is_some_and(|(revision, _)| failures.contains(revision));
    let broken = matches!(endpoint.provisioning(), Provisioning::Failed | Provisioning::Canceled);
    let outlived = scene.mark_outlived_it();
    if facts.observing() && differences.is_empty() {
        return None;
    }
    if !(moving || promoting || adopting || failed || broken || outlived || !differences.is_empty()) {
        return None;
    }
    let rises = scene.candidate().is_some_and(|candidate| {
        let held = scene.held.as_ref().map(|held| held.weight(candidate.name()));
        held.is_some_and(|held| target.traffic.weight(candidate.name()) > held)
    });
    let carries = if failed || (moving && !rises) { Carries::Traffic } else { Carries::Everything };
    let stood = facts.situation.stood(&facts.status.conditions) || scene.traffic_drifted();
    let (going, later): (Vec<&Drift>, Vec<&Drift>) =
        differences.iter().partition(|d| carries == Carries::Everything || d.field == "traffic");
    let named = |all: Vec<&Drift>| all.iter().map(|d| d.field.as_str()).collect::<Vec<_>>().join(", ");
    let (fields, later) = (named(going), named(later));
    let drifted = stood && !fields.is_empty();
    let name = facts.endpoint_name();
    let wanted = scene.wanted_name().unwrap_or_default();
    let (reason, purpose, doing) = if gives_up || (scene.wanted_failed() && moving) {
        let back =
            scene.stable.as_deref().map_or_else(|| "; nothing serves".into(), |s| format!("; {s} serves"));
        (Reason::TakingBack, Purpose::TakeBack, format!("take {wanted} back{back}"))
    } else if adopting {
        (Reason::Updating, Purpose::TakeOver, format!("take over the endpoint {name}, which exists"))
    } else if drifted {
        // Traffic alone does not wait behind a field that Azure refuses.
        let purpose = if carries == Carries::Traffic { Purpose::RestoreTraffic } else { Purpose::PutBack };
        (Reason::Drifted, purpose, format!("put back {fields} of endpoint {name}"))
    } else if promoting && target.stable.as_deref() == Some(wanted) {
        (
            Reason::Progressing,
            Purpose::Promote,
            format!("give {wanted} all the traffic and make it the stable one"),
        )
    } else if moving && !scene.arrived() && target.traffic.weight(wanted) > scene.intended.weight(wanted) {
        (
            Reason::Progressing,
            Purpose::MoveTraffic,
            format!("move {} % of the traffic to {wanted}", target.traffic.weight(wanted).percent()),
        )
    } else if moving {
        (Reason::TakingBack, Purpose::TakeBack, format!("set the traffic to {}", target.traffic.in_words()))
    } else if broken {
        // The same PUT as the one that failed: it waits for its time, and says meanwhile why that was.
        let mend =
            || (Purpose::Mend, format!("mend the endpoint {name}, which Azure left in a failed state"));
        let failure = facts.situation.trouble.failure.as_ref();
        let (purpose, doing) = failure.map_or_else(mend, |f| (f.attempt.purpose, f.attempt.doing.clone()));
        (Reason::Updating, purpose, doing)
    } else if outlived && fields.is_empty() {
        (Reason::Updating, Purpose::Note, format!("note that {wanted} is gone from endpoint {name}"))
    } else if failed && fields.is_empty() {
        (Reason::Updating, Purpose::Note, format!("note on endpoint {name} which revisions failed"))
    } else {
        (Reason::Updating, Purpose::Update, format!("change {fields} of endpoint {name}"))
    };
    let then =
        if drifted && !later.is_empty() { format!(" Then it puts back {later}.") } else { String::new() };
    let note = format!("Bindery is about to {doing}.{then}");
    let mut step = facts.put_endpoint(endpoint.clone(), carries, &target, (reason, purpose), doing)?;
    if !facts.observing() {
        let warning = matches!(reason, Reason::TakingBack | Reason::Drifted);
        step = step.telling(warning, reason, note);
    }
    Some(step)
}

pub(super) fn create_endpoint(facts: &Facts) -> Option<Verdict> {
    if !facts.endpoint.is_absent() {
        return None;
    }
    let name = facts.endpoint_name();
    if facts.observing() {
        return Some(Verdict::stalled(
            Reason::NotInAzure,
            format!(
                "There is no endpoint {name} in Azure, and Bindery makes none: {}. Check the name, or let Bindery manage it.",
                facts.situation.why_observed()
            ),
        ));
    }
    let Place::Ready { location, .. } = &facts.place else { return None };
    let mut endpoint = OnlineEndpoint { location: location.clone(), ..OnlineEndpoint::default() };
    let identity = facts.spec.online.endpoint.identity.clone();
    let system = AzureIdentity { system_assigned: true, user_assigned: vec![] };
    endpoint.identity = Some(to_azure(&identity.unwrap_or(system)));
    let target = Target { traffic: Traffic::none(), stable: None, previous: None, pause: None };
    let doing = format!("create the endpoint {name}");
    facts.put_endpoint(endpoint, Carries::Everything, &target, (Reason::Creating, Purpose::Create), doing)
}
