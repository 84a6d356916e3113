use std::sync::Mutex;

use futures::stream;
use kube::runtime::reflector::ObjectRef;
use serde_json::json;

use super::*;
use crate::controller::fixtures;
use crate::decide::Watched;
use crate::decide::facts::{ClusterRead, Name};
use crate::heard::Log;

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

/// Whoever is woken gets a pass, and further ones as each pass asks for; none is begun once the operator is told to stop.
#[tokio::test(start_paused = true)]
async fn whoever_is_woken_gets_passes_until_the_operator_stops() {
    let context = Arc::new(fixtures::context());
    let object = Arc::new(fixtures::version("one", "taxi", &json!({"workspaceRef": {"name": "none"}})));
    let key = Arc::new(object.key());
    context.ports.objects.lock().expect("a lock").insert(object.key(), object.any());
    let (queues, ends) = queues(true);
    let versions = ObjectKind::ALL.iter().position(|kind| *kind == ObjectKind::ModelVersion).expect("a kind");
    let stop = CancellationToken::new();
    let serves =
        tokio::spawn(serve(ObjectKind::ModelVersion, context.clone(), ends[versions].clone(), stop.clone()));
    let passes = async |seconds| {
        context.ports.writes.lock().expect("a lock").clear();
        context.ports.objects.lock().expect("a lock").entry(ObjectKey::clone(&key)).and_modify(|it| {
            // Each pass writes its status, so that it can be counted.
            let mut bare = fixtures::version("one", "taxi", &json!({"workspaceRef": {"name": "none"}}));
            bare.metadata.resource_version = None;
            *it = Arc::new(bare).any();
        });
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        context.ports.writes.lock().expect("a lock").iter().filter(|it| **it == "status").count()
    };
    assert_eq!(passes(1).await, 0, "nobody has woken it");
    queues.wake(std::slice::from_ref(&key), None);
    assert_eq!(passes(1).await, 1);
    assert_eq!(passes(200).await, 0, "nothing is due");
    assert_eq!(passes(200).await, 1, "the next comparison");
    queues.read.store(false, Ordering::SeqCst);
    queues.wake(std::slice::from_ref(&key), None);
    assert_eq!(passes(1).await, 0, "nobody leads");
    stop.cancel();
    serves.await.expect("no panic");
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

/// What a pass notes of an object that went while the pass was made is not kept for ever.
#[test]
fn an_object_that_is_gone_is_forgotten_also_by_the_pass_that_saw_it() {
    let context = fixtures::context();
    let object = fixtures::binding("taxi", &[]);
    let ends = |object: &DeploymentBinding| {
        let uid = object.uid_or_empty();
        context.memory.change(&uid, |it| it.refused += 1);
        context.pass_ends(&object.key(), &uid);
        context.memory.knows(&uid)
    };
    context.take_in(&Event::Apply(object.clone()));
    assert!(ends(&object), "it is there");
    context.take_in(&Event::Delete(object.clone()));
    assert!(!context.memory.knows("taxi") && !ends(&object));
    // One that was made anew under its name is another one.
    let mut heir = object.clone();
    heir.metadata.uid = Some("another".into());
    context.take_in(&Event::Apply(heir.clone()));
    assert!(!ends(&object) && ends(&heir));
}

/// An object that cannot be read speaks for itself no less than one that nobody has seen.
#[test]
fn what_cannot_be_read_is_not_called_absent() {
    let context = fixtures::context();
    let reader = Arc::new(fixtures::binding("taxi", &[]).key());
    let found = |key: ObjectKey| format!("{:?}", context.find(&reader, &ClusterRead::Object(key)));
    let key = fixtures::registry().key();
    assert_eq!(found(key.clone()), "Object(None)");
    context.unreadable.add("Registry", &fixtures::registry().metadata);
    assert_eq!(found(key), "Unreadable");
    assert_eq!(found(fixtures::binding("models", &[]).key()), "Object(None)");
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
        let decided = ClusterRead::Naming(ObjectKind::Approval, Name::decision("azureml://x", namespace));
        let decisions = if object == "NotWatched" { "NotWatched" } else { "Naming([])" };
        assert_eq!(found(&context, decided), decisions);
    }
}

/// What a watch brings, and what its failures make the log say.
#[tokio::test(start_paused = true)]
async fn a_watch_that_fails_is_told_once_and_so_is_its_return() {
    type Item = watcher::Result<Event<ModelVersion>>;
    let status =
        |code: u16, message: &str| Box::new(kube::core::Status::failure(message, "").with_code(code));
    let list = |code, message: &str| -> Item {
        Err(watcher::Error::InitialListFailed(kube::Error::Api(status(code, message))))
    };
    let unanswered =
        || -> Item { Err(watcher::Error::WatchFailed(kube::Error::Service("connection refused".into()))) };
    let unreadable = || -> Item {
        let error = serde_json::from_str::<ModelVersion>("{}").expect_err("no spec");
        Err(watcher::Error::WatchFailed(kube::Error::SerdeError(error)))
    };
    let changed = || -> Item {
        Ok(Event::Apply(fixtures::version("one", "taxi", &json!({"workspaceRef": {"name": "dev"}}))))
    };
    let fails = "WARN The watch of ModelVersion objects fails";
    let works = "INFO The watch of ModelVersion objects works again";
    for (what, items, expected) in [
        ("all is well", vec![Ok(Event::Init), Ok(Event::InitDone), changed()], vec![]),
        (
            "forbidden, then allowed",
            vec![
                Ok(Event::Init),
                list(403, "modelversions is forbidden"),
                Ok(Event::Init),
                list(403, "modelversions is forbidden"),
                Ok(Event::Init),
                Ok(Event::InitDone),
            ],
            vec![format!("{fails}: modelversions is forbidden."), works.to_string()],
        ),
        (
            "there is no such kind",
            vec![Ok(Event::Init), list(404, "404 page not found")],
            vec![
                format!("{fails}: the cluster does not know this kind: install or update the CustomResource"),
                works.to_string(),
            ],
        ),
        (
            "an object that does not parse, then one that does",
            vec![unreadable(), unreadable(), changed()],
            vec![format!("{fails}: watch stream failed"), works.to_string()],
        ),
        // Nothing more comes: that is how a watch looks that has begun and has nothing to bring.
        (
            "quiet since",
            vec![list(403, "modelversions is forbidden")],
            vec![format!("{fails}: modelversions is forbidden."), works.to_string()],
        ),
        (
            "what is told once for all watches, and what is nothing to tell",
            vec![
                unanswered(),
                list(503, "etcd is away"),
                list(410, "too old resource version"),
                unanswered(),
            ],
            vec![],
        ),
    ] {
        let log = Log::default();
        let _heard = tracing::subscriber::set_default(log.subscriber("info".into()));
        let brought = items.iter().filter(|item| item.is_ok()).count();
        let all = stream::iter(items).chain(stream::pending()).boxed();
        let telemetry: Arc<Telemetry> = Arc::default();
        let all = told(all, "ModelVersion".into(), "fares".into(), telemetry.watch("it".into()));
        let seen = all.take_until(tokio::time::sleep(QUIET * 2)).count().await;
        assert_eq!(seen, brought, "{what}");
        let lines = log.lines();
        let words = |line: &String| line.replace("bindery::controller::watch: ", "");
        let lines: Vec<String> = lines.iter().map(words).collect();
        let right = lines.len() == expected.len()
            && lines.iter().zip(&expected).all(|(line, start)| line.starts_with(start.as_str()));
        assert!(right, "{what}: {lines:#?}");
        assert!(lines.iter().all(|line| line.contains("namespaces=fares")), "{what}: {lines:#?}");
    }
}
