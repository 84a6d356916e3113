//! The log of a revision that has failed: its last lines are read once, for the history. It is asked for beside the passes, and only
//! when the deployment has lost its traffic, so nothing waits for it.

use std::time::Duration;

use jiff::Timestamp;

use super::{Case, Facts};
use crate::api::{Outcome, PastRollout};
use crate::azure::model::resource::{EndpointKind, OnlineDeployment, Provisioning};
use crate::decide::facts::Known;
use crate::decide::rollout::{Revision, Scene, Share};
use crate::decide::{Mode, elapsed};
use crate::measure::model::{Answer, Question};

/// So long after the failure it is asked for, until there is one: what has just crashed may say something only when it has been
/// started once more, and each question counts as a write.
const TRIES: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(60), Duration::from_secs(300), Duration::from_secs(1200)];
/// The last try is given up after so long.
const GIVEN_UP: Duration = Duration::from_secs(1800);

impl Facts {
    /// The last lines of the log of a revision whose failure the history tells without them, where they are there.
    pub(super) fn read_log(&self, known: &mut Known) -> Option<(String, Vec<String>)> {
        let (scene, _) = self.scene();
        let (failed, deployment) = self.without_log(&scene)?;
        let (due, _) = tries(failed, self.situation.now)?;
        let acting = self.situation.acting.clone().ok()?;
        let question = Question::Log(self.deployment_id(deployment.name())?);
        match known.measured(&acting, due, question)? {
            Answer::Lines(lines) if !lines.is_empty() => Some((failed.revision.clone(), lines.clone())),
            _ => None,
        }
    }

    /// The last revision that has failed, whose log nobody has read and whose deployment is there and has nothing to do any more.
    fn without_log<'a>(&'a self, scene: &Scene<'a>) -> Option<(&'a PastRollout, &'a OnlineDeployment)> {
        if self.spec.kind() == EndpointKind::Batch {
            // Nothing of a batch deployment runs but its jobs.
            return None;
        }
        let acts = self.situation.mode == Mode::Act && !self.situation.deleting;
        let failed = self.status.history.iter().find(|it| it.outcome == Outcome::Failed)?;
        let deployment = self.deployment_of(&Revision::parse(&failed.revision))?;
        let free = |state: Provisioning| state != Provisioning::Running;
        let rests = free(deployment.provisioning()) && free(self.endpoint.found()?.provisioning());
        let idle = scene.ours(deployment)
            && scene.stable.as_deref() != Some(deployment.name())
            && scene.reaching(deployment.name()) == Share::NONE;
        (acts && rests && idle && failed.log.is_empty()).then_some((failed, deployment))
    }
}

impl Case<'_> {
    /// In how much time the log is asked for again.
    pub(super) fn next_log(&self) -> Option<Duration> {
        let (failed, _) = self.facts.without_log(&self.scene)?;
        let now = self.facts.situation.now;
        let (_, next) = tries(failed, now)?;
        next.filter(|_| self.facts.log.is_none()).map(|next| elapsed(now, next))
    }
}

/// The try that is due at this moment, and when the next one is; none where it is too late.
fn tries(failed: &PastRollout, now: Timestamp) -> Option<(Timestamp, Option<Timestamp>)> {
    let since = failed.finished_at?;
    let passed = elapsed(since, now);
    let due = TRIES.iter().rposition(|after| *after <= passed)?;
    let at = |after: &Duration| since.checked_add(*after).ok();
    (passed < GIVEN_UP).then_some((at(&TRIES[due])?, TRIES.get(due + 1).and_then(at)))
}
