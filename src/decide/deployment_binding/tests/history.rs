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
        started_at: Some(ago(60)),
        finished_at: Some(noon()),
        ..PastRollout::new(&format!("{n:010}"), outcome)
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

/// Version 3 serves since an hour, version 1 before it; the status is lost, and the endpoint's tag tells of both.
fn lost(since: &str) -> Binding {
    let mut it = rollout().wanting("3").serving("1").serving("3").forgotten();
    let told = format!("{}@3={since} {}@1=2026-02-20T12:00:00Z", it.revision("3"), it.revision("1"));
    for deployment in &mut it.0.deployments {
        deployment.rest.insert("systemData".into(), json!({"createdAt": "2026-02-25T12:00:00Z"}));
    }
    let mut it = it.tagged("bindery-history", &told);
    it.0.recall();
    it
}

#[test]
fn the_endpoints_tag_tells_what_was_stable_when_the_status_is_lost() {
    let status = lost("2026-03-01T11:00:00Z").decide().status;
    let stable = status.stable.unwrap();
    assert_eq!(
        (stable.version.as_deref(), stable.since.to_string().as_str()),
        (Some("3"), "2026-03-01T11:00:00Z")
    );
    let past =
        |it: &PastRollout| (it.version.clone().unwrap_or_default(), it.served.map(|it| it.until.to_string()));
    let all: Vec<_> = status.history.iter().map(past).collect();
    assert_eq!(all, [("3".into(), None), ("1".into(), Some("2026-03-01T11:00:00Z".into()))]);
    // Nothing was stable before Azure made it, or will be in the future, whatever a hand has written.
    for (written, since) in [
        ("2026-01-01T12:00:00Z", "2026-02-25T12:00:00Z".to_string()),
        ("2027-01-01T12:00:00Z", noon().to_string()),
    ] {
        assert_eq!(lost(written).decide().status.stable.unwrap().since.to_string(), since, "{written}");
    }
    // A status that knows what was stable is believed, and another's tag is not.
    let mut known = rollout().tagged("bindery-history", "a@9=2026-02-20T12:00:00Z");
    known.0.recall();
    assert_eq!(told(&known), ["v1 Promoted (false, true)"]);
    let mut others = rollout().forgotten().tagged("bindery-history", "a@9=2026-02-20T12:00:00Z");
    others = others.tagged("bindery-owner", "other/a/b");
    others.0.recall();
    assert_eq!(others.0.status.history, []);
}

/// What failed stands in its own tag, so it takes no place from what one may go back to.
#[test]
fn many_failures_push_out_nothing_that_was_stable() {
    let failed: Vec<String> = (0..10).map(|n| format!("{n:010}")).collect();
    let it = lost("2026-03-01T11:00:00Z").tagged("bindery-failed", &failed.join(" "));
    let history = it.decide().status.history;
    let served = history.iter().filter(|it| it.outcome.serves()).count();
    assert_eq!((history.len(), served), (10, 2), "{history:?}");
    assert_eq!(history[0].revision, failed[0], "of the failures the latest are told");
}

#[test]
fn a_promotion_writes_into_the_tag_what_is_stable_now() {
    let steps = json!([{"setTraffic": 10}]);
    let it = binding()
        .wanting("2")
        .steps(steps)
        .serving("1")
        .candidate("2", 10, 60)
        .traffic(&[("1", 90), ("2", 10)]);
    let tags = |it: &Binding| {
        let call = it.decide().call.unwrap();
        let crate::azure::model::Action::Put(body) = call.action else { panic!("it is promoted by a PUT") };
        body["tags"]["bindery-history"].as_str().map(str::to_string)
    };
    let (two, since) = (it.revision("2"), noon());
    assert_eq!(tags(&it), Some(format!("{two}@2={since}")));
    let before = format!("{}@1=2026-02-20T12:00:00Z", it.revision("1"));
    assert_eq!(tags(&it.tagged("bindery-history", &before)), Some(format!("{two}@2={since} {before}")));
}

#[test]
fn the_revision_of_git_at_the_begin_of_a_rollout_stays_with_it() {
    let of = |known: Option<&str>, now: &str| {
        let mut it = rollout().candidate("2", 10, 60);
        it.0.git_revision = Some(now.into());
        match known {
            Some(known) => it.0.status.candidate.as_mut().unwrap().git_revision = Some(known.into()),
            None => it.0.status.candidate = None,
        }
        it
    };
    let began = of(None, "4f2a").decide().status.candidate.unwrap();
    assert_eq!(began.git_revision.as_deref(), Some("4f2a"));
    let later = of(Some("4f2a"), "9c1d").decide().status.candidate.unwrap();
    assert_eq!(later.git_revision.as_deref(), Some("4f2a"));
    let over = of(Some("4f2a"), "9c1d").wanting("3").decide().status.history;
    assert_eq!((over[0].outcome, over[0].git_revision.as_deref()), (Outcome::Superseded, Some("4f2a")));
}

/// What is counted is what a status newly tells: nothing twice, and nothing when a lost status is rebuilt.
#[test]
fn what_is_new_in_a_status_is_counted_once() {
    use crate::api::{DeploymentBinding, Drift};
    use crate::decide::Kind;
    use crate::decide::facts::Counted;

    let counted = DeploymentBinding::counted;
    let failed = || {
        rollout().candidate("2", 10, 60).with(|f| {
            f.deployments[1].properties.provisioning_state = Some("Failed".into());
        })
    };
    let before = after(rollout().candidate("2", 10, 60)).0.status;
    let ended = after(failed()).0.status;
    assert_eq!(counted(&before, &ended), [Counted::Rollout("Failed".into())]);
    let later = after(failed().traffic(&[("1", 100)]).with(|f| f.status = ended.clone())).0.status;
    assert_eq!(counted(&ended, &later), [], "its traffic has gone back");
    assert_eq!(counted(&crate::api::DeploymentBindingStatus::default(), &ended), [], "it is rebuilt");
    let drift = |field: &str| Drift { field: field.into(), wanted: "a".into(), found: "b".into() };
    let (one, two) = (drift("tags.team"), drift("online.deployment.instanceCount"));
    let told = Counted::drift(std::slice::from_ref(&one), &[one.clone(), two, drift("tags.cost")]);
    let told: Vec<_> = told.iter().map(|it| format!("{it:?}")).collect();
    assert_eq!(told, ["Drift(\"online.deployment.instanceCount\")", "Drift(\"tags\")"]);
}
