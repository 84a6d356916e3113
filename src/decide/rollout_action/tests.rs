//! What is said of an action.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use serde_json::json;

use super::{Answer, Facts, actions_for, decide};
use crate::api::ActionState::{Accepted, AlreadyDone, Complete, Refused};
use crate::api::{
    AnyObject, ConditionType, DeploymentBinding, Object, ObjectKey, ObjectKind, RolloutAction, conditions_of,
};
use crate::azure::model::Lane;
use crate::decide::Served;
use crate::decide::facts::{ClusterRead, Found, Kind, Known, Name};
use crate::decide::fixtures::{assert_table, rollout_action};
use crate::decide::rollout::hash_of;

fn with(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = rollout_action();
    change(&mut facts);
    facts
}

/// The same action a pass later, when its binding says this of it.
fn then(facts: &Facts, answer: Answer) -> Facts {
    let mut later = facts.clone();
    later.status = decide(facts).status;
    later.answer = answer;
    later
}

#[test]
fn every_question_has_its_answer() {
    let refused = rollout_action().answered(Refused, "The binding is at 1a2b3c4d5e by now.");
    let complete = rollout_action().answered(Complete, "Aborted.");
    let without = |f: &mut Facts| f.answer = Answer::NoBinding;
    let given_up = |f: &mut Facts| {
        without(f);
        f.status = decide(f).status;
        f.situation.now += Duration::from_secs(3600);
    };
    let gone =
        "There is no DeploymentBinding taxi in this namespace. Check spec.bindingRef in a new RolloutAction.";
    assert_table(&[
        (
            "the binding has not looked yet",
            decide(&rollout_action()),
            "Unknown ReferenceNotReady working | DeploymentBinding taxi has not looked at this action yet: it does when it has read its endpoint in Azure, owns it, and knows the version that the manifest asks for. Its condition Ready says what it waits for. | interval",
        ),
        ("no binding", decide(&with(without)), &format!("False ReferenceNotFound working | {gone} | 300 s")),
        (
            "no binding for an hour",
            decide(&with(given_up)),
            &format!("False ReferenceNotFound stalled | {gone} | interval"),
        ),
        (
            "accepted",
            decide(&rollout_action().answered(Accepted, "Azure still works on the endpoint.")),
            "False Accepted working | Azure still works on the endpoint. | interval",
        ),
        (
            "refused",
            decide(&refused),
            "False Refused stalled | The binding is at 1a2b3c4d5e by now. | interval",
        ),
        ("complete", decide(&complete), "True Complete settled | Aborted. | interval"),
        (
            "done before",
            decide(&rollout_action().answered(AlreadyDone, "It was carried out before.")),
            "True AlreadyDone settled | It was carried out before. | interval",
        ),
        (
            "complete, and the binding has dropped it since",
            decide(&then(&complete, Answer::Nothing)),
            "True Complete settled | Aborted. | interval",
        ),
        (
            "complete, and the binding is gone",
            decide(&then(&complete, Answer::NoBinding)),
            "True Complete settled | Aborted. | interval",
        ),
        (
            "refused, and the binding has dropped it since",
            decide(&then(&refused, Answer::Nothing)),
            "False Refused stalled | The binding is at 1a2b3c4d5e by now. | interval",
        ),
        (
            "it goes",
            decide(&with(|f| f.situation.deleting = true)),
            "False Finishing working | Nothing in Azure depends on this object. | interval | released",
        ),
    ]);
}

#[test]
fn tools_see_whether_it_is_accepted_and_whether_it_is_complete() {
    let said = |facts: &Facts| {
        let conditions = conditions_of(&decide(facts).status.conditions);
        let of = |kind| conditions.get(kind).map_or("-".into(), |c| format!("{} {}", c.status, c.reason));
        format!("{}, {}", of(ConditionType::Accepted), of(ConditionType::Complete))
    };
    let answered = |state| said(&rollout_action().answered(state, "So."));
    assert_eq!(said(&rollout_action()), "Unknown ReferenceNotReady, Unknown ReferenceNotReady");
    assert_eq!(
        said(&with(|f| f.answer = Answer::NoBinding)),
        "Unknown ReferenceNotFound, False ReferenceNotFound"
    );
    assert_eq!(answered(Accepted), "True Accepted, False Accepted");
    assert_eq!(answered(Refused), "False Refused, False Refused");
    assert_eq!(answered(Complete), "True Complete, True Complete");
    assert_eq!(answered(AlreadyDone), "True AlreadyDone, True AlreadyDone");
}

fn action(name: &str, binding: &str, created: &str) -> RolloutAction {
    serde_json::from_value(json!({
        "apiVersion": "bindery.dev/v1alpha1", "kind": "RolloutAction",
        "metadata": {"name": name, "namespace": "fares", "creationTimestamp": created, "generation": 1},
        "spec": {"bindingRef": {"name": binding}, "action": "Abort", "revision": "5e6f7a8b90", "requestedBy": "ada"},
    }))
    .unwrap()
}

fn taxi() -> ObjectKey {
    ObjectKey { kind: ObjectKind::DeploymentBinding, namespace: "fares".into(), name: "taxi".into() }
}

fn nothing() -> Known {
    Known::nothing(Lane::Edit, false, Served::everything())
}

#[test]
fn a_binding_finds_its_own_actions_the_oldest_first() {
    let all =
        ["taxi-b taxi 12:00", "taxi-a taxi 12:01", "rides-a rides 11:00", "taxi-c taxi 12:00"].map(|it| {
            let [name, binding, time] = it.split(' ').collect::<Vec<_>>().try_into().unwrap();
            action(name, binding, &format!("2026-03-01T{time}:00Z"))
        });
    let mut leaving = action("taxi-d", "taxi", "2026-03-01T10:00:00Z");
    leaving.metadata.deletion_timestamp = leaving.metadata.creation_timestamp.clone();
    let mut known = nothing();
    let name = Name::Actions(taxi());
    assert!(all[0].names().contains(&name) && !all[2].names().contains(&name));
    let found = all.into_iter().chain([leaving]).map(|it| std::sync::Arc::new(it).any()).collect();
    known.take_in_cluster(ClusterRead::Naming(ObjectKind::RolloutAction, name), Found::Naming(found));
    let names: Vec<_> = actions_for(&taxi(), &mut known).iter().map(|it| it.key().name.to_string()).collect();
    assert_eq!(names, ["taxi-b", "taxi-c", "taxi-a"]);
}

/// A binding that dropped an action for lack of room would find it new, and might carry out what it has refused before.
#[test]
fn a_binding_looks_at_no_more_actions_than_its_status_has_room_for() {
    let made = |at: usize, ended: bool| {
        let mut action = action(&format!("taxi-{at:02}"), "taxi", &format!("2026-03-01T12:{at:02}:00Z"));
        let refused = rollout_action().answered(Refused, "It is stale.");
        action.status = ended.then(|| decide(&refused).status);
        std::sync::Arc::new(action).any()
    };
    let looked_at = |open: std::ops::Range<usize>| {
        let all = (0..30).map(|at| made(at, !open.contains(&at))).collect();
        let mut known = nothing();
        let read = ClusterRead::Naming(ObjectKind::RolloutAction, Name::Actions(taxi()));
        known.take_in_cluster(read, Found::Naming(all));
        let numbers = actions_for(&taxi(), &mut known);
        numbers.iter().map(|it| it.key().name[5..].parse().unwrap()).collect::<Vec<usize>>()
    };
    assert_eq!(looked_at(0..0), (10..30).collect::<Vec<_>>(), "the latest");
    assert_eq!(looked_at(2..4), [2, 3].into_iter().chain(12..30).collect::<Vec<_>>(), "and what is open");
    assert_eq!(looked_at(0..30), (0..20).collect::<Vec<_>>(), "in its turn");
    // Whoever makes many others keeps no Abort from being looked at.
    let promotes = (0..30).map(|at| {
        let mut other = action(&format!("taxi-{at:02}"), "taxi", &format!("2026-03-01T12:{at:02}:00Z"));
        other.spec.action = crate::api::ActionWord::Promote;
        std::sync::Arc::new(other).any()
    });
    let all = promotes.chain([made(30, false)]).collect();
    let mut known = nothing();
    let read = ClusterRead::Naming(ObjectKind::RolloutAction, Name::Actions(taxi()));
    known.take_in_cluster(read, Found::Naming(all));
    let found = actions_for(&taxi(), &mut known);
    assert_eq!((found.len(), &*found[19].key().name), (20, "taxi-30"));
}

/// The binding taxi, whose status has room for this many actions more and tells of some.
fn remembering(status: &serde_json::Value, name: &str) -> Facts {
    let binding: DeploymentBinding = serde_json::from_value(json!({
        "apiVersion": "bindery.dev/v1alpha1", "kind": "DeploymentBinding",
        "metadata": {"name": "taxi", "namespace": "fares"},
        "spec": {"workspaceRef": {"name": "prod"}, "model": {"versionRef": {"name": "taxi-3"}}}, "status": status,
    }))
    .unwrap();
    let mut known = nothing();
    known.take_in_cluster(
        ClusterRead::Object(taxi()),
        Found::Object(Some(AnyObject::DeploymentBinding(std::sync::Arc::new(binding)))),
    );
    let complete = rollout_action().answered(Complete, "Aborted.");
    let mut action = action(name, "taxi", "2026-03-01T12:00:00Z");
    action.status = Some(decide(&complete).status);
    action.gather(rollout_action().situation, &mut known)
}

/// Nobody else removes what has come to its end, and the history of a binding holds ten rollouts.
#[test]
fn what_history_has_dropped_is_removed() {
    let taken = |at: usize| {
        json!({
            "name": format!("taxi-{at}"), "hash": format!("{at:08}"), "action": "Abort", "revision": "5e6f7a8b90", "requestedBy": "ada",
            "state": "Complete", "message": "So.", "since": "2026-03-01T12:00:00Z",
        })
    };
    let told = json!({"name": "old", "action": "Abort", "requestedBy": "ada"});
    let past = json!({"revision": "5e6f7a8b90", "outcome": "Failed", "actions": [told]});
    let hold = json!({"revision": "5e6f7a8b90", "toRevision": "1a2b3c4d5e", "action": told, "since": "2026-03-01T12:00:00Z"});
    let candidate = json!({
        "deployment": "v3", "revision": "5e6f7a8b90", "weight": 10, "startedAt": "2026-03-01T12:00:00Z", "since": "2026-03-01T12:00:00Z",
        "actions": [told],
    });
    let status = |room: usize, more: serde_json::Value| {
        let mut status =
            json!({"observedGeneration": 1, "actions": (room..20).map(taken).collect::<Vec<_>>()});
        status.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        status
    };
    let full = || remembering(&status(0, json!({})), "old");
    assert!(decide(&full()).remove, "{:?}", decide(&full()));
    for (what, facts) in [
        ("there is room", remembering(&status(1, json!({})), "old")),
        ("the binding has lost its status", remembering(&json!({"observedGeneration": -1}), "old")),
        ("the binding looks at it", remembering(&status(0, json!({})), "taxi-3")),
        ("the history tells of it", remembering(&status(0, json!({"history": [past]})), "old")),
        ("the hold tells of it", remembering(&status(0, json!({"hold": hold})), "old")),
        ("the candidate tells of it", remembering(&status(0, json!({"candidate": candidate})), "old")),
        ("it has not come to its end", Facts { status: rollout_action().status, ..full() }),
        ("a GitOps tool has applied it", Facts { tracked: true, ..full() }),
        ("the operator only observes", {
            let mut facts = full();
            facts.situation.mode = crate::decide::Mode::ObserveOnly;
            facts
        }),
    ] {
        assert!(!decide(&facts).remove, "{what}");
    }
    for (annotation, label) in [
        ("argocd.argoproj.io/tracking-id", "a"),
        ("a", "app.kubernetes.io/instance"),
        ("a", "kustomize.toolkit.fluxcd.io/name"),
    ] {
        let mut it = action("old", "taxi", "2026-03-01T12:00:00Z");
        it.metadata.annotations = Some([(annotation.to_string(), "x".to_string())].into());
        it.metadata.labels = Some([(label.to_string(), "x".to_string())].into());
        assert!(it.gather(rollout_action().situation, &mut nothing()).tracked, "{annotation} {label}");
    }
    assert!(
        !action("old", "taxi", "2026-03-01T12:00:00Z")
            .gather(rollout_action().situation, &mut nothing())
            .tracked
    );
}

/// The name of an action may be used again for another one, which its binding has not looked at yet.
#[test]
fn an_answer_is_for_one_name_and_one_hash() {
    let action = action("taxi-abort", "taxi", "2026-03-01T12:00:00Z");
    let facts = rollout_action().answered(Complete, "Aborted.");
    let Answer::Taken(mut taken) = facts.answer else { unreachable!() };
    let mut answer = |name: &str, hash: String| {
        (taken.name, taken.hash) = (name.into(), hash);
        let binding: DeploymentBinding = serde_json::from_value(json!({
            "apiVersion": "bindery.dev/v1alpha1", "kind": "DeploymentBinding",
            "metadata": {"name": "taxi", "namespace": "fares"},
            "spec": {"workspaceRef": {"name": "prod"}, "model": {"versionRef": {"name": "taxi-3"}}},
            "status": {"observedGeneration": 1, "actions": [taken]},
        }))
        .unwrap();
        let mut known = nothing();
        let binding = AnyObject::DeploymentBinding(std::sync::Arc::new(binding));
        known.take_in_cluster(ClusterRead::Object(taxi()), Found::Object(Some(binding)));
        match action.gather(rollout_action().situation, &mut known).answer {
            Answer::Taken(taken) => taken.message,
            other => format!("{other:?}"),
        }
    };
    assert_eq!(answer("taxi-abort", hash_of(&action)), "Aborted.");
    assert_eq!(answer("taxi-abort", "00000000".into()), "Nothing");
    assert_eq!(answer("taxi-retry", hash_of(&action)), "Nothing");
}

/// What an action's own status says of its end is not judged anew.
#[test]
fn an_action_has_ended_as_its_status_says() {
    let of = |reason: &str| {
        let at = "2026-03-01T12:00:00Z";
        let ended = json!({"type": "Complete", "status": "True", "reason": reason, "message": "So it is.", "lastTransitionTime": at});
        let action = json!({
            "apiVersion": "bindery.dev/v1alpha1", "kind": "RolloutAction", "metadata": {"name": "a", "namespace": "fares"},
            "spec": {"bindingRef": {"name": "taxi"}, "action": "Abort", "revision": "5e6f7a8b90", "requestedBy": "ada"},
            "status": {"observedGeneration": 1, "conditions": [ended]},
        });
        let action: RolloutAction = serde_json::from_value(action).unwrap();
        super::ended(&action)
    };
    let so = |state| Some((state, "So it is.".to_string()));
    assert_eq!(of("Complete"), so(Complete));
    assert_eq!(of("AlreadyDone"), so(AlreadyDone));
    assert_eq!(of("Refused"), so(Refused));
    assert_eq!(of("Accepted"), None);
}
