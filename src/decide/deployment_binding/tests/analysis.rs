//! How a candidate is measured, and what follows.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::actions::{promoting, taken};
use crate::api::{MeasurementResult, MetricRun, OnInconclusive, Outcome, RunPhase};
use crate::azure::model::{Action, Purpose};
use crate::decide::fixtures::{Binding, ago, assert_table, binding, noon, short};
use crate::decide::rollout::{CANDIDATE, STABLE};
use crate::decide::{LookAgain, Mode};
use crate::measure::model::{Answer, Answered};

fn steps() -> Value {
    json!([
        {"name": "smoke", "analysis": {"metrics": ["smoke"]}}, {"setTraffic": 10},
        {"name": "watch", "analysis": {"metrics": ["errors", "latency"], "for": "10m"}}, {"setTraffic": 50},
    ])
}

fn metrics() -> Value {
    json!([
        {"name": "smoke", "smokeTest": {"cases": [{"name": "trip", "request": {"configMapKeyRef": {"name": "trips", "key": "a"}}}]}},
        {"name": "errors", "azureMonitor": {"metric": "RequestsPerMinute"}, "max": "0.1", "failureLimit": 1, "inconclusiveLimit": 1},
        {"name": "latency", "azureMonitor": {"metric": "RequestLatency"}, "against": "Stable", "better": "Lower", "dryRun": true},
    ])
}

fn with_metrics(it: Binding, metrics: Value) -> Binding {
    it.with(|f| f.spec.strategy.metrics = serde_json::from_value(metrics).unwrap())
}

/// Version 1 serves, version 2 is wanted by steps that measure.
fn rollout() -> Binding {
    with_metrics(binding().wanting("2").steps(steps()).serving("1"), metrics())
}

/// The candidate stands at the step `watch` since so long.
fn watched(seconds: u64) -> Binding {
    rollout().candidate("2", 10, seconds)
}

/// What was measured just now.
fn gives(it: Binding, step: &str, metric: &str, answers: &[(&str, Answer)]) -> Binding {
    let answers: BTreeMap<String, Answer> =
        answers.iter().map(|(part, answer)| ((*part).to_string(), answer.clone())).collect();
    it.with(|f| {
        f.measured.insert((step.into(), metric.into()), answers);
    })
}

fn errors(it: Binding, answer: Answer) -> Binding {
    gives(it, "watch", "errors", &[(CANDIDATE, answer)])
}

fn smoke(it: Binding, status: u16) -> Binding {
    gives(it, "smoke", "trip", &[]).with(|f| {
        let answer = Answer::Answered(Answered { status, millis: 30, expected: None });
        f.measured = [(("smoke".into(), "smoke".into()), [("trip".into(), answer)].into())].into();
    })
}

/// So many measurements of `errors` went before: good, bad, and without a number; the last one so long ago.
fn before(it: Binding, counts: [i32; 3], seconds: u64) -> Binding {
    it.with(|f| {
        let candidate = f.status.candidate.as_mut().unwrap();
        let since = candidate.step.as_ref().unwrap().since;
        candidate.metrics.push(run("watch", "errors", since, counts, seconds));
    })
}

fn run(step: &str, metric: &str, since: jiff::Timestamp, counts: [i32; 3], seconds: u64) -> MetricRun {
    MetricRun {
        step: step.into(),
        metric: metric.into(),
        phase: if counts[2] > 1 { RunPhase::Inconclusive } else { RunPhase::Running },
        since,
        successful: counts[0],
        failed: counts[1],
        inconclusive: counts[2],
        consecutive_errors: 0,
        last_at: Some(ago(seconds)),
        message: Some("0.05 (at most 0.1).".into()),
        dry_run: false,
    }
}

/// The run of a metric, as the status shows it afterwards.
fn shown(it: &Binding, metric: &str) -> MetricRun {
    let runs = it.decide().status.candidate.unwrap().metrics;
    runs.into_iter().find(|it| it.metric == metric).unwrap()
}

#[test]
fn a_rollout_stays_at_an_analysis_until_the_candidate_is_measured_well() {
    assert_table(&[
        (
            "nothing is measured yet",
            rollout().candidate("2", 0, 0).decide(),
            "False Analyzing working | v2 has 0 % of the traffic. Step 1 of 4 (smoke) measures it. smoke is being measured for the first time. | 15 s",
        ),
        (
            "the smoke test is good",
            smoke(rollout().candidate("2", 0, 0), 200).decide(),
            "False Progressing working | -> move 10 % of the traffic to v2 | now",
        ),
        (
            "it is not",
            smoke(rollout().candidate("2", 0, 0), 424).decide(),
            "False TakingBack working | -> give up v2, which failed; v1 serves | now",
        ),
        (
            "a number is good, and the time is not over",
            errors(watched(300), Answer::Number(0.05)).decide(),
            "False Analyzing working | v2 has 10 % of the traffic. Step 3 of 4 (watch) measures it, until 2026-03-01T12:05:00Z. errors: 0.05 (at most 0.1). latency is being measured for the first time. | 15 s",
        ),
        (
            "the time is over, and it was measured",
            before(watched(600), [3, 1, 1], 30).decide(),
            "False Progressing working | -> move 50 % of the traffic to v2 | now",
        ),
        (
            "the time is over, and it was never measured well",
            before(watched(600), [0, 1, 1], 30).decide(),
            "False Analyzing working | v2 has 10 % of the traffic. Step 3 of 4 (watch) measures it, until each metric has been measured well at the end of its time. errors: 0.05 (at most 0.1). latency is being measured for the first time. | 15 s",
        ),
        (
            "the time is over, and for most of it nobody measured, as while the operator was down",
            before(watched(3600), [3, 0, 0], 3500).decide(),
            "False Analyzing working | v2 has 10 % of the traffic. Step 3 of 4 (watch) measures it, until each metric has been measured well at the end of its time. errors: 0.05 (at most 0.1). latency is being measured for the first time. | 15 s",
        ),
        (
            "and by now somebody has",
            errors(before(watched(3600), [3, 0, 0], 3500), Answer::Number(0.05)).decide(),
            "False Progressing working | -> move 50 % of the traffic to v2 | now",
        ),
        (
            "a bad one that may be",
            errors(before(watched(600), [3, 0, 1], 60), Answer::Number(0.2)).decide(),
            "False Progressing working | -> move 50 % of the traffic to v2 | now",
        ),
        (
            "one too many",
            errors(before(watched(300), [3, 1, 1], 60), Answer::Number(0.2)).decide(),
            "False TakingBack working | -> take the traffic from v2, which failed, and give it to v1 | now",
        ),
        (
            "no number, too often",
            errors(before(watched(300), [3, 1, 1], 60), Answer::NoData("Azure has none.".into())).decide(),
            "False Inconclusive working | v2 has 10 % of the traffic. It gets no more before a person has looked at it: 2 measurements of errors gave no number. There is no number for the candidate: Azure has none. Go on with `bindery promote taxi --step watch`, or give it up with `bindery abort taxi`. | 15 s",
        ),
    ]);
}

#[test]
fn a_rehearsal_is_shown_and_nothing_follows() {
    let answers = [(CANDIDATE, Answer::Number(9.0)), (STABLE, Answer::Number(1.0))];
    let it = gives(before(watched(300), [1, 0, 0], 30), "watch", "latency", &answers);
    let run = shown(&it, "latency");
    assert_eq!((run.phase, run.dry_run, run.failed), (RunPhase::Failed, true, 1));
    assert!(!it.decide().status.history.iter().any(|it| it.outcome == Outcome::Failed));
}

#[test]
fn a_step_of_rehearsals_alone_is_passed_when_they_have_come_to_their_end() {
    let steps = json!([
        {"setTraffic": 10}, {"name": "watch", "analysis": {"metrics": ["latency"]}}, {"setTraffic": 50},
    ]);
    let it = |phase: RunPhase| {
        let it = with_metrics(binding().wanting("2").steps(steps.clone()).serving("1"), metrics());
        it.candidate("2", 10, 60).with(|f| {
            let candidate = f.status.candidate.as_mut().unwrap();
            let since = candidate.step.as_ref().unwrap().since;
            let measured = run("watch", "latency", since, [0, 0, 0], 30);
            candidate.metrics.push(MetricRun { phase, dry_run: true, ..measured });
        })
    };
    assert_eq!(it(RunPhase::Running).decide().call, None);
    let doing = it(RunPhase::Failed).decide().call.unwrap().doing;
    assert_eq!(short(&doing), "move 50 % of the traffic to v2");
}

/// The steps behind a rollout have measured as long as they should.
#[test]
fn the_runs_of_passed_steps_have_ended_well() {
    let since = ago(1200);
    let it = before(watched(300), [3, 0, 0], 30).with(|f| {
        f.spec.strategy.metrics.retain(|it| it.name != "latency");
        f.spec.strategy.steps[2].analysis.as_mut().unwrap().metrics.retain(|it| it != "latency");
        let candidate = f.status.candidate.as_mut().unwrap();
        candidate.metrics.push(run("smoke", "smoke", since, [1, 0, 0], 900));
    });
    let plan = crate::decide::rollout::Plan::new(it.revision("2"), &it.0.spec.strategy.steps);
    let share = crate::decide::rollout::Share::live(crate::decide::rollout::Weight::new(10));
    let step = plan.arriving_at(share, ago(300)).to_status(&it.0.spec.strategy.steps);
    let it = it.with(|f| f.status.candidate.as_mut().unwrap().step = Some(step));
    let runs = it.decide().status.candidate.unwrap().metrics;
    let phases: Vec<_> = runs.iter().map(|it| (it.metric.as_str(), it.phase)).collect();
    assert_eq!(phases, [("smoke", RunPhase::Successful), ("errors", RunPhase::Running)]);
}

#[test]
fn a_candidate_that_is_measured_badly_has_failed_and_the_history_says_by_what() {
    let it = errors(before(watched(300), [3, 1, 1], 60), Answer::Number(0.2));
    let decided = it.decide();
    let Some(Action::Put(body)) = decided.call.map(|call| call.action) else { panic!("no PUT") };
    assert_eq!(body["properties"]["traffic"], json!({it.name("1"): 100}));
    assert_eq!(body["tags"]["bindery-failed"], it.revision("2").to_string());
    assert_eq!(decided.status.candidate, None);
    let entry = &decided.status.history[0];
    assert_eq!(
        (entry.outcome, entry.reason.map(|it| format!("{it:?}"))),
        (Outcome::Failed, Some("AnalysisFailed".into()))
    );
    assert_eq!(entry.version.as_deref(), Some("2"));
    let measurement = entry.measurement.as_ref().unwrap();
    assert_eq!((measurement.result, measurement.value.as_deref()), (MeasurementResult::Failed, Some("0.2")));
    assert_eq!(
        entry.message.as_deref(),
        Some(
            "Metric errors of step watch: 2 measurements were not good enough. The last one: 0.2 is more than it may be: at most 0.1."
        )
    );
    // The measurement is forgotten, and the verdict is not.
    let after = it.with(|f| {
        f.measured.clear();
        f.status = decided.status.clone();
    });
    assert_eq!(after.decide().call.map(|call| call.errand.purpose), Some(Purpose::TakeBack));
}

#[test]
fn what_nobody_can_measure_fails_after_five_errors_in_a_row() {
    let it = |errors_before: i32| {
        let it = before(watched(300), [3, 0, 0], 60).with(|f| {
            f.status.candidate.as_mut().unwrap().metrics[0].consecutive_errors = errors_before;
        });
        errors(it, Answer::Error("Azure Monitor answered 529.".into())).decide()
    };
    assert_eq!(it(3).call, None);
    let failed = it(4);
    assert_eq!(failed.call.map(|call| call.errand.purpose), Some(Purpose::TakeBack));
    let message = failed.status.history[0].message.clone().unwrap();
    assert!(
        message
            .contains("nobody could measure it 5 times in a row. The last one: Azure Monitor answered 529."),
        "{message}"
    );
}

#[test]
fn a_person_passes_what_is_inconclusive_and_nothing_else() {
    let unclear = || before(watched(300), [3, 0, 2], 30);
    let passed = promoting(unclear(), "watch");
    assert_eq!(
        short(&passed.decide().call.unwrap().doing),
        "move 50 % of the traffic to v2 (RolloutAction a0 of ada)"
    );
    let refused = promoting(before(watched(300), [3, 0, 1], 30), "watch");
    assert_eq!(
        taken(&refused),
        [
            "a0 Refused: Step watch is passed by itself when the measurements are good. It can be promoted only when they are inconclusive. To pass all steps that are left, promote with full: true."
        ]
    );
    let aborts = unclear().with(|f| f.spec.strategy.on_inconclusive = Some(OnInconclusive::Abort));
    let aborted = aborts.decide();
    assert_eq!(aborted.call.map(|call| call.errand.purpose), Some(Purpose::TakeBack));
    assert_eq!(
        aborted.status.history[0].message.as_deref(),
        Some("Metric errors of step watch: 2 measurements gave no number. The last one: 0.05 (at most 0.1).")
    );
}

fn beside() -> Binding {
    let steps = json!([
        {"setTraffic": 10}, {"name": "watch", "analysis": {"metrics": ["errors"], "background": true}},
        {"pause": {"for": "10m"}}, {"setTraffic": 50}, {"pause": {"for": "10m"}},
    ]);
    with_metrics(binding().wanting("2").steps(steps).serving("1"), metrics()).candidate("2", 50, 60)
}

#[test]
fn what_is_measured_in_the_background_takes_back_at_any_later_step() {
    let since = ago(900);
    let known = |counts: [i32; 3]| {
        beside().with(|f| {
            f.status.candidate.as_mut().unwrap().metrics.push(run("watch", "errors", since, counts, 60));
        })
    };
    assert_eq!(errors(known([9, 0, 0]), Answer::Number(0.01)).decide().call, None);
    assert_eq!(shown(&errors(known([9, 0, 0]), Answer::Number(0.01)), "errors").successful, 10);
    let bad = errors(known([9, 1, 0]), Answer::Number(0.5)).decide();
    assert_eq!(bad.call.map(|call| call.errand.purpose), Some(Purpose::TakeBack));
    // Nobody can say: the pause goes on, and nothing rises after it.
    let unclear = known([9, 0, 2]).with(|f| {
        f.status.candidate.as_mut().unwrap().step.as_mut().unwrap().since = ago(700);
    });
    let decided = unclear.decide();
    assert_eq!(decided.call, None);
    assert!(told_reason(&decided.status.conditions).contains("Inconclusive"));
    // Numbers are back.
    let back = errors(unclear.clone(), Answer::Number(0.01));
    assert_eq!(
        short(&back.decide().call.unwrap().doing),
        "give v2 all the traffic and make it the stable one"
    );
    // A person has looked at it: it is measured anew, and the rollout goes on.
    let promoted = promoting(unclear, "watch").decide();
    assert_eq!(promoted.call.map(|call| call.errand.purpose), Some(Purpose::Note));
}

fn told_reason(conditions: &[k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition]) -> String {
    conditions.iter().filter(|it| it.type_ == "Ready").map(|it| it.reason.clone()).collect()
}

#[test]
fn a_run_begins_when_it_is_first_seen_and_is_remembered_from_then_on() {
    let fresh = beside();
    let run = shown(&fresh, "errors");
    assert_eq!((run.phase, run.since, run.successful, run.last_at), (RunPhase::Running, ago(60), 0, None));
    // What was measured by other steps counts for nothing.
    let edited = before(watched(300), [3, 0, 0], 30).with(|f| {
        f.status.candidate.as_mut().unwrap().step.as_mut().unwrap().steps_hash = "0".into();
    });
    assert_eq!(shown(&edited, "errors").successful, 0);
    // Nor what was measured before the rollout came to this step once more.
    let again = before(watched(300), [3, 0, 0], 30).with(|f| {
        let candidate = f.status.candidate.as_mut().unwrap();
        candidate.step.as_mut().unwrap().since = ago(10);
    });
    assert_eq!(shown(&again, "errors").successful, 0);
}

#[test]
fn the_last_twenty_measurements_are_kept_and_the_next_look_is_when_one_was_made() {
    let mut it = before(watched(300), [3, 0, 0], 60);
    for n in 0..25 {
        it = errors(it, Answer::Number(0.01)).with(|f| {
            let status = crate::decide::fixtures::Binding(f.clone()).decide().status;
            f.status = status;
            f.measured.clear();
            f.status
                .candidate
                .as_mut()
                .unwrap()
                .metrics
                .iter_mut()
                .for_each(|run| run.last_at = Some(ago(60)));
        });
        let _ = n;
    }
    let candidate = it.decide().status.candidate.unwrap();
    assert_eq!((candidate.measurements.len(), shown(&it, "errors").successful), (20, 28));
    assert!(candidate.measurements.iter().all(|it| it.at == noon() && it.value.as_deref() == Some("0.01")));
    let next = |seconds| {
        let it = before(watched(300), [3, 0, 0], seconds);
        it.with(|f| f.spec.strategy.metrics.retain(|it| it.name != "latency")).decide().next
    };
    // The measurement that is due in 30 s begins by itself, and its answer wakes the object.
    assert_eq!(next(30), LookAgain::After(std::time::Duration::from_secs(30 + 15)));
    assert_eq!(next(90), LookAgain::After(std::time::Duration::from_secs(15)), "its answer is awaited");
}

/// What is asked now, and when what is foreseen will be asked: in so many seconds.
fn asks(it: &Binding) -> (usize, Vec<i64>) {
    let mut known = crate::decide::facts::Known::nothing(
        crate::azure::model::Lane::Rollout,
        false,
        crate::decide::Served::everything(),
    );
    it.0.measure("fares", &mut known);
    it.0.foresee("fares", &mut known);
    let wanted = known.wants();
    let foreseen = wanted.foreseen.iter().map(|due| due.since.as_second() - noon().as_second()).collect();
    (wanted.measured.len(), foreseen)
}

#[test]
fn nothing_is_measured_by_whoever_may_not_act() {
    let due = || before(watched(300), [3, 0, 0], 60);
    let compared = |it: Binding| {
        it.with(|f| {
            let candidate = f.status.candidate.as_mut().unwrap();
            let since = candidate.step.as_ref().unwrap().since;
            candidate.metrics.push(run("watch", "latency", since, [0, 0, 0], 60));
        })
    };
    // The errors, and the latency of the candidate and of the stable one.
    assert_eq!(asks(&compared(due())), (3, vec![]));
    assert_eq!(asks(&due()).0, 1);
    assert_eq!(asks(&before(watched(300), [3, 0, 0], 59)).0, 0);
    for mode in [Mode::Suspended, Mode::Observe, Mode::ObserveOnly] {
        assert_eq!(asks(&due().with(|f| f.situation.mode = mode)), (0, vec![]), "{mode:?}");
        let later = before(watched(300), [3, 0, 0], 20).with(|f| f.situation.mode = mode);
        assert_eq!(asks(&later), (0, vec![]), "{mode:?}");
    }
    assert_eq!(asks(&due().with(|f| f.situation.deleting = true)), (0, vec![]));
}

/// A candidate that was given up keeps its traffic until what served is made again. No status stores a run of it, so that every pass
/// would find it due anew.
#[test]
fn what_was_given_up_is_not_measured() {
    let steps = json!([
        {"setTraffic": 10}, {"name": "beside", "analysis": {"metrics": ["errors"], "background": true}},
        {"name": "go", "pause": {}}, {"setTraffic": 50},
    ]);
    let it = rollout().steps(steps).candidate("2", 10, 60);
    let it = it.with(|f| f.status.history[0].version = Some("1".into()));
    let it = super::actions::later(&it).moved(&[("2", 100)]).with(|f| {
        f.deployments.retain(|d| !d.name().starts_with("v1"));
        let run =
            f.status.candidate.as_mut().unwrap().metrics.iter_mut().find(|it| it.step == "beside").unwrap();
        (run.failed, run.last_at) = (1, Some(ago(60)));
    });
    let bad = gives(it.clone(), "beside", "errors", &[(CANDIDATE, Answer::Number(0.9))]);
    assert_eq!(bad.decide().status.history[0].outcome, Outcome::Failed);
    let given_up = super::actions::later(&bad).with(|f| f.measured.clear());
    let abort = super::actions::asked("a0", crate::api::ActionWord::Abort, &it.revision("2"));
    let aborted = super::actions::later(&it.with(|f| f.asked.push(abort)));
    let (given_up, aborted) = (given_up.deployed("1", "Creating"), aborted.deployed("1", "Creating"));
    for it in [given_up, aborted] {
        assert!(!it.0.scene().0.active().is_empty(), "it stands at a step that is measured");
        assert_eq!(asks(&it), (0, vec![]));
    }
}

/// Every measurement costs one pass: the one that has its answer.
#[test]
fn a_measurement_is_foreseen_before_it_is_due() {
    let only_errors = |it: Binding| it.with(|f| f.spec.strategy.metrics.retain(|it| it.name != "latency"));
    let measured = |seconds| only_errors(before(watched(300), [3, 0, 0], seconds));
    assert_eq!(asks(&measured(20)), (0, vec![40]));
    assert_eq!(asks(&measured(60)), (1, vec![]), "it is due, and asked");
    // The next one is foreseen by the pass that takes in the answer.
    let answered = errors(measured(60), Answer::Number(0.01));
    assert_eq!(asks(&answered).1, [60]);
    // A run that is not stored yet begins now: the status of this pass says so.
    let fresh = rollout().candidate("2", 0, 0);
    assert_eq!(asks(&fresh), (0, vec![0]));
    assert_eq!(fresh.decide().next, LookAgain::After(std::time::Duration::from_secs(15)));
    // Nothing more is asked of a candidate that is condemned.
    let condemned = errors(only_errors(before(watched(300), [3, 1, 0], 60)), Answer::Number(0.9));
    assert!(asks(&condemned).1.is_empty());
}

#[test]
fn nothing_passes_without_a_good_measurement_whatever_the_limits_let_pass() {
    let limits = |failures: i32, count: i32| {
        rollout().candidate("2", 0, 0).with(|f| {
            let metric = &mut f.spec.strategy.metrics[0];
            (metric.failure_limit, metric.inconclusive_limit, metric.count) =
                (Some(failures), Some(9), Some(count));
        })
    };
    let bad = smoke(limits(1, 1), 424);
    let decided = bad.decide();
    assert_eq!((told_reason(&decided.status.conditions), decided.call), ("Analyzing".into(), None));
    assert_eq!((shown(&bad, "smoke").phase, shown(&bad, "smoke").failed), (RunPhase::Running, 1));
    let then_good = smoke(limits(1, 1), 200).with(|f| f.status = bad.decide().status).with(|f| {
        f.status.candidate.as_mut().unwrap().metrics[0].last_at = Some(ago(60));
    });
    assert_eq!(
        short(&then_good.decide().call.unwrap().doing),
        "move 10 % of the traffic to v2",
        "it was measured badly once, which may be, and then well"
    );
}

#[test]
fn edited_limits_hold_at_once() {
    let unclear = before(watched(300), [3, 0, 2], 30);
    assert_eq!(told_reason(&unclear.decide().status.conditions), "Inconclusive");
    let more = unclear.with(|f| f.spec.strategy.metrics[1].inconclusive_limit = Some(5));
    assert_eq!(told_reason(&more.decide().status.conditions), "Analyzing");
    let fewer =
        before(watched(300), [3, 1, 0], 30).with(|f| f.spec.strategy.metrics[1].failure_limit = Some(0));
    assert_eq!(fewer.decide().call.map(|call| call.errand.purpose), Some(Purpose::TakeBack));
}

#[test]
fn the_time_at_a_step_begins_anew_when_a_suspended_binding_goes_on() {
    // It was measured well for nine minutes, and then somebody suspended the binding.
    let suspended = before(watched(540), [9, 1, 0], 30).with(|f| f.situation.mode = Mode::Suspended);
    let status = suspended.decide().status;
    let since = |status: &crate::api::DeploymentBindingStatus| {
        status.candidate.as_ref().and_then(|it| it.not_measured_since)
    };
    assert_eq!(since(&status), Some(noon()));
    let later = suspended.with(|f| {
        f.status = status;
        f.status.candidate.as_mut().unwrap().not_measured_since = Some(ago(400));
        let candidate = f.status.candidate.as_mut().unwrap();
        candidate.step.as_mut().unwrap().since = ago(900);
        candidate.metrics.iter_mut().for_each(|run| run.since = ago(900));
    });
    assert_eq!(since(&later.decide().status), Some(ago(400)));
    let resumed = later.with(|f| f.situation.mode = Mode::Act);
    let decided = resumed.decide();
    assert_eq!((since(&decided.status), decided.call), (None, None));
    let run = shown(&resumed, "errors");
    assert_eq!(
        (run.since, run.successful, run.failed, run.last_at),
        (noon(), 0, 1, None),
        "what went wrong stays counted"
    );
    // Nor is a step without a time measured anew: what it waits for is so many measurements.
    let at_smoke = smoke(rollout().candidate("2", 0, 60), 200).with(|f| {
        f.status.candidate.as_mut().unwrap().not_measured_since = Some(ago(30));
    });
    assert_eq!(shown(&at_smoke, "smoke").since, ago(60));
}

#[test]
fn what_goes_on_is_never_dropped_from_the_status() {
    let names: Vec<String> = (0..10).map(|n| format!("m{n}")).collect();
    let metric =
        |name: &String| json!({"name": name, "azureMonitor": {"metric": "RequestsPerMinute"}, "max": "1"});
    let steps = json!([
        {"name": "beside", "analysis": {"metrics": names, "background": true}},
        {"name": "a", "analysis": {"metrics": names}}, {"setTraffic": 10},
        {"name": "b", "analysis": {"metrics": names, "for": "10m"}}, {"setTraffic": 50},
    ]);
    let all: Vec<Value> = names.iter().map(metric).collect();
    let it = with_metrics(binding().wanting("2").steps(steps).serving("1"), json!(all));
    let it = it.candidate("2", 10, 60).with(|f| {
        let runs = &mut f.status.candidate.as_mut().unwrap().metrics;
        for name in &names {
            runs.push(run("beside", name, ago(900), [5, 0, 0], 60));
            runs.push(run("a", name, ago(800), [1, 0, 0], 700));
        }
    });
    let runs = it.decide().status.candidate.unwrap().metrics;
    let steps: std::collections::BTreeSet<&str> = runs.iter().map(|it| it.step.as_str()).collect();
    assert_eq!((runs.len(), steps), (20, ["b", "beside"].into()));
    assert!(runs.iter().filter(|it| it.step == "beside").all(|it| it.successful == 5));
}

#[test]
fn a_window_that_was_missed_is_not_measured_later() {
    let it = before(watched(7200), [0, 0, 0], 3600);
    let (scene, _) = it.0.scene();
    let active = scene.active().into_iter().find(|it| it.metric.name == "errors").unwrap();
    let due = active.due().unwrap();
    assert_eq!(due, ago(3540));
    let minutes = std::time::Duration::from_secs(60);
    assert_eq!(
        active.looks_at(active.latest(due, due + minutes / 2)),
        (due - 4 * minutes, due - 3 * minutes)
    );
    assert_eq!(active.looks_at(active.latest(due, noon())), (noon() - 4 * minutes, noon() - 3 * minutes));
}

#[test]
fn what_a_rollout_measures_with_is_looked_at_before_its_candidate_is_made() {
    use crate::api::Reason;
    use crate::decide::deployment_binding::Fitness;
    let fit = |fitness: Fitness| rollout().with(|f| f.fitness = fitness).decide();
    let wrong = "Metric smoke, request trip: The expression is no CEL.";
    let missing = "Metric p95: There is no MetricProvider platform/prometheus.";
    assert_table(&[
        ("fit", fit(Fitness::Fit), "False Progressing working | -> create deployment v2 of taxi:2 | now"),
        (
            "nobody knows yet",
            fit(Fitness::Unknown),
            "False Progressing working | Bindery looks whether the expressions of the metrics can be used. | 15 s",
        ),
        (
            "a wrong expression",
            fit(Fitness::Unfit(Reason::InvalidExpression, wrong.into())),
            &format!("False InvalidExpression stalled | {wrong} | interval"),
        ),
        (
            "no provider, which may be applied a moment later",
            fit(Fitness::Unfit(Reason::ReferenceNotFound, missing.into())),
            &format!("False ReferenceNotFound working | {missing} | 300 s"),
        ),
    ]);
}

#[test]
fn expressions_and_providers_of_the_metrics_that_the_steps_name_are_looked_up_once_a_candidate_is_due() {
    use crate::api::{AnyObject, ObjectKey, ObjectKind, Reason};
    use crate::azure::model::Lane;
    use crate::decide::Served;
    use crate::decide::deployment_binding::Fitness;
    use crate::decide::facts::{ClusterRead, Found, Known};
    use crate::measure::model::Question;

    let with = |named: Value| {
        let metrics = json!([
            {"name": "smoke", "smokeTest": {"cases": [{"name": "trip", "expect": "status == 200",
                "request": {"configMapKeyRef": {"name": "trips", "key": "a"}}}]}},
            {"name": "p95", "max": "1", "prometheus": {"query": "up", "providerRef": {"name": "prometheus"}}},
        ]);
        let steps = json!([{"name": "first", "analysis": {"metrics": named}}, {"setTraffic": 10}]);
        with_metrics(binding().wanting("2").steps(steps).serving("1"), metrics)
    };
    // What comes of it where the expression has this answer and the provider is or is not there.
    let fitness = |it: &Binding, answer: Option<Answer>, provider: bool| {
        let mut known = Known::nothing(Lane::Routine, false, Served::default());
        let key = ObjectKey {
            kind: ObjectKind::MetricProvider,
            namespace: "fares".into(),
            name: "prometheus".into(),
        };
        let spec = json!({"prometheus": {"address": "http://p"}});
        let object = json!({"apiVersion": "bindery.dev/v1alpha1", "kind": "MetricProvider", "spec": spec,
            "metadata": {"name": "prometheus", "namespace": "fares"}});
        let object = provider
            .then(|| AnyObject::MetricProvider(std::sync::Arc::new(serde_json::from_value(object).unwrap())));
        known.take_in_cluster(ClusterRead::Object(key), Found::Object(object));
        it.0.fitness("fares", &mut known);
        let mut asked = 0;
        for due in known.wants().measured {
            assert_eq!(due.query.what, Question::Expression("status == 200".into()));
            known.take_in_measured(due, answer.clone());
            asked += 1;
        }
        (it.0.fitness("fares", &mut known), asked)
    };
    let both = with(json!(["smoke", "p95"]));
    assert_eq!(fitness(&both, Some(Answer::Usable), true), (Fitness::Fit, 1));
    assert_eq!(fitness(&both, None, true), (Fitness::Unknown, 1));
    let (wrong, _) = fitness(&both, Some(Answer::Error("The expression is no CEL.".into())), true);
    let says = "Metric smoke, request trip: The expression is no CEL. No deployment is made for it before expect is corrected in spec.strategy.metrics.";
    assert_eq!(wrong, Fitness::Unfit(Reason::InvalidExpression, says.into()));
    let (missing, _) = fitness(&both, Some(Answer::Usable), false);
    assert!(
        matches!(&missing, Fitness::Unfit(Reason::ReferenceNotFound, says) if says.starts_with("Metric p95: There is no MetricProvider fares/prometheus")),
        "{missing:?}"
    );
    // What no step names does not matter, and neither does any of it once the candidate is there, or where nothing serves yet.
    assert_eq!(fitness(&with(json!(["smoke"])), Some(Answer::Usable), false), (Fitness::Fit, 1));
    assert_eq!(fitness(&both.candidate("2", 0, 0), None, false), (Fitness::Fit, 0));
}
