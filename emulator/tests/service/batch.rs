//! Batch endpoints are invoked, and a job is what comes of it.

use azureml_emulator::{Config, Durations, Principal, Request, Response, Seed, WorkspaceSeed};
use http::Method;
use serde_json::{Value, json};

use crate::support::{MODEL, SUBSCRIPTION, WORKSPACE, World};

fn endpoint() -> String {
    format!("{WORKSPACE}/batchEndpoints/nightly")
}

fn endpoint_body(default: Option<&str>, mode: &str) -> Value {
    json!({"location": "eastus", "properties": {"authMode": mode, "defaults": {"deploymentName": default}}})
}

/// An endpoint with two deployments, the first its default; only jobs take time.
fn world() -> World {
    let durations = Durations { job_start: 30.0, job_run: 120.0, ..Durations::none() };
    let mut world = World::with(Config { durations, ..Config::default() });
    world.put(&endpoint(), &endpoint_body(None, "AADToken"));
    let model = json!({"referenceType": "Id", "assetId": format!("{MODEL}/versions/1")});
    for name in ["first", "second"] {
        let body = json!({"location": "eastus", "properties": {"model": model, "compute": "c"}});
        assert_eq!(world.put(&format!("{}/deployments/{name}", endpoint()), &body).status, 201);
    }
    world.pass(1.0);
    world.put(&endpoint(), &endpoint_body(Some("first"), "AADToken"));
    world.pass(1.0);
    world.principal = caller();
    world
}

/// Somebody with a token for invoking, which also opens nothing but that.
fn caller() -> Principal {
    let Principal::Known(mut identity) = Principal::application("nightly-run") else { unreachable!() };
    identity.audience = "https://ml.azure.com".into();
    Principal::Known(identity)
}

fn invocation(body: &Value) -> Request {
    Request::new(Method::POST, "/batch/eastus/nightly/jobs").json(body)
}

fn trips() -> Value {
    json!({"properties": {"inputData": {"trips": {"jobInputType": "UriFolder", "uri": "azureml://datastores/d/paths/p/"}}}})
}

fn code(answer: &Response) -> (u16, String) {
    let body = answer.value();
    (answer.status, body["error"]["details"][0]["code"].as_str().unwrap_or_default().to_owned())
}

fn jobs(world: &mut World, of: &str) -> Vec<String> {
    world.principal = Principal::application("bindery");
    let answer = world.get(&format!("{}{of}/jobs", endpoint())).value();
    world.principal = caller();
    let items = answer["value"].as_array().unwrap().iter();
    items
        .map(|job| {
            format!("{} {}", job["name"].as_str().unwrap(), job["properties"]["status"].as_str().unwrap())
        })
        .collect()
}

#[test]
fn an_invocation_makes_a_job_that_runs() {
    let mut world = world();
    let uri = {
        world.principal = Principal::application("bindery");
        let uri = world.get(&endpoint()).value()["properties"]["scoringUri"].clone();
        world.principal = caller();
        uri
    };
    assert_eq!(uri, "https://127.0.0.1/batch/eastus/nightly/jobs");
    let mut body = trips();
    body["properties"]["name"] = json!("tonight");
    body["properties"]["properties"] = json!({"experimentName": "nights"});
    let made = world.send(&invocation(&body));
    assert_eq!(made.status, 201);
    let job = made.value();
    assert_eq!((&job["name"], &job["properties"]["status"]), (&json!("tonight"), &json!("NotStarted")));
    assert_eq!(job["id"], format!("{}/jobs/tonight", endpoint()));
    assert_eq!(job.as_object().unwrap().keys().collect::<Vec<_>>(), ["id", "name", "properties", "type"]);
    world.principal = Principal::application("bindery");
    let arm = world.get(&format!("{WORKSPACE}/jobs/tonight")).value();
    assert_eq!(
        (&arm["properties"]["jobType"], &arm["properties"]["experimentName"]),
        (&json!("Pipeline"), &json!("nights"))
    );
    let named = json!({"azureml.endpointname": "nightly", "azureml.deploymentname": "first"});
    assert_eq!(arm["properties"]["properties"], named);
    assert_eq!(arm["properties"]["inputs"]["trips"]["jobInputType"], "uri_folder");
    assert_eq!(arm["systemData"]["createdBy"], "nightly-run");
    world.pass(31.0);
    assert_eq!(jobs(&mut world, ""), ["tonight Running"]);
    world.pass(120.0);
    assert_eq!(jobs(&mut world, ""), ["tonight Completed"]);
}

#[test]
fn whether_jobs_name_their_deployment_is_a_switch() {
    let mut world = world();
    world.core.config.inferred.batch_jobs_name_deployment = false;
    let made = world.send(&invocation(&trips())).value();
    world.principal = Principal::application("bindery");
    let name = made["name"].as_str().unwrap_or_default();
    let arm = world.get(&format!("{WORKSPACE}/jobs/{name}")).value();
    assert_eq!(arm["properties"]["properties"], json!({}));
}

#[test]
fn whether_an_invocation_names_its_job_is_a_switch() {
    let mut world = world();
    world.core.config.inferred.batch_invocation_names_job = false;
    let mut body = trips();
    body["properties"]["name"] = json!("tonight");
    let uri = format!("{WORKSPACE}/datastores/d/paths/out/tonight/predictions.csv");
    body["properties"]["outputData"] = json!({"score": {"jobOutputType": "UriFile", "uri": uri}});
    let made = world.send(&invocation(&body)).value();
    world.principal = Principal::application("bindery");
    let name = made["name"].as_str().unwrap_or_default();
    assert_ne!(name, "tonight");
    let arm = world.get(&format!("{WORKSPACE}/jobs/{name}")).value();
    assert_eq!(arm["properties"]["outputs"]["score"], json!({"jobOutputType": "uri_file", "uri": uri}));
}

#[test]
fn a_repeated_request_starts_no_second_job() {
    let mut world = world();
    let once = |name: &str, id: &str| invocation(&trips()).header(name, id);
    let first = world.send(&once("repeatability-request-id", "1"));
    let again = world.send(&once("repeatability_request-id", "1"));
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.value(), again.value());
    let other = world.send(&once("repeatability-request-id", "2")).value();
    assert_ne!(other["name"], first.value()["name"]);
    assert_eq!(jobs(&mut world, "").len(), 2);
    world.send(&invocation(&trips()));
    assert_eq!(jobs(&mut world, "").len(), 3);
}

#[test]
fn the_default_deployment_works_unless_another_is_named() {
    let mut world = world();
    let named = |name: &str, deployment: Option<&str>| {
        let mut body = trips();
        body["properties"]["name"] = json!(name);
        let request = invocation(&body);
        deployment.map_or_else(
            || request.clone(),
            |value| request.clone().header("azureml-model-deployment", value),
        )
    };
    assert_eq!(world.send(&named("a", None)).status, 201);
    assert_eq!(world.send(&named("b", Some("second"))).status, 201);
    assert_eq!(jobs(&mut world, "/deployments/first"), ["a NotStarted"]);
    assert_eq!(jobs(&mut world, "/deployments/second"), ["b NotStarted"]);
    assert_eq!(jobs(&mut world, ""), ["b NotStarted", "a NotStarted"]);
    assert_eq!(code(&world.send(&named("c", Some("third")))), (404, "DeploymentNotFound".into()));
    assert_eq!(code(&world.send(&named("a", None))), (409, "JobAlreadyExists".into()));
    world.principal = Principal::application("bindery");
    world.put(&endpoint(), &endpoint_body(None, "AADToken"));
    world.pass(1.0);
    world.principal = caller();
    assert_eq!(code(&world.send(&named("d", None))), (400, "DefaultDeploymentNotSet".into()));
}

#[test]
fn the_default_deployment_is_one_of_the_endpoints() {
    let mut world = world();
    world.principal = Principal::application("bindery");
    let default = |world: &mut World| world.get(&endpoint()).value()["properties"]["defaults"].clone();
    let refused = world.put(&endpoint(), &endpoint_body(Some("third"), "AADToken"));
    assert_eq!(code(&refused), (400, "properties.defaults.deploymentName".into()));
    assert_eq!(default(&mut world), json!({"deploymentName": "first"}));
    assert_eq!(world.put(&endpoint(), &endpoint_body(Some("SECOND"), "AADToken")).status, 200);
    assert_eq!(default(&mut world), json!({"deploymentName": "second"}));
    world.pass(1.0);
    assert_eq!(world.delete(&format!("{}/deployments/second", endpoint())).status, 202);
    world.pass(1.0);
    assert_eq!(default(&mut world), json!({"deploymentName": "second"}));
    world.principal = caller();
    assert_eq!(code(&world.send(&invocation(&trips()))), (404, "DeploymentNotFound".into()));
}

#[test]
fn a_default_deployment_that_is_gone_can_be_sent_as_it_is_shown() {
    let mut world = world();
    world.principal = Principal::application("bindery");
    assert_eq!(world.delete(&format!("{}/deployments/first", endpoint())).status, 202);
    world.pass(1.0);
    let mut shown = world.get(&endpoint()).value();
    shown["tags"] = json!({"a": "b"});
    for (name, status, stays) in [
        (json!("first"), 200, json!("first")),
        (json!("FIRST"), 200, json!("first")),
        (json!("third"), 400, json!("first")),
        (json!(""), 200, json!(null)),
        (json!("first"), 400, json!(null)),
        (json!(null), 200, json!(null)),
    ] {
        shown["properties"]["defaults"]["deploymentName"] = name.clone();
        let answer = world.put(&endpoint(), &shown);
        assert_eq!(answer.status, status, "{name}: {}", answer.value());
        world.pass(1.0);
        assert_eq!(
            world.get(&endpoint()).value()["properties"]["defaults"]["deploymentName"],
            stays,
            "{name}"
        );
    }
    world.principal = caller();
    assert_eq!(code(&world.send(&invocation(&trips()))), (400, "DefaultDeploymentNotSet".into()));
}

#[test]
fn a_new_default_deployment_must_be_there_or_need_not() {
    for (must, status) in [(true, 400), (false, 200)] {
        let mut world = world();
        world.core.config.inferred.batch_default_must_exist = must;
        world.principal = Principal::application("bindery");
        assert_eq!(world.put(&endpoint(), &endpoint_body(Some("third"), "AADToken")).status, status);
        let expected = if must { "first" } else { "third" };
        let shown = world.get(&endpoint()).value();
        assert_eq!(shown["properties"]["defaults"], json!({"deploymentName": expected}));
    }
}

#[test]
fn a_batch_deployments_numbers_keep_within_their_bounds() {
    let mut world = world();
    world.principal = Principal::application("bindery");
    for (field, value, fine) in [
        ("errorThreshold", json!(-1), true),
        ("errorThreshold", json!(i32::MAX), true),
        ("errorThreshold", json!(-5), false),
        ("errorThreshold", json!(1_u64 << 31), false),
        ("miniBatchSize", json!(1), true),
        ("miniBatchSize", json!(0), false),
        ("miniBatchSize", json!(-1), false),
    ] {
        let mut body = json!({"location": "eastus", "properties": {"compute": "c"}});
        body["properties"][field] = value.clone();
        let answer = world.put(&format!("{}/deployments/second", endpoint()), &body);
        assert_eq!(answer.status, if fine { 200 } else { 400 }, "{field} {value}");
        world.pass(1.0);
    }
}

#[test]
fn only_who_may_invokes() {
    let mut world = world();
    world.principal = Principal::Anonymous;
    assert_eq!(world.send(&invocation(&trips())).status, 401);
    world.principal = Principal::application("bindery");
    assert_eq!(world.send(&invocation(&trips())).status, 401, "a token for Resource Manager");
    world.principal = caller();
    assert_eq!(world.send(&invocation(&json!({}))).status, 400);
    let elsewhere = Request::new(Method::POST, "/batch/westus/nightly/jobs").json(&trips());
    assert_eq!(world.send(&elsewhere).status, 404);
    assert_eq!(world.send(&Request::get("/batch/eastus/nightly/jobs")).status, 405);
    assert_eq!(jobs(&mut world, ""), Vec::<String>::new());
}

#[test]
fn resources_and_place_are_fixed_at_creation() {
    let mut world = world();
    world.principal = Principal::application("bindery");
    let path = format!("{}/deployments/third", endpoint());
    let model = json!({"referenceType": "Id", "assetId": format!("{MODEL}/versions/1")});
    let resources = json!({"instanceCount": 2, "instanceType": "Standard_F4s_v2"});
    let body = json!({"location": "eastus", "properties": {"model": model, "resources": resources}});
    world.put(&path, &body);
    world.pass(1.0);
    for (field, other) in
        [("instanceCount", json!(3)), ("instanceType", json!("m")), ("properties", json!({"a": 1}))]
    {
        let mut changed = body.clone();
        changed["properties"]["resources"][field] = other;
        assert_eq!(world.put(&path, &changed).status, 400, "{field}");
    }
    let mut without = body.clone();
    without["properties"]["resources"] = Value::Null;
    assert_eq!(world.put(&path, &without).status, 200);
    world.pass(1.0);
    assert_eq!(world.get(&path).value()["properties"]["resources"]["instanceCount"], 2);
    for path in [path, endpoint()] {
        let mut moved = if path == endpoint() { endpoint_body(None, "AADToken") } else { body.clone() };
        moved["location"] = json!("westus");
        assert_eq!(world.put(&path, &moved).status, 409, "{path}");
    }
}

#[test]
fn one_change_at_a_time_and_no_more_than_the_quota() {
    let mut world = World::new();
    let put = |world: &mut World, path: &str| {
        code(&world.put(path, &json!({"location": "eastus", "properties": {"authMode": "AADToken"}})))
    };
    let (first, second) =
        (format!("{}/deployments/first", endpoint()), format!("{}/deployments/second", endpoint()));
    assert_eq!(put(&mut world, &endpoint()).0, 201);
    let busy = (409, "OperationInProgress".to_owned());
    assert_eq!(put(&mut world, &endpoint()), busy);
    assert_eq!(put(&mut world, &first), busy);
    assert_eq!(code(&world.delete(&endpoint())), busy);
    world.pass(60.0);
    assert_eq!(put(&mut world, &first).0, 201);
    assert_eq!(put(&mut world, &endpoint()), busy);
    assert_eq!(code(&world.delete(&first)), busy);
    world.pass(200.0);
    world.core.config.quotas.endpoints = 1;
    world.core.config.quotas.deployments = 1;
    let full = (400, "OutOfQuota".to_owned());
    assert_eq!(put(&mut world, &second), full);
    assert_eq!(put(&mut world, &format!("{WORKSPACE}/batchEndpoints/daily")), full);
    assert_eq!(put(&mut world, &format!("{WORKSPACE}/onlineEndpoints/daily")), full);
    // Another region, and another subscription, have quotas of their own.
    world.add_workspace("west", "westus");
    let other = "00000000-0000-4000-8000-000000000002";
    world.core.seed(&Seed {
        workspaces: vec![WorkspaceSeed {
            subscription: other.into(),
            resource_group: "ml".into(),
            name: "dev".into(),
            location: "eastus".into(),
            ..WorkspaceSeed::default()
        }],
        ..Seed::default()
    });
    let west = WORKSPACE.replace("workspaces/dev", "workspaces/west");
    let theirs = WORKSPACE.replace(SUBSCRIPTION, other);
    for (workspace, region) in [(west, "westus"), (theirs, "eastus")] {
        let body = json!({"location": region, "properties": {"authMode": "AADToken"}});
        let endpoint = format!("{workspace}/batchEndpoints/daily");
        assert_eq!(world.put(&endpoint, &body).status, 201, "{region}");
        world.pass(60.0);
        assert_eq!(world.put(&format!("{endpoint}/deployments/first"), &body).status, 201, "{region}");
        world.pass(200.0);
    }
}
