use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::api::{ModelVersion, Registry};
use crate::azure::model::{Action, Purpose, ResourceId};
use crate::controller::fixtures::{self, Nowhere};
use crate::controller::pass::pass;

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn terms() -> Terms {
    Terms::new(s(15), s(10), s(2), s(30)).expect("terms that fit")
}

/// One of several processes at this time by its clock, which leads from 100 s until 200 s and may call Azure from 130 s on.
fn at(now: u64) -> Context<Nowhere> {
    let mut context = fixtures::context();
    context.gate = Gate::elected(terms());
    context.gate.set(Some(Lead { from: s(100), calls_from: s(130), until: s(200) }));
    *context.ports.elapsed.lock().expect("a lock") = s(now);
    context
}

fn wait(answer: Result<(), Refusal>) -> Option<u64> {
    match answer {
        Ok(()) => None,
        Err(Refusal::NotNow(wait)) => Some(wait.as_secs()),
        Err(other) => unreachable!("{other}"),
    }
}

fn call() -> Call {
    Call::new(Purpose::Update, ResourceId::new("/x"), Action::Delete, "delete it")
}

#[test]
fn who_leads_writes_while_there_is_time_left() {
    let registry = fixtures::registry();
    for (now, cluster, azure) in [
        (99, Some(1), Some(1)),
        (100, None, Some(30)),
        (129, None, Some(1)),
        (130, None, None),
        (195, None, None),
        // Less than half of the renew deadline is left.
        (196, Some(2), Some(2)),
        (200, Some(2), Some(2)),
    ] {
        let context = at(now);
        assert_eq!(wait(context.may_write()), cluster, "{now}");
        assert_eq!(wait(context.may_call(&registry, &call())), azure, "{now}");
    }
    let standby = at(150);
    standby.gate.set(None);
    assert_eq!(wait(standby.may_write()), Some(2));
    assert_eq!(wait(fixtures::context().may_call(&registry, &call())), None, "one alone always leads");
}

#[tokio::test]
async fn who_does_not_lead_writes_nothing() {
    let context = at(200);
    let registry = fixtures::registry();
    let event = Event::done(Purpose::Update, "change it");
    context.publish(&registry, &event).await;
    let secret = Secret::default();
    for refused in [
        context.replace_status(&registry).await.map(|_| ()),
        context.replace_finalizers(&registry, vec![]).await.map(|_| ()),
        context.delete(&registry).await,
        context.write_secret(&secret).await,
        context.delete_secret(&secret).await,
        context.send(&registry, &call()).await.map(|_| ()),
    ] {
        assert!(matches!(refused, Err(Refusal::NotNow(_))), "{refused:?}");
    }
    assert!(context.ports.writes.lock().expect("a lock").is_empty());
}

#[tokio::test]
async fn a_pass_of_one_that_does_not_lead_looks_at_nothing() {
    let version = fixtures::version("one", "taxi", &json!({"workspaceRef": {"name": "dev"}}));
    let context = at(200);
    assert_eq!(Box::pin(pass::<ModelVersion, _>(Arc::new(version.clone()), &context)).await.after, s(2));
    assert_eq!(context.ports.looks.load(std::sync::atomic::Ordering::Relaxed), 0);
    assert!(context.ports.writes.lock().expect("a lock").is_empty());
    let context = at(150);
    Box::pin(pass::<ModelVersion, _>(Arc::new(version), &context)).await;
    assert!(context.ports.writes.lock().expect("a lock").contains(&"status"));
}

#[test]
fn what_is_only_looked_at_is_not_called_whatever_was_decided() {
    let of = |changed: serde_json::Value| {
        let mut registry = serde_json::to_value(fixtures::registry()).expect("JSON");
        let fields = changed.as_object().expect("a map").clone();
        registry["spec"].as_object_mut().expect("a map").extend(fields);
        serde_json::from_value::<Registry>(registry).expect("a registry")
    };
    let mut context = fixtures::context();
    for (changed, because) in [
        (json!({"suspend": true}), "the object is suspended"),
        (json!({"management": "Observe"}), "the object is only observed"),
    ] {
        let refused = context.may_call(&of(changed), &call());
        assert_eq!(refused, Err(Refusal::Failed(format!("refused to delete it: {because}"))));
    }
    context.options.observe_only = true;
    let refused = context.may_call(&of(json!({})), &call());
    assert_eq!(refused, Err(Refusal::Failed("refused to delete it: --observe-only is on".into())));
}

#[tokio::test]
async fn a_call_without_an_answer_is_in_doubt_for_as_long_as_a_request_may_take() {
    let context = at(150);
    assert!(!context.gate.in_doubt(s(150)));
    // In this world nobody answers.
    let answer = context.send(&fixtures::registry(), &call()).await;
    assert!(answer.expect("it leads").is_err());
    assert!(context.gate.in_doubt(s(179)) && !context.gate.in_doubt(s(180)));
}

#[test]
fn nothing_else_writes() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/controller");
    let writes = [
        "ports.send(",
        "ports.replace_status(",
        "ports.replace_finalizers(",
        "ports.delete(",
        "ports.write_secret(",
        "ports.delete_secret(",
        "ports.publish(",
    ];
    for file in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if !file.is_file() || file.ends_with("gate.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("a file");
        let found = writes.iter().find(|write| text.contains(*write));
        assert_eq!(found, None, "{} goes around the gate", file.display());
    }
}
