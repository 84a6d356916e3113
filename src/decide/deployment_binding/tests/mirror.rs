//! Copies of live requests for a candidate, before it has traffic of its own.

use serde_json::{Value, json};

use crate::azure::model::{Action, Purpose};
use crate::decide::Place;
use crate::decide::fixtures::{Binding, assert_table, binding};

fn steps() -> Value {
    json!([
        {"name": "shadow", "mirror": 10}, {"pause": {"for": "10m"}}, {"name": "more", "mirror": 30},
        {"setTraffic": 50}, {"pause": {"for": "10m"}},
    ])
}

fn rollout() -> Binding {
    binding().wanting("2").steps(steps()).serving("1")
}

/// The maps of the PUT that comes next: traffic, copies, and the tag of the traffic, without revisions.
fn maps(it: &Binding) -> String {
    let Some(Action::Put(body)) = it.decide().call.map(|call| call.action) else { panic!("no PUT") };
    let text = format!(
        "{} {} {}",
        body["properties"]["traffic"], body["properties"]["mirrorTraffic"], body["tags"]["bindery-traffic"]
    );
    text.replace(&it.name("1"), "v1").replace(&it.name("2"), "v2").replace('"', "")
}

#[test]
fn a_candidate_gets_copies_before_it_gets_traffic() {
    assert_table(&[
        (
            "it is ready",
            rollout().candidate("2", 0, 0).decide(),
            "False Progressing working | -> have Azure copy 10 % of the requests to v2 | now",
        ),
        (
            "it gets copies",
            rollout().shadow("2", 10, 60).decide(),
            "False Pausing working | v2 has copies of 10 % of the requests. Step 2 of 5 is a pause, until 2026-03-01T12:09:00Z. | 540 s",
        ),
        (
            "the pause is over",
            rollout().shadow("2", 10, 600).decide(),
            "False Progressing working | -> have Azure copy 30 % of the requests to v2 | now",
        ),
        (
            "the copies end with the first traffic",
            rollout().shadow("2", 30, 0).decide(),
            "False Progressing working | -> move 50 % of the traffic to v2 | now",
        ),
    ]);
    assert_eq!(maps(&rollout().candidate("2", 0, 0)), "{v1:100} {v2:10} v1=100 v2~10");
    assert_eq!(maps(&rollout().shadow("2", 10, 600)), "{v1:100} {v2:30} v1=100 v2~30");
    assert_eq!(maps(&rollout().shadow("2", 30, 0)), "{v1:50,v2:50} {} v1=50 v2=50");
}

#[test]
fn the_status_shows_the_copies_and_the_step() {
    let status = rollout().shadow("2", 10, 60).decide().status;
    let candidate = status.candidate.unwrap();
    let step = candidate.step.unwrap();
    assert_eq!((candidate.weight, candidate.mirror, step.index, step.name), (0, Some(10), 1, None));
    let traffic = status.traffic_summary.unwrap();
    assert!(traffic.ends_with(" 10% mirrored"), "{traffic}");
    let ready = rollout().deployed("2", "Succeeded").decide().status.candidate.unwrap();
    assert_eq!((ready.mirror, ready.step.unwrap().name.as_deref()), (None, Some("shadow")));
}

/// Azure copies requests to one deployment only.
#[test]
fn copies_for_somebody_else_go_on_until_the_candidate_needs_them() {
    let blue = |mut it: Binding| {
        it.found().properties.mirror_traffic.insert("blue".into(), 20);
        it
    };
    let by_weight = json!([{"setTraffic": 10}]);
    assert_eq!(
        maps(&blue(rollout().candidate("2", 0, 0).steps(by_weight))),
        "{v1:90,v2:10} {blue:20} v1=90 v2=10"
    );
    assert_eq!(maps(&blue(rollout().candidate("2", 0, 0))), "{v1:100} {v2:10} v1=100 v2~10");
}

#[test]
fn what_is_not_wanted_any_more_gets_no_copies() {
    let failed = rollout().deployed("2", "Failed");
    let mut failed = failed.with(|f| f.status.candidate = None);
    let name = failed.name("2");
    failed.found().properties.mirror_traffic.insert(name.clone(), 10);
    let written = format!("{}=100 {name}~10", failed.name("1"));
    failed.found().tags.insert("bindery-traffic".into(), written);
    assert_eq!(maps(&failed), "{v1:100} {} v1=100");
    assert_eq!(failed.decide().call.unwrap().errand.purpose, Purpose::TakeBack);
    // Back to what serves.
    let back = rollout().shadow("2", 10, 60).wanting("1");
    assert_eq!(maps(&back), "{v1:100} {} v1=100");
    // Not admitted any more: no more than there is.
    let refused = rollout().shadow("2", 10, 600).with(|f| {
        let Place::Ready { policy, .. } = &mut f.place else { unreachable!() };
        policy.sources = vec![crate::decide::fixtures::registry_as_source("other")];
    });
    assert!(refused.decide().call.is_none(), "{:?}", refused.decide().call);
}

#[test]
fn copies_that_somebody_changed_are_put_back_and_the_pause_begins_again() {
    let edited = |percent: i32| {
        let mut it = rollout().shadow("2", 10, 500);
        let name = it.name("2");
        it.found().properties.mirror_traffic.insert(name, percent);
        it
    };
    for percent in [0, 40] {
        let it = edited(percent);
        assert_eq!(maps(&it), "{v1:100} {v2:10} v1=100 v2~10");
        let decision = it.decide();
        let drift: Vec<&str> = decision.status.drift.iter().map(|it| it.field.as_str()).collect();
        assert_eq!(drift, ["traffic"], "{percent}");
        let Some(Action::Put(body)) = decision.call.map(|call| call.action) else { panic!() };
        assert!(body["tags"]["bindery-position"].as_str().unwrap().ends_with("@1 2026-03-01T12:00:00Z"));
    }
}

#[test]
fn a_deployment_with_copies_loses_them_before_it_is_deleted() {
    let gone = rollout().shadow("2", 10, 60).with(|f| f.situation.deleting = true);
    let gone = gone.with(|f| {
        let name = f.deployments[0].name().to_string();
        let crate::decide::Look::Found(endpoint) = &mut f.endpoint else { unreachable!() };
        endpoint.properties.traffic.remove(&name);
        f.spec.strategy.handover = Some(crate::api::Period::new("0s"));
    });
    assert_eq!(maps(&gone), "{} {} ");
}

#[test]
fn copies_of_nothing_are_none() {
    let mut it = binding().wanting("1").serving("1").previous("2", 60);
    let idle = it.name("2");
    it.found().properties.mirror_traffic.insert(idle, 0);
    let decision = it.decide();
    assert_eq!(decision.call, None);
    assert_eq!(crate::decide::fixtures::short(&decision.status.traffic_summary.unwrap()), "v1 100%");
}
