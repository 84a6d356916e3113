//! Run history: what clients ask to follow a job and to get its files.

use azureml_emulator::{Config, JobSeed, Principal, Request, RightsEffect, RightsRule, Seed, WorkspaceSeed};
use http::Method;
use serde_json::{Value, json};

use crate::support::{SUBSCRIPTION, WORKSPACE, World};

const MODEL_AT: &str = "azureml://datastores/workspaceblobstore/paths/trained/model/";
const SCORES_AT: &str = "azureml://datastores/workspaceblobstore/paths/trained/scores.csv";

/// A job with outputs, of which one has no place, and two runs below it, in a workspace beside the usual one.
fn world() -> World {
    let mut world = World::new();
    let output = |kind: &str, uri: Value| json!({"jobOutputType": kind, "uri": uri});
    let below = |name: &str| JobSeed {
        name: name.into(),
        tags: [("mlflow.parentRunId".to_owned(), "trained".to_owned())].into(),
        ..JobSeed::default()
    };
    let trained = JobSeed {
        name: "trained".into(),
        status: "Failed".into(),
        outputs: [
            ("model".to_owned(), output("mlflow_model", json!(MODEL_AT))),
            ("scores".to_owned(), output("uri_file", json!(SCORES_AT))),
            ("unwritten".to_owned(), output("uri_folder", Value::Null)),
        ]
        .into(),
        ..JobSeed::default()
    };
    let workspace = WorkspaceSeed {
        subscription: SUBSCRIPTION.into(),
        resource_group: "ml".into(),
        name: "past".into(),
        location: "eastus".into(),
        jobs: vec![trained, below("one"), below("two")],
        ..WorkspaceSeed::default()
    };
    world.core.seed(&Seed { workspaces: vec![workspace], ..Seed::default() });
    world
}

fn past(service: &str, rest: &str) -> String {
    format!("/{service}/v1.0{}/{rest}", WORKSPACE.replace("/dev", "/past"))
}

#[test]
fn a_run_is_the_job_of_its_name() {
    let mut world = world();
    let run = world.get(&past("history", "runs/trained")).value();
    assert_eq!(
        (&run["runId"], &run["status"], &run["parentRunId"]),
        (&json!("trained"), &json!("Failed"), &Value::Null)
    );
    let below = world.get(&past("history", "runs/one")).value();
    assert_eq!((&below["parentRunId"], &below["rootRunId"]), (&json!("trained"), &json!("trained")));
    assert_eq!(world.get(&past("history", "runs/trained/details")).value()["status"], "Failed");
    let data =
        world.post(&past("history", "rundata"), &json!({"runId": "trained", "selectRunMetadata": true}));
    assert_eq!(data.value()["runMetadata"], run);
    for absent in
        ["runs/nothing", "runs/nothing/details", "runs/nothing/children", "runs/nothing/serviceinstances/0"]
    {
        let answer = world.get(&past("history", absent));
        let code = answer.value()["error"]["details"][0]["code"].clone();
        assert_eq!((answer.status, code), (404, json!("RunNotFound")), "{absent}");
    }
    assert_eq!(world.get("/history/v1.0/subscriptions/none/runs/trained").status, 404);
    assert_eq!(world.get(&past("history", "runs/trained/spans")).status, 404);
}

#[test]
fn the_runs_below_a_run_are_those_that_name_it() {
    let mut world = world();
    let mut names = |query: &str| {
        let answer = world.get(&past("history", &format!("runs/trained/children{query}"))).value();
        let children = answer["value"].as_array().unwrap().iter();
        children.map(|child| child["runId"].as_str().unwrap().to_owned()).collect::<Vec<String>>()
    };
    assert_eq!(names(""), ["one", "two"]);
    assert_eq!(names("?$top=1"), ["one"]);
}

#[test]
fn outputs_with_a_place_are_assets_whose_place_is_told() {
    let mut world = world();
    let outputs = world.get(&past("history", "runs/trained")).value()["outputs"].clone();
    assert_eq!(outputs.as_object().unwrap().len(), 2);
    let id = |name: &str| outputs[name]["assetId"].as_str().unwrap().to_owned();
    assert_eq!(
        (&outputs["model"]["type"], &outputs["scores"]["type"]),
        (&json!("MLFlowModel"), &json!("uri_file"))
    );
    let asked =
        json!({"values": [id("scores"), "azureml://locations/eastus/workspaces/w/data/none/versions/1"]});
    let told = world.post(&past("data", "dataversion/batchGetResolvedUris"), &asked).value();
    assert_eq!(told, json!({"values": {id("scores"): {"uri": SCORES_AT, "type": "uri_file"}}}));
    let asked = json!({"values": [id("model")]});
    let told = world.post(&past("modelregistry", "models/batchGetResolvedUris"), &asked).value();
    assert_eq!(told, json!({"values": {id("model"): {"path": MODEL_AT, "type": "MLFlowModel"}}}));
}

#[test]
fn services_run_while_their_job_does() {
    let mut world = World::new();
    let services = json!({"lab": {"jobServiceType": "JupyterLab", "port": 8888}});
    let body = json!({"properties": {"jobType": "Command", "command": "true", "environmentId": "e", "services": services}});
    world.put(&format!("{WORKSPACE}/jobs/new"), &body);
    let target = format!("/history/v1.0{WORKSPACE}/runs/new/serviceinstances/0");
    let mut lab = || world.get(&target).value()["instances"]["lab"].clone();
    assert_eq!(
        (&lab()["type"], &lab()["status"], &lab()["port"]),
        (&json!("JupyterLab"), &json!("Stopped"), &json!(8888))
    );
    world.pass(31.0);
    assert_eq!(world.get(&target).value()["instances"]["lab"]["status"], "Running");
}

#[test]
fn artifacts_are_what_lies_in_the_runs_folder() {
    let mut world = World::new();
    let store =
        world.get(&format!("{WORKSPACE}/datastores/workspaceartifactstore")).value()["properties"].clone();
    let text = |field: &str| store[field].as_str().unwrap().to_owned();
    let host = format!("{}.blob.{}", text("accountName"), text("endpoint"));
    for path in ["dcid.train-1/model/a%20b", "dcid.train-1/user_logs/std_log.txt", "dcid.train-10/other"] {
        let target = format!("/{}/ExperimentRun/{path}", text("containerName"));
        let mut put =
            Request::new(Method::PUT, &target).header("Host", &host).header("x-ms-blob-type", "BlockBlob");
        put.body = path.as_bytes().to_vec();
        assert_eq!(world.send(&put).status, 201);
    }
    let runs = format!("/history/v1.0{WORKSPACE}/experiments/Default/runs/train-1/artifacts");
    let listed = world.get(&runs).value();
    let paths: Vec<&Value> = listed["value"].as_array().unwrap().iter().map(|file| &file["path"]).collect();
    assert_eq!(paths, ["model/a b", "user_logs/std_log.txt"]);
    let one = world.get(&format!("{runs}/contentinfo?path=model/a%20b")).value();
    let uri = one["contentUri"].as_str().unwrap().strip_prefix("https://").unwrap().to_owned();
    world.principal = Principal::Anonymous;
    let read = world.send(&Request::get(&uri[host.len()..]).header("Host", &host));
    assert_eq!((read.status, read.body.as_slice()), (200, b"dcid.train-1/model/a%20b".as_slice()));
    world.principal = Principal::application("bindery");
    assert_eq!(world.get(&format!("{runs}/contentinfo?path=none")).status, 404);
    let details = world.get(&format!("/history/v1.0{WORKSPACE}/runs/train-1/details")).value();
    let logs: Vec<&String> = details["logFiles"].as_object().unwrap().keys().collect();
    assert_eq!(logs, ["user_logs/std_log.txt"]);
}

#[test]
fn runs_are_for_who_may_read_them() {
    let rule = RightsRule {
        principal: "*".into(),
        scope: WORKSPACE.into(),
        action: "*/experiments/runs/read".into(),
        effect: RightsEffect::Deny,
    };
    let mut world = World::with(Config { rights: vec![rule], ..Config::default() });
    let target = format!("/history/v1.0{WORKSPACE}/runs/train-1");
    assert_eq!(world.get(&target).status, 403);
    world.core.config.rights.clear();
    assert_eq!(world.get(&target).status, 200);
    world.principal = Principal::Expired;
    assert_eq!(world.get(&target).status, 401);
}
