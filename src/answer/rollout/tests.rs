#![allow(clippy::unwrap_used)]

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::answer::fixtures::{self, deployment, said, with};
use crate::answer::render::table::Style;

fn now() -> Timestamp {
    "2026-11-03T01:00:00Z".parse().unwrap()
}

fn binding(status: &Value) -> DeploymentBinding {
    let mut binding = fixtures::binding("fares/taxi", "taxi-3", status);
    let steps = json!([{"name": "shadow", "mirror": 20}, {"setTraffic": 10}, {"name": "watch", "pause": {}}, {"setTraffic": 50}]);
    binding.spec.strategy.steps = serde_json::from_value(steps).unwrap();
    binding
}

/// Version 3 has 10% of the traffic and waits for a person.
fn paused() -> Value {
    let step =
        json!({"index": 2, "count": 4, "name": "watch", "stepsHash": "0", "since": "2026-11-03T00:30:00Z"});
    let candidate = json!({"deployment": "v3-5e6f7a8b90", "revision": "5e6f7a8b90", "weight": 10, "step": step,
        "startedAt": "2026-11-03T00:00:00Z", "since": "2026-11-03T00:30:00Z"});
    let deployments =
        [deployment("v2-1a2b3c4d5e", "Stable", "2", 90), deployment("v3-5e6f7a8b90", "Candidate", "3", 10)];
    let refused = json!({"name": "taxi-abort-1", "hash": "0a1b2c3d", "action": "Abort", "revision": "0123456789",
        "requestedBy": "eve", "state": "Refused", "message": "It is stale.", "since": "2026-11-03T00:40:00Z"});
    let failed = json!({"revision": "0123456789", "version": "1", "outcome": "Failed", "message": "Aborted.",
        "finishedAt": "2026-11-02T01:00:00Z", "skipped": ["watch"],
        "actions": [{"name": "taxi-abort-0", "action": "Abort", "requestedBy": "ada", "reason": "Wrong\nfares."}]});
    json!({"phase": "Pausing", "revision": "5e6f7a8b90", "candidate": candidate, "deployments": deployments,
        "stable": {"deployment": "v2-1a2b3c4d5e", "revision": "1a2b3c4d5e", "since": "2026-11-01T00:00:00Z"},
        "trafficSummary": "v2-1a2b3c4d5e 90%, v3-5e6f7a8b90 10%", "actions": [refused], "history": [failed],
        "conditions": [said("Ready", "False", "AwaitingPromotion", "Promote step watch.")]})
}

/// Version 3 was rolled back.
fn held() -> Value {
    let by = json!({"name": "taxi-rollback-1", "action": "Rollback", "requestedBy": "ada"});
    let hold = json!({"revision": "5e6f7a8b90", "toRevision": "1a2b3c4d5e", "since": "2026-11-03T00:58:00Z", "action": by});
    json!({"phase": "Serving", "candidate": null, "hold": hold, "trafficSummary": "v2-1a2b3c4d5e 100%"})
}

#[test]
fn one_page_shows_where_the_rollout_stands() {
    let text = |status: &Value| text(&Rollout::of(&binding(status)), Style::default(), now());
    assert_eq!(
        text(&paused()),
        "DeploymentBinding fares/taxi: Pausing, not Ready (AwaitingPromotion)
  Promote step watch.
  endpoint taxi-prod, revision 5e6f7a8b90 wanted

DEPLOYMENT      ROLE        TRAFFIC   MIRROR   INSTANCES   STATE       AGE
v2-1a2b3c4d5e   Stable      90%       -        1           Succeeded   60m
v3-5e6f7a8b90   Candidate   10%       -        1           Succeeded   60m

Steps of v3-5e6f7a8b90:
  ✓  1 mirror 20 (shadow)
  ✓  2 setTraffic 10
  ▸  3 pause until somebody promotes it (watch), for 30m
     4 setTraffic 50

ACTION         ASKS    BY    STATE     AGE   MESSAGE
taxi-abort-1   Abort   eve   Refused   20m   It is stale.

The last rollout: 0123456789 (version 1) Failed 24h ago: Aborted. Abort by ada (taxi-abort-0: Wrong\\nfares.). Skipped: watch
"
    );
    // What was rejected goes nowhere, whatever step it had come to; and what ends soon is told.
    let expiring = said("ApprovalExpiring", "True", "ApprovalExpiring", "An approval ends\nin an hour.");
    let ready = said("Ready", "False", "Rejected", "Somebody rejects taxi:3.");
    let rejected = text(&with(paused(), &json!({"phase": "Serving", "conditions": [ready, expiring]})));
    assert!(rejected.contains("Steps of v3-5e6f7a8b90, which gets no further now:\n"), "{rejected}");
    assert!(rejected.contains("\n  An approval ends\\nin an hour.\n  endpoint "), "{rejected}");
    let shadow = json!({"candidate": {"mirror": 20, "step": null}});
    let shadow = text(&with(paused(), &shadow));
    assert!(shadow.contains("v3-5e6f7a8b90   Candidate   10%       20%"), "{shadow}");
    assert!(shadow.contains("     1 mirror 20 (shadow)\n"), "{shadow}");
    assert!(shadow.contains("The rollout stands at no step:"), "{shadow}");
    let held = text(&with(paused(), &held()));
    assert!(!held.contains("Steps of"), "{held}");
    assert!(held.contains("\nRevision 5e6f7a8b90 is held back for 2m by ada (taxi-rollback-1): revision 1a2b3c4d5e serves instead. `bindery release taxi` ends that.\n"), "{held}");
    assert_eq!(
        text(&Value::Null),
        "DeploymentBinding fares/taxi: not looked at, perhaps Ready\n  endpoint taxi-prod\n"
    );
}

#[test]
fn tools_read_the_same() {
    let seen = serde_json::to_value(Rollout::of(&binding(&paused()))).unwrap();
    assert_eq!(seen["kind"], "Rollout");
    assert_eq!(seen["phase"], "Pausing");
    let states: Vec<_> = seen["steps"].as_array().unwrap().iter().map(|step| step["state"].clone()).collect();
    assert_eq!(states, ["Done", "Done", "Current", "Ahead"]);
    assert_eq!(
        seen["steps"][0],
        json!({"number": 1, "name": "shadow", "does": "mirror 20 (shadow)", "state": "Done"})
    );
    assert_eq!(seen["last"]["outcome"], "Failed");
}

#[test]
fn each_change_is_a_line() {
    let before = binding(&paused());
    let lines = |before: Option<&DeploymentBinding>, after: &Value| news(before, &binding(after), now());
    assert_eq!(
        lines(None, &paused()),
        [
            "2026-11-03T01:00:00Z phase     Pausing",
            "2026-11-03T01:00:00Z candidate v3-5e6f7a8b90",
            "2026-11-03T01:00:00Z step      3 of 4: pause until somebody promotes it (watch)",
            "2026-11-03T01:00:00Z traffic   v2-1a2b3c4d5e 90%, v3-5e6f7a8b90 10%",
            "2026-11-03T01:00:00Z action    taxi-abort-1 (Abort of eve) Refused: It is stale.",
            "2026-11-03T01:00:00Z ready     False AwaitingPromotion: Promote step watch.",
        ]
    );
    assert_eq!(lines(Some(&before), &paused()), Vec::<String>::new());
    let next = json!({"phase": "Shifting", "candidate": {"weight": 50, "step": {"index": 4}}, "trafficSummary": "v3-5e6f7a8b90 50%"});
    assert_eq!(
        lines(Some(&before), &with(paused(), &next)),
        [
            "2026-11-03T01:00:00Z phase     Shifting",
            "2026-11-03T01:00:00Z step      4 of 4: passed them all",
            "2026-11-03T01:00:00Z traffic   v3-5e6f7a8b90 50%",
        ]
    );
    let mut back = with(paused(), &held());
    let ended = json!({"revision": "5e6f7a8b90", "outcome": "Failed", "finishedAt": "2026-11-03T00:59:00Z"});
    back["history"].as_array_mut().unwrap().insert(0, ended);
    assert_eq!(
        lines(Some(&before), &back),
        [
            "2026-11-03T01:00:00Z phase     Serving",
            "2026-11-03T01:00:00Z traffic   v2-1a2b3c4d5e 100%",
            "2026-11-03T01:00:00Z hold      5e6f7a8b90 is held back, 1a2b3c4d5e serves",
            "2026-11-03T01:00:00Z ended     5e6f7a8b90 Failed at 2026-11-03T00:59:00Z",
            "2026-11-03T01:00:00Z candidate none",
        ]
    );
    let released = lines(Some(&binding(&with(paused(), &held()))), &paused());
    assert!(released.contains(&"2026-11-03T01:00:00Z hold      ended".to_string()), "{released:?}");
}

/// The batch job that a candidate has to complete.
fn verifying(status: &Value) -> DeploymentBinding {
    let mut binding = binding(&with(paused(), &json!({"verificationJobs": [status]})));
    binding.spec.online = crate::api::Online::default();
    let batch = json!({"endpoint": {"name": "taxi"}, "deployment": {"compute": "/c"}, "verify": {"input": "azureml://d"}});
    binding.spec.batch = serde_json::from_value(batch).unwrap();
    binding
}

#[test]
fn the_job_that_verifies_a_deployment_is_shown_and_told() {
    let job = |more: Value| {
        let job = json!({"name": "bindery-taxi-1", "deployment": "v3-5e6f7a8b90", "revision": "5e6f7a8b90",
            "input": "azureml://d", "askedAt": "2026-11-03T00:45:00Z"});
        with(job, &more)
    };
    let running = json!({"status": "Running", "startedAt": "2026-11-03T00:50:00Z"});
    let given_up = json!({"status": "Running", "givenUp": true});
    for (more, shown, told) in [
        (json!({}), "asked for 15m ago", "asked for"),
        (running, "Running for 10m", "Running"),
        (given_up, "Running for 15m, given up", "Running, given up"),
    ] {
        let after = verifying(&job(more));
        let text = text(&Rollout::of(&after), Style::default(), now());
        let line = format!("\nJob bindery-taxi-1 verifies v3-5e6f7a8b90: {shown}\n");
        assert!(text.contains(&line), "{text}");
        let news = news(Some(&binding(&paused())), &after, now()).join("\n");
        let line = format!("job       bindery-taxi-1 verifies v3-5e6f7a8b90: {told}");
        assert!(news.contains(&line), "{news}");
    }
}

#[test]
fn a_step_says_what_it_measures() {
    let said = |step: Value| does(&serde_json::from_value(step).unwrap());
    let for_a_time = json!({"name": "watch", "analysis": {"metrics": ["errors", "p95"], "for": "15m"}});
    assert_eq!(said(for_a_time), "analysis of errors, p95 for 15m (watch)");
    let behind = json!({"name": "watch", "analysis": {"metrics": ["errors"], "background": true}});
    assert_eq!(said(behind), "analysis of errors from here on (watch)");
    assert_eq!(
        said(json!({"name": "smoke", "analysis": {"metrics": ["smoke"]}})),
        "analysis of smoke (smoke)"
    );
}
