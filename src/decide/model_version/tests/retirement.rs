//! The end of a version's use: said ahead, said at its date, and archived where the manifest says so.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::api::{ConditionType, Reason, Retirement, RetirementAction, conditions_of};
use crate::azure::model::{Action, Purpose};
use crate::decide::fixtures::{assert_table, noon};
use crate::decide::{LookAgain, Mode};

const DAY: i64 = 24 * 3600;

fn at(seconds: i64) -> Timestamp {
    noon() + SignedDuration::from_secs(seconds)
}

fn retires(f: &mut Facts, seconds: i64, action: RetirementAction) {
    f.spec.retirement = Some(Retirement { at: at(seconds), action });
}

/// What the two conditions say, and which events there are.
fn told(facts: &Facts) -> (String, Vec<Reason>) {
    let decision = decide(facts);
    let conditions = conditions_of(&decision.status.conditions);
    let said = [ConditionType::RetiringSoon, ConditionType::Retired].into_iter().filter_map(|kind| {
        let said = conditions.get(kind)?;
        Some(format!("{kind} {} {}: {}", said.status, said.reason, said.message))
    });
    (said.collect::<Vec<_>>().join("\n"), decision.events.into_iter().map(|event| event.reason).collect())
}

fn serving(f: &mut Facts) {
    let by = json!([{"namespace": "fares", "name": "taxi", "endpoint": "e", "deployment": "v3-0123456789", "role": "Stable"}]);
    f.served_by = serde_json::from_value(by).unwrap();
}

#[test]
fn it_is_said_two_weeks_ahead_and_at_the_date_and_each_once() {
    use RetirementAction::{Archive, BlockNewDeployments};

    let soon = "RetiringSoon True Retiring: taxi:3 retires at 2026-03-02T12:00:00Z: then it gets no new deployment and no more traffic";
    let over = "taxi:3 is retired since 2026-03-01T12:00:00Z: it gets no new deployment and no more traffic";
    for (seconds, action, served, said, event) in [
        (14 * DAY + 1, BlockNewDeployments, false, String::new(), None),
        (DAY, BlockNewDeployments, false, format!("{soon}."), Some(Reason::Retiring)),
        (DAY, Archive, false, format!("{soon}, and is archived in Azure."), Some(Reason::Retiring)),
        (
            DAY,
            BlockNewDeployments,
            true,
            format!("{soon}. It is deployed by fares/taxi as v3-0123456789 (Stable)."),
            Some(Reason::Retiring),
        ),
        (0, BlockNewDeployments, false, format!("Retired True Retired: {over}."), Some(Reason::Retired)),
        (
            0,
            BlockNewDeployments,
            true,
            format!(
                "Retired True StillDeployed: {over}. What holds it goes on: fares/taxi as v3-0123456789 (Stable)."
            ),
            Some(Reason::Retired),
        ),
    ] {
        let facts = with(|f| {
            retires(f, seconds, action);
            if served {
                serving(f);
            }
        });
        let (now, events) = told(&facts);
        assert_eq!(
            (now.as_str(), events),
            (said.as_str(), event.into_iter().collect()),
            "{seconds} {action:?}"
        );
        // The next pass says it again, and tells nobody.
        let mut later = facts.clone();
        later.status.conditions = decide(&facts).status.conditions;
        assert_eq!(told(&later), (said, vec![]), "{seconds} {action:?}");
    }
    let (at_the_edge, _) = told(&with(|f| retires(f, 14 * DAY, BlockNewDeployments)));
    assert!(at_the_edge.starts_with("RetiringSoon"), "{at_the_edge}");
    // The date is changed: what was said is taken back, and the object is as before.
    let mut moved = with(|f| retires(f, 0, BlockNewDeployments));
    moved.status.conditions = decide(&moved).status.conditions;
    retires(&mut moved, 30 * DAY, BlockNewDeployments);
    assert_eq!(told(&moved), (String::new(), vec![]));
    moved.spec.retirement = None;
    assert_eq!(told(&moved), (String::new(), vec![]));
    // Who only observes archives nothing, and does not say so.
    let observed = |archived: bool| {
        told(&with(|f| {
            retires(f, 0, Archive);
            f.situation.mode = Mode::Observe;
            found(f).is_archived = archived;
        }))
        .0
    };
    assert_eq!(observed(true), format!("Retired True Retired: {over}, and it is archived in Azure."));
    assert_eq!(
        observed(false),
        format!(
            "Retired True Retired: {over}, and it is not archived in Azure, because Bindery changes nothing there for this object."
        )
    );
    // What is another's, and what goes, is not said to retire.
    let anothers = with(|f| {
        retires(f, 0, BlockNewDeployments);
        found(f).tags.insert("bindery-owner".into(), "other/a/b".into());
    });
    assert_eq!(told(&anothers).0, "");
    let goes = with(|f| {
        retires(f, 0, BlockNewDeployments);
        f.situation.deleting = true;
    });
    assert_eq!(told(&goes).0, "");
}

#[test]
fn it_is_looked_at_when_the_notice_begins_and_at_the_date() {
    for (seconds, expected) in [
        (14 * DAY + 90, Some(90)),
        (14 * DAY + 6000, None),
        (14 * DAY, None),
        (90, Some(90)),
        (0, None),
        (-DAY, None),
    ] {
        let next = decide(&with(|f| retires(f, seconds, RetirementAction::BlockNewDeployments))).next;
        let wanted =
            expected.map_or(LookAgain::Interval, |s| LookAgain::After(std::time::Duration::from_secs(s)));
        assert_eq!(next, wanted, "{seconds}");
    }
    // However long the interval is, and at the very moment of the notice the date is not forgotten.
    let seldom = with(|f| {
        retires(f, 14 * DAY, RetirementAction::BlockNewDeployments);
        f.situation.interval = std::time::Duration::from_secs(60 * 24 * 3600);
    });
    assert_eq!(decide(&seldom).next, LookAgain::After(std::time::Duration::from_secs(14 * 24 * 3600)));
}

fn archived(facts: &Facts) -> Value {
    match decide(facts).call.unwrap().action {
        Action::Put(body) => body["properties"]["isArchived"].clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_retired_into_the_archive_is_archived_and_that_is_no_drift() {
    use RetirementAction::{Archive, BlockNewDeployments};

    let archive =
        "False Updating working | -> archive taxi:3, which is retired since 2026-03-01T12:00:00Z | now";
    let is_there = "True Succeeded settled | taxi:3 is registered in workspace development. | interval";
    let at_its_end = |change: &dyn Fn(&mut Facts)| {
        with(|f| {
            retires(f, 0, Archive);
            change(f);
        })
    };
    assert_table(&[
        ("its time has come", decide(&at_its_end(&|_| ())), archive),
        (
            "the manifest said that it is not archived",
            decide(&at_its_end(&|f| f.spec.archived = Some(false))),
            archive,
        ),
        ("it serves, and goes on", decide(&at_its_end(&serving)), archive),
        ("it is archived", decide(&at_its_end(&|f| found(f).is_archived = true)), is_there),
        (
            "it is archived, and the manifest said that it is not",
            decide(&at_its_end(&|f| {
                f.spec.archived = Some(false);
                found(f).is_archived = true;
            })),
            is_there,
        ),
        ("it only gets no new deployment", decide(&with(|f| retires(f, 0, BlockNewDeployments))), is_there),
        (
            "its time has not come",
            decide(&with(|f| retires(f, 90, Archive))),
            "True Succeeded settled | taxi:3 is registered in workspace development. | 90 s",
        ),
        (
            "it is suspended",
            decide(&at_its_end(&|f| f.situation.mode = Mode::Suspended)),
            "False Suspended settled | Bindery would archive taxi:3, which is retired since 2026-03-01T12:00:00Z, but spec.suspend is true. | 600 s",
        ),
        (
            "it is only observed: that differs",
            decide(&at_its_end(&|f| f.situation.mode = Mode::Observe)),
            "True Observed settled | Bindery would put back archived of taxi:3, but spec.management is Observe. | 600 s",
        ),
        (
            "the date was moved, and the manifest says that it is not archived",
            decide(&with(|f| {
                retires(f, DAY, Archive);
                f.spec.archived = Some(false);
                found(f).is_archived = true;
                f.situation.generation = 2;
            })),
            "False Updating working | -> change archived of taxi:3 | now",
        ),
    ]);
    let facts = at_its_end(&|_| ());
    let decision = decide(&facts);
    assert_eq!(decision.call.map(|call| call.errand.purpose), Some(Purpose::Archive));
    assert!(decision.status.drift.is_empty());
    assert_eq!(archived(&facts), true);
    // Whatever else is written does not take it out of the archive, and a new one is archived from the beginning.
    let other = at_its_end(&|f| {
        found(f).is_archived = true;
        f.spec.archived = Some(false);
        f.spec.stage = Some("Old".into());
    });
    assert_eq!(archived(&other), true);
    assert_eq!(archived(&new(|f| retires(f, 0, Archive))), true);
    // To observe says what differs.
    let observed = decide(&at_its_end(&|f| f.situation.mode = Mode::Observe)).status.drift;
    assert_eq!(observed.iter().map(|d| d.field.as_str()).collect::<Vec<_>>(), ["archived"]);
}

#[test]
fn who_answers_for_a_version_is_in_its_tags() {
    let owned_by = |f: &mut Facts, owner: Value| f.spec.owner = serde_json::from_value(owner).unwrap();
    let tags = |facts: &Facts| match decide(facts).call.unwrap().action {
        Action::Put(body) => body["properties"]["tags"].clone(),
        other => panic!("{other:?}"),
    };
    let fares = || json!({"team": "fares", "contact": "#fares", "costCenter": "4711"});
    let said = json!({"bindery-owner": "prod/fares/taxi-3", "team": "fares",
        "bindery-team": "fares", "bindery-contact": "#fares", "bindery-cost-center": "4711"});
    assert_eq!(tags(&new(|f| owned_by(f, fares()))), said);
    let mut facts = with(|f| {
        owned_by(f, fares());
        f.situation.generation = 2;
    });
    assert_eq!(tags(&facts), said);
    let told = |facts: &Facts| decide(facts).call.map(|call| call.doing);
    let change = |fields: &str| Some(format!("change {fields} of taxi:3"));
    assert_eq!(told(&facts), change("tags.bindery-contact, tags.bindery-cost-center, tags.bindery-team"));
    found(&mut facts).tags = serde_json::from_value(said).unwrap();
    assert_eq!(told(&facts), None);
    owned_by(&mut facts, json!({"team": "tips"}));
    assert_eq!(told(&facts), change("tags.bindery-team, tags.bindery-contact, tags.bindery-cost-center"));
    assert_eq!(
        tags(&facts),
        json!({"bindery-owner": "prod/fares/taxi-3", "team": "fares", "bindery-team": "tips"})
    );
    // What stood is put back when somebody changes it.
    facts.situation.generation = 1;
    owned_by(&mut facts, fares());
    found(&mut facts).tags.insert("bindery-team".into(), "tips".into());
    assert_eq!(told(&facts), Some("put back tags.bindery-team of taxi:3".into()));
}
