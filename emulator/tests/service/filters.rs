//! What a list's parameters select, and that a parameter which is another list's selects nothing.

use azureml_emulator::{Seed, WorkspaceSeed};
use serde_json::{Value, json};

use crate::lists::{names, world};
use crate::support::{
    ENDPOINT, MODEL, REGISTRY, SUBSCRIPTION, WORKSPACE, World, endpoint_body, registry_body,
};

fn assert_selects(world: &mut World, path: &str, expectations: &[(&str, &str)]) {
    for (query, expected) in expectations {
        let separator = if query.is_empty() { "" } else { "?" };
        assert_eq!(names(world, &format!("{path}{separator}{query}")), *expected, "{path}?{query}");
    }
}

fn versions(world: &mut World, container: &str, properties: &Value) {
    let tags = [json!({"a": "1"}), json!({"a": "2", "b": "1"}), json!({"b": "1"}), json!({})];
    for (version, tags) in ["1", "2", "3", "4"].into_iter().zip(tags) {
        let mut properties = properties.clone();
        properties["tags"] = tags.clone();
        properties["properties"] = tags;
        properties["description"] = json!(format!("the {version}"));
        let answer =
            world.put(&format!("{container}/versions/{version}"), &json!({"properties": properties}));
        assert!(answer.status < 300, "{}", answer.value());
        world.pass(1.0);
    }
}

#[test]
fn versions_of_models_go_by_what_is_documented_for_them() {
    let mut world = world();
    versions(&mut world, MODEL, &json!({"modelUri": "azureml://datastores/d/paths/p"}));
    assert_selects(
        &mut world,
        &format!("{MODEL}/versions"),
        &[
            ("tags=a", "2 1"),
            ("tags=a,b%3D1", "2"),
            ("properties=b", "3 2"),
            ("description=the+3", "3"),
            ("version=4", "4"),
            ("offset=1", "3 2 1"),
            ("offset=3&$orderBy=createdtime+asc", "4"),
            ("tags=a&offset=1", "1"),
            ("offset=9", ""),
            ("offset=some", "4 3 2 1"),
            ("feed=models", "4 3 2 1"),
            ("$tags=a", "4 3 2 1"),
            ("tags=&version=&$top=", "4 3 2 1"),
        ],
    );
}

#[test]
fn versions_of_a_registrys_models_have_neither_offset_nor_stage() {
    let mut world = world();
    world.settle_put(REGISTRY, &registry_body());
    let model = format!("{REGISTRY}/models/fares");
    versions(&mut world, &model, &json!({"modelUri": "https://account.example/model"}));
    let all = "4 3 2 1";
    let expectations = [("tags=a", "2 1"), ("version=4", "4"), ("offset=1", all), ("stage=Production", all)];
    assert_selects(&mut world, &format!("{model}/versions"), &expectations);
}

#[test]
fn versions_of_data_go_by_tags_with_a_dollar() {
    let mut world = world();
    world.settle_put(REGISTRY, &registry_body());
    let body = json!({"dataType": "uri_file", "dataUri": "https://account.example/file"});
    for owner in [WORKSPACE, REGISTRY] {
        let data = format!("{owner}/data/trips");
        versions(&mut world, &data, &body);
        world.pass(60.0);
        assert_selects(
            &mut world,
            &format!("{data}/versions"),
            &[
                ("$tags=a", "2 1"),
                ("%24tags=a%3D2,b", "2"),
                ("tags=a", "4 3 2 1"),
                ("version=1", "4 3 2 1"),
                ("properties=a", "4 3 2 1"),
            ],
        );
    }
}

#[test]
fn codes_are_found_by_their_hash_whatever_their_name() {
    let mut world = world();
    let put = |world: &mut World, name: &str, hash: &str, archived: bool| {
        let properties = json!({"codeUri": "https://account.example/code", "isArchived": archived,
            "properties": {"hash_sha256": hash, "hash_version": 202_208}});
        world.put(&format!("{WORKSPACE}/codes/{name}"), &json!({"properties": properties}));
        world.pass(1.0);
    };
    put(&mut world, "one/versions/1", "aa", false);
    put(&mut world, "two/versions/7", "aa", false);
    put(&mut world, "two/versions/8", "bb", false);
    put(&mut world, "three/versions/9", "aa", true);
    put(&mut world, "one/versions/3", "aa", false);
    let unknown = format!("{WORKSPACE}/codes/new/versions");
    assert_selects(
        &mut world,
        &unknown,
        &[
            ("hash=aa", "3 7 1"),
            ("hash=aa&hashVersion=202208", "3 7 1"),
            ("hash=aa&hashVersion=1", ""),
            ("hash=cc", ""),
        ],
    );
    let first = world.get(&format!("{unknown}?hash=bb")).value()["value"][0].clone();
    assert_eq!(first["id"], format!("{WORKSPACE}/codes/two/versions/8"));
    assert_eq!(world.get(&format!("{unknown}?hashVersion=202208")).status, 404, "it is not by hash");
}

#[test]
fn endpoints_go_by_name_compute_tags_and_properties() {
    let mut world = world();
    let path = format!("{WORKSPACE}/onlineEndpoints");
    let compute = json!(format!("{WORKSPACE}/computes/cluster"));
    for (name, compute, tags) in [
        ("one", Value::Null, json!({"a": "1"})),
        ("two", compute.clone(), json!({"a": "2", "b": "1"})),
        ("three", Value::Null, json!({})),
        ("four", compute, json!({})),
    ] {
        let mut body = endpoint_body(&json!({}));
        body["tags"] = tags.clone();
        body["properties"]["properties"] = tags;
        body["properties"]["compute"] = compute;
        world.put(&format!("{path}/{name}"), &body);
        world.pass(1.0);
    }
    let all = "one two three four";
    assert_selects(
        &mut world,
        &path,
        &[
            ("", all),
            ("name=Two", "two"),
            ("computeType=Managed", "one three"),
            ("computeType=kubernetes", "two four"),
            ("computeType=AzureMLCompute", ""),
            ("computeType=Abacus", all),
            ("tags=a", "one two"),
            ("tags=a%3D2,b", "two"),
            ("properties=a%3D1&computeType=Managed", "one"),
            ("$orderBy=createdtime+desc", all),
            ("$top=1", all),
        ],
    );
}

#[test]
fn a_count_of_endpoints_is_the_length_of_a_page() {
    let mut world = world();
    for kind in ["onlineEndpoints", "batchEndpoints"] {
        for name in ["one", "two", "three"] {
            let body = json!({"location": "eastus", "properties": {"authMode": "AADToken"}});
            let answer = world.put(&format!("{WORKSPACE}/{kind}/{name}"), &body);
            assert_eq!(answer.status, 201, "{}", answer.value());
        }
        let first = world.get(&format!("{WORKSPACE}/{kind}?count=1")).value();
        assert_eq!(first["value"].as_array().unwrap().len(), 1);
        let rest = world.follow(first["nextLink"].as_str().unwrap()).value();
        assert_eq!((&rest["value"][0]["name"], rest["value"].as_array().unwrap().len()), (&json!("two"), 1));
        assert!(rest["nextLink"].is_string());
        // No longer than the service's own.
        assert_selects(&mut world, &format!("{WORKSPACE}/{kind}"), &[("count=9", "one two three")]);
    }
}

#[test]
fn other_counts_are_of_all_pages_together() {
    let mut world = world();
    versions(&mut world, MODEL, &json!({"modelUri": "azureml://datastores/d/paths/p"}));
    world.put(&format!("{WORKSPACE}/models/other"), &json!({"properties": {}}));
    world.put(&format!("{WORKSPACE}/models/third"), &json!({"properties": {}}));
    world.serve(&["d-a", "d-b", "d-c", "d-d"]);
    let versions = format!("{MODEL}/versions");
    let top = [
        ("$top=1", "4"),
        ("%24top=3", "4 3 2"),
        ("$top=3&offset=1", "3 2 1"),
        ("$top=0", "4 3 2 1"),
        ("count=1", "4 3 2 1"),
    ];
    assert_selects(&mut world, &versions, &top);
    assert_selects(
        &mut world,
        &format!("{WORKSPACE}/models"),
        &[("count=1", "fares"), ("$top=1", "fares other third")],
    );
    let deployments = [("$top=3", "d-a d-b d-c"), ("count=1", "d-a d-b d-c d-d")];
    assert_selects(&mut world, &format!("{ENDPOINT}/deployments"), &deployments);
    let datastores = [
        ("count=1&orderBy=name", "workspaceworkingdirectory"),
        (
            "count=3&orderBy=name&orderByAsc=true",
            "workspaceartifactstore workspaceblobstore workspacefilestore",
        ),
    ];
    assert_selects(&mut world, &format!("{WORKSPACE}/datastores"), &datastores);
}

#[test]
fn a_batch_endpoints_deployments_have_an_order_and_endpoints_have_none() {
    let mut world = world();
    let path = format!("{WORKSPACE}/batchEndpoints");
    for name in ["one", "two"] {
        world.settle_put(
            &format!("{path}/{name}"),
            &json!({"location": "eastus", "properties": {"authMode": "AADToken"}}),
        );
        world.settle_put(
            &format!("{path}/one/deployments/d-{name}"),
            &json!({"location": "eastus", "properties": {"compute": "c"}}),
        );
    }
    assert_selects(&mut world, &path, &[("$orderBy=createdtime+desc", "one two")]);
    let ordered = [("$orderBy=createdtime+desc", "d-two d-one"), ("$top=1", "d-one")];
    assert_selects(&mut world, &format!("{path}/one/deployments"), &ordered);
}

#[test]
fn jobs_go_by_type_tag_and_properties() {
    let mut world = world();
    let path = format!("{WORKSPACE}/jobs");
    for (name, kind, tags) in [
        ("one", "Command", json!({"a": "1"})),
        ("two", "Pipeline", json!({"a": "2", "b": "1"})),
        ("three", "Command", json!({"b": "1"})),
    ] {
        let body = json!({"properties": {"jobType": kind, "command": "c", "environmentId": "e", "tags": tags, "properties": tags}});
        assert_eq!(world.put(&format!("{path}/{name}"), &body).status, 201);
    }
    assert_selects(
        &mut world,
        &path,
        &[
            ("", "three two one train-1"),
            ("jobType=pipeline", "two"),
            ("jobType=Abacus", "three two one train-1"),
            ("tag=a", "two one"),
            ("tag=a%3D1", ""),
            ("properties=a", "two one"),
            ("properties=a%3D1", "one"),
            ("properties=a,b&jobType=Pipeline", "two"),
            ("$top=1", "three two one train-1"),
        ],
    );
}

#[test]
fn containers_and_versions_without_a_view_show_what_is_active() {
    let mut world = world();
    world.settle_put(REGISTRY, &registry_body());
    for owner in [WORKSPACE, REGISTRY] {
        for (name, archived) in [("one", false), ("two", true)] {
            for kind in ["codes", "components"] {
                world
                    .put(&format!("{owner}/{kind}/{name}"), &json!({"properties": {"isArchived": archived}}));
            }
        }
    }
    let all = "listViewType=All";
    assert_selects(&mut world, &format!("{WORKSPACE}/codes"), &[(all, "one")]);
    assert_selects(&mut world, &format!("{WORKSPACE}/components"), &[(all, "one two"), ("", "one")]);
    assert_selects(&mut world, &format!("{REGISTRY}/components"), &[(all, "one")]);
    // Microsoft's client asks so, at its own door.
    let door = format!("/mferp/managementfrontend{REGISTRY}/components");
    assert_selects(&mut world, &door, &[(all, "one two"), ("", "one")]);
}

#[test]
fn a_subscriptions_workspaces_and_registries_come_in_pages_and_workspaces_by_kind() {
    let mut world = world();
    let elsewhere = |name: &str, group: &str| WorkspaceSeed {
        subscription: SUBSCRIPTION.into(),
        resource_group: group.into(),
        name: name.into(),
        location: "eastus".into(),
        ..WorkspaceSeed::default()
    };
    let workspaces = vec![elsewhere("test", "ml"), elsewhere("prod", "other"), elsewhere("spare", "other")];
    world.core.seed(&Seed { workspaces, ..Seed::default() });
    let provider = "providers/Microsoft.MachineLearningServices";
    let everywhere = format!("/subscriptions/{SUBSCRIPTION}/{provider}");
    for (group, name) in [("ml", "models"), ("other", "more"), ("ml", "most")] {
        let registry =
            format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/{provider}/registries/{name}");
        world.settle_put(&registry, &registry_body());
    }
    let all = "dev test prod spare";
    let kinds = [
        ("", all),
        ("kind=default", all),
        ("kind=hub,Default", all),
        ("kind=hub", ""),
        ("aiCapabilities=x", all),
    ];
    assert_selects(&mut world, &format!("{everywhere}/workspaces"), &kinds);
    let group = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/ml/{provider}/workspaces");
    assert_selects(&mut world, &group, &[("", "dev test"), ("kind=hub", "")]);
    assert_selects(&mut world, &format!("{everywhere}/registries"), &[("", "models more most")]);
}
