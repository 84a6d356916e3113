//! What becomes of each rollout: most go to their end, and a few are turned back while the others go on.

use std::collections::BTreeMap;
use std::time::Duration;

use bindery::api::DeploymentBinding;
use e2e::stand::{Error, Stand};
use jiff::Timestamp;
use serde_json::json;

use super::asked::Asked;
use super::seen::Watched;
use super::spread::{Spread, seconds};
use super::{Extent, manifests};
use crate::bench::figures::Figures;

/// Of each way back, so many at most.
const HANDFUL: usize = 5;
/// From a revert to the PUT, or from the end of the operation that runs, in seconds.
const BACK: f64 = 2.0;
/// So late, by the floor, may the last one arrive.
const SLACK: f64 = 1.05;

/// What becomes of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    Arrives,
    /// The manifest names version 1 again while the candidate is measured.
    Reverted,
    /// The same while Azure moves the traffic.
    RevertedUnderWay,
    /// Somebody rolls it back by a `RolloutAction` while the candidate is measured.
    RolledBack,
}

impl Fate {
    const WAYS_BACK: [Self; 3] = [Self::Reverted, Self::RevertedUnderWay, Self::RolledBack];

    /// A handful each way back; of fewer than four rollouts all arrive.
    fn of(n: usize, rollouts: usize) -> Self {
        let each = (rollouts / 4).min(HANDFUL);
        if n < 3 * each { Self::WAYS_BACK[n % 3] } else { Self::Arrives }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Arrives => "arrived",
            Self::Reverted => "from a revert to the PUT",
            Self::RevertedUnderWay => "from the end of the running operation to the PUT of a revert",
            Self::RolledBack => "from a Rollback to the PUT",
        }
    }
}

/// One rollout.
#[derive(Debug)]
struct Rollout {
    n: usize,
    fate: Fate,
    edited: Timestamp,
    /// When it was turned back.
    turned: Option<Timestamp>,
}

/// All rollouts, by endpoint.
#[derive(Debug)]
pub(super) struct Course {
    begun: Timestamp,
    rollouts: BTreeMap<String, Rollout>,
}

impl Course {
    /// Each was edited at this moment.
    pub(super) fn new(begun: Timestamp, edits: Vec<(String, Timestamp)>, all: usize) -> Self {
        let edits: BTreeMap<String, Timestamp> = edits.into_iter().collect();
        let rollout = |n: usize| {
            let endpoint = manifests::endpoint(n);
            let edited = edits.get(&endpoint).copied().unwrap_or(begun);
            (endpoint, Rollout { n, fate: Fate::of(n, all), edited, turned: None })
        };
        Self { begun, rollouts: (0..all).map(rollout).collect() }
    }

    /// Turns back those whose moment has come.
    pub(super) async fn turn_back(
        &mut self,
        stand: &Stand,
        watched: &Watched,
        asked: &Asked,
        extent: &Extent,
    ) -> Result<(), Error> {
        let half = Duration::from_secs_f64(extent.durations().endpoint_update / 2.0);
        for (endpoint, rollout) in &mut self.rollouts {
            let due = match rollout.fate {
                _ if rollout.turned.is_some() => false,
                Fate::Arrives => false,
                Fate::Reverted | Fate::RolledBack => watched.stands(endpoint),
                Fate::RevertedUnderWay => {
                    asked.shared_at(endpoint).is_some_and(|at| at + half < Timestamp::now())
                }
            };
            if !due {
                continue;
            }
            rollout.turned = Some(Timestamp::now());
            if rollout.fate == Fate::RolledBack {
                roll_back(stand, endpoint, &watched.revision(endpoint)).await?;
            } else {
                bind(stand, rollout.n, extent, 1).await?;
            }
        }
        Ok(())
    }

    /// How many have come to their end.
    pub(super) fn ended(&self, watched: &Watched, asked: &Asked) -> usize {
        let ended = |(endpoint, rollout): &(&String, &Rollout)| match (rollout.fate, rollout.turned) {
            (Fate::Arrives, _) => watched.arrived(endpoint).is_some(),
            (_, Some(turned)) => asked.back_at(endpoint, turned).is_some(),
            (_, None) => false,
        };
        self.rollouts.iter().filter(ended).count()
    }

    /// The figures of how they went.
    pub(super) fn tell(
        &self,
        figures: &mut Figures,
        title: &str,
        extent: &Extent,
        watched: &Watched,
        asked: &Asked,
    ) {
        let arrived = || {
            let all = self.rollouts.iter().filter(|(_, it)| it.fate == Fate::Arrives);
            all.filter_map(|(endpoint, it)| Some((it.edited, watched.arrived(endpoint)?)))
        };
        let last = arrived().map(|(_, at)| at).max().unwrap_or(self.begun);
        figures.add(format!("{title}: floor of them all"), extent.floor(), "s");
        figures.at_most(
            SLACK * extent.floor(),
            format!("{title}: all arrived after"),
            seconds(self.begun, last),
            "s",
        );
        figures.add(format!("{title}: floor of one"), extent.floor_of_one(), "s");
        let own: Spread = arrived().map(|(edited, at)| seconds(edited, at)).collect();
        own.tell(figures, &format!("{title}: own time"), "s", None);
        let idle: Spread = asked.idle().collect();
        idle.tell(figures, &format!("{title}: an operation's end to the next request"), "s", None);
        let late: Spread = watched.lateness().into_iter().collect();
        late.tell(figures, &format!("{title}: a measurement later than due"), "intervals", Some(1.0));
        for fate in Fate::WAYS_BACK {
            self.turned_back(fate, asked).tell(
                figures,
                &format!("{title}: {}", fate.words()),
                "s",
                Some(BACK),
            );
        }
    }

    /// How long each took that was turned back this way, without the time of the operation that was running.
    fn turned_back(&self, fate: Fate, asked: &Asked) -> Spread {
        let took = |(endpoint, rollout): (&String, &Rollout)| {
            let turned = rollout.turned.filter(|_| rollout.fate == fate)?;
            Some(seconds(asked.free_at(endpoint, turned), asked.back_at(endpoint, turned)?))
        };
        self.rollouts.iter().filter_map(took).collect()
    }
}

/// Has the manifest name this version.
pub(super) async fn bind(stand: &Stand, n: usize, extent: &Extent, version: u32) -> Result<(), Error> {
    let version = manifests::version(n % extent.subscriptions(), version);
    let spec = json!({"model": {"versionRef": {"name": version}}});
    stand.edit::<DeploymentBinding>(&manifests::endpoint(n), spec).await.map(|_| ())
}

async fn roll_back(stand: &Stand, endpoint: &str, revision: &str) -> Result<(), Error> {
    let spec = json!({
        "bindingRef": {"name": endpoint}, "action": "Rollback", "revision": revision, "requestedBy": "ada",
        "reason": "to see how long it takes",
    });
    stand.apply("RolloutAction", &format!("{endpoint}-back"), spec).await
}

#[cfg(test)]
mod tests {
    use super::Fate;

    #[test]
    fn a_handful_is_turned_back_each_way() {
        let back = |rollouts: usize| {
            Fate::WAYS_BACK.map(|way| (0..rollouts).filter(|n| Fate::of(*n, rollouts) == way).count())
        };
        assert_eq!((back(3), back(4), back(12), back(500)), ([0; 3], [1; 3], [3; 3], [5; 3]));
    }
}
