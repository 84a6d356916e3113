//! Datastores: one is there, others can be made, and secrets are told only when asked for.

use serde_json::{Value, json};

use crate::support::{WORKSPACE, World};

fn mine() -> String {
    format!("{WORKSPACE}/datastores/mine")
}

fn body(account: &str) -> Value {
    json!({"properties": {
        "datastoreType": "azureBlob", "accountName": account, "containerName": "box",
        "credentials": {"credentialsType": "accountKey", "secrets": {"secretsType": "AccountKey", "key": "k"}},
    }})
}

fn names(answer: &Value) -> Vec<&str> {
    answer["value"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[test]
fn every_workspace_has_four_and_one_is_its_default() {
    let mut world = World::new();
    let default = world.get(&format!("{WORKSPACE}/datastores/workspaceblobstore")).value();
    assert_eq!(default["properties"]["isDefault"], true);
    assert_eq!(default["properties"]["datastoreType"], "AzureBlob");
    world.put(&mine(), &body("account"));
    let all = world.get(&format!("{WORKSPACE}/datastores")).value();
    assert_eq!(
        names(&all),
        [
            "workspaceblobstore",
            "workspacefilestore",
            "workspaceartifactstore",
            "workspaceworkingdirectory",
            "mine"
        ]
    );
    let of = |field: &str| -> Vec<Value> {
        let items = all["value"].as_array().unwrap().iter().take(4);
        items.map(|item| item["properties"][field].clone()).collect()
    };
    assert_eq!(of("datastoreType"), ["AzureBlob", "AzureFile", "AzureBlob", "AzureFile"]);
    assert_eq!(of("isDefault"), [true, false, false, false]);
    let account = default["properties"]["accountName"].as_str().unwrap();
    assert_eq!(of("accountName"), [account; 4]);
    assert!((3..=24).contains(&account.len()), "{account}");
    assert_eq!(of("containerName")[2], "azureml");
    assert_eq!(of("fileShareName")[3], "code-391ff5ac-6576-460f-ba4d-7e03433c68b6");
    let only = |world: &mut World, query: &str| {
        let answer = world.get(&format!("{WORKSPACE}/datastores?{query}")).value();
        names(&answer).join(" ")
    };
    assert_eq!(only(&mut world, "isDefault=true"), "workspaceblobstore");
    assert_eq!(only(&mut world, "names=mine,other"), "mine");
    assert_eq!(only(&mut world, "searchText=blob"), "workspaceblobstore");
}

#[test]
fn secrets_are_never_shown_but_listed() {
    let mut world = World::new();
    let made = world.put(&mine(), &body("account"));
    assert_eq!(made.status, 201);
    assert_eq!(made.value()["properties"]["credentials"], json!({"credentialsType": "AccountKey"}));
    assert_eq!(world.get(&mine()).value()["properties"], made.value()["properties"]);
    let listed = world.post(&format!("{}/listSecrets", mine()), &json!({}));
    assert_eq!(listed.value(), json!({"secretsType": "AccountKey", "key": "k"}));
    let expirable = world.post(&format!("{}/listSecrets", mine()), &json!({"expirableSecret": true})).value();
    assert_eq!(expirable["secretsType"], "Sas");
    assert!(expirable["sasToken"].as_str().unwrap().contains("se=2026-03-26T19%3A01%3A29Z"));
}

#[test]
fn secrets_do_not_reach_the_log() {
    let mut world = World::new();
    world.put(&mine(), &body("account"));
    let logged = world.core.log().last().unwrap().body.clone().unwrap();
    assert_eq!(logged["properties"]["accountName"], "account");
    assert_eq!(logged["properties"]["credentials"], json!({"credentialsType": "accountKey"}));
}

#[test]
fn one_without_credentials_has_no_secrets() {
    let mut world = World::new();
    let mut body = body("account");
    body["properties"]["credentials"] = json!({"credentialsType": "None"});
    assert_eq!(world.put(&mine(), &body).status, 201);
    assert_eq!(world.post(&format!("{}/listSecrets", mine()), &json!({})).status, 400);
}

#[test]
fn the_account_cannot_be_changed_and_the_key_can() {
    let mut world = World::new();
    world.put(&mine(), &body("account"));
    assert_eq!(world.put(&mine(), &body("another")).status, 400);
    let mut changed = body("account");
    changed["properties"]["credentials"]["secrets"]["key"] = json!("l");
    changed["properties"]["tags"] = json!({"a": "b"});
    let again = world.put(&mine(), &changed);
    assert_eq!((again.status, &again.value()["properties"]["tags"]["a"]), (200, &json!("b")));
    assert_eq!(world.post(&format!("{}/listSecrets", mine()), &json!({})).value()["key"], "l");
    assert_eq!(world.delete(&mine()).status, 200);
    assert_eq!(world.delete(&mine()).status, 204);
    assert_eq!(world.get(&mine()).value()["error"]["details"][0]["code"], "DatastoreNotFound");
}
