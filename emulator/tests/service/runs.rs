//! Jobs, and what MLflow tells about them.

use azureml_emulator::JobSeed;
use serde_json::json;

use crate::support::{WORKSPACE, World};

fn mlflow(operation: &str) -> String {
    format!("/mlflow/v2.0{WORKSPACE}/api/2.0/mlflow/{operation}")
}

#[test]
fn a_job_starts_runs_and_completes() {
    let mut world = World::new();
    let job = format!("{WORKSPACE}/jobs/new");
    let body = json!({"properties": {"jobType": "command", "command": "true", "environmentId": "e", "tags": {"a": "b"}}});
    assert_eq!(world.put(&job, &body).status, 201);
    let status =
        |world: &mut World| world.get(&job).value()["properties"]["status"].as_str().unwrap().to_owned();
    assert_eq!(status(&mut world), "NotStarted");
    world.pass(31.0);
    assert_eq!(status(&mut world), "Running");
    world.pass(120.0);
    assert_eq!(status(&mut world), "Completed");
}

#[test]
fn a_canceled_job_does_not_complete() {
    let mut world = World::new();
    let job = format!("{WORKSPACE}/jobs/new");
    world.put(&job, &json!({"properties": {"jobType": "Command", "command": "true", "environmentId": "e"}}));
    world.pass(31.0);
    assert_eq!(world.post(&format!("{job}/cancel"), &json!({})).status, 200);
    world.pass(200.0);
    assert_eq!(world.get(&job).value()["properties"]["status"], "Canceled");
}

#[test]
fn runs_get_has_the_last_values_and_history_has_all() {
    let mut world = World::new();
    let run = world.get(&mlflow("runs/get?run_id=train-1")).value()["run"].clone();
    assert_eq!(run["info"]["status"], "FINISHED");
    assert_eq!(run["data"]["metrics"][0]["key"], "rmse");
    assert_eq!(run["data"]["metrics"][0]["value"], 3.25);
    let history = world.get(&mlflow("metrics/get-history?run_id=train-1&metric_key=rmse")).value();
    assert_eq!(history["metrics"].as_array().unwrap().len(), 2);
    let unknown = world.get(&mlflow("runs/get?run_id=nobody"));
    assert_eq!(
        (unknown.status, unknown.value()["error_code"].as_str().unwrap()),
        (404, "RESOURCE_DOES_NOT_EXIST")
    );
}

#[test]
fn runs_are_found_by_metric_and_tag() {
    let mut world = World::new();
    let other = JobSeed {
        name: "train-2".into(),
        metrics: [("rmse".to_owned(), json!("NaN"))].into(),
        properties: [("mlflow.source.git.commit".to_owned(), "abc".to_owned())].into(),
        ..JobSeed::default()
    };
    assert!(world.core.declare_job(WORKSPACE, &other));
    let mut found = |filter: &str| {
        let answer = world.post(&mlflow("runs/search"), &json!({"filter": filter})).value();
        answer["runs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|run| run["info"]["run_id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(found("metrics.rmse < 4"), ["train-1"]);
    assert_eq!(
        found("tags.`mlflow.source.git.commit` = 'abc' and attributes.status = 'FINISHED'"),
        ["train-2"]
    );
    assert_eq!(found("").len(), 2);
}

#[test]
fn what_a_job_is_stays_and_what_is_said_about_it_changes() {
    let mut world = World::new();
    let job = format!("{WORKSPACE}/jobs/new");
    let body = json!({"properties": {"jobType": "command", "command": "true", "environmentId": "e"}});
    world.put(&job, &body);
    for (field, other) in [
        ("command", json!("false")),
        ("environmentId", json!("E")),
        ("jobType", json!("Pipeline")),
        ("inputs", json!({"a": {"jobInputType": "literal", "value": "1"}})),
    ] {
        let mut changed = body.clone();
        changed["properties"][field] = other;
        assert_eq!(world.put(&job, &changed).status, 400, "{field}");
    }
    let mut more = body.clone();
    more["properties"]["status"] = json!("Failed");
    more["properties"]["notificationSetting"] = json!({"emails": ["a@example.org"]});
    more["properties"]["description"] = json!("d");
    assert_eq!(world.put(&job, &more).status, 200);
    let shown = world.get(&job).value()["properties"].clone();
    assert_eq!(shown["notificationSetting"]["emails"][0], "a@example.org");
    assert_eq!((&shown["description"], &shown["status"]), (&json!("d"), &json!("NotStarted")));
    let whole = world.get(&job).value();
    assert_eq!(world.put(&job, &whole).status, 200, "what was shown can be sent back");
}

#[test]
fn a_job_of_fine_tuning_comes_back_as_it_was_sent() {
    let mut world = World::new();
    let job = format!("{WORKSPACE}/jobs/tuned");
    let input = |kind: &str| json!({"jobInputType": kind, "uri": "azureml://datastores/d/paths/p"});
    let sent = json!({
        "jobType": "FineTuning",
        "fineTuningDetails": {
            "modelProvider": "Custom", "taskType": "ChatCompletion", "hyperParameters": {"epochs": "3"},
            "model": input("mlflow_model"), "trainingData": input("uri_file"),
        },
        "outputs": {"model": {"jobOutputType": "mlflow_model", "assetName": "tuned"}},
        "resources": {"instanceTypes": ["Standard_ND96"]},
    });
    assert_eq!(world.put(&job, &json!({"properties": sent})).status, 201);
    let shown = world.get(&job).value()["properties"].clone();
    for (field, value) in sent.as_object().unwrap() {
        assert_eq!(&shown[field], value, "{field}");
    }
    let listed = world.get(&format!("{WORKSPACE}/jobs?jobType=FineTuning")).value();
    assert_eq!(listed["value"][0]["name"], "tuned");
    let mut refused = sent.clone();
    refused["fineTuningDetails"]["modelProvider"] = json!("Nobody");
    assert_eq!(world.put(&format!("{WORKSPACE}/jobs/other"), &json!({"properties": refused})).status, 400);
}
