//! The number of instances: of what is wanted, of what is kept warm, and of what takes the traffic back.

use serde_json::{Value, json};

use super::actions::asked;
use crate::api::{ActionWord, Role};
use crate::azure::model::{Action, Class, Purpose};
use crate::decide::fixtures::{Binding, ago, assert_table, attempt, binding, failure, operation, short};
use crate::decide::{LookAgain, Mode};

/// With this count in the manifest.
fn counting(it: Binding, count: i32) -> Binding {
    it.with(|f| f.spec.online.deployment.instance_count = Some(count))
}

/// With so many instances of a version.
fn having(it: Binding, number: &str, count: i32) -> Binding {
    let name = it.name(number);
    it.with(|f| {
        let found = f.deployments.iter_mut().find(|d| d.name() == name).unwrap();
        found.sku.as_mut().unwrap().capacity = Some(count);
    })
}

/// Version 2 serves, and 1 is kept warm, each with two instances as the manifest says.
fn warm() -> Binding {
    let it = binding().wanting("2").serving("2").previous("1", 60);
    having(having(counting(it, 2), "1", 2), "2", 2)
}

/// Version 1 serves with one instance, and version 2 has failed.
fn failed() -> Binding {
    binding().wanting("2").serving("1").failed("2", 60)
}

fn doing(it: &Binding) -> String {
    it.decide().call.map_or_else(|| "nothing".into(), |call| short(&call.doing))
}

fn patch(it: &Binding) -> Value {
    match it.decide().call.unwrap().action {
        Action::Patch(body) => body,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_kept_warm_has_the_instances_that_all_the_traffic_needs() {
    let kept = "True Succeeded working | -> scale deployment v1 from 2 to 3 instances, which is kept to take the traffic back | now";
    let three = || having(counting(warm(), 3), "2", 3);
    let refused = |seconds| {
        three().with(|f| {
            let name = f.deployments.iter().find(|d| short(d.name()) == "v1").unwrap().name().to_string();
            let tried = attempt(Purpose::ScaleDeployment, &f.deployment_id(&name).unwrap(), "scale it");
            f.situation.trouble.failure = Some(failure(tried, Class::Permanent, seconds, 1));
        })
    };
    assert_table(&[
        (
            "it has them",
            warm().decide(),
            "True Succeeded settled | v2 serves all the traffic of taxi. | 600 s",
        ),
        (
            "the manifest asks for more: first of what serves",
            counting(warm(), 3).edited().decide(),
            "False Updating working | -> change instanceCount of deployment v2 | now",
        ),
        ("then of what is kept, and the manifest is reached", three().decide(), kept),
    ]);
    for (what, it, expected) in [
        (
            "fewer",
            having(counting(warm(), 1), "2", 1),
            "scale deployment v1 from 2 to 1 instances, which is kept to take the traffic back",
        ),
        (
            "the manifest says none",
            warm().with(|f| f.spec.online.deployment.instance_count = None),
            "nothing",
        ),
        ("observed", having(warm(), "1", 1).with(|f| f.situation.mode = Mode::Observe), "nothing"),
        (
            "its time is over",
            having(warm(), "1", 1).role("1", Role::Previous, 3601),
            "delete deployment v1, which no longer serves",
        ),
        ("Azure has just refused", refused(1), "nothing"),
        (
            "it is tried again",
            refused(86_400),
            "scale deployment v1 from 2 to 3 instances, which is kept to take the traffic back",
        ),
        (
            "a candidate is on its way: it makes room",
            having(warm(), "1", 1).wanting("3"),
            "delete deployment v1, to make room for the next one",
        ),
        (
            "somebody gave it traffic",
            having(three(), "1", 5).traffic(&[("2", 50), ("1", 50)]),
            "set the traffic to v2 100%",
        ),
    ] {
        assert_eq!(doing(&it), expected, "{what}");
    }
    assert_eq!(refused(1).decide().next, LookAgain::After(std::time::Duration::from_secs(9)));
    let sku = json!({"sku": {"name": "Default", "tier": "Standard", "capacity": 3}});
    assert_eq!(patch(&three()), sku);
}

#[test]
fn a_change_of_only_the_count_is_a_patch() {
    let more = counting(binding().serving("1"), 3).edited();
    let sku = json!({"sku": {"name": "Default", "tier": "Standard", "capacity": 3}});
    assert_eq!(patch(&more), sku);
    // Tags go with it in a PUT.
    let both = more.deployment_tags(&[], &[("team", "fares")]);
    assert!(matches!(both.decide().call.unwrap().action, Action::Put(_)));
}

#[test]
fn a_change_in_git_waits_for_the_instances_and_says_since_when() {
    let back = || having(warm(), "1", 1).wanting("1").edited();
    assert_eq!(
        doing(&back()),
        "scale deployment v1 from 1 to 2 instances, before it gets all the traffic back"
    );
    let scales = back().with(|f| {
        let name = f.wanted().unwrap().1;
        let id = f.deployment_id(&name).unwrap();
        f.situation.operation = operation(
            Purpose::AdjustDeployment,
            "scale deployment v1 from 1 to 2 instances, before it gets all the traffic back",
            &id,
            90,
            crate::azure::model::OperationState::Running,
        );
        f.status.operation = f.situation.operation.remembered.clone();
        let found = f.deployments.iter_mut().find(|d| d.name() == name).unwrap();
        found.properties.provisioning_state = Some("Scaling".into());
    });
    let said = scales.decide().status.conditions.into_iter().find(|it| it.type_ == "Ready").unwrap().message;
    assert_eq!(
        said,
        format!(
            "Azure works on it since {}: scale deployment v1 from 1 to 2 instances, before it gets all the traffic back.",
            crate::decide::in_seconds(ago(90))
        )
    );
    // With them, going back is one PUT of traffic.
    let whole = having(back(), "1", 2);
    assert_eq!(doing(&whole), "give v1 all the traffic and make it the stable one");
}

#[test]
fn what_takes_back_moves_the_traffic_first_and_scales_afterwards() {
    let taking_back = counting(binding().wanting("2").serving("1").candidate("2", 50, 60), 3);
    let two = taking_back.revision("2");
    let aborted = taking_back.with(|f| f.asked.push(asked("a0", ActionWord::Abort, &two)));
    assert!(doing(&aborted).starts_with("take the traffic from v2, which is aborted, and give it to v1"));
    let rolled = having(warm(), "1", 1).with(|f| f.asked.push(asked("a0", ActionWord::Rollback, &two)));
    assert!(
        doing(&rolled).starts_with("give v1 all the traffic again, and hold v2 back"),
        "{}",
        doing(&rolled)
    );
    let afterwards = "scale deployment v1 from 1 to 3 instances, which has all the traffic again";
    assert_eq!(doing(&counting(failed(), 3)), afterwards);
    for (what, it) in [
        ("it has them", having(counting(failed(), 3), "1", 3)),
        ("what serves is not scaled in", having(counting(failed(), 3), "1", 7)),
        ("the manifest says none", failed().with(|f| f.spec.online.deployment.instance_count = None)),
        ("observed", counting(failed(), 3).with(|f| f.situation.mode = Mode::Observe)),
    ] {
        assert_eq!(doing(&it), "nothing", "{what}");
    }
}

#[test]
fn what_carries_traffic_keeps_its_instances_during_a_rollout() {
    for (what, it) in [
        ("the manifest asks for fewer", counting(having(binding().wanting("2").serving("1"), "1", 5), 1)),
        ("the manifest says nothing", {
            let it = having(binding().wanting("2").serving("1"), "1", 5);
            it.with(|f| f.spec.online.deployment.instance_count = None)
        }),
    ] {
        let it = it.steps(json!([{"setTraffic": 10}, {"pause": {"for": "1h"}}])).candidate("2", 10, 60);
        assert_eq!(doing(&it), "nothing", "{what}");
    }
}
