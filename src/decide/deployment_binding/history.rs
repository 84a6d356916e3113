//! The rollouts that have ended. Which revisions failed is known by the endpoint's tag, too; what Azure said of them, and the
//! rest, only here.

use super::{Case, Facts, admission};
use crate::api::{
    ActionWord, FailureReason, MetricRun, Outcome, PastRollout, Reason, Role, RunPhase, Stable, StableTime,
};
use crate::azure::model::resource::OnlineDeployment;
use crate::azure::model::{Operation, OperationState};
use crate::decide::rollout::{Asked, Failures, HISTORY_TAG, Revision, Tenures, broken, version_of};
use crate::decide::{Event, SourceVersion};

/// How many are remembered.
const MOST: usize = 10;

impl Facts {
    /// A status that was lost knows nothing of what was stable: the endpoint's tag does.
    pub(super) fn recall(&mut self) {
        if !self.status.history.is_empty() || self.status.stable.is_some() {
            return;
        }
        let Some(tags) = self.endpoint.found().map(|e| &e.tags) else { return };
        if self.situation.not_ours(Some(tags)).is_some() {
            return;
        }
        let told = tags.get(HISTORY_TAG).map(|text| Tenures::parse(text)).unwrap_or_default();
        self.status.history = told.recalled(&self.deployments);
    }
}

/// The rollouts that have ended, the latest first.
pub(super) fn of(case: &Case<'_>) -> Vec<PastRollout> {
    let mut all = case.facts.status.history.clone();
    note_retries(case, &mut all);
    let failures = failures(case);
    if let Some(superseded) = superseded(case, &failures) {
        all.insert(0, superseded);
    }
    // In the order in which they failed, also where only the endpoint's tag knows them.
    let mut at = 0;
    for revision in failures.iter() {
        let known = failed(&all).find(|(_, failed)| failed == revision).map(|(index, _)| index);
        if known.is_none() {
            all.insert(at, why_it_failed(case, revision));
        }
        at = known.unwrap_or(at) + 1;
    }
    if let Some((revision, lines)) = &case.facts.log
        && let Some(entry) = all.iter_mut().find(|it| it.revision == *revision)
    {
        entry.log.clone_from(lines);
    }
    if let Some(promoted) = promoted(case, &all) {
        close(case, &mut all);
        all.insert(0, promoted);
    }
    while all.len() > MOST {
        all.remove(least_needed(&all));
    }
    all
}

/// The entry that is left out where there are too many. What failed is not tried again, and what was stable may be gone back to: of both
/// the latest have to be remembered. Of a failure that has no time, the endpoint's tag knows as much.
fn least_needed(all: &[PastRollout]) -> usize {
    let failures: Vec<usize> = failed(all).map(|(at, _)| at).collect();
    let untimed = failures.iter().rev().find(|at| all[**at].finished_at.is_none());
    let other = (0..all.len()).rev().find(|at| !failures.contains(at));
    let oldest = failures.last().copied();
    let failure = untimed.copied().or_else(|| oldest.filter(|_| failures.len() > MOST / 2));
    failure.or(other).or(oldest).unwrap_or_default()
}

/// The revisions that failed and were not tried since, the latest first. `new` are the actions that were carried out just now.
pub(super) fn remembered_failures(history: &[PastRollout], new: &[Asked]) -> Failures {
    let tried =
        |revision: &Revision| new.iter().any(|it| it.word == ActionWord::Retry && it.revision == *revision);
    failed(history).map(|(_, revision)| revision).filter(|revision| !tried(revision)).collect()
}

/// The entries whose revision failed the last time that it was tried, and is not to be tried again.
fn failed(history: &[PastRollout]) -> impl Iterator<Item = (usize, Revision)> {
    let retried = |it: &PastRollout| it.actions.iter().any(|told| told.action == ActionWord::Retry);
    let latest = move |(at, it): &(usize, &PastRollout)| {
        it.outcome == Outcome::Failed
            && !retried(it)
            && history[..*at].iter().all(|later| later.revision != it.revision)
    };
    history.iter().enumerate().filter(latest).map(|(at, it)| (at, Revision::parse(&it.revision)))
}

/// Who has had a failed revision tried again.
fn note_retries(case: &Case<'_>, history: &mut [PastRollout]) {
    for asked in case.orders.new.iter().filter(|it| it.word == ActionWord::Retry) {
        let of_it = |it: &&mut PastRollout| {
            it.outcome == Outcome::Failed && it.revision == asked.revision.to_string()
        };
        if let Some(entry) = history.iter_mut().find(of_it) {
            entry.actions.push(asked.told());
        }
    }
}

/// The failure of a revision that is not tried again.
pub(super) fn failure_of(case: &Case<'_>, revision: &Revision) -> Option<PastRollout> {
    let all = of(case);
    let (at, _) = failed(&all).find(|(_, failed)| failed == revision)?;
    Some(all[at].clone())
}

/// The revisions that failed, what is late now among them, and without what serves for all that.
fn failures(case: &Case<'_>) -> Failures {
    let late = case.scene.wanted_revision().cloned().into_iter().filter(|_| deadline_passed(case));
    let all = late.collect::<Failures>().then(case.scene.failures());
    let stable = case.scene.stable.as_deref().and_then(|name| case.scene.deployment(name));
    let stable = stable.and_then(Revision::tagged);
    all.iter().filter(|revision| stable.as_ref() != Some(revision)).cloned().collect()
}

/// Another revision is the stable one from now on: for how long the last one was is written down. It is not, where the status
/// does not know since when, as after the endpoint was gone.
fn close(case: &Case<'_>, history: &mut [PastRollout]) {
    let Some(stable) = &case.facts.status.stable else { return };
    let last = history.iter_mut().find(|it| it.outcome.serves());
    if let Some(last) = last.filter(|it| Some(&it.revision) == stable.revision.as_ref()) {
        last.asset_id = last.asset_id.take().or_else(|| stable.asset_id.clone());
        last.served = Some(StableTime { since: stable.since, until: case.facts.situation.now });
    }
}

/// The rollout of a revision, ended now, with what its deployment serves.
fn ended(
    case: &Case<'_>,
    revision: &Revision,
    deployment: Option<&OnlineDeployment>,
    outcome: Outcome,
) -> PastRollout {
    let candidate = case.facts.status.candidate.as_ref().filter(|c| c.revision == revision.to_string());
    let wanted = case.scene.wanted_revision() == Some(revision);
    let remembered = candidate.map(|c| c.waivers.as_slice()).unwrap_or_default();
    PastRollout {
        version: deployment.and_then(version_of),
        asset_id: deployment.and_then(|d| d.properties.model.clone()),
        git_revision: candidate.and_then(|c| c.git_revision.clone()),
        waivers: if wanted { admission::of_rollout(remembered, case.facts) } else { remembered.to_vec() },
        deployed_at: deployment.and_then(OnlineDeployment::created_at),
        started_at: candidate.map(|c| c.started_at),
        finished_at: Some(case.facts.situation.now),
        actions: case.part(candidate, revision),
        skipped: case.skipped(candidate, revision),
        verification: case.job_of_rollout(revision),
        ..PastRollout::new(&revision.to_string(), outcome)
    }
}

/// The candidate that the status knows, where the manifest asks for something else by now.
fn superseded(case: &Case<'_>, failures: &Failures) -> Option<PastRollout> {
    let scene = &case.scene;
    let candidate = case.facts.status.candidate.as_ref()?;
    let revision = Revision::parse(&candidate.revision);
    let wanted = scene.wanted_revision()?;
    let stable = scene.stable.as_deref() == Some(candidate.deployment.as_str());
    let deployment = scene.deployment(&candidate.deployment);
    (*wanted != revision && !stable && !failures.contains(&revision))
        .then(|| ended(case, &revision, deployment, Outcome::Superseded))
}

/// The stable revision, where no other has been promoted since.
fn promoted(case: &Case<'_>, history: &[PastRollout]) -> Option<PastRollout> {
    let (scene, status) = (&case.scene, &case.facts.status);
    let stable = scene.stable.as_deref().and_then(|name| scene.deployment(name)).filter(|d| scene.ours(d))?;
    let revision = Revision::tagged(stable)?;
    let last = history.iter().find(|it| it.outcome.serves());
    if last.is_some_and(|it| it.revision == revision.to_string()) {
        return None;
    }
    let hold = case.hold().filter(|hold| hold.to_revision == revision.to_string());
    let back = hold.is_some() || went_back(case, stable);
    let outcome = if back { Outcome::RolledBack } else { Outcome::Promoted };
    let mut rollout = ended(case, &revision, Some(stable), outcome);
    // What is made again is back some time after the action.
    let action = case.rolled_back().map(Asked::told).or_else(|| hold.and_then(|hold| hold.action));
    rollout
        .actions
        .extend(action.filter(|told| !rollout.actions.contains(told)).into_iter().collect::<Vec<_>>());
    if outcome == Outcome::RolledBack && rollout.actions.is_empty() {
        rollout.message = status.stable.as_ref().and_then(|before| why_it_went_back(case, before));
    }
    if outcome == Outcome::Promoted
        && let Some(because) = took_over(case)
    {
        let left = case.steps_left(&revision).into_iter().filter(|step| !rollout.skipped.contains(step));
        rollout.skipped.extend(left.collect::<Vec<_>>());
        rollout.message = Some(because);
    }
    // A status that was lost knows neither when that was nor what was asked then.
    let seen = status.stable.is_some() || rollout.started_at.is_some();
    if !seen {
        return Some(PastRollout { finished_at: None, ..rollout });
    }
    // Of what goes back, an earlier entry says what it was asked when it was admitted.
    if outcome == Outcome::Promoted && scene.wanted_revision() == Some(&revision) {
        rollout.admission = admission::then(case);
    }
    rollout.approvals =
        rollout.asset_id.as_deref().map(|it| case.facts.approvals_then(it)).unwrap_or_default();
    Some(rollout)
}

/// Why the traffic went back from what served, where nobody asked for that.
fn why_it_went_back(case: &Case<'_>, before: &Stable) -> Option<String> {
    let Stable { deployment, asset_id, .. } = before;
    let gone = case.scene.deployment(deployment).is_none();
    let gone = gone.then(|| format!("{deployment}, which served, is gone from the endpoint."));
    gone.or_else(|| case.facts.against_in_words(asset_id.as_deref()?))
}

/// Was this deployment the one before until now, and does the manifest ask for another?
fn went_back(case: &Case<'_>, stable: &OnlineDeployment) -> bool {
    let before = case.facts.status.deployments.iter();
    let previous = before.filter(|it| it.role == Role::Previous).any(|it| it.name == stable.name());
    let asked = match &case.facts.version {
        SourceVersion::Ready { asset_id, version, .. } => Some(case.facts.revision_of(asset_id, version).1),
        _ => None,
    };
    previous && asked.is_some_and(|asked| asked != stable.name())
}

/// The stable deployment was there, and is gone: why this revision took over before it had passed its steps.
fn took_over(case: &Case<'_>) -> Option<String> {
    let before = &case.facts.status.stable.as_ref()?.deployment;
    let gone = case.scene.deployment(before).is_none();
    gone.then(|| {
        format!("{before}, which served, is gone from the endpoint, so this revision took over at once.")
    })
}

/// A revision took over without its steps, for an event.
pub(super) fn news(before: &[PastRollout], now: &[PastRollout]) -> Option<Event> {
    let latest = now.first().filter(|it| it.outcome == Outcome::Promoted && !before.contains(it))?;
    let message = latest.message.as_ref()?;
    let without = match latest.skipped.as_slice() {
        [] => String::new(),
        steps => format!(" Its rollout did without: {}.", steps.join(", ")),
    };
    let note = format!("{message}{without}");
    Some(Event { warning: true, reason: Reason::Drifted, deed: None, note })
}

impl Facts {
    /// The revision that served until somebody rolled back to this one, as far as the history knows.
    pub(super) fn left_for(&self, to: &str) -> Option<String> {
        let mut serving = self.status.history.iter().filter(|it| it.outcome.serves());
        serving.next().filter(|it| it.outcome == Outcome::RolledBack && it.revision == to)?;
        serving.next().map(|it| it.revision.clone())
    }
}

/// Why a revision failed that the status does not know yet. Azure's detail exists only in the operation.
fn why_it_failed(case: &Case<'_>, revision: &Revision) -> PastRollout {
    let (facts, scene) = (case.facts, &case.scene);
    let deployment = facts.deployments.iter().find(|d| Revision::tagged(d).as_ref() == Some(revision));
    let seen = !scene.failed.contains(revision);
    let because = |reason: FailureReason, message: String| PastRollout {
        reason: Some(reason),
        message: Some(message),
        finished_at: seen.then_some(facts.situation.now),
        ..ended(case, revision, deployment, Outcome::Failed)
    };
    if let Some(aborted) = case.ordered(ActionWord::Abort, revision) {
        let why = aborted.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let mut rollout = because(FailureReason::Aborted, format!("{} aborted it{why}", aborted.by));
        if !rollout.actions.contains(&aborted.told()) {
            rollout.actions.push(aborted.told());
        }
        return PastRollout { finished_at: Some(facts.situation.now), ..rollout };
    }
    if scene.wanted_revision() == Some(revision) && deadline_passed(case) {
        let message = "Azure did not make it ready within spec.strategy.progressDeadline.";
        return because(FailureReason::ProgressDeadlineExceeded, message.into());
    }
    if scene.wanted_revision() == Some(revision)
        && let Some((run, measurement)) = case.condemned_by()
    {
        let rollout = because(FailureReason::AnalysisFailed, measured_badly(&run));
        return PastRollout { finished_at: Some(facts.situation.now), measurement, ..rollout };
    }
    if scene.wanted_revision() == Some(revision)
        && let Some(message) = case.condemned_by_its_job()
    {
        let rollout = because(FailureReason::VerificationFailed, message);
        return PastRollout { finished_at: Some(facts.situation.now), ..rollout };
    }
    let Some(deployment) = deployment.filter(|d| broken(d.provisioning()) && seen) else {
        return because(
            FailureReason::CandidateFailed,
            "It failed before; the status that knew why was lost.".into(),
        );
    };
    let operation = &facts.situation.operation;
    let of_it = |o: &Operation| o.resource.name().eq_ignore_ascii_case(deployment.name());
    let said = operation.answer.as_ref().filter(|_| operation.remembered.as_ref().is_some_and(of_it));
    let message = match said {
        Some(OperationState::Failed { code: Some(code), message }) if !message.starts_with(code.as_str()) => {
            format!("{code}: {message}")
        }
        Some(OperationState::Failed { message, .. }) => message.clone(),
        _ => "Azure reports it as failed and no longer says why; its logs may.".into(),
    };
    because(FailureReason::CandidateFailed, message)
}

/// So many measurements, for a sentence.
pub(super) fn measurements(count: i32) -> String {
    if count == 1 { "one measurement".into() } else { format!("{count} measurements") }
}

/// Why a run condemns its candidate.
fn measured_badly(run: &MetricRun) -> String {
    let MetricRun { step, metric, failed, inconclusive, consecutive_errors, .. } = run;
    let count = match run.phase {
        RunPhase::Error => format!("nobody could measure it {consecutive_errors} times in a row"),
        RunPhase::Inconclusive => format!("{} gave no number", measurements(*inconclusive)),
        _ if *failed == 1 => "a measurement was not good enough".to_string(),
        _ => format!("{} were not good enough", measurements(*failed)),
    };
    let last = run.message.as_deref().map(|last| format!(" The last one: {last}")).unwrap_or_default();
    format!("Metric {metric} of step {step}: {count}.{last}")
}

/// Azure has worked on the candidate for longer than the strategy allows. It began by Azure's clock: where
/// that is ahead of ours, no time has passed.
pub(super) fn deadline_passed(case: &Case<'_>) -> bool {
    let (facts, scene) = (case.facts, &case.scene);
    let Some(candidate) = scene.candidate() else { return false };
    let deadline = facts
        .spec
        .strategy
        .progress_deadline
        .as_ref()
        .map_or(3600, |p| i64::try_from(p.duration().as_secs()).unwrap_or(i64::MAX));
    // A later change of one that was ready once, such as its count, is no delay of the rollout.
    let creating = candidate.properties.provisioning_state.as_deref();
    creating.is_some_and(|s| s.eq_ignore_ascii_case("creating"))
        && scene.intended.weight(candidate.name()).percent() == 0
        && candidate
            .created_at()
            .is_some_and(|at| at.duration_until(facts.situation.now).as_secs() > deadline)
}
