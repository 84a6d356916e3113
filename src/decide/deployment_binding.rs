//! A binding: one endpoint, and the version that it should serve. This page is the whole rollout.
//!
//! The traffic that an endpoint should have is one function of the scene ([`Scene::next`]); moving it,
//! taking it back and mending a foreign change are the same PUT. Where the rollout stands is written in
//! the endpoint's tags by that PUT, so it survives the loss of all status.

mod picture;
mod teardown;

use std::time::Duration;

use super::rollout::{
    Next as Target, Revision, Scene, Traffic, desired_deployment, desired_tags, endpoint_differences,
};
use super::{Decision, Look, Mode, Next, OWNER_TAG, Place, Situation, SourceVersion, Step, first_of};
use crate::api::{DeploymentBindingSpec, DeploymentBindingStatus, Drift, Phase, Reason, Role};
use crate::azure::resource::{OnlineDeployment, OnlineEndpoint, Provisioning, Strings};
use crate::azure::{Action, Call, Error, Reply, ResourceId};

/// Everything the decision needs.
#[derive(Debug, Clone)]
pub struct Facts {
    pub situation: Situation,
    pub spec: DeploymentBindingSpec,
    pub status: DeploymentBindingStatus,
    /// The workspace.
    pub place: Place,
    /// The endpoint's ARM id: from the workspace or, when that is gone, from the status.
    pub id: Option<ResourceId>,
    /// The version to serve.
    pub version: SourceVersion,
    pub endpoint: Look<OnlineEndpoint>,
    /// The deployments on the endpoint.
    pub deployments: Vec<OnlineDeployment>,
}

/// What to do next for a binding. The first question that has an answer decides.
pub fn decide(facts: &Facts) -> Decision<DeploymentBindingStatus> {
    let mut status = picture::of(facts);
    let step = first_of(
        facts,
        &[
            teardown::finish_deletion,
            wait_for_workspace,
            report_unreadable,
            refuse_foreign,
            follow_running_change, // one change at a time: the endpoint and its deployments are one
            refuse_unknown_traffic, // nothing is moved until the picture is whole
            align_endpoint,        // take back, shift, promote, mend, adopt
            wait_for_version,      // it must exist, be registered, and be for this namespace
            refuse_by_policy,      // what the workspace asks of what serves there
            create_endpoint,
            remove_superseded,       // a rollout that was given up for another
            report_failed_candidate, // no second try of a failed revision
            make_room,               // two deployments and one failed are the most
            create_candidate,
            adjust_deployment, // count and tags, without a rollout
            pause_between_steps,
            remove_what_has_expired, // the previous one, and the failed one
        ],
    )
    .unwrap_or_else(|| settle(facts));
    let (conditions, step) = facts.situation.conclude(&facts.status.conditions, &status.drift, step);
    status.phase = Some(phase(facts, &step));
    status.conditions = picture::conditions(facts, conditions);
    Decision {
        status,
        call: step.call,
        events: step.events,
        next: sooner(facts, step.next),
        release: step.release,
    }
}

impl Facts {
    /// The facts after Azure has answered a call.
    pub fn absorb(&mut self, call: &Call, answer: Result<&Reply, &Error>) {
        let Ok(reply) = answer else { return };
        self.status.operation = self.situation.accepted(call, reply);
        let of_endpoint = self.id.as_ref() == Some(&call.resource);
        let others = |d: &OnlineDeployment| !d.name().eq_ignore_ascii_case(call.resource.name());
        match (&call.action, reply.body.clone()) {
            (Action::Put(_), Some(body)) if of_endpoint => {
                if let Ok(endpoint) = serde_json::from_value(body) {
                    self.endpoint = Look::Found(endpoint);
                }
                self.status.owned_tags = self.spec.online.endpoint.tags.keys().cloned().collect();
            }
            (Action::Put(_), Some(body)) => {
                if let Ok(deployment) = serde_json::from_value(body) {
                    self.deployments.retain(others);
                    self.deployments.push(deployment);
                }
            }
            (Action::Delete, _) if reply.operation.is_none() && of_endpoint => {
                self.endpoint = Look::Absent;
                self.deployments.clear();
            }
            (Action::Delete, _) if reply.operation.is_none() => self.deployments.retain(others),
            _ => {}
        }
    }

    fn observing(&self) -> bool {
        matches!(self.situation.mode, Mode::Observe | Mode::ObserveOnly)
    }

    /// The revision that the manifest asks for, and its deployment's name. While the version cannot be
    /// read, the candidate that is on its way.
    pub fn wanted(&self) -> Option<(Revision, String)> {
        match &self.version {
            SourceVersion::Ready { asset_id, version, .. } => {
                let revision = Revision::of(asset_id, &self.spec.online.deployment);
                let name = revision.deployment_name(version);
                Some((revision, name))
            }
            _ => self.status.candidate.as_ref().map(|c| (Revision::parse(&c.revision), c.deployment.clone())),
        }
    }

    fn endpoint_name(&self) -> &str {
        &self.spec.online.endpoint.name
    }

    fn deployment_id(&self, name: &str) -> Option<ResourceId> {
        self.id.as_ref().map(|id| id.child("deployments", name))
    }

    /// May the wanted version get more traffic than it has?
    fn may_rise(&self) -> bool {
        matches!(self.version, SourceVersion::Ready { .. }) && refusal_by_policy(self).is_none()
    }

    fn differences(&self) -> Vec<Drift> {
        let Some(endpoint) = self.endpoint.found() else { return vec![] };
        let mut all = endpoint_differences(&self.spec, &self.status.owned_tags, endpoint);
        let scene = Scene::of(self);
        if scene.traffic_drifted() {
            all.push(Drift {
                field: "traffic".into(),
                wanted: scene.intended.in_words(),
                found: Traffic::held(&endpoint.properties.traffic)
                    .map_or_else(|| "a map that does not sum to 100".into(), |t| t.in_words()),
            });
        }
        all
    }

    fn put_endpoint(
        &self,
        base: OnlineEndpoint,
        target: &Target,
        reason: Reason,
        doing: String,
    ) -> Option<Step> {
        let mut endpoint = base;
        let wanted = &self.spec.online.endpoint;
        let scene = Scene::of(self);
        let failed =
            if scene.wanted_failed() { scene.wanted.as_ref().map(|(r, _)| r) } else { scene.failed.as_ref() };
        let owner = &self.situation.owner;
        endpoint.tags =
            desired_tags(&endpoint.tags, &self.spec, &self.status.owned_tags, owner, target, failed);
        endpoint.properties.auth_mode = wanted.auth_mode.word().into();
        endpoint.properties.public_network_access = Some(wanted.public_network_access.word().into());
        if let Some(identity) = &wanted.identity {
            endpoint.identity = Some(super::registry::to_azure(identity));
        }
        endpoint.properties.traffic = target.traffic.to_map();
        Some(Step::call(
            reason,
            Call { doing, resource: self.id.clone()?, action: Action::Put(endpoint.to_put()) },
        ))
    }

    fn delete_deployment(&self, name: &str, because: &str) -> Option<Step> {
        let doing = format!("delete deployment {name}, {because}");
        Some(Step::call(
            Reason::Progressing,
            Call { doing, resource: self.deployment_id(name)?, action: Action::Delete },
        ))
    }
}

fn wait_for_workspace(facts: &Facts) -> Option<Step> {
    match &facts.place {
        Place::Missing { what } => Some(Step::stalled(
            Reason::ReferenceNotFound,
            format!(
                "There is no {what}, or its allowedNamespaces does not include this namespace. Apply it, or have its owner allow this namespace."
            ),
        )),
        Place::NotReady { what, because } => {
            Some(Step::blocked(Reason::ReferenceNotReady, format!("{what} is not ready: {because}")))
        }
        Place::Ready { .. } => None,
    }
}

fn report_unreadable(facts: &Facts) -> Option<Step> {
    facts.situation.report_unreadable(&facts.status.conditions)
}

fn refuse_foreign(facts: &Facts) -> Option<Step> {
    let nobody = Strings::new();
    let tags = facts.endpoint.found().map_or(&nobody, |e| &e.tags);
    let other = facts.situation.other_owner(tags)?;
    Some(Step::stalled(
        Reason::OwnedByAnother,
        format!(
            "The endpoint {} belongs to {other}. Delete one of the two bindings, or name another endpoint in a new one; if the other cluster is gone for good, remove the tag {OWNER_TAG} in Azure.",
            facts.endpoint_name()
        ),
    ))
}

fn follow_running_change(facts: &Facts) -> Option<Step> {
    let endpoint = facts.endpoint.found().filter(|e| e.provisioning() == Provisioning::Running);
    let deployment = facts.deployments.iter().find(|d| d.provisioning() == Provisioning::Running);
    let what = match (endpoint, deployment) {
        (Some(_), _) => format!("the endpoint {}", facts.endpoint_name()),
        (None, Some(deployment)) => format!("deployment {}", deployment.name()),
        (None, None) => return None,
    };
    let operation = facts.status.operation.as_ref();
    let doing = operation.map_or_else(|| format!("a change of {what}"), |o| o.doing.clone());
    let after = facts.situation.look_again(operation.map(|o| o.since.as_str()));
    if picture::deadline_passed(facts) {
        let mut step = Step::wait(
            Reason::ProgressDeadlineExceeded,
            format!(
                "Azure has worked on {what} for longer than spec.strategy.progressDeadline. Bindery takes it back as soon as Azure lets go of the endpoint."
            ),
            after,
        );
        step.course = super::step::Course::Stalled;
        return Some(step);
    }
    Some(Step::wait(Reason::OperationRunning, format!("Azure works on it: {doing}."), after))
}

fn refuse_unknown_traffic(facts: &Facts) -> Option<Step> {
    let serving = Scene::of(facts).unknown_split().map(|s| s.join(" and "))?;
    Some(Step::stalled(
        Reason::UnknownTraffic,
        format!(
            "The endpoint {} splits its traffic between deployments that Bindery did not make ({serving}), so none of them can count as stable. Give one of them all the traffic in Azure first.",
            facts.endpoint_name()
        ),
    ))
}

fn align_endpoint(facts: &Facts) -> Option<Step> {
    let endpoint = facts.endpoint.found()?;
    let scene = Scene::of(facts);
    let target = scene.next(facts.may_rise());
    let differences = facts.differences();
    let adopting = !facts.situation.owns(&endpoint.tags);
    let moving = scene.held.as_ref() != Some(&target.traffic) || scene.intended != target.traffic;
    let promoting = scene.stable != target.stable;
    let failed = scene.wanted_failed() && scene.failed_unwritten(endpoint);
    let broken = matches!(endpoint.provisioning(), Provisioning::Failed | Provisioning::Canceled);
    if facts.observing() && differences.is_empty() {
        return None;
    }
    if !(moving || promoting || adopting || failed || broken || !differences.is_empty()) {
        return None;
    }
    let drifted = facts.situation.stood(&facts.status.conditions) && !differences.is_empty();
    let fields: Vec<&str> = differences.iter().map(|d| d.field.as_str()).collect();
    let name = facts.endpoint_name();
    let wanted = scene.wanted_name().unwrap_or_default();
    let (reason, doing) = if failed || (scene.wanted_failed() && moving) {
        let back =
            scene.stable.as_deref().map_or_else(|| "; nothing serves".into(), |s| format!("; {s} serves"));
        (Reason::TakingBack, format!("take {wanted} back{back}"))
    } else if adopting {
        (Reason::Updating, format!("take over the endpoint {name}, which exists"))
    } else if drifted {
        (Reason::Drifted, format!("put back {} of endpoint {name}", fields.join(", ")))
    } else if promoting && target.stable.as_deref() == Some(wanted) {
        (Reason::Progressing, format!("give {wanted} all the traffic and make it the stable one"))
    } else if moving && target.traffic.weight(wanted) > scene.intended.weight(wanted) {
        (
            Reason::Progressing,
            format!("move {} % of the traffic to {wanted}", target.traffic.weight(wanted).percent()),
        )
    } else if moving {
        (Reason::TakingBack, format!("set the traffic to {}", target.traffic.in_words()))
    } else if broken {
        (Reason::Updating, format!("mend the endpoint {name}, which Azure left in a failed state"))
    } else {
        (Reason::Updating, format!("change {} of endpoint {name}", fields.join(", ")))
    };
    let note = format!("Bindery is about to {doing}.");
    let mut step = facts.put_endpoint(endpoint.clone(), &target, reason, doing)?;
    if !facts.observing() {
        let warning = matches!(reason, Reason::TakingBack | Reason::Drifted);
        step = step.telling(warning, reason, note);
    }
    Some(step)
}

fn wait_for_version(facts: &Facts) -> Option<Step> {
    match &facts.version {
        SourceVersion::Missing { what } => Some(Step::stalled(
            Reason::ReferenceNotFound,
            format!(
                "There is no {what}, or this namespace may not serve it. Apply it, or have the owner of its registry allow this namespace."
            ),
        )),
        SourceVersion::NotReady { what, because } => {
            Some(Step::blocked(Reason::ReferenceNotReady, format!("{what} is not ready: {because}")))
        }
        SourceVersion::Ready { .. } => None,
    }
}

fn refuse_by_policy(facts: &Facts) -> Option<Step> {
    let refusal = refusal_by_policy(facts).filter(|_| !Scene::of(facts).arrived())?;
    Some(Step::stalled(Reason::PolicyRefused, refusal))
}

/// Why the workspace's policy does not let the version serve, in words.
fn refusal_by_policy(facts: &Facts) -> Option<String> {
    let Place::Ready { policy, .. } = &facts.place else { return None };
    let SourceVersion::Ready { model, version, lineage, registry, .. } = &facts.version else { return None };
    let workspace = &facts.spec.workspace_ref.name;
    if policy.require_lineage && lineage.job.is_none() {
        return Some(format!(
            "Workspace {workspace} serves only versions whose training job is known, and {model}:{version} has none. Register it from a job."
        ));
    }
    let allowed = &policy.allowed_registries;
    let listed = |r: &String| allowed.iter().any(|a| a.eq_ignore_ascii_case(r));
    if !allowed.is_empty() && !registry.as_ref().is_some_and(listed) {
        let from = registry.as_ref().map_or_else(|| "a workspace".to_string(), |r| format!("registry {r}"));
        return Some(format!(
            "Workspace {workspace} serves only versions from {}, and {model}:{version} is in {from}. Promote it there first.",
            allowed.join(", ")
        ));
    }
    None
}

fn create_endpoint(facts: &Facts) -> Option<Step> {
    if !facts.endpoint.is_absent() {
        return None;
    }
    let name = facts.endpoint_name();
    if facts.observing() {
        return Some(Step::stalled(
            Reason::NotInAzure,
            format!(
                "There is no endpoint {name} in Azure, and Bindery only observes it. Check the name, or set spec.management to Manage."
            ),
        ));
    }
    let Place::Ready { location, .. } = &facts.place else { return None };
    let mut endpoint = OnlineEndpoint { location: location.clone(), ..OnlineEndpoint::default() };
    let identity = facts.spec.online.endpoint.identity.clone();
    let system = crate::api::AzureIdentity { system_assigned: true, user_assigned: vec![] };
    endpoint.identity = Some(super::registry::to_azure(&identity.unwrap_or(system)));
    let target = Target { traffic: Traffic::none(), stable: None, pause: None };
    facts.put_endpoint(endpoint, &target, Reason::Creating, format!("create the endpoint {name}"))
}

/// Our deployments without traffic, in this role.
fn idle<'a>(facts: &'a Facts, scene: &Scene<'_>, role: Role) -> Vec<&'a OnlineDeployment> {
    let endpoint = facts.endpoint.found();
    let serves = |d: &OnlineDeployment| endpoint.is_some_and(|e| e.weight(d.name()) > 0);
    facts.deployments.iter().filter(|d| scene.role(d) == role && scene.ours(d) && !serves(d)).collect()
}

fn remove_superseded(facts: &Facts) -> Option<Step> {
    let scene = Scene::of(facts);
    let one = *idle(facts, &scene, Role::Superseded).first()?;
    facts.delete_deployment(one.name(), "whose rollout was given up for another")
}

fn report_failed_candidate(facts: &Facts) -> Option<Step> {
    let scene = Scene::of(facts);
    if !scene.wanted_failed() {
        return None;
    }
    // Nothing in the answer below needs the failed deployment, so it may go when its time has come.
    if let Some(step) = remove_what_has_expired(facts) {
        return Some(step);
    }
    let failed = picture::of(facts).failed;
    let message = failed.as_ref().map_or("", |f| f.message.as_str());
    let reason = match failed.as_ref().map(|f| f.reason.as_str()) {
        Some("ProgressDeadlineExceeded") => Reason::ProgressDeadlineExceeded,
        _ => Reason::CandidateFailed,
    };
    let serving =
        scene.stable.as_deref().map_or_else(|| "Nothing serves.".to_string(), |s| format!("{s} serves on."));
    let wanted = scene.wanted_name().unwrap_or_default();
    Some(Step::stalled(
        reason,
        format!(
            "{wanted} failed and was taken back: {message} {serving} It is not tried again: bind another version, or change anything in spec.online.deployment but instanceCount and tags."
        ),
    ))
}

fn make_room(facts: &Facts) -> Option<Step> {
    let scene = Scene::of(facts);
    if scene.arrived() || scene.candidate().is_some() {
        return None;
    }
    let one = *idle(facts, &scene, Role::Previous).first()?;
    facts.delete_deployment(one.name(), "to make room for the next one")
}

fn create_candidate(facts: &Facts) -> Option<Step> {
    let scene = Scene::of(facts);
    let (revision, name) = scene.wanted.as_ref()?;
    if scene.deployment(name).is_some() {
        return None;
    }
    let (Place::Ready { location, .. }, SourceVersion::Ready { asset_id, model, version, .. }) =
        (&facts.place, &facts.version)
    else {
        return None;
    };
    let deployment = &facts.spec.online.deployment;
    let body = desired_deployment(None, deployment, asset_id, location, &facts.situation.owner, revision);
    let doing = format!("create deployment {name} of {model}:{version}");
    let note = format!("Bindery is about to {doing}.");
    let call = Call { doing, resource: facts.deployment_id(name)?, action: Action::Put(body.to_put()) };
    Some(Step::call(Reason::Progressing, call).telling(false, Reason::Progressing, note))
}

fn adjust_deployment(facts: &Facts) -> Option<Step> {
    let scene = Scene::of(facts);
    let (revision, name) = scene.wanted.as_ref()?;
    let found = scene.deployment(name).filter(|d| scene.ours(d))?;
    let wanted = &facts.spec.online.deployment;
    let count = found.instance_count() != Some(wanted.instance_count);
    let tags = wanted.tags.iter().any(|(k, v)| found.tags.get(k) != Some(v));
    if !count && !tags {
        return None;
    }
    let model = found.properties.model.clone().unwrap_or_default();
    let body =
        desired_deployment(Some(found), wanted, &model, &found.location, &facts.situation.owner, revision);
    let what = match (count, tags) {
        (true, false) => format!("set {name} to {} instances", wanted.instance_count),
        _ => format!("set the instances and tags of {name}"),
    };
    Some(Step::call(
        Reason::Updating,
        Call { doing: what, resource: facts.deployment_id(name)?, action: Action::Put(body.to_put()) },
    ))
}

fn pause_between_steps(facts: &Facts) -> Option<Step> {
    let scene = Scene::of(facts);
    let left = scene.next(facts.may_rise()).pause?;
    let (weight, since) = scene.candidate_weight();
    let wanted = scene.wanted_name().unwrap_or_default();
    Some(Step::wait(
        Reason::Pausing,
        format!(
            "{wanted} has {} % of the traffic since {since}; a pause of the strategy goes on.",
            weight.percent()
        ),
        left.max(Duration::from_millis(100)),
    ))
}

/// How long a deployment without traffic is kept; none for one that stays.
fn kept_for(facts: &Facts, role: Role) -> Option<Duration> {
    let hour = Duration::from_secs(3600);
    let strategy = &facts.spec.strategy;
    match role {
        Role::Previous => Some(strategy.keep_previous.as_ref().map_or(hour, |p| p.duration())),
        Role::Failed => Some(strategy.keep_failed.as_ref().map_or(hour, |p| p.duration())),
        _ => None,
    }
}

/// What is left of the time that our idle deployments are kept, by name.
fn expiries(facts: &Facts) -> Vec<(String, Role, Duration)> {
    let scene = Scene::of(facts);
    let mut all = vec![];
    for role in [Role::Previous, Role::Failed] {
        let keep = kept_for(facts, role).unwrap_or_default();
        for deployment in idle(facts, &scene, role) {
            let kept = scene.since(deployment).duration_until(facts.situation.now).unsigned_abs();
            all.push((deployment.name().to_string(), role, keep.saturating_sub(kept)));
        }
    }
    all
}

fn remove_what_has_expired(facts: &Facts) -> Option<Step> {
    let (name, role, _) = expiries(facts).into_iter().find(|(_, _, left)| left.is_zero())?;
    let because = if role == Role::Failed { "which failed" } else { "which no longer serves" };
    facts.delete_deployment(&name, because)
}

fn settle(facts: &Facts) -> Step {
    let scene = Scene::of(facts);
    let name = facts.endpoint_name();
    if facts.observing() {
        return Step::settled(
            Reason::Observed,
            format!("The endpoint {name} is there; Bindery leaves it as it is."),
        );
    }
    let Some(stable) = scene.stable.as_deref().filter(|_| scene.arrived()) else {
        return Step::wait(
            Reason::Progressing,
            format!("The rollout on {name} goes on."),
            Duration::from_secs(5),
        );
    };
    if scene.deployment(stable).is_some_and(|d| d.provisioning() != Provisioning::Succeeded) {
        return Step::stalled(
            Reason::ResourceFailed,
            format!(
                "Azure reports {stable}, which serves, in a failed state after its last change. Look at its logs; bind another version, or change spec.online.deployment."
            ),
        );
    }
    Step::settled(Reason::Succeeded, format!("{stable} serves all the traffic of {name}."))
}

/// A deployment may expire before the next comparison.
fn sooner(facts: &Facts, next: Next) -> Next {
    let first = expiries(facts).into_iter().map(|(_, _, left)| left.max(Duration::from_secs(1))).min();
    match (next, first) {
        (Next::Interval, Some(left)) => Next::After(left.min(facts.situation.interval)),
        (Next::After(wait), Some(left)) => Next::After(wait.min(left)),
        _ => next,
    }
}

fn phase(facts: &Facts, step: &Step) -> Phase {
    let scene = Scene::of(facts);
    match step.reason {
        _ if facts.situation.deleting => Phase::Deleting,
        Reason::TakingBack => Phase::TakingBack,
        Reason::Pausing => Phase::Pausing,
        _ if scene.wanted_failed() => Phase::Failed,
        _ if scene.arrived() => Phase::Serving,
        _ => match scene.candidate().map(OnlineDeployment::provisioning) {
            Some(Provisioning::Succeeded) => Phase::Shifting,
            Some(_) => Phase::Preparing,
            None if scene.stable.is_none() || scene.wanted.is_none() => Phase::Pending,
            None => Phase::Preparing,
        },
    }
}

#[cfg(test)]
mod tests;
