use futures::stream;
use http::{Request, Response};
use kube::ResourceExt;
use kube::client::Body;
use kube::runtime::reflector::{self, store::Writer};
use serde_json::{Value, json};

use super::*;
use crate::api::{DELETE_WHILE_IN_USE, ModelVersion, Object, RECONCILE};
use crate::controller::fixtures;
use crate::controller::watch::{ALL, PAGE, events};
use crate::heard::Log;

/// A time that the schema lets in and no clock here can hold.
const FAR: &str = "9999-12-31T23:59:59Z";

/// A version as the API server has it.
fn manifest(name: &str, resource_version: u32) -> Value {
    let mut object = fixtures::version(name, "taxi", &json!({"workspaceRef": {"name": "dev"}}));
    object.metadata.resource_version = Some(resource_version.to_string());
    serde_json::to_value(object).expect("JSON")
}

fn bad_status(name: &str, resource_version: u32) -> Value {
    let mut object = manifest(name, resource_version);
    let ready = json!({"type": "Ready", "status": "True", "reason": "InSync", "message": "", "lastTransitionTime": FAR});
    object["status"] = json!({"conditions": [ready]});
    object
}

fn bad_spec(name: &str, resource_version: u32) -> Value {
    let mut object = manifest(name, resource_version);
    object["spec"]["version"] = json!({"no": "number"});
    object
}

fn sighting(object: Value) -> Sighting<ModelVersion> {
    serde_json::from_value(object).expect("never an error")
}

/// What is passed on, such as `+fares/one`; what the store and the list of the unreadable hold in the end; what the log says.
async fn told(
    all: Vec<Event<Sighting<ModelVersion>>>,
) -> (Vec<String>, Vec<String>, Vec<String>, Vec<String>) {
    let (store, mut writer): (_, Writer<ModelVersion>) = reflector::store();
    let (log, unreadable) = (Log::default(), Arc::<Unreadable>::default());
    let _heard = tracing::subscriber::set_default(log.subscriber("info".into()));
    let mut passed = vec![];
    let to_others = |meta: &ObjectMeta, note: String| {
        assert!(
            meta.uid.is_some() && note.starts_with("This object cannot be read (spec.version: "),
            "{note}"
        );
        info!("told of {}", meta.name.as_deref().unwrap_or_default());
    };
    let mut events = legible(stream::iter(all), store.clone(), Arc::clone(&unreadable), to_others);
    while let Some(event) = events.next().await {
        writer.apply_watcher_event(&event);
        passed.push(match event {
            Event::Init => "begin".to_string(),
            Event::InitApply(it) => format!("={}", it.name_any()),
            Event::InitDone => "end".into(),
            Event::Apply(it) => format!("+{}", it.name_any()),
            Event::Delete(it) => format!("-{}", it.name_any()),
        });
    }
    let mut held: Vec<String> = store.state().iter().map(|it| it.name_any()).collect();
    held.sort();
    let of_key = |name: &str| {
        unreadable.holds(&fixtures::version(name, "m", &json!({"workspaceRef": {"name": "dev"}})).key())
    };
    let unreadable =
        ["one", "two", "three"].iter().copied().filter(|name| of_key(name)).map(String::from).collect();
    let start = |line: &String| {
        line.replace("bindery::controller::watch::legible: ", "")
            .replace("bindery::controller::watch::legible::tests: ", "")
            .split(" (")
            .flat_map(|part| part.split(" kind="))
            .next()
            .unwrap_or_default()
            .to_string()
    };
    (passed, held, unreadable, log.lines().iter().map(start).collect())
}

#[tokio::test]
async fn what_cannot_be_read_is_left_out_and_told_once_for_each_version_of_it() {
    let listing = |objects: Vec<Value>| {
        let all = objects.into_iter().map(|it| Event::InitApply(sighting(it)));
        [vec![Event::Init], all.collect(), vec![Event::InitDone]].concat()
    };
    let applied = |object| vec![Event::Apply(sighting(object))];
    let unreadable = "WARN ModelVersion fares/two cannot be read";
    let told_of = "INFO told of two";
    let again = "INFO ModelVersion fares/two, which could not be read, can be read again.";
    let gone = "INFO ModelVersion fares/two, which could not be read, is gone.";
    let without = "WARN The status of ModelVersion fares/two cannot be read";
    for (what, events, passed, held, left_out, log) in [
        (
            "listed, and listed again after the watch broke",
            [
                listing(vec![manifest("one", 1), bad_spec("two", 2), manifest("three", 3)]),
                listing(vec![manifest("one", 1), bad_spec("two", 2), manifest("three", 3)]),
                listing(vec![manifest("one", 1), bad_spec("two", 4), manifest("three", 3)]),
            ]
            .concat(),
            "begin =one =three end begin =one =three end begin =one =three end",
            "one three",
            "two",
            vec![unreadable, told_of, unreadable, told_of],
        ),
        (
            "good, then bad, then mended",
            [
                listing(vec![manifest("two", 1)]),
                applied(bad_spec("two", 2)),
                applied(bad_spec("two", 2)),
                applied(manifest("two", 3)),
            ]
            .concat(),
            "begin =two end -two +two",
            "two",
            "",
            vec![unreadable, told_of, again],
        ),
        (
            "bad, then deleted",
            [listing(vec![bad_spec("two", 1)]), vec![Event::Delete(sighting(bad_spec("two", 2)))]].concat(),
            "begin end",
            "",
            "",
            vec![unreadable, told_of, gone],
        ),
        (
            "bad, and deleted while the watch was broken",
            [listing(vec![bad_spec("two", 1), bad_spec("one", 1)]), listing(vec![bad_spec("one", 1)])]
                .concat(),
            "begin end begin end",
            "",
            "one",
            vec![unreadable, told_of, "WARN ModelVersion fares/one cannot be read", "INFO told of one", gone],
        ),
        (
            "a status counts as empty",
            [
                listing(vec![bad_status("two", 1), manifest("one", 1)]),
                applied(bad_status("two", 1)),
                applied(bad_status("two", 2)),
                applied(manifest("two", 3)),
            ]
            .concat(),
            "begin =two =one end +two +two +two",
            "one two",
            "",
            vec![without, without],
        ),
    ] {
        let (is_passed, is_held, is_left_out, says) = told(events).await;
        assert_eq!(is_passed.join(" "), passed, "{what}");
        assert_eq!(
            (is_held.join(" "), is_left_out.join(" ")),
            (held.to_string(), left_out.to_string()),
            "{what}"
        );
        assert_eq!(says, log, "{what}");
    }
}

#[test]
fn the_log_names_the_field_that_cannot_be_read() {
    let because = |object| match sighting(object) {
        Sighting::Whole(_) => String::new(),
        Sighting::WithoutStatus(_, because) | Sighting::Unreadable(_, because) => because,
    };
    let status = because(bad_status("one", 1));
    assert!(status.starts_with("status.conditions[0].lastTransitionTime: "), "{status}");
    let spec = because(bad_spec("one", 1));
    assert!(spec.starts_with("spec.version: "), "{spec}");
    let mut long = bad_spec("one", 1);
    long["spec"]["version"] = json!({"sig=SECRET\n": "x".repeat(100_000)});
    let long = because(long);
    assert!(long.chars().count() <= 600 && !long.contains(['\n']) && !long.contains("SECRET"), "{long}");
}

/// An API server that has a thousand objects with as many annotations as it lets in, and bad ones among them.
#[tokio::test]
async fn of_a_listing_only_what_is_used_is_kept() {
    let all: Vec<Value> = (0..120)
        .map(|n| {
            let name = format!("v{n}");
            let mut object = match n % 40 {
                7 => bad_status(&name, 1),
                8 => bad_spec(&name, 1),
                _ => manifest(&name, 1),
            };
            let metadata = &mut object["metadata"];
            metadata["annotations"] = json!({"big": "x".repeat(10_000), RECONCILE: "now".repeat(1000), DELETE_WHILE_IN_USE: "true"});
            metadata["labels"] = json!({"team": "fares"});
            metadata["managedFields"] = json!([{"manager": "m", "time": FAR, "fieldsV1": {"f:a": {}}}]);
            metadata["finalizers"] = json!(["bindery.dev/azure"]);
            object
        })
        .collect();
    let pages = Arc::new(Mutex::new(vec![]));
    let asked = Arc::clone(&pages);
    let server = tower::service_fn(move |request: Request<Body>| {
        let query = request.uri().query().unwrap_or_default().to_string();
        let number = |name: &str| {
            let part = query.split('&').find_map(|part| part.strip_prefix(name));
            part.and_then(|text| text.parse::<usize>().ok())
        };
        let (from, limit) = (number("continue=").unwrap_or_default(), number("limit=").unwrap_or(usize::MAX));
        let until = from.saturating_add(limit).min(all.len());
        let next = (until < all.len()).then(|| until.to_string());
        let watches = query.contains("watch=true");
        let list = json!({"apiVersion": "bindery.dev/v1alpha1", "kind": "ModelVersionList",
            "metadata": {"resourceVersion": "9", "continue": next}, "items": all[from..until]});
        if !watches {
            asked.lock().expect("not poisoned").push(until - from);
        }
        async move {
            if watches {
                std::future::pending::<()>().await;
            }
            Ok::<_, std::convert::Infallible>(Response::new(Body::from(list.to_string().into_bytes())))
        }
    });
    let client = kube::Client::new(server, "default");
    let (store, mut writer): (_, Writer<ModelVersion>) = reflector::store();
    let mut events = legible(
        events(kube::Api::all(client), ALL, &Arc::default()),
        store.clone(),
        Arc::default(),
        |_, _| {},
    );
    let listed = async {
        while let Some(event) = events.next().await {
            writer.apply_watcher_event(&event);
            if matches!(event, Event::InitDone) {
                break;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), listed)
        .await
        .expect("the listing comes to its end");
    assert_eq!(*pages.lock().expect("not poisoned"), [50, 50, 20]);
    assert_eq!(PAGE, 50);
    assert_eq!(store.state().len(), 117, "all but what cannot be read");
    for object in store.state() {
        let meta = &object.metadata;
        assert_eq!((&meta.labels, &meta.managed_fields), (&None, &None));
        let kept: Vec<(&str, usize)> =
            object.annotations().iter().map(|(key, value)| (key.as_str(), value.len())).collect();
        assert_eq!(kept, [(DELETE_WHILE_IN_USE, 4), (RECONCILE, 253)]);
        assert_eq!(object.asks().map(|asks| asks.len()), Some(253));
        assert!(object.holds());
    }
}
