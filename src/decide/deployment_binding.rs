//! A binding: one endpoint, and the version that it should serve. This page is the whole rollout.
//!
//! What an endpoint should be, and why it is to be written, is one function of the scene ([`Scene::next`]); moving
//! traffic, taking it back and mending a foreign change are the same PUT. Where the rollout stands is written in
//! the endpoint's tags by that PUT, so it survives the loss of all status.

mod admission;
mod autoscale;
mod before;
mod conditions;
mod deployments;
mod endpoint;
mod fitness;
mod gather;
mod history;
mod jobs;
mod keys;
mod log;
mod look;
mod measuring;
mod orders;
mod picture;
mod teardown;
mod verification;
mod waiting;
mod windows;

pub use admission::{Approvals, Soak, Time, asked, summary};
pub use autoscale::Settings;
pub use before::{Before, Files};
pub use jobs::Jobs;
pub use verification::Verification;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

pub use self::fitness::Fitness;
use self::orders::Orders;
use super::drift::{Differences, goes_out, intended};
use super::gate::Champions;
use super::model_version::Proof;
use super::owner_tags::note_owner;
use super::places::reference::Removal;
use super::rollout::{
    Answers, Asked, CarriedOut, Carries, Held, Next, Past, Revision, Rise, Runs, STABLE_TAG, Scene, Share,
    View, endpoint_differences, mark, route, written_on,
};
use super::verdict::Course;
use super::{Decision, Look, LookAgain, Place, Situation, SourceVersion, Verdict, first_of};
use crate::api::{DeploymentBindingSpec, DeploymentBindingStatus, Drift, Phase, Reason, Role, VersionOwner};
use crate::azure::model::resource::{EndpointKind, OnlineDeployment, OnlineEndpoint, Provisioning};
use crate::azure::model::{Action, Call, Error, Purpose, Reply, ResourceId, folded};

/// Everything the decision needs.
#[derive(Debug, Clone)]
pub struct Facts {
    pub situation: Situation,
    pub spec: DeploymentBindingSpec,
    pub status: DeploymentBindingStatus,
    /// The revision of the Git repository that the manifest was applied from, as its annotation names it.
    pub git_revision: Option<String>,
    /// The workspace.
    pub place: Place,
    /// Whether the workspace lets the endpoint be taken down; looked up when the object is being deleted.
    pub removal: Removal,
    /// The endpoint's ARM id: from the workspace or, when that is gone, from the status.
    pub id: Option<ResourceId>,
    /// Where `spec.workspaceRef` leads now, while the endpoint of this object is still where `id` says.
    pub led_away: Option<ResourceId>,
    /// The version to serve.
    pub version: SourceVersion,
    /// Whether Azure says where its bytes come from; looked up where the workspace asks for that.
    pub proof: Proof,
    /// Who has approved what serves here and what is wanted; looked up where the workspace asks for that.
    pub approvals: Approvals,
    /// When Azure made the wanted version, where that is in a workspace and may have served here before.
    pub made: Option<Timestamp>,
    /// What the workspace's gates are held against that compare, by the gate's name.
    pub champions: BTreeMap<String, Champions>,
    /// Where the wanted version has served before; looked up where the workspace asks for that.
    pub soak: Soak,
    pub endpoint: Look<OnlineEndpoint>,
    /// The deployments on the endpoint.
    pub deployments: Vec<OnlineDeployment>,
    /// The autoscale settings of these deployments; looked up where there can be any.
    pub settings: Settings,
    /// The batch jobs that go on, where one may run on a deployment that has to go.
    pub jobs: Jobs,
    /// The batch jobs that verify deployments, or would be found if they did.
    pub verification: Verification,
    /// What was stable here before what serves, the last one first.
    pub before: Vec<Before>,
    /// What people ask of the rollout.
    pub asked: Vec<Asked>,
    /// The hashes of the actions that calls of this pass have carried out.
    pub carried: Vec<String>,
    /// Whether what it is about to be measured with can be used.
    pub fitness: Fitness,
    /// What was measured, by step and metric: of each, all answers or none.
    pub measured: BTreeMap<(String, String), Answers>,
    /// The last lines of the log of a revision that has failed, where they were read just now.
    pub log: Option<(String, Vec<String>)>,
}

/// The facts and what they come to, read once for a decision: every question is asked of this.
struct Case<'a> {
    facts: &'a Facts,
    scene: Scene<'a>,
    next: Next,
    orders: Orders,
}

/// What is asked of a binding, in the order in which it matters.
const QUESTIONS: &[fn(&Case<'_>) -> Option<Verdict>] = &[
    waiting::refuse_another_place, // the endpoint stays where it was made
    teardown::finish_deletion,
    waiting::refuse_what_it_does_not_know, // the manifest asks for a later kind of endpoint
    endpoint::take_back_where_nothing_begins, // the workspace is in conflict, or is being deleted
    waiting::wait_for_workspace,
    waiting::keep_out, // this namespace has to be one that may make the endpoint
    waiting::report_unreadable,
    endpoint::refuse_foreign,
    endpoint::refuse_another_compute, // Azure moves no endpoint to another cluster
    waiting::follow_running_change,   // one change at a time: the endpoint and its deployments are one
    endpoint::refuse_unknown_traffic, // nothing is moved until the picture is whole
    deployments::remove_what_is_tried_again, // a person wants a failed revision tried once more
    deployments::mend_stable,         // Azure may take no traffic map that names a failed one
    endpoint::align_endpoint,         // take back, shift, promote, mend, adopt
    verification::cancel,             // a job for which nothing waits any more
    autoscale::remove_what_outlives,  // Azure keeps the setting of a deployment that is gone
    deployments::make_again,          // what was stable before and serves again
    deployments::make_stable_again,   // what a rollout has to be taken back to
    waiting::report_hold,             // somebody has rolled back what the manifest asks for
    deployments::remove_meanwhile,    // what is kept for a time is not kept for as long as these last
    waiting::wait_for_version,        // it must exist, be registered, and be for this namespace
    waiting::leave_observed_alone,
    waiting::refuse_by_policy,    // what the workspace asks of what serves there
    windows::wait_for_the_window, // nothing rises and nothing is made while a window is closed
    endpoint::create_endpoint,
    deployments::remove_superseded, // a rollout that was given up for another
    deployments::report_failed_candidate, // no second try of a failed revision
    deployments::make_room,         // two deployments and one failed are the most
    fitness::wait_for_what_it_measures_with,
    deployments::create_candidate,
    autoscale::align_autoscale, // before it gets traffic, and before a count of the manifest is written
    deployments::adjust_deployment, // count and tags, without a rollout
    deployments::go_on_making_stable,
    deployments::pause_between_steps,
    deployments::remove_what_has_expired, // the previous one, and the failed one
    deployments::scale_beside,            // what is kept warm, to take everything back
    deployments::go_on_mending,           // what serves and was left in a failed state
    waiting::refuse_what_is_asked_besides, // an identity, or more instances, of what serves already
    autoscale::go_on_removing,            // the setting of a deployment that is gone
    endpoint::wait_for_what_is_not_kept,  // fields of the endpoint that Azure sets back
    keys::report,                         // the Secret with the endpoint's keys
];

/// What to do next for a binding. The first question that has an answer decides.
pub fn decide(facts: &Facts) -> Decision<DeploymentBindingStatus> {
    let case = Case::of(facts);
    let before = case.before_the_order();
    let shown = before.as_ref().unwrap_or(&case);
    let mut status = picture::of(shown);
    let verdict = first_of(&case, QUESTIONS).unwrap_or_else(|| settle(&case));
    let verdict = Verdict { stays_ready: settled_but_for_housekeeping(&case, &verdict), ..verdict };
    let refused = case.is_anothers();
    // Whatever else is said: the count of what is not kept goes on.
    let unkept = verdict.unkept || (verdict.call.is_none() && endpoint::waits_until_kept(&case));
    let verdict = Verdict { unkept, ..verdict };
    let seen = facts.endpoint.seen().map(|seen| seen && !refused);
    let (conditions, verdict) =
        facts.situation.conclude(&facts.status.conditions, seen, &status.drift, verdict);
    status.phase = phase(shown, &verdict).filter(|_| !refused || facts.situation.deleting);
    orders::say_what_is_waited_for(&case, &verdict, &mut status.actions);
    status.window = windows::status(facts).filter(|_| !refused);
    status.admission = admission::lines(&case);
    status.approvals = if refused { vec![] } else { facts.remembered_approvals() };
    status.conditions = conditions::of(shown, &verdict, &conditions);
    let next = sooner(&case, verdict.next);
    let mut events = verdict.events;
    events.extend(admission::news(&facts.status.admission, &status.admission));
    events.extend(admission::withdrawals(facts, &status.approvals));
    events.extend(conditions::news(&facts.status.conditions, &status.conditions));
    events.extend(admission::news_of_what_serves(&facts.status.conditions, &status.conditions));
    events.extend(history::news(&facts.status.history, &status.history));
    events.extend(keys::news(&case, status.keys_secret.as_ref()));
    events.extend(keys::left_behind(facts).filter(|_| verdict.release));
    let next = if keys::is_noted_first(&case, status.keys_secret.as_ref()) { LookAgain::Now } else { next };
    let secret = keys::deed(&case, verdict.release);
    let decision = Decision { secret, ..Verdict { events, next, ..verdict }.decision(status) };
    decision.intending(|call, status| case.intends(call, status))
}

impl<'a> Case<'a> {
    fn of(facts: &'a Facts) -> Self {
        let (scene, orders) = facts.scene();
        let next = scene.next();
        Self { facts, scene, next, orders }
    }

    /// The case as it is before an action is carried out, where one is to be: the status tells of a deed only once the tag of the
    /// endpoint does, because the call may fail, or has to wait.
    fn before_the_order(&self) -> Option<Self> {
        self.orders.next.as_ref()?;
        let orders = Orders { next: None, ..self.orders.clone() };
        let scene = self.facts.scene_before_the_order(&orders);
        let next = scene.next();
        Some(Self { facts: self.facts, scene, next, orders })
    }

    /// The endpoint is another's: what goes on there is the other's to report. Whose it is only its tag says: until that is
    /// read, what is remembered stays.
    fn is_anothers(&self) -> bool {
        let tags = self.facts.endpoint.found().map(|e| &e.tags);
        let not_ours =
            || endpoint::refuse_foreign(self).is_some() || self.facts.situation.is_kept_out_of(tags);
        self.facts.endpoint.seen().is_some() && not_ours()
    }

    /// What is stored before a call goes out.
    fn intends(&self, call: &Call, status: &mut DeploymentBindingStatus) {
        self.store_the_keys_of(call, status);
        autoscale::remember(call, &mut status.autoscale);
        self.remember_job_of(call, &mut status.verification_jobs);
    }

    /// The tag keys that a PUT is about to set become ours before it goes out: or a key that went out with an answer
    /// that was lost would be nobody's.
    fn store_the_keys_of(&self, call: &Call, status: &mut DeploymentBindingStatus) {
        let (Action::Put(body), spec) = (&call.action, &self.facts.spec) else { return };
        let name = call.resource.name();
        if self.facts.id.as_ref() == Some(&call.resource) {
            let mut going = spec.endpoint_tags().clone();
            going.0.retain(|key, value| goes_out(&body["tags"], key, value));
            status.owned_tags = intended(&status.owned_tags, &going);
        } else if self.scene.wanted_name() == Some(name) {
            let owned = status.owned_deployment_tags.entry(name.into()).or_default();
            *owned = intended(owned, spec.deployment_tags());
        }
    }
}

impl Facts {
    /// The facts after Azure has answered a call.
    pub fn absorb(&mut self, call: &Call, answer: Result<&Reply, &Error>) {
        let of_endpoint = self.id.as_ref() == Some(&call.resource);
        if matches!(call.errand.purpose, Purpose::Verify | Purpose::CancelVerification) {
            return self.absorb_job(call, answer);
        }
        let Ok(reply) = answer else { return };
        let now = self.situation.now;
        self.status.operation = self.situation.operation.begin(call, reply, now);
        if matches!(call.errand.purpose, Purpose::SetAutoscale | Purpose::RemoveAutoscale) {
            return autoscale::absorb(self, call, reply);
        }
        let others = |d: &OnlineDeployment| !d.name().eq_ignore_ascii_case(call.resource.name());
        match (&call.action, reply.body.clone()) {
            (Action::Put(_), Some(body)) if of_endpoint => {
                if let Ok(endpoint) = serde_json::from_value(body) {
                    let before = self.carried_by_tag();
                    self.endpoint = Look::Found(endpoint);
                    let (after, asked) = (self.carried_by_tag(), self.asked.iter());
                    let new = asked.filter(|it| after.contains(&it.hash) && !before.contains(&it.hash));
                    self.carried.extend(new.map(|it| it.hash.clone()));
                }
            }
            (Action::Put(_) | Action::Patch(_), Some(body)) => {
                if let Ok(deployment) = serde_json::from_value(body) {
                    self.deployments.retain(others);
                    self.deployments.push(deployment);
                }
            }
            // Azure answers a PATCH with nothing but an operation.
            (Action::Patch(_), None) if reply.operation.is_some() => {
                let changed = self.deployments.iter_mut().find(|d| !others(d));
                if let Some(changed) = changed {
                    changed.properties.provisioning_state = Some("Scaling".into());
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
        self.situation.mode.observes()
    }

    /// The revision that is to serve, and its deployment's name: what the manifest asks for, or what was stable before, where
    /// what serves is not approved any more, is held back, or is gone.
    pub fn wanted(&self) -> Option<(Revision, String)> {
        self.wanted_beside(self.held().as_ref())
    }

    /// The same where this is held back.
    fn wanted_beside(&self, held: Option<&Held>) -> Option<(Revision, String)> {
        let restored = || self.restored().map(|it| (it.revision.clone(), it.deployment.clone()));
        self.instead_of(held).or_else(|| self.goes_back()).or_else(restored).or_else(|| self.manifest())
    }

    /// The revision that the manifest asks for, and its deployment's name. While the version cannot be read, the candidate that is on
    /// its way.
    fn manifest(&self) -> Option<(Revision, String)> {
        match &self.version {
            SourceVersion::Ready { asset_id, version, .. } => Some(self.revision_of(asset_id, version)),
            // To what serves it goes back whatever becomes of the version's object.
            SourceVersion::NotReady { registered: Some((asset_id, version)), .. }
                if self.is_stable(&self.revision_of(asset_id, version).1) =>
            {
                Some(self.revision_of(asset_id, version))
            }
            _ => self.status.candidate.as_ref().map(|c| (Revision::parse(&c.revision), c.deployment.clone())),
        }
    }

    fn revision_of(&self, asset_id: &str, version: &str) -> (Revision, String) {
        let revision = Revision::asked(asset_id, &self.spec);
        let name = revision.deployment_name(version);
        (revision, name)
    }

    /// Is this the deployment that serves for certain, by the endpoint's tag or, while nobody can read that, by the status?
    fn is_stable(&self, deployment: &str) -> bool {
        let remembered = || self.status.stable.as_ref().map(|stable| stable.deployment.as_str());
        let stable = match self.endpoint.found() {
            Some(endpoint) => endpoint.tags.get(STABLE_TAG).map(String::as_str),
            None => remembered(),
        };
        stable == Some(deployment)
    }

    fn endpoint_name(&self) -> &str {
        self.spec.endpoint_name()
    }

    fn deployment_id(&self, name: &str) -> Option<ResourceId> {
        self.id.as_ref().map(|id| id.child("deployments", name))
    }

    fn scaling_failed(&self) -> bool {
        let failure = self.situation.trouble.failure.as_ref();
        failure.is_some_and(|failure| failure.attempt.purpose == Purpose::AdjustDeployment)
    }

    /// The endpoint, its deployments and the manifest, as a rollout sees them, and what becomes of what people ask of it.
    fn scene(&self) -> (Scene<'_>, Orders) {
        let nothing = Orders::default();
        let before = self.scene_with(self.held(), None, &nothing, self.known_runs());
        let measured = self.judged(&before);
        let runs = self.known_runs().and(&measured, self.situation.now);
        let bare = if measured.is_empty() {
            before
        } else {
            self.scene_with(self.held(), None, &nothing, runs.clone())
        };
        if self.asked.is_empty() {
            return (bare, nothing);
        }
        let orders = Orders::of(self, &bare);
        // A broken deployment has to go before its revision can be tried again.
        let order = orders.next.clone().filter(|it| self.starts_anew(Some(it), &bare).is_none());
        // Where Azure is only observed, nothing comes of it.
        let order = order.filter(|_| !self.observing());
        let held = self.held_after(order.as_ref(), &bare);
        let runs = self.without_what_was_judged(runs, &orders);
        (self.scene_with(held, order, &orders, runs), orders)
    }

    /// The scene as it is while no action is carried out.
    fn scene_before_the_order(&self, orders: &Orders) -> Scene<'_> {
        let before = self.scene_with(self.held(), None, &Orders::default(), self.known_runs());
        let runs = self.known_runs().and(&self.judged(&before), self.situation.now);
        self.scene_with(self.held(), None, orders, self.without_what_was_judged(runs, orders))
    }

    fn scene_with<'a>(
        &'a self,
        held: Option<Held>,
        order: Option<Asked>,
        orders: &Orders,
        runs: Runs<'a>,
    ) -> Scene<'a> {
        let granted = self.granted();
        let differences = |e: &OnlineEndpoint| endpoint_differences(&granted, &self.status.owned_tags, e);
        let endpoint = self.endpoint.found();
        let wanted = self.wanted_beside(held.as_ref());
        let rise = if held.is_some() { Rise::Back } else { self.rise() };
        let trial = self.trial(wanted.as_ref());
        Scene::of(View {
            now: self.situation.now,
            kind: self.spec.kind(),
            owner: &self.situation.ownership.owner,
            endpoint,
            deployments: &self.deployments,
            scaled: self.is_scaled(wanted.as_ref().map(|(_, name)| name.as_str()), rise),
            wanted,
            rise,
            // Where Azure refuses the instances, as without quota, the traffic does not wait for them, and neither does a person who
            // rolls back.
            instances: granted
                .online
                .deployment
                .instance_count
                .filter(|_| !self.scaling_failed() && held.is_none()),
            steps: self.spec.steps(),
            past: if held.is_none() { self.past() } else { Past::default() },
            differences: endpoint.map(differences).unwrap_or_default(),
            stood: self.situation.stood(&self.status.conditions),
            candidate: self.status.candidate.as_ref(),
            failed: history::remembered_failures(&self.status.history, &orders.new),
            roles: &self.status.deployments,
            ended: CarriedOut::of(&orders.taken),
            hold_is_over: self.hold_is_over(),
            fallback: self.fallback(),
            lost: self.lost_stable().filter(|_| held.is_none()).map(|it| it.deployment.clone()),
            passed: self.passed(orders),
            runs,
            trial,
            held,
            order,
        })
    }

    /// Does something serve again that was stable before, because of a word, of the workspace's policy, or because nothing else
    /// serves?
    fn is_back(&self) -> bool {
        self.held().is_some() || self.goes_back().is_some() || self.restored().is_some()
    }

    /// What the wanted deployment may have of the traffic.
    fn rise(&self) -> Rise {
        if self.goes_back().is_some() || self.restored().is_some() {
            Rise::Back
        } else if self.must_fall() {
            Rise::Fall
        } else if self.may_rise() && self.closed_by_its_own().is_none() {
            Rise::Rise
        } else {
            Rise::Hold
        }
    }

    /// What differs on the deployment that the manifest asks for, where it is ours: what is part of its
    /// revision never does.
    fn differences_of_deployment(&self, scene: &Scene<'_>) -> Vec<Drift> {
        let found = scene.wanted_name().and_then(|name| scene.deployment(name)).filter(|d| scene.ours(d));
        let Some(found) = found else { return vec![] };
        let granted = self.granted();
        let mut all = Differences::default();
        if let Some(wanted) = granted.online.deployment.instance_count {
            let count = found.instance_count().map_or_else(String::new, |count| count.to_string());
            all.field("deployment.instanceCount", &wanted.to_string(), &count);
        }
        all.keys("deployment.tags", granted.deployment_tags(), self.owned_on(found.name()), &found.tags);
        all.0
    }

    /// Was this deployment as the manifest says? Not one that the manifest did not ask for until now: an earlier manifest made it, and
    /// nobody has changed it since.
    fn deployment_stood(&self, name: &str) -> bool {
        let before = self.status.deployments.iter().find(|it| it.name == name);
        let asked = before.is_some_and(|it| matches!(it.role, Role::Stable | Role::Candidate));
        asked && self.situation.stood(&self.status.conditions)
    }

    /// What the tags of the deployment that the manifest asks for do not say of who answers for its version, where it is ours. That
    /// changes with the version's manifest, so it is no drift.
    fn unsaid_of_the_owner(&self, scene: &Scene<'_>) -> Vec<Drift> {
        let found = scene.wanted_name().and_then(|name| scene.deployment(name)).filter(|d| scene.ours(d));
        let said = found.filter(|_| !self.observing()).and_then(|found| Some((found, self.owner_of(found)?)));
        let Some((found, owner)) = said else { return vec![] };
        let mut all = Differences::default();
        note_owner(&mut all, "deployment.tags", Some(&owner), &found.tags);
        all.0
    }

    /// Who answers for the version that a deployment serves, where that is the wanted one and can be read. Where nobody does, the
    /// owner has no fields.
    fn owner_of(&self, deployment: &OnlineDeployment) -> Option<VersionOwner> {
        let SourceVersion::Ready { asset_id, owner, .. } = &self.version else { return None };
        let serves = deployment.properties.model.as_deref()?;
        (folded(serves) == folded(asset_id)).then(|| owner.clone().unwrap_or_default())
    }

    /// The tag keys that are ours on a deployment.
    fn owned_on(&self, deployment: &str) -> &[String] {
        self.status.owned_deployment_tags.get(deployment).map_or(&[], Vec::as_slice)
    }

    /// The endpoint as it should be next, with the manifest's own fields or as it was.
    fn put_endpoint(
        &self,
        case: &Case<'_>,
        base: OnlineEndpoint,
        next: &Next,
        (reason, purpose): (Reason, Purpose),
        doing: String,
    ) -> Option<Verdict> {
        let mut endpoint = match next.carries {
            Carries::Everything => written_on(base, &self.granted(), &self.status.owned_tags),
            Carries::Traffic => base,
        };
        let owner = &self.situation.ownership.owner;
        mark(&mut endpoint.tags, owner, &next.target, &case.scene.failures());
        route(&mut endpoint, next.target.routed(), |name| case.scene.is_ours(name));
        Some(Verdict::call(
            reason,
            Call::new(purpose, self.id.clone()?, Action::Put(endpoint.to_put()), doing),
        ))
    }

    fn delete_deployment(&self, name: &str, because: &str) -> Option<Verdict> {
        if let Some(first) = self.remove_setting_before(name, because) {
            return Some(first);
        }
        let doing = format!("delete deployment {name}, {because}");
        Some(Verdict::call(
            Reason::Progressing,
            Call::new(Purpose::RemoveDeployment, self.deployment_id(name)?, Action::Delete, doing),
        ))
    }
}

fn settle(case: &Case<'_>) -> Verdict {
    let (facts, scene) = (case.facts, &case.scene);
    let name = facts.endpoint_name();
    if facts.observing() {
        return Verdict::settled(
            Reason::Observed,
            format!("The endpoint {name} is there; Bindery leaves it as it is."),
        );
    }
    let Some(stable) = scene.stable.as_deref().filter(|_| scene.arrived()) else {
        return Verdict::wait(
            Reason::Progressing,
            format!("The rollout on {name} goes on."),
            Duration::from_secs(5),
        );
    };
    if scene.deployment(stable).is_some_and(|d| d.provisioning() != Provisioning::Succeeded) {
        return Verdict::stalled(
            Reason::ResourceFailed,
            format!(
                "Azure reports {stable}, which serves, in a failed state after its last change. Look at its logs; bind another version, or change spec.{}.deployment.",
                facts.spec.serving_field()
            ),
        );
    }
    let (reason, message) = serves_all(case);
    Verdict::settled(reason, message)
}

fn serves_all(case: &Case<'_>) -> (Reason, String) {
    let (stable, name) = (case.scene.stable.as_deref().unwrap_or_default(), case.facts.endpoint_name());
    let message = match case.facts.spec.kind() {
        EndpointKind::Online => format!("{stable} serves all the traffic of {name}."),
        EndpointKind::Batch => format!("{stable} is the default deployment of {name}."),
    };
    (Reason::Succeeded, message)
}

/// What `Ready` says while the manifest is reached, and all that goes on is that a deployment without traffic is removed, or that
/// Azure scales what serves. An edit that came meanwhile is not reached.
fn settled_but_for_housekeeping(case: &Case<'_>, verdict: &Verdict) -> Option<(Reason, String)> {
    let (facts, situation) = (case.facts, &case.facts.situation);
    let running = situation.operation.under_way(situation.now).map(|o| o.purpose);
    let running = running.filter(|_| verdict.reason == Reason::OperationRunning);
    let goes_on = verdict.call.as_ref().map(|call| call.errand.purpose).or(running);
    let reached = case.next.cause.is_none()
        && facts.differences_of_deployment(&case.scene).is_empty()
        && facts.differences_of_autoscale(&case.scene).is_empty()
        && !facts.asks_for_what_is_refused();
    let beside = matches!(
        goes_on,
        Some(
            Purpose::RemoveDeployment
                | Purpose::RemoveAutoscale
                | Purpose::NameOwner
                | Purpose::ScaleDeployment
                | Purpose::CancelVerification
        )
    );
    let scales = autoscale::is_being_scaled(case, verdict);
    if !(beside || scales) || !reached || situation.deleting {
        return None;
    }
    // What serves instead of what the manifest asks for is not as the manifest says.
    if case.scene.wanted() != facts.manifest().as_ref() {
        return None;
    }
    if scales {
        return Some(serves_all(case));
    }
    let settled = settle(case);
    (settled.ready == Some(true)).then_some((settled.reason, settled.message))
}

/// A deployment may expire before the next comparison, an approval may end, and a version may go out of use.
fn sooner(case: &Case<'_>, next: LookAgain) -> LookAgain {
    // What has expired and is still there cannot be removed now: that is no reason to look again at once.
    let expire = deployments::expiries(case).into_iter().map(|(_, _, left)| left).filter(|it| !it.is_zero());
    let first = expire.chain(case.facts.approvals_change()).chain(admission::retirement::changes(case.facts));
    let now = case.facts.situation.now;
    let windows = case.facts.windows_change().map(|at| now.duration_until(at).try_into().unwrap_or_default());
    let first = first
        .chain(case.facts.soak_is_over())
        .chain(windows)
        .chain(case.next_measurement())
        .chain(keys::next(case))
        .chain(deployments::next_scaling(case))
        .chain(case.next_log())
        .chain(case.next_look_at_jobs())
        .chain(case.next_look_at_verification());
    next.at_the_latest_after(first.min(), case.facts.situation.interval)
}

/// Do the workspace's policy or a window keep the wanted version from rising, as this reason says?
fn is_held_by(case: &Case<'_>, reason: Reason) -> bool {
    is_held_by_policy(case, reason) || (reason == Reason::WindowClosed && windows::keep(case))
}

/// Does the workspace's policy keep the wanted version from rising, as this reason says?
fn is_held_by_policy(case: &Case<'_>, reason: Reason) -> bool {
    let refusals = admission::refusals(case.facts);
    !refusals.is_empty() && admission::summary(&refusals).0 == reason
}

/// Does the wanted version get no more traffic than it has, and nothing go on? So it is while its object or its workspace is not
/// ready, too.
fn keeps_what_it_has(case: &Case<'_>, verdict: &Verdict) -> bool {
    let works = verdict.call.is_some() || verdict.reason == Reason::OperationRunning;
    !works && case.facts.rise() == Rise::Hold
}

/// The phase; none where nobody has been able to read the endpoint.
fn phase(case: &Case<'_>, verdict: &Verdict) -> Option<Phase> {
    let scene = &case.scene;
    let seen = match verdict.reason {
        _ if case.facts.situation.deleting => return Some(Phase::Deleting),
        _ if case.facts.endpoint.seen().is_none() => return case.facts.status.phase,
        Reason::TakingBack => Phase::TakingBack,
        Reason::Pausing | Reason::AwaitingPromotion | Reason::Inconclusive => Phase::Pausing,
        Reason::Analyzing => Phase::Analyzing,
        Reason::Verifying => Phase::Verifying,
        // Nothing rises before somebody helps, or before its time.
        reason
            if (is_held_by(case, reason) || keeps_what_it_has(case, verdict))
                && !scene.wanted_failed()
                && !scene.arrived() =>
        {
            let has_traffic = scene.candidate().is_some_and(|it| scene.reaching(it.name()) > Share::NONE);
            match &scene.stable {
                None => Phase::Pending,
                Some(_) if has_traffic => Phase::Pausing,
                Some(_) => Phase::Serving,
            }
        }
        Reason::Suspended if case.next.target.pause.is_some() => Phase::Pausing,
        _ if scene.wanted_failed() => Phase::Failed,
        _ if scene.arrived() => Phase::Serving,
        _ => match scene.candidate().map(OnlineDeployment::provisioning) {
            Some(Provisioning::Succeeded) => Phase::Shifting,
            None if scene.stable.is_none() => Phase::Pending,
            None if scene.wanted().is_none() || verdict.course != Course::Working => Phase::Serving,
            _ => Phase::Preparing,
        },
    };
    Some(seen)
}

#[cfg(test)]
mod tests;
