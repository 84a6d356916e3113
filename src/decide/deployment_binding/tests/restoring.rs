//! What is made again where nothing serves any more, because somebody has deleted it.

use serde_json::json;

use super::actions::{asked, later, promoting};
use crate::api::{ActionWord, FailureReason, Hold, Outcome, PastRollout};
use crate::azure::model::{Class, ResourceId};
use crate::decide::deployment_binding::Files;
use crate::decide::fixtures::{
    Binding, ago, assert_table, attempt, binding, failure, noon, short, told, version,
};
use crate::decide::rollout::HOLD_TAG;
use crate::decide::{Look, Mode, SourceVersion};

const SECOND: std::time::Duration = std::time::Duration::from_secs(1);

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

/// The manifest asks for version 2 of the workspace, which was stable here before version 1 served.
fn back_in_the_workspace(made: Option<u64>) -> Binding {
    deleted().with(|f| {
        f.version = version("2", None);
        let SourceVersion::Ready { id, .. } = &mut f.version else { unreachable!() };
        *id = ResourceId::workspace("s", "rg", "production").model_version("taxi", "2");
        let (revision, _) = f.manifest().unwrap();
        let older = PastRollout { revision: revision.to_string(), ..f.status.history[0].clone() };
        f.status.history.push(PastRollout { version: Some("2".into()), ..older });
        f.made = made.map(ago);
    })
}

/// The number of a version in a workspace can be made again, with other files. Its revision was stable then, and they were not.
#[test]
fn other_files_under_a_number_that_served_take_the_steps_of_a_new_revision() {
    let doing = |it: Binding| it.endpoint().decide().call.map(|call| short(&call.doing)).unwrap_or_default();
    let (again, last) = ("create deployment v2 of taxi:2", "which served last");
    assert_eq!(doing(back_in_the_workspace(Some(86_400))), again);
    assert!(doing(back_in_the_workspace(Some(0)).with(|f| f.made = Some(noon() + SECOND))).ends_with(last));
    let only = |it: Binding| it.with(|f| drop(f.status.history.remove(0)));
    let other_files = only(back_in_the_workspace(None));
    assert_eq!(doing(other_files), again, "of the old files nothing can be made");
}

/// Azure makes a deployment of whatever files a number stands for now.
#[test]
fn what_served_does_not_come_back_with_other_files_under_its_number() {
    for (files, because) in [
        (Files::Others, "its version was registered again since, with other files"),
        (Files::Gone, "its version, too"),
        (Files::Unknown, "Azure does not say whether its version still has the same files"),
    ] {
        let it = failed(deleted()).with(|f| {
            f.before = f.known_before();
            f.before[0].files = files;
        });
        let it = it.clone().endpoint().tagged("bindery-failed", &it.revision("2").to_string());
        let decision = it.decide();
        assert_eq!(decision.call, None, "{files:?}");
        let said = told(&decision);
        assert!(said.contains("which served last, is not made again") && said.contains(because), "{said}");
    }
}

/// Version 2 has 10 % and stands at a pause, when somebody moves all traffic to it and deletes what served, of which nobody knows any
/// more how it was made.
#[test]
fn a_candidate_that_takes_over_says_which_steps_it_has_not_taken() {
    let it =
        binding().wanting("2").steps(json!([{"setTraffic": 10}, {"name": "go", "pause": {}}])).serving("1");
    let it = it.candidate("2", 10, 60).with(|f| f.deployments.retain(|d| !d.name().starts_with("v1")));
    let decision = it.decide();
    assert_eq!(decision.call.map(|call| short(&call.doing)).as_deref(), Some("set the traffic to v2 100%"));
    let notes: Vec<String> =
        decision.events.iter().filter(|it| it.warning).map(|it| short(&it.note)).collect();
    assert!(notes.iter().any(|it| it == "v1, which served, is gone from the endpoint, so this revision took over at once. Its rollout did without: go."), "{notes:?}");
    assert!(
        !later(&it).decide().events.iter().any(|it| it.note.contains("took over")),
        "an event says so once"
    );
    let last = decision.status.history[0].clone();
    assert_eq!((last.outcome, last.skipped), (Outcome::Promoted, vec!["go".to_string()]));
    assert!(
        last.message
            .unwrap()
            .ends_with("which served, is gone from the endpoint, so this revision took over at once.")
    );
}

#[test]
fn where_it_cannot_come_back_either_the_status_says_why() {
    let it = failed(deleted()).with(|f| f.status.history[1].revision = "0123456789".into());
    let it = it.clone().endpoint().tagged("bindery-failed", &it.revision("2").to_string());
    let said = told(&it.decide());
    let why = "No deployment has traffic. Revision 0123456789, which served last, is not made again: its deployment is gone, and spec.online.deployment is another one by now. To have it back, revert the manifest in Git. ";
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

/// Version 2 has all the traffic and stands at a pause, and somebody has deleted what served before, which had no traffic any more.
fn alone() -> Binding {
    let steps = json!([{"setTraffic": 100}, {"name": "proof", "pause": {}}]);
    let it = binding().wanting("2").steps(steps).serving("1").candidate("2", 100, 60);
    let it = it.with(|f| f.status.history[0].version = Some("1".into()));
    later(&it).with(|f| f.deployments.retain(|d| !d.name().starts_with("v1")))
}

#[test]
fn nobodys_deletion_ends_a_rollout_that_has_all_the_traffic() {
    let made = "create deployment v1 of azureml://registries/models/models/taxi/versions/1, which the rollout may have to be taken back to";
    let doing = |it: &Binding| it.decide().call.map(|call| short(&call.doing)).unwrap_or_default();
    let it = alone();
    assert_eq!(doing(&it), made);
    let status = it.decide().status;
    assert_eq!(status.history.len(), 1, "nothing is promoted");
    assert_eq!(status.candidate.unwrap().step.unwrap().name.as_deref(), Some("proof"));
    // The rollout goes on beside it, and so it does while Azure does not make it.
    let back = it.clone().deployed("1", "Succeeded");
    assert!(told(&back.decide()).contains("AwaitingPromotion"), "{}", told(&back.decide()));
    let refused = it.clone().with(|f| {
        let call = it.decide().call.unwrap();
        let attempt = attempt(call.errand.purpose, &call.resource, &call.doing);
        f.situation.trouble.failure = Some(failure(attempt, Class::Permanent, 0, 1));
    });
    assert!(told(&refused.decide()).contains("AwaitingPromotion"), "{}", told(&refused.decide()));
    assert_eq!(
        doing(&promoting(it.clone(), "proof")),
        "give v2 all the traffic and make it the stable one (RolloutAction a0 of ada)"
    );
    // What fails meanwhile keeps the traffic until there is something to take it back to.
    let failing = failed(it.clone());
    let noted = super::actions::carried_out(&failing);
    let Look::Found(endpoint) = &noted.0.endpoint else { panic!() };
    assert_eq!(endpoint.weight(&it.name("2")), 100);
    assert_eq!(doing(&later(&noted)), made);
    let taken_back = doing(&later(&noted).deployed("1", "Succeeded"));
    assert_eq!(taken_back, "take the traffic from v2, which failed, and give it to v1");
    // A person may roll back at once.
    let back = it.clone().with(|f| f.asked.push(asked("a0", ActionWord::Rollback, &it.revision("2"))));
    let held = later(&super::actions::carried_out(&back));
    assert_eq!(held.decide().status.hold.map(|it| it.to_revision), Some(it.revision("1").to_string()));
    assert!(doing(&held).starts_with("create deployment v1 of"), "{}", doing(&held));
    // Where nobody can make it again, the candidate takes over, and that is said.
    let moved = it.with(|f| f.status.history[0].revision = "0123456789".into());
    assert_eq!(moved.decide().status.history[0].skipped, ["proof"]);
}

/// Version 2 has this share and stands at a pause, when somebody moves the traffic so and deletes what served.
fn beside(share: i32, moved: &[(&str, i32)]) -> Binding {
    let steps = json!([{"setTraffic": 10}, {"name": "proof", "pause": {}}, {"setTraffic": 50}]);
    let it = binding().wanting("2").steps(steps).serving("1").candidate("2", share, 60);
    let it = it.with(|f| f.status.history[0].version = Some("1".into()));
    later(&it).moved(moved).with(|f| f.deployments.retain(|d| !d.name().starts_with("v1")))
}

fn doing(it: &Binding) -> String {
    it.decide().call.map(|call| short(&call.doing)).unwrap_or_default()
}

const MADE_AGAIN: &str = "create deployment v1 of azureml://registries/models/models/taxi/versions/1, which the rollout may have to be taken back to";

/// What the next PUT of the endpoint makes of its traffic, and what it notes down.
fn put(it: &Binding) -> (String, String, String) {
    let call = it.decide().call.unwrap();
    let crate::azure::model::Action::Put(body) = &call.action else { panic!("{call:?}") };
    let tag = |name: &str| short(body["tags"][name].as_str().unwrap_or_default());
    (short(&body["properties"]["traffic"].to_string()), tag("bindery-traffic"), tag("bindery-stable"))
}

#[test]
fn nobodys_deletion_ends_a_rollout_that_has_a_part_of_the_traffic() {
    let it = beside(10, &[("2", 100)]);
    assert_eq!(doing(&it), MADE_AGAIN, "what answers goes on to answer");
    let status = it.decide().status;
    assert_eq!(status.history.len(), 1, "nothing is promoted, and nothing is given up");
    assert_eq!(short(&status.drift[0].wanted), "v1 90%, v2 10%");
    // The rollout waits, and the status says for what, also when Azure refuses it.
    let refused = it.clone().with(|f| {
        let call = it.decide().call.unwrap();
        let attempt = attempt(call.errand.purpose, &call.resource, &call.doing);
        f.situation.trouble.failure = Some(failure(attempt, Class::Permanent, 0, 1));
    });
    let said = told(&refused.decide());
    assert!(said.contains("create deployment v1 of") && said.contains("No."), "{said}");
    // Once it is there, the candidate has its share again, and its step begins anew.
    let back = later(&it).deployed("1", "Succeeded");
    let shares = r#"{"v1":90,"v2":10}"#.to_string();
    assert_eq!(put(&back), (shares, "v1=90 v2=10".into(), "v1".into()));
    let after = super::actions::carried_out(&back);
    assert!(told(&after.decide()).contains("AwaitingPromotion"), "{}", told(&after.decide()));
    assert_eq!(after.decide().status.candidate.unwrap().step.unwrap().name.as_deref(), Some("proof"));
    // A person may have it take over.
    let promoted = super::actions::with(it.clone(), ActionWord::Promote);
    assert_eq!(put(&promoted), (r#"{"v2":100}"#.into(), "v2=100".into(), "v2".into()));
}

/// Somebody took all the traffic away before: what was to answer a part of the requests answers them until there is more.
#[test]
fn while_what_served_is_made_again_what_is_healthy_answers() {
    let it = beside(10, &[]);
    assert_eq!(doing(&it), "set the traffic to v2 100% until v1, which is gone, is made again");
    assert_eq!(put(&it), (r#"{"v2":100}"#.into(), "v1=90 v2=10".into(), "v1".into()));
    assert_eq!(doing(&later(&super::actions::carried_out(&it))), MADE_AGAIN);
    // Not what has failed, was rejected, or was never to answer anybody.
    let failing = it.revision("2").to_string();
    let aborted = failed(it.clone()).tagged("bindery-failed", &failing);
    assert_eq!(doing(&aborted), MADE_AGAIN);
    let broken = it.clone().with(|f| f.deployments[0].properties.provisioning_state = Some("Failed".into()));
    assert_eq!(put(&broken), ("{}".into(), "v1=90 v2=10".into(), "v1".into()));
    assert_eq!(doing(&beside(0, &[])), MADE_AGAIN);
}

/// A candidate without traffic is still the candidate when what served is made again.
#[test]
fn a_rollout_without_traffic_waits_for_what_served() {
    for moved in [&[][..], &[("2", 100)]] {
        let it = beside(0, moved);
        assert_eq!(doing(&it), MADE_AGAIN, "no PUT takes away what answers: {moved:?}");
        let status = it.decide().status;
        assert_eq!(status.history.len(), 1, "{:?}", status.history);
        assert_eq!(status.candidate.map(|it| short(&it.deployment)).as_deref(), Some("v2"));
        let back = later(&it).deployed("1", "Succeeded");
        assert_eq!(put(&back), (r#"{"v1":100}"#.into(), "v1=100".into(), "v1".into()));
        assert_eq!(back.decide().status.history.len(), 1);
    }
}

/// Two deployments and one that failed are the most.
#[test]
fn what_served_is_made_again_where_there_is_room() {
    let it = beside(10, &[("2", 100)]).deployed("3", "Succeeded");
    assert_eq!(doing(&it), "delete deployment v3, whose rollout was given up for another");
}

#[test]
fn what_failed_while_what_served_is_gone_says_who_answers_until_then() {
    let it = beside(10, &[("2", 100)]);
    let it = failed(it.clone()).tagged("bindery-failed", &it.revision("2").to_string());
    let refused = it.clone().with(|f| {
        let call = it.decide().call.unwrap();
        let attempt = attempt(call.errand.purpose, &call.resource, &call.doing);
        f.situation.trouble.failure = Some(failure(attempt, Class::Permanent, 0, 1));
    });
    let said = told(&refused.decide());
    let expected = "v2 was aborted. v1, which served, is gone from the endpoint and is made again; until then the traffic stays as it is (v2 100%). v2 is not tried again:";
    assert!(said.contains(expected), "{said}");
}
