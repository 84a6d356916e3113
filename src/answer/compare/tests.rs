#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::answer::fixtures::{lineage, ready, stalled, version, with};
use crate::answer::render::table::{Style, table};

fn one() -> ModelVersion {
    let spec = json!({"tags": {"team": "fares"}});
    let mut measured = gates("4.10", false, "OutOfBound");
    measured.as_array_mut().unwrap().push(json!({
        "name": "flag", "passed": false, "reason": "MetricMissing", "bound": "at least 1", "message": "No.",
        "asked": {"name": "flag", "metric": "deploy", "min": "1"},
    }));
    let status = json!({"conditions": ready(), "lineage": lineage(), "type": "MLflow", "gates": measured});
    version("fares/taxi-1", &spec, &status)
}

/// A gate on the rmse, measured.
fn gates(value: &str, passed: bool, reason: &str) -> Value {
    json!([{
        "name": "bound", "passed": passed, "reason": reason, "value": value, "bound": "at most 4.0", "message": "So.",
        "asked": {"name": "bound", "metric": "rmse", "max": "4.0"},
    }])
}

/// The fields that differ, as `section name: a | b | change`.
fn differences(comparison: &Comparison) -> Vec<String> {
    let side = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    let differs = comparison.fields.iter().filter(|field| field.differs);
    differs
        .map(|it| {
            format!("{} {}: {} | {} | {}", it.section, it.name, side(&it.a), side(&it.b), side(&it.change))
        })
        .collect()
}

#[test]
fn what_differs_comes_first_and_numbers_have_their_change() {
    let changed = with(
        lineage(),
        &json!({
            "job": "train-2", "metrics": {"rmse": "3.7", "mae": "2.1"}, "environment": "sklearn:5",
            "datasets": [{"name": "trips", "uri": "azureml://datastores/taxi/paths/2026"}, {"name": "trips", "uri": "azureml://datastores/taxi/paths/raw", "pipeline": "nightly-2"}], "code": {"commit": "99aa"},
            "verified": true, "trainedAt": "2026-11-01T10:00:00Z", "pipelines": ["nightly-2"],
        }),
    );
    let approvals = json!([{"created": "2026-11-02T00:00:00Z", "namespace": "risk", "name": "ada-2", "decision": "Approved", "by": "ada", "tiers": ["production"], "expiresAt": "2027-01-01T00:00:00Z"}]);
    let status = json!({"conditions": stalled("Refused", "No."), "lineage": changed, "type": "MLflow", "approvals": approvals, "archived": true, "size": 2048, "gates": gates("3.7", true, "WithinBound")});
    let spec = json!({
        "version": "2", "tags": {"team": "fares", "new": "yes"}, "owner": {"team": "tips"},
        "retirement": {"at": "2026-12-31T00:00:00Z"},
    });
    let two = version("fares/taxi-2", &spec, &status);
    let comparison = Comparison::of(&one(), &two);
    let expected = [
        "version archived: false | true | -",
        "version bytes: - | 2048 | -",
        "version retirement: - | 2026-12-31T00:00:00Z BlockNewDeployments | -",
        "version version: 1 | 2 | -",
        "metrics mae: - | 2.1 | -",
        "metrics rmse: 4.10 | 3.7 | -0.40",
        "gates bound: not passed (OutOfBound): rmse 4.10, has to be at most 4.0 | passed (WithinBound): rmse 3.7, has to be at most 4.0 | -",
        "gates flag: not passed (MetricMissing): deploy unknown, has to be at least 1 | - | -",
        "approvals risk/ada-2: - | Approved by ada for production until 2027-01-01T00:00:00Z | -",
        "data trips: azureml://datastores/taxi/paths/2025 | azureml://datastores/taxi/paths/2026 | -",
        "data trips (of the pipeline): - | azureml://datastores/taxi/paths/raw | -",
        "environment environment: sklearn:4 | sklearn:5 | -",
        "code commit: 4f2c1d9e | 99aa | -",
        "training at: 2026-10-31T08:00:00Z | 2026-11-01T10:00:00Z | -",
        "training job: train-1 | train-2 | -",
        "training pipelines: - | nightly-2 | -",
        "training verified: false | true | -",
        "conditions Ready: True (Succeeded) | False (Refused) | -",
        "conditions Stalled: - | True (Refused) | -",
        "owner team: - | tips | -",
        "tags new: - | yes | -",
    ];
    assert_eq!(differences(&comparison), expected);
    let first_same = comparison.fields.iter().position(|field| !field.differs).unwrap();
    assert_eq!(first_same, expected.len());
    assert!(comparison.fields[first_same..].iter().all(|field| !field.differs && field.a == field.b));
    let text = table(&comparison.table(), Shown::Always, Style::default());
    assert!(text.starts_with("DIFFERS   SECTION"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("no ") && line.contains("r2")), "{text}");
}

#[test]
fn a_version_is_the_same_as_itself_and_a_bare_one_has_what_its_manifest_says() {
    assert_eq!(differences(&Comparison::of(&one(), &one())), Vec::<String>::new());
    let bare = version("fares/x", &json!({}), &Value::Null);
    let told: Vec<String> =
        Comparison::of(&bare, &bare).fields.iter().map(|it| format!("{} {}", it.section, it.name)).collect();
    assert_eq!(
        told,
        ["version archived", "version model", "version place", "version version", "conditions Ready"]
    );
}

#[test]
fn a_change_has_as_many_digits_as_the_numbers() {
    for (a, b, expected) in [
        ("4.10", "3.7", Some("-0.40")),
        ("1", "3", Some("+2")),
        ("0.1", "0.3", Some("+0.2")),
        ("4.0", "4", None),
        ("1e-7", "3e-7", Some("+2e-7")),
        ("NaN", "1", None),
        ("inf", "1", None),
        ("good", "1", None),
    ] {
        assert_eq!(change(Some(a), Some(b)).as_deref(), expected, "{a} {b}");
    }
    assert_eq!(change(None, Some("1")), None);
}
