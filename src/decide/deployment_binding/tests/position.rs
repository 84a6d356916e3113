//! Where a rollout stands, when steps leave the traffic alone and when what is written of it is lost.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::CandidateStep;
use crate::azure::model::{Action, Purpose};
use crate::decide::fixtures::{Binding, ago, assert_table, binding, noon, registry_as_source, told};
use crate::decide::rollout::{Plan, Position};
use crate::decide::{Look, Mode, Place, SourceVersion};

/// A pause before the first share, and two in a row after it.
fn steps() -> Value {
    json!([{"pause": {"for": "5m"}}, {"setTraffic": 10}, {"pause": {"for": "10m"}}, {"pause": {"for": "1h"}}])
}

/// Version 1 serves, version 2 is wanted by steps.
fn rollout() -> Binding {
    binding().wanting("2").steps(steps()).serving("1")
}

/// The position of version 2 after so many steps, since so many seconds ago.
fn position(it: &Binding, step: usize, seconds: u64) -> Position {
    let plan = Plan::new(it.revision("2"), &it.0.spec.strategy.steps);
    Position { revision: plan.revision, steps: plan.hash, step, since: ago(seconds) }
}

/// The status says so of it.
fn standing(it: Binding, step: usize, seconds: u64) -> Binding {
    let position = position(&it, step, seconds).to_status(&it.0.spec.strategy.steps);
    it.with(|f| f.status.candidate.as_mut().unwrap().step = Some(position))
}

/// The endpoint's tag says so of it.
fn written(it: Binding, step: usize, seconds: u64) -> Binding {
    let position = position(&it, step, seconds).to_string();
    it.tagged("bindery-position", &position)
}

fn refused(it: Binding) -> Binding {
    it.with(|f| {
        let Place::Ready { policy, .. } = &mut f.place else { unreachable!() };
        policy.sources = vec![registry_as_source("released")];
    })
}

/// Where the status says that it stands.
fn stands(it: &Binding) -> Option<(i32, String)> {
    let step = it.decide().status.candidate?.step?;
    Some((step.index, format!("{}/{}", step.index, step.count)))
}

#[test]
fn a_step_that_leaves_the_traffic_alone_comes_and_is_passed() {
    let pausing = |weight, step, until, left| {
        format!(
            "False Pausing working | v2 has {weight} % of the traffic. Step {step} of 4 is a pause, until 2026-03-01T{until}Z. | {left} s"
        )
    };
    assert_table(&[
        (
            "it has just become ready, however long Azure took: the first pause begins",
            rollout()
                .candidate("2", 0, 7200)
                .with(|f| f.status.candidate.as_mut().unwrap().step = None)
                .decide(),
            &pausing(0, 1, "12:05:00", 300),
        ),
        ("in the first pause", rollout().candidate("2", 0, 60).decide(), &pausing(0, 1, "12:04:00", 240)),
        (
            "the first pause is over",
            rollout().candidate("2", 0, 300).decide(),
            "False Progressing working | -> move 10 % of the traffic to v2 | now",
        ),
        ("in the second pause", rollout().candidate("2", 10, 60).decide(), &pausing(10, 3, "12:09:00", 540)),
        (
            "the second pause is over: the third begins",
            rollout().candidate("2", 10, 601).decide(),
            &pausing(10, 4, "12:59:59", 3599),
        ),
        (
            "the third pause goes on from where the status says",
            standing(rollout().candidate("2", 10, 9000), 3, 600).decide(),
            &pausing(10, 4, "12:50:00", 3000),
        ),
        (
            "all pauses are over",
            rollout().candidate("2", 10, 4200).decide(),
            "False Progressing working | -> give v2 all the traffic and make it the stable one | now",
        ),
        (
            "the status is lost in the third pause: it begins again, and the second does not",
            written(rollout().candidate("2", 10, 900), 3, 300).forgotten().decide(),
            &pausing(10, 4, "13:00:00", 3600),
        ),
        (
            "status and tag are lost in the third pause: the second begins again",
            rollout().candidate("2", 10, 900).forgotten().decide(),
            &pausing(10, 3, "12:10:00", 600),
        ),
    ]);
    assert_eq!(stands(&rollout().candidate("2", 10, 601)), Some((3, "3/4".into())));
    let passed = rollout().candidate("2", 10, 601).decide().status;
    let stored = rollout().candidate("2", 10, 601).with(|f| f.status.clone_from(&passed));
    assert_eq!(stored.decide().status.candidate, passed.candidate, "what was passed is stored once");
    let said = passed.conditions.iter().find(|c| c.type_ == "Progressing").unwrap();
    assert!(said.message.ends_with("steps done: 3/4."), "{}", said.message);
}

#[test]
fn a_candidate_stands_at_no_step_before_it_can_serve() {
    let preparing = |state| rollout().deployed("2", state);
    assert_eq!(stands(&preparing("Creating")), None);
    assert_eq!(stands(&preparing("Succeeded")), Some((0, "0/4".into())));
    let step = preparing("Succeeded").decide().status.candidate.unwrap().step;
    let begun = position(&rollout(), 0, 0).to_status(&rollout().0.spec.strategy.steps);
    assert_eq!(step, Some(CandidateStep { since: noon(), ..begun }));
}

/// The position that is written on the endpoint.
fn sent(it: &Binding) -> (String, Value) {
    let decision = it.decide();
    let told = told(&decision);
    let doing = told.split(" | ").nth(1).unwrap().to_string();
    let Some(Action::Put(body)) = decision.call.map(|c| c.action) else { panic!("{told}") };
    (doing, body["tags"]["bindery-position"].clone())
}

#[test]
fn every_put_of_the_endpoint_says_where_the_rollout_stands() {
    let at = |step, seconds| json!(position(&rollout(), step, seconds).to_string());
    let tagged = |it: Binding| {
        it.edited().with(|f| {
            f.spec.online.endpoint.tags = crate::decide::fixtures::tags([("a", "1")]);
        })
    };
    let missing = |it: Binding| {
        it.with(|f| f.version = SourceVersion::Missing { what: "ModelVersion fares/taxi-2".into() })
    };
    let shifting = || written(rollout().candidate("2", 10, 60), 2, 90);
    let away = || standing(shifting(), 3, 30).moved(&[("1", 100)]);
    let more = || standing(shifting(), 3, 30).moved(&[("2", 100)]);
    let none = Value::Null;
    for (what, it, doing, expected) in vec![
        ("a step", rollout().candidate("2", 0, 300), "-> move 10 % of the traffic to v2", at(2, 0)),
        (
            "another field, in the third pause",
            tagged(standing(shifting(), 3, 30)),
            "-> change endpoint.tags.a of endpoint taxi",
            at(3, 30),
        ),
        (
            "what was taken away: its time begins again",
            away(),
            "-> put back traffic of endpoint taxi",
            at(3, 0),
        ),
        ("what was given too much", more(), "-> put back traffic of endpoint taxi", at(3, 0)),
        (
            "what was taken away and may not rise",
            refused(away()),
            "-> put back traffic of endpoint taxi",
            at(0, 0),
        ),
        (
            "nobody can say what is wanted: what is written stays",
            missing(more().forgotten()),
            "-> put back traffic of endpoint taxi",
            at(2, 90),
        ),
        (
            "promoted",
            shifting().steps(json!([])),
            "-> give v2 all the traffic and make it the stable one",
            none.clone(),
        ),
        ("no longer wanted", shifting().wanting("1"), "-> set the traffic to v1 100%", none.clone()),
        ("another is wanted", shifting().wanting("3"), "-> set the traffic to v1 100%", none.clone()),
        (
            "it failed",
            shifting().with(|f| f.deployments[1].properties.provisioning_state = Some("Failed".into())),
            "-> take the traffic from v2, which failed, and give it to v1",
            none.clone(),
        ),
        (
            "its binding goes",
            shifting().with(|f| f.situation.deleting = true),
            "-> take all traffic off the endpoint taxi",
            none.clone(),
        ),
        (
            "its binding is gone, and others are on the endpoint",
            written(binding().wanting("2").steps(steps()).endpoint().foreign("blue"), 2, 90)
                .with(|f| f.situation.deleting = true),
            "-> let go of the endpoint taxi, on which other deployments are",
            none,
        ),
    ] {
        assert_eq!(sent(&it), (doing.to_string(), expected), "{what}");
    }
}

#[test]
fn a_tag_that_is_lost_or_left_behind_is_not_worth_a_call() {
    let pausing = |it: Binding| told(&it.decide()).starts_with("False Pausing working");
    assert!(pausing(rollout().candidate("2", 10, 60)), "the tag is lost");
    assert!(pausing(rollout().candidate("2", 10, 60).tagged("bindery-position", "nonsense")));
    let left = written(binding().serving("1").wanting("1"), 2, 90);
    assert_eq!(
        told(&left.decide()),
        "True Succeeded settled | v1 serves all the traffic of taxi. | interval"
    );
}

#[test]
fn what_is_written_of_an_earlier_rollout_of_the_same_revision_passes_no_step() {
    // The candidate was made a minute ago; its status is lost.
    let made = |it: Binding| {
        let mut it = it.forgotten();
        let created = json!({"createdAt": ago(60).to_string()});
        for deployment in &mut it.0.deployments {
            deployment.rest.insert("systemData".into(), created.clone());
        }
        it
    };
    let stands_at = |seconds| stands(&made(written(rollout().candidate("2", 0, 60), 1, seconds)));
    assert_eq!(stands_at(30), Some((1, "1/4".into())), "it is of this rollout");
    assert_eq!(stands_at(90), Some((0, "0/4".into())), "the first pause begins");
}

#[test]
fn a_weight_that_somebody_else_has_set_passes_no_step() {
    // What takes traffic from the candidate carries nothing else.
    let (less, more) = (Purpose::PutBack, Purpose::RestoreTraffic);
    let after = json!([{"setTraffic": 10}, {"pause": {"for": "10m"}}]);
    let before = json!([{"pause": {"for": "10m"}}, {"setTraffic": 10}]);
    for (steps, had, weight, purpose) in [
        (&after, 10, 0, less),
        (&after, 10, 5, less),
        (&after, 10, 20, more),
        (&after, 10, 100, more),
        (&before, 0, 10, more),
        (&before, 0, 100, more),
    ] {
        // It may be noticed in the pause, or when that would have been over.
        for seconds in [60, 599, 600, 7200] {
            let what = format!("{had} % became {weight} %, seen after {seconds} s");
            let it = binding().wanting("2").steps(steps.clone()).serving("1");
            let mut it = it.candidate("2", had, seconds);
            it.0.status = it.decide().status;
            let step = i32::from(had > 0);
            let stood = CandidateStep {
                since: ago(seconds),
                ..position(&it, usize::from(had > 0), 0).to_status(&it.0.spec.strategy.steps)
            };
            it.0.status.candidate.as_mut().unwrap().step = Some(stood);
            let (first, second) = (it.name("1"), it.name("2"));
            let Look::Found(endpoint) = &mut it.0.endpoint else { unreachable!() };
            endpoint.properties.traffic = [(first, 100 - weight), (second, weight)].into();
            assert_eq!(it.decide().call.map(|call| call.errand.purpose), Some(purpose), "{what}");
            it.0.status = it.decide().status;
            let Some(Action::Put(body)) = it.decide().call.map(|call| call.action) else { unreachable!() };
            it.0.endpoint = Look::Found(serde_json::from_value(body).unwrap());
            let told = told(&it.decide());
            assert!(told.contains("Pausing") && told.ends_with("| 600 s"), "{what}: {told}");
            assert_eq!(stands(&it), Some((step, format!("{step}/2"))), "{what}");
        }
    }
}

#[test]
fn what_stands_at_no_step_stays_as_it_is_however_often_it_is_looked_at() {
    let moved = || rollout().candidate("2", 10, 600).moved(&[("1", 70), ("2", 30)]);
    let deployment = |state: &str| {
        let it = rollout().candidate("2", 0, 600).with(|f| f.status.candidate.as_mut().unwrap().step = None);
        it.with(|f| f.deployments[1].properties.provisioning_state = Some(state.into()))
    };
    for (situation, it) in [
        ("its manifest is only observed", moved().with(|f| f.situation.mode = Mode::Observe)),
        ("it is being deleted", moved().foreign("blue").with(|f| f.situation.deleting = true)),
        ("its deployment does not serve any more", deployment("Deleting")),
    ] {
        let first = it.decide().status;
        let later =
            it.with(|f| (f.status, f.situation.now) = (first.clone(), noon() + Duration::from_secs(300)));
        let second = later.decide().status;
        assert_eq!(first.candidate.as_ref().map(|it| &it.step), Some(&None), "{situation}");
        assert_eq!(first.candidate, second.candidate, "{situation}");
    }
}
