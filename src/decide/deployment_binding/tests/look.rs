//! Which deployments are asked for by a GET, whatever the list shows of them.

use serde_json::json;

use crate::azure::model::Lane;
use crate::azure::model::resource::OnlineDeployment;
use crate::decide::facts::Known;
use crate::decide::fixtures::{Binding, binding};
use crate::decide::{Mode, Served};

/// Two versions, by name: version 1 serves, and the manifest asks for version 2.
fn changing() -> Binding {
    binding().serving("1").wanting("2")
}

#[test]
fn a_list_is_not_believed_about_what_a_decision_rests_on() {
    let (one, two) = (binding().name("1"), binding().name("2"));
    let unlisted = |it: Binding| it.with(|f| f.deployments.clear());
    let none: [&str; 0] = [];
    let table: Vec<(&str, Binding, Vec<&str>)> = vec![
        ("no endpoint", binding(), none.into()),
        ("nothing is made yet", binding().endpoint(), vec![&one]),
        ("everything is as it should be", binding().serving("1"), none.into()),
        ("the next one is not listed", changing(), vec![&two]),
        ("the next one is listed as it should be", changing().candidate("2", 10, 60), none.into()),
        (
            "the next one is listed, and Azure makes it",
            changing().candidate("2", 10, 60).with(|f| {
                let made =
                    |d: &mut OnlineDeployment| d.properties.provisioning_state = Some("Creating".into());
                f.deployments.iter_mut().filter(|d| d.name() == two).for_each(made);
            }),
            vec![&two],
        ),
        ("what serves is not listed", unlisted(changing()), vec![&one, &two]),
        (
            "somebody else's serves, and is not listed",
            binding().endpoint().moved(&[("blue", 100), ("green", 0)]),
            vec!["blue", &one],
        ),
        (
            "somebody else's is listed",
            binding().endpoint().moved(&[("blue", 100)]).foreign("blue"),
            vec![&one],
        ),
        (
            "only a tag says that it is stable",
            binding().endpoint().tagged("bindery-stable", "v7").wanting("2"),
            vec!["v7", &two],
        ),
        (
            "only what was written says that it serves",
            binding().endpoint().tagged("bindery-traffic", "v7=100").wanting("2"),
            vec!["v7", &two],
        ),
        (
            "observed, it is taken as listed",
            changing().candidate("2", 10, 60).with(|f| f.situation.mode = Mode::Observe),
            none.into(),
        ),
        ("observed, and not listed", changing().with(|f| f.situation.mode = Mode::Observe), vec![&two]),
        (
            "its count is to be changed, by a PUT that replaces it",
            binding().serving("1").with(|f| f.spec.online.deployment.instance_count = Some(3)),
            vec![&one],
        ),
        (
            "it serves, and is listed in another state",
            binding().serving("1").with(|f| {
                f.deployments[0].properties.provisioning_state = Some("Failed".into());
            }),
            vec![&one],
        ),
        (
            "what serves is listed as failed, and is mended by a PUT that replaces it",
            changing().with(|f| {
                f.deployments[0].properties.provisioning_state = Some("Failed".into());
            }),
            vec![&one, &two],
        ),
    ];
    for (what, it, mut expected) in table {
        expected.sort_unstable();
        assert_eq!(it.0.to_read().iter().map(String::as_str).collect::<Vec<_>>(), expected, "{what}");
    }
}

#[test]
fn what_a_call_rests_on_is_read_by_itself() {
    let wanted = |it: &Binding| {
        let mut known = Known::nothing(Lane::Rollout, false, Served::everything());
        it.0.look_before_a_call(&mut known);
        known.wants().azure.len()
    };
    let paused = |seconds| {
        let steps = json!([{"setTraffic": 10}, {"pause": {"for": "10m"}}, {"setTraffic": 50}]);
        changing().steps(steps).candidate("2", 10, seconds)
    };
    assert_eq!(
        (paused(60).decide().call.is_some(), wanted(&paused(60))),
        (false, 0),
        "nothing is to be done"
    );
    assert_eq!((paused(601).decide().call.is_some(), wanted(&paused(601))), (true, 1));
    let busy = |mut it: Binding| {
        it.found().properties.provisioning_state = Some("Updating".into());
        it
    };
    assert_eq!(wanted(&busy(paused(601))), 0, "Azure works on the endpoint");
    assert_eq!(wanted(&paused(601).with(|f| f.situation.mode = Mode::Observe)), 0);
}
