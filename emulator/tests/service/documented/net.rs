//! The net itself: the service's own answers pass it, and ours do no longer once something is wrong with them.

use azureml_emulator::{Request, Response};
use http::Method;
use serde_json::{Value, json};

use crate::support::documented::{checked, contract};
use crate::support::{ENDPOINT, MODEL, REGISTRY, WORKSPACE, World, endpoint_body, model_body, registry_body};

const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/azure-ml/recorded-shapes.json");

/// Recordings, what was asked, and the status where the recording has none.
const RECORDED: [(&str, &str, &str, u16); 14] = [
    ("registry.put.202", "PUT", "registries/r", 202),
    ("registry.get", "GET", "registries/r", 200),
    ("registry.delete.202", "DELETE", "registries/r", 202),
    ("onlineEndpoint.put.201", "PUT", "workspaces/w/onlineEndpoints/e", 201),
    ("onlineEndpoint.get", "GET", "workspaces/w/onlineEndpoints/e", 200),
    ("onlineEndpoint.delete.202", "DELETE", "workspaces/w/onlineEndpoints/e", 202),
    ("onlineDeployment.put.201", "PUT", "workspaces/w/onlineEndpoints/e/deployments/d", 201),
    ("onlineDeployment.get", "GET", "workspaces/w/onlineEndpoints/e/deployments/d", 200),
    ("onlineDeployment.skus", "GET", "workspaces/w/onlineEndpoints/e/deployments/d/skus", 200),
    ("batchEndpoint.put.201", "PUT", "workspaces/w/batchEndpoints/e", 201),
    ("batchDeployment.get", "GET", "workspaces/w/batchEndpoints/e/deployments/d", 200),
    ("modelVersion.put.201", "PUT", "workspaces/w/models/m/versions/3", 201),
    ("modelVersion.put.200 (re-PUT same modelUri)", "PUT", "workspaces/w/models/m/versions/3", 200),
    ("modelContainer.get", "GET", "workspaces/w/models/m", 200),
];
const RECORDED_LISTS: [(&str, &str, &str, u16); 2] = [
    ("modelVersions.list of unknown container", "GET", "workspaces/w/models/m/versions", 404),
    ("list.empty", "GET", "workspaces/w/onlineEndpoints", 200),
];
/// The status of operations, which has its own test; discovery, which is beside ARM; headers.
const OTHERS: [&str; 4] = [
    "mfeOperationsStatus",
    "registry.discovery",
    "registry.discovery.403",
    "typical response headers 2026-03",
];

fn recordings() -> Option<Value> {
    let Ok(text) = std::fs::read_to_string(RECORDINGS) else {
        println!("skipped: the recordings are not beside this checkout");
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

/// A recording as the answer that it was.
fn answer(recording: &Value, status: u16) -> Response {
    let body = match &recording["body"] {
        Value::Null => String::new(),
        Value::String(text) => text.split(' ').next().unwrap_or_default().to_owned(),
        body => body.to_string(),
    };
    let mut answer = Response::bytes(status, "application/json", body.into_bytes());
    for (name, value) in recording["headers"].as_object().into_iter().flatten() {
        answer = answer.header(name, value.as_str().unwrap());
    }
    answer
}

#[test]
fn what_the_service_was_seen_to_answer_passes() {
    let Some(all) = recordings() else { return };
    let contract = contract();
    let tried = RECORDED.iter().chain(&RECORDED_LISTS);
    for (name, method, path, status) in tried.clone() {
        let target =
            format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/{path}");
        let request = Request::new(Method::from_bytes(method.as_bytes()).unwrap(), &target);
        checked(contract, &request, &answer(&all[name], *status))
            .unwrap_or_else(|why| panic!("{name}: {why}"));
    }
    for name in all.as_object().unwrap().keys() {
        assert!(
            tried.clone().any(|row| row.0 == name) || OTHERS.contains(&name.as_str()),
            "{name} is not tried"
        );
    }
}

#[test]
fn the_status_of_an_operation_as_it_was_seen_passes() {
    let Some(all) = recordings() else { return };
    let contract = contract();
    let holds = |definition: &str, body: &Value| contract.holds(definition, body).unwrap();
    for body in all["registry.put.202"]["poll"].as_array().unwrap() {
        holds("RegistryOperation", body);
    }
    let statuses = &all["mfeOperationsStatus"];
    let mut done = statuses["running"].clone();
    for (field, value) in statuses["done"].as_object().unwrap() {
        done[field] = value.clone();
    }
    for body in [&statuses["running"], &done, &statuses["batch_variant"]] {
        holds("ProviderOperation", body);
    }
}

/// What is wrong, in the answer to a GET of what, by which change, and what the refusal names.
type Case<'a> = (&'a str, &'a str, &'a dyn Fn(&mut Value), &'a str);

/// What one change of an answer of ours is refused with.
fn refused(method: Method, path: &str, answer: &Response, change: impl Fn(&mut Value)) -> String {
    let request = Request::new(method, path);
    let contract = contract();
    checked(contract, &request, answer).unwrap_or_else(|why| panic!("unchanged: {why}"));
    let mut body = answer.value();
    change(&mut body);
    let changed = Response { body: body.to_string().into_bytes(), ..answer.clone() };
    checked(contract, &request, &changed).expect_err("it passed")
}

fn rename(document: &mut Value, from: &str, to: &str) {
    let fields = document.as_object_mut().unwrap();
    let value = fields.remove(from).unwrap();
    fields.insert(to.to_owned(), value);
}

#[test]
fn an_answer_with_something_wrong_in_it_is_caught() {
    let mut world = World::new();
    world.serve(&["blue"]);
    let version = format!("{MODEL}/versions/1");
    let versions = format!("{MODEL}/versions");
    let blue = format!("{ENDPOINT}/deployments/blue");
    let store = format!("{WORKSPACE}/datastores/workspaceblobstore");
    let cases: [Case; 18] = [
        (
            "a field by another name",
            &version,
            &|v| rename(&mut v["properties"], "modelUri", "modelURI"),
            "modelURI",
        ),
        ("a field too many", ENDPOINT, &|v| v["zones"] = json!([]), "zones"),
        ("a flag as text", &version, &|v| v["properties"]["isArchived"] = json!("false"), "isArchived"),
        ("a number as text", &blue, &|v| v["sku"]["capacity"] = json!("3"), "capacity"),
        ("a tag that is none", &version, &|v| v["properties"]["tags"] = json!({"a": null}), "/tags/a"),
        ("without what is required", ENDPOINT, &|v| v["properties"]["authMode"] = Value::Null, "authMode"),
        ("without a name", &version, &|v| rename(v, "name", "type"), "name"),
        ("an unknown word", &blue, &|v| v["properties"]["provisioningState"] = json!("Done"), "Done"),
        ("a word in another case", ENDPOINT, &|v| v["properties"]["authMode"] = json!("key"), "key"),
        ("an unknown kind", &blue, &|v| v["properties"]["endpointComputeType"] = json!("Lambda"), "Lambda"),
        (
            "a field of another kind",
            &store,
            &|v| v["properties"]["fileShareName"] = json!("f"),
            "fileShareName",
        ),
        (
            "a secret",
            &store,
            &|v| v["properties"]["credentials"]["secrets"] = json!({"secretsType": "AccountKey"}),
            "secrets",
        ),
        (
            "a time with milliseconds",
            &version,
            &|v| v["systemData"]["createdAt"] = json!("2026-03-26T18:01:29.501Z"),
            "createdAt",
        ),
        (
            "a duration in seconds",
            &blue,
            &|v| v["properties"]["livenessProbe"]["period"] = json!("10"),
            "period",
        ),
        ("a list without value", &versions, &|v| rename(v, "value", "items"), "value"),
        ("a list that is an array", &versions, &|v| *v = v["value"].clone(), "object"),
        ("a last page that says so", &versions, &|v| v["nextLink"] = Value::Null, "nextLink"),
        (
            "an item that is wrong",
            &versions,
            &|v| rename(&mut v["value"][0]["properties"], "stage", "stages"),
            "stages",
        ),
    ];
    for (what, path, change, named) in cases {
        let answer = world.get(path);
        let why = refused(Method::GET, path, &answer, change);
        assert!(why.contains(named), "{what}: {why}");
    }
    let missing = world.get(&format!("{MODEL}/versions/9"));
    let why = refused(Method::GET, MODEL, &missing, |v| rename(&mut v["error"], "code", "errorCode"));
    assert!(why.contains("errorCode"), "{why}");
}

#[test]
fn a_status_a_header_or_a_body_that_should_not_be_is_caught() {
    let contract = contract();
    let mut world = World::new();
    let accepted = world.put(REGISTRY, &registry_body());
    let made = world.put(ENDPOINT, &endpoint_body(&json!({})));
    let version = format!("{MODEL}/versions/1");
    let put = world.put(&version, &model_body());
    let wrong = |path: &str, answer: Response| {
        checked(contract, &Request::new(Method::PUT, path), &answer).expect_err("it passed")
    };
    assert!(
        wrong(REGISTRY, Response { body: b"{}".to_vec(), ..accepted.clone() }).contains("should be empty")
    );
    let without = Response { headers: [].into(), ..accepted };
    assert!(wrong(REGISTRY, without).contains("Azure-AsyncOperation"));
    assert!(wrong(ENDPOINT, Response { headers: [].into(), ..made }).contains("Azure-AsyncOperation"));
    assert!(wrong(&version, Response { status: 202, ..put.clone() }).contains("no status 202"));
    assert!(wrong(&version, Response { body: Vec::new(), ..put.clone() }).contains("null"));
    assert!(wrong(&format!("{WORKSPACE}/computes/c/versions/1/x"), put).contains("nothing documents"));
}
