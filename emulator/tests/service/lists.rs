//! In which order lists go, on one page and over many.

use azureml_emulator::{Config, Durations};
use serde_json::{Value, json};

use crate::support::{ENDPOINT, MODEL, REGISTRY, WORKSPACE, World, endpoint_body, model_body, registry_body};

/// Two items on a page, and nothing takes time.
pub fn world() -> World {
    World::with(Config { page_size: 2, durations: Durations::none(), ..Config::default() })
}

/// The names in a list, all its pages after each other.
pub fn names(world: &mut World, path: &str) -> String {
    let mut page = world.get(path).value();
    let mut found = Vec::new();
    loop {
        let items = page["value"].as_array().unwrap();
        found.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["nextLink"].as_str().map(ToOwned::to_owned) else { break };
        assert_eq!(items.len(), 2, "a page that is not the last one is full");
        assert!(found.len() < 20, "pages go on for ever: {found:?}");
        page = world.follow(&next).value();
    }
    found.join(" ")
}

#[test]
fn endpoints_go_by_their_creation_or_last_change() {
    let mut world = world();
    let path = format!("{WORKSPACE}/onlineEndpoints");
    for name in ["e-a", "e-b", "e-c", "e-d", "e-e"] {
        world.put(&format!("{path}/{name}"), &endpoint_body(&json!({})));
        world.pass(1.0);
    }
    for name in ["e-c", "e-a"] {
        world.patch(&format!("{path}/{name}"), &json!({"tags": {"a": "b"}}));
        world.pass(1.0);
    }
    for (order, expected) in [
        ("", "e-a e-b e-c e-d e-e"),
        ("?orderBy=CreatedAtAsc", "e-a e-b e-c e-d e-e"),
        ("?orderBy=CreatedAtDesc", "e-e e-d e-c e-b e-a"),
        ("?orderBy=UpdatedAtAsc", "e-b e-d e-e e-c e-a"),
        ("?orderBy=updatedAtDesc", "e-a e-c e-e e-d e-b"),
    ] {
        assert_eq!(names(&mut world, &format!("{path}{order}")), expected, "{order}");
    }
}

#[test]
fn deployments_go_by_their_creation_or_last_change() {
    let mut world = world();
    world.serve(&["d-a", "d-b", "d-c"]);
    let path = format!("{ENDPOINT}/deployments");
    world.pass(1.0);
    world.patch(&format!("{path}/d-b"), &json!({"tags": {"a": "b"}}));
    for (order, expected) in [
        ("", "d-a d-b d-c"),
        ("?$orderBy=createdtime%20desc", "d-c d-b d-a"),
        ("?$orderBy=modifiedtime%20desc", "d-b d-c d-a"),
        ("?$orderBy=modifiedtime", "d-a d-c d-b"),
    ] {
        assert_eq!(names(&mut world, &format!("{path}{order}")), expected, "{order}");
    }
}

fn register(world: &mut World, model: &str, path: &str) {
    let body = json!({"properties": {"modelUri": path, "modelType": "custom_model"}});
    for version in ["1", "2", "3", "4"] {
        world.put(&format!("{model}/versions/{version}"), &body);
        world.pass(1.0);
    }
    let mut changed = body;
    changed["properties"]["description"] = json!("changed");
    world.put(&format!("{model}/versions/2"), &changed);
}

#[test]
fn versions_go_by_their_creation_or_last_change() {
    let mut world = world();
    world.settle_put(REGISTRY, &registry_body());
    register(&mut world, MODEL, "azureml://datastores/workspaceblobstore/paths/model");
    let registrys = format!("{REGISTRY}/models/fares");
    register(&mut world, &registrys, "https://account.example/model");
    for (model, order, expected) in [
        (MODEL, "", "4 3 2 1"),
        (MODEL, "?$orderBy=createdtime%20desc", "4 3 2 1"),
        (MODEL, "?$orderBy=createdtime%20asc", "1 2 3 4"),
        (MODEL, "?$orderBy=modifiedtime%20desc", "2 4 3 1"),
        (MODEL, "?$orderBy=modifiedtime%20asc", "1 3 4 2"),
        (&registrys, "?$orderBy=createdtime%20asc", "1 2 3 4"),
        (&registrys, "?$orderBy=modifiedtime%20desc", "2 4 3 1"),
    ] {
        assert_eq!(names(&mut world, &format!("{model}/versions{order}")), expected, "{model} {order}");
    }
    let two = world.get(&format!("{MODEL}/versions?$orderBy=modifiedtime%20desc&$top=1")).value();
    assert_eq!((two["value"].as_array().unwrap().len(), &two["value"][0]["name"]), (1, &json!("2")));
}

#[test]
fn a_list_by_last_change_goes_on_where_it_was_when_something_changes() {
    let mut world = world();
    register(&mut world, MODEL, "azureml://datastores/workspaceblobstore/paths/model");
    world.pass(1.0);
    let first = world.get(&format!("{MODEL}/versions?$orderBy=modifiedtime%20asc")).value();
    let shown: Vec<&Value> = first["value"].as_array().unwrap().iter().map(|item| &item["name"]).collect();
    assert_eq!(shown, [&json!("1"), &json!("3")]);
    world.put(&format!("{MODEL}/versions/5"), &model_body());
    let rest = world.follow(first["nextLink"].as_str().unwrap()).value();
    let shown: Vec<&Value> = rest["value"].as_array().unwrap().iter().map(|item| &item["name"]).collect();
    assert_eq!(shown, [&json!("4"), &json!("2")]);
    assert_eq!(names(&mut world, &format!("{MODEL}/versions?$orderBy=modifiedtime%20asc")), "1 3 4 2 5");
}

#[test]
fn datastores_go_by_creation_change_or_name() {
    let mut world = World::with(Config::default());
    let path = format!("{WORKSPACE}/datastores");
    let body = json!({"properties": {"datastoreType": "AzureBlob", "accountName": "a", "containerName": "c", "credentials": {"credentialsType": "None"}}});
    for name in ["b", "a", "c"] {
        world.pass(1.0);
        world.put(&format!("{path}/{name}"), &body);
    }
    world.pass(1.0);
    world.put(&format!("{path}/a"), &body);
    let mine = "names=a,b,c";
    for (order, expected) in [
        ("", "b a c"),
        ("&orderBy=createdtime", "c a b"),
        ("&orderBy=createdtime&orderByAsc=true", "b a c"),
        ("&orderBy=modifiedtime", "a c b"),
        ("&orderBy=modifiedtime&orderByAsc=true", "b c a"),
        ("&orderBy=name", "c b a"),
        ("&orderBy=name&orderByAsc=true", "a b c"),
    ] {
        assert_eq!(names(&mut world, &format!("{path}?{mine}{order}")), expected, "{order}");
    }
}
