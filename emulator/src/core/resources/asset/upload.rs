//! Where a client puts files that it will register, and from where it reads those of a registry (§C.2, §H.1).

use serde_json::{Value, json};

use super::version::asset_id;
use super::{in_registry, reference};
use crate::core::Core;
use crate::core::machinery::address::Address;
use crate::core::machinery::call::Call;
use crate::core::machinery::error::{Answer, ArmError};
use crate::core::machinery::{ids, json as at};
use crate::core::resources::storage::signature::{TO_READ, TO_WRITE};
use crate::core::resources::storage::{self, Place};
use crate::wire::Response;

/// POST startPendingUpload: `{pendingUploadId?}`. A container for that id, in the storage of the registry or workspace.
pub fn start(core: &mut Core, call: &Call) -> Answer {
    let body = if call.request.body.is_empty() { json!({}) } else { call.body()? };
    let id = match at::text(&body, "pendingUploadId") {
        Some(id) => id.to_owned(),
        None => ids::guid(&mut core.rng),
    };
    let words = format!("upload {id} {}", call.address.key());
    let (place, storage_id) = storage::own(core, &call.address, &words);
    Ok(Response::json(
        200,
        &json!({
            "pendingUploadId": id,
            "pendingUploadType": "TemporaryBlobReference",
            "blobReferenceForConsumption": place.reference(core, &storage_id, TO_WRITE),
        }),
    ))
}

/// PUT of a registry's temporary data reference: `{assetId}`. A container for the version's files, always the same; 409
/// when the version is there already, which the client takes as no reason to upload [CLI].
pub fn temporary(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    let asset = asset_of(call, &body)?;
    if core.store.has(&asset.key()) {
        return Err(ArmError::user(
            409,
            "The asset already exists.",
            "AssetAlreadyExists",
            format!("Asset {} already exists.", asset_id(&asset)),
        ));
    }
    let (place, storage_id) = files_of(core, &asset);
    Ok(Response::json(
        200,
        &json!({
            "temporaryDataReferenceId": ids::stable_guid(core.config.seed, &format!("reference {}", asset.key())),
            "temporaryDataReferenceType": "TemporaryBlobReference",
            "blobReferenceForConsumption": place.reference(core, &storage_id, TO_WRITE),
        }),
    ))
}

/// POST of a data reference: `{assetId, blobUri}`. A signature for the container that an asset of a registry is in.
pub fn readable(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    let asset = asset_of(call, &body)?;
    if !core.store.has(&asset.key()) {
        return Err(super::version::missing(&asset));
    }
    let (_, storage_id) = files_of(core, &asset);
    let uri = at::text(&body, "blobUri").unwrap_or_default();
    let Some(place) = storage::of_uri(core, &asset, uri) else {
        return Err(ArmError::validation("blobUri", format!("'{uri}' is not the URI of a blob.")));
    };
    Ok(Response::json(
        200,
        &json!({"blobReferenceForConsumption": place.reference(core, &storage_id, TO_READ)}),
    ))
}

/// The container of a registry's version.
pub(super) fn files_of(core: &mut Core, asset: &Address) -> (Place, Value) {
    storage::own(core, asset, &format!("files {}", asset.key()))
}

/// The version that `assetId` names: of the registry and under the name and version of the call.
fn asset_of(call: &Call, body: &Value) -> Result<Address, ArmError> {
    let id = at::text(body, "assetId").unwrap_or_default();
    let refused =
        || ArmError::validation("assetId", format!("The asset id '{id}' is not one of this registry's."));
    let named = reference::parse(id).ok_or_else(refused)?;
    let [("registries", registry), (kind, name), ("versions", version)] = named.steps.as_slice() else {
        return Err(refused());
    };
    let owner = &call.address;
    let fits =
        registry.eq_ignore_ascii_case(owner.name(0)) && name == owner.name(1) && version == owner.leaf();
    if !fits || !in_registry(owner) || !crate::core::machinery::address::KINDS_OF_ASSETS.contains(kind) {
        return Err(refused());
    }
    Ok(named.moved_to(&owner.parent().parent(), 1))
}
