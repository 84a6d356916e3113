//! Workspaces: seeded, never made or changed by a client of ours; looked up for ids and URLs (§B.8).

use std::borrow::Cow;

use serde_json::{Value, json};

use super::address::Address;
use super::arm::{Call, not_found};
use super::error::Answer;
use super::order::Order;
use super::paging::page;
use super::{Core, ids};
use crate::seed::WorkspaceSeed;
use crate::wire::Response;

/// GET of one.
pub fn get(core: &Core, call: &Call) -> Answer {
    core.store
        .get(&call.address.key())
        .map(|document| Response::json(200, &document))
        .ok_or_else(|| not_found(&call.address))
}

/// GET of all in a resource group, or in a subscription.
pub fn list(core: &Core, call: &Call) -> Answer {
    if !call.address.group.is_empty() {
        return page(core, call, Order::OLDEST_FIRST, |document| Some(document.into_owned()));
    }
    let prefix = format!("{}/", call.address.subscription.to_ascii_lowercase());
    let value: Vec<Cow<Value>> = core
        .store
        .everywhere("/workspaces")
        .filter(|(path, _)| path.starts_with(&prefix))
        .map(|(_, document)| document)
        .collect();
    Ok(Response::json(200, &json!({"value": value})))
}

/// Makes one; in the service this is the work of another team and of minutes.
pub fn make(core: &mut Core, seed: &WorkspaceSeed) {
    let address = Address {
        subscription: seed.subscription.clone(),
        group: seed.resource_group.clone(),
        steps: vec![("workspaces", seed.name.clone())],
        collection: None,
        action: None,
    };
    let id = address.id();
    let workspace_id = seed.workspace_id.clone().unwrap_or_else(|| ids::stable_guid(core.config.seed, &id));
    let now = ids::iso(core.now());
    let principal = ids::stable_guid(core.config.seed, &format!("identity {id}"));
    let document = json!({
        "id": id,
        "name": seed.name,
        "type": "Microsoft.MachineLearningServices/workspaces",
        "location": seed.location.to_ascii_lowercase(),
        "tags": seed.tags,
        "etag": null,
        "kind": "Default",
        "sku": {"name": "Basic", "tier": "Basic"},
        "identity": {"type": "SystemAssigned", "principalId": principal, "tenantId": core.config.tenant},
        "properties": {
            "friendlyName": seed.name,
            "description": "",
            "workspaceId": workspace_id,
            "discoveryUrl": format!("{}/discovery", core.base()),
            "mlFlowTrackingUri": format!("azureml://{}/mlflow/v1.0{id}", core.host()),
            "provisioningState": "Succeeded",
            "publicNetworkAccess": "Enabled",
            "creationTime": now,
            "tenantId": core.config.tenant,
        },
        "systemData": {
            "createdAt": now, "createdBy": "seed", "createdByType": "User",
            "lastModifiedAt": now, "lastModifiedBy": "seed", "lastModifiedByType": "User"
        },
    });
    let time = core.now();
    core.store.put(time, &address.key(), document);
    super::datastore::make_defaults(core, &address, &workspace_id);
    for job in &seed.jobs {
        super::job::declare(core, &address, job);
    }
}

/// Id and location of the workspace that an address is in.
pub fn place(core: &Core, address: &Address) -> (String, String) {
    let document = core.store.get(&address.key_to(1));
    let text = |path| {
        document
            .as_deref()
            .and_then(|document| super::json::text(document, path))
            .unwrap_or_default()
            .to_owned()
    };
    (text("properties.workspaceId"), text("location"))
}
