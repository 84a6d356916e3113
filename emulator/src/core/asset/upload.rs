//! Where a client puts files that it will register.

use serde_json::json;

use crate::core::arm::Call;
use crate::core::error::Answer;
use crate::core::{Core, ids, json as at};
use crate::wire::Response;

/// POST startPendingUpload: a place to upload to, in the registry's own storage.
pub fn start(core: &mut Core, call: &Call) -> Answer {
    let body = if call.request.body.is_empty() { json!({}) } else { call.body()? };
    let id = match at::text(&body, "pendingUploadId") {
        Some(id) => id.to_owned(),
        None => ids::guid(&mut core.rng),
    };
    let container = format!("{}-{}", call.address.name(1).to_ascii_lowercase(), ids::guid(&mut core.rng));
    let uri = format!("https://registry.blob.core.windows.net/{container}");
    let signature = ids::hex(&mut core.rng, 43);
    let storage = core
        .store
        .get(&call.address.key_to(1))
        .and_then(|registry| {
            registry.pointer("/properties/regionDetails/0/storageAccountDetails/0/systemCreatedStorageAccount/armResourceId/resourceId").cloned()
        })
        .unwrap_or_default();
    Ok(Response::json(
        200,
        &json!({
            "pendingUploadId": id,
            "pendingUploadType": "TemporaryBlobReference",
            "blobReferenceForConsumption": {
                "blobUri": uri,
                "storageAccountArmId": storage,
                "credential": {"credentialType": "SAS", "sasUri": format!("{uri}?sv=2021-08-06&sr=c&sp=rwl&sig={signature}")},
            },
        }),
    ))
}
