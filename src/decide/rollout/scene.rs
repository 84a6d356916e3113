//! The endpoint as it is, with every deployment in its role, and the traffic that it should have.

use jiff::Timestamp;

use super::{Failures, Move, Revision, Traffic, Weight, next_move};
use crate::api::{Role, Step};
use crate::azure::model::resource::{OnlineDeployment, OnlineEndpoint, Provisioning};
use crate::decide::{Owner, deployment_binding::Facts};

/// The tag of an endpoint that names its stable deployment.
pub const STABLE_TAG: &str = "bindery-stable";
/// The tag of an endpoint that names the deployment that was stable before.
pub const PREVIOUS_TAG: &str = "bindery-previous";
/// The tag of an endpoint that holds the traffic map that Bindery wrote last.
pub const TRAFFIC_TAG: &str = "bindery-traffic";
/// The tag of an endpoint that names the revisions that failed, the latest first.
pub const FAILED_TAG: &str = "bindery-failed";

/// The endpoint, read with the manifest in hand.
#[derive(Debug, Clone)]
pub struct Scene<'a> {
    facts: &'a Facts,
    endpoint: Option<&'a OnlineEndpoint>,
    /// What the manifest asks for: the revision, and its deployment's name.
    pub wanted: Option<(Revision, String)>,
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
}

/// The traffic that the endpoint should have now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub traffic: Traffic,
    pub stable: Option<String>,
    pub previous: Option<String>,
    /// How long a pause still goes.
    pub pause: Option<std::time::Duration>,
}

impl<'a> Scene<'a> {
    /// Reads the facts.
    pub fn of(facts: &'a Facts) -> Self {
        let endpoint = facts.endpoint.found();
        let held = endpoint.map_or(Some(Traffic::none()), |e| Traffic::held(&e.properties.traffic));
        let tag = |name: &str| endpoint.and_then(|e| e.tags.get(name)).filter(|v| !v.is_empty());
        let written = endpoint.and_then(|e| e.tags.get(TRAFFIC_TAG)).and_then(|t| Traffic::parse(t));
        let intended = written.or_else(|| held.clone()).unwrap_or_default();
        let wanted = facts.wanted();
        let exists = |name: &str| facts.deployments.iter().any(|d| d.name() == name);
        let stable = tag(STABLE_TAG)
            .filter(|n| exists(n))
            .cloned()
            .or_else(|| heaviest(&intended, wanted.as_ref(), &exists));
        let previous = tag(PREVIOUS_TAG).filter(|n| exists(n) && stable.as_ref() != Some(*n)).cloned();
        let told: Failures = facts.status.failed.iter().map(|f| Revision::parse(&f.revision)).collect();
        let failed = told.then(tag(FAILED_TAG).map(|t| Failures::parse(t)).unwrap_or_default());
        Self { facts, endpoint, wanted, held, intended, stable, previous, failed }
    }

    /// The deployments that Bindery's tags say serve.
    pub fn named(&self) -> Vec<&str> {
        let stable = self.endpoint.and_then(|e| e.tags.get(STABLE_TAG)).filter(|n| !n.is_empty());
        self.intended.serving().into_iter().chain(stable.map(String::as_str)).collect()
    }

    /// A deployment by its name.
    pub fn deployment(&self, name: &str) -> Option<&'a OnlineDeployment> {
        self.facts.deployments.iter().find(|d| d.name() == name)
    }

    /// The name of the deployment that the manifest asks for.
    pub fn wanted_name(&self) -> Option<&str> {
        self.wanted.as_ref().map(|(_, name)| name.as_str())
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

    /// The wanted revision has failed, and is not the stable one.
    pub fn wanted_failed(&self) -> bool {
        let Some((revision, _)) = &self.wanted else { return false };
        !self.arrived() && (self.failed.contains(revision) || self.candidate().is_some_and(broken))
    }

    /// The revisions that are not to be tried again: those that are known to have failed, and before them
    /// what Azure could not make just now, wanted or given up meanwhile.
    pub fn failures(&self) -> Failures {
        let spared = |d: &&OnlineDeployment| {
            let name = Some(d.name());
            name != self.stable.as_deref() && name != self.previous.as_deref()
        };
        let found = self.facts.deployments.iter().filter(|d| broken(d) && self.ours(d)).filter(spared);
        let new = found.filter_map(Revision::tagged).filter(|r| !self.failed.contains(r));
        let wanted = self.wanted.iter().map(|(r, _)| r.clone());
        let wanted = wanted.filter(|r| self.wanted_failed() && !self.failed.contains(r));
        wanted.chain(new).collect::<Failures>().then(self.failed.clone())
    }

    /// The revisions that failed and that the endpoint's tag does not name yet.
    pub fn unwritten_failures(&self, endpoint: &OnlineEndpoint) -> Failures {
        let written = endpoint.tags.get(FAILED_TAG).map(|t| Failures::parse(t)).unwrap_or_default();
        self.failures().iter().filter(|revision| !written.contains(revision)).cloned().collect()
    }

    /// A tag says of the wanted deployment, which is gone, that it is or was stable: the one that is made
    /// next would be taken for it.
    pub fn mark_outlived_it(&self) -> bool {
        let Some(wanted) = self.wanted_name().filter(|n| self.deployment(n).is_none()) else { return false };
        let names = |tag: &str| self.endpoint.is_some_and(|e| e.tags.get(tag).is_some_and(|n| n == wanted));
        names(STABLE_TAG) || names(PREVIOUS_TAG)
    }

    /// Was it made by a Bindery of this cluster? Only such a deployment is ever deleted.
    pub fn ours(&self, deployment: &OnlineDeployment) -> bool {
        let cluster = &self.facts.situation.ownership.owner.cluster;
        Revision::tagged(deployment).is_some()
            && Owner::of(&deployment.tags).is_some_and(|o| o.cluster == *cluster)
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

    /// Since when it has its role.
    pub fn since(&self, deployment: &OnlineDeployment) -> Timestamp {
        let role = self.role(deployment);
        self.facts
            .status
            .deployments
            .iter()
            .find(|d| d.name == deployment.name() && d.role == role)
            .map_or(self.facts.situation.now, |d| d.since)
    }

    /// What Azure routes by and what Bindery wrote last differ: somebody else moved the traffic.
    pub fn traffic_drifted(&self) -> bool {
        self.endpoint.is_some_and(|e| e.tags.contains_key(TRAFFIC_TAG))
            && self.held.as_ref() != Some(&self.intended)
    }

    /// Deployments that nobody here knows and that serve together: no single one can count as stable.
    pub fn unknown_split(&self) -> Option<Vec<&str>> {
        let known = self.endpoint.is_some_and(|e| e.tags.contains_key(TRAFFIC_TAG));
        let serving = self.intended.serving();
        let foreign = |name: &&str| self.deployment(name).is_none_or(|d| !self.ours(d));
        (!known && (self.held.is_none() || (serving.len() > 1 && serving.iter().any(foreign))))
            .then_some(serving)
    }

    /// The candidate's weight as Bindery wrote it, and since when it has it.
    pub fn candidate_weight(&self) -> (Weight, Timestamp) {
        let now = self.facts.situation.now;
        let Some((revision, name)) = &self.wanted else { return (Weight::NONE, now) };
        let weight = self.intended.weight(name);
        let same =
            |c: &&crate::api::Candidate| c.revision == revision.to_string() && c.weight == weight.percent();
        let since = self.facts.status.candidate.as_ref().filter(same).map(|c| c.since);
        (weight, since.unwrap_or(now))
    }

    /// The traffic that the endpoint should have now. `may_rise` is false while the version may not
    /// go on: its weight then stays, or falls to what somebody else has made of it.
    pub fn next(&self, may_rise: bool) -> Target {
        let stay = |traffic: Traffic| Target {
            traffic,
            stable: self.stable.clone(),
            previous: self.previous.clone(),
            pause: None,
        };
        let back = || stay(self.stable.as_deref().map_or_else(Traffic::none, Traffic::all_to));
        let Some(wanted) = self.wanted_name() else { return stay(self.without_rise()) };
        let Some(candidate) = self.candidate() else { return back() };
        if self.wanted_failed() {
            return back();
        }
        let Some(stable) = self.stable.as_deref() else {
            // Nothing serves yet: there is nobody to protect by steps.
            let ready = may_rise && candidate.provisioning() == Provisioning::Succeeded;
            return if ready { self.arrive(wanted) } else { stay(Traffic::none()) };
        };
        let (weight, since) = self.candidate_weight();
        if candidate.provisioning() != Provisioning::Succeeded || !may_rise {
            return stay(Traffic::split(stable, wanted, weight.min(self.routed(wanted))));
        }
        let held = Traffic::split(stable, wanted, weight);
        if self.role(candidate) == Role::Previous {
            return self.arrive(wanted);
        }
        if self.held.as_ref() != Some(&held) {
            return stay(held);
        }
        match next_move(self.steps(), weight, since, self.facts.situation.now) {
            Move::Shift { last: true, .. } => self.arrive(wanted),
            Move::Shift { to, last: false } => stay(Traffic::split(stable, wanted, to)),
            Move::Pause(left) => Target { pause: Some(left), ..stay(held) },
        }
    }

    /// What Bindery wrote last, but that nothing beside the stable one has more than it is routed now:
    /// nobody can say whether it may.
    fn without_rise(&self) -> Traffic {
        if self.intended.serving().iter().any(|name| self.deployment(name).is_none()) {
            let held = || self.held.clone().unwrap_or_default();
            return self.stable.as_deref().map_or_else(held, Traffic::all_to);
        }
        let Some(stable) = self.stable.as_deref().filter(|_| self.held.as_ref() != Some(&self.intended))
        else {
            return self.intended.clone();
        };
        let other = self.intended.serving().into_iter().find(|n| *n != stable);
        other.map_or_else(
            || Traffic::all_to(stable),
            |name| Traffic::split(stable, name, self.intended.weight(name).min(self.routed(name))),
        )
    }

    /// What Azure routes to a deployment, whatever was meant.
    pub fn routed(&self, deployment: &str) -> Weight {
        self.endpoint.map_or(Weight::NONE, |e| Weight::new(e.weight(deployment)))
    }

    /// A deployment has all the traffic and becomes the stable one; the one before it is kept warm.
    fn arrive(&self, deployment: &str) -> Target {
        let before = self.stable.clone().filter(|s| s != deployment);
        Target {
            traffic: Traffic::all_to(deployment),
            stable: Some(deployment.into()),
            previous: before.or_else(|| self.previous.clone()),
            pause: None,
        }
    }

    /// The steps of the strategy.
    pub fn steps(&self) -> &'a [Step] {
        &self.facts.spec.strategy.steps
    }
}

/// Azure could not make it, or it broke afterwards.
pub fn broken(deployment: &OnlineDeployment) -> bool {
    matches!(deployment.provisioning(), Provisioning::Failed | Provisioning::Canceled)
}

/// Where no tag says it, what serves most is stable; the wanted one only when it serves alone.
fn heaviest(
    traffic: &Traffic,
    wanted: Option<&(Revision, String)>,
    exists: &dyn Fn(&str) -> bool,
) -> Option<String> {
    let serving: Vec<&str> = traffic.serving().into_iter().filter(|n| exists(n)).collect();
    let other = serving.iter().find(|n| wanted.is_none_or(|(_, name)| name != *n));
    other.or(serving.first()).map(|n| (*n).to_string())
}
