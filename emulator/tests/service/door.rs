//! The front door: versions, scopes, tokens, headers, lists that lag.

use azureml_emulator::{Config, Principal, Request, RightsEffect};
use serde_json::json;

use crate::rights::rule;
use crate::support::{ENDPOINT, MODEL, REGISTRY, SUBSCRIPTION, WORKSPACE, World, model_body, registry_body};

fn refusal(world: &mut World, target: &str) -> (u16, String) {
    let answer = world.send(&Request::get(target));
    (answer.status, answer.value()["error"]["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn what_is_unknown_is_named_by_its_own_code() {
    let mut world = World::new();
    let mut code = |target: &str| refusal(&mut world, target);
    let version = "api-version=2025-09-01";
    assert_eq!(code(WORKSPACE), (400, "MissingApiVersionParameter".into()));
    assert_eq!(
        code(&format!("{WORKSPACE}?api-version=2017-12-31")),
        (400, "NoRegisteredProviderFound".into())
    );
    assert_eq!(code(&format!("{WORKSPACE}?api-version=new")), (400, "InvalidApiVersionParameter".into()));
    let other = WORKSPACE.replace(SUBSCRIPTION, "nobody");
    assert_eq!(code(&format!("{other}?{version}")), (404, "SubscriptionNotFound".into()));
    let other = WORKSPACE.replace("/ml/", "/nowhere/");
    assert_eq!(code(&format!("{other}?{version}")), (404, "ResourceGroupNotFound".into()));
    let other = WORKSPACE.replace("/dev", "/none");
    assert_eq!(code(&format!("{other}?{version}")), (404, "ResourceNotFound".into()));
    assert_eq!(code(&format!("{other}/models?{version}")), (404, "ResourceNotFound".into()));
    assert_eq!(code(&format!("{WORKSPACE}/unicorns/x?{version}")), (404, "InvalidResourceType".into()));
    assert_eq!(code(&format!("{WORKSPACE}/jobs/none?{version}")), (404, "UserError".into()));
}

/// Lists and what is in them, in registries, workspaces and locations, and actions; with any method.
#[test]
fn a_type_that_is_not_served_is_named_and_a_verb_that_is_not_is_a_405() {
    use http::Method;
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    world.serve(&["one"]);
    let subscription = format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.MachineLearningServices");
    let mut code = |method: Method, path: String| {
        let answer = world.ask(method, &path, Some(&json!({})));
        (answer.status, answer.value()["error"].clone())
    };
    for (owner, kind) in [
        (WORKSPACE, "workspaces/computes"),
        (WORKSPACE, "workspaces/Schedules"),
        (WORKSPACE, "workspaces/connections"),
        (WORKSPACE, "workspaces/serverlessEndpoints"),
        (WORKSPACE, "workspaces/privateEndpointConnections"),
        (WORKSPACE, "workspaces/listKeys"),
        (WORKSPACE, "workspaces/versions"),
        (WORKSPACE, "workspaces/deployments"),
        (WORKSPACE, "workspaces/registries"),
        (REGISTRY, "registries/privateEndpointConnections"),
        (REGISTRY, "registries/jobs"),
        (REGISTRY, "registries/import"),
        (ENDPOINT, "workspaces/onlineEndpoints/frobnicate"),
        (MODEL, "workspaces/models/publish"),
        (&format!("{MODEL}/versions/1"), "workspaces/models/versions/package"),
        (&format!("{subscription}/locations/eastus"), "locations/quotas"),
        (&format!("{subscription}/locations/eastus"), "locations/vmSizes"),
    ] {
        let word = kind.rsplit('/').next().unwrap();
        for path in [format!("{owner}/{word}"), format!("{owner}/{word}/x")] {
            for method in [Method::GET, Method::PUT, Method::PATCH, Method::POST, Method::DELETE] {
                let (status, error) = code(method.clone(), path.clone());
                assert_eq!(
                    (status, error["code"].as_str()),
                    (404, Some("InvalidResourceType")),
                    "{method} {path}"
                );
                let message = error["message"].as_str().unwrap();
                assert!(message.contains(&format!("'{kind}'")), "{method} {path}: {message}");
            }
        }
    }
    for (method, path) in [
        (Method::PUT, WORKSPACE.to_owned()),
        (Method::DELETE, WORKSPACE.to_owned()),
        (Method::POST, WORKSPACE.to_owned()),
        (Method::PUT, format!("{WORKSPACE}/models")),
        (Method::PATCH, MODEL.to_owned()),
        (Method::GET, format!("{ENDPOINT}/listKeys")),
        (Method::POST, format!("{ENDPOINT}/deployments/one/SKUs")),
        (Method::GET, format!("{REGISTRY}/removeRegions")),
        (Method::GET, format!("{MODEL}/versions/1/publish")),
    ] {
        let (status, error) = code(method.clone(), path.clone());
        assert_eq!((status, error["code"].as_str()), (405, Some("MethodNotAllowed")), "{method} {path}");
    }
}

#[test]
fn scopes_have_no_case_and_models_have() {
    let mut world = World::new();
    world.put(&format!("{MODEL}/versions/1"), &model_body());
    let shouted = MODEL
        .replace("resourceGroups/ml", "RESOURCEGROUPS/ML")
        .replace("workspaces/dev/models", "Workspaces/DEV/Models");
    assert_eq!(world.get(&format!("{shouted}/Versions/1")).status, 200);
    assert_eq!(world.get(&format!("{}/versions/1", MODEL.replace("/fares", "/Fares"))).status, 404);
}

#[test]
fn without_a_token_in_order_nothing_is_told() {
    let mut world = World::new();
    for (principal, code) in [
        (Principal::Anonymous, "AuthenticationFailed"),
        (Principal::Unknown, "InvalidAuthenticationToken"),
        (Principal::Expired, "ExpiredAuthenticationToken"),
    ] {
        world.principal = principal;
        let answer = world.get(WORKSPACE);
        assert_eq!(answer.status, 401);
        assert_eq!(answer.value()["error"]["code"], code);
        assert!(answer.header_value("WWW-Authenticate").unwrap().starts_with("Bearer "));
    }
}

#[test]
fn retry_after_is_there_only_when_asked_for() {
    let mut world = World::new();
    assert_eq!(world.put(REGISTRY, &registry_body()).header_value("Retry-After"), None);
    world.core.config.retry_after = Some(7);
    assert_eq!(world.put(REGISTRY, &registry_body()).header_value("Retry-After"), Some("7"));
}

#[test]
fn lists_can_lag_behind_what_a_get_shows() {
    let mut world = World::with(Config { list_lag: 10.0, ..Config::default() });
    world.pass(20.0);
    world.put(&format!("{MODEL}/versions/1"), &model_body());
    let count = |world: &mut World| {
        world.get(&format!("{MODEL}/versions")).value()["value"].as_array().unwrap().len()
    };
    assert_eq!(world.get(&format!("{MODEL}/versions/1")).status, 200);
    assert_eq!(count(&mut world), 0);
    world.pass(10.0);
    assert_eq!(count(&mut world), 1);
    world.delete(&format!("{MODEL}/versions/1"));
    assert_eq!(count(&mut world), 1);
    world.pass(10.0);
    assert_eq!(count(&mut world), 0);
}

#[test]
fn cloud_metadata_has_what_clients_look_for() {
    let mut world = World::new();
    let cloud = world.get("/metadata/endpoints").value()[0].clone();
    for path in ["/name", "/portal", "/resourceManager", "/authentication/loginEndpoint", "/suffixes/storage"]
    {
        assert!(cloud.pointer(path).unwrap().is_string(), "{path}");
    }
}

#[test]
fn a_body_that_is_no_object_is_refused_in_arms_words() {
    let mut world = World::new();
    for body in ["", "[]", "{", "nonsense"] {
        let mut request = Request::put(&format!("{REGISTRY}?api-version=2025-09-01"), &json!({}));
        request.body = body.as_bytes().to_vec();
        let answer = world.send(&request);
        assert_eq!(
            (answer.status, answer.value()["error"]["code"].as_str().unwrap()),
            (400, "InvalidRequestContent")
        );
    }
}

#[test]
fn whatever_starts_an_operation_says_when_to_ask_if_it_is_told_to() {
    let mut world = World::new();
    world.core.config.retry_after = Some(7);
    world.core.config.inferred.job_delete_asynchronous = true;
    world.settle_put(REGISTRY, &registry_body());
    let version = format!("{REGISTRY}/models/fares/versions/1");
    let body = json!({"properties": {"modelUri": "https://a.example/m", "modelType": "custom_model"}});
    let made = world.put(&version, &body);
    world.pass(10.0);
    let gone = world.delete(&version);
    let job = world.delete(&format!("{WORKSPACE}/jobs/train-1"));
    assert_eq!((made.status, gone.status, job.status), (201, 202, 202));
    for answer in [made, gone, job] {
        assert_eq!(answer.header_value("Retry-After"), Some("7"));
    }
}

/// Of JavaScript, Java and older releases of the Python client (azure-ai-ml 1.12 to 1.34), and some that nobody knows yet.
#[test]
fn any_version_of_a_day_from_2018_on_is_taken() {
    let mut world = World::new();
    for version in [
        "2018-11-19",
        "2019-05-01",
        "2022-05-01",
        "2023-02-01-preview",
        "2023-06-01-preview",
        "2024-07-01-preview",
        "2031-01-31",
    ] {
        assert_eq!(
            world.send(&Request::get(&format!("{WORKSPACE}?api-version={version}"))).status,
            200,
            "{version}"
        );
    }
    let mut code = |version: &str| refusal(&mut world, &format!("{WORKSPACE}?api-version={version}")).1;
    assert_eq!(code("2024-13-01"), "InvalidApiVersionParameter");
    assert_eq!(code("2024-07-01preview"), "InvalidApiVersionParameter");
    assert_eq!(code("2017-12-31-preview"), "NoRegisteredProviderFound");
}

#[test]
fn the_provider_lists_what_it_serves() {
    let mut world = World::new();
    let provider = format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.MachineLearningServices");
    let answer = world.send(&Request::get(&format!("{provider}?api-version=2021-04-01"))).value();
    let types = answer["resourceTypes"].as_array().unwrap();
    let named = |name: &str| types.iter().find(|kind| kind["resourceType"] == name).unwrap();
    for name in [
        "registries",
        "registries/models/versions",
        "workspaces",
        "workspaces/batchEndpoints/deployments/jobs",
        "workspaces/onlineEndpoints/deployments",
        "locations/mfeOperationsStatus",
    ] {
        let kind = named(name);
        assert!(kind["apiVersions"].as_array().unwrap().contains(&json!("2025-09-01")), "{kind}");
        assert!(kind["locations"].as_array().unwrap().contains(&json!("East US")), "{kind}");
    }
    assert!(named("registries")["capabilities"].as_str().unwrap().contains("SupportsTags"));
    assert_eq!(named("workspaces/models")["capabilities"], "None");
    assert!(types.iter().all(|kind| kind["resourceType"] != "workspaces/computes"), "not served");
}

#[test]
fn resource_groups_that_exist_are_there() {
    let mut world = World::new();
    world.add_workspace("west", "westus");
    let subscriptions = [(SUBSCRIPTION.to_owned(), vec!["Empty".to_owned()])].into();
    world.core.seed(&azureml_emulator::Seed { subscriptions, ..azureml_emulator::Seed::default() });
    let groups = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups");
    let version = "api-version=2021-04-01";
    let group = world.send(&Request::get(&format!("{groups}/ML?{version}")));
    assert_eq!(group.status, 200);
    assert_eq!(
        group.value(),
        json!({
            "id": format!("{groups}/ml"), "name": "ml", "type": "Microsoft.Resources/resourceGroups",
            "location": "eastus", "tags": {}, "properties": {"provisioningState": "Succeeded"},
        })
    );
    let all = world.send(&Request::get(&format!("{}?{version}", groups.to_lowercase()))).value();
    let names: Vec<&str> =
        all["value"].as_array().unwrap().iter().filter_map(|group| group["name"].as_str()).collect();
    assert_eq!(names, ["ml", "Empty"]);
    let head = |name: &str| Request::new(http::Method::HEAD, &format!("{groups}/{name}?{version}"));
    let exists = world.send(&head("empty"));
    assert_eq!((exists.status, exists.body.len()), (204, 0));
    assert_eq!(world.send(&head("nowhere")).status, 404);
    assert_eq!(
        refusal(&mut world, &format!("{groups}/nowhere?{version}")),
        (404, "ResourceGroupNotFound".into())
    );
    assert_eq!(refusal(&mut world, &format!("{groups}/ml")), (400, "MissingApiVersionParameter".into()));
    let other = groups.replace(SUBSCRIPTION, "nobody");
    assert_eq!(refusal(&mut world, &format!("{other}/ml?{version}")), (404, "SubscriptionNotFound".into()));
    let made = world.send(&Request::put(&format!("{groups}/new?{version}"), &json!({"location": "eastus"})));
    assert_eq!(made.status, 405);
    world.core.config.rights = vec![rule(RightsEffect::Deny, "", "*/resourceGroups/read")];
    assert_eq!(world.send(&Request::get(&format!("{groups}/ml?{version}"))).status, 403);
    world.principal = Principal::Anonymous;
    assert_eq!(world.send(&Request::get(&format!("{groups}/ml?{version}"))).status, 401);
}

/// As clients do by themselves after a 409 `MissingSubscriptionRegistration`.
#[test]
fn the_provider_is_registered_and_says_so_behind_the_door() {
    let mut world = World::new();
    let provider = format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.MachineLearningServices");
    let register = format!("{provider}/register");
    let post = |path: &str| Request::post(path, &json!({}));
    for request in [
        post(&format!("{register}?api-version=2019-05-01")),
        post(&format!("{register}?api-version=2016-02-01").to_lowercase()),
        Request::get(&format!("{provider}?api-version=2021-04-01")),
    ] {
        let answer = world.send(&request);
        assert_eq!((answer.status, answer.value()["registrationState"].as_str()), (200, Some("Registered")));
        assert_eq!(answer.value()["id"].as_str(), Some(provider.as_str()));
        assert!(answer.header_value("x-ms-request-id").is_some());
    }
    let mut refused = |request: Request| {
        let answer = world.send(&request);
        (answer.status, answer.value()["error"]["code"].as_str().unwrap().to_owned())
    };
    let version = "api-version=2019-05-01";
    let elsewhere = register.replace(SUBSCRIPTION, "nobody");
    let in_a_group = provider.replace("/providers", "/resourceGroups/ml/providers");
    for (request, status, code) in [
        (post(&register), 400, "MissingApiVersionParameter"),
        (post(&format!("{register}?api-version=new")), 400, "InvalidApiVersionParameter"),
        (post(&format!("{elsewhere}?{version}")), 404, "SubscriptionNotFound"),
        (post(&format!("{provider}?{version}")), 405, "MethodNotAllowed"),
        (Request::get(&format!("{register}?{version}")), 405, "MethodNotAllowed"),
        (post(&format!("{provider}/unregister?{version}")), 404, "InvalidResourceType"),
        (Request::get(&format!("{in_a_group}?{version}")), 404, "ResourceNotFound"),
        (post(&format!("{in_a_group}/register?{version}")), 404, "InvalidResourceType"),
    ] {
        let asked = format!("{} {}", request.method, request.path);
        assert_eq!(refused(request), (status, code.to_owned()), "{asked}");
    }
    let right = rule(RightsEffect::Deny, &format!("/subscriptions/{SUBSCRIPTION}"), "*/register/action");
    world.core.config.rights = vec![right];
    assert_eq!(world.send(&post(&format!("{register}?{version}"))).status, 403);
    assert_eq!(world.send(&Request::get(&format!("{provider}?{version}"))).status, 200);
    world.principal = Principal::Anonymous;
    assert_eq!(world.send(&Request::get(&format!("{provider}?{version}"))).status, 401);
    assert!(!world.core.remove_resource(&provider), "it is no resource");
    world.principal = Principal::application("bindery");
    assert_eq!(world.get(WORKSPACE).status, 200);
}
