//! What is made again where nothing serves any more, because somebody has deleted it.

use serde_json::json;

use super::actions::later;
use crate::api::{FailureReason, Hold, Outcome, PastRollout};
use crate::decide::fixtures::{Binding, assert_table, binding, noon, short, told};
use crate::decide::rollout::HOLD_TAG;
use crate::decide::{Look, Mode};

/// Version 1 served and version 2 had 10 %, when somebody deleted the endpoint.
fn deleted() -> Binding {
    let it =
        binding().wanting("2").steps(json!([{"setTraffic": 10}, {"name": "go", "pause": {}}])).serving("1");
    it.candidate("2", 10, 60).with(|f| {
        f.endpoint = Look::Absent;
        f.deployments.clear();
        f.status.history[0].version = Some("1".into());
    })
}

fn failed(it: Binding) -> Binding {
    let revision = it.revision("2").to_string();
    it.with(|f| {
        let failed = PastRollout {
            reason: Some(FailureReason::Aborted),
            finished_at: Some(noon()),
            ..PastRollout::new(&revision, Outcome::Failed)
        };
        f.status.history.insert(0, failed);
    })
}

/// The revision of version 2 is held back, and that of version 1 serves instead.
fn held(it: Binding) -> Binding {
    let (revision, to_revision) = (it.revision("2").to_string(), it.revision("1").to_string());
    it.with(|f| f.status.hold = Some(Hold { revision, to_revision, action: None, since: noon() }))
}

#[test]
fn what_served_last_comes_back_first_and_a_new_revision_takes_its_steps() {
    let again = "False Progressing working | -> create deployment v1 of azureml://registries/models/models/taxi/versions/1, which served last | now";
    let failing = deleted().revision("2").to_string();
    assert_table(&[
        (
            "the endpoint",
            deleted().decide(),
            "False Creating working | -> create the endpoint taxi again, which is gone | now",
        ),
        ("its deployment", later(&deleted()).endpoint().decide(), again),
        (
            "all the traffic",
            later(&deleted()).endpoint().deployed("1", "Succeeded").decide(),
            "False Progressing working | -> give v1 all the traffic and make it the stable one | now",
        ),
        (
            "while it is made, nothing of the manifest's is",
            later(&deleted()).endpoint().deployed("1", "Creating").decide(),
            "False OperationRunning working | Azure works on it: a change of deployment v1. | 1 s",
        ),
        (
            "what failed is not all there is",
            failed(deleted()).endpoint().tagged("bindery-failed", &failing).decide(),
            again,
        ),
        (
            "then what the manifest asks for",
            deleted().serving("1").decide(),
            "False Progressing working | -> create deployment v2 of taxi:2 | now",
        ),
    ]);
    let serves = deleted().serving("1").candidate("2", 10, 60).decide().status;
    assert_eq!(serves.stable.unwrap().version.as_deref(), Some("1"));
}

#[test]
fn what_cannot_come_back_or_need_not_is_left_out() {
    let directly = "create deployment v2 of taxi:2";
    let rows = [
        ("the manifest asks for what served", deleted().wanting("1"), "create deployment v1 of taxi:1"),
        (
            "the manifest goes back",
            deleted().with(|f| {
                let older = PastRollout { version: Some("2".into()), ..f.status.history[0].clone() };
                f.status.history.push(older);
                f.status.history[1].revision = deleted().revision("2").to_string();
            }),
            directly,
        ),
        (
            "nobody can make it again, because the manifest has another deployment",
            deleted().with(|f| f.status.history[0].revision = "0123456789".into()),
            directly,
        ),
        ("nothing is known of what served", deleted().forgotten(), directly),
    ];
    for (what, it, expected) in rows {
        let doing = it.endpoint().decide().call.map(|call| short(&call.doing)).unwrap_or_default();
        assert_eq!(doing, expected, "{what}");
    }
    let only_looks = deleted().with(|f| f.situation.mode = Mode::Observe);
    assert_eq!(only_looks.decide().call, None);
}

#[test]
fn where_it_cannot_come_back_either_the_status_says_why() {
    let it = failed(deleted()).with(|f| f.status.history[1].revision = "0123456789".into());
    let it = it.clone().endpoint().tagged("bindery-failed", &it.revision("2").to_string());
    let said = told(&it.decide());
    let why = "No deployment has traffic. Revision 0123456789, which served last, is not made again: its deployment is gone, and spec.online.deployment is another one by now. Revert the manifest in Git. ";
    assert!(said.contains(why), "{said}");
}

/// A hold is a person's word on a revision: it outlives the endpoint.
#[test]
fn what_is_held_back_stays_so_when_the_endpoint_is_gone() {
    let it = held(deleted());
    assert!(it.decide().status.hold.is_some());
    let anew = later(&it).endpoint();
    assert!(told(&anew.decide()).contains("working | -> "), "{}", told(&anew.decide()));
    let name = anew.name("1");
    let serves = held(deleted()).endpoint().deployed("1", "Succeeded");
    let call = serves.decide().call.unwrap();
    let crate::azure::model::Action::Put(body) = &call.action else { panic!("{call:?}") };
    assert_eq!(body["properties"]["traffic"], json!({name: 100}));
    assert!(
        body["tags"][HOLD_TAG].as_str().is_some_and(|tag| tag.starts_with(&it.revision("2").to_string()))
    );
}
