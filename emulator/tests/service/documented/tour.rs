//! Everything that is served, once: each operation of ARM with a success, and its asynchronous operations to the end.

use azureml_emulator::{OperationRule, Outcome, Response};
use http::Method;
use serde_json::{Value, json};

use crate::support::{
    ENDPOINT, MODEL, REGISTRY, SUBSCRIPTION, WORKSPACE, World, deployment_body, endpoint_body, registry_body,
};

/// All of it.
pub fn everything(world: &mut World) {
    registries(world);
    workspaces(world);
    for (kind, properties) in kinds() {
        for owner in [WORKSPACE, REGISTRY] {
            assets(world, owner, kind, &properties);
        }
    }
    jobs(world);
    datastores(world);
    online(world);
    batch(world);
    failures(world);
}

/// Takes the steps one after the other, and asserts that each succeeds; looks at its resource and follows the URLs in
/// its answer, while it is under way and afterwards.
fn steps(world: &mut World, steps: &[(&str, &str, Value)]) -> Vec<Response> {
    steps.iter().map(|(method, path, body)| step(world, method, path, body)).collect()
}

fn step(world: &mut World, method: &str, path: &str, body: &Value) -> Response {
    let answer = world.ask(
        Method::from_bytes(method.as_bytes()).unwrap(),
        path,
        Some(body).filter(|body| !body.is_null()),
    );
    assert!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.value());
    for seconds in [0.0, 200.0] {
        world.pass(seconds);
        if method != "POST" {
            world.get(path);
        }
        for header in ["Azure-AsyncOperation", "Location"] {
            if let Some(url) = answer.header_value(header).map(ToOwned::to_owned) {
                world.follow(&url);
            }
        }
    }
    answer
}

const NONE: Value = Value::Null;

/// The lists of a resource group and of the subscription.
fn lists(world: &mut World, collection: &str) {
    let provider = "providers/Microsoft.MachineLearningServices";
    let group = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/ml/{provider}/{collection}");
    let subscription = format!("/subscriptions/{SUBSCRIPTION}/{provider}/{collection}");
    steps(world, &[("GET", &group, NONE), ("GET", &subscription, NONE)]);
}

fn registries(world: &mut World) {
    let with = |regions: &[&str]| {
        let mut body = registry_body();
        body["properties"]["regionDetails"] = regions.iter().map(|name| json!({"location": name})).collect();
        body
    };
    let spare = REGISTRY.replace("registries/models", "registries/spare");
    steps(
        world,
        &[
            ("PUT", REGISTRY, with(&["eastus", "westus"])),
            ("PUT", REGISTRY, with(&["eastus"])),
            ("PATCH", REGISTRY, json!({"tags": {"a": "b"}, "sku": {"name": "Basic", "tier": "Basic"}})),
            ("GET", REGISTRY, NONE),
            ("POST", &format!("{REGISTRY}/removeRegions"), with(&["westus"])),
            ("PUT", &spare, registry_body()),
            ("DELETE", &spare, NONE),
        ],
    );
    lists(world, "registries");
}

fn workspaces(world: &mut World) {
    step(world, "GET", WORKSPACE, &NONE);
    lists(world, "workspaces");
}

/// Each kind of asset, with a version's properties.
fn kinds() -> [(&'static str, Value); 5] {
    let route = json!({"path": "/score", "port": 5001});
    [
        (
            "models",
            json!({"modelUri": "https://a.example/m", "modelType": "mlflow_model", "stage": "Production"}),
        ),
        ("data", json!({"dataType": "uri_folder", "dataUri": "https://a.example/d"})),
        ("codes", json!({"codeUri": "https://a.example/c", "properties": {"hash_version": 1}})),
        ("environments", json!({"image": "i", "condaFile": "c", "inferenceConfig": {"scoringRoute": route}})),
        ("components", json!({"componentSpec": {"name": "c", "command": "true"}})),
    ]
}

fn assets(world: &mut World, owner: &str, kind: &str, properties: &Value) {
    let all = format!("{owner}/{kind}");
    let container = format!("{all}/a");
    let version = format!("{container}/versions/1");
    let new = json!({"properties": properties});
    let tagged = json!({"properties": {"tags": {"a": "b"}, "dataType": properties["dataType"]}});
    steps(
        world,
        &[
            ("PUT", &version, new.clone()),
            ("PUT", &version, new),
            ("GET", &version, NONE),
            ("GET", &format!("{container}/versions"), NONE),
            ("PUT", &format!("{all}/b"), tagged.clone()),
            ("PUT", &container, tagged),
            ("GET", &container, NONE),
            ("GET", &all, NONE),
        ],
    );
    if kind == "codes" || owner == REGISTRY && ["models", "data"].contains(&kind) {
        step(world, "POST", &format!("{version}/startPendingUpload"), &json!({}));
    }
    if owner == WORKSPACE {
        let copy = json!({"registryName": "models", "destinationName": "copy", "destinationVersion": "1"});
        step(world, "POST", &format!("{version}/publish"), &copy);
    }
    if owner == REGISTRY && kind == "models" {
        let copy = step(world, "GET", &format!("{REGISTRY}/models/copy/versions/1"), &NONE).value();
        let file = json!({"assetId": "azureml://registries/models/models/copy/versions/1", "blobUri": copy["properties"]["modelUri"]});
        step(world, "POST", &format!("{REGISTRY}/datareferences/copy/versions/1"), &file);
    }
    steps(world, &[("DELETE", &version, NONE), ("DELETE", &container, NONE)]);
}

fn jobs(world: &mut World) {
    let job = format!("{WORKSPACE}/jobs/one");
    let command = json!({"properties": {"jobType": "Command", "command": "true", "environmentId": "e"}});
    steps(
        world,
        &[
            ("PUT", &job, command.clone()),
            ("PUT", &job, command),
            ("GET", &job, NONE),
            ("GET", &format!("{WORKSPACE}/jobs"), NONE),
            ("POST", &format!("{job}/cancel"), json!({})),
            ("DELETE", &job, NONE),
        ],
    );
}

fn datastores(world: &mut World) {
    let mine = format!("{WORKSPACE}/datastores/mine");
    let secrets = json!({"secretsType": "AccountKey", "key": "k"});
    let credentials = json!({"credentialsType": "AccountKey", "secrets": secrets});
    let body = json!({"properties": {
        "datastoreType": "AzureBlob", "accountName": "a", "containerName": "c", "credentials": credentials,
    }});
    steps(
        world,
        &[
            ("PUT", &mine, body.clone()),
            ("PUT", &mine, body),
            ("GET", &mine, NONE),
            ("GET", &format!("{WORKSPACE}/datastores"), NONE),
            ("POST", &format!("{mine}/listSecrets"), json!({})),
            ("POST", &format!("{mine}/listSecrets"), json!({"expirableSecret": true})),
            ("DELETE", &mine, NONE),
        ],
    );
}

fn online(world: &mut World) {
    world.serve(&["blue"]);
    let blue = format!("{ENDPOINT}/deployments/blue");
    let all_to_blue = endpoint_body(&json!({"blue": 100}));
    let mut with_tokens = all_to_blue.clone();
    with_tokens["properties"]["authMode"] = json!("AMLToken");
    steps(
        world,
        &[
            ("PUT", ENDPOINT, all_to_blue),
            ("PATCH", ENDPOINT, json!({"tags": {"a": "b"}})),
            ("GET", ENDPOINT, NONE),
            ("GET", &format!("{WORKSPACE}/onlineEndpoints"), NONE),
            ("POST", &format!("{ENDPOINT}/listKeys"), json!({})),
            ("POST", &format!("{ENDPOINT}/regenerateKeys"), json!({"keyType": "Primary"})),
            ("PUT", ENDPOINT, with_tokens),
            ("POST", &format!("{ENDPOINT}/token"), json!({})),
            ("PUT", &blue, deployment_body(&format!("{MODEL}/versions/1"))),
            ("PATCH", &blue, json!({"tags": {"a": "b"}})),
            ("PATCH", &blue, json!({"sku": {"capacity": 2}})),
            ("GET", &blue, NONE),
            ("GET", &format!("{ENDPOINT}/deployments"), NONE),
            ("GET", &format!("{blue}/skus"), NONE),
            ("POST", &format!("{blue}/getLogs"), json!({"tail": 1})),
            ("PUT", ENDPOINT, endpoint_body(&json!({}))),
            ("DELETE", &blue, NONE),
            ("DELETE", ENDPOINT, NONE),
        ],
    );
}

fn batch(world: &mut World) {
    let endpoint = format!("{WORKSPACE}/batchEndpoints/nightly");
    let first = format!("{endpoint}/deployments/first");
    let body = |mode: &str, default: Value| json!({"location": "eastus", "properties": {"authMode": mode, "defaults": {"deploymentName": default}}});
    let model = json!({"referenceType": "Id", "assetId": format!("{MODEL}/versions/1")});
    let deployment = json!({"location": "eastus", "properties": {"model": model, "compute": "c"}});
    steps(
        world,
        &[
            ("PUT", &endpoint, body("AADToken", NONE)),
            ("PUT", &first, deployment.clone()),
            ("PUT", &endpoint, body("Key", json!("first"))),
            ("PATCH", &endpoint, json!({"tags": {"a": "b"}})),
            ("GET", &endpoint, NONE),
            ("GET", &format!("{WORKSPACE}/batchEndpoints"), NONE),
            ("POST", &format!("{endpoint}/listkeys"), json!({})),
            ("PUT", &first, deployment),
            ("PATCH", &first, json!({"tags": {"a": "b"}, "properties": {"description": "d"}})),
            ("GET", &first, NONE),
            ("GET", &format!("{endpoint}/deployments"), NONE),
            ("DELETE", &first, NONE),
            ("DELETE", &endpoint, NONE),
        ],
    );
}

/// What has failed says so in its state, in its operation, and in its operation's result.
fn failures(world: &mut World) {
    for (name, code_in_message) in [("first", true), ("second", false)] {
        world.core.config.inferred.failure_code_in_message = code_in_message;
        let registry = REGISTRY.replace("registries/models", &format!("registries/{name}"));
        let online = format!("{WORKSPACE}/onlineEndpoints/{name}");
        let batch = format!("{WORKSPACE}/batchEndpoints/{name}");
        let body = endpoint_body(&json!({}));
        for (method, path, body) in [
            ("PUT", &registry, registry_body()),
            ("PUT", &online, body.clone()),
            ("PUT", &batch, body),
            ("DELETE", &online, NONE),
            ("DELETE", &batch, NONE),
        ] {
            world.core.add_operation_rule(OperationRule {
                work: None,
                resource: String::new(),
                model: String::new(),
                times: Some(1),
                outcome: Outcome::Fail { code: "OutOfQuota".into(), message: "no".into() },
            });
            let answer = step(world, method, path, &body);
            assert_eq!(world.poll(&answer)["status"], "Failed", "{method} {path}");
        }
    }
}
