//! A version that is out of use gets no new deployment, and what serves it goes on.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::api::{
    ConditionType, DeploymentBindingStatus, Reason, Retirement, RetirementAction, conditions_of,
};
use crate::decide::deployment_binding::Facts;
use crate::decide::fixtures::{Binding, assert_table, binding, noon, short};
use crate::decide::{Decision, LookAgain, SourceVersion};

fn set(f: &mut Facts, at: Timestamp) {
    let SourceVersion::Ready { retirement, .. } = &mut f.version else { unreachable!() };
    *retirement = Some(Retirement { at, action: RetirementAction::BlockNewDeployments });
}

/// The wanted version goes out of use in so many seconds.
fn retiring(it: Binding, seconds: i64) -> Binding {
    it.with(|f| set(f, noon() + SignedDuration::from_secs(seconds)))
}

/// Version 1 serves, version 2 is on its way by steps, with this weight.
fn shifting(weight: i32) -> Binding {
    let steps = json!([{"setTraffic": 10}, {"setTraffic": 50}]);
    binding().wanting("2").steps(steps).serving("1").candidate("2", weight, 6000)
}

fn admitted(decision: &Decision<DeploymentBindingStatus>) -> (Option<Reason>, bool) {
    let conditions = conditions_of(&decision.status.conditions);
    (conditions.reason(ConditionType::Admitted), conditions.is_true(ConditionType::Admitted))
}

fn line(decision: &Decision<DeploymentBindingStatus>) -> Option<(bool, String)> {
    let line = decision.status.admission.iter().find(|line| line.rule == "Retirement")?;
    Some((line.admitted, line.found.clone()))
}

#[test]
fn nothing_new_begins_with_a_version_that_is_out_of_use() {
    let refused = |number: &str| {
        format!(
            "False Retired stalled | taxi:{number} is retired since 2026-03-01T12:00:00Z (spec.retirement of its ModelVersion), so it gets no new deployment and no more traffic; what it serves goes on. Serve another version, or have its owner set a later date. | interval"
        )
    };
    let edited = |it: Binding| {
        it.with(|f| {
            f.spec.online.deployment.environment_variables.insert("A".into(), "b".into());
        })
    };
    assert_table(&[
        ("nothing is there yet", retiring(binding(), 0).decide(), &refused("1")),
        ("the endpoint is there", retiring(binding().endpoint(), 0).decide(), &refused("1")),
        (
            "the first deployment is ready, and has no traffic",
            retiring(binding().endpoint().deployed("1", "Succeeded"), 0).decide(),
            &refused("1"),
        ),
        ("another one serves", retiring(binding().wanting("2").serving("1"), 0).decide(), &refused("2")),
        (
            "a candidate has some of the traffic: it keeps that",
            retiring(shifting(10), 0).decide(),
            &refused("2"),
        ),
        (
            "its deployment is edited: that would be a new one",
            retiring(edited(binding().serving("1")), 0).decide(),
            &refused("1"),
        ),
        (
            "one second before, the candidate goes on",
            retiring(shifting(10), 1).decide(),
            "False Progressing working | -> move 50 % of the traffic to v2 | now",
        ),
        (
            "the version is not asked for any more: the way back is free",
            shifting(10).wanting("1").decide(),
            "False TakingBack working | -> set the traffic to v1 100% | now",
        ),
        (
            "the same, to one that is out of use and serves",
            retiring(shifting(10).wanting("1"), 0).decide(),
            "False TakingBack working | -> set the traffic to v1 100% | now",
        ),
        (
            "back to what served before and is still there: nothing new is made",
            retiring(binding().wanting("1").serving("2").previous("1", 60), 0).decide(),
            "False Progressing working | -> give v1 all the traffic and make it the stable one | now",
        ),
        (
            "back to what served before and is gone",
            retiring(binding().wanting("1").serving("2"), 0).decide(),
            &refused("1"),
        ),
    ]);
}

#[test]
fn what_serves_a_version_that_is_out_of_use_goes_on_and_says_so() {
    let decision = retiring(binding().serving("1"), 0).decide();
    assert_eq!((decision.call.as_ref(), decision.settled), (None, true));
    assert_eq!(admitted(&decision), (Some(Reason::Retired), false));
    assert_eq!(line(&decision), Some((false, "retired since 2026-03-01T12:00:00Z".into())));
    // Its count and its tags are still the manifest's.
    let counted =
        retiring(binding().serving("1"), 0).with(|f| f.spec.online.deployment.instance_count = Some(3));
    assert_eq!(short(&counted.decide().call.unwrap().doing), "put back instanceCount of deployment v1");
    // Without a retirement, there is no such rule.
    assert_eq!(line(&binding().serving("1").decide()), None);
}

#[test]
fn the_date_is_looked_at_when_it_comes() {
    for (seconds, expected) in [
        (30, LookAgain::After(std::time::Duration::from_secs(30))),
        (6000, LookAgain::Interval),
        (-1, LookAgain::Interval),
    ] {
        let decision = retiring(binding().serving("1"), seconds).decide();
        assert_eq!(decision.next, expected, "{seconds}");
        assert_eq!(admitted(&decision).1, seconds > 0, "{seconds}");
    }
    let ahead = retiring(binding().serving("1"), 30).decide();
    assert_eq!(line(&ahead), Some((true, "in use until 2026-03-01T12:00:30Z".into())));
}

/// What is archived is obsolete, whatever a date says of it, and nobody goes back to it.
#[test]
fn nothing_new_begins_with_a_version_that_is_archived() {
    let archived = |it: Binding| {
        it.with(|f| {
            let SourceVersion::Ready { archived, .. } = &mut f.version else { unreachable!() };
            *archived = true;
        })
    };
    let refused = |number: &str| {
        format!(
            "False Retired stalled | taxi:{number} is archived, so it gets no new deployment and no more traffic; what it serves goes on. Serve another version, or have its owner take it out of the archive (spec.archived: false of its ModelVersion). | interval"
        )
    };
    assert_table(&[
        ("nothing is there yet", archived(binding()).decide(), &refused("1")),
        ("another one serves", archived(binding().wanting("2").serving("1")).decide(), &refused("2")),
        ("a candidate keeps what it has", archived(shifting(10)).decide(), &refused("2")),
        (
            "it is retired as well",
            archived(retiring(binding(), 0)).decide(),
            "False Retired stalled | taxi:1 is retired since 2026-03-01T12:00:00Z (spec.retirement of its ModelVersion) and archived, so it gets no new deployment and no more traffic; what it serves goes on. Serve another version, or have its owner set a later date and take it out of the archive (spec.archived: false of its ModelVersion). | interval",
        ),
        (
            "it served before, and is still there",
            archived(binding().wanting("1").serving("2").previous("1", 60)).decide(),
            &refused("1").replace(" | interval", " v2 serves instead. | 600 s"),
        ),
        (
            "it is not asked for any more",
            archived(shifting(10).wanting("1")).decide(),
            "False TakingBack working | -> set the traffic to v1 100% | now",
        ),
    ]);
    let serves = archived(binding().serving("1")).decide();
    assert_eq!((serves.call.as_ref(), serves.settled), (None, true));
    assert_eq!(admitted(&serves), (Some(Reason::Retired), false));
    assert_eq!(line(&serves), Some((false, "archived".into())));
    let both = archived(retiring(binding().serving("1"), 30)).decide();
    assert_eq!(line(&both), Some((false, "archived, in use until 2026-03-01T12:00:30Z".into())));
}
