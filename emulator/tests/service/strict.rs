//! What the service takes from nobody: tags that cannot be, strange texts, what is of another workspace.

use azureml_emulator::{Request, Response};
use http::Method;
use serde_json::{Value, json};

use crate::support::{
    ENDPOINT, ENVIRONMENT, MODEL, REGISTRY, WORKSPACE, World, deployment_body, endpoint_body, model_body,
    registry_body,
};

const BLUE: &str = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/ml/providers/Microsoft.MachineLearningServices/workspaces/dev/onlineEndpoints/fares/deployments/blue";

fn with_tags(mut body: Value, tags: &Value) -> Value {
    body["tags"] = tags.clone();
    body
}

#[test]
fn tags_have_bounds_wherever_arm_tracks_them() {
    let mut world = World::new();
    world.serve(&["blue"]);
    world.settle_put(REGISTRY, &registry_body());
    let batch = format!("{WORKSPACE}/batchEndpoints/nightly");
    let nightly = json!({"location": "eastus", "properties": {"authMode": "AADToken"}});
    world.settle_put(&batch, &nightly);
    let many = |count: usize| Value::Object((0..count).map(|n| (format!("t{n}"), json!("v"))).collect());
    for (tags, code) in [
        (many(50), None),
        (many(51), Some("TooManyTags")),
        (json!({"n".repeat(512): "v".repeat(256)}), None),
        (json!({"n".repeat(513): "v"}), Some("InvalidTagName")),
        (json!({"n": "v".repeat(257)}), Some("InvalidTagValueLength")),
        (json!({"n": "é".repeat(256)}), None),
        (json!({"": "v"}), Some("InvalidTagName")),
        (json!({"bindery.dev/owner": "v"}), Some("InvalidTagName")),
        (json!({"a?": "v"}), Some("InvalidTagName")),
        (json!({"a\nb": "v"}), Some("InvalidTagName")),
        (json!({"bindery-owner:x.y": "a/b/<c>?"}), None),
    ] {
        let deployment = deployment_body(&format!("{MODEL}/versions/1"));
        for (path, body) in [
            (REGISTRY, registry_body()),
            (ENDPOINT, endpoint_body(&json!({}))),
            (BLUE, deployment),
            (&batch, nightly.clone()),
        ] {
            let (patch, put) = (json!({"tags": tags}), with_tags(body, &tags));
            for (method, body) in [(Method::PATCH, &patch), (Method::PUT, &put)] {
                let answer = world.ask(method.clone(), path, Some(body));
                let told = answer.value()["error"]["code"].as_str().map(ToOwned::to_owned);
                assert_eq!(told.as_deref(), code, "{method} {path} {tags}");
                assert_eq!(answer.status >= 400, code.is_some());
                world.pass(200.0);
            }
        }
    }
    let mut version = model_body();
    version["properties"]["tags"] = json!({"a/b": "v".repeat(300)});
    assert_eq!(world.put(&format!("{MODEL}/versions/1"), &version).status, 200, "no tag of ARM's");
}

#[test]
fn of_tags_that_differ_in_case_there_is_one() {
    let mut world = World::new();
    world.settle_put(
        ENDPOINT,
        &with_tags(endpoint_body(&json!({})), &json!({"Team": "a", "team": "b", "x": "y"})),
    );
    assert_eq!(world.get(ENDPOINT).value()["tags"], json!({"Team": "b", "x": "y"}));
    world.settle_put(ENDPOINT, &with_tags(endpoint_body(&json!({})), &json!({"TEAM": "c"})));
    assert_eq!(world.get(ENDPOINT).value()["tags"], json!({"Team": "c"}), "as it was spelled first");
    // As many as there may be, one of them twice.
    let mut tags: Value =
        (0..50).map(|n| (format!("t{n}"), json!("v"))).collect::<serde_json::Map<_, _>>().into();
    tags["T7"] = json!("v");
    assert_eq!(world.put(ENDPOINT, &with_tags(endpoint_body(&json!({})), &tags)).status, 200);
}

fn refused(answer: &Response, field: &str) -> String {
    let error = &answer.value()["error"];
    assert_eq!(answer.status, 400, "{field}");
    assert_eq!(error["message"], "One or more validation errors occurred.", "{error}");
    assert_eq!(error["details"][0]["code"], field, "{error}");
    error["details"][0]["message"].as_str().unwrap().to_owned()
}

#[test]
fn control_characters_are_in_no_text() {
    let mut world = World::new();
    for (text, character) in [("a\u{0}b", "U+0000"), ("\u{7}", "U+0007"), ("a\u{7f}", "U+007F")] {
        let mut body = model_body();
        body["properties"]["description"] = json!(text);
        let message = refused(&world.put(&format!("{MODEL}/versions/1"), &body), "properties.description");
        assert!(message.contains(character), "{message}");
        let mut body = endpoint_body(&json!({}));
        body["properties"]["description"] = json!(text);
        refused(&world.put(ENDPOINT, &body), "properties.description");
    }
    let mut body = model_body();
    body["properties"]["description"] = json!("two lines:\r\n\tand an é");
    assert_eq!(world.put(&format!("{MODEL}/versions/1"), &body).status, 201);
}

#[test]
fn an_assets_path_is_a_path_alone() {
    let mut world = World::new();
    let version = format!("{MODEL}/versions/1");
    for (uri, why) in [
        ("azureml://jobs/train-1/outputs/artifacts/paths/../../secret", "'..'"),
        ("azureml://jobs/train-1/outputs/artifacts/paths/%2e%2e/secret", "'..'"),
        ("azureml://datastores/workspaceblobstore/paths/..", "'..'"),
        ("https://a.blob.example/c/m?sv=1&sig=s3cret", "a query"),
        ("https://a.blob.example/c/m#sig=s3cret", "a query"),
        ("azureml://datastores/workspaceblobstore/paths/a\nb", "a line break"),
    ] {
        let mut body = model_body();
        body["properties"]["modelUri"] = json!(uri);
        let message = refused(&world.put(&version, &body), "modelUri");
        assert!(message.contains(why) && !message.contains("s3cret"), "{message}");
    }
    let data = |uri: &str| json!({"properties": {"dataType": "uri_file", "dataUri": uri}});
    let trips = format!("{WORKSPACE}/data/trips/versions/1");
    refused(&world.put(&trips, &data("azureml://datastores/workspaceblobstore/paths/../x")), "dataUri");
    assert_eq!(world.put(&trips, &data("https://a.example/trips.csv?year=2026")).status, 201);
    let mut body = model_body();
    body["properties"]["modelUri"] =
        json!("azureml://datastores/workspaceblobstore/paths/a..b/.../my model/");
    assert_eq!(world.put(&version, &body).status, 201);
}

#[test]
fn an_environment_variable_has_a_name() {
    let mut world = World::new();
    world.serve(&[]);
    let batch = format!("{WORKSPACE}/batchEndpoints/nightly");
    world.settle_put(&batch, &json!({"location": "eastus", "properties": {"authMode": "AADToken"}}));
    for name in ["", " ", "A=B", "A\nB"] {
        let mut body = deployment_body(&format!("{MODEL}/versions/1"));
        body["properties"]["environmentVariables"] = json!({name: "v"});
        refused(&world.put(BLUE, &body), "properties.environmentVariables");
        let body = json!({"location": "eastus", "properties": {"environmentVariables": {name: "v"}}});
        refused(&world.put(&format!("{batch}/deployments/first"), &body), "properties.environmentVariables");
        let body = json!({"properties": {
            "jobType": "Command", "command": "true", "environmentId": ENVIRONMENT, "environmentVariables": {name: "v"},
        }});
        refused(&world.put(&format!("{WORKSPACE}/jobs/new"), &body), "properties.environmentVariables");
    }
}

#[test]
fn an_instance_type_is_a_name() {
    let mut world = World::new();
    world.serve(&[]);
    for (compute, size, fine) in [
        ("Managed", "../../etc", false),
        ("Managed", "Standard F4s", false),
        ("Managed", "", false),
        ("Kubernetes", "../../etc", false),
        ("Kubernetes", "gpu-large.v2", true),
        ("Managed", "Standard_DS3_v2", true),
    ] {
        let mut body = deployment_body(&format!("{MODEL}/versions/1"));
        body["properties"]["endpointComputeType"] = json!(compute);
        body["properties"]["instanceType"] = json!(size);
        let answer = world.put(&format!("{BLUE}-{}", if fine { "fine" } else { "not" }), &body);
        assert_eq!(answer.status == 201, fine, "{compute} {size}: {}", answer.value());
        if !fine {
            let detail = &answer.value()["error"]["details"][0];
            assert_eq!(detail["code"], "InferencingClientCreateDeploymentFailed");
        }
        world.pass(200.0);
        world.delete(&format!("{BLUE}-fine"));
        world.pass(200.0);
    }
}

#[test]
fn a_deployment_takes_nothing_of_another_workspace() {
    let mut world = World::new();
    world.serve(&[]);
    world.add_workspace("other", "eastus");
    let theirs = |path: &str| path.replace("/dev/", "/other/");
    let model = format!("{MODEL}/versions/1");
    let mut body = model_body();
    body["properties"]["modelUri"] = json!("azureml://datastores/workspaceblobstore/paths/m");
    body["properties"]["jobName"] = json!(null);
    assert_eq!(world.put(&theirs(&model), &body).status, 201);
    for (field, pointer, value) in [
        ("model", "/properties/model", theirs(&model)),
        ("environmentId", "/properties/environmentId", theirs(ENVIRONMENT)),
        (
            "codeConfiguration.codeId",
            "/properties/codeConfiguration/codeId",
            format!("{}/codes/c/versions/1", WORKSPACE.replace("/dev", "/OTHER")),
        ),
    ] {
        let mut body = deployment_body(&model);
        *body.pointer_mut(pointer).unwrap() = json!(value);
        let message = refused(&world.put(BLUE, &body), field);
        assert!(message.contains("is of another workspace"), "{message}");
    }
    let shouted = model.replace("/workspaces/dev/", "/workspaces/DEV/");
    world.settle_put(BLUE, &deployment_body(&shouted));
    let batch = format!("{WORKSPACE}/batchEndpoints/nightly");
    world.settle_put(&batch, &json!({"location": "eastus", "properties": {"authMode": "AADToken"}}));
    let body = json!({"location": "eastus", "properties": {"model": {"referenceType": "Id", "assetId": theirs(&model)}}});
    refused(&world.put(&format!("{batch}/deployments/first"), &body), "model.assetId");
}

#[test]
fn egress_is_decided_when_a_deployment_is_made() {
    let mut world = World::new();
    world.serve(&[]);
    let body = |egress: Value| {
        let mut body = deployment_body(&format!("{MODEL}/versions/1"));
        body["properties"]["egressPublicNetworkAccess"] = egress;
        body
    };
    world.settle_put(BLUE, &body(json!("disabled")));
    refused(&world.put(BLUE, &body(json!("Enabled"))), "egressPublicNetworkAccess");
    for same in [json!("DISABLED"), json!(null)] {
        world.settle_put(BLUE, &body(same));
        assert_eq!(world.get(BLUE).value()["properties"]["egressPublicNetworkAccess"], "Disabled");
    }
}

/// Azure Monitor stands behind ARM, and writes its refusals without the wrapping.
#[test]
fn a_refusal_of_azure_monitor_stands_at_the_top() {
    let mut world = World::new();
    world.serve(&["blue"]);
    let ask = |query: &str| {
        Request::get(&format!(
            "{ENDPOINT}/providers/Microsoft.Insights/metrics?api-version=2024-02-01&{query}"
        ))
    };
    let unknown = world.send(&ask("metricnames=Happiness"));
    assert_eq!((unknown.status, &unknown.value()["code"]), (400, &json!("BadRequest")));
    assert!(unknown.value()["message"].as_str().unwrap().contains("Valid metrics: RequestsPerMinute,"));
    let split = world.send(&ask("metricnames=RequestLatency&$filter=statusCode%20eq%20'x'"));
    let message = split.value()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("combination: statusCode, supported ones are: deployment"), "{message}");
    let wrapped = world.send(&Request::get(&ask("").path));
    assert_eq!(wrapped.value()["error"]["code"], "InvalidApiVersionParameter");
}
