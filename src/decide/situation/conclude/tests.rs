//! What holds for every kind, tried on a registry and a workspace.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use crate::api::{Reason, RegistryDeletion};
use crate::azure::model::{Class, OperationState, Purpose, Reply, ResourceId};
use crate::decide::fixtures::{
    assert_table, attempt, failed_state, failure, noon, operation, ready, registry, told,
};
use crate::decide::places::registry::{Facts, decide};
use crate::decide::{Look, Mode, Place, retry_after};

const DOING: &str = "create the registry models";

fn absent(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = registry();
    facts.registry = Look::Absent;
    change(&mut facts);
    facts
}

/// Azure cannot be read; it was, so long ago, when the object was Ready or not.
fn unreadable(class: Class, read: Option<u64>, was_ready: bool) -> String {
    unreadable_again(class, read, was_ready, 1)
}

/// The same, when it could not be read so many times in a row.
fn unreadable_again(class: Class, read: Option<u64>, was_ready: bool, times: u32) -> String {
    let mut facts = registry();
    facts.registry = Look::Unseen;
    facts.situation.trouble.last_read = read.map(|s| noon() - Duration::from_secs(s));
    facts.situation.unreadable_by(class);
    facts.situation.trouble.unreadable.as_mut().unwrap().times = times;
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
        decide(&absent(|f| {
            f.situation.trouble.failure =
                Some(failure(attempt(Purpose::Create, &registry().id, DOING), class, seconds_ago, times));
        }))
    };
    let throttled = Class::Throttled(Duration::from_secs(17));
    assert_table(&[
        (
            "permanent",
            after(Class::Permanent, 0, 1),
            "False Refused stalled | Bindery could not create the registry models: No. Correct what Azure names, in the manifest or in Azure; Bindery tries again, at least every 10 min. | 10 s",
        ),
        (
            "permanent, its time over",
            after(Class::Permanent, 10, 1),
            "False Refused stalled | -> create the registry models | now",
        ),
        (
            "permanent, again",
            after(Class::Permanent, 10, 2),
            "False Refused stalled | Bindery could not create the registry models: No. Correct what Azure names, in the manifest or in Azure; Bindery tries again, at least every 10 min. | 10 s",
        ),
        (
            "unauthorized",
            after(Class::Unauthorized, 0, 1),
            "False Unauthorized stalled | Bindery could not create the registry models: No. Check the rights of that identity in Azure; Bindery tries again, at least every 10 min. | 10 s",
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
            "conflict about what is not there, for the second time",
            after(Class::Conflict, 0, 2),
            "False Busy working | Bindery could not create the registry models: No. Bindery tries again, at least every 1 min. | 4 s",
        ),
        (
            "conflict again and again about what is not there: the name is somebody else's",
            after(Class::Conflict, 0, 3),
            "False NameTaken stalled | Bindery could not create the registry models: No. The name of a registry is unique in the whole tenant, and this one is in use in another resource group or not free again after a deletion. Make a new object with another name in spec.azure.name, or have the other registry deleted; Bindery tries again, at least every 1 min. | 8 s",
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
            decide(&absent(|f| {
                f.situation.trouble.failure =
                    Some(failure(attempt(Purpose::Update, &registry().id, "x"), Class::Permanent, 0, 1));
            })),
            "False Creating working | -> create the registry models | now",
        ),
    ]);
}

/// What Azure takes at last is no failure in the events.
#[test]
fn a_try_that_works_is_not_told_as_the_failure_before_it() {
    let decision = decide(&absent(|f| {
        let before = attempt(Purpose::Create, &registry().id, DOING);
        f.situation.trouble.failure = Some(failure(before, Class::Unauthorized, 10, 1));
    }));
    assert_eq!(told(&decision), "False Unauthorized stalled | -> create the registry models | now");
    let reply = Reply { operation: Some("https://op".into()), ..Reply::default() };
    let event = decision.deed.unwrap().taken(&decision.call.unwrap(), &reply);
    assert_eq!(event.note, "Bindery asked Azure to create the registry models.");
    assert_eq!((event.warning, event.reason), (false, Reason::Creating));
}

#[test]
fn what_a_code_says_is_said_with_what_to_do() {
    let coded = |code: &str| {
        let said = told(&decide(&absent(|f| {
            let mut failure =
                failure(attempt(Purpose::Create, &registry().id, DOING), Class::Permanent, 0, 1);
            failure.error.code = Some(code.into());
            f.situation.trouble.failure = Some(failure);
        })));
        said.split(" | ").take(2).collect::<Vec<_>>().join(" | ")
    };
    for (code, reason, advice) in [
        ("ScopeLocked", "Locked", "Have the lock removed in Azure"),
        (
            "RequestDisallowedByPolicy",
            "DisallowedByPolicy",
            "Write what the Azure Policy allows into the manifest, or have the resource exempted",
        ),
        (
            "OutOfQuota",
            "OutOfQuota",
            "Ask for more quota in Azure, or for fewer or smaller instances in the manifest",
        ),
        ("UserError", "Refused", "Correct what Azure names, in the manifest or in Azure"),
    ] {
        let expected = format!(
            "False {reason} stalled | Bindery could not {DOING}: {code}: No. {advice}; Bindery tries again, at least every 10 min."
        );
        assert_eq!(coded(code), expected);
    }
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
            "shortly before twice the interval, when the next try would come later than that",
            unreadable_again(Class::Transient, Some(1130), true, 9),
            "True Succeeded settled | All is well. | 70 s",
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
            "False Unauthorized stalled | Bindery could not read it: No. Check the rights of that identity in Azure; Bindery tries again, at least every 10 min. | 10 s",
        ),
        (
            "refused",
            unreadable(Class::Permanent, Some(60), true),
            "False Refused stalled | Bindery could not read it: No. Correct what Azure names, in the manifest or in Azure; Bindery tries again, at least every 10 min. | 10 s",
        ),
    ];
    let wrong: Vec<String> =
        table.iter().filter(|(_, a, b)| a != b).map(|(what, a, _)| format!("{what}: {a}")).collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn what_an_earlier_manifest_was_says_nothing_about_this_one() {
    let mut facts = registry();
    facts.registry = Look::Unseen;
    facts.situation.unreadable_by(Class::Transient);
    assert_eq!(told(&decide(&facts)), "True Succeeded settled | All is well. | 1 s");
    facts.situation.generation = 2;
    assert_eq!(
        told(&decide(&facts)),
        "Unknown Unreachable working | Bindery could not read it: No. Bindery tries again, at least every 5 min. | 1 s"
    );
}

#[test]
fn a_try_that_was_only_accepted_counts_when_it_fails() {
    let mut facts = registry();
    let call = decide(&absent(|_| ())).call.unwrap();
    let accepted = Reply { status: 202, operation: Some("https://op".into()), ..Reply::default() };
    for times in 1..=4 {
        facts.situation.take_in_answer(&call, Ok(&accepted), noon());
        facts.situation.operation = operation(Purpose::Create, DOING, &call.resource, 0, failed_state());
        facts.situation.take_in_operation();
        assert_eq!(facts.situation.trouble.failure.as_ref().map(|f| f.times), Some(times));
    }
    // While the next try runs, the status says why it is not the first.
    let running = operation(Purpose::Create, DOING, &call.resource, 40, OperationState::Running);
    facts.status.operation.clone_from(&running.remembered);
    facts.situation.operation = running;
    assert_eq!(
        told(&decide(&facts)),
        "False OperationRunning working | Azure works on it: create the registry models. It failed before: OutOfQuota: Not enough cores. | 10 s"
    );
    let mut busy = facts.clone();
    busy.situation.trouble.failure.as_mut().unwrap().error.class = Class::Transient;
    assert_eq!(
        told(&decide(&busy)),
        "False OperationRunning working | Azure works on it: create the registry models. | 10 s",
        "a moment's trouble is not worth a word"
    );
    let mut worked = facts.situation.clone();
    worked.operation.answer = Some(OperationState::Succeeded);
    worked.take_in_operation();
    assert_eq!(worked.trouble.failure, None);
    let done = Reply { status: 200, ..Reply::default() };
    facts.situation.take_in_answer(&call, Ok(&done), noon());
    assert_eq!(facts.situation.trouble.failure, None);
    assert!(decide(&registry()).settled && !decide(&absent(|_| ())).settled);
}

#[test]
fn the_end_of_an_object_does_not_hang_on_a_place_that_is_gone() {
    let gone = |code: &str| {
        let mut facts = registry();
        facts.registry = Look::Unseen;
        facts.spec.deletion_policy = RegistryDeletion::Delete;
        facts.situation.deleting = true;
        facts.situation.unreadable_by(Class::NotFound);
        facts.situation.trouble.unreadable.as_mut().unwrap().error.code = Some(code.into());
        decide(&facts)
    };
    let released = gone("ResourceGroupNotFound");
    assert!(released.release && released.call.is_none());
    assert_eq!(
        released.events[0].note,
        "Its resource group is gone from Azure, and with it all that was in it."
    );
    assert_eq!(
        told(&gone("SubscriptionNotFound")),
        "False NotFound stalled | Bindery could not read it: SubscriptionNotFound: No. If the place is gone from Azure for good, set spec.deletionPolicy to Retain, and Bindery lets go; it tries again, at least every 10 min. | 10 s"
    );
}

#[test]
fn what_is_referred_to_may_come_a_moment_later() {
    let missing = |since: Option<u64>, change: &dyn Fn(&mut crate::decide::deployment_binding::Facts)| {
        let it = crate::decide::fixtures::binding().with(|f| {
            f.place = crate::decide::Place::Missing { what: "Workspace fares/production".into() };
            f.situation.trouble.missing = since.map(|s| noon() - Duration::from_secs(s));
            change(f);
        });
        let decision = it.decide();
        assert_eq!(decision.missing, Some(noon() - Duration::from_secs(since.unwrap_or(0))));
        (told(&decision), decision.status.conditions)
    };
    let ends = |told: &str| {
        let (head, tail) = (told.split(" | ").next(), told.rsplit(" | ").next());
        format!("{} {}", head.unwrap(), tail.unwrap())
    };
    assert_eq!(ends(&missing(None, &|_| ()).0), "False ReferenceNotFound working 300 s");
    assert_eq!(ends(&missing(Some(299), &|_| ()).0), "False ReferenceNotFound working 1 s");
    let (said, conditions) = missing(Some(300), &|_| ());
    assert_eq!(ends(&said), "False ReferenceNotFound stalled interval");
    // After a restart it stays stalled, until the manifest is another one.
    let stalled = |generation| {
        let conditions = conditions.clone();
        missing(None, &move |f| {
            f.status.conditions.clone_from(&conditions);
            f.situation.generation = generation;
        })
    };
    assert_eq!(ends(&stalled(1).0), "False ReferenceNotFound stalled interval");
    assert_eq!(ends(&stalled(2).0), "False ReferenceNotFound working 300 s");
}

#[test]
fn a_restart_does_not_begin_the_wait_for_a_reference_anew() {
    let missing = || Place::Missing { what: "Workspace fares/production".into() };
    let unready =
        |stalled| Place::NotReady { what: "it".into(), because: "No.".into(), stalled, gone: false };
    let told_after = |place: &Place, seconds: u64| {
        let first = crate::decide::fixtures::binding().with(|f| f.place = place.clone());
        let again = crate::decide::fixtures::binding().with(|f| {
            f.place = place.clone();
            f.status = first.decide().status;
            f.situation.now = noon() + Duration::from_secs(seconds);
        });
        told(&again.decide())
    };
    for (what, place, seconds, expected) in [
        ("missing", missing(), 299, "working | 1 s"),
        ("missing", missing(), 300, "stalled | interval"),
        ("only a person can help it", unready(true), 299, "working | 1 s"),
        ("only a person can help it", unready(true), 300, "stalled | interval"),
        ("it may get ready by itself", unready(false), 300, "working | interval"),
    ] {
        let told = told_after(&place, seconds);
        let parts: Vec<&str> = told.split(" | ").collect();
        let course = parts[0].rsplit(' ').next().unwrap();
        assert_eq!(format!("{course} | {}", parts[2]), expected, "{what}, after {seconds} s: {told}");
    }
}

#[test]
fn the_end_of_a_change_is_looked_for_whatever_else_is_said() {
    let told = |answer| {
        told(
            &crate::decide::fixtures::binding()
                .with(|f| {
                    f.place = Place::NotReady {
                        what: "it".into(),
                        because: "No.".into(),
                        stalled: false,
                        gone: false,
                    };
                    f.situation.operation =
                        operation(Purpose::RemoveDeployment, "delete it", f.id.as_ref().unwrap(), 20, answer);
                })
                .decide(),
        )
    };
    assert_eq!(told(OperationState::Running), "False ReferenceNotReady working | it is not ready: No. | 5 s");
    assert_eq!(
        told(OperationState::Gone),
        "False ReferenceNotReady working | it is not ready: No. | interval"
    );
}

#[test]
fn whoever_suspends_in_a_pause_sees_that_it_was_understood() {
    let paused = || {
        let steps = serde_json::json!([{"setTraffic": 10}, {"pause": {"for": "10m"}}]);
        let it = crate::decide::fixtures::binding().steps(steps).serving("1");
        it.candidate("2", 10, 60).wanting("2").with(|f| f.situation.mode = Mode::Suspended)
    };
    let decision = paused().decide();
    assert_eq!(
        told(&decision),
        "False Suspended settled | spec.suspend is true: Bindery changes nothing in Azure, even when this wait is over. v2 has 10 % of the traffic. Step 2 of 2 is a pause, until 2026-03-01T12:09:00Z. | 540 s"
    );
    assert_eq!(decision.status.phase, Some(crate::api::Phase::Pausing));
}

#[test]
fn what_azure_does_not_keep_is_written_less_and_less_often() {
    let tagged = |value: &str, interval: u64| {
        let mut it = registry();
        it.situation.interval = Duration::from_secs(interval);
        it.spec.tags = crate::api::Tags::from([("team", value)]);
        it
    };
    let put = |it: &Facts| decide(it).call.unwrap();
    // Azure took it so long ago, so often.
    let taken = |value: &str, seconds_ago, times| {
        let mut it = tagged("fares", 600);
        let call = put(&tagged(value, 600));
        let at = noon() - Duration::from_secs(seconds_ago);
        it.situation.take_in_answer(&call, Ok(&Reply::default()), at);
        it.situation.now = noon();
        it.situation.trouble.written.as_mut().unwrap().times = times;
        decide(&it)
    };
    let said = "Bindery asked Azure to put back tags.team of registry models; Azure accepted that, and did not keep it: tags.team is 'platform' and should be 'fares'. An Azure Policy that modifies resources, or another program that writes to the same resource, may be the cause; write what Azure keeps into the manifest, or change the policy. Bindery tries again, at least every 10 min.";
    for (seconds_ago, times, then) in
        [(0, 1, "10 s"), (9, 1, "1 s"), (10, 2, "10 s"), (1, 7, "599 s"), (1, 30, "599 s")]
    {
        assert_eq!(
            told(&taken("fares", seconds_ago, times)),
            format!("False NotKept stalled | {said} | {then}")
        );
    }
    // Its time has come: the status goes on saying what is wrong.
    let again = taken("fares", 10, 1);
    assert_eq!(again.call.map(|c| c.doing).as_deref(), Some("put back tags.team of registry models"));
    assert!(told(&taken("fares", 10, 1)).starts_with("False NotKept stalled | "));
    assert!(again.deed.is_none(), "it is not told as done");
    // Nor does the status flap while Azure works on it, or an event say that it is done.
    for (times, said, done) in [(1, "False OperationRunning working", 1), (2, "False NotKept stalled", 0)] {
        let mut it = tagged("fares", 600);
        it.status.conditions = taken("fares", 1, 1).status.conditions;
        let call = put(&tagged("fares", 600));
        it.situation.take_in_answer(&call, Ok(&Reply::default()), noon());
        it.situation.trouble.written.as_mut().unwrap().times = times;
        let mut works = |answer| {
            let operation = operation(call.errand.purpose, &call.doing, &it.id, 5, answer);
            it.status.operation.clone_from(&operation.remembered);
            it.situation.operation = operation;
            decide(&it)
        };
        assert!(told(&works(OperationState::Running)).starts_with(said), "{times}");
        let events = works(OperationState::Succeeded).events;
        let told = events.iter().filter(|event| event.note.starts_with("Done: ")).count();
        assert_eq!(told, done, "{times}: {events:?}");
    }
    // What differs from what was written is another matter.
    assert!(told(&taken("blue", 0, 1)).starts_with("False Drifted working | -> put back tags.team"));
    // Every time counts, and what came in between ends the series.
    let mut it = tagged("fares", 600);
    let call = put(&it);
    let times = |it: &Facts| it.situation.trouble.written.as_ref().map(|w| w.times);
    for expected in [1, 2] {
        it.situation.take_in_answer(&call, Ok(&Reply::default()), noon());
        assert_eq!(times(&it), Some(expected));
    }
    it.situation.take_in_answer(&put(&tagged("blue", 600)), Ok(&Reply::default()), noon());
    assert_eq!(times(&it), Some(1));
}

#[test]
fn what_is_not_kept_is_known_again_whatever_else_the_service_writes() {
    let endpoint = |url: &str| {
        crate::decide::fixtures::binding().serving("1").with(|f| {
            f.spec.online.endpoint.tags = crate::api::Tags::from([("team", "fares")]);
            let Look::Found(endpoint) = &mut f.endpoint else { unreachable!() };
            let kept = serde_json::json!({"AzureAsyncOperationUri": url});
            endpoint.properties.rest.insert("properties".into(), kept);
            endpoint.tags.insert("policy-ran-at".into(), url.into());
        })
    };
    let call = endpoint("a").decide().call.unwrap();
    let mut it = endpoint("b");
    it.0.situation.take_in_answer(&call, Ok(&Reply::default()), noon());
    assert!(told(&it.decide()).starts_with("False NotKept stalled"), "{}", told(&it.decide()));
    // Traffic that moves is another matter.
    let moved = it.wanting("2").candidate("2", 0, 60);
    assert!(!told(&moved.decide()).starts_with("False NotKept"), "{}", told(&moved.decide()));
}

#[test]
fn what_was_never_seen_has_not_drifted() {
    let drifted = |f: &Facts| decide(f).status.conditions.iter().any(|c| c.type_ == "Drifted");
    assert!(drifted(&registry()) && !drifted(&absent(|_| ())));
    let mut unseen = registry();
    unseen.registry = Look::Unseen;
    unseen.situation.unreadable_by(Class::Unauthorized);
    assert!(!drifted(&unseen));
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

#[test]
fn events_tell_what_has_happened_once() {
    use crate::azure::model::ResourceId;
    use crate::decide::Event;

    let told = |facts: &Facts| {
        let tell = |e: Event| format!("{} {} {}: {}", e.warning, e.reason, e.action(), e.note);
        decide(facts).events.into_iter().map(tell).collect::<Vec<_>>()
    };
    let none: Vec<String> = vec![];
    let made = registry;
    let ended = |answer| {
        let mut facts = made();
        let operation =
            operation(Purpose::RemoveRegions, "remove a region", &ResourceId::new("/x"), 5, answer);
        facts.status.operation.clone_from(&operation.remembered);
        facts.situation.operation = operation;
        facts
    };
    assert_eq!(told(&made()), none, "nothing has happened");
    assert_eq!(told(&ended(OperationState::Running)), none);
    assert_eq!(
        told(&ended(OperationState::Succeeded)),
        ["false Succeeded RemoveRegions: Done: remove a region."]
    );

    let failed = absent(|f| {
        let operation = operation(Purpose::Create, DOING, &f.id, 5, failed_state());
        f.status.operation.clone_from(&operation.remembered);
        f.situation.operation = operation;
        f.situation.take_in_operation();
    });
    let first = told(&failed);
    assert!(
        first.len() == 1 && first[0].starts_with("true OutOfQuota Create: Bindery could not"),
        "{first:?}"
    );

    let mut refused = absent(|f| {
        f.situation.trouble.failure =
            Some(failure(attempt(Purpose::Create, &f.id, DOING), Class::Permanent, 1, 1));
    });
    let first = told(&refused);
    assert!(
        first.len() == 1 && first[0].starts_with("true Refused Reconcile: Bindery could not create"),
        "{first:?}"
    );
    refused.status = decide(&refused).status;
    assert_eq!(told(&refused), none, "it was told");

    let mut drifted = made();
    drifted.status.conditions = ready();
    let Look::Found(found) = &mut drifted.registry else { unreachable!() };
    found.tags.insert("team".into(), "pirates".into());
    let first = told(&drifted);
    assert!(
        first.len() == 1 && first[0].starts_with("true Drifted Reconcile: Changed in Azure: tags.team"),
        "{first:?}"
    );
    drifted.status = decide(&drifted).status;
    assert_eq!(told(&drifted), none);
}

/// The account that acts for a place is gone while something of the place goes.
#[test]
fn a_deletion_waits_for_an_account_only_for_a_while() {
    use crate::azure::model::{ACCOUNT_NOT_FOUND, Error};
    use crate::decide::fixtures::{ago, model_version};

    let of = |code: Option<&str>, seconds: u64, namespace_ends: bool| {
        let mut facts = model_version();
        facts.version = Look::Unseen;
        facts.spec.deletion_policy = crate::api::VersionDeletion::Delete;
        facts.situation.deleting = true;
        facts.situation.deleted_at = Some(ago(seconds));
        facts.situation.ownership.namespace_ends = namespace_ends;
        facts.situation.unreadable_by(Class::Credential);
        let failure = facts.situation.trouble.unreadable.as_mut().unwrap();
        let error = Error { code: code.map(Into::into), ..Error::new(Class::Credential, "No.") };
        failure.error = Error { asked_as: Some("service account fares/a".into()), ..error };
        let decision = crate::decide::model_version::decide(&facts);
        let warned = decision.events.iter().any(|event| event.warning && decision.release);
        (crate::decide::fixtures::told(&decision), warned)
    };
    let gone = Some(ACCOUNT_NOT_FOUND);
    let waits = "False CredentialFailed stalled | Bindery acts for this place as service account fares/a, which is gone. It waits for the account until 2026-03-01T12:05:00Z, and then lets go and leaves /somewhere in Azure as it is. | 60 s";
    let left = "False Finishing working | Bindery lets go: service account fares/a, which acted for this place, is gone. /somewhere stays in Azure as it is, with its owner tag; delete it there if nobody needs it. | interval | released";
    assert_eq!(of(gone, 600, false), (waits.into(), false));
    assert_eq!(of(gone, 900, false), (left.into(), true));
    // What is wrong with an account that is there can be mended, but for one whose namespace ends.
    let (said, _) = of(None, 9000, false);
    assert!(said.starts_with("False CredentialFailed stalled | Bindery could not read it"), "{said}");
    assert_eq!(of(None, 900, true), (left.into(), true));
}

/// A warning is told once, and again when it has another reason.
#[test]
fn a_warning_with_another_reason_is_news() {
    let warned = |facts: &Facts| {
        let events = decide(facts).events;
        events.into_iter().filter(|it| it.warning).map(|it| it.reason).collect::<Vec<_>>()
    };
    let mut facts = registry();
    facts.registry = Look::Unseen;
    facts.situation.acting = Err("Add it.".into());
    assert_eq!(warned(&facts), [Reason::IdentityNotAllowed]);
    facts.status = decide(&facts).status;
    assert!(warned(&facts).is_empty());
    facts.situation.acting = Ok(crate::azure::model::Principal::Operator);
    facts.situation.unreadable_by(Class::Unauthorized);
    assert_eq!(warned(&facts), [Reason::Unauthorized]);
}

#[test]
fn the_name_of_an_endpoint_that_is_taken_in_its_region_is_one() {
    let said = |purpose, message: &str| {
        let endpoint = ResourceId::workspace("s", "rg", "production").child("onlineEndpoints", "taxi");
        let mut it = failure(attempt(purpose, &endpoint, "create the endpoint taxi"), Class::Permanent, 0, 1);
        it.error.message = message.into();
        it.advice_on_a_taken_name()
    };
    let unique = "There is one already. A name needs to be unique within a region.";
    assert!(said(Purpose::Create, unique).is_some_and(|it| it.contains("another name of the endpoint")));
    assert_eq!(said(Purpose::Update, unique), None);
    assert_eq!(said(Purpose::Create, "No."), None);
}
