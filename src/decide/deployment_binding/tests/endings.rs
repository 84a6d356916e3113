//! Deletion in the right order, and handing over.

use crate::api::{BindingDeletion, EndpointStatus};
use crate::azure::model::Class;
use crate::decide::deployment_binding::Facts;
use crate::decide::fixtures::{Binding, assert_table, binding, noon, told};
use crate::decide::places::reference::Removal;
use crate::decide::{Look, Mode, Place};

fn ending(it: Binding) -> Binding {
    it.with(|f| f.situation.deleting = true)
}

/// A binding whose workspace is not there, and whose status is lost.
fn lost() -> Binding {
    binding().with(|f| {
        (f.id, f.endpoint) = (None, Look::Unseen);
        f.place = Place::Missing { what: "Workspace fares/production".into() };
    })
}

/// A binding that its workspace let in once, and does not let in any more.
fn made_there() -> Binding {
    binding().with(|f| {
        f.situation.kept_out();
        let id = f.id.as_ref().map(ToString::to_string).unwrap_or_default();
        f.status.endpoint = Some(EndpointStatus { id, scoring_uri: None, state: None });
        f.endpoint = Look::Unseen;
        f.place = Place::Missing { what: "Workspace fares/production".into() };
    })
}

#[test]
fn a_deletion_goes_in_the_right_order() {
    let quiet = |it: Binding| it.moved(&[]).tagged("bindery-traffic", "");
    assert_table(&vec![
        (
            "serving",
            ending(binding().serving("1").previous("2", 60)).decide(),
            "False Deleting working | -> take all traffic off the endpoint taxi | now",
        ),
        (
            "quiet",
            ending(quiet(binding().serving("1").previous("2", 60))).decide(),
            "False Deleting working | -> delete deployment v1 | now",
        ),
        (
            "no deployment left",
            ending(binding().endpoint()).decide(),
            "False Deleting working | -> delete the endpoint taxi | now",
        ),
        (
            "gone",
            ending(binding()).decide(),
            "False Finishing working | The endpoint is not in Azure, so nothing is left to delete there. | interval | released",
        ),
        (
            "its place and its status are gone, so nobody knows where its endpoint is",
            ending(lost()).decide(),
            "False ReferenceNotFound stalled | There is no Workspace fares/production, or neither its allowedNamespaces nor its publishers include this namespace. Apply it, or have its owner let this namespace in. To delete this object now and leave Azure as it is, set its spec.deletionPolicy to Retain. | interval",
        ),
        (
            "the same, and its namespace goes",
            ending(lost()).with(|f| f.situation.ownership.namespace_ends = true).decide(),
            "False Finishing working | Its place is gone with its namespace, and with it who could say which endpoint is its own, or act for it: what there is stays in Azure. | interval | released",
        ),
        (
            "its namespace may not change the endpoint any more",
            ending(binding().serving("1")).with(|f| f.situation.kept_out()).decide(),
            "False Finishing working | The endpoint taxi stays in Azure as it is: it is no publisher. | interval | released",
        ),
        (
            "the same, and it may not even refer to its workspace",
            ending(made_there()).decide(),
            "False Finishing working | The endpoint taxi stays in Azure as it is: it is no publisher. | interval | released",
        ),
        (
            "the same, and by its status it never had an endpoint there: as if there were no such workspace",
            ending(made_there()).with(|f| f.status.endpoint = None).decide(),
            "False ReferenceNotFound stalled | There is no Workspace fares/production, or neither its allowedNamespaces nor its publishers include this namespace. Apply it, or have its owner let this namespace in. To delete this object now and leave Azure as it is, set its spec.deletionPolicy to Retain. | interval",
        ),
        (
            "its workspace is gone, and what its status names is another namespace's, whose name is nobody's business",
            ending(binding().serving("1").tagged("bindery-owner", "prod/a/b"))
                .with(|f| f.place = Place::Missing { what: "Workspace fares/production".into() })
                .decide(),
            "False Finishing working | The endpoint taxi stays in Azure: no tag there names this object as its owner. | interval | released",
        ),
        (
            "the same while it stays: it is told why nothing changes any more",
            made_there().decide(),
            "False NotAPublisher stalled | Have it added. | interval",
        ),
        (
            "the same while it stays, and it never had an endpoint there",
            made_there().with(|f| f.status.endpoint = None).decide(),
            "False ReferenceNotFound working | There is no Workspace fares/production, or neither its allowedNamespaces nor its publishers include this namespace. Apply it, or have its owner let this namespace in. | 300 s",
        ),
        (
            "a deployment is being made",
            ending(binding().serving("1").deployed("2", "Creating")).decide(),
            "False OperationRunning working | Azure works on it: a change of deployment v2. | 1 s",
        ),
        (
            "retained",
            ending(binding().serving("1"))
                .with(|f| f.spec.deletion_policy = BindingDeletion::Retain)
                .decide(),
            "False Finishing working | The endpoint stays in Azure: spec.deletionPolicy is Retain. | interval | released",
        ),
        (
            "suspended",
            ending(binding().serving("1")).with(|f| f.situation.mode = Mode::Suspended).decide(),
            "False Finishing working | Bindery lets go and leaves Azure as it is: spec.suspend is true. | interval | released",
        ),
        (
            "observed, and Azure is changing it",
            ending(binding().serving("1").deployed("2", "Creating"))
                .with(|f| f.situation.mode = Mode::ObserveOnly)
                .decide(),
            "False Finishing working | Bindery lets go and leaves Azure as it is: the operator runs with --observe-only. | interval | released",
        ),
        (
            "Azure cannot be read",
            ending(binding())
                .with(|f| {
                    f.endpoint = Look::Unseen;
                    f.situation.unreadable_by(Class::Transient);
                })
                .decide(),
            "False Unreachable working | Bindery could not read it: No. Bindery tries again, at least every 5 min. | 1 s",
        ),
    ]);
}

const FORBIDDEN: &str = "Workspace fares/production forbids that endpoints are taken down (spec.policy.endpointDeletion), so the endpoint taxi stays in Azure as it is";

#[test]
fn where_the_workspace_forbids_it_nothing_is_taken_down() {
    let by = || "Workspace fares/production".to_string();
    let forbidden = |it: Binding| ending(it).with(|f| f.removal = Removal::Forbidden { by: by() });
    let released = |said: &str| format!("False Finishing working | {FORBIDDEN}{said} | interval | released");
    let takes_over = "A DeploymentBinding of namespace fares that names it takes it over.";
    let serving = released(&format!(", with v1 (100 % of the traffic, instances: 1). {takes_over}"));
    let steps = || serde_json::json!([{"setTraffic": 10}, {"setTraffic": 50}]);
    let shifting = || binding().wanting("2").steps(steps()).serving("1").candidate("2", 10, 60);
    let both = released(&format!(
        ", with v1 (90 % of the traffic, instances: 1) and v2 (10 % of the traffic, instances: 1). {takes_over}"
    ));
    let mut broken = shifting();
    broken.0.deployments.last_mut().unwrap().properties.provisioning_state = Some("Failed".into());
    let unseen = |f: &mut Facts| {
        f.endpoint = Look::Unseen;
        f.situation.unreadable_by(Class::Transient);
    };
    assert_table(&[
        ("it serves", forbidden(binding().serving("1")).decide(), &serving),
        (
            "at once: no heir is waited for",
            forbidden(binding().serving("1")).with(|f| f.situation.deleted_at = Some(noon())).decide(),
            &serving,
        ),
        ("a rollout goes on", forbidden(shifting()).decide(), &both),
        ("its candidate broke: the traffic stays as it is", forbidden(broken).decide(), &both),
        (
            "Azure works on it",
            forbidden(binding().serving("1").deployed("2", "Creating")).decide(),
            &released(&format!(
                ", with v1 (100 % of the traffic, instances: 1) and v2 (0 % of the traffic, instances: 1). {takes_over}"
            )),
        ),
        (
            "nothing is on it yet",
            forbidden(binding().endpoint()).decide(),
            &released(&format!(". {takes_over}")),
        ),
        ("Azure cannot be read", forbidden(binding()).with(unseen).decide(), &released(".")),
        (
            "it is another's",
            forbidden(binding().serving("1").tagged("bindery-owner", "prod/fares/renamed")).decide(),
            &released(", with v1 (100 % of the traffic, instances: 1)."),
        ),
        (
            "the workspace is in conflict",
            forbidden(binding().serving("1"))
                .with(|f| f.place = Place::Closed { what: by(), because: "No.".into() })
                .decide(),
            &serving,
        ),
        (
            "another binding claims it: what was applied instead is the owner before this one is gone",
            forbidden(binding().serving("1")).with(|f| f.situation.claimed_by("fares/renamed", -60)).decide(),
            "False Deleting working | -> hand the endpoint taxi over to fares/renamed | now",
        ),
        (
            "the one that claims it only observes",
            forbidden(binding().serving("1"))
                .with(|f| {
                    f.situation.claimed_by("fares/watching", 60);
                    f.situation.ownership.claimants[0].manages = false;
                })
                .decide(),
            &serving,
        ),
        (
            "there is none",
            forbidden(binding()).decide(),
            "False Finishing working | The endpoint is not in Azure, so nothing is left to delete there. | interval | released",
        ),
    ]);
}

/// A sentence names five.
#[test]
fn what_stays_on_an_endpoint_is_named_as_far_as_a_sentence_has_room() {
    let said = |number: usize| {
        let all = (1..number).map(|n| format!("blue-{n}"));
        let it = ending(all.fold(binding().serving("1"), |it, name| it.foreign(&name)));
        let it = it.with(|f| f.removal = Removal::Forbidden { by: "Workspace fares/production".into() });
        told(&it.decide())
    };
    assert!(
        said(5).contains(
            "blue-3 (0 % of the traffic, instances: 3) and blue-4 (0 % of the traffic, instances: 3)."
        ),
        "{}",
        said(5)
    );
    assert!(said(6).contains("blue-4 (0 % of the traffic, instances: 3) and 1 more."), "{}", said(6));
}

#[test]
fn nothing_is_taken_down_while_nobody_can_say_whether_that_is_allowed() {
    let gone = |it: Binding| {
        ending(it).with(|f| {
            f.removal = Removal::NobodyCanSay;
            f.place = Place::Missing { what: "Workspace fares/production".into() };
        })
    };
    let waits = "False ReferenceNotFound stalled | There is no Workspace fares/production, or neither its allowedNamespaces nor its publishers include this namespace. Apply it, or have its owner let this namespace in. To delete this object now and leave Azure as it is, set its spec.deletionPolicy to Retain. Until then the endpoint taxi stays as it is: whether an endpoint may be taken down is for its workspace to say (spec.policy.endpointDeletion). | interval";
    let quiet = |it: Binding| it.moved(&[]).tagged("bindery-traffic", "");
    assert_table(&[
        ("it serves", gone(binding().serving("1")).decide(), waits),
        (
            "its deletion was asked for just now: nothing is said of a time when it would be taken down",
            gone(binding().serving("1")).with(|f| f.situation.deleted_at = Some(noon())).decide(),
            waits,
        ),
        ("it is quiet", gone(quiet(binding().serving("1"))).decide(), waits),
        ("nothing is on it", gone(binding().endpoint()).decide(), waits),
        (
            "it may be left",
            gone(binding().serving("1")).with(|f| f.spec.deletion_policy = BindingDeletion::Retain).decide(),
            "False Finishing working | The endpoint stays in Azure: spec.deletionPolicy is Retain. | interval | released",
        ),
        (
            "another binding claims it",
            gone(binding().serving("1")).with(|f| f.situation.claimed_by("fares/renamed", -60)).decide(),
            "False Deleting working | -> hand the endpoint taxi over to fares/renamed | now",
        ),
        (
            "its namespace goes: it is not held up",
            gone(binding().serving("1")).with(|f| f.situation.ownership.namespace_ends = true).decide(),
            "False Finishing working | The endpoint taxi stays in Azure as it is: whether an endpoint may be taken down is for its workspace to say (spec.policy.endpointDeletion), and that Workspace is gone. | interval | released",
        ),
        (
            "there is none in Azure",
            gone(binding()).decide(),
            "False Finishing working | The endpoint is not in Azure, so nothing is left to delete there. | interval | released",
        ),
    ]);
}

#[test]
fn what_is_not_ours_stays() {
    let mixed = || ending(binding().serving("1").foreign("blue"));
    assert_table(&[
        (
            "handed over to a binding that claims it",
            ending(binding().serving("1")).with(|f| f.situation.claimed_by("fares/renamed", -60)).decide(),
            "False Deleting working | -> hand the endpoint taxi over to fares/renamed | now",
        ),
        (
            "the one that claims it could still go without a word",
            ending(binding().serving("1"))
                .with(|f| {
                    f.situation.claimed_by("fares/renamed", -60);
                    f.situation.ownership.claimants[0].prepared = false;
                })
                .decide(),
            "False Deleting working | The endpoint taxi is handed over to fares/renamed as soon as that object is prepared for it. | 1 s",
        ),
        (
            "the one that claims it only observes",
            ending(binding().serving("1"))
                .with(|f| {
                    f.situation.claimed_by("fares/watching", 60);
                    f.situation.ownership.claimants[0].manages = false;
                })
                .decide(),
            "False InUse stalled | The endpoint taxi is not deleted while fares/watching observes it. Set spec.management of that object to Manage to hand it over, delete that object too, or set spec.deletionPolicy to Retain. | interval",
        ),
        (
            "of several, the oldest that manages is next in line",
            ending(binding().serving("1"))
                .with(|f| {
                    f.situation.claimed_by("fares/watching", 60);
                    f.situation.ownership.claimants[0].manages = false;
                    f.situation.claimed_by("fares/second", -60);
                    f.situation.claimed_by("fares/first", -30);
                })
                .decide(),
            "False Deleting working | -> hand the endpoint taxi over to fares/first | now",
        ),
        (
            "handed over, and Azure still works on it",
            ending(binding().serving("1").deployed("2", "Creating"))
                .tagged("bindery-owner", "prod/fares/renamed")
                .with(|f| f.situation.claimed_by("fares/renamed", -60))
                .decide(),
            "False OperationRunning working | Azure works on it: a change of deployment v2. | 1 s",
        ),
        (
            "an older one's, and Azure works on it",
            ending(binding().serving("1").deployed("2", "Creating"))
                .tagged("bindery-owner", "prod/fares/older")
                .with(|f| f.situation.claimed_by("fares/older", 60))
                .decide(),
            "False OperationRunning working | Azure works on it: a change of deployment v2. | 1 s",
        ),
        (
            "of another namespace, and Azure works on it",
            ending(binding().serving("1").deployed("2", "Creating"))
                .tagged("bindery-owner", "prod/blue/older")
                .with(|f| f.situation.claimed_by("blue/older", 60))
                .decide(),
            "False Finishing working | The endpoint taxi stays in Azure: it belongs to blue/older. | interval | released",
        ),
        (
            "claimed from another namespace, whose object is no heir",
            ending(binding().serving("1")).with(|f| f.situation.claimed_by("blue/older", 60)).decide(),
            "False Deleting working | -> take all traffic off the endpoint taxi | now",
        ),
        (
            "another one's that is being deleted, and may hand it over",
            ending(binding().serving("1"))
                .tagged("bindery-owner", "prod/fares/first")
                .with(|f| f.situation.ownership.leaving.push("fares/first".into()))
                .decide(),
            "False InUse working | The endpoint taxi belongs to fares/first, which is being deleted too. Bindery waits until that is done: it may be handed over. | 2 s",
        ),
        (
            "another binding's",
            ending(binding().serving("1")).tagged("bindery-owner", "prod/fares/renamed").decide(),
            "False Finishing working | The endpoint taxi stays in Azure: it belongs to fares/renamed. | interval | released",
        ),
        (
            "nobody's",
            {
                let mut it = ending(binding().serving("1"));
                it.found().tags.clear();
                it.decide()
            },
            "False Finishing working | The endpoint taxi stays in Azure: no tag there names this object as its owner. | interval | released",
        ),
        (
            "a foreign deployment serves too",
            mixed().traffic(&[("1", 50), ("blue", 50)]).decide(),
            "False InUse stalled | The endpoint taxi also sends traffic to blue, which is not Bindery's. Move all traffic to it or none, or set spec.deletionPolicy to Retain. | 1 s",
        ),
        (
            "a foreign deployment is idle, ours serves",
            mixed().decide(),
            "False Deleting working | -> take all traffic off the endpoint taxi | now",
        ),
        (
            "a foreign deployment serves, ours is idle",
            mixed().traffic(&[("blue", 100)]).decide(),
            "False Deleting working | -> delete deployment v1 | now",
        ),
        (
            "only a foreign deployment is left",
            ending(binding().endpoint().foreign("blue").traffic(&[("blue", 100)])).decide(),
            "False Deleting working | -> let go of the endpoint taxi, on which other deployments are | now",
        ),
        (
            "let go of",
            {
                let mut it = ending(binding().endpoint().foreign("blue"));
                it.found().tags.clear();
                it.decide()
            },
            "False Finishing working | The endpoint taxi stays in Azure: no tag there names this object as its owner. | interval | released",
        ),
    ]);
}

#[test]
fn an_endpoint_that_is_let_go_keeps_no_word_of_a_rollout_but_the_actions_that_were_carried_out() {
    let it = binding().endpoint().foreign("blue").tagged("bindery-hold", "a b 2026-03-01T12:00:00Z");
    let it = ending(it.tagged("bindery-actions", "a1b2c3").tagged("team", "fares"));
    let call = it.decide().call.unwrap();
    let crate::azure::model::Action::Put(body) = &call.action else { panic!("{call:?}") };
    assert_eq!(
        body["tags"],
        serde_json::json!({"bindery-actions": "a1b2c3", "team": "fares"}),
        "{}",
        call.doing
    );
}

/// An endpoint that is handed over while its candidate is bad: the heir finds the same stable and previous deployment.
#[test]
fn the_roles_are_handed_over_with_the_traffic_that_is_taken_back() {
    let it = ending(binding().wanting("2").steps(serde_json::json!([{"setTraffic": 10}])).serving("1"));
    let it = it.candidate("2", 10, 60).with(|f| {
        f.situation.claimed_by("fares/renamed", -60);
        f.deployments[1].properties.provisioning_state = Some("Failed".into());
    });
    let idle = it.name("3");
    let it = it.deployed("3", "Succeeded").tagged("bindery-previous", &idle);
    let body = super::bodies::put(&it);
    assert_eq!(body["tags"]["bindery-owner"], "prod/fares/renamed");
    assert_eq!(body["properties"]["traffic"], serde_json::json!({it.name("1"): 100}));
    assert_eq!(
        (&body["tags"]["bindery-stable"], &body["tags"]["bindery-previous"]),
        (&it.name("1").into(), &idle.into())
    );
}
