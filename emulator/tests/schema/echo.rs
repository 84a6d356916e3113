//! What a valid body says comes back.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Schema, bodies, puts, world_for};

/// What comes back otherwise, or not at all: by resource and path, and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("registries.properties.discoveryUrl", SET),
    ("registries.properties.managedResourceGroup", SET),
    ("registries.properties.managedResourceGroupSettings", SET),
    ("registries.properties.mlFlowRegistryUri", SET),
    ("registries.properties.publicNetworkAccess", "a word that the schema takes for a text"),
    ("registries.properties.regionDetails.acrDetails.systemCreatedAcrAccount.acrAccountName", SET),
    ("registries.properties.regionDetails.acrDetails.systemCreatedAcrAccount.armResourceId", SET),
    ("registries.properties.regionDetails.location", "written as the service writes regions"),
    (
        "registries.properties.regionDetails.storageAccountDetails.systemCreatedStorageAccount.armResourceId",
        SET,
    ),
    (
        "registries.properties.regionDetails.storageAccountDetails.systemCreatedStorageAccount.storageAccountName",
        SET,
    ),
    ("registries.properties.registryPrivateEndpointConnections", "there are no private networks"),
    ("registries.identity.userAssignedIdentities", NONE_ASSIGNED),
    ("workspaces_batchEndpoints.identity.userAssignedIdentities", NONE_ASSIGNED),
    ("workspaces_batchEndpoints.kind", UNSEEN),
    ("workspaces_batchEndpoints.properties.keys", SECRET),
    ("workspaces_batchEndpoints.sku", UNSEEN),
    ("workspaces_batchEndpoints_deployments.identity", UNSEEN),
    ("workspaces_batchEndpoints_deployments.kind", UNSEEN),
    ("workspaces_batchEndpoints_deployments.sku", UNSEEN),
    ("workspaces_datastores.properties.credentials.secrets", SECRET),
    ("workspaces_onlineEndpoints.identity.userAssignedIdentities", NONE_ASSIGNED),
    ("workspaces_onlineEndpoints.kind", SET),
    ("workspaces_onlineEndpoints.properties.keys", SECRET),
    ("workspaces_onlineEndpoints.sku", UNSEEN),
    ("workspaces_onlineEndpoints_deployments.identity", UNSEEN),
    ("workspaces_onlineEndpoints_deployments.kind", SET),
    ("workspaces_onlineEndpoints_deployments.sku.family", UNSEEN),
    ("workspaces_onlineEndpoints_deployments.sku.size", UNSEEN),
];
const SET: &str = "set by the service";
const SECRET: &str = "told only to who asks for keys or secrets";
const NONE_ASSIGNED: &str = "an empty one, and the type says that none is assigned";
const UNSEEN: &str = "in no recorded answer";

#[test]
fn what_is_sent_comes_back() {
    let schemas = Schema::read();
    let mut lost = BTreeMap::new();
    for put in puts() {
        for body in bodies(&schemas.of(&put.resource), &put) {
            let mut world = world_for(&put.path);
            world.put(&put.path, &body);
            world.pass(300.0);
            compare(&body, &world.get(&put.path).value(), &put.resource, &mut lost);
        }
    }
    let is_in =
        |path: &str, at: &str| path == at || path.strip_prefix(at).is_some_and(|rest| rest.starts_with('.'));
    for (at, why) in EXCEPTIONS {
        let before = lost.len();
        lost.retain(|path, _| !is_in(path, at));
        assert!(lost.len() < before, "{at} comes back, though it is {why}");
    }
    assert!(lost.is_empty(), "{lost:#?}");
}

/// Notes by its path what was sent and is not shown.
fn compare(sent: &Value, shown: &Value, path: &str, lost: &mut BTreeMap<String, String>) {
    match (sent, shown) {
        (Value::Object(sent), Value::Object(shown)) => {
            for (name, sent) in sent {
                compare(sent, shown.get(name).unwrap_or(&Value::Null), &format!("{path}.{name}"), lost);
            }
        }
        (Value::Array(sent), Value::Array(shown)) if sent.len() == shown.len() => {
            for (sent, shown) in sent.iter().zip(shown) {
                compare(sent, shown, path, lost);
            }
        }
        (sent, shown) if sent != shown => {
            lost.insert(path.to_owned(), format!("{sent} came back as {shown}"));
        }
        _ => {}
    }
}
