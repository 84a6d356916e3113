//! What is asked of the API server, and what is made of its answers.

#![allow(clippy::unwrap_used)]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tower::service_fn;

use super::*;
use crate::answer::fixtures::{key, version};
use crate::api::{ModelVersion, ObjectKind};

type Asked = Arc<Mutex<Vec<String>>>;

/// A cluster whose API server gives these answers, one after the other, and what it was asked.
fn cluster(answers: Vec<(u16, Value)>) -> (Cluster, Asked) {
    let asked = Asked::default();
    let (heard, answers) = (Arc::clone(&asked), Mutex::new(answers.into_iter()));
    let service = service_fn(move |request: Request<Body>| {
        heard.lock().unwrap().push(request.uri().to_string());
        let (status, body) = answers.lock().unwrap().next().unwrap();
        let answer =
            Response::builder().status(status).body(Body::from(body.to_string().into_bytes())).unwrap();
        async move { Ok::<_, Infallible>(answer) }
    });
    let client = Client::new(service, "fares");
    let (namespace, context_namespace) = ("fares".to_string(), "fares".to_string());
    (Cluster { client, namespace, context_namespace, server: "api.example:443".into() }, asked)
}

fn page(names: &[&str], token: &str) -> (u16, Value) {
    let items: Vec<Value> = names
        .iter()
        .map(|name| serde_json::to_value(version(&format!("fares/{name}"), &json!({}), &json!({}))).unwrap())
        .collect();
    (
        200,
        json!({"apiVersion": "bindery.dev/v1alpha1", "kind": "ModelVersionList", "metadata": {"continue": token}, "items": items}),
    )
}

fn status(code: u16, reason: &str, message: &str) -> (u16, Value) {
    (
        code,
        json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}),
    )
}

fn names(all: &mut Vec<String>, version: ModelVersion) {
    all.extend(version.metadata.name);
}

const FARES: Scope<'static> = Scope { namespace: Some("fares"), labels: Some("team=fares") };

#[tokio::test]
async fn lists_come_in_pages() {
    let (cluster, asked) = cluster(vec![page(&["a", "b"], "next"), page(&["c"], "")]);
    let (all, not_read) = cluster.list(&FARES, names).await.unwrap();
    assert_eq!((all, not_read), (vec!["a".to_string(), "b".into(), "c".into()], vec![]));
    let path =
        "/apis/bindery.dev/v1alpha1/namespaces/fares/modelversions?&labelSelector=team%3Dfares&limit=500";
    assert_eq!(*asked.lock().unwrap(), [path.to_string(), format!("{path}&continue=next")]);
}

#[tokio::test]
async fn a_list_whose_next_page_is_too_old_begins_anew_and_counts_nothing_twice() {
    let gone = || status(410, "Expired", "The provided continue parameter is too old.");
    let (cluster, _) = cluster(vec![page(&["a"], "next"), gone(), page(&["a", "b"], "")]);
    assert_eq!(cluster.list(&FARES, names).await.unwrap().0, ["a", "b"]);
    let (cluster, asked) = self::cluster(vec![gone(), gone(), gone()]);
    let error = cluster.list(&FARES, names).await.map(|(all, _)| all).unwrap_err().to_string();
    assert!(error.contains("too old") && error.contains("410"), "{error}");
    assert_eq!(asked.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn one_object_that_cannot_be_read_spoils_no_answer() {
    let (_, mut list) = page(&["a", "b", "c"], "");
    list["items"][0]["status"] = json!({"conditions": [{"type": "Ready", "status": "True", "reason": "x", "message": "", "lastTransitionTime": "9999-12-31T23:59:59Z"}]});
    list["items"][1]["spec"]["version"] = json!(7);
    let (cluster, _) = cluster(vec![(200, list)]);
    let (all, not_read) = cluster.list(&FARES, names).await.unwrap();
    assert_eq!(all, ["a", "c"]);
    assert!(
        not_read[0].starts_with("The status of ModelVersion fares/a cannot be read (status.conditions[0]."),
        "{not_read:?}"
    );
    assert!(not_read[1].starts_with("ModelVersion fares/b cannot be read (spec.version"), "{not_read:?}");
}

#[tokio::test]
async fn what_may_not_be_read_is_said_and_what_is_not_there_is_missing() {
    let no = || status(403, "Forbidden", "modelversions.bindery.dev is forbidden: User \"ada\" cannot list");
    let refused = |cluster: Cluster| async move {
        cluster.list(&FARES, names).await.map(|(all, _)| all).unwrap_err().to_string()
    };
    for (answer, expected) in [
        (no(), "User \"ada\" cannot list"),
        (status(401, "Unauthorized", "Unauthorized"), "api.example:443 does not accept your credentials"),
        (
            status(404, "NotFound", "the server could not find the requested resource"),
            "CustomResourceDefinitions are not installed",
        ),
        (status(500, "InternalError", "etcd is away"), "etcd is away (HTTP 500)"),
    ] {
        let said = refused(cluster(vec![answer]).0).await;
        assert!(said.contains(expected), "{said}");
    }
    let one = key(ObjectKind::ModelVersion, "fares/a");
    let get = |answer| async { cluster(vec![answer]).0.get::<ModelVersion>(&one).await.unwrap() };
    assert_eq!(get(status(404, "NotFound", "")).await, Seen::Missing);
    assert!(
        matches!(get(no()).await, Seen::Withheld(said) if said.starts_with("You may not read ModelVersion fares/a: "))
    );
    let (_, list) = page(&["a"], "");
    assert!(matches!(get((200, list["items"][0].clone())).await, Seen::Found(_)));
}

#[tokio::test]
async fn who_may_not_list_everywhere_gets_their_own_namespace() {
    let no = || status(403, "Forbidden", "no");
    let (cluster, asked) = cluster(vec![no(), page(&["a"], "")]);
    let mut not_read = vec![];
    assert_eq!(cluster.list_widely("fares", &mut not_read, names).await.unwrap(), ["a"]);
    assert_eq!(not_read.len(), 1);
    assert!(asked.lock().unwrap()[0].starts_with("/apis/bindery.dev/v1alpha1/modelversions?"));
    let (cluster, _) = self::cluster(vec![no(), no()]);
    assert_eq!(cluster.list_widely("fares", &mut not_read, names).await.unwrap(), Vec::<String>::new());
    assert_eq!(not_read.len(), 3);
}
