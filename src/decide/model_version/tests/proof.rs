//! What proves where the bytes come from, and what a copy carries of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::azure::model::Action;
use crate::azure::model::resource::{ModelVersion, Run};
use crate::decide::model_version::Proof;
use crate::decide::model_version::proof::is_proven;
use crate::decide::{SourceVersion, Tagged};

const OUTPUT: &str = "azureml://jobs/train-3/outputs/artifacts/paths/model";

fn version(properties: &Value, made: &str) -> ModelVersion {
    serde_json::from_value(json!({"systemData": {"createdAt": made}, "properties": properties})).unwrap()
}

#[test]
fn a_version_in_a_workspace_is_proven_by_the_job_that_has_its_files() {
    let id = ResourceId::workspace("s", "rg", "development").model_version("taxi", "3");
    let job = |name: &str| serde_json::from_value(json!({"name": name, "properties": {}})).unwrap();
    let train = job("train-3");
    for (properties, job, proven) in [
        (json!({"modelUri": OUTPUT, "jobName": "train-3"}), Some(&train), true),
        (json!({"modelUri": OUTPUT}), Some(&train), true),
        (json!({"modelUri": OUTPUT, "jobName": "train-3"}), None, false),
        (json!({"modelUri": OUTPUT, "jobName": "train-9"}), Some(&train), false),
        (json!({"modelUri": OUTPUT}), Some(&job("train-9")), false),
        // Whoever registers a version writes the job's name.
        (json!({"modelUri": "azureml://datastores/d/paths/m", "jobName": "train-3"}), Some(&train), false),
        // Whoever may write a workspace may write its tags.
        (
            json!({"modelUri": "azureml://datastores/d/paths/m", "tags": {"bindery-verified": "true"}}),
            None,
            false,
        ),
    ] {
        let it = version(&properties, "2026-03-01T10:00:00Z");
        assert_eq!(is_proven(&it, &id, job), proven, "{properties} {job:?}");
    }
    let copy = ResourceId::registry("s", "rg", "models").model_version("taxi", "3");
    for (tags, proven) in [
        (json!({"bindery-verified": "true"}), true),
        (json!({"bindery-verified": "false"}), false),
        (json!({}), false),
    ] {
        let it = version(&json!({"modelUri": OUTPUT, "jobName": "train-3", "tags": tags}), "");
        assert_eq!(is_proven(&it, &copy, Some(&train)), proven, "{tags}");
    }
}

/// A copy that was published at noon and is not described yet; its source was made at this time, and is proven or not.
fn published(source_made: &str, proven: bool) -> Facts {
    let mut facts = promotion();
    let source = facts.source_id().unwrap().clone();
    let copy =
        json!({"modelUri": "x", "tags": {"bindery-verified": "true", "bindery-published-from": "forged"}});
    facts.version = Look::Found(version(&copy, "2026-03-01T12:00:00Z"));
    facts.status = ModelVersionStatus::default();
    facts.status.publishing = Some(Publishing { from: source.to_string(), since: ago(60) });
    let made = version(&json!({"modelUri": OUTPUT}), source_made);
    facts.source_proof = if proven {
        Proof::Proven { version: Box::new(made) }
    } else {
        Proof::Lacking { because: "no".into(), version: Some(Box::new(made)) }
    };
    facts
}

fn tags(facts: &Facts) -> Value {
    match decide(facts).call.unwrap().action {
        Action::Put(body) => body["properties"]["tags"].clone(),
        other => panic!("{other:?}"),
    }
}

/// The mark of a copy that was published from the source as it was made at this time.
fn mark_of(made: &str) -> String {
    let source = promotion().source_id().unwrap().clone();
    crate::decide::model_version::proof::mark(&source, &version(&json!({}), made))
}

#[test]
fn a_copy_carries_a_proof_only_of_what_bindery_published_from_a_proven_version() {
    let before = "2026-03-01T11:00:00Z";
    let proof = |facts: &Facts| {
        let tags = tags(facts);
        (tags["bindery-verified"].clone(), tags["bindery-published-from"].clone())
    };
    let none = (Value::Null, Value::Null);
    let mark = json!(mark_of(before));
    assert_eq!(proof(&published(before, true)), (json!("true"), mark.clone()));
    assert_eq!(
        proof(&published(before, false)),
        (Value::Null, mark.clone()),
        "what it was published from is known; and what came along with the publish is taken away"
    );
    for proven in [true, false] {
        assert_eq!(proof(&published("2026-03-01T12:00:01Z", proven)), none, "the source was made again");
    }
    let mut gone = published(before, false);
    gone.source_proof = Proof::Lacking { because: "no".into(), version: None };
    assert_eq!(proof(&gone), none, "the source is gone");
    let mut unasked = published(before, true);
    unasked.copied_by_us = true;
    unasked.status.publishing = None;
    assert_eq!(proof(&unasked), none, "who made it is known, and not from what");
    let mut other = published(before, true);
    other.status.publishing.as_mut().unwrap().from = "/subscriptions/s/other".into();
    assert_eq!(proof(&other), none, "it was published from another version");
    // A later change leaves the proof alone.
    let mut later = published(before, false);
    let owner = later.situation.ownership.owner.to_string();
    found(&mut later).tags = [
        ("bindery-owner".to_string(), owner),
        ("bindery-verified".into(), "true".into()),
        ("bindery-published-from".into(), "mark".into()),
    ]
    .into();
    assert_eq!(proof(&later), (json!("true"), json!("mark")));
}

#[test]
fn the_lineage_is_that_of_the_version_that_was_published() {
    let noon = "2026-03-01T12:00:00Z";
    let of = |published_from: Option<&str>, source_made: &str, known: bool| {
        let mut facts = promotion();
        if let Some(mark) = published_from {
            found(&mut facts).tags.insert("bindery-published-from".into(), mark.into());
            found(&mut facts).tags.insert("bindery-verified".into(), "true".into());
        }
        found(&mut facts).tags.insert("bindery-job".into(), "train-by-tag".into());
        if let Some(SourceVersion::Ready { created, .. }) = &mut facts.source {
            *created = source_made.parse().ok();
        }
        if known {
            facts.status.lineage = Some(serde_json::from_value(json!({"job": "train-before"})).unwrap());
        }
        let lineage = decide(&facts).status.lineage.unwrap();
        (lineage.job.unwrap(), lineage.verified)
    };
    let mark = mark_of(noon);
    assert_eq!(of(Some(&mark), noon, true), ("train-3".into(), true));
    assert_eq!(of(Some(&mark), "2026-03-01T13:00:00Z", true), ("train-before".into(), true), "made again");
    assert_eq!(
        of(Some(&mark), "2026-03-01T13:00:00Z", false),
        ("train-by-tag".into(), true),
        "and forgotten"
    );
    assert_eq!(of(None, noon, true), ("train-3".into(), false), "nothing says what it was published from");
}

#[test]
fn whoever_looks_at_a_version_in_azure_sees_where_it_comes_from() {
    let job = json!({"name": "train-3", "properties": {"experimentName": "fares", "environmentId": "sklearn:4", "properties": {
        "mlflow.source.git.repoURL": "https://u:token@git.example/fares.git", "mlflow.source.git.commit": "c0ffee"}}});
    let run = Run {
        id: "train-3".into(),
        user: Some("ada".into()),
        ended: "2026-02-28T10:00:00.123Z".parse().ok(),
        ..Run::default()
    };
    let registered = tags(&new(|f| {
        f.origin.job = Look::Found(serde_json::from_value(job).unwrap());
        f.origin.run = Look::Found(run);
        f.origin.pipelines = vec!["nightly-7".into(), "weekly-2".into()];
    }));
    assert_eq!(
        registered,
        json!({"team": "fares", "bindery-owner": "prod/fares/taxi-3", "bindery-job": "train-3",
            "bindery-experiment": "fares", "bindery-repository": "https://git.example/fares.git", "bindery-commit": "c0ffee", "bindery-trained-by": "ada",
            "bindery-trained-at": "2026-02-28T10:00:00Z", "bindery-environment": "sklearn:4", "bindery-pipeline": "weekly-2"})
    );
    // What the status and the source do not know any more is read from there.
    let mut lost = promotion();
    lost.source = Some(SourceVersion::Missing { what: "ModelVersion fares/taxi-3-dev".into() });
    found(&mut lost).tags.extend(serde_json::from_value::<BTreeMap<String, String>>(registered).unwrap());
    let lineage = decide(&lost).status.lineage.unwrap();
    assert_eq!(lineage.trained_at, "2026-02-28T10:00:00Z".parse().ok());
    assert_eq!(
        (lineage.trained_by.as_deref(), lineage.environment.as_deref(), lineage.pipelines),
        (Some("ada"), Some("sklearn:4"), vec!["weekly-2".to_string()])
    );
}

#[test]
fn when_it_was_trained_is_what_azure_says_of_the_run_or_else_of_the_job() {
    let (created, began, ended) = ("2026-02-28T08:00:00Z", "2026-02-28T09:00:00Z", "2026-02-28T10:00:00Z");
    let trained = |created: Option<&str>, run: Option<(Option<&str>, Option<&str>)>| {
        let at = |text: Option<&str>| text.map(|it| it.parse().unwrap());
        let facts = with(|f| {
            let job = json!({"name": "train-3", "properties": {}, "systemData": {"createdAt": created}});
            f.origin.job = Look::Found(serde_json::from_value(job).unwrap());
            f.origin.run = run.map_or(Look::Absent, |(began, ended)| {
                Look::Found(Run { began: at(began), ended: at(ended), ..Run::default() })
            });
        });
        decide(&facts).status.lineage.unwrap().trained_at.map(|it| it.to_string())
    };
    for (run, expected) in [
        (Some((Some(began), Some(ended))), Some(ended)),
        (Some((Some(began), None)), Some(began)),
        (Some((None, None)), Some(created)),
        (None, Some(created)),
    ] {
        assert_eq!(trained(Some(created), run).as_deref(), expected, "{run:?}");
    }
    assert_eq!(trained(None, None), None, "nobody says it, and nothing is made up");
}

#[test]
fn what_was_there_already_never_gets_the_metrics_of_a_source_that_is_named_later() {
    let marked = |before: &[(&str, &str)]| {
        let mut facts = promotion();
        facts.spec.source = serde_json::from_value(json!({"existing": {}})).unwrap();
        facts.source = None;
        facts.situation.ownership.adopting.allowed = true;
        facts.situation.ownership.tagged = Some(Tagged::NoneOfThisCluster);
        let tags = before.iter().map(|(key, value)| (key.to_string(), value.to_string()));
        found(&mut facts).tags = tags.collect();
        let Action::Put(body) = decide(&facts).call.unwrap().action else { panic!("it is adopted by a PUT") };
        body["properties"]["tags"].clone()
    };
    let tags = marked(&[]);
    assert_eq!(tags["bindery-published-from"], "existing");
    // What Bindery has published itself keeps the mark of its source.
    assert_eq!(marked(&[("bindery-published-from", "0badc0de")])["bindery-published-from"], "0badc0de");
    // The object is deleted, and one of the same name says that the version is a promotion.
    let promoted = |tags: &Value| {
        let mut facts = promotion();
        let gates = json!([{"name": "bound", "metric": "rmse", "max": "4"}]);
        facts.spec.gates = serde_json::from_value(gates).unwrap();
        facts.status = ModelVersionStatus::default();
        let Some(SourceVersion::Ready { lineage, .. }) = &mut facts.source else { unreachable!() };
        lineage.run = Some("run".into());
        lineage.metrics.insert("rmse".into(), "3".into());
        found(&mut facts).tags = serde_json::from_value(tags.clone()).unwrap();
        decide(&facts).status
    };
    let status = promoted(&tags);
    assert_eq!((status.gates[0].passed, status.lineage), (false, None));
    let said = status.gates[0].message.as_str();
    assert!(said.starts_with("taxi:3 was not published from ModelVersion fares/taxi-3-dev"), "{said}");
    // Without the mark, nothing would speak against the source.
    assert!(promoted(&json!({"bindery-owner": tags["bindery-owner"]})).gates[0].passed);
}
