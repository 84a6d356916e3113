//! Which revisions were the stable ones of an endpoint, and since when: what its tag tells of that when all status is lost.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use super::{Revision, Rise, Scene};
use crate::api::{Outcome, PastRollout, Role, StableTime};
use crate::azure::model::resource::OnlineDeployment;
use crate::decide::in_seconds;

/// The tag of an endpoint that names the revisions that were stable, the latest first.
pub const HISTORY_TAG: &str = "bindery-history";

/// What Azure takes as the value of a tag.
const TAG_VALUE: usize = 256;

/// A revision that was, or is, the stable one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenure {
    /// The revision.
    pub revision: Revision,
    /// The number of the model's version.
    pub version: Option<String>,
    /// How it became the stable one: by a promotion, or because another was rolled back.
    pub outcome: Outcome,
    /// Since when. It lasted until the next one began.
    pub since: Timestamp,
}

/// The revisions that were stable, the latest first, as many as a tag holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tenures(Vec<Tenure>);

impl Tenures {
    /// From the text that `Display` gives. What cannot be read, a hand wrote: it is left out, with all that is older.
    pub fn parse(text: &str) -> Self {
        Self(text.split(' ').map_while(|part| part.parse().ok()).collect())
    }

    /// The latest one.
    pub fn latest(&self) -> Option<&Tenure> {
        self.0.first()
    }

    /// With this one, which begins now.
    #[must_use]
    pub fn and(mut self, tenure: Tenure) -> Self {
        self.0.insert(0, tenure);
        self
    }

    /// The rollouts of a history that was lost. What they served is known of the deployments that are still there.
    pub fn recalled(&self, deployments: &[OnlineDeployment]) -> Vec<PastRollout> {
        let untils = std::iter::once(None).chain(self.0.iter().map(|later| Some(later.since)));
        let rollout = |(tenure, until): (&Tenure, Option<Timestamp>)| {
            let of_it = |d: &&OnlineDeployment| Revision::tagged(d).as_ref() == Some(&tenure.revision);
            let deployment = deployments.iter().find(of_it);
            PastRollout {
                version: tenure.version.clone(),
                asset_id: deployment.and_then(|it| it.properties.model.clone()),
                deployed_at: deployment.and_then(OnlineDeployment::created_at),
                finished_at: Some(tenure.since),
                served: until.map(|until| StableTime { since: tenure.since, until }),
                ..PastRollout::new(&tenure.revision.to_string(), tenure.outcome)
            }
        };
        self.0.iter().zip(untils).map(rollout).collect()
    }
}

impl fmt::Display for Tenures {
    /// For a tag: `5e6f7a8b90@3=2026-03-01T12:00:00Z 1cd4cf2814@2=2026-02-01T08:30:00Z`, with `<` instead of `=` where it became the
    /// stable one because another was rolled back. What has no room is left out, the oldest first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for tenure in &self.0 {
            let part = tenure.to_string();
            let gap = if text.is_empty() { "" } else { " " };
            if text.len() + gap.len() + part.len() > TAG_VALUE {
                break;
            }
            text = format!("{text}{gap}{part}");
        }
        f.write_str(&text)
    }
}

impl fmt::Display for Tenure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version.as_ref().map(|it| format!("@{it}")).unwrap_or_default();
        let sign = if self.outcome == Outcome::RolledBack { '<' } else { '=' };
        write!(f, "{}{version}{sign}{}", self.revision, in_seconds(self.since))
    }
}

impl FromStr for Tenure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let at = text.find(['=', '<'])?;
            let (named, since) = (&text[..at], &text[at + 1..]);
            let outcome = if text.as_bytes()[at] == b'<' { Outcome::RolledBack } else { Outcome::Promoted };
            let (revision, version) = named.split_once('@').map_or((named, None), |(r, v)| (r, Some(v)));
            let since = since.parse().ok()?;
            let version = version.map(str::to_string);
            Some(Tenure { revision: Revision::parse(revision), version, outcome, since })
        };
        read().ok_or_else(|| format!("`{text}` names no revision and since when"))
    }
}

/// The number of the version that a deployment serves, as its asset id says.
pub fn version_of(deployment: &OnlineDeployment) -> Option<String> {
    let asset = deployment.properties.model.as_deref()?;
    let (_, version) = asset.rsplit_once("/versions/")?;
    Some(version.into())
}

impl Scene<'_> {
    /// What the endpoint's tag tells of those that were stable.
    pub(super) fn tenures(&self) -> Tenures {
        let tag = self.view.endpoint.and_then(|e| e.tags.get(HISTORY_TAG));
        tag.map(|text| Tenures::parse(text)).unwrap_or_default()
    }

    /// The same, where this deployment is the stable one from now on, or is so already.
    pub(super) fn tenures_with(&self, stable: Option<&String>) -> Tenures {
        let before = self.tenures();
        let deployment = stable.and_then(|name| self.deployment(name));
        let Some((deployment, revision)) = deployment.and_then(|it| Some((it, Revision::tagged(it)?))) else {
            return before;
        };
        if before.latest().is_some_and(|latest| latest.revision == revision) {
            return before;
        }
        let is_it =
            |it: &&crate::api::DeploymentStatus| it.name == deployment.name() && it.role == Role::Stable;
        let since = self.view.roles.iter().find(is_it).map_or(self.view.now, |known| known.since);
        let back = self.view.rise == Rise::Back;
        let outcome = if back { Outcome::RolledBack } else { Outcome::Promoted };
        before.and(Tenure { revision, version: version_of(deployment), outcome, since })
    }

    /// Since when the tag says that this deployment is the stable one: not before Azure made it, whatever a hand has written.
    pub(super) fn stable_since(&self, deployment: &OnlineDeployment) -> Option<Timestamp> {
        let tenures = self.tenures();
        let latest =
            tenures.latest().filter(|it| Revision::tagged(deployment).as_ref() == Some(&it.revision))?;
        let made = deployment.created_at()?;
        Some(latest.since.max(made)).filter(|since| *since <= self.view.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap_or_default()
    }

    fn tenure(revision: &str, outcome: Outcome, since: &str) -> Tenure {
        Tenure { revision: Revision::parse(revision), version: Some("12".into()), outcome, since: at(since) }
    }

    #[test]
    fn what_a_tag_says_is_read_back() {
        let all = Tenures::default()
            .and(tenure("5e6f7a8b90", Outcome::Promoted, "2026-03-01T12:00:00Z"))
            .and(Tenure { version: None, ..tenure("1cd4cf2814", Outcome::Promoted, "2026-03-02T12:00:00Z") })
            .and(tenure("5e6f7a8b90", Outcome::RolledBack, "2026-03-03T12:00:00Z"));
        let text = "5e6f7a8b90@12<2026-03-03T12:00:00Z 1cd4cf2814=2026-03-02T12:00:00Z 5e6f7a8b90@12=2026-03-01T12:00:00Z";
        assert_eq!(all.to_string(), text);
        assert_eq!(Tenures::parse(text), all);
        // What is behind something that nobody can read is not believed.
        for (text, count) in
            [("", 0), ("x", 0), ("a=now", 0), ("a@1=2026-03-01T12:00:00Z x b@1=2026-03-01T12:00:00Z", 1)]
        {
            assert_eq!(Tenures::parse(text).0.len(), count, "{text}");
        }
    }

    #[test]
    fn a_tag_has_room_for_the_latest() {
        let many = (1..=20).fold(Tenures::default(), |all, day| {
            all.and(tenure(&format!("{day:010}"), Outcome::Promoted, &format!("2026-03-{day:02}T12:00:00Z")))
        });
        let text = many.to_string();
        assert!(text.len() <= TAG_VALUE, "{text}");
        let read = Tenures::parse(&text);
        assert_eq!((read.0.len(), read.latest()), (7, many.latest()));
    }

    #[test]
    fn a_tag_is_filled_to_its_last_character() {
        let number = |letters: usize| {
            let first = tenure("0000000001", Outcome::Promoted, "2026-03-01T12:00:00Z");
            let last = Tenure { version: Some("1".repeat(letters)), ..first.clone() };
            Tenures(vec![last, first]).to_string()
        };
        let room = TAG_VALUE - number(1).len();
        assert_eq!(number(1 + room).len(), TAG_VALUE);
        assert_eq!(Tenures::parse(&number(2 + room)).0.len(), 1, "the older one has no room");
    }

    #[test]
    fn a_lost_history_is_recalled() {
        let tag = Tenures::parse("b@2=2026-03-02T12:00:00Z a@1=2026-03-01T12:00:00Z");
        let deployment: OnlineDeployment = serde_json::from_value(serde_json::json!({
            "location": "eastus", "name": "v1-a", "tags": {"bindery-revision": "a"},
            "properties": {"endpointComputeType": "Managed", "model": "/models/taxi/versions/1"},
        }))
        .unwrap_or_default();
        let recalled = tag.recalled(&[deployment]);
        let shown: Vec<_> = recalled
            .iter()
            .map(|it| (it.revision.as_str(), it.version.as_deref(), it.asset_id.as_deref()))
            .collect();
        assert_eq!(shown, [("b", Some("2"), None), ("a", Some("1"), Some("/models/taxi/versions/1"))]);
        let served = StableTime { since: at("2026-03-01T12:00:00Z"), until: at("2026-03-02T12:00:00Z") };
        assert_eq!(recalled.iter().map(|it| it.served).collect::<Vec<_>>(), [None, Some(served)]);
    }
}
