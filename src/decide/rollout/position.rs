//! Where a rollout stands among its steps: what is written of it, and what is believed.
//!
//! The position is written twice. Every PUT of the endpoint writes it into a tag, so that it survives the loss of all
//! status; the status holds it too, because most steps change nothing in Azure, and because a pause counts from the
//! moment when Azure had moved the traffic, which the PUT that moved it could not know.
//!
//! | What is written, and fits the weight that Azure holds | The rollout stands |
//! |---|---|
//! | status, and no tag or an older one | as the status says |
//! | status, and a newer tag that names the same step or an earlier one: the status is of an earlier try | at the tag's step, from now on |
//! | status, and a tag that names a later step | as the status says: the later step was not seen to begin |
//! | only the tag, and it is further than the weight tells | at the tag's step, from now on |
//! | only the tag, and the weight tells as much | at the step after the one that gave the weight |
//! | neither | at the step after the one that gave the weight |
//!
//! A record fits when it is of the wanted revision, of these very steps, and when its step has the weight that Azure
//! holds, where a share of mirrored requests is a weight, too. Where only the weight tells, the time counts since the status saw that weight; where it did not, from now on.
//! So whatever is lost, a rollout may come late, and nothing comes early: a pause that nobody remembers begins again.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use super::steps::StepsHash;
use super::{Plan, Revision, Share};
use crate::api::{Candidate, CandidateStep, Step};

/// The tag of an endpoint that holds the position of its rollout; absent while there is none.
pub const POSITION_TAG: &str = "bindery-position";

/// Where a rollout stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// What is rolled out.
    pub revision: Revision,
    /// The steps that `step` counts in.
    pub steps: StepsHash,
    /// How many steps are done: the index of the one that goes on or comes next.
    pub step: usize,
    /// Since when. In a tag that was written by a PUT which moved traffic: when that was decided.
    pub since: Timestamp,
}

impl Position {
    /// The position in the words of the status, among these steps.
    pub fn to_status(&self, steps: &[Step]) -> CandidateStep {
        CandidateStep {
            index: i32::try_from(self.step).unwrap_or(i32::MAX),
            count: i32::try_from(steps.len()).unwrap_or(i32::MAX),
            name: steps.get(self.step).and_then(|step| step.name.clone()),
            steps_hash: self.steps.to_string(),
            since: self.since,
        }
    }

    /// A rollout of the same began at this position after another had come to that one. A time that lies ahead of
    /// `now` says nothing: a clock was set back, or a hand wrote it.
    fn began_anew_after(&self, other: &Self, now: Timestamp) -> bool {
        self.since > other.since && self.since <= now && self.step <= other.step
    }
}

impl fmt::Display for Position {
    /// For a tag: `5e6f7a8b90 1f2e3d4c@2 2026-03-01T12:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}@{} {}", self.revision, self.steps, self.step, self.since)
    }
}

impl FromStr for Position {
    type Err = String;

    /// From the text that `Display` gives.
    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let [revision, step, since] = text.split(' ').collect::<Vec<_>>().try_into().ok()?;
            let (steps, step) = step.split_once('@')?;
            let (step, since) = (step.parse().ok()?, since.parse().ok()?);
            Some(Self { revision: Revision::parse(revision), steps: StepsHash::parse(steps), step, since })
        };
        read().ok_or_else(|| format!("`{text}` is no position"))
    }
}

/// What is written of the position of a rollout.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// In the endpoint's tag.
    pub tag: Option<Position>,
    /// In the status.
    pub status: Option<Position>,
    /// The share of the traffic that the status last saw, and since when.
    pub share: Option<(Share, Timestamp)>,
}

impl Records {
    /// What a tag and a status hold. A status without a step is of a candidate that was still being made: the time
    /// until it was ready counts for no pause.
    pub fn read(tag: Option<&String>, candidate: Option<&Candidate>) -> Self {
        let tag = tag.and_then(|text| text.parse().ok());
        let Some((candidate, step)) = candidate.and_then(|c| Some((c, c.step.as_ref()?))) else {
            return Self { tag, ..Self::default() };
        };
        let status = usize::try_from(step.index).ok().map(|index| Position {
            revision: Revision::parse(&candidate.revision),
            steps: StepsHash::parse(&step.steps_hash),
            step: index,
            since: step.since,
        });
        Self { tag, status, share: Some((Share::seen(candidate), candidate.since)) }
    }
}

impl Records {
    /// Is the rollout of this revision at one of its steps, as far as anything that was written says?
    pub fn stands_before(&self, revision: &Revision, end: usize) -> bool {
        let written = self.status.as_ref().or(self.tag.as_ref());
        written.is_some_and(|it| it.revision == *revision && it.step < end)
    }
}

impl Plan<'_> {
    /// Where the rollout stands, for a candidate that has this share.
    pub fn position(&self, has: Share, records: &Records, now: Timestamp) -> Position {
        let stands = self.after_pauses(self.stood_at(has, records, now), now);
        self.past(stands, self.passed, now)
    }

    /// The same once the candidate gets back a share that somebody else had changed: its pause begins again.
    pub fn begun_again(&self, has: Share, records: &Records, now: Timestamp) -> Position {
        Position { since: now, ..self.stood_at(has, records, now) }
    }

    /// Where the rollout stood when that was written last.
    fn stood_at(&self, has: Share, records: &Records, now: Timestamp) -> Position {
        let status = records.status.as_ref().filter(|p| self.fits(p, has));
        let tag = records.tag.as_ref().filter(|p| self.fits(p, has));
        let share = records.share.filter(|(seen, _)| *seen == has);
        let by_share = self.at(self.steps_by_share(has), share.map_or(now, |(_, since)| since));
        match (status, tag) {
            (Some(status), Some(tag)) if tag.began_anew_after(status, now) => self.at(tag.step, now),
            (Some(status), _) => status.clone(),
            (None, Some(tag)) if tag.step > by_share.step => self.at(tag.step, now),
            (None, _) => by_share,
        }
    }

    /// The position that a step has which gives this share now.
    pub fn arriving_at(&self, share: Share, now: Timestamp) -> Position {
        self.at(self.steps_by_share(share), now)
    }

    fn at(&self, step: usize, since: Timestamp) -> Position {
        Position { revision: self.revision.clone(), steps: self.hash.clone(), step, since }
    }

    /// Is it a position of this very rollout, at which the candidate has this share?
    fn fits(&self, position: &Position, has: Share) -> bool {
        position.revision == self.revision
            && position.steps == self.hash
            && position.step <= self.steps.len()
            && self.share_after(position.step) == has
    }
}

#[cfg(test)]
mod tests;
