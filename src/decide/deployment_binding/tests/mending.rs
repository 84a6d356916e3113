//! What serves and was left in a failed state: Azure may then refuse every traffic map that names it.

use serde_json::json;

use crate::azure::model::{Class, Purpose};
use crate::decide::Mode;
use crate::decide::fixtures::{Binding, assert_table, attempt, binding, failure};

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
            "False Refused stalled | Bindery could not mend deployment v1, which serves and which Azure left in a failed state: No. Mend what Azure names; Bindery tries again, at least every 10 min. | 6 s",
        ),
        (
            "Azure has refused the map that names it: twice more, before it is mended again",
            after(rollout(), shift, 4, 1).decide(),
            "False Refused stalled | Bindery could not move 10 % of the traffic to v2: No. Mend what Azure names; Bindery tries again, at least every 10 min. | 6 s",
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
            "False Refused stalled | Bindery could not move 10 % of the traffic to v2: No. Mend what Azure names; Bindery tries again, at least every 10 min. | 6 s",
        ),
        (
            "what failed was a call on a deployment: that says nothing of the endpoint",
            after(failed(), MEND, 4, 1).decide(),
            "False Updating working | -> mend the endpoint taxi, which Azure left in a failed state | now",
        ),
    ]);
}
