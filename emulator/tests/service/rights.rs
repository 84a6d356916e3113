//! What a principal may do: allowed or denied by scope and action.

use azureml_emulator::{Identity, Principal, Request, RightsEffect, RightsRule};
use serde_json::json;

use crate::support::{ENDPOINT, MODEL, REGISTRY, WORKSPACE, World, endpoint_body, model_body, registry_body};

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

/// A rule for who is called bindery.
pub fn rule(effect: RightsEffect, scope: &str, action: &str) -> RightsRule {
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
