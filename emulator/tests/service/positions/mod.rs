//! Every position on what nobody has recorded, and its opposite: those of `Inferred` that no other situation tries
//! both ways.

mod registries;

use azureml_emulator::{Config, Inferred, JobSeed, OperationRule, Outcome, Request, Response};
use serde_json::{Value, json};

use crate::support::{
    ENDPOINT, MODEL, REGISTRY, SUBSCRIPTION, WORKSPACE, World, deployment_body, endpoint_body, model_body,
    registry_body,
};

/// A world with this switch.
fn world(turn: impl FnOnce(&mut Inferred)) -> World {
    let mut config = Config::default();
    turn(&mut config.inferred);
    World::with(config)
}

fn detail(answer: &Response) -> Value {
    answer.value()["error"]["details"][0]["code"].clone()
}

#[test]
fn the_opposite_turns_every_switch_and_twice_none() {
    let fields = |position: &Inferred| serde_json::to_value(position).unwrap();
    let (one, other) = (Inferred::default(), Inferred::default().opposite());
    for (name, value) in fields(&one).as_object().unwrap() {
        assert_ne!(value, &fields(&other)[name], "{name}");
    }
    assert_eq!(other.opposite(), one);
}

#[test]
fn every_switch_is_documented() {
    let page = include_str!("../../../../docs/emulator.md");
    for name in serde_json::to_value(Inferred::default()).unwrap().as_object().unwrap().keys() {
        assert!(page.contains(&format!("`{name}`")), "docs/emulator.md has no row about {name}");
    }
}

#[test]
fn a_seed_file_names_a_position_or_single_switches() {
    let read = |inferred: Value| serde_json::from_value::<Config>(json!({"inferred": inferred}));
    assert_eq!(read(json!("opposite")).unwrap().inferred, Inferred::default().opposite());
    assert_eq!(read(json!("default")).unwrap().inferred, Inferred::default());
    let one = Inferred { busy_status: 423, ..Inferred::default() };
    assert_eq!(read(json!({"busyStatus": 423})).unwrap().inferred, one);
    assert!(read(json!("other")).unwrap_err().to_string().contains("`default` or `opposite`"));
    assert!(read(json!({"busyState": 423})).unwrap_err().to_string().contains("busyStatus"));

    let mut world = World::new();
    let turned = world.patch("/_emulator/config", &json!({"inferred": "opposite"}));
    assert_eq!(turned.status, 200, "{}", turned.value());
    assert_eq!(world.core.config.inferred, Inferred::default().opposite());
}

#[test]
fn the_status_of_another_path() {
    for status in [400, 409] {
        let mut world = world(|i| i.asset_path_status = status);
        world.put(&format!("{MODEL}/versions/1"), &model_body());
        let mut body = model_body();
        body["properties"]["modelUri"] = json!("azureml://datastores/other/paths/1");
        assert_eq!(world.put(&format!("{MODEL}/versions/1"), &body).status, status);
    }
}

#[test]
fn the_status_of_a_change_of_what_is_fixed() {
    for status in [409, 400] {
        let mut world = world(|i| i.asset_fixed_field_status = status);
        for (path, field, one, other) in [
            ("environments/e", "image", json!("i:1"), json!("i:2")),
            ("components/c", "componentSpec", json!({"command": "a"}), json!({"command": "b"})),
        ] {
            let path = format!("{WORKSPACE}/{path}/versions/1");
            let body = |value: &Value| json!({"properties": {field: value}});
            assert_eq!(world.put(&path, &body(&one)).status, 201);
            let refused = world.put(&path, &body(&other));
            assert_eq!((refused.status, detail(&refused)), (status, json!("AssetAlreadyExists")));
            assert_eq!(world.get(&path).value()["properties"][field], one);
        }
    }
}

#[test]
fn a_job_goes_at_once_or_by_an_operation() {
    let job = format!("{WORKSPACE}/jobs/train-1");
    for later in [false, true] {
        let mut world = world(|i| i.job_delete_asynchronous = later);
        let answer = world.delete(&job);
        assert_eq!(answer.status, if later { 202 } else { 200 });
        assert_eq!(world.get(&job).status, if later { 200 } else { 404 });
        let location = answer.header_value("Location").map(ToOwned::to_owned);
        assert_eq!(location.is_some(), later);
        if let Some(location) = location {
            assert_eq!(world.follow(&location).status, 202);
            world.pass(6.0);
            assert_eq!(world.follow(&location).status, 204);
        }
        assert_eq!(world.get(&job).status, 404);
        assert_eq!(world.delete(&job).status, 204);
    }
}

#[test]
fn an_endpoint_goes_with_its_deployments_or_only_without() {
    for cascades in [true, false] {
        let mut world = world(|i| i.endpoint_delete_cascades = cascades);
        world.serve(&["blue"]);
        let answer = world.delete(ENDPOINT);
        assert_eq!(answer.status, if cascades { 202 } else { 409 });
        if !cascades {
            assert_eq!(detail(&answer), "EndpointNotEmpty");
            assert_eq!(world.get(ENDPOINT).value()["properties"]["provisioningState"], "Succeeded");
            world.delete(&format!("{ENDPOINT}/deployments/blue"));
            world.pass(31.0);
            assert_eq!(world.delete(ENDPOINT).status, 202);
        }
        world.pass(31.0);
        assert_eq!(world.get(ENDPOINT).status, 404);
    }
}

#[test]
fn the_refusal_to_delete_what_has_traffic_has_a_status_and_words() {
    for (status, words) in [(409, "Set its traffic to 0"), (400, "routes traffic to it")] {
        let mut world = world(|i| {
            if status == 400 {
                *i = Inferred { delete_with_traffic_refused: true, ..i.clone().opposite() };
            }
        });
        world.put(&format!("{MODEL}/versions/1"), &model_body());
        world.settle_put(ENDPOINT, &endpoint_body(&json!({})));
        let blue = format!("{ENDPOINT}/deployments/blue");
        world.settle_put(&blue, &deployment_body(&format!("{MODEL}/versions/1")));
        world.settle_put(ENDPOINT, &endpoint_body(&json!({"blue": 100})));
        let refused = world.delete(&blue);
        let message = refused.value()["error"]["details"][0]["message"].as_str().unwrap().to_owned();
        assert!(refused.status == status && message.contains(words), "{} {message}", refused.status);
    }
}

#[test]
fn the_status_of_a_second_change() {
    for status in [409, 400] {
        let mut world = world(|i| i.busy_status = status);
        world.put(ENDPOINT, &endpoint_body(&json!({})));
        let refused = world.put(ENDPOINT, &endpoint_body(&json!({})));
        assert_eq!((refused.status, detail(&refused)), (status, json!("OperationInProgress")));
    }
}

/// Whether the PUT of a deployment without environment was taken, and its state; of a custom model, the workspace's or
/// a registry's.
fn without_environment(world: &mut World, owner: &str) -> (u16, Value) {
    world.serve(&[]);
    world.settle_put(REGISTRY, &registry_body());
    let model = format!("{owner}/models/custom/versions/1");
    let custom = json!({"properties": {"modelUri": "https://a.example/m", "modelType": "custom_model"}});
    assert_eq!(world.put(&model, &custom).status, 201);
    world.pass(60.0);
    let blue = format!("{ENDPOINT}/deployments/blue");
    let mut body = deployment_body(&model);
    body["properties"]["environmentId"] = json!(null);
    let status = world.put(&blue, &body).status;
    world.pass(200.0);
    (status, world.get(&blue).value()["properties"]["provisioningState"].clone())
}

#[test]
fn a_registrys_custom_model_needs_an_environment_or_none() {
    for (needs, state) in [(false, "Succeeded"), (true, "Failed")] {
        let mut world = world(|i| i.registry_model_needs_environment = needs);
        assert_eq!(without_environment(&mut world, REGISTRY), (201, json!(state)));
    }
}

#[test]
fn the_environment_that_a_deployment_needs_is_missed_at_once_or_in_the_end() {
    for (at_once, expected) in [(false, (201, json!("Failed"))), (true, (400, json!(null)))] {
        let mut world = world(|i| i.environment_needed_at_once = at_once);
        assert_eq!(without_environment(&mut world, WORKSPACE), expected);
    }
}

/// A failed deployment `bad`, and the answer to its PUT.
fn with_failed(world: &mut World) -> Response {
    world.serve(&["blue"]);
    let bad = format!("{ENDPOINT}/deployments/bad");
    let outcome = Outcome::Fail { code: "ResourceNotReady".into(), message: "It crashed.".into() };
    let (resource, model) = ("deployments/bad".to_owned(), String::new());
    world.core.add_operation_rule(OperationRule { work: None, resource, model, times: Some(1), outcome });
    let accepted = world.put(&bad, &deployment_body(&format!("{MODEL}/versions/1")));
    world.pass(181.0);
    assert_eq!(world.get(&bad).value()["properties"]["provisioningState"], "Failed");
    accepted
}

#[test]
fn traffic_may_go_to_what_failed() {
    for refused in [true, false] {
        let mut world = world(|i| i.traffic_needs_succeeded = refused);
        with_failed(&mut world);
        let answer = world.put(ENDPOINT, &endpoint_body(&json!({"bad": 100})));
        assert_eq!(answer.status, if refused { 400 } else { 200 });
    }
}

#[test]
fn a_failed_operation_has_its_code_in_the_message_or_in_its_place() {
    for prefix in [true, false] {
        let mut world = world(|i| i.failure_code_in_message = prefix);
        let accepted = with_failed(&mut world);
        let operation = world.poll(&accepted);
        let error = &operation["error"];
        assert_eq!(operation["status"], "Failed");
        if prefix {
            assert_eq!(
                (&error["code"], &error["message"]),
                (&json!(null), &json!("ResourceNotReady: It crashed."))
            );
        } else {
            assert_eq!(
                (&error["code"], &error["message"]),
                (&json!("ResourceNotReady"), &json!("It crashed."))
            );
        }
    }
}

#[test]
fn nan_is_a_string_or_null() {
    for text in [true, false] {
        let mut world = world(|i| i.nan_as_text = text);
        let metrics = [("loss".to_owned(), json!([1.5, "NaN"]))].into();
        let job = JobSeed { name: "train-2".into(), metrics, ..JobSeed::default() };
        assert!(world.core.declare_job(WORKSPACE, &job));
        let expected = if text { json!("NaN") } else { json!(null) };
        let mlflow = format!("/mlflow/v2.0{WORKSPACE}/api/2.0/mlflow");
        let run = world.get(&format!("{mlflow}/runs/get?run_id=train-2")).value();
        assert_eq!(run["run"]["data"]["metrics"][0]["value"], expected);
        let all = world.get(&format!("{mlflow}/metrics/get-history?run_id=train-2&metric_key=loss")).value();
        assert_eq!((&all["metrics"][0]["value"], &all["metrics"][1]["value"]), (&json!(1.5), &expected));
    }
}

#[test]
fn a_tag_keeps_its_spelling_or_takes_the_new_one() {
    for stays in [true, false] {
        let mut world = world(|i| i.tag_spelling_stays = stays);
        world.settle_put(REGISTRY, &registry_body());
        let expected = if stays { json!({"one": "3"}) } else { json!({"ONE": "3"}) };
        assert_eq!(world.patch(REGISTRY, &json!({"tags": {"ONE": "3"}})).value()["tags"], expected);
        let mut body = registry_body();
        body["tags"] = json!({"One": "4"});
        world.settle_put(REGISTRY, &body);
        let expected = if stays { json!({"one": "4"}) } else { json!({"One": "4"}) };
        assert_eq!(world.get(REGISTRY).value()["tags"], expected);
    }
}

#[test]
fn an_operation_that_has_run_out_is_not_found_or_gone() {
    for gone in [false, true] {
        let mut world = world(|i| i.expired_operation_gone = gone);
        let accepted = world.put(REGISTRY, &registry_body());
        let url = accepted.header_value("Azure-AsyncOperation").unwrap().to_owned();
        world.pass(40.0 + 3601.0);
        assert_eq!(world.follow(&url).status, if gone { 410 } else { 404 });
    }
}

#[test]
fn the_front_door_has_codes_of_its_own_or_one() {
    for own in [true, false] {
        let mut world = world(|i| i.front_door_codes = own);
        for (path, code) in [
            (WORKSPACE.replace(SUBSCRIPTION, "nobody"), "SubscriptionNotFound"),
            (WORKSPACE.replace("/ml/", "/nowhere/"), "ResourceGroupNotFound"),
            (WORKSPACE.replace("/dev", "/none"), "ResourceNotFound"),
            (
                WORKSPACE.replace("MachineLearningServices/workspaces", "Storage/storageAccounts"),
                "ResourceNotFound",
            ),
            (format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/nowhere"), "ResourceGroupNotFound"),
            (format!("/subscriptions/{SUBSCRIPTION}"), "ResourceNotFound"),
            (WORKSPACE.replace("/workspaces/", "/unicorns/"), "InvalidResourceType"),
            (format!("{WORKSPACE}/unicorns"), "InvalidResourceType"),
        ] {
            let refused = world.get(&path);
            assert_eq!(
                (refused.status, refused.value()["error"]["code"].as_str()),
                (404, Some(if own { code } else { "NotFound" }))
            );
        }
        assert_eq!(world.get(MODEL).value()["error"]["code"], "UserError", "not the front door");
    }
}

#[test]
fn the_clients_request_id_comes_back_when_asked_for_or_never() {
    for echoed in [true, false] {
        let mut world = world(|i| i.client_request_id_echoed = echoed);
        for (asked, comes) in [(Some("true"), echoed), (Some("false"), false), (None, false)] {
            let request = Request::get(&format!("{WORKSPACE}?api-version=2025-09-01"));
            let request = request.header("x-ms-client-request-id", "mine");
            let answer = world.send(&match asked {
                Some(asked) => request.header("x-ms-return-client-request-id", asked),
                None => request,
            });
            assert_eq!(answer.header_value("x-ms-client-request-id"), comes.then_some("mine"), "{asked:?}");
        }
    }
}
