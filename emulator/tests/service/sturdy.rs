//! Any bytes get an answer in ARM's shape, and the same seed gives the same story.

use azureml_emulator::{Config, Identity, Principal, Request, Response};
use http::Method;
use proptest::prelude::*;
use proptest::test_runner::RngAlgorithm;
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

const BATCH: &str = "/batch/eastus/nightly/jobs";
/// Asked of a storage account's host.
const CONTAINER: &str = "/azureml-blobstore";

/// A batch endpoint with a deployment, besides an online one and a registry.
fn furnished() -> World {
    // Short, because 5 kB of random text for each operation took a third of the test.
    let mut world = World::with(Config { signature_length: 50, ..Config::default() });
    world.serve(&["blue"]);
    world.settle_put(REGISTRY, &registry_body());
    let endpoint = format!("{WORKSPACE}/batchEndpoints/nightly");
    let body = |defaults: Value| json!({"location": "eastus", "properties": {"authMode": "AADToken", "defaults": defaults}});
    world.settle_put(&endpoint, &body(json!({})));
    let model = json!({"referenceType": "Id", "assetId": format!("{MODEL}/versions/1")});
    let deployment = json!({"location": "eastus", "properties": {"model": model, "compute": "c"}});
    world.settle_put(&format!("{endpoint}/deployments/first"), &deployment);
    world.settle_put(&endpoint, &body(json!({"deploymentName": "first"})));
    world
}

/// Who may invoke.
fn invoker() -> Principal {
    let Principal::Known(identity) = Principal::application("bindery") else { unreachable!() };
    Principal::Known(Identity { audience: "https://ml.azure.com".into(), ..identity })
}

/// The request with the host and the principal that its path wants.
fn send(world: &mut World, request: Request) -> Response {
    let batch = request.path.starts_with("/batch/");
    let storage = request.path.starts_with(CONTAINER);
    let request = if storage { request.header("Host", "account.blob.core.windows.net") } else { request };
    world.principal = if batch { invoker() } else { Principal::application("bindery") };
    let answer = world.send(&request);
    world.principal = Principal::application("bindery");
    answer
}

#[test]
fn what_is_no_version_is_not_imported() {
    let mut world = furnished();
    let import = format!("/mferp/managementfrontend{REGISTRY}/import");
    world.put(MODEL, &json!({"properties": {}}));
    let blue = format!("{ENDPOINT}/deployments/blue");
    for source in [WORKSPACE, REGISTRY, MODEL, ENDPOINT, &blue, "", "/", "azureml://locations/eastus/x"] {
        let body = json!({"properties": {"sourceAssetId": source, "destinationName": "n", "destinationVersion": "1"}});
        let answer = world.post(&import, &body);
        assert_eq!(answer.status, 404, "{source}");
        assert_eq!(answer.value()["error"]["details"][0]["code"], "AssetNotFound");
    }
}

#[test]
fn a_batch_input_is_an_object() {
    let mut world = furnished();
    for input in [json!(5), json!("five"), json!(true), json!(["uri"]), Value::Null] {
        let body = json!({"properties": {"inputData": {"t": input}}});
        assert_eq!(send(&mut world, Request::post(BATCH, &body)).status, 400, "{body}");
    }
    let body = json!({"properties": {"inputData": {"t": {"jobInputType": "UriFile", "uri": "u"}}}});
    assert_eq!(send(&mut world, Request::post(BATCH, &body)).status, 201);
}

/// Something like a path, mostly of ours.
fn target() -> impl Strategy<Value = String> {
    let root = prop_oneof![
        Just(WORKSPACE.to_owned()),
        Just(MODEL.to_owned()),
        Just(ENDPOINT.to_owned()),
        Just(REGISTRY.to_owned()),
        Just(format!("/mlflow/v2.0{WORKSPACE}/api/2.0/mlflow")),
        Just(format!("/history/v1.0{WORKSPACE}/runs/train-1")),
        Just(format!("/history/v1.0{WORKSPACE}/rundata")),
        Just(format!("/data/v1.0{WORKSPACE}/dataversion/batchGetResolvedUris")),
        Just("/inference/eastus/fares".to_owned()),
        Just("/_emulator".to_owned()),
        Just("/mferp/managementfrontend".to_owned()),
        Just(format!("/mferp/managementfrontend{REGISTRY}/import")),
        Just(BATCH.to_owned()),
        Just(format!("{ENDPOINT}/providers/microsoft.insights/metrics")),
        Just(CONTAINER.to_owned()),
        Just(String::new()),
    ];
    let word = prop_oneof![
        Just("versions".to_owned()),
        Just("deployments".to_owned()),
        Just("jobs".to_owned()),
        Just("publish".to_owned()),
        Just("runs/search".to_owned()),
        Just("batchEndpoints".to_owned()),
        Just("serviceinstances/0".to_owned()),
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
        Just("api-version=2023-10-01&$filter=deployment eq '*a*'&interval=FULL&timespan=PT1H".to_owned()),
        Just("comp=blocklist&restype=container".to_owned()),
        "\\PC{0,20}",
    ];
    (root, proptest::collection::vec(word, 0..4), query).prop_map(|(root, words, query)| {
        match words.as_slice() {
            [] => format!("{root}?{query}"),
            words => format!("{root}/{}?{query}", words.join("/")),
        }
    })
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
        Just(json!("Managed")),
        Just(json!(WORKSPACE)),
        Just(json!(format!("{MODEL}/versions/1"))),
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
        Just("inputData".to_owned()),
        Just("sourceAssetId".to_owned()),
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
    // The default generator takes as long as all else together when it is not optimised.
    #![proptest_config(ProptestConfig { rng_algorithm: RngAlgorithm::XorShift, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn any_request_gets_an_answer_and_the_service_goes_on(
        requests in proptest::collection::vec((method(), target(), proptest::collection::vec(any::<u8>(), 0..64), document(), any::<bool>()), 1..12)
    ) {
        let mut world = furnished();
        for (method, target, bytes, document, json) in requests {
            let control = target.starts_with("/_emulator");
            let mut request = Request::new(method, &target);
            request.body = if json { document.to_string().into_bytes() } else { bytes };
            let answer = send(&mut world, request);
            prop_assert!(answer.status >= 200 || control);
            // Scoring, MLflow, storage and Entra have shapes of their own.
            let arms = ["/subscriptions", "/mferp", "/batch/"].iter().any(|root| target.starts_with(root));
            if arms && answer.status >= 400 {
                let error = answer.value()["error"].clone();
                prop_assert!(error["code"].is_string() && error["message"].is_string(), "{}", error);
            }
            world.pass(30.0);
        }
        world.core.config = Config::default();
        prop_assert_eq!(world.get(WORKSPACE).status, 200);
    }
}
