//! The Secret with the keys of the endpoint: when it is written, when it goes, and what is said of it.

use std::time::Duration;

use crate::api::{ConditionType, DeploymentBinding, KeysSecret, KeysSecretStatus, Reason, conditions_of};
use crate::azure::model::{Class, Error, Purpose};
use crate::decide::fixtures::{Binding, ago, binding, noon};
use crate::decide::{Kind as _, LookAgain, Mode, SecretDeed, SecretDone, SecretRefusal, SecretWork};

/// Version 1 serves, and the manifest asks for the keys in `taxi-keys`.
fn asking() -> Binding {
    binding().serving("1").with(|f| {
        f.spec.online.endpoint.keys_secret = Some(KeysSecret { name: "taxi-keys".into() });
    })
}

/// The status names the Secret, which was written so many seconds ago or not at all.
fn noted(written: Option<u64>) -> Binding {
    asking().with(|f| {
        let written_at = written.map(ago);
        f.status.keys_secret =
            Some(KeysSecretStatus { name: "taxi-keys".into(), written_at, replaces: vec![] });
    })
}

/// What is done with the Secret now.
fn deed(it: &Binding) -> Option<SecretDeed> {
    it.decide().secret
}

/// After it was done so many seconds ago, with this outcome.
fn done(it: Binding, seconds: u64, outcome: Result<bool, SecretRefusal>) -> Binding {
    let deed = deed(&it).unwrap();
    it.with(|f| f.situation.trouble.secret = Some(SecretDone { deed, at: ago(seconds), outcome }))
}

/// The deed in a word.
fn word(deed: Option<SecretDeed>) -> String {
    match deed {
        None => "nothing".into(),
        Some(SecretDeed { name, work: SecretWork::Remove }) => format!("remove {name}"),
        Some(SecretDeed { name, work: SecretWork::HandOver(heir) }) => format!("give {name} to {heir}"),
        Some(SecretDeed { name, work: SecretWork::Write(keys) }) => {
            format!("write {name} of {}", keys.endpoint.name())
        }
    }
}

#[test]
fn the_status_names_the_secret_before_it_is_written() {
    let first = asking().decide();
    let named = first.status.keys_secret.clone().unwrap();
    assert_eq!((named.name.as_str(), named.written_at), ("taxi-keys", None));
    assert_eq!((first.secret.clone(), first.next), (None, LookAgain::Now));
    assert_eq!(word(deed(&noted(None))), "write taxi-keys of taxi");
    let SecretWork::Write(keys) = deed(&noted(None)).unwrap().work else { panic!("nothing is written") };
    assert_eq!(keys.scoring_uri, "https://taxi.eastus.inference.ml.azure.com/score");
    assert_eq!(keys.errand.purpose, Purpose::ReadKeys);
}

#[test]
fn the_keys_are_compared_once_in_an_interval_where_they_may_be_asked_for() {
    let written = || noted(Some(900));
    let of = |mode: &str| {
        let mut it = noted(None);
        it.found().properties.auth_mode = mode.into();
        it
    };
    for (what, it, expected) in [
        ("nobody asks", binding().serving("1"), "nothing"),
        ("this process has not looked yet", written(), "write taxi-keys of taxi"),
        ("it has just looked", done(written(), 10, Ok(false)), "nothing"),
        ("before the interval is over", done(written(), 539, Ok(true)), "nothing"),
        ("with the regular look", done(written(), 540, Ok(true)), "write taxi-keys of taxi"),
        ("it was refused", done(written(), 59, Err(SecretRefusal::Forbidden)), "nothing"),
        ("it is tried again", done(written(), 60, Err(SecretRefusal::Forbidden)), "write taxi-keys of taxi"),
        ("suspended", noted(None).with(|f| f.situation.mode = Mode::Suspended), "nothing"),
        ("observed", noted(None).with(|f| f.situation.mode = Mode::Observe), "nothing"),
        ("--observe-only", noted(None).with(|f| f.situation.mode = Mode::ObserveOnly), "nothing"),
        ("no keys", of("AADToken"), "nothing"),
        ("no keys either", of("AMLToken"), "nothing"),
        ("another's", noted(None).tagged("bindery-owner", "prod/fares/other"), "nothing"),
        ("nobody's", noted(None).with(|f| f.status.stable = None).tagged("bindery-owner", ""), "nothing"),
        ("no endpoint", noted(None).with(|f| f.endpoint = crate::decide::Look::Absent), "nothing"),
    ] {
        assert_eq!(word(deed(&it)), expected, "{what}");
    }
}

#[test]
fn what_is_asked_for_no_more_is_removed_in_whatever_mode() {
    let gone = |it: Binding| it.with(|f| f.spec.online.endpoint.keys_secret = None);
    for (what, it) in [
        ("the field is gone", gone(noted(Some(900)))),
        ("it was never written, as far as anybody knows", gone(noted(None))),
        ("suspended", gone(noted(None)).with(|f| f.situation.mode = Mode::Suspended)),
        ("observed", gone(noted(None)).with(|f| f.situation.mode = Mode::Observe)),
        (
            "the binding goes",
            noted(Some(900)).with(|f| {
                f.situation.deleting = true;
                f.endpoint = crate::decide::Look::Absent;
            }),
        ),
    ] {
        assert_eq!(word(deed(&it)), "remove taxi-keys", "{what}");
        for outcome in [Ok(true), Ok(false), Err(SecretRefusal::NotOurs)] {
            let after = done(it.clone(), 0, outcome);
            let name = after.decide().status.keys_secret.map(|it| it.name);
            assert_eq!(deed(&after), None, "{what}");
            assert_ne!(name.as_deref(), Some("taxi-keys"), "{what}");
        }
        let kept = done(it.clone(), 0, Err(SecretRefusal::Forbidden)).decide();
        assert_eq!(kept.status.keys_secret.map(|it| it.name).as_deref(), Some("taxi-keys"), "{what}");
    }
}

/// Another Secret is asked for, as the status has it then.
fn renamed(before: Binding, name: &str) -> Binding {
    let it = before.with(|f| f.spec.online.endpoint.keys_secret = Some(KeysSecret { name: name.into() }));
    let decision = it.decide();
    assert_eq!((decision.secret, decision.next), (None, LookAgain::Now), "first it is named");
    it.with(|f| f.status = decision.status)
}

/// What the status names, and what goes afterwards.
fn named(it: &Binding) -> (String, Vec<String>) {
    let status = it.decide().status.keys_secret.unwrap();
    (status.name, status.replaces)
}

#[test]
fn an_earlier_secret_goes_when_the_next_one_is_written() {
    let it = renamed(noted(Some(900)), "other");
    assert_eq!(named(&it), ("other".into(), vec!["taxi-keys".into()]));
    assert_eq!(word(deed(&it)), "write other of taxi");
    // Applications go on with the one that they have while the next one cannot be written.
    let refused = done(it.clone(), 0, Err(SecretRefusal::NotOurs));
    assert_eq!((word(deed(&refused)), named(&refused)), ("nothing".into(), named(&it)));
    let conditions = conditions_of(&refused.decide().status.conditions);
    let message = &conditions.get(ConditionType::Ready).unwrap().message;
    assert!(
        message
            .ends_with("The Secret taxi-keys, which the manifest named before, stays as it is until then."),
        "{message}"
    );
    // Once it is written, the earlier one goes at once, and not with the next look.
    let written = done(it.clone(), 0, Ok(true)).decide();
    assert_eq!((written.secret, written.next), (None, LookAgain::Now));
    let stored = done(it.clone(), 0, Ok(true)).with(|f| f.status = written.status);
    assert_eq!(word(deed(&stored)), "remove taxi-keys");
    let back = renamed(refused.clone(), "taxi-keys");
    assert_eq!(named(&back), ("taxi-keys".into(), vec!["other".into()]));
    // Nobody asks for any: all go, one by one.
    let mut none = refused.with(|f| f.spec.online.endpoint.keys_secret = None);
    for name in ["taxi-keys", "other"] {
        assert_eq!(word(deed(&none)), format!("remove {name}"));
        none = done(none, 0, Ok(true));
        none = none.clone().with(|f| f.status = none.decide().status);
    }
    assert_eq!(none.decide().status.keys_secret, None);
    // It is written: the earlier one goes, and is told of once.
    let written = done(it, 0, Ok(true));
    let written = written.clone().with(|f| f.status = written.decide().status);
    assert_eq!(word(deed(&written)), "remove taxi-keys");
    let gone = done(written, 0, Ok(true));
    assert_eq!(named(&gone), ("other".into(), vec![]));
    let notes: Vec<String> = gone.decide().events.into_iter().map(|it| it.note).collect();
    assert!(
        notes.contains(&"Done: remove the Secret taxi-keys with the keys of the endpoint taxi.".into()),
        "{notes:?}"
    );
    // The list is bounded: the first one makes room.
    let many = ["a", "b", "c", "d", "e"].iter().fold(noted(Some(900)), |it, name| renamed(it, name));
    let full = many.with(|f| f.spec.online.endpoint.keys_secret = Some(KeysSecret { name: "f".into() }));
    assert_eq!((named(&full).0, word(deed(&full))), ("e".into(), "remove taxi-keys".into()));
    assert_eq!(named(&done(full, 0, Ok(true))).0, "f");
}

#[test]
fn ready_waits_for_the_secret_and_says_what_is_wrong() {
    let azure = Error { code: Some("Busy".into()), ..Error::new(Class::Permanent, "No.") };
    let mut tokens = noted(None);
    tokens.found().properties.auth_mode = "AADToken".into();
    for (what, it, reason, part) in [
        ("first", asking(), Reason::Progressing, "about to write"),
        ("written", done(noted(None), 0, Ok(true)), Reason::Succeeded, "serves all the traffic"),
        ("known from before", noted(Some(900)), Reason::Succeeded, "serves all the traffic"),
        (
            "foreign",
            done(noted(None), 0, Err(SecretRefusal::NotOurs)),
            Reason::SecretNotOurs,
            "fares/taxi-keys is there without the label bindery.dev/endpoint-keys: taxi",
        ),
        (
            "no right",
            done(noted(Some(900)), 0, Err(SecretRefusal::Forbidden)),
            Reason::SecretNotAllowed,
            "list the namespace fares in endpointKeys.namespaces",
        ),
        (
            "the API server refuses",
            done(noted(None), 0, Err(SecretRefusal::Failed("exceeded quota.".into()))),
            Reason::KeysUnavailable,
            "exceeded quota. Bindery tries again",
        ),
        (
            "Azure refuses",
            done(noted(None), 0, Err(SecretRefusal::Azure(azure))),
            Reason::Refused,
            "read the keys of the endpoint taxi",
        ),
        ("tokens", tokens, Reason::KeysUnavailable, "callers authenticate by AADToken"),
        (
            "it cannot be removed",
            done(
                noted(Some(900)).with(|f| f.spec.online.endpoint.keys_secret = None),
                0,
                Err(SecretRefusal::Forbidden),
            ),
            Reason::SecretNotAllowed,
            "list the namespace fares in endpointKeys.namespaces",
        ),
    ] {
        let conditions = conditions_of(&it.decide().status.conditions);
        let ready = conditions.get(ConditionType::Ready).unwrap();
        assert_eq!(ready.reason, reason.to_string(), "{what}: {}", ready.message);
        assert!(ready.message.contains(part), "{what}: {}", ready.message);
    }
    let refused = done(noted(None), 10, Err(SecretRefusal::NotOurs)).decide();
    assert_eq!(refused.next, LookAgain::After(Duration::from_secs(50)));
}

#[test]
fn what_has_happened_is_told_once() {
    let told = |it: &Binding| -> Vec<String> {
        it.decide().events.into_iter().filter(|it| it.note.contains("Secret")).map(|it| it.note).collect()
    };
    let wrote = "Done: write the keys of the endpoint taxi into the Secret taxi-keys.";
    let removed = "Done: remove the Secret taxi-keys with the keys of the endpoint taxi.";
    let nothing: [&str; 0] = [];
    let first = done(noted(None), 0, Ok(true));
    assert_eq!(told(&first), [wrote]);
    assert_eq!(first.decide().status.keys_secret.unwrap().written_at, Some(noon()));
    let known = first.clone().with(|f| f.status = first.decide().status);
    assert_eq!(told(&known), nothing);
    assert_eq!(told(&done(noted(Some(900)), 0, Ok(true))), [wrote], "the keys had changed");
    assert_eq!(told(&done(noted(Some(900)), 0, Ok(false))), nothing);
    let gone = noted(Some(900)).with(|f| f.spec.online.endpoint.keys_secret = None);
    assert_eq!(told(&done(gone, 0, Ok(true))), [removed]);
}

#[test]
fn a_binding_goes_also_where_its_secret_cannot_be_removed() {
    let going = |outcome: Option<Result<bool, SecretRefusal>>| {
        let it = noted(Some(900)).with(|f| {
            f.situation.deleting = true;
            f.endpoint = crate::decide::Look::Absent;
        });
        outcome.map_or(it.clone(), |outcome| done(it, 0, outcome)).decide()
    };
    let first = going(None);
    assert!(first.release && first.secret.is_some(), "first the Secret");
    let stays = "Bindery could not remove the Secret taxi-keys; Kubernetes removes it with this object, which owns it.";
    let says = |outcome| going(Some(outcome)).events.iter().any(|it| it.note == stays);
    assert!(says(Err(SecretRefusal::Forbidden)) && !says(Ok(true)));
    assert!(going(Some(Err(SecretRefusal::Forbidden))).release);
}

/// Applications read the keys while a binding is renamed, and until the endpoint is gone.
#[test]
fn the_secret_of_a_binding_that_goes_stays_for_its_heir_or_until_the_end() {
    let goes = || noted(Some(900)).with(|f| f.situation.deleting = true);
    let renamed = |prepared: bool| {
        goes().with(|f| {
            f.situation.claimed_by("fares/heir", -60);
            f.situation.ownership.claimants[0].prepared = prepared;
        })
    };
    for (what, it, expected) in [
        ("something is on the endpoint", goes(), "nothing"),
        (
            "the endpoint is gone",
            goes().with(|f| f.endpoint = crate::decide::Look::Absent),
            "remove taxi-keys",
        ),
        ("the heir does not know of it yet", renamed(false), "nothing"),
        ("the heir knows", renamed(true), "give taxi-keys to heir"),
        ("it was not given", renamed(true).tagged("bindery-owner", "prod/fares/heir"), "remove taxi-keys"),
    ] {
        assert_eq!(word(deed(&it)), expected, "{what}");
    }
    let given = done(renamed(true), 0, Ok(true)).decide();
    assert_eq!((given.secret, given.status.keys_secret), (None, None));
    assert!(given.call.unwrap().doing.starts_with("hand the endpoint taxi over"));
    assert!(given.events.iter().all(|it| !it.note.contains("remove the Secret")), "{:?}", given.events);
}

#[test]
fn the_heir_knows_the_secrets_before_it_has_the_endpoint_and_removes_what_it_does_not_ask_for() {
    let mut heir = binding().serving("1").0.status;
    DeploymentBinding::inherit(&mut heir, &noted(Some(900)).0.status);
    assert_eq!(heir.keys_secret, noted(Some(900)).0.status.keys_secret);
    let mut other = renamed(noted(Some(900)), "other").0.status;
    let before = other.clone();
    DeploymentBinding::inherit(&mut other, &noted(Some(900)).0.status);
    assert_eq!(other, before, "it knows it already");

    let waits = |it: Binding| {
        it.with(|f| {
            f.situation.ownership.leaving = vec!["fares/old".into()];
            f.status.keys_secret.clone_from(&heir.keys_secret);
        })
    };
    let not_yet = waits(binding().serving("1")).tagged("bindery-owner", "prod/fares/old");
    assert_eq!(word(deed(&not_yet)), "nothing");
    assert_eq!(not_yet.decide().status.keys_secret, heir.keys_secret, "or nothing would be handed over");
    assert_eq!(word(deed(&waits(binding().serving("1")))), "remove taxi-keys");
    assert_eq!(word(deed(&waits(asking()))), "write taxi-keys of taxi");
}
