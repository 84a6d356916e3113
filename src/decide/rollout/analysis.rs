//! Analysis: which metrics of a candidate are measured and when, and what follows for the rollout.
//!
//! A *run* is one metric at one step. Its counts are kept in the status and nowhere else: where the status is lost, the run begins
//! again, so a rollout may come late, and nothing passes without its measurements.

mod judge;

use std::time::Duration;

use jiff::Timestamp;

use super::{Position, Scene};
use crate::api::{
    Analysis, INTERVAL, Measurement, MeasurementResult, Metric, MetricRun, OnInconclusive, Period, RunPhase,
    Step,
};
use crate::azure::model::resource::Provisioning;
use crate::decide::elapsed;

pub use judge::{Answers, CANDIDATE, STABLE, judge, longest};

/// How often a metric is measured, where nothing says it.
const EVERY: Duration = Duration::from_secs(60);
/// How late Azure Monitor tells its numbers.
const LATE: Duration = Duration::from_secs(180);
/// Errors in a row that a run survives, where nothing says it; as in Argo Rollouts.
const ERRORS: i32 = 4;

/// The runs of a rollout, with what the manifest asks of them.
#[derive(Debug, Clone, Default)]
pub struct Runs<'a> {
    /// The metrics of the strategy.
    pub metrics: &'a [Metric],
    /// The runs of the wanted revision, by these very steps.
    pub known: Vec<MetricRun>,
    /// What happens when too many measurements are inconclusive.
    pub on_inconclusive: OnInconclusive,
    /// The moment of this look, where it is the first one after a time in which the binding was suspended or only observed.
    pub resumed: Option<Timestamp>,
}

/// A metric that is measured now.
#[derive(Debug, Clone, PartialEq)]
pub struct Active<'a> {
    /// The step.
    pub step: &'a Step,
    /// What the step asks.
    analysis: &'a Analysis,
    /// The metric.
    pub metric: &'a Metric,
    /// How it does so far.
    pub run: MetricRun,
    /// The status knows that the run has begun, and so does whoever looks next.
    pub begun: bool,
}

/// What a measurement came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Good or not.
    pub result: MeasurementResult,
    /// The candidate's number.
    pub value: Option<String>,
    /// The stable deployment's.
    pub stable: Option<String>,
    /// What was measured and why it counted, in a sentence.
    pub message: String,
}

/// How the analysis of a step goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// More is measured.
    GoesOn,
    /// Everything was measured as the step asks, and well.
    Passed,
    /// Nobody can say: a person has to.
    Inconclusive,
}

impl Runs<'_> {
    /// How the analysis of a step goes at which the rollout stands since then.
    pub fn progress(&self, step: &Step, since: Timestamp, now: Timestamp) -> Option<Progress> {
        let analysis = step.analysis.as_ref()?;
        if analysis.background {
            return Some(Progress::Passed);
        }
        let active = self.of_step(step, since);
        let counted = || active.iter().filter(|it| !it.metric.dry_run);
        if counted().any(|it| it.run.phase == RunPhase::Inconclusive) {
            return Some(Progress::Inconclusive);
        }
        let over = |it: &Active<'_>| it.ends_at(since).is_none_or(|end| end <= now);
        let well = |it: &Active<'_>| match it.run.phase {
            RunPhase::Successful => true,
            RunPhase::Running => it.ends_at(since).is_some_and(|end| it.was_measured_until(end)),
            _ => false,
        };
        // Where nothing but a rehearsal is asked for, it has to come to its end, whatever that is.
        let ended = |it: &Active<'_>| analysis.period.is_some() || it.run.phase != RunPhase::Running;
        let passed = |it: &Active<'_>| over(it) && if it.metric.dry_run { ended(it) } else { well(it) };
        Some(if active.iter().all(passed) { Progress::Passed } else { Progress::GoesOn })
    }

    /// Until when a step is measured at least at which the rollout stands since then; none where that depends on the measurements
    /// alone.
    pub fn measured_until(&self, step: &Step, since: Timestamp) -> Option<Timestamp> {
        self.of_step(step, since).iter().filter_map(|it| it.ends_at(since)).max()
    }

    /// The metrics of a step that began then. What was measured at the step before that counts for nothing.
    fn of_step<'s>(&'s self, step: &'s Step, since: Timestamp) -> Vec<Active<'s>> {
        let Some(analysis) = &step.analysis else { return vec![] };
        let name = step.name.as_deref().unwrap_or_default();
        let named = self.metrics.iter().filter(|it| analysis.metrics.contains(&it.name));
        let active = named.map(|metric| {
            let of_it = |it: &&MetricRun| it.step == name && it.metric == metric.name && it.since >= since;
            let known = self.known.iter().find(of_it).cloned().map(|run| self.resumed(analysis, run));
            // A run that begins anew now is stored first, as one that begins.
            let begun = known.is_some() && self.resumed.is_none();
            let run = known.unwrap_or_else(|| beginning(name, metric, since));
            let active = Active { step, analysis, metric, run, begun };
            // The limits of the manifest may have been edited since it was measured last.
            let phase = match active.run.phase {
                RunPhase::Running | RunPhase::Inconclusive => active.assess(&active.run),
                ended => ended,
            };
            Active { run: MetricRun { phase, ..active.run }, ..active }
        });
        active.collect()
    }

    /// A run after a time in which nothing was measured: the time that a rollout stays at the step begins anew, and so does the
    /// wait for a good measurement. What went wrong before stays counted.
    fn resumed(&self, analysis: &Analysis, run: MetricRun) -> MetricRun {
        let goes_on = matches!(run.phase, RunPhase::Running | RunPhase::Successful);
        match self.resumed.filter(|_| goes_on && analysis.period.is_some()) {
            Some(now) => {
                MetricRun { phase: RunPhase::Running, since: now, successful: 0, last_at: None, ..run }
            }
            None => run,
        }
    }

    /// The runs once these were measured.
    #[must_use]
    pub fn and(mut self, measured: &[(Active<'_>, Judged)], now: Timestamp) -> Self {
        for (active, judged) in measured {
            let run = active.measured(judged, now);
            self.known.retain(|it| it.step != run.step || it.metric != run.metric);
            self.known.push(run);
        }
        self
    }
}

/// A run that begins.
fn beginning(step: &str, metric: &Metric, since: Timestamp) -> MetricRun {
    MetricRun {
        step: step.into(),
        metric: metric.name.clone(),
        phase: RunPhase::Running,
        since,
        successful: 0,
        failed: 0,
        inconclusive: 0,
        consecutive_errors: 0,
        last_at: None,
        message: None,
        dry_run: metric.dry_run,
    }
}

impl Active<'_> {
    /// The time from one measurement to the next.
    pub fn interval(&self) -> Duration {
        interval(self.metric)
    }

    /// How much one measurement of Azure Monitor looks at: whole minutes.
    pub fn window(&self) -> Duration {
        Duration::from_secs(self.interval().as_secs().div_ceil(60) * 60)
    }

    /// The moment for which a measurement is made now that was due then. What was missed, as while the operator was down, is not
    /// made up for: it says nothing of how the candidate does by now. For a minute at least it stays the same moment, or an answer
    /// that takes long would be one to an earlier question.
    pub fn latest(&self, due: Timestamp, now: Timestamp) -> Timestamp {
        let missed = elapsed(due, now).as_secs() / self.window().as_secs();
        due + Duration::from_secs(missed * self.window().as_secs())
    }

    /// The window of a measurement of Azure Monitor for this moment.
    pub fn looks_at(&self, moment: Timestamp) -> (Timestamp, Timestamp) {
        let until = to_the_minute(moment - LATE);
        (until - self.window(), until)
    }

    /// When the time is over for which the rollout stays at the step; none where it stays for no time. `since`: when it came there.
    fn ends_at(&self, since: Timestamp) -> Option<Timestamp> {
        since.max(self.run.since).checked_add(self.analysis.duration()?).ok()
    }

    /// Was it measured well, and until this end of its time? After a time without measurements, as while the operator was down, one
    /// more is made.
    fn was_measured_until(&self, end: Timestamp) -> bool {
        let last = self.run.last_at.and_then(|last| last.checked_add(self.interval()).ok());
        self.run.successful > 0 && last.is_some_and(|last| last >= end)
    }

    /// When it is measured next; none where that is over.
    pub fn due(&self) -> Option<Timestamp> {
        let goes_on = match self.run.phase {
            RunPhase::Running => true,
            // Whoever only looks on waits for numbers to come back.
            RunPhase::Inconclusive => self.analysis.background,
            _ => false,
        };
        let first = || {
            let delay = self.metric.initial_delay.as_ref().map(Period::duration).unwrap_or_default();
            let begins = self.run.since + delay;
            if self.metric.prometheus.as_ref().is_some_and(|query| query.has(INTERVAL)) {
                return begins + self.interval();
            }
            if self.metric.azure_monitor.is_none() {
                return begins;
            }
            // It looks at nothing that was before.
            to_the_minute(begins + Duration::from_secs(59)) + self.window() + LATE
        };
        goes_on.then(|| self.run.last_at.map_or_else(first, |last| last + self.interval()))
    }

    /// The run once it was measured.
    fn measured(&self, judged: &Judged, now: Timestamp) -> MetricRun {
        let mut run = self.run.clone();
        run.last_at = Some(now);
        run.message = Some(judged.message.clone());
        run.dry_run = self.metric.dry_run;
        run.consecutive_errors = match judged.result {
            MeasurementResult::Error => run.consecutive_errors + 1,
            _ => 0,
        };
        match judged.result {
            MeasurementResult::Successful => run.successful += 1,
            MeasurementResult::Failed => run.failed += 1,
            MeasurementResult::Inconclusive => run.inconclusive += 1,
            MeasurementResult::Error => {}
        }
        // Numbers are back.
        if run.phase == RunPhase::Inconclusive && judged.result == MeasurementResult::Successful {
            run.inconclusive = 0;
        }
        run.phase = self.assess(&run);
        run
    }

    /// How a run does that has come to this.
    fn assess(&self, run: &MetricRun) -> RunPhase {
        let stays = self.analysis.period.is_some() || self.analysis.background;
        let count = self.metric.count.or((!stays).then_some(1));
        // Bad and missing numbers that may be are no reason to go on without a good one.
        let good = run.successful > 0 || self.metric.dry_run;
        if run.failed > self.metric.failure_limit.unwrap_or(0) {
            RunPhase::Failed
        } else if run.consecutive_errors > self.metric.consecutive_error_limit.unwrap_or(ERRORS) {
            RunPhase::Error
        } else if run.inconclusive > self.metric.inconclusive_limit.unwrap_or(0) {
            RunPhase::Inconclusive
        } else if good && count.is_some_and(|count| run.successful + run.failed + run.inconclusive >= count) {
            RunPhase::Successful
        } else {
            RunPhase::Running
        }
    }

    /// The measurement, for the status.
    pub fn told(&self, judged: &Judged, now: Timestamp) -> Measurement {
        Measurement {
            step: self.run.step.clone(),
            metric: self.run.metric.clone(),
            at: now,
            result: judged.result,
            value: judged.value.clone(),
            stable: judged.stable.clone(),
            message: judged.message.clone(),
        }
    }
}

/// The time from one measurement to the next.
pub fn interval(metric: &Metric) -> Duration {
    metric.interval.as_ref().map_or(EVERY, Period::duration).max(Duration::from_secs(1))
}

fn to_the_minute(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(60) * 60).unwrap_or(at)
}

impl Scene<'_> {
    /// The metrics that are measured now: those of the step at which the rollout stands, and those of the steps before it that go
    /// on in the background.
    pub fn active(&self) -> Vec<Active<'_>> {
        let Some((plan, position)) = self.plan.as_ref().zip(self.stands()) else { return vec![] };
        let background = |step: &&Step| step.analysis.as_ref().is_some_and(|it| it.background);
        let passed = plan.steps.iter().take(position.step).filter(background);
        let mut all: Vec<Active<'_>> =
            passed.flat_map(|step| plan.runs.of_step(step, self.since_when(step, &position))).collect();
        // A share that is not settled yet, or that somebody else has changed, is not measured.
        let settled = self.held.as_ref() == Some(&self.intended)
            && self.view.endpoint.is_some_and(|e| e.provisioning() != Provisioning::Running);
        let here = plan.steps.get(position.step).filter(|_| settled);
        all.extend(here.into_iter().flat_map(|step| plan.runs.of_step(step, position.since)));
        all
    }

    /// Since when a step is measured in the background: since its run has begun, whatever came since.
    fn since_when(&self, step: &Step, position: &Position) -> Timestamp {
        let runs = self.plan.iter().flat_map(|plan| &plan.runs.known);
        let of_it = runs.filter(|it| Some(&it.step) == step.name.as_ref());
        of_it.map(|it| it.since).min().unwrap_or(position.since)
    }

    /// Where the rollout stands that is measured; none where nothing is.
    fn stands(&self) -> Option<Position> {
        let candidate = self.candidate().filter(|_| self.stable.is_some())?;
        let ready = candidate.provisioning() == Provisioning::Succeeded;
        let proven = self.is_proven(candidate);
        (ready && !proven).then(|| self.position_at(self.candidate_share())).flatten()
    }

    /// The runs that are known of this rollout, with the steps that are passed.
    pub fn known_runs(&self) -> Vec<(MetricRun, bool)> {
        let Some(plan) = &self.plan else { return vec![] };
        let stands = self.stands().map_or(0, |position| position.step);
        let at = |run: &MetricRun| plan.steps.iter().position(|step| step.name.as_ref() == Some(&run.step));
        let known = plan.runs.known.iter();
        known.filter_map(|run| at(run).map(|at| (run.clone(), at < stands))).collect()
    }

    /// The run that condemns the candidate.
    pub fn condemned_by(&self) -> Option<MetricRun> {
        let aborts = self.plan.as_ref()?.runs.on_inconclusive == OnInconclusive::Abort;
        let condemns = |it: &Active<'_>| match it.run.phase {
            RunPhase::Failed | RunPhase::Error => !it.metric.dry_run,
            RunPhase::Inconclusive => aborts && !it.metric.dry_run,
            _ => false,
        };
        self.active().into_iter().find(condemns).map(|it| it.run)
    }

    /// The runs whose measurements do not say how the candidate does, those in the background first: while there is one of these,
    /// the candidate gets no more.
    fn unclear(&self) -> Vec<Active<'_>> {
        let unclear = |it: &Active<'_>| !it.metric.dry_run && it.run.phase == RunPhase::Inconclusive;
        let (mut all, here): (Vec<_>, Vec<_>) =
            self.active().into_iter().filter(unclear).partition(|it| it.analysis.background);
        all.extend(here);
        all
    }

    /// The first of them.
    pub fn unclear_run(&self) -> Option<MetricRun> {
        self.unclear().into_iter().next().map(|it| it.run)
    }

    /// The steps of all of them.
    pub fn unclear_steps(&self) -> Vec<String> {
        self.unclear().into_iter().map(|it| it.run.step).collect()
    }

    /// Is one of them in the background?
    pub fn is_unclear_in_the_background(&self) -> bool {
        self.unclear().first().is_some_and(|it| it.analysis.background)
    }
}
