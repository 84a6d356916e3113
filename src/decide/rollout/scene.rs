//! The endpoint as it is, with every deployment in its role.

use jiff::Timestamp;

use super::position::POSITION_TAG;
use super::{
    ACTIONS_TAG, Asked, CarriedOut, Failures, HOLD_TAG, Held, Plan, Position, Records, Revision, Runs, Share,
    Traffic, Weight,
};
use crate::api::{ActionWord, Candidate, DeploymentStatus, Drift, Role, Step};
use crate::azure::model::resource::{EndpointKind, OnlineDeployment, OnlineEndpoint, Provisioning};
use crate::decide::Owner;

/// The tag of an endpoint that names its stable deployment.
pub const STABLE_TAG: &str = "bindery-stable";
/// The tag of an endpoint that names the deployment that was stable before.
pub const PREVIOUS_TAG: &str = "bindery-previous";
/// The tag of an endpoint that holds the traffic map that Bindery wrote last.
pub const TRAFFIC_TAG: &str = "bindery-traffic";
/// The tag of an endpoint that names the revisions that failed, the latest first.
pub const FAILED_TAG: &str = "bindery-failed";

/// What the wanted deployment may have of the traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rise {
    /// More, by the steps.
    Rise,
    /// What it has, and no more.
    Hold,
    /// Nothing: somebody speaks against it.
    Fall,
    /// Everything at once: it was stable before, and somebody speaks against what serves, or has rolled that back.
    Back,
}

/// How the job goes that a candidate has to complete before it becomes the default of a batch endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trial {
    /// The manifest asks for none.
    #[default]
    NotAsked,
    /// It has not ended, or was not started yet.
    Outstanding,
    /// It has completed.
    Passed,
    /// It did not complete, and does not any more.
    Failed,
}

/// What the history says of the wanted revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Past {
    /// Nothing that counts.
    #[default]
    Unproven,
    /// It was stable here not long ago: it takes no steps.
    Proven,
    /// It served until somebody went back from it: it takes the steps, also while its deployment is kept warm.
    RolledBack,
}

/// What a scene is read from: Azure, the manifest and what the status remembers, whoever has gathered it.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// The time of the look.
    pub now: Timestamp,
    /// The kind of the endpoint.
    pub kind: EndpointKind,
    /// The object, as the tags of what it owns name it.
    pub owner: &'a Owner,
    /// The endpoint, where it is there.
    pub endpoint: Option<&'a OnlineEndpoint>,
    /// The deployments on it.
    pub deployments: &'a [OnlineDeployment],
    /// What the manifest asks for: the revision, and its deployment's name.
    pub wanted: Option<(Revision, String)>,
    /// What the wanted deployment may have of the traffic.
    pub rise: Rise,
    /// The instances that all the traffic needs, where the manifest says it.
    pub instances: Option<i32>,
    /// The wanted deployment has the autoscale setting that the manifest asks for, or needs none before it gets traffic.
    pub scaled: bool,
    /// The steps of the strategy.
    pub steps: &'a [Step],
    /// What the history says of the wanted revision.
    pub past: Past,
    /// What differs between the manifest and the endpoint, apart from its traffic.
    pub differences: Vec<Drift>,
    /// The manifest was reached before, so what differs from it was changed by somebody else.
    pub stood: bool,
    /// The candidate that the status remembers.
    pub candidate: Option<&'a Candidate>,
    /// The revisions that the status knows to have failed, the latest first.
    pub failed: Failures,
    /// The roles that the status remembers, and since when each has it.
    pub roles: &'a [DeploymentStatus],
    /// What is held back, as it should be.
    pub held: Option<Held>,
    /// The endpoint's tag holds back what the manifest has ceased to ask for.
    pub hold_is_over: bool,
    /// What takes over where the stable deployment is gone: it was stable before, is warm, and may be gone back to.
    pub fallback: Option<String>,
    /// The stable deployment where it is gone and can be made again beside the candidate.
    pub lost: Option<String>,
    /// The action that is to be carried out.
    pub order: Option<Asked>,
    /// The actions that have come to their end, as far as the status knows.
    pub ended: CarriedOut,
    /// The step that a person has promoted, where the status does not know it yet.
    pub passed: Option<usize>,
    /// How the candidate was measured.
    pub runs: Runs<'a>,
    /// How the job goes that verifies the candidate.
    pub trial: Trial,
}

/// The endpoint, read with the manifest in hand.
#[derive(Debug, Clone)]
pub struct Scene<'a> {
    pub(super) view: View<'a>,
    /// The rollout of the wanted revision.
    pub(super) plan: Option<Plan<'a>>,
    /// What is written of its position.
    pub(super) records: Records,
    /// What Azure routes by now; none where it does not sum to 100.
    pub held: Option<Traffic>,
    /// What Bindery wrote last; what Azure holds, where nothing was written.
    pub intended: Traffic,
    /// The deployment that serves for certain.
    pub stable: Option<String>,
    /// The deployment that was stable before it.
    pub previous: Option<String>,
    /// The revisions that are known to have failed.
    pub failed: Failures,
    /// The actions that were carried out.
    pub carried: CarriedOut,
}

impl<'a> Scene<'a> {
    /// Reads what there is.
    pub fn of(view: View<'a>) -> Self {
        let endpoint = view.endpoint;
        let held = held_by(endpoint, view.deployments);
        let tag = |name: &str| endpoint.and_then(|e| e.tags.get(name)).filter(|v| !v.is_empty());
        let intended = intended(endpoint, held.as_ref(), view.kind);
        let exists = |name: &str| view.deployments.iter().any(|d| d.name() == name);
        let of_this = |c: &&Candidate| {
            view.wanted.as_ref().is_some_and(|(revision, _)| c.revision == revision.to_string())
        };
        let mut records = Records::read(tag(POSITION_TAG), view.candidate.filter(of_this));
        let made =
            view.wanted.as_ref().and_then(|(_, name)| view.deployments.iter().find(|d| d.name() == name));
        // What was written before the deployment was made is of an earlier rollout of the same revision.
        let begun = made.and_then(OnlineDeployment::created_at);
        records.tag = records.tag.filter(|tag| begun.is_none_or(|begun| tag.since >= begun));
        let failed =
            view.failed.clone().with(tag(FAILED_TAG).map(|t| Failures::parse(t)).unwrap_or_default());
        let failed = ordered(failed, view.order.as_ref());
        // A candidate has still to take the steps that are left, and one that has failed does not become the stable one: nobody's
        // deletion ends a rollout.
        let goes_on = view.wanted.as_ref().is_some_and(|(revision, name)| {
            let has_all = intended.share(name) == Share::ALL;
            let at_its_end = has_all && !records.stands_before(revision, view.steps.len());
            exists(name) && (failed.contains(revision) || !at_its_end)
        });
        let stable = view.fallback.clone().or_else(|| view.lost.clone().filter(|_| goes_on)).or_else(|| {
            let wanted = view.wanted.as_ref().map(|(_, name)| name.as_str());
            stable_of(endpoint, view.deployments, view.kind, wanted)
        });
        let previous = tag(PREVIOUS_TAG).filter(|n| exists(n) && stable.as_ref() != Some(*n)).cloned();
        // What was rolled back and is let go on, or is asked for again, comes by the steps again.
        let released = view.order.as_ref().is_some_and(|it| it.word == ActionWord::Release);
        let by_steps = released || view.past == Past::RolledBack;
        let wanted = view.wanted.as_ref().map(|(_, name)| name);
        let previous = previous.filter(|name| !by_steps || Some(name) != wanted);
        let (passed, runs) = (view.passed, view.runs.clone());
        let plan = view.wanted.as_ref().map(|(revision, _)| Plan {
            passed,
            runs,
            ..Plan::new(revision.clone(), view.steps)
        });
        let carried = tag(ACTIONS_TAG).map(|text| CarriedOut::parse(text)).unwrap_or_default();
        let scene = Self { view, plan, records, held, intended, stable, previous, failed, carried };
        let condemned = scene.condemned_by().is_some() || scene.is_condemned_by_its_job();
        let condemned = scene.wanted_revision().cloned().filter(|_| condemned);
        let failed = condemned.into_iter().collect::<Failures>().then(scene.failed.clone());
        Self { failed, ..scene }
    }

    /// The rollout of the wanted revision; none while nobody can say what is wanted.
    pub fn plan(&self) -> Option<&Plan<'a>> {
        self.plan.as_ref()
    }

    /// Has the deployment the instances that this share of the traffic needs? Only of ours anybody could change that.
    pub(super) fn staffed(&self, deployment: &OnlineDeployment, share: Share) -> bool {
        let (Some(all), Some(has)) = (self.view.instances, deployment.instance_count()) else { return true };
        has * 100 >= all * share.load().percent() || !self.ours(deployment)
    }

    /// The deployments that Bindery's tags say serve.
    pub fn named(&self) -> Vec<&str> {
        let stable = self.view.endpoint.and_then(|e| e.tags.get(STABLE_TAG)).filter(|n| !n.is_empty());
        self.intended.reached().into_iter().chain(stable.map(String::as_str)).collect()
    }

    /// A deployment by its name.
    pub fn deployment(&self, name: &str) -> Option<&'a OnlineDeployment> {
        self.view.deployments.iter().find(|d| d.name() == name)
    }

    /// Is this deployment there, and in a failed state?
    pub fn is_broken(&self, name: &str) -> bool {
        self.deployment(name).is_some_and(|d| broken(d.provisioning()))
    }

    /// What the manifest asks for: the revision, and its deployment's name.
    pub fn wanted(&self) -> Option<&(Revision, String)> {
        self.view.wanted.as_ref()
    }

    /// The revision that the manifest asks for.
    pub fn wanted_revision(&self) -> Option<&Revision> {
        self.view.wanted.as_ref().map(|(revision, _)| revision)
    }

    /// The name of the deployment that the manifest asks for.
    pub fn wanted_name(&self) -> Option<&str> {
        self.view.wanted.as_ref().map(|(_, name)| name.as_str())
    }

    /// The deployment that the manifest asks for, where it is not the stable one.
    pub fn candidate(&self) -> Option<&'a OnlineDeployment> {
        let name = self.wanted_name().filter(|n| Some(*n) != self.stable.as_deref())?;
        self.deployment(name)
    }

    /// The wanted revision is the stable one.
    pub fn arrived(&self) -> bool {
        self.wanted_name().is_some() && self.wanted_name() == self.stable.as_deref()
    }

    /// The stable deployment is gone, and is made again: until then nothing can be given to it.
    pub fn stable_is_gone(&self) -> bool {
        self.stable.as_deref().is_some_and(|name| self.deployment(name).is_none())
    }

    /// The wanted revision has failed, and is not the stable one.
    pub fn wanted_failed(&self) -> bool {
        let Some(revision) = self.wanted_revision() else { return false };
        !self.arrived()
            && (self.failed.contains(revision) || self.candidate().is_some_and(|d| broken(d.provisioning())))
    }

    /// The revisions that are not to be tried again: those that are known to have failed, and before them
    /// what Azure could not make just now, wanted or given up meanwhile.
    pub fn failures(&self) -> Failures {
        let spared = |d: &&OnlineDeployment| {
            let name = Some(d.name());
            name != self.stable.as_deref() && name != self.previous.as_deref()
        };
        let broken = |d: &&OnlineDeployment| broken(d.provisioning()) && self.ours(d);
        let found = self.view.deployments.iter().filter(broken).filter(spared);
        let new = found.filter_map(Revision::tagged).filter(|r| !self.failed.contains(r));
        let wanted = self.wanted_revision().cloned().into_iter();
        let wanted = wanted.filter(|r| self.wanted_failed() && !self.failed.contains(r));
        wanted.chain(new).collect::<Failures>().then(self.failed.clone())
    }

    /// The revisions that failed and that the endpoint's tag does not name yet.
    pub fn unwritten_failures(&self) -> Failures {
        let tag = self.view.endpoint.and_then(|e| e.tags.get(FAILED_TAG));
        let written = tag.map(|t| Failures::parse(t)).unwrap_or_default();
        self.failures().iter().filter(|revision| !written.contains(revision)).cloned().collect()
    }

    /// The wanted deployment no longer exists, but the endpoint's tags still call it stable or previous. A new
    /// deployment of that name would inherit the role, so the tags are cleared first.
    pub fn tags_outlive_the_wanted(&self) -> bool {
        let Some(wanted) = self.wanted_name().filter(|n| self.deployment(n).is_none()) else { return false };
        let names =
            |tag: &str| self.view.endpoint.is_some_and(|e| e.tags.get(tag).is_some_and(|n| n == wanted));
        names(STABLE_TAG) || names(PREVIOUS_TAG)
    }

    /// Does the endpoint's tag name this very object as its owner?
    pub fn owned(&self) -> bool {
        self.view.endpoint.is_some_and(|e| Owner::of(&e.tags).as_ref() == Some(self.view.owner))
    }

    /// Something is held back, and the endpoint's tag does not say so: somebody has edited or removed it. Or the tag holds back what
    /// nobody asks for any more.
    pub fn hold_is_unwritten(&self) -> bool {
        if self.view.hold_is_over {
            return true;
        }
        let written = self.view.endpoint.and_then(|e| e.tags.get(HOLD_TAG));
        let held = self.view.held.as_ref().map(ToString::to_string);
        held.is_some() && written != held.as_ref()
    }

    /// Was it made by Bindery? Only such a deployment is ever deleted.
    pub fn ours(&self, deployment: &OnlineDeployment) -> bool {
        made_by_bindery(deployment)
    }

    /// The same of the deployment of this name, or of one that is gone and that Bindery had requests copied to.
    pub fn is_ours(&self, name: &str) -> bool {
        let gone = || self.intended.to_mirror().is_some_and(|(mirrored, _)| mirrored == name);
        self.deployment(name).map_or_else(gone, made_by_bindery)
    }

    /// What a deployment is to this binding.
    pub fn role(&self, deployment: &OnlineDeployment) -> Role {
        let name = deployment.name();
        let wanted = self.wanted_name() == Some(name);
        let revision = Revision::tagged(deployment);
        // Of those that failed, the latest is kept for its logs.
        let failures = self.failures();
        let failed =
            revision.is_some_and(|r| failures.latest() == Some(&r) || (wanted && failures.contains(&r)));
        if self.stable.as_deref() == Some(name) {
            Role::Stable
        } else if !self.ours(deployment) {
            Role::Foreign
        } else if failed {
            Role::Failed
        } else if self.previous.as_deref() == Some(name) {
            Role::Previous
        } else if wanted {
            Role::Candidate
        } else {
            Role::Superseded
        }
    }

    /// Does the candidate take no steps, because it is ready to serve again, was stable not long ago, or has to take over from what
    /// somebody speaks against?
    pub(super) fn is_proven(&self, candidate: &OnlineDeployment) -> bool {
        self.view.past == Past::Proven
            || self.view.rise == Rise::Back
            || self.role(candidate) == Role::Previous
    }

    /// Did the job that verifies the candidate end badly? What takes no steps needs no job either.
    pub fn is_condemned_by_its_job(&self) -> bool {
        self.view.trial == Trial::Failed && self.candidate().is_some_and(|it| !self.is_proven(it))
    }

    /// Does the candidate still have to complete the job that verifies it?
    pub(super) fn has_a_job_to_complete(&self) -> bool {
        matches!(self.view.trial, Trial::Outstanding | Trial::Failed)
    }

    /// Since when it has its role: by the status or, where that was lost, by the tag that tells who was stable.
    pub fn since(&self, deployment: &OnlineDeployment) -> Timestamp {
        let role = self.role(deployment);
        let known = self.view.roles.iter().find(|d| d.name == deployment.name() && d.role == role);
        let by_tag = || self.stable_since(deployment).filter(|_| role == Role::Stable);
        known.map(|d| d.since).or_else(by_tag).unwrap_or(self.view.now)
    }

    /// What Azure routes by and what Bindery wrote last differ: somebody else moved the traffic.
    pub fn traffic_drifted(&self) -> bool {
        self.view.endpoint.is_some_and(|e| e.tags.contains_key(TRAFFIC_TAG))
            && self.held.as_ref() != Some(&self.intended)
    }

    /// Deployments that nobody here knows and that serve together: no single one can count as stable.
    pub fn unknown_split(&self) -> Option<Vec<&str>> {
        let known = self.view.endpoint.is_some_and(|e| e.tags.contains_key(TRAFFIC_TAG));
        let serving = self.intended.serving();
        let foreign = |name: &&str| self.deployment(name).is_none_or(|d| !self.ours(d));
        (!known && (self.held.is_none() || (serving.len() > 1 && serving.iter().any(foreign))))
            .then_some(serving)
    }

    /// What differs between the manifest and the endpoint, its traffic included.
    pub fn differences(&self) -> Vec<Drift> {
        let traffic = self.traffic_drifted().then(|| Drift {
            field: self.view.kind.routing_field().into(),
            wanted: self.intended.said_of(self.view.kind),
            found: self
                .held
                .as_ref()
                .map_or_else(|| "a map that does not sum to 100".into(), |held| held.said_of(self.view.kind)),
        });
        self.view.differences.iter().cloned().chain(traffic).collect()
    }

    /// The candidate's share as Bindery wrote it. Where the tag says more than Azure routes and than the status has ever seen, it is the
    /// tag that somebody has edited, and nothing rises by that.
    pub fn candidate_share(&self) -> Share {
        let Some(name) = self.wanted_name() else { return Share::NONE };
        let written = self.intended.share(name);
        let of_it = |c: &&Candidate| {
            self.wanted_revision().is_some_and(|revision| c.revision == revision.to_string())
        };
        match self.view.candidate.filter(of_it).filter(|_| self.traffic_drifted()) {
            Some(candidate) => written.min(Share::seen(candidate).max(self.reaching(name))),
            None => written,
        }
    }

    /// The kind of the endpoint.
    pub fn kind(&self) -> EndpointKind {
        self.view.kind
    }

    /// Since when the candidate has this share: from now on, where the status saw another one last.
    pub fn has_had(&self, share: Share) -> Timestamp {
        let known = self.records.share.filter(|(seen, _)| *seen == share);
        known.map_or(self.view.now, |(_, since)| since)
    }

    /// Where the rollout stands, when the candidate has this share; none while nobody can say what is wanted.
    pub fn position_at(&self, share: Share) -> Option<Position> {
        self.plan.as_ref().map(|plan| plan.position(share, &self.records, self.view.now))
    }

    /// Steps that are done at this share and how many there are, such as `2/5`.
    pub fn progress(&self, share: Share) -> String {
        let plan = self.plan.as_ref().zip(self.position_at(share));
        plan.map(|(plan, position)| plan.progress(&position)).unwrap_or_default()
    }

    /// What Azure routes to a deployment, whatever was meant.
    pub fn routed(&self, deployment: &str) -> Weight {
        self.view.endpoint.map_or(Weight::NONE, |e| Weight::new(e.weight(deployment)))
    }

    /// The same with the copies of requests, where it gets those.
    pub fn reaching(&self, deployment: &str) -> Share {
        let mirror = self.view.endpoint.and_then(|e| e.properties.mirror_traffic.get(deployment).copied());
        match (self.routed(deployment), Weight::new(mirror.unwrap_or(0))) {
            (Weight::NONE, mirror) => Share::mirror(mirror),
            (live, _) => Share::live(live),
        }
    }
}

/// The failures, as an action changes them.
fn ordered(failed: Failures, order: Option<&Asked>) -> Failures {
    let Some(Asked { word, revision, .. }) = order else { return failed };
    match word {
        ActionWord::Abort => Failures::from_iter([revision.clone()]).then(failed),
        ActionWord::Retry => failed.iter().filter(|it| *it != revision).cloned().collect(),
        _ => failed,
    }
}

/// Was it made by Bindery? A deployment follows its endpoint: where its tag names another owner, also of another cluster, that one
/// owned the endpoint before, and has it no more.
fn made_by_bindery(deployment: &OnlineDeployment) -> bool {
    Revision::tagged(deployment).is_some() && Owner::of(&deployment.tags).is_some()
}

/// What Azure routes by. Copies of requests that go to a deployment of somebody else are that one's.
fn held(endpoint: &OnlineEndpoint, deployments: &[OnlineDeployment]) -> Option<Traffic> {
    let held = Traffic::held(&endpoint.properties.traffic)?;
    let ours = |name: &str| deployments.iter().any(|d| d.name() == name && made_by_bindery(d));
    let mirror =
        endpoint.properties.mirror_traffic.iter().find(|(name, percent)| **percent > 0 && ours(name));
    Some(match mirror {
        Some((name, percent)) => held.mirrored(name, *percent),
        None => held,
    })
}

/// Azure could not make or change it, or it broke afterwards.
pub fn broken(state: Provisioning) -> bool {
    matches!(state, Provisioning::Failed | Provisioning::Canceled)
}

fn held_by(endpoint: Option<&OnlineEndpoint>, deployments: &[OnlineDeployment]) -> Option<Traffic> {
    endpoint.map_or(Some(Traffic::none()), |endpoint| held(endpoint, deployments))
}

/// What Bindery wrote last; what Azure holds, where nothing was written.
fn intended(endpoint: Option<&OnlineEndpoint>, held: Option<&Traffic>, kind: EndpointKind) -> Traffic {
    let written = endpoint.and_then(|e| e.tags.get(TRAFFIC_TAG)).and_then(|t| Traffic::parse(t));
    // A batch endpoint has one default deployment: a tag that says anything else was edited by somebody.
    let may_be = |traffic: &Traffic| kind == EndpointKind::Online || traffic.reached().len() <= 1;
    written.filter(may_be).or_else(|| held.cloned()).unwrap_or_default()
}

/// The deployment that serves for certain, by the endpoint's tag. Where no tag says it, what serves most is stable; the wanted one
/// only when it serves alone.
pub fn stable_of(
    endpoint: Option<&OnlineEndpoint>,
    deployments: &[OnlineDeployment],
    kind: EndpointKind,
    wanted: Option<&str>,
) -> Option<String> {
    let exists = |name: &str| deployments.iter().any(|d| d.name() == name);
    let tag = endpoint?.tags.get(STABLE_TAG).filter(|name| exists(name));
    if let Some(stable) = tag {
        return Some(stable.clone());
    }
    let traffic = intended(endpoint, held_by(endpoint, deployments).as_ref(), kind);
    let serving: Vec<&str> = traffic.serving().into_iter().filter(|name| exists(name)).collect();
    let other = serving.iter().find(|name| wanted != Some(**name));
    other.or(serving.first()).map(|name| (*name).to_string())
}
