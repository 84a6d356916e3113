use std::sync::Mutex;

use futures::stream;
use serde_json::json;

use super::*;
use crate::controller::fixtures;
use crate::decide::Watched;
use crate::decide::facts::ClusterRead;

#[tokio::test]
async fn everybody_is_woken_once_and_only_when_the_listing_ended() {
    let dev = json!({"workspaceRef": {"name": "dev"}});
    let listed = |name: &str| Event::InitApply(fixtures::version(name, name, &dev));
    for (events, expected) in [
        (vec![Event::Init, listed("one"), listed("two")], vec![]),
        (vec![Event::Init, listed("one"), listed("two"), Event::InitDone], vec!["one", "two"]),
        // The watch broke: who is gone is not woken, and the others get a look at what was missed.
        (
            vec![
                Event::Init,
                listed("one"),
                listed("two"),
                Event::InitDone,
                Event::Init,
                listed("two"),
                Event::InitDone,
            ],
            vec!["one", "two", "two"],
        ),
        (vec![Event::Apply(fixtures::version("one", "one", &dev))], vec!["one"]),
    ] {
        let (store, writer) = reflector::store();
        let woken = Mutex::new(vec![]);
        let wake = |whom: &[Arc<ObjectKey>]| {
            let mut woken = woken.lock().expect("not poisoned");
            woken.extend(whom.iter().map(|key| key.name.to_string()));
            let known = |key: &Arc<ObjectKey>| store.get(&ObjectRef::new(&key.name).within(&key.namespace));
            assert!(whom.iter().all(|key| known(key).is_some()), "whoever is woken is in the store");
        };
        take_in(stream::iter(events), &fixtures::context(), writer, wake).await;
        assert_eq!(woken.into_inner().expect("not poisoned"), expected);
    }
}

#[test]
fn an_event_that_is_no_newer_than_our_own_last_write_wakes_nobody() {
    let context = fixtures::context();
    let event = |version: &str, serving: &str| {
        let mut object = fixtures::binding("taxi", &[]);
        object.metadata.resource_version = Some(version.into());
        object.status.get_or_insert_default().traffic_summary = Some(serving.into());
        context.take_in(&Event::Apply(object)).len()
    };
    assert_eq!(event("1", "nothing"), 1, "a new object");
    // We write two statuses one after the other, and hear of the first only after the second.
    context.memory.change("taxi", |it| it.written = Some(3));
    assert_eq!((event("2", "the first"), event("3", "the second")), (0, 0));
    assert_eq!(event("4", "somebody else's"), 1);
}

/// An object that went by its own deletion is known to be gone, for a while and until it is there again.
#[test]
fn who_was_let_go_is_remembered_for_a_while() {
    let context = fixtures::context();
    let key = fixtures::binding("taxi", &[]).key();
    let at = |seconds| jiff::Timestamp::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    let gone = |seconds| context.memory.has_let_go(&key, at(seconds));
    assert!(!gone(0));
    context.memory.lets_go(key.clone(), at(0));
    assert!(gone(0) && gone(599) && !gone(600));
    let mut going = fixtures::binding("taxi", &[]);
    going.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::UNIX_EPOCH));
    context.take_in(&Event::Apply(going));
    assert!(gone(1), "the last event of an object that goes");
    context.take_in(&Event::Apply(fixtures::binding("taxi", &[])));
    assert!(!gone(1));
}

/// Nobody can say of an object whether it is there where nobody watches.
#[test]
fn what_is_not_watched_is_not_called_absent() {
    let mut context = fixtures::context();
    let reader = Arc::new(fixtures::binding("taxi", &[]).key());
    let key = |namespace: &str| ObjectKey { namespace: namespace.into(), ..fixtures::registry().key() };
    let found = |context: &Context<fixtures::Nowhere>, read: ClusterRead| {
        format!("{:?}", context.find(&reader, &read))
    };
    for (watched, namespace, object, labels) in [
        (Watched::all(), "blue", "Object(None)", "Namespace(Namespace { labels: {}, ends: false })"),
        (Watched::only(["fares".into()]), "blue", "NotWatched", "NotWatched"),
        (Watched::only(["fares".into(), "blue".into()]), "blue", "Object(None)", "NotWatched"),
        (Watched::only([]), "blue", "Object(None)", "Namespace(Namespace { labels: {}, ends: false })"),
    ] {
        context.options.watched = watched;
        assert_eq!(found(&context, ClusterRead::Object(key(namespace))), object);
        assert_eq!(found(&context, ClusterRead::Namespace(namespace.into())), labels);
    }
}
