#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::answer::decision::for_git;
use crate::answer::fixtures::{self, deployment, with};

const OLD: &str = "1a2b3c4d5e";
const NEW: &str = "5e6f7a8b90";

fn wish(action: ActionWord) -> Wish {
    Wish {
        action,
        step: None,
        full: false,
        to_revision: None,
        reason: None,
        name: None,
        suffix: "x7k2p".into(),
        by: "ada@fares.example".into(),
    }
}

fn binding(status: &Value) -> DeploymentBinding {
    let mut binding = fixtures::binding("fares/taxi", "taxi-3", status);
    let steps = json!([{"setTraffic": 10}, {"name": "watch", "pause": {}}, {"pause": {"for": "10m"}}, {"setTraffic": 50}]);
    binding.spec.strategy.steps = serde_json::from_value(steps).unwrap();
    binding
}

fn stable(version: &str, revision: &str) -> Value {
    json!({"deployment": format!("v{version}-{revision}"), "revision": revision, "version": version, "since": "2026-11-01T00:00:00Z"})
}

/// Version 3 takes over from version 2, and stands at the step with this index.
fn rising(at: Option<i32>) -> DeploymentBinding {
    let step =
        at.map(|at| json!({"index": at, "count": 4, "stepsHash": "0", "since": "2026-11-02T00:00:00Z"}));
    let candidate = json!({"deployment": format!("v3-{NEW}"), "revision": NEW, "weight": 10, "step": step,
        "startedAt": "2026-11-02T00:00:00Z", "since": "2026-11-02T00:00:00Z"});
    binding(&json!({"phase": "Pausing", "revision": NEW, "stable": stable("2", OLD), "candidate": candidate,
        "trafficSummary": format!("v2-{OLD} 90%, v3-{NEW} 10%")}))
}

/// Version 3 serves, and version 2 is warm.
fn served(more: &Value) -> DeploymentBinding {
    let deployments = [
        deployment(&format!("v3-{NEW}"), "Stable", "3", 100),
        deployment(&format!("v2-{OLD}"), "Previous", "2", 0),
    ];
    let status =
        json!({"phase": "Serving", "revision": NEW, "stable": stable("3", NEW), "deployments": deployments});
    binding(&with(status, more))
}

/// Version 3 serves, version 2 is warm, and another revision is kept waiting.
fn waiting() -> DeploymentBinding {
    let ready = json!({"type": "Ready", "status": "False", "reason": "WindowClosed", "message": "The window opens at eight.",
        "lastTransitionTime": "2026-11-02T00:00:00Z"});
    served(&json!({"revision": "77aa88bb99", "conditions": [ready]}))
}

/// A job verifies version 3.
fn verified() -> DeploymentBinding {
    let mut it = rising(Some(0));
    it.spec.strategy.steps.clear();
    let job = json!({"name": "job-1", "deployment": format!("v3-{NEW}"), "revision": NEW, "input": "azureml://sample",
        "askedAt": "2026-11-02T00:00:00Z", "status": "Running"});
    let status = it.status.as_mut().unwrap();
    status.phase = Some(Phase::Verifying);
    status.verification_jobs = vec![serde_json::from_value(job).unwrap()];
    it
}

/// Version 3 has failed, and version 2 serves.
fn failed() -> DeploymentBinding {
    let history = json!([{"revision": NEW, "outcome": "Failed"}, {"revision": OLD, "outcome": "Promoted"}]);
    binding(&json!({"phase": "Failed", "revision": NEW, "stable": stable("2", OLD), "history": history}))
}

/// Version 3 was rolled back, and version 2 serves.
fn held() -> DeploymentBinding {
    let hold = json!({"revision": NEW, "toRevision": OLD, "since": "2026-11-02T00:00:00Z"});
    served(&json!({"stable": stable("2", OLD), "hold": hold}))
}

/// The spec beside the binding's name and who asks, and what would happen; or why nothing.
fn told(wish: &Wish, binding: &DeploymentBinding) -> String {
    match wish.order(binding) {
        Err(because) => format!("no: {because}"),
        Ok(order) => {
            let mut spec = serde_json::to_value(&order.action.spec).unwrap();
            spec.as_object_mut()
                .unwrap()
                .retain(|key, _| key != "bindingRef" && key != "requestedBy" && key != "action");
            format!("{spec} {}", order.effect)
        }
    }
}

#[test]
fn an_action_speaks_of_what_the_binding_shows() {
    let of = |action, binding: &DeploymentBinding| told(&wish(action), binding);
    let step =
        |name: &str, at| told(&Wish { step: Some(name.into()), ..wish(ActionWord::Promote) }, &rising(at));
    let full = |at| told(&Wish { full: true, ..wish(ActionWord::Promote) }, &rising(at));
    let back = |to: &str| {
        told(&Wish { to_revision: Some(to.into()), ..wish(ActionWord::Rollback) }, &served(&json!({})))
    };
    let new = json!({"revision": NEW});
    let watch = json!({"revision": NEW, "step": "watch"});
    for (case, told, expected) in [
        (
            "promote",
            of(ActionWord::Promote, &rising(Some(1))),
            format!("{watch} The rollout goes on behind step 2 of 4: pause 10m."),
        ),
        ("promote a step", step("watch", Some(1)), format!("{watch} The rollout goes on behind step 2 of 4: pause 10m.")),
        (
            "promote another step",
            step("watch", Some(2)),
            "no: the rollout stands at step 3 of 4, and step watch is number 2".into(),
        ),
        (
            "promote at the end",
            step("watch", Some(4)),
            "no: the rollout stands at the end of the steps, and step watch is number 2".into(),
        ),
        (
            "promote no step",
            step("wait", Some(1)),
            "no: spec.strategy.steps has no step wait. The pauses with a name are: watch".into(),
        ),
        (
            "promote a pause that ends by itself",
            of(ActionWord::Promote, &rising(Some(2))),
            "no: the rollout stands at step 3 of 4 (pause 10m), which is no pause with a name and ends by itself: give --full to pass all steps that are left".into(),
        ),
        (
            "promote too early",
            of(ActionWord::Promote, &rising(None)),
            "no: the new deployment cannot serve yet, so the rollout stands at no step. Wait until it does, or give --full to have it take all the traffic as soon as it can".into(),
        ),
        (
            "promote at the end of the steps",
            of(ActionWord::Promote, &rising(Some(4))),
            "no: the rollout has passed all its steps, and ends by itself".into(),
        ),
        (
            "promote in full",
            full(Some(2)),
            format!("{} v3-{NEW} gets all the traffic at once, without: pause 10m, setTraffic 50.", json!({"full": true, "revision": NEW})),
        ),
        (
            "promote what serves",
            of(ActionWord::Promote, &served(&json!({}))),
            format!("no: there is no rollout: v3-{NEW} serves"),
        ),
        (
            "promote what failed",
            of(ActionWord::Promote, &failed()),
            format!("no: there is no rollout: revision {NEW} has failed and has no traffic. `bindery retry taxi` has it tried again"),
        ),
        (
            "promote what is held back",
            of(ActionWord::Promote, &held()),
            format!("no: there is no rollout: revision {NEW} is held back. `bindery release taxi` ends that"),
        ),
        (
            "abort",
            of(ActionWord::Abort, &rising(None)),
            format!("{new} v3-{NEW}, which has 10% of the traffic, loses it to v2-{OLD}. The revision counts as failed, and is not tried again."),
        ),
        (
            "abort what serves",
            of(ActionWord::Abort, &served(&json!({}))),
            format!("no: there is no rollout: v3-{NEW} serves. `bindery rollback taxi` goes back to what served before"),
        ),
        ("retry", of(ActionWord::Retry, &failed()), format!("{new} Revision {NEW} is rolled out again, from the first step.")),
        (
            "retry what rises",
            of(ActionWord::Retry, &rising(Some(1))),
            format!("no: revision {NEW} has not failed, so there is nothing to try again"),
        ),
        (
            "roll back what rises",
            of(ActionWord::Rollback, &rising(Some(1))),
            format!("{new} v2-{OLD} gets all the traffic. Revision {NEW} is held back until a RolloutAction releases it or the manifest asks for another one."),
        ),
        (
            "roll back what serves",
            of(ActionWord::Rollback, &served(&json!({}))),
            format!("{new} v2-{OLD} gets all the traffic. Revision {NEW} is held back until a RolloutAction releases it or the manifest asks for another one."),
        ),
        (
            "roll back to what is warm",
            back(OLD),
            format!("{} v2-{OLD} gets all the traffic. Revision {NEW} is held back until a RolloutAction releases it or the manifest asks for another one.", json!({"revision": NEW, "toRevision": OLD})),
        ),
        (
            "roll back to what is gone",
            back("0123456789"),
            "no: revision 0123456789 is not one that was stable here before, as far as status.history knows: name the version that should serve in spec.model.versionRef".into(),
        ),
        (
            "roll back to what was stable, and whose deployment is gone",
            of(ActionWord::Rollback, &served(&json!({
                "deployments": [deployment(&format!("v3-{NEW}"), "Stable", "3", 100)],
                "history": [{"revision": NEW, "outcome": "Promoted"}, {"revision": "fa11ed0000", "outcome": "Failed"}, {"revision": OLD, "outcome": "Promoted"}],
            }))),
            format!("{new} The deployment of revision {OLD}, which is gone, is made again, and then gets all the traffic; until then, v3-{NEW} serves. Revision {NEW} is held back until a RolloutAction releases it or the manifest asks for another one."),
        ),
        (
            "roll back to what is gone and would be another one by now",
            of(ActionWord::Rollback, &served(&json!({
                "deployments": [deployment(&format!("v3-{NEW}"), "Stable", "3", 100)],
                "history": [{"revision": NEW, "outcome": "Promoted"}, {"revision": OLD, "outcome": "Promoted", "assetId": "azureml://registries/models/models/taxi/versions/2"}],
            }))),
            "no: status.history knows no other revision that was stable here and can be made again: name the version that should serve in spec.model.versionRef, or revert that in Git".into(),
        ),
        (
            "roll back with nothing before",
            of(ActionWord::Rollback, &served(&json!({"deployments": [deployment(&format!("v3-{NEW}"), "Stable", "3", 100)]}))),
            "no: status.history knows no other revision that was stable here and can be made again: name the version that should serve in spec.model.versionRef, or revert that in Git".into(),
        ),
        (
            "roll back what failed",
            of(ActionWord::Rollback, &failed()),
            format!("no: revision {NEW} has failed, and v2-{OLD} serves already. To go back further, name the revision with --to-revision"),
        ),
        (
            "roll back what serves while another one waits",
            of(ActionWord::Rollback, &waiting()),
            format!("{new} v2-{OLD} gets all the traffic. Revision 77aa88bb99 is held back until a RolloutAction releases it or the manifest asks for another one."),
        ),
        (
            "promote what waits",
            of(ActionWord::Promote, &waiting()),
            format!("no: there is no rollout: v3-{NEW} serves, and revision 77aa88bb99, which the manifest asks for, waits: The window opens at eight"),
        ),
        (
            "roll back what nobody serves",
            of(ActionWord::Rollback, &binding(&json!({"phase": "Pending", "revision": NEW}))),
            "no: nothing serves, so there is nothing to go back from".into(),
        ),
        (
            "promote while a job verifies",
            of(ActionWord::Promote, &verified()),
            format!("no: job job-1 verifies v3-{NEW}, and the rollout goes on by itself when it completes: give --full to do without it"),
        ),
        (
            "roll back twice",
            of(ActionWord::Rollback, &held()),
            format!("no: revision {NEW} is held back already, and revision {OLD} serves instead"),
        ),
        ("release", of(ActionWord::Release, &held()), format!("{new} Revision {NEW} is rolled out again, from the first step.")),
        (
            "release nothing",
            of(ActionWord::Release, &rising(Some(1))),
            "no: no revision is held back, so there is nothing to release".into(),
        ),
        (
            "of what nobody has looked at",
            of(ActionWord::Abort, &binding(&Value::Null)),
            "no: DeploymentBinding fares/taxi has not been able to look at its endpoint, so nobody knows what goes on there: `bindery explain deploymentbinding/taxi` says why".into(),
        ),
    ] {
        assert_eq!(told, expected, "{case}");
    }
}

#[test]
fn the_manifest_has_a_name_of_its_own() {
    let made = |wish: &Wish| wish.order(&rising(Some(1))).map(|order| for_git(&order.action));
    let full = Wish { reason: Some("Wrong fares.".into()), ..wish(ActionWord::Abort) };
    let spec = json!({"bindingRef": {"name": "taxi"}, "action": "Abort", "revision": NEW, "reason": "Wrong fares.", "requestedBy": "ada@fares.example"});
    let expected = json!({"apiVersion": "bindery.dev/v1alpha1", "kind": "RolloutAction", "metadata": {"name": "taxi-abort-x7k2p", "namespace": "fares"}, "spec": spec});
    assert_eq!(made(&full), Ok(expected));
    let named = |name: &str| {
        made(&Wish { name: Some(name.into()), ..wish(ActionWord::Abort) })
            .map(|it| it["metadata"]["name"].clone())
    };
    assert_eq!(named("incident-7"), Ok(json!("incident-7")));
    assert!(named("Incident").is_err_and(|said| said.contains("is no name of an object")));
    let mut long = rising(Some(1));
    long.metadata.name = Some("t".repeat(253));
    let name = wish(ActionWord::Rollback).order(&long).unwrap().action.metadata.name.unwrap();
    assert_eq!((name.len(), name.ends_with("t-rollback-x7k2p")), (253, true));
}

#[test]
fn whoever_acts_sees_what_would_happen() {
    let wish = Wish { reason: Some("Quiet\n\u{1b}[2K".into()), ..wish(ActionWord::Promote) };
    let binding = rising(Some(1));
    let said = page(&wish.order(&binding).unwrap(), &binding);
    assert_eq!(
        said,
        "DeploymentBinding fares/taxi: endpoint taxi-prod
  traffic      v2-1a2b3c4d5e 90%, v3-5e6f7a8b90 10%
  stable       v2-1a2b3c4d5e
  candidate    v3-5e6f7a8b90, at step 2 of 4: pause until somebody promotes it (watch)
  action       promote 5e6f7a8b90
  then         The rollout goes on behind step 2 of 4: pause 10m.
  you are      ada@fares.example
  reason       Quiet\\n\\u001b[2K"
    );
}

/// Where the measurements do not say how the candidate does, a person promotes the analysis by its name.
#[test]
fn an_analysis_without_numbers_is_promoted() {
    let mut it = rising(Some(0));
    let steps =
        json!([{"name": "watch", "analysis": {"metrics": ["errors"], "for": "5m"}}, {"setTraffic": 50}]);
    it.spec.strategy.steps = serde_json::from_value(steps).unwrap();
    let run = |phase: &str| {
        json!({"step": "watch", "metric": "errors", "phase": phase, "since": "2026-11-02T00:00:00Z",
        "successful": 0, "failed": 0, "inconclusive": 2, "consecutiveErrors": 0})
    };
    let mut with_run = |phase: &str| {
        let metrics = serde_json::from_value(json!([run(phase)])).unwrap();
        it.status.as_mut().unwrap().candidate.as_mut().unwrap().metrics = metrics;
        told(&wish(ActionWord::Promote), &it)
    };
    let expected = json!({"revision": NEW, "step": "watch"});
    assert_eq!(
        with_run("Inconclusive"),
        format!("{expected} The rollout goes on behind step 1 of 2: setTraffic 50.")
    );
    assert!(
        with_run("Running")
            .starts_with("no: the rollout stands at step 1 of 2 (analysis of errors for 5m (watch))")
    );
}

/// What was rolled back to is bad as well: from there one goes back further.
#[test]
fn one_goes_back_further_from_what_serves_instead() {
    let history = json!([{"revision": OLD, "outcome": "RolledBack"}, {"revision": "0123456789", "outcome": "Promoted"}]);
    let mut it = held();
    it.status.as_mut().unwrap().history = serde_json::from_value(history).unwrap();
    let to = Wish { to_revision: Some("0123456789".into()), ..wish(ActionWord::Rollback) };
    let said = told(&to, &it);
    assert!(said.contains(&format!("\"revision\":\"{OLD}\"")) && said.contains("0123456789"), "{said}");
}

/// The deployment that was rolled back to is gone and is made again: that is no rollout that anybody could abort or promote.
#[test]
fn nobody_aborts_or_promotes_what_was_rolled_back_to() {
    let mut it = rising(None);
    let hold = json!({"revision": "0123456789", "toRevision": NEW, "since": "2026-11-02T00:00:00Z"});
    it.status.as_mut().unwrap().hold = Some(serde_json::from_value(hold).unwrap());
    let expected =
        "no: there is no rollout: revision 0123456789 is held back. `bindery release taxi` ends that";
    assert_eq!(told(&wish(ActionWord::Abort), &it), expected);
    assert_eq!(told(&Wish { full: true, ..wish(ActionWord::Promote) }, &it), expected);
}
