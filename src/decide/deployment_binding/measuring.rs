//! How the candidate is measured: what is asked of whom, and what the status keeps of it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::orders::Orders;
use super::{Case, Facts, decide, history};
use crate::api::{
    Aggregation, AzureMonitor, Candidate, Comparison, Dimension, INTERVAL, Measurement, MetricOf, MetricRun,
    PrometheusQuery, RunPhase, SmokeCase, SmokeTest,
};
use crate::azure::model::{Principal, ResourceId};
use crate::decide::facts::Known;
use crate::decide::places::reference::provider;
use crate::decide::rollout::{
    Active, Answers, CANDIDATE, Judged, Runs, STABLE, Scene, StepsHash, judge, longest,
};
use crate::decide::{Mode, elapsed, in_seconds};
use crate::measure::model::{self, Answer, Auth, Entry, Monitor, Prometheus, Question, Smoke};

/// What a status holds of measurements, and of runs. By the rules of the manifest, no more go on at once.
const MOST: usize = 20;
/// Whoever measures wakes the object when it has the answer; if that is lost, the next pass comes this time after the measurement was
/// due.
pub(super) const AT_THE_LATEST: Duration = Duration::from_secs(15);

/// A question, and as whom it is asked; or why it cannot be asked.
type Asked = Result<(Principal, Question), String>;

impl Facts {
    /// The runs that the status remembers, as far as they are of the wanted revision and of these very steps.
    pub(super) fn known_runs(&self) -> Runs<'_> {
        let strategy = &self.spec.strategy;
        let wanted = self.wanted().map(|(revision, _)| revision.to_string());
        let candidate = self.status.candidate.as_ref().filter(|it| Some(&it.revision) == wanted.as_ref());
        let steps = StepsHash::of(self.spec.steps()).to_string();
        let same = |it: &&Candidate| it.step.as_ref().is_none_or(|step| step.steps_hash == steps);
        Runs {
            metrics: &strategy.metrics,
            known: candidate.filter(same).map(|it| it.metrics.clone()).unwrap_or_default(),
            on_inconclusive: strategy.on_inconclusive.unwrap_or_default(),
            resumed: candidate
                .filter(|it| self.measures() && it.not_measured_since.is_some())
                .map(|_| self.situation.now),
        }
    }

    /// Is anything measured? Whoever changes nothing in Azure could not take back what is measured badly.
    fn measures(&self) -> bool {
        self.situation.mode == Mode::Act
    }

    /// What was measured, judged.
    pub(super) fn judged<'a>(&self, scene: &'a Scene<'_>) -> Vec<(Active<'a>, Judged)> {
        if self.measured.is_empty() {
            return vec![];
        }
        let now = self.situation.now;
        let due = scene.active().into_iter().filter(|it| it.due().is_some_and(|due| due <= now));
        let judged = due.filter_map(|active| {
            let answers = self.measured.get(&(active.run.step.clone(), active.run.metric.clone()))?;
            let judged = judge(active.metric, answers);
            Some((active, judged))
        });
        judged.collect()
    }

    /// The runs without those in the background that a person has just promoted: they begin again.
    pub(super) fn without_what_was_judged<'a>(&self, mut runs: Runs<'a>, orders: &Orders) -> Runs<'a> {
        let steps = self.spec.steps();
        let in_background = |name: &String| {
            let step = steps.iter().find(|it| it.name.as_ref() == Some(name));
            step.and_then(|it| it.analysis.as_ref()).is_some_and(|it| it.background)
        };
        let promoted: Vec<&String> =
            orders.new.iter().filter_map(|it| it.step.as_ref()).filter(|name| in_background(name)).collect();
        runs.known.retain(|run| !promoted.contains(&&run.step));
        runs
    }

    /// Asks what is due. Of a metric of which not all answers are there yet, there is nothing.
    pub(super) fn measure(&self, home: &str, known: &mut Known) -> BTreeMap<(String, String), Answers> {
        let mut all = BTreeMap::new();
        if !self.measures() || self.situation.deleting {
            return all;
        }
        let (scene, _) = self.scene();
        // What has failed or was aborted is not measured any more, also while it still has its traffic.
        if scene.wanted_failed() {
            return all;
        }
        // When a run that is not stored has begun would be another moment at every look, and so would its questions be other ones.
        for active in scene.active().into_iter().filter(|it| it.begun) {
            let Some(due) = active.due().filter(|due| *due <= self.situation.now) else { continue };
            let asked = self.questions(&scene, &active, active.latest(due, self.situation.now), home, known);
            let whole = asked.len();
            let answers: Answers = asked
                .into_iter()
                .filter_map(|(part, question)| match question {
                    Ok((principal, question)) => {
                        Some((part, known.measured(&principal, due, question)?.clone()))
                    }
                    Err(because) => Some((part, Answer::Error(because))),
                })
                .collect();
            if answers.len() == whole {
                all.insert((active.run.step.clone(), active.run.metric.clone()), answers);
            }
        }
        all
    }

    /// Says what will be asked, so that each measurement begins when it is due, and the pass that follows has its answer. Of a run
    /// that is not stored yet that is said only if this pass stores it, or each pass would find it due anew.
    pub(super) fn foresee(&self, home: &str, known: &mut Known) {
        if !self.measures() || self.situation.deleting {
            return;
        }
        let (scene, _) = self.scene();
        let active = if scene.wanted_failed() { vec![] } else { scene.active() };
        let stored = |run: &MetricRun| {
            let runs = decide(self).status.candidate.map(|it| it.metrics).unwrap_or_default();
            runs.iter().any(|it| (&it.step, &it.metric, it.since) == (&run.step, &run.metric, run.since))
        };
        for active in active {
            let Some(due) = active.due().filter(|due| !active.begun || *due > self.situation.now) else {
                continue;
            };
            if !active.begun && !stored(&active.run) {
                continue;
            }
            for (_, question) in self.questions(&scene, &active, due, home, known) {
                if let Ok((principal, question)) = question {
                    known.foresee(&principal, due, question);
                }
            }
        }
    }

    /// All that is asked for one measurement, by what it is asked of.
    fn questions(
        &self,
        scene: &Scene<'_>,
        active: &Active<'_>,
        due: Timestamp,
        home: &str,
        known: &mut Known,
    ) -> Vec<(String, Asked)> {
        let metric = active.metric;
        let candidate = scene.wanted_name().unwrap_or_default();
        if let Some(test) = &metric.smoke_test {
            return self.requests(test, candidate, home);
        }
        let stable = scene.stable.as_deref().filter(|_| metric.against == Some(Comparison::Stable));
        let whom = [Some((CANDIDATE, candidate)), stable.map(|stable| (STABLE, stable))];
        let mut ask = |(part, deployment): (&str, &str)| {
            let question = match (&metric.azure_monitor, &metric.prometheus) {
                (Some(monitor), _) => self.of_azure(monitor, deployment, active.looks_at(due)),
                (None, Some(query)) => {
                    provider(&query.provider_ref, home, known).map(|(principal, provider)| {
                        let query = self.filled(query, deployment, active.interval());
                        (principal, Question::Prometheus(Prometheus { provider, query, at: due }))
                    })
                }
                (None, None) => {
                    Err("This version of Bindery does not know where this metric comes from.".into())
                }
            };
            (part.to_string(), question)
        };
        whom.into_iter().flatten().map(&mut ask).collect()
    }

    /// As whom Azure is asked.
    fn as_whom(&self) -> Result<Principal, String> {
        self.situation.acting.clone()
    }

    fn requests(&self, test: &SmokeTest, deployment: &str, home: &str) -> Vec<(String, Asked)> {
        let Some((id, endpoint)) = self.id.as_ref().zip(self.endpoint.found()) else { return vec![] };
        let auth = match endpoint.properties.auth_mode.to_lowercase().as_str() {
            "amltoken" => Auth::AmlToken,
            "aadtoken" => Auth::AadToken,
            _ => Auth::Key,
        };
        let ask = |case: &SmokeCase| {
            let uri = endpoint.properties.scoring_uri.clone();
            let scoring_uri = uri.ok_or("Azure names no address at which the endpoint answers.")?;
            let key = &case.request.config_map_key_ref;
            let body = Entry { namespace: home.into(), name: key.name.clone(), key: key.key.clone() };
            let smoke = Smoke {
                endpoint: id.clone(),
                scoring_uri,
                auth,
                deployment: deployment.into(),
                body,
                expect: case.expect.clone(),
                timeout: longest(case),
            };
            Ok((self.as_whom()?, Question::Smoke(smoke)))
        };
        test.cases.iter().map(|case| (case.name.clone(), ask(case))).collect()
    }

    /// The query with what its placeholders stand for: two names of letters, digits and dashes, and a duration.
    fn filled(&self, query: &PrometheusQuery, deployment: &str, interval: Duration) -> String {
        let endpoint = self.id.as_ref().map(ResourceId::name).unwrap_or_default();
        let interval = format!("{}s", interval.as_secs());
        query.filled(&[("deployment", deployment), ("endpoint", endpoint), (INTERVAL, &interval)])
    }

    fn of_azure(
        &self,
        monitor: &AzureMonitor,
        deployment: &str,
        (from, until): (Timestamp, Timestamp),
    ) -> Asked {
        let of = monitor.of.unwrap_or_default();
        let resource = match of {
            MetricOf::Endpoint => self.id.clone(),
            MetricOf::Deployment => self.deployment_id(deployment),
        };
        let resource: ResourceId = resource.ok_or("Nobody knows where the endpoint is.")?;
        let metric = |name: &str, aggregation: Option<Aggregation>, filter: &[Dimension]| {
            let asked = filter.iter().map(|it| (it.dimension.clone(), it.values.clone()));
            let part = (of == MetricOf::Endpoint).then(|| ("deployment".into(), vec![deployment.into()]));
            model::Metric {
                name: name.into(),
                aggregation: aggregated(aggregation.unwrap_or_default()),
                filter: asked.chain(part).collect(),
            }
        };
        let divided_by = monitor.divided_by.as_ref().map(|by| metric(&by.metric, by.aggregation, &by.filter));
        let metric = metric(&monitor.metric, monitor.aggregation, &monitor.filter);
        let question = Monitor { resource, metric, divided_by, from, until };
        Ok((self.as_whom()?, Question::Monitor(question)))
    }
}

fn aggregated(aggregation: Aggregation) -> model::Aggregation {
    match aggregation {
        Aggregation::Average => model::Aggregation::Average,
        Aggregation::Minimum => model::Aggregation::Minimum,
        Aggregation::Maximum => model::Aggregation::Maximum,
        Aggregation::Total => model::Aggregation::Total,
        Aggregation::Count => model::Aggregation::Count,
    }
}

impl Case<'_> {
    /// In how much time a measurement has been made, whose answer will not have woken the object.
    pub(super) fn next_measurement(&self) -> Option<Duration> {
        let now = self.facts.situation.now;
        if !self.facts.measures() {
            return None;
        }
        let active = self.scene.active();
        active.iter().filter_map(Active::due).map(|due| elapsed(now, due) + AT_THE_LATEST).min()
    }

    /// How long the candidate is measured at the step with this index, for a sentence; empty where that depends on the measurements
    /// alone.
    pub(super) fn measured_until(&self, step: usize) -> String {
        let until = || {
            let (plan, position) = (self.scene.plan()?, self.next.target.position.as_ref()?);
            plan.runs.measured_until(plan.steps.get(step)?, position.since)
        };
        match until() {
            Some(until) if until > self.facts.situation.now => format!(", until {}", in_seconds(until)),
            Some(_) => ", until each metric has been measured well at the end of its time".into(),
            None => String::new(),
        }
    }

    /// Since when nothing is measured that should be, for the status.
    pub(super) fn not_measured_since(&self, known: Option<&Candidate>) -> Option<Timestamp> {
        if self.facts.measures() {
            return None;
        }
        let measured = !self.scene.active().is_empty();
        known.and_then(|it| it.not_measured_since).or(measured.then_some(self.facts.situation.now))
    }

    /// What was measured so far, a sentence for each metric, with a space before each; empty where nothing was.
    pub(super) fn measured_so_far(&self) -> String {
        let told = |it: Active<'_>| {
            let metric = &it.run.metric;
            match &it.run.message {
                Some(message) => format!(" {metric}: {message}"),
                None => format!(" {metric} {}.", first(&it, self.facts.situation.now)),
            }
        };
        let first_at = self.scene.active();
        first_at.into_iter().map(told).collect()
    }

    /// The step of which nobody can say how the candidate does, and why; `name` is the step at which the rollout stands.
    pub(super) fn what_is_unclear(&self, name: &str) -> (String, String) {
        let Some(run) = self.scene.unclear_run() else {
            return (name.into(), "nobody can say how it does.".into());
        };
        let message = run.message.unwrap_or_default();
        let because = format!(
            "{} of {} gave no number. {message}",
            history::measurements(run.inconclusive),
            run.metric
        );
        (run.step, because)
    }

    /// The runs of the rollout, for the status: those of the step at which the rollout stands and those in the background, also
    /// before they are measured, and of those of earlier steps as many as there is room for.
    pub(super) fn runs(&self) -> Vec<MetricRun> {
        let mut all: Vec<MetricRun> = self.scene.active().into_iter().map(|it| it.run).collect();
        let goes_on = |run: &MetricRun| all.iter().any(|it| it.step == run.step && it.metric == run.metric);
        let known = self.scene.known_runs().into_iter().filter(|(run, _)| !goes_on(run));
        // The rollout has gone on from a step whose metrics were measured as long as the step asks.
        let ended = known.map(|(run, passed)| match run.phase {
            RunPhase::Running if passed => MetricRun { phase: RunPhase::Successful, ..run },
            _ => run,
        });
        let in_order = |all: &mut Vec<MetricRun>| {
            all.sort_by(|a, b| (a.since, &a.step, &a.metric).cmp(&(b.since, &b.step, &b.metric)));
        };
        let mut ended: Vec<MetricRun> = ended.collect();
        in_order(&mut ended);
        let many = (ended.len() + all.len()).saturating_sub(MOST).min(ended.len());
        all.extend(ended.drain(many..));
        in_order(&mut all);
        all
    }

    /// The last measurements of the rollout, the latest first.
    pub(super) fn measurements(&self, known: Option<&Candidate>) -> Vec<Measurement> {
        let before = known.map(|it| it.measurements.clone()).unwrap_or_default();
        self.facts.new_measurements().into_iter().chain(before).take(MOST).collect()
    }

    /// The run that condemns the candidate, and its last measurement.
    pub(super) fn condemned_by(&self) -> Option<(MetricRun, Option<Measurement>)> {
        let run = self.scene.condemned_by()?;
        let all = self.measurements(self.facts.status.candidate.as_ref());
        let last = all.into_iter().find(|it| it.step == run.step && it.metric == run.metric);
        Some((run, last))
    }
}

/// That it is measured for the first time, and when.
fn first(active: &Active<'_>, now: Timestamp) -> String {
    match active.due() {
        Some(due) if due > now => format!("is measured for the first time at {}", in_seconds(due)),
        _ => "is being measured for the first time".into(),
    }
}

impl Facts {
    /// What was measured in this pass.
    fn new_measurements(&self) -> Vec<Measurement> {
        let before = self.scene_with(self.held(), None, &Orders::default(), self.known_runs());
        let now = self.situation.now;
        self.judged(&before).iter().map(|(active, judged)| active.told(judged, now)).collect()
    }
}
