//! Online endpoints and deployments: states, locks, traffic, what cannot change.

use azureml_emulator::{Config, Inferred, ScoringRule};
use serde_json::{Value, json};

use crate::support::{
    ENDPOINT, ENVIRONMENT, MODEL, REGISTRY, WORKSPACE, World, deployment_body, endpoint_body, model_body,
    registry_body,
};

fn detail(answer: &azureml_emulator::Response) -> String {
    answer.value()["error"]["details"][0]["message"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn it_has_no_scoring_uri_until_it_is_ready() {
    let mut world = World::new();
    let made = world.put(ENDPOINT, &endpoint_body(&json!({})));
    assert_eq!(made.value()["properties"]["scoringUri"], json!(null));
    world.pass(51.0);
    let endpoint = world.get(ENDPOINT).value();
    assert_eq!(endpoint["properties"]["scoringUri"], "https://127.0.0.1/inference/eastus/fares/score");
}

#[test]
fn enums_are_taken_in_any_case_and_given_back_in_the_services() {
    let mut world = World::new();
    let mut body = endpoint_body(&json!({}));
    body["properties"]["authMode"] = json!("aadToken");
    body["properties"]["publicNetworkAccess"] = json!("disabled");
    let made = world.put(ENDPOINT, &body).value();
    assert_eq!(made["properties"]["authMode"], "AADToken");
    assert_eq!(made["properties"]["publicNetworkAccess"], "Disabled");
}

#[test]
fn names_follow_the_stricter_rule() {
    let mut world = World::new();
    for bad in ["ab", "1abc", "a_b_c", "abc-", "a--b", "abcdefghijklmnopqrstuvwxyz0123456"] {
        let refused = world.put(&format!("{WORKSPACE}/onlineEndpoints/{bad}"), &endpoint_body(&json!({})));
        assert_eq!(refused.status, 400, "{bad}");
    }
}

#[test]
fn on_kubernetes_the_names_of_endpoint_and_deployment_are_limited_together() {
    let mut world = World::new();
    world.put(&format!("{MODEL}/versions/1"), &model_body());
    let endpoint = format!("{WORKSPACE}/onlineEndpoints/{}", "e".repeat(32));
    let mut body = endpoint_body(&json!({}));
    body["properties"]["compute"] = json!(format!("{WORKSPACE}/computes/cluster"));
    world.settle_put(&endpoint, &body);
    for (compute, length, status) in
        [("Kubernetes", 31, 400), ("kubernetes", 30, 201), ("Managed", 31, 201), ("Kubernetes", 3, 201)]
    {
        let mut body = deployment_body(&format!("{MODEL}/versions/1"));
        body["properties"]["endpointComputeType"] = json!(compute);
        let answer = world.put(&format!("{endpoint}/deployments/{}", "d".repeat(length)), &body);
        assert_eq!(answer.status, status, "{compute} {length}: {}", answer.value());
        assert_eq!(detail(&answer).contains("63 characters together"), status == 400);
        world.pass(200.0);
    }
}

#[test]
fn on_kubernetes_a_name_is_unique_in_its_cluster_and_every_put_names_the_cluster() {
    let mut world = World::new();
    world.add_workspace("far", "westus");
    let on = |compute: &str, location: &str| {
        let mut body = endpoint_body(&json!({}));
        body["location"] = json!(location);
        body["properties"]["authMode"] = json!("Key");
        body["properties"]["compute"] = json!(format!("{WORKSPACE}/computes/{compute}"));
        body
    };
    let mut tokens = on("one", "eastus");
    tokens["properties"]["authMode"] = json!("aadtoken");
    assert_eq!(world.put(ENDPOINT, &tokens).status, 400);
    world.settle_put(ENDPOINT, &on("one", "eastus"));
    let far = ENDPOINT.replace("/dev/", "/far/");
    let taken = world.put(&far, &on("ONE", "westus"));
    assert_eq!(taken.status, 400);
    assert!(
        taken.value().to_string().contains("endpoint name must be unique per cluster"),
        "{}",
        taken.value()
    );
    assert_eq!(world.put(&far, &on("two", "westus")).status, 201);
    // Without the cluster, or with another one, it would be another endpoint.
    for body in [endpoint_body(&json!({})), on("two", "eastus")] {
        assert_eq!(world.put(ENDPOINT, &body).status, 400);
    }
    assert_eq!(world.put(ENDPOINT, &on("one", "eastus")).status, 200);
}

#[test]
fn on_kubernetes_nothing_is_requested_beyond_the_limits() {
    let mut world = World::new();
    world.put(&format!("{MODEL}/versions/1"), &model_body());
    world.settle_put(ENDPOINT, &endpoint_body(&json!({})));
    let full = json!({"cpu": "1.5", "memory": "1Gi"});
    for (n, (requests, limits, status)) in [
        (full.clone(), json!({}), 201),
        (full.clone(), json!({"cpu": "1500m", "memory": "1024Mi", "gpu": "1"}), 201),
        (full.clone(), json!({"cpu": "1499m"}), 400),
        (full, json!({"memory": "1G"}), 400),
        (json!({"cpu": "1"}), json!({}), 400),
        (json!({"memory": "1Gi", "cpu": "much"}), json!({}), 400),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = deployment_body(&format!("{MODEL}/versions/1"));
        body["properties"]["endpointComputeType"] = json!("Kubernetes");
        body["properties"]["containerResourceRequirements"] =
            json!({"containerResourceRequests": requests, "containerResourceLimits": limits});
        let answer = world.put(&format!("{ENDPOINT}/deployments/blue-{n}"), &body);
        assert_eq!(answer.status, status, "{requests} {limits}: {}", answer.value());
        world.pass(400.0);
    }
}

#[test]
fn a_name_is_unique_in_its_region() {
    let mut world = World::new();
    world.add_workspace("other", "eastus");
    world.add_workspace("far", "westus");
    world.settle_put(ENDPOINT, &endpoint_body(&json!({})));
    let other = ENDPOINT.replace("/dev/", "/other/");
    let refused = world.put(&other, &endpoint_body(&json!({})));
    assert_eq!(refused.status, 400);
    assert_eq!(refused.value()["error"]["message"], "One or more validation errors occurred.");
    assert!(detail(&refused).starts_with("There is already an endpoint with this name"));
    let mut body = endpoint_body(&json!({}));
    body["location"] = json!("westus");
    assert_eq!(world.put(&ENDPOINT.replace("/dev/", "/far/"), &body).status, 201);
}

#[test]
fn one_change_at_a_time() {
    let mut world = World::new();
    world.serve(&["blue"]);
    let scaled = world.patch(&format!("{ENDPOINT}/deployments/blue"), &json!({"sku": {"capacity": 5}}));
    assert_eq!(scaled.status, 202);
    for refused in [
        world.put(ENDPOINT, &endpoint_body(&json!({}))),
        world.put(&format!("{ENDPOINT}/deployments/green"), &deployment_body(&format!("{MODEL}/versions/1"))),
        world.delete(ENDPOINT),
        world.post(&format!("{ENDPOINT}/regenerateKeys"), &json!({"keyType": "Primary"})),
    ] {
        assert_eq!(refused.status, 409);
        assert_eq!(refused.value()["error"]["details"][0]["code"], "OperationInProgress");
    }
    world.pass(61.0);
    let deployment = world.get(&format!("{ENDPOINT}/deployments/blue")).value();
    assert_eq!(deployment["sku"], json!({"name": "Default", "tier": "Standard", "capacity": 5}));
    assert_eq!(deployment["properties"]["provisioningState"], "Succeeded");
    assert_eq!(world.delete(ENDPOINT).status, 202);
}

#[test]
fn traffic_is_refused_unless_it_adds_up_and_goes_to_what_serves() {
    let mut world = World::new();
    world.serve(&["blue", "green"]);
    let mut put = |traffic: Value, mirror: Value| {
        let mut body = endpoint_body(&traffic);
        body["properties"]["mirrorTraffic"] = mirror;
        world.put(ENDPOINT, &body).status
    };
    assert_eq!(put(json!({"blue": 90}), json!({})), 400, "sums to 90");
    assert_eq!(put(json!({"blue": 60, "green": 60}), json!({})), 400, "sums to 120");
    assert_eq!(put(json!({"red": 100}), json!({})), 400, "does not exist");
    assert_eq!(put(json!({"blue": 100}), json!({"green": 51})), 400, "more than half");
    assert_eq!(put(json!({"blue": 100}), json!({"blue": 10})), 400, "live and mirrored");
    assert_eq!(put(json!({}), json!({"blue": 10, "green": 10})), 400, "to two");
    assert_eq!(put(json!({"blue": "100"}), json!({})), 400, "a string");
    assert_eq!(put(json!({"blue": 0, "green": 0}), json!({})), 200);
    world.pass(21.0);
    let mut half = endpoint_body(&json!({"blue": 100, "green": 0}));
    half["properties"]["mirrorTraffic"] = json!({"green": 50});
    assert_eq!(world.put(ENDPOINT, &half).status, 200);
}

#[test]
fn a_failed_deployment_gets_no_traffic() {
    let mut world = World::new();
    world.serve(&["blue"]);
    let accepted = world.put(
        &format!("{ENDPOINT}/deployments/bad"),
        &deployment_body("azureml://registries/nowhere/models/m/versions/1"),
    );
    world.pass(181.0);
    let operation = world.poll(&accepted);
    assert_eq!(operation["status"], "Failed");
    assert!(operation["error"]["message"].as_str().unwrap().starts_with("ResourceNotFound: "));
    assert_eq!(world.put(ENDPOINT, &endpoint_body(&json!({"bad": 100}))).status, 400);
}

/// The state of a deployment that has these, and what its operation says of a failure.
fn deployed(world: &mut World, model: &Value, environment: &Value) -> (String, String) {
    let mut body = deployment_body("");
    body["properties"]["model"] = model.clone();
    body["properties"]["environmentId"] = environment.clone();
    let accepted = world.put(&format!("{ENDPOINT}/deployments/blue"), &body);
    assert!(accepted.status < 300, "{}", accepted.value());
    world.pass(200.0);
    let message = world.poll(&accepted)["error"]["message"].as_str().unwrap_or_default().to_owned();
    let deployment = world.get(&format!("{ENDPOINT}/deployments/blue")).value();
    (deployment["properties"]["provisioningState"].as_str().unwrap().to_owned(), message)
}

#[test]
fn a_deployment_needs_a_model_and_an_environment_that_there_are() {
    let mut world = World::new();
    world.serve(&[]);
    world.settle_put(REGISTRY, &registry_body());
    let model = |kind: &str| {
        let body = json!({"properties": {"modelUri": "https://a.example/m", "modelType": kind}});
        (format!("{WORKSPACE}/models/{kind}/versions/1"), body)
    };
    for kind in ["custom_model", "CustomModel", "mlflow_model", "triton_model"] {
        let (path, body) = model(kind);
        assert_eq!(world.put(&path, &body).status, 201);
    }
    let (path, body) = model("custom_model");
    let shelf = path.replace(WORKSPACE, REGISTRY);
    world.settle_put(&shelf, &body);
    world.settle_put(
        &format!("{REGISTRY}/environments/serving/versions/1"),
        &json!({"properties": {"image": "i:1"}}),
    );

    let own = |kind: &str| json!(model(kind).0);
    let there = |what: &str| json!(format!("azureml://registries/models/{what}/versions/1"));
    let curated = json!("azureml://registries/azureml/environments/sklearn-1.5/versions/35");
    for (model, environment) in [
        (own("custom_model"), json!(ENVIRONMENT)),
        (own("custom_model"), there("environments/serving")),
        (own("custom_model"), curated),
        (own("mlflow_model"), json!(null)),
        (own("triton_model"), json!(null)),
        (there("models/custom_model"), json!(null)),
        (json!(shelf), json!(null)),
        (json!(null), json!(ENVIRONMENT)),
    ] {
        let expected = ("Succeeded".to_owned(), String::new());
        assert_eq!(deployed(&mut world, &model, &environment), expected, "{model} {environment}");
    }
    for (model, environment, code) in [
        (own("custom_model"), json!(null), "BadArgument: environmentId is required"),
        (own("CustomModel"), json!(""), "BadArgument: environmentId is required"),
        (json!(null), json!(null), "BadArgument: environmentId is required"),
        (own("mlflow_model"), json!(ENVIRONMENT.replace("serving", "none")), "ResourceNotFound: "),
        (own("mlflow_model"), there("environments/none"), "ResourceNotFound: "),
        (own("mlflow_model"), own("mlflow_model"), "ResourceNotFound: "),
        (own("mlflow_model"), json!("azureml:serving:1"), "ResourceNotFound: "),
        (json!(ENVIRONMENT), json!(ENVIRONMENT), "ResourceNotFound: "),
    ] {
        let (state, message) = deployed(&mut world, &model, &environment);
        assert_eq!(state, "Failed", "{model} {environment}");
        assert!(message.starts_with(code), "{message}");
    }
}

#[test]
fn a_registrys_asset_is_named_in_any_case_of_the_words_and_by_its_latest_label() {
    let mut world = World::new();
    world.serve(&[]);
    world.settle_put(REGISTRY, &registry_body());
    for version in ["1", "2"] {
        world.settle_put(
            &format!("{REGISTRY}/models/copy/versions/{version}"),
            &json!({"properties": {"modelUri": "https://a.example/m"}}),
        );
    }
    let image = json!({"properties": {"image": "i:1"}});
    world.settle_put(&format!("{REGISTRY}/environments/serving/versions/1"), &image);
    world.settle_put(&format!("{REGISTRY}/environments/gone/versions/1"), &image);
    world.delete(&format!("{REGISTRY}/environments/gone/versions/1"));
    world.pass(60.0);
    let own = format!("{MODEL}/versions/1");
    for (model, environment, folder) in [
        (own.as_str(), "azureml://registries/models/environments/serving/labels/latest", "fares/1"),
        (&own, "AzureML://Registries/MODELS/Environments/serving/Versions/1", "fares/1"),
        (&own, "azureml://registries/azureml/environments/sklearn-1.5/labels/latest", "fares/1"),
        (&own, "azureml://registries/AzureML/Environments/sklearn-1.5/Versions/35/", "fares/1"),
        ("azureml://registries/models/models/copy/labels/latest", "", "copy/2"),
        ("azureml://registries/models/Models/copy/Labels/latest/", "", "copy/2"),
        ("azureml://registries/models/models/copy/versions/1", "", "copy/1"),
    ] {
        let expected = ("Succeeded".to_owned(), String::new());
        assert_eq!(
            deployed(&mut world, &json!(model), &json!(environment)),
            expected,
            "{model} {environment}"
        );
        let blue = world.get(&format!("{ENDPOINT}/deployments/blue")).value();
        assert_eq!(blue["properties"]["model"], model);
        let folder = format!("/var/azureml-app/azureml-models/{folder}");
        assert_eq!(blue["properties"]["environmentVariables"]["AZUREML_MODEL_DIR"], folder, "{model}");
    }
    for environment in [
        "azureml://registries/models/environments/serving/labels/newest",
        "azureml://registries/models/environments/none/labels/latest",
        "azureml://registries/models/environments/gone/labels/latest",
        "azureml://registries/models/environments/SERVING/labels/latest",
        "azureml://registries/models/models/copy/labels/latest",
        "azureml://registries/models/environments/serving/labels",
        "azureml://registries/models/environments/serving",
        "azureml://registries/none/environments/serving/labels/latest",
        "azureml://registries/azureml/environments/sklearn-1.5/labels/newest",
        "azureml://registries/azureml/models/sklearn-1.5/versions/35",
        "azureml://registries",
        "azureml://",
        "azureml://registries/models/environments/ä/labels/latest",
    ] {
        let (state, message) = deployed(&mut world, &json!(own), &json!(environment));
        assert_eq!(state, "Failed", "{environment}");
        assert!(message.starts_with("ResourceNotFound: ") && message.contains(environment), "{message}");
    }
}

#[test]
fn a_deployment_with_traffic_is_not_deleted_unless_the_switch_says_so() {
    for refused in [true, false] {
        let inferred = Inferred { delete_with_traffic_refused: refused, ..Inferred::default() };
        let mut world = World::with(Config { inferred, ..Config::default() });
        world.serve(&["blue"]);
        world.settle_put(ENDPOINT, &endpoint_body(&json!({"blue": 100})));
        let answer = world.delete(&format!("{ENDPOINT}/deployments/blue"));
        assert_eq!(answer.status, if refused { 409 } else { 202 });
        world.pass(31.0);
        let traffic = world.get(ENDPOINT).value()["properties"]["traffic"].clone();
        assert_eq!(traffic, if refused { json!({"blue": 100}) } else { json!({}) });
    }
}

#[test]
fn an_endpoint_goes_with_its_deployments() {
    let mut world = World::new();
    world.serve(&["blue"]);
    let accepted = world.delete(ENDPOINT);
    assert_eq!(world.get(ENDPOINT).value()["properties"]["provisioningState"], "Deleting");
    world.pass(31.0);
    assert_eq!(world.poll(&accepted)["status"], "Succeeded");
    assert_eq!(world.get(ENDPOINT).status, 404);
    assert_eq!(world.get(&format!("{ENDPOINT}/deployments/blue")).status, 404);
    assert_eq!(world.delete(ENDPOINT).status, 204);
}

#[test]
fn what_is_fixed_at_creation_cannot_change_and_may_be_left_out() {
    let mut world = World::new();
    world.serve(&["blue"]);
    let deployment = format!("{ENDPOINT}/deployments/blue");
    let body = deployment_body(&format!("{MODEL}/versions/1"));
    for (field, value) in [
        ("instanceType", json!("Standard_DS3_v2")),
        ("codeConfiguration", json!({"scoringScript": "other.py"})),
        ("endpointComputeType", json!("Kubernetes")),
    ] {
        let mut changed = body.clone();
        changed["properties"][field] = value;
        assert_eq!(world.put(&deployment, &changed).status, 400, "{field}");
    }
    let mut less = body;
    less["properties"]
        .as_object_mut()
        .unwrap()
        .retain(|key, _| !["instanceType", "codeConfiguration"].contains(&key.as_str()));
    world.settle_put(&deployment, &less);
    let properties = world.get(&deployment).value()["properties"].clone();
    assert_eq!(properties["instanceType"], "Standard_F4s_v2");
    assert_eq!(properties["codeConfiguration"]["scoringScript"], "score.py");
}

#[test]
fn patch_of_a_sku_changes_what_it_names() {
    let mut world = World::new();
    world.serve(&["blue"]);
    let blue = format!("{ENDPOINT}/deployments/blue");
    assert_eq!(world.patch(&blue, &json!({"sku": {"tier": "premium"}})).status, 202);
    world.pass(61.0);
    let sku = world.get(&blue).value()["sku"].clone();
    assert_eq!(sku, json!({"name": "Default", "tier": "Premium", "capacity": 3}));
}

#[test]
fn a_duration_is_written_as_iso_8601_has_it() {
    let mut world = World::new();
    world.serve(&[]);
    let mut put = |duration: &str| {
        let mut body = deployment_body(&format!("{MODEL}/versions/1"));
        body["properties"]["livenessProbe"] = json!({"initialDelay": duration});
        let answer = world.put(&format!("{ENDPOINT}/deployments/blue"), &body);
        world.pass(200.0);
        (answer.status, answer.value()["properties"]["livenessProbe"]["initialDelay"].clone())
    };
    for wrong in ["5s", "", "P", "PT", "P1", "PT1", "PTS", "PT1.5M", "PT1S1M", "PT-1S", "1D"] {
        assert_eq!(put(wrong).0, 400, "{wrong}");
    }
    for right in ["PT90S", "PT0.5S", "PT1M30S", "P1D", "P1DT2H", "PT2H0.25S"] {
        let (status, shown) = put(right);
        assert!(status < 300 && shown == right, "{right}: {status} {shown}");
    }
}

#[test]
fn values_keep_within_the_documented_bounds() {
    let mut world = World::new();
    world.serve(&[]);
    let mut put = |compute: &str, field: &str, value: Value| {
        let mut body = deployment_body(&format!("{MODEL}/versions/1"));
        body["properties"]["endpointComputeType"] = json!(compute);
        body["properties"][field] = value;
        let name = if compute == "Managed" { "blue" } else { "green" };
        let answer = world.put(&format!("{ENDPOINT}/deployments/{name}"), &body);
        world.pass(200.0);
        answer.status < 300
    };
    for (timeout, managed, kubernetes) in [
        ("PT180S", true, true),
        ("PT3M", true, true),
        ("PT180.5S", false, true),
        ("PT3M1S", false, true),
        ("PT300S", false, true),
        ("PT301S", false, false),
        ("P1D", false, false),
        ("PT99999999999999999999S", false, false),
    ] {
        let settings = json!({"requestTimeout": timeout});
        assert_eq!(put("Managed", "requestSettings", settings.clone()), managed, "{timeout}");
        assert_eq!(put("Kubernetes", "requestSettings", settings), kubernetes, "{timeout}");
    }
    for (rate, fine) in [(0.0, true), (0.25, true), (1.0, true), (1.01, false), (7.0, false), (-0.1, false)] {
        let collector = json!({"collections": {"inputs": {"samplingRate": rate}}});
        assert_eq!(put("Managed", "dataCollector", collector), fine, "{rate}");
    }
}

#[test]
fn logs_are_those_of_a_container_that_there_is() {
    let mut world = World::new();
    world.serve(&["blue"]);
    let mut ask = |body: Value| world.post(&format!("{ENDPOINT}/deployments/blue/getLogs"), &body).status;
    for fine in ["StorageInitializer", "InferenceServer", "inferenceserver"] {
        assert_eq!(ask(json!({"containerType": fine, "tail": 5})), 200, "{fine}");
    }
    assert_eq!(ask(json!({})), 200);
    for wrong in [json!({"containerType": "bogus"}), json!({"containerType": 1}), json!({"tail": "5"})] {
        assert_eq!(ask(wrong.clone()), 400, "{wrong}");
    }
}

#[test]
fn a_log_ends_with_what_the_container_was_told_to_write() {
    let mut world = World::new();
    world.serve(&["blue", "green"]);
    let rule =
        ScoringRule { deployment: "/blue".into(), log: Some("a\nb\nc\n".into()), ..ScoringRule::default() };
    world.core.add_scoring_rule(rule);
    let mut log = |deployment: &str, body: Value| {
        let answer = world.post(&format!("{ENDPOINT}/deployments/{deployment}/getLogs"), &body).value();
        answer["content"].as_str().unwrap().to_owned()
    };
    assert_eq!(log("blue", json!({"tail": 2})), "b\nc");
    assert_eq!(log("blue", json!({})), "a\nb\nc");
    for (deployment, container) in [("blue", "StorageInitializer"), ("green", "InferenceServer")] {
        let told = log(deployment, json!({"containerType": container}));
        assert!(told.starts_with("Instance status:"), "{told}");
    }
}

#[test]
fn traffic_names_each_deployment_once_and_as_it_is_named() {
    let mut world = World::new();
    world.serve(&["blue", "Green"]);
    let refused = world.put(ENDPOINT, &endpoint_body(&json!({"BLUE": 50, "blue": 50})));
    assert_eq!((refused.status, detail(&refused).contains("twice")), (400, true));
    let mut body = endpoint_body(&json!({"BLUE": 100}));
    body["properties"]["mirrorTraffic"] = json!({"green": 10});
    world.settle_put(ENDPOINT, &body);
    let shown = world.get(ENDPOINT).value()["properties"].clone();
    assert_eq!((&shown["traffic"], &shown["mirrorTraffic"]), (&json!({"blue": 100}), &json!({"Green": 10})));
}

#[test]
fn patch_of_an_endpoint_takes_tags_and_nothing_of_its_properties() {
    let mut world = World::new();
    world.serve(&["blue"]);
    world.settle_put(ENDPOINT, &endpoint_body(&json!({"blue": 100})));
    let answer = world.patch(ENDPOINT, &json!({"tags": {"a": "b"}, "properties": {"traffic": {}}}));
    assert_eq!(answer.status, 202);
    world.pass(21.0);
    let endpoint = world.get(ENDPOINT).value();
    assert_eq!(endpoint["tags"], json!({"a": "b"}));
    assert_eq!(endpoint["properties"]["traffic"], json!({"blue": 100}));
}

#[test]
fn keys_are_listed_and_regenerated_and_never_shown() {
    let mut world = World::new();
    let mut body = endpoint_body(&json!({}));
    body["properties"]["keys"] = json!({"primaryKey": "mine"});
    world.settle_put(ENDPOINT, &body);
    assert!(world.get(ENDPOINT).value()["properties"].get("keys").is_none());
    let keys = |world: &mut World| world.post(&format!("{ENDPOINT}/listKeys"), &json!({})).value();
    let before = keys(&mut world);
    assert_eq!(before["primaryKey"], "mine");
    assert_eq!(
        world.post(&format!("{ENDPOINT}/regenerateKeys"), &json!({"keyType": "Secondary"})).status,
        202
    );
    world.pass(21.0);
    let after = keys(&mut world);
    assert_eq!(after["primaryKey"], before["primaryKey"]);
    assert_ne!(after["secondaryKey"], before["secondaryKey"]);
}

#[test]
fn the_operations_url_is_shown_in_the_api_version_of_the_request() {
    let mut world = World::new();
    world.settle_put(ENDPOINT, &endpoint_body(&json!({})));
    let request = azureml_emulator::Request::get(&format!("{ENDPOINT}?api-version=2024-04-01"));
    let uri = world.send(&request).value()["properties"]["properties"]["AzureAsyncOperationUri"].clone();
    assert!(uri.as_str().unwrap().ends_with("?api-version=2024-04-01"), "{uri}");
}

#[test]
fn an_endpoint_can_say_updating_with_its_deployment() {
    for says in [true, false] {
        let inferred = Inferred { endpoint_updating_with_deployment: says, ..Inferred::default() };
        let mut world = World::with(Config { inferred, ..Config::default() });
        world.put(&format!("{MODEL}/versions/1"), &model_body());
        world.settle_put(ENDPOINT, &endpoint_body(&json!({})));
        world.put(&format!("{ENDPOINT}/deployments/blue"), &deployment_body(&format!("{MODEL}/versions/1")));
        let state = world.get(ENDPOINT).value()["properties"]["provisioningState"].clone();
        assert_eq!(state, if says { "Updating" } else { "Succeeded" });
        world.pass(181.0);
        assert_eq!(world.get(ENDPOINT).value()["properties"]["provisioningState"], "Succeeded");
    }
}

#[test]
fn quotas_and_capacity_are_limits() {
    let mut world = World::new();
    world.core.config.quotas.deployments_per_endpoint = 1;
    world.serve(&["blue"]);
    let refused =
        world.put(&format!("{ENDPOINT}/deployments/green"), &deployment_body(&format!("{MODEL}/versions/1")));
    assert_eq!(refused.value()["error"]["details"][0]["code"], "OutOfQuota");
    let refused = world.patch(&format!("{ENDPOINT}/deployments/blue"), &json!({"sku": {"capacity": 51}}));
    assert_eq!(refused.status, 400);
}

#[test]
fn what_serves_can_be_scaled_after_its_model_is_gone() {
    let mut world = World::new();
    world.serve(&["blue"]);
    world.delete(&format!("{MODEL}/versions/1"));
    world.patch(&format!("{ENDPOINT}/deployments/blue"), &json!({"sku": {"capacity": 2}}));
    world.pass(61.0);
    let deployment = world.get(&format!("{ENDPOINT}/deployments/blue")).value();
    assert_eq!(deployment["properties"]["provisioningState"], "Succeeded");
}
