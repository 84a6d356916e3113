//! The front door: versions, scopes, rights, headers, buckets.

use azureml_emulator::{
    Config, Identity, Limit, Limits, Principal, Request, Response, RightsEffect, RightsRule, Throttling,
};
use serde_json::json;

use crate::support::{
    ENDPOINT, MODEL, REGISTRY, SUBSCRIPTION, WORKSPACE, World, endpoint_body, model_body, registry_body,
};

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
        code(&format!("{WORKSPACE}?api-version=2019-01-01")),
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
fn a_denied_action_is_arms_403() {
    let mut world = World::new();
    world.core.config.rights = vec![RightsRule {
        principal: "bindery".into(),
        scope: WORKSPACE.to_uppercase(),
        action: "*/models/versions/write".into(),
        effect: RightsEffect::Deny,
    }];
    let refused = world.put(&format!("{MODEL}/versions/1"), &model_body());
    assert_eq!(refused.status, 403);
    let error = &refused.value()["error"];
    assert_eq!(error["code"], "AuthorizationFailed");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("'bindery'")
            && message.contains("Microsoft.MachineLearningServices/workspaces/models/versions/write")
    );
    assert_eq!(world.get(MODEL).status, 404, "reading is still allowed");
}

#[test]
fn who_is_granted_something_may_do_only_that() {
    let mut world = World::new();
    world.core.config.rights = vec![RightsRule {
        principal: "bindery".into(),
        scope: String::new(),
        action: "*/read".into(),
        effect: RightsEffect::Allow,
    }];
    assert_eq!(world.get(WORKSPACE).status, 200);
    assert_eq!(world.put(REGISTRY, &registry_body()).status, 403);
}

/// A registry, a workspace's version, and the principal with what it may do in each.
fn with_rights_in_registry(actions: &[&str]) -> World {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    world.put(&format!("{MODEL}/versions/1"), &model_body());
    let rights = actions.iter().map(|action| {
        let action = format!("Microsoft.MachineLearningServices/registries/{action}");
        rule(RightsEffect::Allow, REGISTRY, &action)
    });
    world.core.config.rights =
        [rule(RightsEffect::Allow, WORKSPACE, "*")].into_iter().chain(rights).collect();
    world
}

fn import_of(source: &str) -> Request {
    let body =
        json!({"properties": {"sourceAssetId": source, "destinationName": "n", "destinationVersion": "1"}});
    let target =
        format!("/mferp/managementfrontend{REGISTRY}/import?api-version=2021-10-01-dataplanepreview");
    Request::post(&target, &body)
}

#[test]
fn publish_and_import_need_the_rights_of_a_registrys_user_and_no_others() {
    for (rights, publish, import) in [
        (&["read", "assets/*"][..], 202, 202),
        (&["read", "assets/write"], 202, 202),
        (&["assets/*"], 403, 403),
        (&["read", "assets/read"], 403, 403),
        (&["models/*", "models/versions/write"], 403, 403),
        (&["read", "models/*"], 403, 403),
    ] {
        let mut world = with_rights_in_registry(rights);
        assert_eq!(world.publish("1").status, publish, "{rights:?}");
        assert_eq!(world.send(&import_of(&format!("{MODEL}/versions/1"))).status, import, "{rights:?}");
    }
}

#[test]
fn assets_of_a_registry_are_read_written_and_deleted_by_rights_for_all_kinds() {
    let data = format!("{REGISTRY}/data/trips");
    let body = json!({"properties": {"dataType": "uri_folder", "dataUri": "https://localhost/files"}});
    let reference = json!({"assetId": "azureml://registries/models/data/trips/versions/1"});
    let cases = [
        (Request::get(&data), "assets/read"),
        (Request::get(&format!("{data}/versions")), "assets/read"),
        (Request::put(&format!("{data}/versions/1"), &body), "assets/write"),
        (Request::delete(&format!("{data}/versions/1")), "assets/delete"),
        (Request::post(&format!("{data}/versions/1/startPendingUpload"), &json!({})), "assets/write"),
        (Request::put(&format!("{REGISTRY}/tempdatarefs/trips/versions/1"), &reference), "assets/write"),
        (Request::post(&format!("{REGISTRY}/datareferences/trips/versions/1"), &reference), "assets/read"),
        (Request::get(REGISTRY), "read"),
    ];
    for right in ["assets/read", "assets/write", "assets/delete", "read"] {
        let mut world = with_rights_in_registry(&[right]);
        for (request, needed) in &cases {
            let request = Request { query: "api-version=2025-09-01".into(), ..request.clone() };
            let refused = world.send(&request);
            assert_eq!(
                refused.status != 403,
                right == *needed,
                "{} {} by {right}",
                request.method,
                request.path
            );
            let message = refused.value()["error"]["message"].as_str().unwrap_or_default().to_owned();
            assert!(right == *needed || message.contains(&format!("/registries/{needed}'")), "{message}");
        }
    }
}

#[test]
fn publish_needs_the_right_to_read_at_the_source() {
    let mut world = with_rights_in_registry(&["read", "assets/*"]);
    world.core.config.rights.push(rule(RightsEffect::Deny, WORKSPACE, "*/models/versions/read"));
    let refused = world.publish("1");
    assert_eq!(refused.status, 403);
    assert!(
        refused.value()["error"]["message"].as_str().unwrap().contains("workspaces/models/versions/read")
    );
}

fn rule(effect: RightsEffect, scope: &str, action: &str) -> RightsRule {
    RightsRule { principal: "bindery".into(), scope: scope.into(), action: action.into(), effect }
}

#[test]
fn a_right_on_a_workspace_is_none_on_one_whose_name_goes_on() {
    let mut world = World::new();
    world.add_workspace("dev2", "eastus");
    let other = format!("{WORKSPACE}2");
    for scope in [WORKSPACE.to_owned(), format!("{WORKSPACE}/")] {
        world.core.config.rights = vec![rule(RightsEffect::Allow, &scope, "*")];
        assert_eq!((world.get(WORKSPACE).status, world.get(&other).status), (200, 403));
        assert_eq!(world.get(&format!("{WORKSPACE}/jobs/train-1")).status, 200);
    }
}

#[test]
fn import_needs_the_right_to_read_at_the_source() {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    world.put(&format!("{MODEL}/versions/1"), &model_body());
    let import = import_of(&format!("{MODEL}/versions/1"));
    world.core.config.rights = vec![rule(RightsEffect::Deny, WORKSPACE, "*/models/versions/read")];
    assert_eq!(world.send(&import).status, 403);
    world.core.config.rights.clear();
    assert_eq!(world.send(&import).status, 202);
}

#[test]
fn who_may_not_score_or_invoke_is_refused_though_the_token_is_in_order() {
    let mut world = World::new();
    world.serve(&["blue"]);
    let mut online = endpoint_body(&json!({"blue": 100}));
    online["properties"]["authMode"] = json!("AADToken");
    world.settle_put(ENDPOINT, &online);
    let batch = json!({"location": "eastus", "properties": {"authMode": "AADToken"}});
    world.settle_put(&format!("{WORKSPACE}/batchEndpoints/nightly"), &batch);
    let Principal::Known(identity) = Principal::application("bindery") else { unreachable!() };
    world.principal = Principal::Known(Identity { audience: "https://ml.azure.com".into(), ..identity });
    let invocation = Request::post("/batch/eastus/nightly/jobs", &json!({"properties": {}}));
    world.core.config.rights = vec![
        rule(RightsEffect::Deny, ENDPOINT, "*/onlineEndpoints/score/action"),
        rule(RightsEffect::Deny, WORKSPACE, "*/batchEndpoints/jobs/write"),
    ];
    assert_eq!(world.score("fares", "x").status, 403);
    let refused = world.send(&invocation);
    assert_eq!((refused.status, &refused.value()["error"]["code"]), (403, &json!("AuthorizationFailed")));
    world.core.config.rights.clear();
    assert_eq!(world.score("fares", "x").status, 200);
    assert_eq!(world.send(&invocation).status, 400, "it has no deployment, which is another matter");
}

#[test]
fn retry_after_is_there_only_when_asked_for() {
    let mut world = World::new();
    assert_eq!(world.put(REGISTRY, &registry_body()).header_value("Retry-After"), None);
    world.core.config.retry_after = Some(7);
    assert_eq!(world.put(REGISTRY, &registry_body()).header_value("Retry-After"), Some("7"));
}

#[test]
fn an_empty_bucket_is_a_429_and_fills_again() {
    let limits = Limits { reads: Limit { size: 3.0, refill: 0.5 }, ..Limits::default() };
    let mut world = World::with(Config { throttling: Throttling::Custom(limits), ..Config::default() });
    for left in ["2", "1", "0"] {
        let answer = world.get(WORKSPACE);
        assert_eq!(answer.header_value("x-ms-ratelimit-remaining-subscription-reads"), Some(left));
    }
    let refused = world.get(WORKSPACE);
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header_value("Retry-After"), Some("2"));
    assert_eq!(refused.value()["error"]["code"], "SubscriptionRequestsThrottled");
    assert_eq!(world.put(REGISTRY, &registry_body()).status, 202, "writes have their own");
    world.principal = Principal::application("somebody else");
    assert_eq!(world.get(WORKSPACE).status, 200, "so has everybody");
    world.principal = Principal::application("bindery");
    world.pass(2.0);
    assert_eq!(world.get(WORKSPACE).status, 200);
}

#[test]
fn a_429_tells_what_is_left_in_both_buckets() {
    let limits = Limits { reads: Limit { size: 4.0, refill: 0.25 }, ..Limits::default() };
    let mut world = World::with(Config { throttling: Throttling::Custom(limits), ..Config::default() });
    let left = |answer: &Response| {
        ["", "global-"].map(|whose| {
            let name = format!("x-ms-ratelimit-remaining-subscription-{whose}reads");
            answer.header_value(&name).unwrap().to_owned()
        })
    };
    for _ in 0..3 {
        world.get(WORKSPACE);
    }
    assert_eq!(left(&world.get(WORKSPACE)), ["0", "56"]);
    let refused = world.get(WORKSPACE);
    assert_eq!((refused.status, left(&refused)), (429, ["0".into(), "56".into()]));
    world.pass(0.5);
    let premature = world.get(WORKSPACE);
    assert_eq!((premature.status, left(&premature)), (429, ["0".into(), "57".into()]));
    world.principal = Principal::application("somebody else");
    assert_eq!(left(&world.get(WORKSPACE)), ["3", "56"]);
}

/// A bucket that hardly fills.
fn limit(size: f64) -> Limit {
    Limit { size, refill: 0.001 }
}

#[test]
fn deployments_have_a_bucket_of_their_own_beside_that_of_writes() {
    let limits = Limits { deployment_writes: limit(2.0), ..Limits::default() };
    let mut world = World::new();
    world.serve(&["blue"]);
    world.core.config.throttling = Throttling::Custom(limits);
    let blue = format!("{ENDPOINT}/deployments/blue");
    let name = "x-ms-ratelimit-remaining-subscription-resource-requests";
    for left in ["1", "0"] {
        let answer = world.patch(&blue, &json!({"tags": {"left": left}}));
        assert_eq!((answer.status, answer.header_value(name)), (200, Some(left)));
    }
    assert_eq!(world.put(&blue, &json!({})).status, 429);
    assert_eq!(world.get(&blue).status, 200, "reads have their own");
    assert_eq!(world.delete(&blue).status, 202, "and so have deletes");
}

#[test]
fn every_kind_of_write_and_delete_is_counted() {
    let limits = Limits { writes: limit(1.0), deletes: limit(1.0), ..Limits::default() };
    let mut world = World::with(Config { throttling: Throttling::Custom(limits), ..Config::default() });
    let version = format!("{MODEL}/versions/1");
    assert_eq!(world.put(&version, &model_body()).status, 201);
    assert_eq!(world.put(&version, &model_body()).status, 429);
    assert_eq!(world.post(&format!("{version}/publish"), &json!({})).status, 429);
    assert_eq!(world.delete(&version).status, 200);
    assert_eq!(world.delete(&version).status, 429);
}

#[test]
fn fifteen_principals_empty_a_subscription_and_who_is_refused_by_it_keeps_its_own() {
    let limits = Limits { reads: limit(2.0), ..Limits::default() };
    let mut world = World::with(Config { throttling: Throttling::Custom(limits), ..Config::default() });
    let global = "x-ms-ratelimit-remaining-subscription-global-reads";
    for number in 0..15 {
        world.principal = Principal::application(&format!("reader {number}"));
        let left = (29 - 2 * number).to_string();
        assert_eq!(world.get(WORKSPACE).header_value(global), Some(left.as_str()));
        assert_eq!(world.get(WORKSPACE).status, 200);
    }
    world.principal = Principal::application("late");
    for _ in 0..3 {
        assert_eq!(world.get(WORKSPACE).status, 429, "the subscription's is empty");
    }
    // By now the subscription's has two again, and the principal has the two it had.
    world.pass(150.0);
    let own = "x-ms-ratelimit-remaining-subscription-reads";
    assert_eq!(world.get(WORKSPACE).header_value(own), Some("1"));
    world.principal = Principal::application("reader 0");
    assert_eq!(world.get(WORKSPACE).status, 429, "its own is empty, and the subscription's stays as it is");
    world.principal = Principal::application("late");
    assert_eq!(world.get(WORKSPACE).status, 200);
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
