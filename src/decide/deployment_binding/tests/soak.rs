//! Where a version has to have served before.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use crate::api::{ConditionType, ObjectKey, ObjectKind, Outcome, Period, StableTime, conditions_of};
use crate::azure::model::ResourceId;
use crate::decide::deployment_binding::Time;
use crate::decide::fixtures::{Binding, ago, assert_table, binding, noon, short};
use crate::decide::places::policy::{SoakPlace, Soaking};
use crate::decide::{Place, SourceVersion};

fn staging() -> ObjectKey {
    ObjectKey { kind: ObjectKind::Workspace, namespace: "ml".into(), name: "staging".into() }
}

/// The workspace asks for 24 hours in the workspace `staging`, which may be closed.
fn asking(it: Binding, closed: Option<&'static str>) -> Binding {
    it.with(|f| {
        let Place::Ready { policy, .. } = &mut f.place else { unreachable!() };
        let places = vec![SoakPlace { key: staging(), closed }];
        policy.soak = Some(Soaking { places, period: Period::new("24h") });
    })
}

/// The wanted version was stable there in this time.
fn served(it: Binding, since: Timestamp, until: Option<Timestamp>) -> Binding {
    it.with(|f| f.soak.times.push(Time { workspace: staging(), since, until }))
}

fn hours(hours: u64) -> Timestamp {
    ago(hours * 3600)
}

#[test]
fn a_version_begins_to_serve_when_it_has_served_elsewhere_for_long_enough() {
    let asks = "Workspace production serves only what has served before: 24h as the stable version in Workspace ml/staging";
    let never = format!(
        "False PolicyRefused stalled | {asks}; of taxi:1: it has not served there. Serve it there first. | interval"
    );
    let closed = format!(
        "False PolicyRefused stalled | {asks}; of taxi:1: it has not served there. Workspace ml/staging does not count: it is gone. Serve it there first. | interval"
    );
    let short = format!(
        "False PolicyRefused stalled | {asks}; of taxi:1: stable in Workspace ml/staging from 2026-02-28T09:00:00Z to 2026-03-01T08:00:00Z. Serve it there first. | interval"
    );
    let soon = format!(
        "False Soaking working | {asks}. taxi:1 serves there since 2026-02-28T12:00:40Z, which is long enough at 2026-03-01T12:00:40Z. | 40 s"
    );
    let again = format!(
        "False Soaking working | {asks}. taxi:1 serves there since 2026-03-01T11:00:00Z, which is long enough at 2026-03-02T11:00:00Z. | 600 s"
    );
    let begins = "False Creating working | -> create the endpoint taxi | now";
    let a_little_less = Duration::from_secs(24 * 3600 - 40);
    assert_table(&[
        ("nobody asks", binding().decide(), begins),
        ("it has not served", asking(binding(), None).decide(), &never),
        ("the workspace is not there", asking(binding(), Some("it is gone")).decide(), &closed),
        ("for a day to the second", served(asking(binding(), None), hours(24), None).decide(), begins),
        ("not yet", served(asking(binding(), None), noon() - a_little_less, None).decide(), &soon),
        ("a day that is over", served(asking(binding(), None), hours(50), Some(hours(26))).decide(), begins),
        (
            "less than a day, and over",
            served(asking(binding(), None), hours(27), Some(hours(4))).decide(),
            &short,
        ),
        (
            "two times, which together are long enough",
            served(served(asking(binding(), None), hours(1), None), hours(30), Some(hours(7))).decide(),
            &again,
        ),
        (
            "by a clock that is ahead of ours",
            served(asking(binding(), None), noon() + a_little_less, None).decide(),
            &format!(
                "False Soaking working | {asks}. taxi:1 serves there since 2026-03-02T11:59:20Z, which is long enough at 2026-03-03T11:59:20Z. | 600 s"
            ),
        ),
    ]);
}

/// What serves goes on, and a candidate keeps what it has.
#[test]
fn what_serves_is_not_taken_back_for_want_of_time() {
    let decision = asking(binding().serving("1"), None).decide();
    assert!(decision.call.is_none());
    let conditions = conditions_of(&decision.status.conditions);
    assert!(conditions.is_true(ConditionType::Ready));
    assert!(!conditions.is_true(ConditionType::Admitted));
    let steps = json!([{"setTraffic": 10}, {"pause": {"for": "10m"}}, {"setTraffic": 50}]);
    let rising = asking(binding().wanting("2").steps(steps).serving("1").candidate("2", 10, 6000), None);
    assert_eq!(rising.decide().call, None);
    let call = served(rising, hours(24), None).decide().call.map(|call| short(&call.doing));
    assert_eq!(call.as_deref(), Some("move 50 % of the traffic to v2"));
}

/// The number of a version in a workspace can be made again, with other files.
#[test]
fn what_served_before_azure_made_the_version_was_another_one() {
    let made = |at: Option<Timestamp>| {
        served(asking(binding(), None), hours(24), None)
            .with(|f| {
                let SourceVersion::Ready { asset_id, registry, id: of, .. } = &mut f.version else {
                    unreachable!()
                };
                let id = ResourceId::workspace("s", "rg", "production").model_version("taxi", "1");
                (*asset_id, *registry, f.soak.made) = (id.to_string(), None, at);
                *of = id;
            })
            .decide()
            .call
            .is_some()
    };
    assert!(made(Some(hours(24))));
    assert!(!made(Some(hours(23))));
    assert!(!made(None));
}

/// The status of a binding shows for how long each version was the stable one.
#[test]
fn the_history_says_how_long_each_version_was_stable() {
    let promoted = |mut it: Binding| {
        let name = it.name("2");
        it.found().tags.insert("bindery-stable".into(), name);
        it.traffic(&[("2", 100)])
    };
    let rollout = || promoted(binding().wanting("2").serving("1").candidate("2", 10, 60));
    let left = |it: Binding| {
        let all = it.decide().status.history.into_iter().filter(|it| it.outcome == Outcome::Promoted);
        all.map(|it| (it.asset_id, it.served)).collect::<Vec<_>>()
    };
    let asset = |number: &str| Some(format!("azureml://registries/models/models/taxi/versions/{number}"));
    let day = StableTime { since: ago(86_400), until: noon() };
    assert_eq!(left(rollout()), [(asset("2"), None), (asset("1"), Some(day))]);
    // Where the status does not know since when, nobody says how long.
    let lost = rollout().with(|f| f.status.stable = None);
    assert_eq!(left(lost), [(asset("2"), None), (asset("1"), None)]);
    // The endpoint was gone meanwhile: what was made again has not served since it was promoted for the first time.
    let gone = binding().serving("1").with(|f| f.endpoint = crate::decide::Look::Absent);
    let status = gone.decide().status;
    assert_eq!(status.stable, None);
    let again = binding().serving("1").role("1", crate::api::Role::Stable, 60).with(|f| {
        f.status =
            crate::api::DeploymentBindingStatus { deployments: f.status.deployments.clone(), ..status };
    });
    let since = again.decide().status.stable.map(|stable| stable.since);
    assert_eq!(since, Some(ago(60)));
    assert_eq!(left(again), [(asset("1"), None)]);
}
