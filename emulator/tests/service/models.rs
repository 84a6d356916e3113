//! Models: what is immutable, what is counted, what is burnt.

use azureml_emulator::{Config, Inferred, Response};
use serde_json::{Value, json};

use crate::support::{MODEL, REGISTRY, WORKSPACE, World, model_body, registry_body};

fn version(number: &str) -> String {
    format!("{MODEL}/versions/{number}")
}

#[test]
fn another_path_is_refused_in_the_words_that_the_sdk_looks_for() {
    let mut world = World::new();
    world.put(&version("1"), &model_body());
    let mut body = model_body();
    body["properties"]["modelUri"] = json!("azureml://jobs/train-1/outputs/artifacts/paths/other");
    let refused = world.put(&version("1"), &body);
    assert_eq!(refused.status, 400);
    assert_eq!(refused.value()["error"]["code"], "UserError");
    assert_eq!(refused.value()["error"]["message"], "Asset paths cannot be updated.");
}

#[test]
fn versions_are_positive_integers_in_a_workspace() {
    let mut world = World::new();
    for bad in ["0", "01", "latest", "1.2", "-1"] {
        assert_eq!(world.put(&version(bad), &model_body()).status, 400, "{bad}");
    }
    assert_eq!(world.put(&version("7"), &model_body()).status, 201);
}

#[test]
fn the_container_counts() {
    let mut world = World::new();
    for number in ["1", "5", "3"] {
        world.put(&version(number), &model_body());
    }
    let counts = |world: &mut World| {
        let properties = world.get(MODEL).value()["properties"].clone();
        (properties["latestVersion"].clone(), properties["nextVersion"].clone())
    };
    assert_eq!(counts(&mut world), (json!("3"), json!("6")), "latest is the last made");
    assert_eq!(world.delete(&version("3")).status, 200);
    assert_eq!(counts(&mut world), (json!("5"), json!("6")));
    assert_eq!(world.delete(&version("3")).status, 204);
}

fn names(list: &Value) -> Vec<String> {
    list["value"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn lists_hide_what_is_archived_unless_asked_and_filter_by_tag_and_stage() {
    let mut world = World::new();
    for (number, archived, stage) in
        [("1", false, "Production"), ("2", true, "Production"), ("3", false, "Development")]
    {
        let mut body = model_body();
        body["properties"]["isArchived"] = json!(archived);
        body["properties"]["stage"] = json!(stage);
        body["properties"]["tags"] = json!({"number": number});
        world.put(&version(number), &body);
    }
    let mut list = |query: &str| names(&world.get(&format!("{MODEL}/versions?{query}")).value());
    assert_eq!(list("a=b"), ["3", "1"], "the latest first, active only");
    assert_eq!(list("listViewType=All&$orderBy=createdtime%20asc"), ["1", "2", "3"]);
    assert_eq!(list("listViewType=ArchivedOnly"), ["2"]);
    assert_eq!(list("listViewType=ListViewType.ACTIVE_ONLY"), ["3", "1"]);
    assert_eq!(list("stage=Production"), ["1"]);
    assert_eq!(list("tags=number%3D3"), ["3"]);
    assert_eq!(list("$orderBy=createdtime%20desc&$top=1"), ["3"]);
    assert_eq!(list("version=1"), ["1"]);
}

#[test]
fn long_lists_come_in_pages_without_gap_or_repetition() {
    let mut world = World::with(Config { page_size: 7, ..Config::default() });
    for number in 1..=20 {
        world.put(&version(&number.to_string()), &model_body());
    }
    let mut page = world.get(&format!("{MODEL}/versions?listViewType=All")).value();
    let mut seen = names(&page);
    while let Some(next) = page["nextLink"].as_str().map(ToOwned::to_owned) {
        // Something new between two pages.
        world.put(&version(&(100 + seen.len()).to_string()), &model_body());
        page = world.follow(&next).value();
        seen.extend(names(&page));
    }
    let expected: Vec<String> = (1..=20).rev().map(|number| number.to_string()).collect();
    assert_eq!(seen, expected);
    assert_eq!(world.get(&format!("{MODEL}/versions?$skip=nonsense")).status, 400);
}

#[test]
fn a_job_that_does_not_exist_is_no_source() {
    for (must_exist, status) in [(true, 400), (false, 201)] {
        let inferred = Inferred { job_uri_must_exist: must_exist, ..Inferred::default() };
        let mut world = World::with(Config { inferred, ..Config::default() });
        let mut body = model_body();
        body["properties"]["modelUri"] = json!("azureml://jobs/nobody/outputs/artifacts/paths/model");
        body["properties"]["jobName"] = json!("nobody");
        assert_eq!(world.put(&version("1"), &body).status, status);
        // In the long form, too.
        let workspace = WORKSPACE.replace("/providers/Microsoft.MachineLearningServices", "");
        let long =
            |job: &str| json!(format!("azureml:/{workspace}/jobs/{job}/outputs/artifacts/paths/model"));
        body["properties"]["jobName"] = json!(null);
        body["properties"]["modelUri"] = long("nobody");
        assert_eq!(world.put(&version("2"), &body).status, status);
        body["properties"]["modelUri"] = long("train-1");
        assert_eq!(world.put(&version("3"), &body).status, 201);
    }
}

#[test]
fn a_path_declared_missing_is_refused_with_the_services_word() {
    let mut world = World::new();
    world.core.declare_missing_path("paths/model");
    let refused = world.put(&version("1"), &model_body());
    assert_eq!(refused.status, 400);
    assert_eq!(refused.value()["error"]["details"][0]["code"], "ModelAssetPathNotFoundInStorage");
}

#[test]
fn publish_takes_type_and_flavors_and_leaves_description_tags_and_stage() {
    for copies in [false, true] {
        let inferred = Inferred { publish_copies_metadata: copies, ..Inferred::default() };
        let mut world = World::with(Config { inferred, ..Config::default() });
        world.settle_put(REGISTRY, &registry_body());
        world.put(&version("1"), &model_body());
        let accepted = world.publish("1");
        assert_eq!(accepted.status, 202);
        assert!(accepted.body.is_empty());
        world.pass(11.0);
        let copy = world.get(&format!("{REGISTRY}/models/fares/versions/1")).value()["properties"].clone();
        assert_eq!(copy["modelType"], "mlflow_model");
        assert_eq!(copy["tags"], if copies { json!({"t": "1"}) } else { json!({}) });
        assert_eq!(copy["description"], if copies { json!("d") } else { json!(null) });
        assert_eq!(copy["stage"], if copies { "Production" } else { "Development" });
        assert!(
            copy["modelUri"].as_str().unwrap().starts_with("https://"),
            "the files are the registry's own"
        );
    }
}

#[test]
fn a_second_publish_of_one_version_is_refused_while_the_first_runs_and_after() {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    world.put(&version("1"), &model_body());
    world.publish("1");
    let running = world.publish("1");
    assert_eq!(running.status, 409);
    assert_eq!(running.value()["error"]["details"][0]["code"], "AssetPublishInProgress");
    world.pass(11.0);
    let exists = world.publish("1");
    assert_eq!(exists.status, 409);
    assert_eq!(exists.value()["error"]["details"][0]["code"], "AssetAlreadyExists");
}

#[test]
fn a_deleted_version_of_a_registry_can_never_be_made_again() {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    world.put(&version("1"), &model_body());
    world.publish("1");
    world.pass(11.0);
    let copy = format!("{REGISTRY}/models/fares/versions/1");
    assert_eq!(world.delete(&copy).status, 202);
    world.pass(6.0);
    assert_eq!(world.get(&copy).status, 404);
    let refused = world.publish("1");
    assert_eq!(refused.status, 400);
    let message = refused.value()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with(
        "Asset azureml://registries/models/models/fares/versions/1 was deleted at 03/26/2026 18:0"
    ));
    assert!(
        message.ends_with("it cannot be recreated. Please try again with a different version."),
        "{message}"
    );
}

#[test]
fn a_registry_takes_a_put_of_its_own_path_and_no_foreign_one() {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    world.put(&version("1"), &model_body());
    world.publish("1");
    world.pass(11.0);
    let copy = format!("{REGISTRY}/models/fares/versions/1");
    let uri = world.get(&copy).value()["properties"]["modelUri"].clone();
    let tagged = world
        .put(&copy, &json!({"properties": {"modelUri": uri, "tags": {"by": "us"}, "stage": "Production"}}));
    assert_eq!(tagged.status, 200, "{}", tagged.value());
    assert_eq!(world.get(&copy).value()["properties"]["tags"], json!({"by": "us"}));
    assert_eq!(world.put(&format!("{REGISTRY}/models/fares/versions/2"), &model_body()).status, 400);
}

#[test]
fn a_put_of_new_files_into_a_registry_is_an_operation() {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    let upload = world.post(
        &format!("{REGISTRY}/models/fares/versions/2/startPendingUpload"),
        &json!({"pendingUploadType": "TemporaryBlobReference"}),
    );
    let uri = upload.value()["blobReferenceForConsumption"]["blobUri"].clone();
    let copy = format!("{REGISTRY}/models/fares/versions/2");
    let made = world.put(&copy, &json!({"properties": {"modelUri": uri}}));
    assert_eq!(made.status, 201, "{}", made.value());
    assert_eq!(made.value()["properties"]["provisioningState"], "Creating");
    world.pass(3.0);
    assert_eq!(world.poll(&made)["status"], "Succeeded");
    assert_eq!(world.get(&copy).value()["properties"]["provisioningState"], "Succeeded");
}

#[test]
fn a_registrys_asset_has_its_own_id_at_the_other_door_and_at_arms_a_switch_says_which() {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    world.put(&version("1"), &model_body());
    world.publish("1");
    world.pass(11.0);
    let path = format!("{REGISTRY}/models/fares/versions/1");
    let uri = "azureml://registries/models/models/fares/versions/1";
    for (as_uri, id) in [(None, uri), (Some(false), path.as_str())] {
        if let Some(as_uri) = as_uri {
            world.core.configure(&json!({"inferred": {"registryAssetIdAsUri": as_uri}})).unwrap();
        }
        assert_eq!(world.get(&path).value()["id"], id);
        assert_eq!(world.get(&format!("/mferp/managementfrontend{path}")).value()["id"], uri);
    }
    let unknown = world.get(&format!("/mferp/managementfrontend{REGISTRY}/models/none/versions"));
    assert_eq!((unknown.status, unknown.value()), (200, json!({"value": []})));
}

#[test]
fn the_sdks_share_is_an_import_by_workspace_guid() {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    world.put(&version("1"), &model_body());
    let guid = world.get(WORKSPACE).value()["properties"]["workspaceId"].as_str().unwrap().to_owned();
    for (name, guid) in [("m1", guid.clone()), ("m2", guid.to_ascii_uppercase())] {
        let accepted = world.post(
            &format!("/mferp/managementfrontend{REGISTRY}/import"),
            &json!({"properties": {
                "referenceType": "Id", "destinationName": name, "destinationVersion": "1",
                "sourceAssetId": format!("azureml://locations/eastus/workspaces/{guid}/models/fares/versions/1"),
            }}),
        );
        assert_eq!(accepted.status, 202, "{}", accepted.value());
        world.pass(11.0);
        assert_eq!(world.get(&format!("{REGISTRY}/models/{name}/versions/1")).status, 200);
    }
}

#[test]
fn what_is_fixed_of_data_and_environments_compares_texts_with_their_case() {
    let mut world = World::new();
    let path = format!("{WORKSPACE}/environments/e/versions/1");
    let body = |image: &str, system: &str| json!({"properties": {"image": image, "osType": system, "environmentType": "Curated"}});
    assert_eq!(world.put(&path, &body("Foo:1", "Linux")).status, 201);
    assert_eq!(world.get(&path).value()["properties"]["environmentType"], "UserCreated");
    assert_eq!(world.put(&path, &body("Foo:1", "linux")).status, 200);
    assert_eq!(world.put(&path, &body("foo:1", "Linux")).status, 409);
    assert_eq!(world.put(&path, &body("Foo:1", "Windows")).status, 409);
    let data = format!("{WORKSPACE}/data/trips");
    let uri = "azureml://datastores/d/paths/p";
    let version = json!({"properties": {"dataType": "uri_file", "dataUri": uri}});
    assert_eq!(world.put(&format!("{data}/versions/1"), &version).status, 201);
    let container = |kind: &str| json!({"properties": {"dataType": kind}});
    assert_eq!(world.put(&data, &container("URI_FILE")).status, 200);
    assert_eq!(world.put(&data, &container("mltable")).status, 400);
    assert_eq!(world.get(&data).value()["properties"]["dataType"], "uri_file");
}

#[test]
fn what_is_fixed_of_an_environment_is_the_same_with_its_defaults_and_without() {
    let mut world = World::new();
    let bare = json!({"contextUri": "https://a.example/c"});
    let told = |file: Value| json!({"contextUri": "https://a.example/c", "dockerfilePath": file});
    let route = json!({"scoringRoute": {"path": "/score", "port": 80}});
    for (at, first, second, status) in [
        ("a", json!({"build": bare}), json!({"build": told(json!("Dockerfile"))}), 200),
        ("b", json!({"build": told(json!("Dockerfile"))}), json!({"build": bare}), 200),
        ("c", json!({"build": bare}), json!({"build": told(json!("gpu/Dockerfile"))}), 409),
        ("d", json!({"build": told(json!("gpu/Dockerfile"))}), json!({"build": told(json!(null))}), 409),
        ("e", json!({"image": "i:1"}), json!({"image": "i:1", "build": bare}), 409),
        ("f", json!({"image": "i:1"}), json!({"image": "i:1", "inferenceConfig": {}}), 200),
        (
            "g",
            json!({"image": "i:1", "inferenceConfig": {}}),
            json!({"inferenceConfig": {"scoringRoute": null}}),
            200,
        ),
        ("h", json!({"image": "i:1", "inferenceConfig": {}}), json!({"inferenceConfig": route}), 409),
        ("i", json!({"image": "i:1", "inferenceConfig": route}), json!({"inferenceConfig": {}}), 409),
    ] {
        let path = format!("{WORKSPACE}/environments/{at}/versions/1");
        assert_eq!(world.put(&path, &json!({"properties": first})).status, 201);
        let shown = world.get(&path).value();
        assert_eq!(world.put(&path, &json!({"properties": second})).status, status, "{first} {second}");
        let after = world.get(&path).value();
        for field in ["image", "build", "inferenceConfig"] {
            assert_eq!(after["properties"][field], shown["properties"][field], "{first} {second}");
        }
    }
}

#[test]
fn a_model_is_somewhere() {
    let mut world = World::new();
    for nowhere in [json!(""), json!(null)] {
        let mut body = model_body();
        body["properties"]["modelUri"] = nowhere;
        assert_eq!(world.put(&format!("{MODEL}/versions/1"), &body).status, 400);
    }
}

#[test]
fn the_latest_version_of_a_component_has_a_name() {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    for scope in [WORKSPACE, REGISTRY] {
        let component = format!("{scope}/components/c/versions");
        assert_eq!(world.get(&format!("{component}/azureml_default")).status, 404);
        for version in ["1", "2"] {
            world.put(
                &format!("{component}/{version}"),
                &json!({"properties": {"componentSpec": {"v": version}}}),
            );
            world.pass(60.0);
        }
        let latest = world.get(&format!("{component}/azureml_default")).value();
        assert_eq!(
            (&latest["name"], &latest["properties"]["componentSpec"]["v"]),
            (&json!("2"), &json!("2"))
        );
    }
}

#[test]
fn no_version_can_have_the_name_that_stands_for_the_latest() {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    let body = json!({"properties": {"componentSpec": {"v": 1}}});
    let refused = |answer: &Response| {
        let error = answer.value()["error"].clone();
        let message = error["details"][0]["message"].as_str().unwrap_or_default().to_owned();
        assert_eq!((answer.status, &error["details"][0]["code"]), (400, &json!("version")), "{error}");
        assert!(message.contains("'azureml_default' is not valid"), "{message}");
    };
    for scope in [WORKSPACE, REGISTRY] {
        refused(&world.put(&format!("{scope}/components/c/versions/azureml_default"), &body));
        assert_eq!(world.get(&format!("{scope}/components/c")).status, 404);
    }
    let component = format!("{WORKSPACE}/components/c/versions/1");
    world.put(&component, &body);
    let destination =
        json!({"registryName": "models", "destinationName": "c", "destinationVersion": "azureml_default"});
    refused(&world.post(&format!("{component}/publish"), &destination));
    let environment = format!("{WORKSPACE}/environments/e/versions/azureml_default");
    assert_eq!(
        world.put(&environment, &json!({"properties": {"image": "i:1"}})).status,
        201,
        "a name as any other"
    );
}

#[test]
fn the_datasets_of_a_model_are_those_of_the_last_put() {
    let mut world = World::new();
    let mut body = model_body();
    let shown = |world: &mut World| world.get(&version("1")).value()["properties"].get("datasets").cloned();
    for datasets in [json!([{"name": "trips", "id": "d1"}]), json!([{"name": "fares", "id": "d2"}])] {
        body["properties"]["datasets"] = datasets.clone();
        world.put(&version("1"), &body);
        assert_eq!(shown(&mut world), Some(datasets));
    }
    world.put(&version("1"), &model_body());
    assert_eq!(shown(&mut world), None);
}

/// As public samples deploy it, though Microsoft's schema wants a letter, digit or underscore.
#[test]
fn a_route_of_an_environment_can_be_the_root() {
    let mut world = World::new();
    let rooted = |path: &str| json!({"properties": {"image": "i", "inferenceConfig": {"livenessRoute": {"path": path, "port": 31311}}}});
    for (version, path) in ["/", "/score", "score"].into_iter().enumerate() {
        let address = format!("{WORKSPACE}/environments/rooted/versions/{version}");
        assert_eq!(world.put(&address, &rooted(path)).status, 201, "{path}");
        let shown = world.get(&address).value();
        assert_eq!(shown["properties"]["inferenceConfig"]["livenessRoute"]["path"], path);
    }
    for path in ["", "!!", "./"] {
        let refused = world.put(&format!("{WORKSPACE}/environments/rooted/versions/9"), &rooted(path));
        assert_eq!(refused.status, 400, "{path}");
        let message = refused.value()["error"]["details"][0]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("livenessRoute.path: expected"), "{message}");
    }
}
