//! What serves and was left in a failed state: Azure may then refuse every traffic map that names it.

use std::time::Duration;

use serde_json::json;

use crate::azure::model::{Action, Call, Class, Purpose};
use crate::decide::Mode;
use crate::decide::fixtures::{Binding, assert_table, attempt, binding, failure, told};

const MEND: &str = "mend deployment v1, which serves and which Azure left in a failed state";

/// Version 1 serves, and its last change has failed.
fn broken() -> Binding {
    left_failed(binding().serving("1"))
}

/// Version 1 serves and is left in a failed state; version 2 is wanted by steps.
fn rollout() -> Binding {
    let it = binding().wanting("2").steps(json!([{"setTraffic": 10}])).serving("1");
    left_failed(it).candidate("2", 0, 60)
}

fn left_failed(it: Binding) -> Binding {
    it.with(|f| f.deployments[0].properties.provisioning_state = Some("Failed".into()))
}

/// After a call that did not work so often, so many seconds ago.
fn after(it: Binding, doing: &str, seconds_ago: u64, times: u32) -> Binding {
    let doing = doing.replace("v1", &it.name("1")).replace("v2", &it.name("2"));
    let (purpose, id) = match doing.strip_prefix("mend deployment ") {
        Some(_) => (Purpose::Mend, it.0.id.clone().unwrap().child("deployments", &it.name("1"))),
        None => (Purpose::MoveTraffic, it.0.id.clone().unwrap()),
    };
    let tried = attempt(purpose, &id, &doing);
    it.with(|f| f.situation.trouble.failure = Some(failure(tried, Class::Permanent, seconds_ago, times)))
}

#[test]
fn what_serves_is_mended_before_it_is_handed_over_and_nothing_of_it_changes() {
    let going = || {
        broken().with(|f| {
            f.situation.deleting = true;
            f.situation.claimed_by("fares/renamed", -60);
            f.spec.online.deployment.tags = crate::api::Tags::from([("team", "blue")]);
        })
    };
    let decision = going().decide();
    let call = decision.call.unwrap();
    assert_eq!(call.errand.purpose, Purpose::Mend);
    let found = serde_json::to_value(going().0.deployments[0].to_put()).unwrap();
    assert_eq!(call.action, Action::Put(found));
    // Until the next try is due, the endpoint is handed over.
    assert_table(&[(
        "mending did not work",
        after(going(), MEND, 1, 1).decide(),
        "False Deleting working | -> hand the endpoint taxi over to fares/renamed | now",
    )]);
    // What is not handed over is not mended: its traffic ends.
    let alone = broken().with(|f| f.situation.deleting = true).decide();
    assert_eq!(alone.call.map(|c| c.errand.purpose), Some(Purpose::StopTraffic));
}

#[test]
fn a_bad_candidate_is_taken_back_while_a_deletion_waits_and_when_it_hands_over() {
    let going = || {
        let it =
            binding().wanting("2").steps(json!([{"setTraffic": 10}, {"pause": {"for": "10m"}}])).serving("1");
        it.candidate("2", 10, 60).with(|f| {
            f.deployments[1].properties.provisioning_state = Some("Failed".into());
            (f.situation.deleting, f.situation.deleted_at) = (true, Some(crate::decide::fixtures::noon()));
        })
    };
    let sent = |it: &Binding| match it.decide().call.unwrap() {
        Call { errand, action: Action::Put(body), .. } => {
            let said = format!(
                "{} {} {}",
                errand.purpose, body["properties"]["traffic"], body["tags"]["bindery-owner"]
            );
            said.replace(&it.name("1"), "v1").replace(&it.name("2"), "v2")
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(sent(&going()), r#"take-back {"v1":100} "prod/fares/taxi""#);
    let claimed = going().with(|f| f.situation.claimed_by("fares/renamed", -60));
    assert_eq!(sent(&claimed), r#"hand-over {"v1":100} "prod/fares/renamed""#);
    // Also while nobody can say what is wanted.
    let lost = going().with(|f| {
        f.situation.claimed_by("fares/renamed", -60);
        f.version = crate::decide::SourceVersion::Missing { what: "it".into() };
        f.status.candidate = None;
    });
    assert_eq!(sent(&lost), r#"hand-over {"v1":100} "prod/fares/renamed""#);
}

#[test]
fn what_serves_and_was_left_in_a_failed_state_is_put_once_more() {
    let mend = format!("False Updating working | -> {MEND} | now");
    let shift = "move 10 % of the traffic to v2";
    assert_table(&[
        ("nothing else is to be done", broken().decide(), &mend),
        ("a rollout goes on from it", rollout().decide(), &mend),
        (
            "it is not mended, and its time has not come: the rollout goes on without",
            after(rollout(), MEND, 4, 1).decide(),
            "False Progressing working | -> move 10 % of the traffic to v2 | now",
        ),
        (
            "it is not mended, and nothing else is to be done",
            after(broken(), MEND, 4, 1).decide(),
            "False Refused stalled | Bindery could not mend deployment v1, which serves and which Azure left in a failed state: No. Correct what Azure names, in the manifest or in Azure; Bindery tries again, at least every 10 min. | 6 s",
        ),
        (
            "Azure has refused the map that names it: twice more, before it is mended again",
            after(rollout(), shift, 4, 1).decide(),
            "False Refused stalled | Bindery could not move 10 % of the traffic to v2: No. Correct what Azure names, in the manifest or in Azure; Bindery tries again, at least every 10 min. | 6 s",
        ),
        ("Azure has refused it three times", after(rollout(), shift, 4, 3).decide(), &mend),
        (
            "the one before it is warm, and takes everything: nobody needs it mended",
            left_failed(binding().wanting("2").serving("1").previous("2", 60)).decide(),
            "False Progressing working | -> give v2 all the traffic and make it the stable one | now",
        ),
        (
            "observed",
            broken().with(|f| f.situation.mode = Mode::Observe).decide(),
            "True Observed settled | The endpoint taxi is there; Bindery leaves it as it is. | interval",
        ),
    ]);
}

#[test]
fn an_endpoint_that_a_call_left_in_a_failed_state_is_mended_by_that_call() {
    let failed = || {
        let mut it = binding().serving("1");
        it.found().properties.provisioning_state = Some("Failed".into());
        it
    };
    assert_table(&[
        (
            "the call was ours: another try of it, in its time",
            after(failed(), "move 10 % of the traffic to v2", 4, 1).decide(),
            "False Refused stalled | Bindery could not move 10 % of the traffic to v2: No. Correct what Azure names, in the manifest or in Azure; Bindery tries again, at least every 10 min. | 6 s",
        ),
        (
            "what failed was a call on a deployment: that says nothing of the endpoint",
            after(failed(), MEND, 4, 1).decide(),
            "False Updating working | -> mend the endpoint taxi, which Azure left in a failed state | now",
        ),
    ]);
}

#[test]
fn what_azure_does_not_keep_of_the_endpoint_holds_up_no_rollout() {
    use crate::azure::model::Reply;

    // An Azure Policy has set the tag back, a second after the PUT.
    let unkept = |it: Binding| {
        let mut it =
            it.with(|f| f.spec.online.endpoint.tags = crate::decide::fixtures::tags([("team", "fares")]));
        let call = it.decide().call.unwrap();
        assert!(call.doing.contains("endpoint.tags.team"), "{}", call.doing);
        let at = it.0.situation.now - Duration::from_secs(1);
        it.0.situation.take_in_answer(&call, Ok(&Reply::default()), at);
        it.0.situation.now = at + Duration::from_secs(1);
        it
    };
    let steps = json!([{"setTraffic": 10}, {"pause": {"for": "10m"}}, {"setTraffic": 50}]);
    let serving = || binding().steps(steps.clone()).serving("1").tagged("team", "platform");
    let settled = unkept(serving()).decide();
    assert!(told(&settled).starts_with("False NotKept stalled | "), "{}", told(&settled));
    assert!(settled.unkept, "it is counted");
    let begins = unkept(serving().wanting("2")).decide();
    assert!(told(&begins).contains("-> create deployment v2"), "{}", told(&begins));
    let waits = unkept(serving().wanting("2").candidate("2", 10, 60)).decide();
    assert!(told(&waits).starts_with("False Pausing working | "), "{}", told(&waits));
    assert!(waits.unkept, "it is counted while a pause goes on, too");
}
