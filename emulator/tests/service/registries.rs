//! Registries: operations, regions, names.

use azureml_emulator::{Config, Inferred, OperationRule, Outcome, Work};
use serde_json::{Value, json};

use crate::support::{MODEL, REGISTRY, World, model_body, registry_body};

#[test]
fn it_has_no_accounts_until_its_operation_has_ended() {
    let mut world = World::new();
    let accepted = world.put(REGISTRY, &registry_body());
    let account =
        "/properties/regionDetails/0/storageAccountDetails/0/systemCreatedStorageAccount/armResourceId";
    assert!(world.get(REGISTRY).value().pointer(account).unwrap().is_null());
    world.pass(40.0);
    assert_eq!(world.poll(&accepted)["status"], "Succeeded");
    assert!(world.get(REGISTRY).value().pointer(account).unwrap()["resourceId"].is_string());
}

#[test]
fn a_put_without_tags_clears_them_and_keeps_accounts_and_identity() {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    let before = world.get(REGISTRY).value();
    let mut body = registry_body();
    body.as_object_mut().unwrap().remove("tags");
    world.settle_put(REGISTRY, &body);
    let after = world.get(REGISTRY).value();
    assert_eq!(after["tags"], json!({}));
    assert_eq!(after["identity"], before["identity"]);
    assert_eq!(after["properties"]["regionDetails"], before["properties"]["regionDetails"]);
}

#[test]
fn patch_takes_tags_and_nothing_about_regions() {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    let answer = world
        .patch(REGISTRY, &json!({"tags": {"a": "b"}, "properties": {"publicNetworkAccess": "Disabled"}}));
    assert_eq!(answer.status, 200);
    let registry = world.get(REGISTRY).value();
    assert_eq!(registry["tags"], json!({"a": "b"}));
    assert_eq!(registry["properties"]["publicNetworkAccess"], "Enabled");
}

#[test]
fn patch_of_a_sku_changes_what_it_names_and_it_has_a_name() {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    assert_eq!(world.patch(REGISTRY, &json!({"sku": {"tier": "Basic"}})).status, 400);
    assert_eq!(world.patch(REGISTRY, &json!({"sku": {"name": "B1", "tier": "basic"}})).status, 200);
    assert_eq!(world.patch(REGISTRY, &json!({"sku": {"capacity": 2}})).status, 200);
    let sku = world.get(REGISTRY).value()["sku"].clone();
    assert_eq!(sku, json!({"name": "B1", "tier": "Basic", "capacity": 2}));
}

#[test]
fn a_region_is_added_by_put_and_removed_only_by_remove_regions() {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    let mut body = registry_body();
    body["properties"]["regionDetails"].as_array_mut().unwrap().push(json!({"location": "westus"}));
    world.settle_put(REGISTRY, &body);
    let regions = |world: &mut World| {
        let registry = world.get(REGISTRY).value();
        let regions = registry["properties"]["regionDetails"].as_array().unwrap().clone();
        regions.iter().map(|region| region["location"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(regions(&mut world), ["eastus", "westus"]);
    world.settle_put(REGISTRY, &registry_body());
    assert_eq!(regions(&mut world), ["eastus", "westus"], "a PUT that omits a region does not remove it");

    let remove =
        |name: &str| json!({"location": "eastus", "properties": {"regionDetails": [{"location": name}]}});
    let accepted = world.post(&format!("{REGISTRY}/removeRegions"), &remove("westus"));
    assert_eq!(accepted.status, 202);
    world.pass(31.0);
    assert_eq!(world.poll(&accepted)["status"], "Succeeded");
    assert_eq!(regions(&mut world), ["eastus"]);
    assert_eq!(world.post(&format!("{REGISTRY}/removeRegions"), &remove("eastus")).status, 400);
}

#[test]
fn its_location_stays() {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    let mut body = registry_body();
    body["location"] = json!("westus");
    let refused = world.put(REGISTRY, &body);
    assert_eq!(
        (refused.status, refused.value()["error"]["code"].as_str().unwrap()),
        (409, "InvalidResourceLocation")
    );
}

#[test]
fn its_name_is_taken_in_the_tenant_and_for_a_while_after_deletion() {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    let elsewhere = REGISTRY.replace("/ml/", "/other/");
    world.core.config.exists.subscriptions.clear();
    let seed = azureml_emulator::Seed {
        subscriptions: [(crate::support::SUBSCRIPTION.to_owned(), vec!["other".to_owned()])].into(),
        ..azureml_emulator::Seed::default()
    };
    world.core.seed(&seed);
    assert_eq!(world.put(&elsewhere, &registry_body()).status, 409);

    let accepted = world.delete(REGISTRY);
    world.pass(30.0);
    assert_eq!(world.poll(&accepted)["status"], "Succeeded");
    assert_eq!(world.get(REGISTRY).status, 404);
    assert_eq!(world.put(REGISTRY, &registry_body()).status, 409, "done, but the name is not free yet");
    world.pass(35.0);
    assert_eq!(world.put(REGISTRY, &registry_body()).status, 202);
}

#[test]
fn a_failed_creation_leaves_nothing_and_a_failed_change_leaves_what_was() {
    let mut world = World::new();
    let fail = |work| OperationRule {
        work: Some(work),
        resource: String::new(),
        model: String::new(),
        times: Some(1),
        outcome: Outcome::Fail { code: "InternalServerError".into(), message: "Something broke".into() },
    };
    world.core.add_operation_rule(fail(Work::RegistryCreate));
    let accepted = world.put(REGISTRY, &registry_body());
    world.pass(41.0);
    let operation = world.poll(&accepted);
    assert_eq!(operation["status"], "Failed");
    assert_eq!(operation["error"]["message"], "InternalServerError: Something broke");
    assert_eq!(world.get(REGISTRY).status, 404);

    world.settle_put(REGISTRY, &registry_body());
    world.core.add_operation_rule(fail(Work::RegistryUpdate));
    let before = world.get(REGISTRY).value();
    let mut body = registry_body();
    body["tags"] = json!({"new": "tag"});
    world.put(REGISTRY, &body);
    world.pass(41.0);
    assert_eq!(world.get(REGISTRY).value(), before);
}

#[test]
fn a_failed_creation_may_leave_a_registry_that_a_put_finishes() {
    let inferred = Inferred { registry_failed_creation_stays: true, ..Inferred::default() };
    let mut world = World::with(Config { inferred, ..Config::default() });
    world.core.add_operation_rule(OperationRule {
        work: Some(Work::RegistryCreate),
        resource: String::new(),
        model: String::new(),
        times: Some(1),
        outcome: Outcome::Fail { code: "InternalServerError".into(), message: "Something broke".into() },
    });
    let accepted = world.put(REGISTRY, &registry_body());
    world.pass(41.0);
    assert_eq!(world.poll(&accepted)["status"], "Failed");
    let account = "/properties/regionDetails/0/acrDetails/0/systemCreatedAcrAccount/armResourceId";
    let left = world.get(REGISTRY);
    assert_eq!((left.status, left.value().pointer(account)), (200, Some(&json!(null))));
    world.settle_put(REGISTRY, &registry_body());
    let finished = world.get(REGISTRY).value();
    assert!(finished.pointer(account).is_some_and(|a| a["resourceId"].is_string()), "{finished}");
}

#[test]
fn one_that_holds_assets_goes_with_them_or_stays() {
    for allowed in [true, false] {
        let inferred = Inferred { registry_delete_with_assets: allowed, ..Inferred::default() };
        let mut world = World::with(Config { inferred, ..Config::default() });
        world.settle_put(REGISTRY, &registry_body());
        world.put(&format!("{MODEL}/versions/1"), &model_body());
        world.publish("1");
        world.pass(11.0);
        assert_eq!(world.delete(REGISTRY).status, if allowed { 202 } else { 409 });
        world.pass(31.0);
        assert_eq!(world.get(REGISTRY).status, if allowed { 404 } else { 200 });
    }
}

#[test]
fn result_urls_answer_202_until_done() {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    let accepted = world.delete(REGISTRY);
    let location = accepted.header_value("Location").unwrap().to_owned();
    assert_eq!(world.follow(&location).status, 202);
    world.pass(31.0);
    assert_eq!(world.follow(&location).status, 204);
}

#[test]
fn an_operation_is_forgotten_after_a_while() {
    let mut world = World::new();
    let accepted = world.put(REGISTRY, &registry_body());
    let url = accepted.header_value("Azure-AsyncOperation").unwrap().to_owned();
    assert!(url.len() > 5000, "ARM signs it at a length that surprises");
    world.pass(40.0 + 3599.0);
    assert_eq!(world.follow(&url).status, 200);
    world.pass(2.0);
    assert_eq!(world.follow(&url).status, 404);
}

/// People report it of storage accounts, in these words, and the same of container registries (Azure/bicep#11676).
#[test]
fn a_registry_makes_its_accounts_itself() {
    let id = json!({"resourceId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a"});
    let of = |list: &str, field: &str, account: &Value| {
        let mut body = registry_body();
        body["properties"]["regionDetails"][0][list] = json!([{field: account}]);
        body
    };
    for (list, field, kind) in [
        ("storageAccountDetails", "userCreatedStorageAccount", "storage account"),
        ("acrDetails", "userCreatedAcrAccount", "container registry"),
    ] {
        let mut world = World::new();
        let refused = |world: &mut World| {
            let answer = world.put(REGISTRY, &of(list, field, &json!({"armResourceId": id})));
            let error = &answer.value()["error"];
            let why = format!(
                "Invalid registry request: Creating registry using an existing {kind} is not permitted"
            );
            assert_eq!(
                (answer.status, &error["code"], &error["details"]),
                (400, &json!("UserError"), &json!([]))
            );
            assert_eq!(error["message"], why);
        };
        refused(&mut world);
        assert_eq!(world.get(REGISTRY).status, 404);
        for none in [json!(null), json!({}), json!({"armResourceId": null})] {
            world.settle_put(REGISTRY, &of(list, field, &none));
        }
        let shown = world.get(REGISTRY).value();
        assert_eq!(shown["properties"]["regionDetails"][0][list][0].get(field), Some(&json!(null)));
        world.settle_put(REGISTRY, &shown);
        refused(&mut world);
        assert_eq!(world.get(REGISTRY).value(), shown, "as it was");
    }
}
