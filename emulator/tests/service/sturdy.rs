//! Any bytes get an answer in ARM's shape, and the same seed gives the same story.

use azureml_emulator::{Config, Request, Response};
use http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{ENDPOINT, MODEL, REGISTRY, WORKSPACE, World, endpoint_body, registry_body};

fn tell(seed: u64) -> Vec<Response> {
    let mut world = World::with(Config { seed, ..Config::default() });
    let mut story =
        vec![world.put(REGISTRY, &registry_body()), world.put(ENDPOINT, &endpoint_body(&json!({})))];
    world.pass(60.0);
    story.extend([
        world.get(REGISTRY),
        world.get(ENDPOINT),
        world.post(&format!("{ENDPOINT}/listKeys"), &json!({})),
    ]);
    story
}

#[test]
fn the_seed_decides_everything() {
    assert_eq!(tell(1), tell(1));
    assert_ne!(tell(1), tell(2));
}

/// Something like a path, mostly of ours.
fn target() -> impl Strategy<Value = String> {
    let root = prop_oneof![
        Just(WORKSPACE.to_owned()),
        Just(MODEL.to_owned()),
        Just(ENDPOINT.to_owned()),
        Just(REGISTRY.to_owned()),
        Just(format!("/mlflow/v2.0{WORKSPACE}/api/2.0/mlflow")),
        Just("/inference/eastus/fares".to_owned()),
        Just("/_emulator".to_owned()),
        Just("/mferp/managementfrontend".to_owned()),
        Just(String::new()),
    ];
    let word = prop_oneof![
        Just("versions".to_owned()),
        Just("deployments".to_owned()),
        Just("jobs".to_owned()),
        Just("publish".to_owned()),
        Just("runs/search".to_owned()),
        Just("batchEndpoints".to_owned()),
        Just("environments".to_owned()),
        Just("oauth2/v2.0/token".to_owned()),
        Just("locations/eastus/mfeOperationsStatus/x".to_owned()),
        Just("%2F".to_owned()),
        Just(String::new()),
        "\\PC{0,8}",
        "[%0-9a-zA-Z]{0,8}",
    ];
    let query = prop_oneof![
        Just("api-version=2025-09-01".to_owned()),
        Just("api-version=2025-09-01&$skip=amlffffffffffffffff&$top=0".to_owned()),
        "\\PC{0,20}",
    ];
    (root, proptest::collection::vec(word, 0..4), query)
        .prop_map(|(root, words, query)| format!("{root}/{}?{query}", words.join("/")))
}

fn method() -> impl Strategy<Value = Method> {
    prop_oneof![
        Just(Method::GET),
        Just(Method::PUT),
        Just(Method::POST),
        Just(Method::PATCH),
        Just(Method::DELETE),
        Just(Method::OPTIONS),
        Just(Method::HEAD)
    ]
}

/// JSON with the words that handlers look for and values that they do not expect.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
        Just(json!("eastus")),
        Just(json!("Managed"))
    ];
    let key = prop_oneof![
        Just("properties".to_owned()),
        Just("location".to_owned()),
        Just("tags".to_owned()),
        Just("sku".to_owned()),
        Just("capacity".to_owned()),
        Just("identity".to_owned()),
        Just("type".to_owned()),
        Just("traffic".to_owned()),
        Just("mirrorTraffic".to_owned()),
        Just("regionDetails".to_owned()),
        Just("authMode".to_owned()),
        Just("modelUri".to_owned()),
        Just("endpointComputeType".to_owned()),
        Just("environmentVariables".to_owned()),
        Just("jobType".to_owned()),
        "[a-z]{1,4}",
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key.clone(), inner, 0..6).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_request_gets_an_answer_and_the_service_goes_on(
        requests in proptest::collection::vec((method(), target(), proptest::collection::vec(any::<u8>(), 0..64), document(), any::<bool>()), 1..12)
    ) {
        let mut world = World::new();
        world.serve(&["blue"]);
        for (method, target, bytes, document, json) in requests {
            let control = target.starts_with("/_emulator");
            let mut request = Request::new(method, &target);
            request.body = if json { document.to_string().into_bytes() } else { bytes };
            let answer = world.send(&request);
            prop_assert!(answer.status >= 200 || control);
            let managed = target.starts_with("/subscriptions") || target.starts_with("/mferp");
            if managed && answer.status >= 400 {
                let error = answer.value()["error"].clone();
                prop_assert!(error["code"].is_string() && error["message"].is_string(), "{}", error);
            }
            world.pass(30.0);
        }
        world.core.config = Config::default();
        prop_assert_eq!(world.get(WORKSPACE).status, 200);
    }
}
