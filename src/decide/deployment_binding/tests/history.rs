//! The rollouts that have ended.

use serde_json::json;

use crate::api::{Outcome, PastRollout};
use crate::decide::fixtures::{Binding, ago, binding, noon};

/// Version 1 serves; version 2 is wanted.
fn rollout() -> Binding {
    binding().wanting("2").steps(json!([{"setTraffic": 10}, {"pause": {"for": "10m"}}])).serving("1")
}

/// What the status says: version, outcome, whether its begin and its end are known.
fn told(it: &Binding) -> Vec<String> {
    let name = |revision: &str| {
        let known = ["1", "2", "3"].into_iter().find(|number| it.revision(number).to_string() == revision);
        known.map_or_else(|| revision.to_string(), |number| format!("v{number}"))
    };
    let tell = |past: &PastRollout| {
        let known = (past.started_at.is_some(), past.finished_at.is_some());
        format!("{} {:?} {known:?}", name(&past.revision), past.outcome)
    };
    it.decide().status.history.iter().map(tell).collect()
}

/// The next decision on what this one has left in the status.
fn after(mut it: Binding) -> Binding {
    it.0.status = it.decide().status;
    it
}

#[test]
fn a_rollout_that_has_ended_is_told_once() {
    let candidate = || rollout().candidate("2", 10, 60);
    let promoted = || {
        let mut it = candidate().traffic(&[("2", 100)]);
        let name = it.name("2");
        it.found().tags.insert("bindery-stable".into(), name);
        it
    };
    let failed =
        || candidate().with(|f| f.deployments[1].properties.provisioning_state = Some("Failed".into()));
    let table = vec![
        ("it goes on", candidate(), vec!["v1 Promoted (false, true)"]),
        ("it has arrived", promoted(), vec!["v2 Promoted (true, true)", "v1 Promoted (false, true)"]),
        ("it failed", failed(), vec!["v2 Failed (true, true)", "v1 Promoted (false, true)"]),
        (
            "another is wanted",
            candidate().wanting("3"),
            vec!["v2 Superseded (true, true)", "v1 Promoted (false, true)"],
        ),
        (
            "back to the stable one",
            candidate().wanting("1"),
            vec!["v2 Superseded (true, true)", "v1 Promoted (false, true)"],
        ),
        (
            "nobody can say what is wanted",
            candidate().with(|f| f.version = crate::decide::SourceVersion::Missing { what: "it".into() }),
            vec!["v1 Promoted (false, true)"],
        ),
        ("all status is lost", promoted().forgotten(), vec!["v2 Promoted (false, false)"]),
        (
            "another's endpoint",
            promoted().tagged("bindery-owner", "other/a/b"),
            vec!["v1 Promoted (false, true)"],
        ),
    ];
    for (what, it, expected) in table {
        assert_eq!(told(&it), expected, "{what}");
        assert_eq!(told(&after(it)), expected, "{what}, and once more");
    }
}

#[test]
fn what_failed_stays_in_the_order_in_which_it_failed_whoever_remembers_it() {
    let both = || rollout().failed("2", 120).failed("3", 60);
    let in_order = ["v3 Failed", "v2 Failed", "v1 Promoted"];
    let short = |it: &Binding| -> Vec<String> {
        told(it).iter().map(|t| t.split(" (").next().unwrap_or_default().to_string()).collect()
    };
    assert_eq!(short(&both()), in_order);
    assert_eq!(short(&after(both())), in_order);
    // Only the tag knows the older one.
    let older_lost = both().with(|f| {
        f.status.history.remove(1);
    });
    assert_eq!(short(&older_lost), in_order);
    assert_eq!(short(&both().forgotten()), ["v1 Promoted", "v3 Failed", "v2 Failed"]);
}

#[test]
fn ten_are_remembered_and_a_failure_longer_than_a_success() {
    let past = |n: usize, outcome| PastRollout {
        revision: format!("{n:010}"),
        version: None,
        asset_id: None,
        served: None,
        waivers: vec![],
        outcome,
        reason: None,
        message: None,
        started_at: Some(ago(60)),
        finished_at: Some(noon()),
        actions: vec![],
        skipped: vec![],
        measurement: None,
        log: vec![],
    };
    let full = |outcome| {
        rollout().candidate("2", 10, 60).wanting("3").with(|f| {
            f.status.history =
                (0..10).map(|n| past(n, if n == 9 { Outcome::Failed } else { outcome })).collect();
        })
    };
    let left = full(Outcome::Superseded).decide().status.history;
    assert_eq!(left.len(), 10);
    assert_eq!(left[9].revision, "0000000009", "what failed is not forgotten");
    assert_eq!(left[0].outcome, Outcome::Promoted, "v1, of which this history said nothing");
    // A failure that was made good is forgotten like any other.
    let again = full(Outcome::Superseded).with(|f| f.status.history[8] = past(9, Outcome::Promoted));
    let left = again.decide().status.history;
    assert!(left.iter().all(|it| it.outcome != Outcome::Failed), "{left:?}");
    assert_eq!(full(Outcome::Failed).decide().status.history.len(), 10);
}
