//! Workspaces: seeded, never made or changed by a client of ours; looked up for ids and URLs (§B.8).

use serde_json::json;

use crate::config::WorkspaceSeed;
use crate::core::Core;
use crate::core::machinery::address::Address;
use crate::core::machinery::call::{Call, not_found};
use crate::core::machinery::error::Answer;
use crate::core::machinery::ids;
use crate::core::machinery::order::Order;
use crate::core::machinery::paging::page_of;
use crate::wire::Response;

/// GET of one.
pub fn get(core: &Core, call: &Call) -> Answer {
    core.store
        .get(&call.address.key())
        .map(|document| Response::json(200, &document))
        .ok_or_else(|| not_found(&call.address))
}

/// The collections that a list shows of what is directly in resource groups: of one group, or of the subscription.
pub fn collections(core: &Core, call: &Call) -> Vec<String> {
    if !call.address.group.is_empty() {
        return vec![call.address.collection_key()];
    }
    let ending = format!("/{}", call.address.collection.unwrap_or_default());
    core.store.beneath(&call.address.subscription.to_ascii_lowercase(), &ending)
}

/// GET of all in a resource group, or in a subscription; by `kind`.
pub fn list(core: &Core, call: &Call) -> Answer {
    let kinds = call.request.parameter("kind");
    page_of(core, call, &collections(core, call), Order::OLDEST_FIRST, |document| {
        let kind = document["kind"].as_str().unwrap_or_default();
        // azure-ai-ml sends several, with commas between them [CLI].
        let fits =
            kinds.as_deref().is_none_or(|kinds| kinds.split(',').any(|own| own.eq_ignore_ascii_case(kind)));
        fits.then(|| document.into_owned())
    })
}

/// Makes one; in the service this is the work of another team and of minutes.
pub fn make(core: &mut Core, seed: &WorkspaceSeed) -> Address {
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
    address
}

/// Id and location of the workspace that an address is in.
pub fn place(core: &Core, address: &Address) -> (String, String) {
    let document = core.store.get(&address.key_to(1));
    let text = |path| {
        document
            .as_deref()
            .and_then(|document| crate::core::machinery::json::text(document, path))
            .unwrap_or_default()
            .to_owned()
    };
    (text("properties.workspaceId"), text("location"))
}
