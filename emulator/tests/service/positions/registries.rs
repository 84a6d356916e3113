//! Positions on registries, and on what is published to them.

use azureml_emulator::Inferred;
use serde_json::{Value, json};

use super::{detail, world};
use crate::support::{MODEL, REGISTRY, SUBSCRIPTION, WORKSPACE, World, model_body, registry_body};

const COPY: &str = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/ml/providers/Microsoft.MachineLearningServices/registries/models/models/fares/versions/1";

/// A world with this switch, a registry, and version 1 of the model in the workspace.
fn with_registry(turn: impl FnOnce(&mut Inferred)) -> World {
    let mut world = world(turn);
    world.settle_put(REGISTRY, &registry_body());
    world.put(&format!("{MODEL}/versions/1"), &model_body());
    world
}

/// The same, with version 1 published.
fn published(turn: impl FnOnce(&mut Inferred)) -> World {
    let mut world = with_registry(turn);
    assert_eq!(world.publish("1").status, 202);
    world.pass(11.0);
    world
}

#[test]
fn a_copy_may_keep_the_job_of_its_source() {
    for kept in [false, true] {
        let mut world = published(|i| i.publish_copies_job_name = kept);
        let job = world.get(COPY).value()["properties"]["jobName"].clone();
        assert_eq!(job, if kept { json!("train-1") } else { json!(null) });
    }
}

#[test]
fn the_status_of_a_second_publish_while_the_first_runs_and_after() {
    for status in [409, 400] {
        let mut world = with_registry(|i| i.publish_conflict_status = status);
        world.publish("1");
        let running = world.publish("1");
        assert_eq!((running.status, detail(&running)), (status, json!("AssetPublishInProgress")));
        world.pass(11.0);
        let there = world.publish("1");
        assert_eq!((there.status, detail(&there)), (status, json!("AssetAlreadyExists")));
    }
}

#[test]
fn a_publish_is_followed_by_its_location_whether_or_not_it_names_a_status() {
    for named in [true, false] {
        let mut world = with_registry(|i| i.publish_names_status_url = named);
        let accepted = world.publish("1");
        assert_eq!(accepted.header_value("Azure-AsyncOperation").is_some(), named);
        let location = accepted.header_value("Location").unwrap().to_owned();
        assert_eq!(world.follow(&location).status, 202);
        world.pass(11.0);
        assert_eq!(world.follow(&location).status, 204);
        assert_eq!(world.get(COPY).status, 200);
    }
}

#[test]
fn a_registry_may_take_a_foreign_path() {
    for refused in [true, false] {
        let mut world = with_registry(|i| i.registry_refuses_foreign_paths = refused);
        assert_eq!(world.put(COPY, &model_body()).status, if refused { 400 } else { 201 });
        assert_eq!(world.get(COPY).status, if refused { 404 } else { 200 });
    }
}

#[test]
fn a_registrys_asset_has_one_id_at_arms_door_or_the_other() {
    for uri in [false, true] {
        let mut world = published(|i| i.registry_asset_id_as_uri = uri);
        let expected = if uri { "azureml://registries/models/models/fares/versions/1" } else { COPY };
        assert_eq!(world.get(COPY).value()["id"], expected);
        let list = world.get(&format!("{REGISTRY}/models/fares/versions")).value();
        assert_eq!(list["value"][0]["id"], expected);
    }
}

/// A PUT that may be an operation: what it answers, and how the resource is then and a little later.
fn put_perhaps_later(world: &mut World, path: &str, body: &Value, later: bool, state: &str) {
    let answer = world.put(path, body);
    assert!(answer.status < 300, "{}", answer.value());
    assert_eq!(answer.header_value("Azure-AsyncOperation").is_some(), later);
    let at_once = world.get(path).value()["properties"]["provisioningState"].clone();
    assert_eq!(at_once, if later { state } else { "Succeeded" });
    world.pass(3.0);
    assert_eq!(world.get(path).value()["properties"]["provisioningState"], "Succeeded");
    if later {
        assert_eq!(world.poll(&answer)["status"], "Succeeded");
    }
}

#[test]
fn a_put_of_an_asset_into_a_registry_is_done_at_once_or_later() {
    for later in [true, false] {
        let mut world = with_registry(|i| i.registry_asset_create_asynchronous = later);
        let body = json!({"properties": {"modelUri": "https://account.blob.core.windows.net/m/1"}});
        put_perhaps_later(&mut world, COPY, &body, later, "Creating");
    }
    for later in [false, true] {
        let mut world = published(|i| i.registry_asset_update_asynchronous = later);
        let body = json!({"properties": {"tags": {"by": "us"}}});
        put_perhaps_later(&mut world, COPY, &body, later, "Updating");
        assert_eq!(world.get(COPY).value()["properties"]["tags"], json!({"by": "us"}));
    }
    for later in [false, true] {
        let mut world = published(|i| i.registry_container_asynchronous = later);
        let body = json!({"properties": {"isArchived": true}});
        put_perhaps_later(&mut world, &format!("{REGISTRY}/models/fares"), &body, later, "Updating");
        put_perhaps_later(&mut world, &format!("{REGISTRY}/models/new"), &body, later, "Creating");
        put_perhaps_later(&mut world, &format!("{WORKSPACE}/models/new"), &body, false, "Creating");
    }
}

/// The version as a door shows it, and whether its PUT is a 202 there, when it takes its time and when it does not.
#[test]
fn a_put_of_a_version_is_accepted_or_shows_the_version_at_either_door() {
    let body = json!({"properties": {"modelUri": "https://account.blob.core.windows.net/m/1", "tags": {"by": "us"}}});
    let uri = "azureml://registries/models/models/fares/versions/1";
    for (door, later, accepted) in [
        ("", true, true),
        ("", true, false),
        ("", false, true),
        ("/mferp/managementfrontend", true, true),
        ("/mferp/managementfrontend", true, false),
        ("/mferp/managementfrontend", false, true),
    ] {
        let mut world = with_registry(|i| {
            // The other door's position has nothing to do with it.
            (i.registry_asset_put_accepted, i.data_plane_put_accepted) =
                if door.is_empty() { (accepted, !accepted) } else { (!accepted, accepted) };
            i.registry_asset_create_asynchronous = later;
            i.registry_asset_update_asynchronous = later;
        });
        let path = format!("{door}{COPY}");
        for status in [201, 200] {
            let answer = world.put(&path, &body);
            if !accepted {
                assert_eq!((answer.status, &answer.value()["id"]), (status, &json!(uri)));
                world.pass(10.0);
                continue;
            }
            assert_eq!((answer.status, answer.body.as_slice()), (202, &b""[..]), "{door}");
            assert_eq!(answer.header_value("Azure-AsyncOperation"), None, "`Location` alone");
            let location = answer.header_value("Location").unwrap().to_owned();
            if later {
                assert_eq!(world.follow(&location).status, 202);
                world.pass(10.0);
            }
            let there = world.follow(&location);
            assert_eq!((there.status, there.value()), (200, world.get(&path).value()));
            assert_eq!(there.value()["id"], uri);
        }
    }
}

/// azure-ai-ml up to 1.34.1 takes nothing else of a container at its own door.
#[test]
fn a_container_is_made_at_the_clients_own_door_however_often_it_is_put() {
    for accepted in [true, false] {
        let mut world = with_registry(|i| i.data_plane_put_accepted = accepted);
        let (theirs, arms) =
            (format!("/mferp/managementfrontend{REGISTRY}/models/new"), format!("{REGISTRY}/models/new"));
        let body = json!({"properties": {"isArchived": false}});
        let mut put = |path: &str| world.put(path, &body).status;
        assert_eq!((put(&theirs), put(&theirs), put(&arms)), (201, if accepted { 201 } else { 200 }, 200));
    }
}

#[test]
fn a_registry_whose_models_have_no_versions_any_more_holds_nothing() {
    let mut world = published(|i| i.registry_delete_with_assets = false);
    assert_eq!(world.delete(REGISTRY).status, 409);
    assert_eq!(world.delete(COPY).status, 202);
    world.pass(6.0);
    assert_eq!(world.get(&format!("{REGISTRY}/models/fares")).status, 200, "Azure keeps the name");
    assert_eq!(world.delete(REGISTRY).status, 202);
}

#[test]
fn a_put_of_a_registry_may_remove_regions() {
    for removes in [false, true] {
        let mut world = world(|i| i.registry_put_removes_regions = removes);
        let mut two = registry_body();
        two["properties"]["regionDetails"].as_array_mut().unwrap().push(json!({"location": "westus"}));
        world.settle_put(REGISTRY, &two);
        let account =
            "/properties/regionDetails/0/storageAccountDetails/0/systemCreatedStorageAccount/armResourceId";
        let before = world.get(REGISTRY).value().pointer(account).cloned();
        world.settle_put(REGISTRY, &registry_body());
        let after = world.get(REGISTRY).value();
        let count = after["properties"]["regionDetails"].as_array().unwrap().len();
        assert_eq!(count, if removes { 1 } else { 2 });
        assert_eq!(after.pointer(account).cloned(), before, "what stays keeps its account");
    }
}

#[test]
fn a_registry_may_be_hidden_until_it_is_made() {
    let subscription =
        format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.MachineLearningServices/registries");
    let group = REGISTRY.strip_suffix("/models").unwrap();
    for visible in [true, false] {
        let mut world = world(|i| i.registry_visible_while_creating = visible);
        world.put(REGISTRY, &registry_body());
        let listed =
            |world: &mut World, path: &str| world.get(path).value()["value"].as_array().unwrap().len();
        assert_eq!(world.get(REGISTRY).status, if visible { 200 } else { 404 });
        assert_eq!(listed(&mut world, group), usize::from(visible));
        assert_eq!(listed(&mut world, &subscription), usize::from(visible));
        world.pass(41.0);
        assert_eq!(world.get(REGISTRY).status, 200);
        assert_eq!((listed(&mut world, group), listed(&mut world, &subscription)), (1, 1));
    }
}

/// Both are held against what is documented of a registry's PUT.
#[test]
fn a_registrys_put_is_accepted_or_shows_the_registry_as_it_stands() {
    for accepted in [true, false] {
        let mut world = world(|i| i.registry_put_accepted = accepted);
        let mut more = registry_body();
        more["tags"] = json!({"more": "1"});
        for body in [registry_body(), more] {
            let answer = world.put(REGISTRY, &body);
            let stands = world.get(REGISTRY);
            if accepted {
                assert_eq!((answer.status, answer.body.as_slice()), (202, &b""[..]));
            } else {
                assert_eq!((answer.status, answer.value()), (201, stands.value()));
                assert_eq!(answer.value()["tags"], body["tags"]);
                assert!(answer.header_value("Content-Type").unwrap().starts_with("application/json"));
            }
            assert!(answer.header_value("Azure-AsyncOperation").unwrap().contains("type=async"));
            let location = answer.header_value("Location").unwrap().to_owned();
            assert_eq!(world.follow(&location).status, 202);
            world.pass(200.0);
            assert_eq!(world.poll(&answer)["status"], "Succeeded");
            assert_eq!(world.follow(&location).value(), world.get(REGISTRY).value());
        }
        assert_eq!(world.delete(REGISTRY).status, 202, "which no switch changes");
    }
}
