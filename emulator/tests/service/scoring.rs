//! Scoring: who answers, who may ask, and how well.

use azureml_emulator::{Identity, Principal, Request, ScoringRule};
use http::Method;
use serde_json::{Value, json};

use crate::support::{ENDPOINT, World, endpoint_body};

fn served(traffic: &Value) -> (World, String) {
    let mut world = World::new();
    world.serve(&["blue", "green"]);
    world.settle_put(ENDPOINT, &endpoint_body(traffic));
    let keys = world.post(&format!("{ENDPOINT}/listKeys"), &json!({})).value();
    (world, keys["primaryKey"].as_str().unwrap().to_owned())
}

#[test]
fn requests_are_shared_out_by_weight() {
    let (mut world, key) = served(&json!({"blue": 90, "green": 10}));
    for _ in 0..1000 {
        assert_eq!(world.score("fares", &key).status, 200);
    }
    let counts = world.core.scoring_counts();
    let green = counts["fares/green"].requests;
    assert!((60..140).contains(&green), "{green}");
    assert_eq!(counts["fares/blue"].requests + green, 1000);
}

#[test]
fn the_header_reaches_a_deployment_without_traffic() {
    let (mut world, key) = served(&json!({"blue": 100}));
    let request = Request::post("/inference/eastus/fares/score", &json!({}))
        .header("Authorization", &format!("Bearer {key}"))
        .header("azureml-model-deployment", "green");
    let answer = world.send(&request);
    assert_eq!(answer.header_value("azureml-model-deployment"), Some("green"));
}

#[test]
fn without_traffic_nobody_answers() {
    let (mut world, key) = served(&json!({}));
    let answer = world.score("fares", &key);
    assert_eq!(answer.status, 404);
    assert!(String::from_utf8_lossy(&answer.body).starts_with("No valid deployments to route to."));
}

#[test]
fn only_a_post_to_the_scoring_uri_is_scored() {
    let (mut world, key) = served(&json!({"blue": 100}));
    let uris = world.get(ENDPOINT).value()["properties"].clone();
    let path = |uri: &str| uris[uri].as_str().unwrap().strip_prefix("https://127.0.0.1").unwrap().to_owned();
    let (scoring, swagger) = (path("scoringUri"), path("swaggerUri"));
    let mut ask = |method: Method, path: &str, key: &str| {
        world.send(&Request::new(method, path).header("Authorization", &format!("Bearer {key}")))
    };
    assert_eq!(ask(Method::GET, &swagger, "wrong").status, 401);
    let told = ask(Method::GET, &swagger, &key);
    assert_eq!((told.status, &told.value()["swagger"]), (200, &json!("2.0")));
    assert_eq!(told.value()["paths"].as_object().unwrap().keys().collect::<Vec<_>>(), ["/score"]);
    for (method, path, status) in [
        (Method::GET, scoring.clone(), 405),
        (Method::PUT, scoring.clone(), 405),
        (Method::POST, swagger, 405),
        (Method::POST, format!("{scoring}/more"), 404),
        (Method::POST, scoring.replace("/score", "/anything"), 404),
        (Method::GET, scoring.replace("/score", ""), 404),
    ] {
        assert_eq!(ask(method.clone(), &path, &key).status, status, "{method} {path}");
    }
    assert_eq!(world.core.scoring_counts()["fares/blue"].requests, 0);
    assert_eq!(world.core.request_counts()["bindery"].scorings, 0);
    assert_eq!(world.score("fares", &key).status, 200);
    assert_eq!(world.core.scoring_counts()["fares/blue"].requests, 1);
    assert_eq!(world.core.request_counts()["bindery"].scorings, 1);
}

#[test]
fn a_wrong_key_is_refused() {
    let (mut world, _) = served(&json!({"blue": 100}));
    assert_eq!(world.score("fares", "wrong").status, 401);
}

#[test]
fn mirrored_requests_reach_the_mirror_and_change_no_answer() {
    let (mut world, key) = served(&json!({"blue": 100}));
    let mut body = endpoint_body(&json!({"blue": 100}));
    body["properties"]["mirrorTraffic"] = json!({"green": 50});
    world.settle_put(ENDPOINT, &body);
    for _ in 0..100 {
        assert_eq!(world.score("fares", &key).header_value("azureml-model-deployment"), Some("blue"));
    }
    let counts = world.core.scoring_counts();
    assert!((30..70).contains(&counts["fares/green"].mirrored));
    assert_eq!(counts["fares/green"].requests, 0);
}

#[test]
fn a_model_that_fails_is_a_424_with_its_own_status_in_a_header() {
    let (mut world, key) = served(&json!({"blue": 100}));
    world.core.add_scoring_rule(ScoringRule {
        deployment: "fares/blue".into(),
        status: 503,
        ..ScoringRule::default()
    });
    let answer = world.score("fares", &key);
    assert_eq!(answer.status, 424);
    assert_eq!(answer.header_value("ms-azureml-model-error-statuscode"), Some("503"));
    assert_eq!(world.core.scoring_counts()["fares/blue"].statuses[&424], 1);
}

#[test]
fn answers_latency_and_errors_are_as_told() {
    let (mut world, key) = served(&json!({"blue": 100}));
    world.core.add_scoring_rule(ScoringRule {
        model: "models/fares".into(),
        answer: Some(json!([12.5])),
        latency_millis: 30,
        error_rate: 0.5,
        ..ScoringRule::default()
    });
    let answers: Vec<_> = (0..100).map(|_| world.score("fares", &key)).collect();
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    assert!((30..70).contains(&good), "{good}");
    let first = answers.iter().find(|answer| answer.status == 200).unwrap();
    assert_eq!(first.value(), json!([12.5]));
    assert_eq!(first.delivery, azureml_emulator::Delivery::After(std::time::Duration::from_millis(30)));
}

#[test]
fn entra_tokens_must_be_for_scoring() {
    let (mut world, _) = served(&json!({"blue": 100}));
    let mut body = endpoint_body(&json!({"blue": 100}));
    body["properties"]["authMode"] = json!("AADToken");
    world.settle_put(ENDPOINT, &body);
    assert_eq!(world.score("fares", "x").status, 401, "a token for Azure Resource Manager");
    world.principal = Principal::Known(Identity {
        name: "caller".into(),
        object_id: "o".into(),
        application: true,
        audience: "https://ml.azure.com".into(),
    });
    assert_eq!(world.score("fares", "x").status, 200);
}

#[test]
fn the_old_model_serves_until_the_update_is_done() {
    let (mut world, key) = served(&json!({"blue": 100}));
    world.put(&format!("{}/versions/2", crate::support::MODEL), &crate::support::model_body());
    let body = crate::support::deployment_body(&format!("{}/versions/2", crate::support::MODEL));
    world.put(&format!("{ENDPOINT}/deployments/blue"), &body);
    assert_eq!(world.score("fares", &key).value()["version"], "1");
    world.pass(91.0);
    assert_eq!(world.score("fares", &key).value()["version"], "2");
}
