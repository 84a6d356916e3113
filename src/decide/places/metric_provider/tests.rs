//! What is said of a metric provider, when it is asked, and who may refer to it.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Facts, decide};
use crate::api::{
    AnyObject, ConditionType, MetricProvider, Object, ObjectKey, ObjectKind, Reference, conditions_of,
};
use crate::azure::model::{Account, Lane, Principal};
use crate::decide::Served;
use crate::decide::facts::{ClusterRead, Due, Found, Kind, Known, Namespace};
use crate::decide::fixtures::{assert_table, metric_provider, noon, situation};
use crate::decide::places::reference::provider;
use crate::measure::model::{Answer, Entry, ProviderAuth, Question};

fn with(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = metric_provider();
    change(&mut facts);
    facts
}

fn answers(answer: Option<Answer>) -> Facts {
    with(|f| f.answer = answer)
}

/// The same provider some time later, with this answer.
fn later(facts: &Facts, seconds: u64, answer: Option<Answer>) -> Facts {
    let mut later = facts.clone();
    later.status = decide(facts).status;
    later.situation.now += Duration::from_secs(seconds);
    later.answer = answer;
    later
}

#[test]
fn every_question_has_its_answer() {
    let gone = || Some(Answer::Error("Prometheus at p gave no answer within 10 s.".into()));
    let new = with(|f| {
        f.answer = None;
        f.status.conditions.clear();
    });
    let edited = with(|f| {
        f.answer = None;
        f.situation.generation = 2;
    });
    let failed = answers(gone());
    let back = later(&failed, 60, Some(Answer::Number(1.0)));
    let answering = "Prometheus answers at https://prometheus.monitoring:9090.";
    let silent = "Prometheus at p gave no answer within 10 s.";
    assert_table(&[
        ("it answers", decide(&metric_provider()), &format!("True Succeeded settled | {answering} | 300 s")),
        (
            "new",
            decide(&new),
            "False Progressing working | Prometheus is being asked whether it answers. | 60 s",
        ),
        (
            "edited",
            decide(&edited),
            "False Progressing working | Prometheus is being asked whether it answers. | 60 s",
        ),
        ("asked again", decide(&answers(None)), "True Succeeded settled | All is well. | 60 s"),
        ("no answer", decide(&failed), &format!("False QueryFailed working | {silent} | 60 s")),
        (
            "asked once more",
            decide(&later(&failed, 60, None)),
            &format!("False QueryFailed working | {silent} | 60 s"),
        ),
        (
            "no answer for five minutes",
            decide(&later(&failed, 300, gone())),
            &format!("False QueryFailed stalled | {silent} | 60 s"),
        ),
        ("it is back", decide(&back), &format!("True Succeeded settled | {answering} | 300 s")),
        (
            "it answers, and not with a number",
            decide(&answers(Some(Answer::NoData("The query gives no series.".into())))),
            "False QueryFailed working | The query gives no series. | 60 s",
        ),
    ]);
    // Whoever asks for a look is answered when Prometheus has been asked.
    let asks = |answer| {
        let mut facts = answers(answer);
        facts.situation.asks = Some("now".into());
        decide(&facts).status.last_handled_reconcile
    };
    assert_eq!(asks(None), None);
    assert_eq!(asks(gone()), Some("now".into()));
    let gone = decide(&with(|f| f.situation.deleting = true));
    assert!(gone.release);
}

fn made(spec: &Value) -> MetricProvider {
    let object = json!({"apiVersion": "bindery.dev/v1alpha1", "kind": "MetricProvider", "spec": spec,
        "metadata": {"name": "prometheus", "namespace": "platform", "generation": 1}});
    serde_json::from_value(object).unwrap()
}

/// The questions of a pass at so many seconds after noon.
fn asked(object: &MetricProvider, seconds: u64) -> Vec<Due> {
    let mut known = Known::nothing(Lane::Routine, false, Served::default());
    let mut situation = situation("platform/prometheus");
    situation.now += Duration::from_secs(seconds);
    situation.deleting = object.is_deleting();
    object.gather(situation, &mut known);
    known.wants().measured.into_iter().collect()
}

#[test]
fn it_is_asked_once_in_an_interval_and_when_somebody_asks_for_it() {
    let mut object = made(&json!({"prometheus": {"address": "http://p:9090"}, "interval": "10m"}));
    let count = |object: &MetricProvider, minutes: u64| {
        let mut all: Vec<Due> = (0..minutes * 4).flat_map(|at| asked(object, at * 15)).collect();
        assert!(all.iter().all(|due| matches!(&due.query.what, Question::Prometheus(it) if it.query == "vector(1)" && it.at == due.since)));
        all.dedup();
        all.len()
    };
    assert!((4..=5).contains(&count(&object, 40)), "{}", count(&object, 40));
    let before = asked(&object, 0);
    object.metadata.annotations = Some([("bindery.dev/reconcile".to_string(), "1".to_string())].into());
    assert_ne!(asked(&object, 0), before);
    let mut conditions = conditions_of(&[]);
    conditions.set(ConditionType::Ready, Some(false), crate::api::Reason::QueryFailed, "Silent.", 1, noon());
    let mut status = object.current();
    status.conditions = conditions.into_vec();
    object.status = Some(status);
    assert!(
        (10..=11).contains(&count(&object, 10)),
        "every minute while it is silent: {}",
        count(&object, 10)
    );
    object.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(noon()));
    assert_eq!(asked(&object, 0), []);
}

#[test]
fn what_is_shown_to_a_prometheus() {
    let server = |spec: Value| made(&spec).server();
    let plain = server(
        json!({"prometheus": {"address": "http://p:9090", "headers": [{"name": "X-Scope-OrgID", "value": "fares"}], "caBundle": "PEM"}}),
    );
    let (principal, plain) = plain.unwrap();
    assert_eq!((principal, plain.auth), (Principal::Operator, ProviderAuth::None));
    assert_eq!(
        (plain.headers, plain.ca_bundle),
        ([("X-Scope-OrgID".into(), "fares".into())].into(), Some("PEM".into()))
    );
    let token = server(
        json!({"prometheus": {"address": "https://p", "auth": {"tokenSecretRef": {"name": "t", "key": "k"}}}}),
    );
    let entry = Entry { namespace: "platform".into(), name: "t".into(), key: "k".into() };
    assert_eq!(token.unwrap().1.auth, ProviderAuth::Token(entry));
    let managed = json!({"prometheus": {"address": "https://p", "auth": {"azure": {}}}, "credentials": {"serviceAccountName": "azure"}});
    let account = Account { namespace: "platform".into(), name: "azure".into() };
    let (principal, managed) = server(managed).unwrap();
    assert_eq!((principal, managed.auth), (Principal::Account(account), ProviderAuth::Azure));
    assert!(server(json!({})).unwrap_err().contains("by no field that this version of Bindery knows"));
}

#[test]
fn who_may_not_refer_to_it_hears_nothing_of_it() {
    let key = ObjectKey {
        kind: ObjectKind::MetricProvider,
        namespace: "platform".into(),
        name: "prometheus".into(),
    };
    let found = |object: Option<&MetricProvider>, home: &str| {
        let mut known = Known::nothing(Lane::Routine, false, Served::default());
        let object = object.map(|it| AnyObject::MetricProvider(Arc::new(it.clone())));
        known.take_in_cluster(ClusterRead::Object(key.clone()), Found::Object(object));
        let labels = Namespace { labels: [("team".into(), home.into())].into(), ends: false };
        known.take_in_cluster(ClusterRead::Namespace(home.into()), Found::Namespace(labels));
        let reference = Reference { name: "prometheus".into(), namespace: Some("platform".into()) };
        provider(&reference, home, &mut known).map(|(_, it)| it.address)
    };
    let own = made(&json!({"prometheus": {"address": "http://p:9090"}}));
    let fares = json!({"from": "Selector", "selector": {"matchLabels": {"team": "fares"}}});
    let open = made(&json!({"prometheus": {"address": "http://p:9090"}, "allowedNamespaces": fares}));
    let missing = found(None, "fares").unwrap_err();
    assert_eq!(
        missing,
        "There is no MetricProvider platform/prometheus, or its allowedNamespaces do not include this namespace. Apply it, or have its owner let this namespace in."
    );
    assert_eq!(found(Some(&own), "fares"), Err(missing.clone()));
    assert_eq!(found(Some(&open), "rides"), Err(missing));
    assert_eq!(found(Some(&open), "fares"), Ok("http://p:9090".into()));
    assert_eq!(found(Some(&own), "platform"), Ok("http://p:9090".into()));
}
