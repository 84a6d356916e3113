//! Through a workspace that is in conflict, or being deleted, nothing begins and no weight rises; what serves is taken back.

use serde_json::json;

use super::actions::asked;
use crate::api::{ActionWord, Reason, Role};
use crate::azure::model::{Action, Lane, Purpose};
use crate::decide::fixtures::{Binding, ago, assert_table, binding, short, told, version};
use crate::decide::{Mode, Place, SourceVersion};

fn closed(it: Binding) -> Binding {
    it.with(|f| f.place = Place::Closed { what: "Workspace fares/production".into(), because: "No.".into() })
}

/// Version 1 serves, version 2 is on its way by steps, with this weight.
fn shifting(weight: i32) -> Binding {
    let steps = json!([{"setTraffic": 10}, {"pause": {"for": "10m"}}, {"setTraffic": 50}]);
    binding().wanting("2").steps(steps).serving("1").candidate("2", weight, 6000)
}

/// The candidate broke where it runs.
fn broken(mut it: Binding) -> Binding {
    it.0.deployments.last_mut().unwrap().properties.provisioning_state = Some("Failed".into());
    it
}

fn unready(number: &str) -> SourceVersion {
    let SourceVersion::Ready { asset_id, .. } = version(number, Some("models")) else { unreachable!() };
    SourceVersion::NotReady {
        what: format!("ModelVersion fares/taxi-{number}"),
        because: "No.".into(),
        stalled: true,
        registered: Some((asset_id, number.into())),
    }
}

const WAITS: &str = "False ReferenceNotReady working | Workspace fares/production is not ready: No. | 300 s";

#[test]
fn nothing_begins() {
    let serving = binding().wanting("2").serving("2").previous("1", 60);
    let two = serving.revision("2");
    assert_table(&[
        ("nothing is there yet", closed(binding()).decide(), WAITS),
        ("an endpoint without a deployment", closed(binding().endpoint()).decide(), WAITS),
        (
            "the first deployment is ready",
            closed(binding().endpoint().deployed("1", "Succeeded")).decide(),
            WAITS,
        ),
        ("it serves", closed(binding().serving("1")).decide(), WAITS),
        ("another version is wanted", closed(binding().wanting("2").serving("1")).decide(), WAITS),
        ("the pause of a step is over", closed(shifting(10)).decide(), WAITS),
        ("the last step is done", closed(shifting(50)).decide(), WAITS),
        (
            "the previous version is wanted again, and is warm: that would be a rise",
            closed(binding().wanting("1").serving("2").previous("1", 60)).decide(),
            WAITS,
        ),
        (
            "somebody rolls back: that would be a rise, too",
            closed(serving.with(|f| f.asked.push(asked("back", ActionWord::Rollback, &two)))).decide(),
            WAITS,
        ),
    ]);
}

#[test]
fn what_serves_is_taken_back() {
    let anothers = |it: Binding| it.tagged("bindery-owner", "prod/blue/taxi");
    assert_table(&[
        (
            "the candidate failed",
            closed(broken(shifting(10))).decide(),
            "False TakingBack working | -> take the traffic from v2, which failed, and give it to v1 | now",
        ),
        (
            "the same, of a namespace that may not publish there any more",
            closed(broken(shifting(10))).with(|f| f.situation.kept_out()).decide(),
            WAITS,
        ),
        (
            "the candidate failed before it had traffic: there is nothing to take back",
            closed(broken(shifting(0))).decide(),
            WAITS,
        ),
        (
            "the manifest goes back to the stable version",
            closed(shifting(50).wanting("1")).decide(),
            "False TakingBack working | -> set the traffic to v1 100% | now",
        ),
        (
            "the same, and its version's object waits for this workspace too",
            closed(shifting(50).wanting("1")).with(|f| f.version = unready("1")).decide(),
            "False TakingBack working | -> set the traffic to v1 100% | now",
        ),
        (
            "a third version is wanted: the candidate is given up, and the next one is not begun",
            closed(shifting(50).wanting("3")).decide(),
            "False TakingBack working | -> set the traffic to v1 100% | now",
        ),
        (
            "somebody gave the candidate more",
            closed(shifting(10).moved(&[("1", 20), ("2", 80)])).decide(),
            "False Drifted working | -> put back traffic of endpoint taxi | now",
        ),
        (
            "somebody took it from the candidate: it is not raised again",
            closed(shifting(10).moved(&[("1", 100)])).decide(),
            WAITS,
        ),
        (
            "tags of the endpoint differ",
            closed(binding().serving("1"))
                .with(|f| f.spec.online.endpoint.tags = crate::decide::fixtures::tags([("a", "b")]))
                .decide(),
            WAITS,
        ),
        (
            "Azure works on the candidate that failed: its traffic is taken as soon as that is over",
            closed(broken(shifting(10)))
                .with(|f| f.deployments[0].properties.provisioning_state = Some("Updating".into()))
                .decide(),
            "False OperationRunning working | Azure works on it: a change of deployment v1. | 1 s",
        ),
        ("the endpoint is another's", closed(anothers(broken(shifting(10)))).decide(), WAITS),
        (
            "it is only observed",
            closed(broken(shifting(10))).with(|f| f.situation.mode = Mode::Observe).decide(),
            WAITS,
        ),
        (
            "it is suspended",
            closed(broken(shifting(10))).with(|f| f.situation.mode = Mode::Suspended).decide(),
            "False Suspended settled | Bindery would take the traffic from v2, which failed, and give it to v1, but spec.suspend is true. | 600 s",
        ),
        (
            "the binding goes, too",
            closed(binding().serving("1"))
                .with(|f| {
                    f.situation.deleting = true;
                    f.situation.deleted_at = Some(ago(6000));
                })
                .decide(),
            "False Deleting working | -> take all traffic off the endpoint taxi | now",
        ),
    ]);
}

#[test]
fn what_is_taken_back_carries_nothing_else() {
    let tags = crate::decide::fixtures::tags([("team", "fares")]);
    let it = closed(broken(shifting(10))).with(|f| f.spec.online.endpoint.tags = tags);
    let decision = it.decide();
    let call = decision.call.unwrap();
    assert_eq!((call.errand.purpose, call.errand.lane), (Purpose::TakeBack, Lane::TakingBack));
    let Action::Put(body) = &call.action else { unreachable!() };
    assert_eq!(body["properties"]["traffic"], json!({it.name("1"): 100}));
    assert_eq!(body["tags"].get("team"), None);
    assert_eq!(body["tags"]["bindery-stable"], it.name("1"));
    // Afterwards it waits, and says so; the next look is for the log of what has failed.
    let mut after = it.clone();
    after.0.absorb(&call, Ok(&crate::azure::model::Reply { body: Some(body.clone()), ..Default::default() }));
    after.0.status = decision.status;
    assert_eq!(told(&after.decide()), WAITS.replace("| 300 s", "| 60 s"));
}

/// Going back to what serves takes nothing that has to be ready.
#[test]
fn the_way_back_to_what_serves_needs_no_version_that_is_ready() {
    let back = shifting(50).wanting("1").with(|f| f.version = unready("1"));
    let decision = back.decide();
    assert_eq!(short(&told(&decision)), "False TakingBack working | -> set the traffic to v1 100% | now");
    assert_eq!(decision.status.candidate, None);
    let roles: Vec<Role> = decision.status.deployments.iter().map(|d| d.role).collect();
    assert_eq!(roles, [Role::Stable, Role::Superseded]);
    // What does not serve has to be: the rollout that goes on stays where it is.
    let other = shifting(50).wanting("3").with(|f| f.version = unready("3"));
    let decision = other.decide();
    assert_eq!(decision.call, None);
    assert!(decision.status.candidate.is_some());
    assert!(
        told(&decision).starts_with(&format!("False {}", Reason::ReferenceNotReady)),
        "{}",
        told(&decision)
    );
}

/// What is not there is made of a version that can be read, unless the traffic goes back to it.
#[test]
fn a_candidate_is_not_made_again_while_its_version_cannot_be_read() {
    let it = binding().wanting("1").steps(json!([{"setTraffic": 10}])).serving("1").serving("2");
    let gone = it.name("1");
    let it = it.candidate("1", 0, 60).traffic(&[("2", 100)]).with(|f| {
        f.deployments.retain(|d| d.name() != gone);
        f.status.history.iter_mut().for_each(|past| past.version = Some("1".into()));
        f.version = unready("1");
    });
    assert_eq!(it.decide().call, None, "{}", told(&it.decide()));
}
