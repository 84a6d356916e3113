//! Whether a version has served for long enough somewhere else.

use std::time::Duration;

use jiff::Timestamp;

use super::super::Facts;
use super::approvals::made;
use super::{Rule, Ruling};
use crate::api::{DeploymentBinding, DeploymentBindingStatus, Object, ObjectKey, Reason};
use crate::azure::model::folded;
use crate::decide::facts::{Kind, Known, Name};
use crate::decide::places::policy::Soaking;
use crate::decide::{Place, Right, SourceVersion, elapsed, in_seconds};

/// What the cluster shows of where the wanted version has served.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Soak {
    /// When it was the stable one of a binding.
    pub times: Vec<Time>,
    /// When Azure made the version, where it is in a workspace.
    pub made: Option<Timestamp>,
}

/// A time without a break in which a version was the stable one of a binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Time {
    /// The Workspace of the binding.
    pub workspace: ObjectKey,
    /// When it began.
    pub since: Timestamp,
    /// When it was over; none while it lasts.
    pub until: Option<Timestamp>,
}

impl Time {
    fn length(&self, now: Timestamp) -> Duration {
        elapsed(self.since, self.until.unwrap_or(now))
    }
}

/// The assets that are or were the stable one, as far as the status knows since when.
pub(in crate::decide::deployment_binding) fn ever_stable(
    status: &DeploymentBindingStatus,
) -> impl Iterator<Item = &str> {
    let now = status.stable.iter().filter_map(|stable| stable.asset_id.as_deref());
    let before = status.history.iter().filter(|it| it.served.is_some());
    now.chain(before.filter_map(|it| it.asset_id.as_deref()))
}

impl Soak {
    /// Looks for the bindings in which the version serves or has served; nothing where the workspace does not ask for that.
    pub fn gather(place: &Place, version: &SourceVersion, known: &mut Known) -> Self {
        let (Place::Ready { policy, .. }, SourceVersion::Ready { asset_id, .. }) = (place, version) else {
            return Self::default();
        };
        let Some(soak) = &policy.soak else { return Self::default() };
        let mut found = Self { times: vec![], made: made(version, known) };
        for place in soak.places.iter().filter(|place| place.closed.is_none()) {
            for binding in known.naming::<DeploymentBinding>(Name::served(asset_id, &place.key)) {
                let there = binding.names().contains(&Name::served(asset_id, &place.key));
                // Whoever may not make the endpoint has nothing to show for it.
                if there && binding.let_in(known) == Some(Right::Granted) {
                    found.times.extend(times(&binding.current(), asset_id, &place.key));
                }
            }
        }
        found
    }
}

/// The times in which this asset was the stable one, the latest first: those that another revision of the same asset goes on
/// with are one.
fn times(status: &DeploymentBindingStatus, asset: &str, workspace: &ObjectKey) -> Vec<Time> {
    let is_it = |of: &Option<String>| of.as_deref().is_some_and(|of| folded(of) == folded(asset));
    let stable = status.stable.as_ref().filter(|stable| is_it(&stable.asset_id));
    let now = stable.map(|stable| (stable.since, None));
    let before = status.history.iter().filter(|it| is_it(&it.asset_id));
    let before = before.filter_map(|it| it.served).map(|served| (served.since, Some(served.until)));
    let mut all: Vec<Time> = vec![];
    for (since, until) in now.into_iter().chain(before) {
        match all.last_mut() {
            Some(later) if until.is_some_and(|until| until >= later.since) => {
                later.since = since.min(later.since);
            }
            _ => all.push(Time { workspace: workspace.clone(), since, until }),
        }
    }
    all
}

impl Facts {
    fn asked_of_soak(&self) -> Option<&Soaking> {
        let Place::Ready { policy, .. } = &self.place else { return None };
        policy.soak.as_ref()
    }

    /// The times that count: those of the files that there are now.
    fn soaked(&self) -> impl Iterator<Item = &Time> {
        let again = matches!(&self.version, SourceVersion::Ready { registry: None, .. });
        let made = self.soak.made;
        self.soak.times.iter().filter(move |time| !again || made.is_some_and(|made| made <= time.since))
    }

    /// When the version has served for long enough, where it only needs to go on.
    pub(in crate::decide::deployment_binding) fn soak_is_over(&self) -> Option<Duration> {
        let period = self.asked_of_soak()?.period.duration();
        let served = self.soaked().map(|time| time.length(self.situation.now)).max();
        if served.is_some_and(|served| served >= period) {
            return None;
        }
        let since = self.soaked().filter(|time| time.until.is_none()).map(|time| time.since).min()?;
        let left = self.situation.now.duration_until(since + period);
        Some(left.try_into().unwrap_or(Duration::ZERO).max(Duration::from_secs(1)))
    }
}

/// Where the version has to have served, and where it has.
pub(super) fn ruling(facts: &Facts) -> Option<Ruling> {
    let SourceVersion::Ready { model, version, .. } = &facts.version else { return None };
    let (soak, now) = (facts.asked_of_soak()?, facts.situation.now);
    let places = soak.places.iter().map(|place| place.key.to_string()).collect::<Vec<_>>().join(" or ");
    let period = &soak.period;
    let asks = format!("{period} as the stable version in {places}");
    let longest = facts.soaked().max_by_key(|time| time.length(now));
    let found = match longest {
        None => "it has not served there".to_string(),
        Some(Time { workspace, since, until: None }) => {
            format!("stable in {workspace} since {}", in_seconds(*since))
        }
        Some(Time { workspace, since, until: Some(until) }) => {
            format!("stable in {workspace} from {} to {}", in_seconds(*since), in_seconds(*until))
        }
    };
    let enough = longest.is_some_and(|time| time.length(now) >= period.duration());
    let refused = (!enough).then(|| {
        let workspace = &facts.spec.workspace_ref.name;
        let asked = format!("Workspace {workspace} serves only what has served before: {asks}");
        match facts.soaked().filter(|time| time.until.is_none()).map(|time| time.since).min() {
            Some(since) => (
                Reason::Soaking,
                format!(
                    "{asked}. {model}:{version} serves there since {}, which is long enough at {}.",
                    in_seconds(since),
                    in_seconds(since + period.duration())
                ),
            ),
            None => (
                Reason::PolicyRefused,
                format!("{asked}; of {model}:{version}: {found}.{} Serve it there first.", closed(soak)),
            ),
        }
    });
    Some(Ruling::new(Rule::Soak, asks, found, refused))
}

/// The workspaces that admit nothing, and why.
fn closed(soak: &Soaking) -> String {
    let all = soak.places.iter().filter_map(|place| Some((&place.key, place.closed?)));
    all.map(|(key, why)| format!(" {key} does not count: {why}.")).collect::<Vec<_>>().concat()
}
