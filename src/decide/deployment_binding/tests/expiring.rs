//! Approvals that end soon.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::approvals::{asking, decided};
use crate::api::{ConditionType, Reason, conditions_of};
use crate::decide::fixtures::{Binding, ago, binding, noon};
use crate::decide::{LookAgain, Place};

const DAY: u64 = 86_400;

fn in_days(days: u64) -> Timestamp {
    noon() + Duration::from_secs(days * DAY)
}

/// Version 1 serves, approved by Ada so many days ago, for so many days from now.
fn approved(it: Binding, ago_days: u64, for_days: u64) -> Binding {
    decided(it, "1", |b| (b.written, b.expires_at) = (ago(ago_days * DAY), Some(in_days(for_days))))
}

fn serving(more: &serde_json::Value) -> Binding {
    asking(binding().serving("1"), more)
}

fn said(it: &Binding) -> Option<String> {
    let decision = it.decide();
    let conditions = conditions_of(&decision.status.conditions);
    assert!(conditions.is_true(ConditionType::Ready), "it stays as ready as it was");
    conditions.get(ConditionType::ApprovalExpiring).map(|it| format!("{} {}", it.status, it.message))
}

#[test]
fn what_will_not_be_approved_before_long_is_said_in_time() {
    let soon = |by: &str, day: &str| {
        format!(
            "True Approval risk/{by}-1 of {by} ends at {day}T12:00:00Z, and without it taxi:1 has too few approvals. Have it approved anew before then."
        )
    };
    let ada = soon("ada", "2026-03-15");
    let one = json!({});
    let bob = |it: Binding, days: u64| {
        decided(it, "1", |b| {
            (b.name, b.by, b.written, b.expires_at) =
                ("bob-1".into(), "bob".into(), ago(90 * DAY), Some(in_days(days)));
        })
    };
    let two = json!({"count": 2});
    let unseen = |f: &mut crate::decide::deployment_binding::Facts| {
        f.place = Place::NotReady { what: "W".into(), because: "No.".into(), stalled: false, gone: false };
    };
    for (situation, it, expected) in vec![
        ("it does not end", decided(serving(&one), "1", |_| ()), None),
        ("15 days before", approved(serving(&one), 90, 15), None),
        ("14 days before", approved(serving(&one), 90, 14), Some(ada.clone())),
        ("a short one, in its first half", approved(serving(&one), 3, 4), None),
        ("a short one, in its second half", approved(serving(&one), 4, 4), Some(soon("ada", "2026-03-05"))),
        (
            "another one is enough",
            decided(approved(serving(&one), 90, 2), "1", |b| b.name = "again".into()),
            None,
        ),
        (
            "another one ends later, and soon",
            bob(approved(serving(&one), 90, 2), 9),
            Some(soon("bob", "2026-03-10")),
        ),
        (
            "two are needed, and one ends",
            decided(bob(serving(&two), 9), "1", |_| ()),
            Some(soon("bob", "2026-03-10")),
        ),
        ("two are needed, and one is there", bob(serving(&two), 9), None),
        ("nobody asks", approved(binding().serving("1"), 90, 2), None),
    ] {
        assert_eq!(said(&it), expected, "{situation}");
    }
    // The version that is wanted, and not yet served, is spoken of too.
    let wanting = decided(decided(serving(&one).wanting("2"), "1", |_| ()), "2", |b| {
        (b.written, b.expires_at) = (ago(90 * DAY), Some(in_days(1)));
    });
    let conditions = wanting.decide().status.conditions;
    assert!(conditions_of(&conditions).is_true(ConditionType::ApprovalExpiring));
    // While the workspace cannot be looked at, what was said stays said.
    let before = approved(serving(&one), 90, 14).decide().status.conditions;
    let kept = approved(serving(&one), 90, 14).with(|f| f.status.conditions = before).with(unseen).decide();
    assert!(conditions_of(&kept.status.conditions).is_true(ConditionType::ApprovalExpiring));
}

#[test]
fn it_is_told_once_and_looked_at_when_the_time_comes() {
    let told = |it: &Binding| {
        let all = it.decide().events.into_iter().filter(|event| event.reason == Reason::ApprovalExpiring);
        all.map(|event| event.warning).collect::<Vec<_>>()
    };
    let it = approved(serving(&json!({})), 90, 14);
    assert_eq!(told(&it), [true]);
    let conditions = it.decide().status.conditions;
    assert_eq!(told(&it.with(|f| f.status.conditions = conditions)), Vec::<bool>::new());
    // Two weeks less 40 seconds before the end it is said that it ends.
    let later = decided(serving(&json!({})), "1", |b| {
        (b.written, b.expires_at) = (ago(90 * DAY), Some(in_days(14) + Duration::from_secs(40)));
    });
    assert_eq!(later.decide().next, LookAgain::After(Duration::from_secs(40)));
}
