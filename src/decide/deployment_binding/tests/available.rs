//! What the conditions say while not all is as it should be: who serves, and what is only housekeeping.

use crate::api::{ConditionType, Phase, conditions_of};
use crate::azure::model::{OperationState, Purpose};
use crate::decide::fixtures::{Binding, binding, operation};
use crate::decide::{Look, Mode, Place, SourceVersion};

fn condition(it: &Binding, kind: ConditionType) -> String {
    let conditions = conditions_of(&it.decide().status.conditions);
    conditions
        .get(kind)
        .map_or_else(|| "absent".into(), |c| format!("{} {}: {}", c.status, c.reason, c.message))
        .replace(&it.name("1"), "v1")
        .replace(&it.name("2"), "v2")
}

#[test]
fn whoever_serves_in_good_health_is_available_whether_the_manifest_is_reached_or_not() {
    let available = |it: Binding| condition(&it, ConditionType::Available);
    assert_eq!(available(binding()), "False NotInAzure: Azure has no endpoint taxi.");
    assert_eq!(available(binding().endpoint()), "False NothingServes: No deployment has traffic.");
    assert_eq!(available(binding().serving("1")), "True Succeeded: The traffic: v1 100%.");
    let rollout = || binding().serving("1").candidate("2", 10, 60).wanting("2");
    assert_eq!(available(rollout()), "True Succeeded: The traffic: v1 90%, v2 10%.");
    let sick = rollout().with(|f| f.deployments[1].properties.provisioning_state = Some("Failed".into()));
    assert_eq!(
        available(sick),
        "False ResourceFailed: v2, which has traffic, is not there or in a failed state."
    );
    // A candidate that failed and has nothing is no outage.
    let failed = binding().serving("1").deployed("2", "Failed").failed("2", 60).wanting("2");
    assert_eq!(available(failed), "True Succeeded: The traffic: v1 100%.");
    let foreign = binding().serving("1").tagged("bindery-owner", "other/a/b");
    assert_eq!(available(foreign), "absent");
    let split = binding().serving("1").moved(&[("1", 60)]);
    assert!(available(split).starts_with("Unknown UnknownTraffic: The weights do not sum to 100"));
    let unseen = binding().with(|f| f.endpoint = Look::Unseen);
    assert_eq!(available(unseen), "absent");
}

/// Somebody has deleted the workspace in Azure.
#[test]
fn what_is_gone_with_its_workspace_is_not_available() {
    let with = |gone: bool| {
        binding().serving("1").with(|f| {
            f.status = binding().serving("1").decide().status;
            let (what, because) = ("Workspace fares/production".into(), "No.".into());
            f.place = Place::NotReady { what, because, stalled: true, gone };
            f.endpoint = Look::Unseen;
        })
    };
    let gone = "False NotInAzure: Workspace fares/production is not in Azure, and neither is the endpoint taxi in it.";
    for kind in [ConditionType::Available, ConditionType::EndpointReady] {
        assert_eq!(condition(&with(true), kind), gone);
        assert!(condition(&with(false), kind).starts_with("True Succeeded"), "nobody can say");
    }
}

/// Version 2 serves, and the deployment of version 1 has been kept for long enough.
fn expired() -> Binding {
    let it = binding().serving("2").wanting("2").deployed("1", "Succeeded");
    let previous = it.name("1");
    it.role("1", crate::api::Role::Previous, 7200).tagged("bindery-previous", &previous)
}

#[test]
fn housekeeping_never_clears_ready() {
    let ready = |it: &Binding| condition(it, ConditionType::Ready);
    let serves = "True Succeeded: v2 serves all the traffic of taxi.";
    let it = expired();
    assert_eq!(it.decide().call.map(|c| c.errand.purpose), Some(Purpose::RemoveDeployment));
    assert_eq!(ready(&it), serves);
    let reconciling = condition(&it, ConditionType::Reconciling);
    assert!(reconciling.starts_with("True Progressing: Bindery is about to delete deployment v1"));
    // Ready has been true since the manifest was reached.
    let since = conditions_of(&it.decide().status.conditions).get(ConditionType::Ready).cloned();
    let before = conditions_of(&it.0.status.conditions).get(ConditionType::Ready).cloned();
    assert_eq!(since.map(|c| c.last_transition_time), before.map(|c| c.last_transition_time));
    // Azure works on it.
    let name = it.name("1");
    let running = |purpose| {
        expired().with(|f| {
            let resource = f.deployment_id(&name).unwrap();
            let old = f.deployments.iter_mut().find(|d| d.name() == name).unwrap();
            old.properties.provisioning_state = Some("Updating".into());
            f.situation.operation = operation(purpose, "do it", &resource, 60, OperationState::Running);
        })
    };
    assert_eq!(ready(&running(Purpose::RemoveDeployment)), serves);
    let adjusted = ready(&running(Purpose::AdjustDeployment));
    assert!(adjusted.starts_with("False OperationRunning"), "{adjusted}");
    // An edit that comes meanwhile is not reached by that.
    let edited = running(Purpose::RemoveDeployment).with(|f| {
        f.situation.generation = 2;
        f.spec.online.endpoint.tags = crate::api::Tags::from([("team", "blue")]);
    });
    assert!(ready(&edited).starts_with("False OperationRunning"), "{}", ready(&edited));
    // What is not reached is not reached, whatever is tidied up.
    let rollout = expired().with(|f| f.situation.mode = Mode::Suspended);
    assert!(ready(&rollout).starts_with("False Suspended"));
}

#[test]
fn what_serves_is_not_pending() {
    let phase = |it: &Binding| it.decide().status.phase;
    assert_eq!(phase(&binding()), Some(Phase::Pending));
    let lost = |f: &mut super::super::Facts| f.version = SourceVersion::Missing { what: "it".into() };
    assert_eq!(phase(&binding().serving("1").with(lost)), Some(Phase::Serving));
    let refused = binding().serving("1").wanting("2").with(|f| {
        f.version = SourceVersion::NotReady {
            what: "it".into(),
            because: "no".into(),
            stalled: false,
            registered: None,
        }
    });
    assert_eq!(phase(&refused), Some(Phase::Serving));
}

#[test]
fn a_candidate_is_ready_when_azure_has_made_it() {
    let ready = |it: Binding| condition(&it, ConditionType::CandidateReady);
    let rollout = || binding().serving("1").candidate("2", 0, 60).wanting("2");
    let made =
        |state: &str| rollout().with(|f| f.deployments[1].properties.provisioning_state = Some(state.into()));
    assert_eq!(ready(binding().serving("1")), "absent");
    assert_eq!(ready(made("Succeeded")), "True Succeeded: Azure reports v2 in state Succeeded.");
    assert_eq!(ready(made("Creating")), "False OperationRunning: Azure reports v2 in state Creating.");
}

#[test]
fn whether_it_was_changed_from_outside_is_said_of_what_is_our_own() {
    let drifted = |it: Binding| condition(&it, ConditionType::Drifted);
    assert_eq!(drifted(binding().serving("1")), "False InSync: No change from outside Bindery was found.");
    let moved = drifted(binding().serving("1").moved(&[("1", 60)]));
    assert!(moved.starts_with("True Drifted: Changed in Azure: "), "{moved}");
    let anothers = binding().serving("1").tagged("bindery-owner", "other/a/b").wanting("2");
    assert_eq!(anothers.decide().status.drift, vec![]);
    assert_eq!(drifted(anothers), "absent");
    // What the manifest asks for next is no change from outside.
    let watched = binding().serving("1").wanting("2").with(|f| f.situation.mode = Mode::Observe);
    assert_eq!(watched.decide().status.drift, vec![]);
}
