//! A registry's regions: a PUT adds, only removeRegions takes away, and the primary one stays.

use serde_json::{Value, json};

use super::changes::accepted;
use crate::config::Work;
use crate::core::Core;
use crate::core::machinery::call::{Call, not_found};
use crate::core::machinery::error::{Answer, ArmError};
use crate::core::machinery::operation::Deed;
use crate::core::machinery::{ids, json as at};

const STORAGE_TYPES: [&str; 8] = [
    "Standard_LRS",
    "Standard_GRS",
    "Standard_RAGRS",
    "Standard_ZRS",
    "Standard_GZRS",
    "Standard_RAGZRS",
    "Premium_LRS",
    "Premium_ZRS",
];

fn named(region: &Value) -> &str {
    region["location"].as_str().unwrap_or_default()
}

/// Takes the regions of a PUT into the document. Accounts come when the operation ends.
pub fn merge(core: &Core, document: &mut Value, body: &Value) -> Result<(), ArmError> {
    let primary = at::text(document, "location").unwrap_or_default().to_owned();
    let wanted = match at::at(body, "properties.regionDetails") {
        Some(Value::Array(regions)) => regions.clone(),
        _ => vec![json!({"location": primary})],
    };
    let had = document["properties"]["regionDetails"].as_array().cloned().unwrap_or_default();
    let mut regions =
        if core.config.inferred.registry_put_removes_regions { Vec::new() } else { had.clone() };
    for region in &wanted {
        let name = named(region).to_ascii_lowercase();
        if name.is_empty() {
            return Err(ArmError::validation("regionDetails", "The location of a region is required."));
        }
        let details = detailed(&name, region)?;
        if regions.iter().any(|known| named(known) == name) {
            continue;
        }
        regions.push(had.iter().find(|known| named(known) == name).cloned().unwrap_or(details));
    }
    if !regions.iter().any(|region| named(region) == primary) {
        return Err(ArmError::validation(
            "regionDetails",
            format!("The primary region '{primary}' must be one of regionDetails."),
        ));
    }
    document["properties"]["regionDetails"] = regions.into();
    Ok(())
}

/// Refuses accounts that are there already: a registry makes its own [ISS Azure/bicep#11676].
fn refuse_existing(region: &Value) -> Result<(), ArmError> {
    for (list, field, kind) in [
        ("storageAccountDetails", "userCreatedStorageAccount", "storage account"),
        ("acrDetails", "userCreatedAcrAccount", "container registry"),
    ] {
        let mut accounts = region[list].as_array().into_iter().flatten();
        if accounts.any(|account| !account[field]["armResourceId"].is_null()) {
            return Err(ArmError::plain_user(
                400,
                format!(
                    "Invalid registry request: Creating registry using an existing {kind} is not permitted"
                ),
            ));
        }
    }
    Ok(())
}

fn detailed(name: &str, region: &Value) -> Result<Value, ArmError> {
    refuse_existing(region)?;
    let storage =
        region.pointer("/storageAccountDetails/0/systemCreatedStorageAccount").unwrap_or(&Value::Null);
    let registry = region.pointer("/acrDetails/0/systemCreatedAcrAccount").unwrap_or(&Value::Null);
    let kind = at::text(storage, "storageAccountType").unwrap_or("Standard_LRS");
    if !STORAGE_TYPES.iter().any(|known| known.eq_ignore_ascii_case(kind)) {
        return Err(ArmError::validation(
            "storageAccountType",
            format!("'{kind}' is not a valid storageAccountType: {}.", STORAGE_TYPES.join(", ")),
        ));
    }
    let mut account = json!({
        "storageAccountName": null,
        // Echoed as sent, in whatever case [REC].
        "storageAccountType": kind,
        "storageAccountHnsEnabled": at::or(storage, "storageAccountHnsEnabled", false),
        "armResourceId": null,
    });
    if let Some(public) = at::at(storage, "allowBlobPublicAccess") {
        account["allowBlobPublicAccess"] = public.clone();
    }
    Ok(json!({
        "location": name,
        "storageAccountDetails": [{"userCreatedStorageAccount": null, "systemCreatedStorageAccount": account}],
        "acrDetails": [{"userCreatedAcrAccount": null, "systemCreatedAcrAccount": {
            "acrAccountName": null,
            "acrAccountSku": at::text(registry, "acrAccountSku").unwrap_or("Premium"),
            "armResourceId": null,
        }}],
    }))
}

/// Whether every region has its accounts.
pub fn complete(document: &Value) -> bool {
    document["properties"]["regionDetails"].as_array().is_some_and(|regions| {
        regions.iter().all(|region| {
            region
                .pointer("/storageAccountDetails/0/systemCreatedStorageAccount/armResourceId/resourceId")
                .is_some_and(Value::is_string)
        })
    })
}

/// Gives accounts to the regions that have none.
pub fn make_accounts(core: &mut Core, document: &mut Value) {
    let group =
        at::text(document, "properties.managedResourceGroup.resourceId").unwrap_or_default().to_owned();
    let Some(regions) = document["properties"]["regionDetails"].as_array_mut() else { return };
    // The registry's container registry is one, replicated into each region [DOC].
    let shared = regions
        .iter()
        .find_map(|region| region.pointer("/acrDetails/0/systemCreatedAcrAccount/acrAccountName")?.as_str())
        .map(ToOwned::to_owned);
    let shared = shared.unwrap_or_else(|| ids::hex(&mut core.rng, 11));
    for region in regions {
        if let Some(storage) = region.pointer_mut("/storageAccountDetails/0/systemCreatedStorageAccount")
            && storage["armResourceId"].is_null()
        {
            let name = ids::hex(&mut core.rng, 11);
            storage["armResourceId"] =
                json!({"resourceId": format!("{group}/providers/Microsoft.Storage/storageAccounts/{name}")});
            storage["storageAccountName"] = name.into();
        }
        if let Some(registry) = region.pointer_mut("/acrDetails/0/systemCreatedAcrAccount")
            && registry["armResourceId"].is_null()
        {
            registry["armResourceId"] = json!({"resourceId": format!("{group}/providers/Microsoft.ContainerRegistry/registries/{shared}")});
            registry["acrAccountName"] = shared.clone().into();
        }
    }
}

/// POST removeRegions: the body is a whole registry, with the regions to remove.
pub fn start(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    let key = call.address.key();
    let Some(document) = core.store.get(&key) else {
        return Err(not_found(&crate::core::machinery::address::Address {
            action: None,
            ..call.address.clone()
        }));
    };
    let primary = at::text(&document, "location").unwrap_or_default().to_owned();
    let regions: Vec<String> = at::at(&body, "properties.regionDetails")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|region| named(region).to_ascii_lowercase())
        .collect();
    if regions.is_empty() {
        return Err(ArmError::validation("regionDetails", "regionDetails must name the regions to remove."));
    }
    if regions.contains(&primary) {
        return Err(ArmError::validation(
            "regionDetails",
            format!("The primary region '{primary}' cannot be removed."),
        ));
    }
    let deed = Deed::RemoveRegions { key: key.clone(), regions };
    Ok(accepted(core, call, &primary, Work::RegistryRemoveRegions, deed, Some(key)))
}

/// The end of it.
pub fn remove(core: &mut Core, key: &str, gone: &[String]) {
    let now = core.now();
    core.store.change(now, key, |document| {
        if let Some(regions) = document["properties"]["regionDetails"].as_array_mut() {
            regions.retain(|region| !gone.iter().any(|name| name == named(region)));
        }
    });
}
