//! What holds for every kind, tried on a registry and a workspace.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use crate::azure::Class;
use crate::azure::resource::Strings;
use crate::decide::fixtures::{assert_table, failure, noon, ready, registry, situation, told};
use crate::decide::registry::{Facts, decide};
use crate::decide::{Look, Mode, retry_after};

const DOING: &str = "create the registry models";

fn absent(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = registry();
    facts.registry = Look::Absent;
    change(&mut facts);
    facts
}

/// Azure cannot be read; it was, so long ago, when the object was Ready or not.
fn unreadable(class: Class, read: Option<u64>, was_ready: bool) -> String {
    let mut facts = registry();
    facts.registry = Look::Unseen;
    facts.situation.last_read = read.map(|s| noon() - Duration::from_secs(s));
    facts.situation.unreadable_by(class);
    facts.status.conditions = if was_ready { ready() } else { vec![] };
    told(&decide(&facts))
}

#[test]
fn what_may_not_be_done_is_only_said() {
    assert_table(&[
        ("act", decide(&absent(|_| ())), "False Creating working | -> create the registry models | now"),
        (
            "suspended",
            decide(&absent(|f| f.situation.mode = Mode::Suspended)),
            "False Suspended settled | Bindery would create the registry models, but spec.suspend is true. | 600 s",
        ),
        (
            "observed",
            decide(&absent(|f| f.situation.mode = Mode::Observe)),
            "False NotInAzure stalled | There is no registry models in Azure, and Bindery makes none: spec.management is Observe. Check spec.azure, or let Bindery manage it. | interval",
        ),
        (
            "observe-only",
            decide(&absent(|f| f.situation.mode = Mode::ObserveOnly)),
            "False NotInAzure stalled | There is no registry models in Azure, and Bindery makes none: the operator runs with --observe-only. Check spec.azure, or let Bindery manage it. | interval",
        ),
    ]);
}

#[test]
fn a_call_that_failed_waits_for_its_time() {
    let after = |class, seconds_ago, times| {
        decide(&absent(|f| f.situation.failure = Some(failure(DOING, class, seconds_ago, times))))
    };
    let throttled = Class::Throttled(Duration::from_secs(17));
    assert_table(&[
        (
            "permanent",
            after(Class::Permanent, 0, 1),
            "False Refused stalled | Bindery could not create the registry models: No. Mend what Azure names; Bindery tries again, at least every 10 min. | 10 s",
        ),
        (
            "permanent, its time over",
            after(Class::Permanent, 10, 1),
            "False Refused stalled | -> create the registry models | now",
        ),
        (
            "permanent, again",
            after(Class::Permanent, 10, 2),
            "False Refused stalled | Bindery could not create the registry models: No. Mend what Azure names; Bindery tries again, at least every 10 min. | 10 s",
        ),
        (
            "unauthorized",
            after(Class::Unauthorized, 0, 1),
            "False Unauthorized stalled | Bindery could not create the registry models: No. Check the operator's credential and its rights in Azure; Bindery tries again, at least every 10 min. | 10 s",
        ),
        (
            "not found",
            after(Class::NotFound, 0, 1),
            "False NotFound stalled | Bindery could not create the registry models: No. Check the names in the manifest; Bindery tries again, at least every 10 min. | 10 s",
        ),
        (
            "conflict",
            after(Class::Conflict, 0, 1),
            "False Busy working | Bindery could not create the registry models: No. Bindery tries again, at least every 1 min. | 2 s",
        ),
        (
            "transient",
            after(Class::Transient, 0, 1),
            "False Unreachable working | Bindery could not create the registry models: No. Bindery tries again, at least every 5 min. | 1 s",
        ),
        (
            "throttled",
            after(throttled, 7, 9),
            "False Throttled working | Bindery could not create the registry models: No. Bindery tries again, at least every 1 min. | 10 s",
        ),
        (
            "throttled, over",
            after(throttled, 17, 9),
            "False Throttled working | -> create the registry models | now",
        ),
        (
            "something else failed",
            decide(&absent(|f| f.situation.failure = Some(failure("x", Class::Permanent, 0, 1)))),
            "False Creating working | -> create the registry models | now",
        ),
    ]);
}

#[test]
fn a_retry_waits_by_class_and_count_and_never_stops() {
    let interval = Duration::from_secs(600);
    let seconds = |class, times| retry_after(class, times, interval).as_secs();
    let row = |class| [1, 2, 3, 7, 100, u32::MAX].map(|times| seconds(class, times));
    assert_eq!(row(Class::Transient), [1, 2, 4, 64, 300, 300]);
    assert_eq!(row(Class::Conflict), [2, 4, 8, 60, 60, 60]);
    assert_eq!(row(Class::Permanent), [10, 20, 40, 600, 600, 600]);
    assert_eq!(row(Class::Unauthorized), [10, 20, 40, 600, 600, 600]);
    assert_eq!(row(Class::NotFound), [10, 20, 40, 600, 600, 600]);
    assert_eq!(row(Class::Throttled(Duration::from_secs(7))), [7; 6]);
    assert_eq!(retry_after(Class::Throttled(Duration::ZERO), 1, interval), Duration::from_secs(1));
}

#[test]
fn ready_speaks_of_a_fresh_look() {
    let table = [
        (
            "fresh",
            unreadable(Class::Transient, Some(60), true),
            "True Succeeded settled | All is well. | 1 s",
        ),
        (
            "at twice the interval",
            unreadable(Class::Transient, Some(1200), true),
            "Unknown Unreachable working | Bindery could not read it: No. Bindery tries again, at least every 5 min. | 1 s",
        ),
        (
            "this process never read it",
            unreadable(Class::Transient, None, true),
            "Unknown Unreachable working | Bindery could not read it: No. Bindery tries again, at least every 5 min. | 1 s",
        ),
        (
            "it was not ready",
            unreadable(Class::Transient, Some(60), false),
            "Unknown Unreachable working | Bindery could not read it: No. Bindery tries again, at least every 5 min. | 1 s",
        ),
        (
            "forbidden",
            unreadable(Class::Unauthorized, Some(60), true),
            "False Unauthorized stalled | Bindery could not read it: No. Check the operator's credential and its rights in Azure; Bindery tries again, at least every 10 min. | 10 s",
        ),
        (
            "refused",
            unreadable(Class::Permanent, Some(60), true),
            "False Refused stalled | Bindery could not read it: No. Mend what Azure names; Bindery tries again, at least every 10 min. | 10 s",
        ),
    ];
    let wrong: Vec<String> =
        table.iter().filter(|(_, a, b)| a != b).map(|(what, a, _)| format!("{what}: {a}")).collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_older_of_two_is_right() {
    let mut ours = situation("a/ours");
    assert_eq!(ours.older_claimant(), None);
    ours.claimed_by("a/younger", -1);
    assert_eq!((ours.older_claimant(), ours.has_heir()), (None, true));
    ours.claimed_by("a/older", 1);
    ours.claimed_by("a/oldest", 2);
    assert_eq!(ours.older_claimant(), Some("a/oldest"));
    // Of the same second, the first by name.
    let mut twin = situation("a/m");
    twin.claimed_by("a/n", 0);
    assert_eq!(twin.older_claimant(), None);
    twin.claimed_by("a/b", 0);
    assert_eq!(twin.older_claimant(), Some("a/b"));
}

#[test]
fn a_tag_tells_whose_it_is() {
    let ours = situation("a/ours");
    let tagged = |owner: &str| Strings::from([("bindery-owner".to_string(), owner.to_string())]);
    let table = [
        ("prod/a/ours", true, None),
        ("prod/a/gone", false, None),
        ("other/a/ours", false, Some("a/ours of cluster other".to_string())),
        ("nonsense", false, None),
    ];
    for (tag, owned, other) in table {
        assert_eq!((ours.owns(&tagged(tag)), ours.other_owner(&tagged(tag))), (owned, other), "{tag}");
    }
    assert_eq!((ours.owns(&Strings::new()), ours.other_owner(&Strings::new())), (false, None));
}

#[test]
fn conditions_keep_their_time_and_tell_one_story() {
    let mut facts = registry();
    facts.situation.now = noon() + Duration::from_secs(90);
    facts.situation.generation = 2;
    let status = decide(&facts).status;
    let told: Vec<String> = status
        .conditions
        .iter()
        .map(|c| {
            let at = c.last_transition_time.0.duration_since(noon()).as_secs();
            format!("{}={} {} gen {:?} at {at}", c.type_, c.status, c.reason, c.observed_generation.unwrap())
        })
        .collect();
    assert_eq!(told, ["Ready=True Succeeded gen 2 at 0", "Drifted=False InSync gen 2 at 90"]);
    assert_eq!(status.observed_generation, 2);
}
