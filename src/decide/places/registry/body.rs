//! Regions and identities as Azure writes them.

use serde_json::{Map, Value, json};

use crate::api::{AzureIdentity, Drift, Region};
use crate::azure::model::resource::{Identity, RegionDetails};
use crate::decide::drift::Differences;

/// A region to be made. What the manifest does not say of its accounts, Bindery chooses here.
pub(super) fn region_details(region: &Region) -> RegionDetails {
    let storage = region.storage.clone().unwrap_or_default();
    let sku = region.container_registry.as_ref().and_then(|c| c.sku).unwrap_or_default();
    RegionDetails {
        location: region.location.clone(),
        storage_account_details: vec![json!({"systemCreatedStorageAccount": {
            "storageAccountType": storage.account_type.unwrap_or_default(),
            "storageAccountHnsEnabled": storage.hierarchical_namespace.unwrap_or_default(),
            "allowBlobPublicAccess": storage.allow_blob_public_access.unwrap_or_default(),
        }})],
        acr_details: vec![json!({"systemCreatedAcrAccount": {"acrAccountSku": sku}})],
        rest: Map::new(),
    }
}

/// What of a region's accounts is otherwise than the manifest says. Azure never changes it. An account that
/// a user brought has none of these fields; what Azure does not tell, or the manifest does not say, is not compared.
pub(super) fn fixed_differences(region: &Region, found: &RegionDetails) -> Vec<Drift> {
    let mut all = Differences::default();
    let mut field = |name: &str, wanted: Option<String>, found: Option<String>| {
        if let (Some(wanted), Some(found)) = (wanted, found)
            && !wanted.eq_ignore_ascii_case(&found)
        {
            all.field(&format!("regions[{}].{name}", region.location), &wanted, &found);
        }
    };
    let said = |accounts: &[Value], kind: &str, name: &str| -> Option<String> {
        match accounts.first()?.get(kind)?.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    };
    let storage = |name: &str| said(&found.storage_account_details, "systemCreatedStorageAccount", name);
    let wanted = region.storage.clone().unwrap_or_default();
    let kind = wanted.account_type.map(|kind| format!("{kind:?}"));
    field("storage.accountType", kind, storage("storageAccountType"));
    let hierarchical = wanted.hierarchical_namespace.map(|flag| flag.to_string());
    field("storage.hierarchicalNamespace", hierarchical, storage("storageAccountHnsEnabled"));
    let public = wanted.allow_blob_public_access.map(|flag| flag.to_string());
    field("storage.allowBlobPublicAccess", public, storage("allowBlobPublicAccess"));
    let sku = region.container_registry.as_ref().and_then(|c| c.sku).map(|sku| format!("{sku:?}"));
    field("containerRegistry.sku", sku, said(&found.acr_details, "systemCreatedAcrAccount", "acrAccountSku"));
    all.0
}

/// Azure writes the same region as `eastus` and, from older templates, as `East US`.
pub(super) fn same_region(one: &str, other: &str) -> bool {
    let letters = |name: &str| name.replace(' ', "").to_ascii_lowercase();
    letters(one) == letters(other)
}

/// The identity of a new resource: system-assigned where the manifest names none.
pub(in crate::decide) fn new_identity(wanted: Option<&AzureIdentity>) -> Identity {
    let system = AzureIdentity { system_assigned: Some(true), user_assigned: None };
    to_azure(wanted.unwrap_or(&system), None)
}

/// The identity as Azure writes it. What the manifest does not say of it stays as it was found.
pub(in crate::decide) fn to_azure(wanted: &AzureIdentity, found: Option<&Identity>) -> Identity {
    let held = |word: &str| {
        found.is_some_and(|i| i.kind.split(',').any(|kind| kind.trim().eq_ignore_ascii_case(word)))
    };
    let system = wanted.system_assigned.unwrap_or_else(|| held("SystemAssigned"));
    let kept = || found.into_iter().flat_map(|i| i.user_assigned_identities.keys().cloned()).collect();
    let users: Vec<String> = wanted.user_assigned.clone().unwrap_or_else(kept);
    let kind = match (system, users.is_empty()) {
        (true, true) => "SystemAssigned",
        (true, false) => "SystemAssigned,UserAssigned",
        (false, false) => "UserAssigned",
        (false, true) => "None",
    };
    Identity {
        kind: kind.into(),
        user_assigned_identities: users.into_iter().map(|id| (id, json!({}))).collect(),
        rest: Map::new(),
    }
}

/// An identity for comparison: the service changes the case of ids and the spaces of the type.
pub(in crate::decide) fn identity_in_words(identity: Option<&Identity>) -> String {
    let Some(identity) = identity else { return "None".into() };
    let mut ids: Vec<String> = identity.user_assigned_identities.keys().map(|id| id.to_lowercase()).collect();
    ids.sort();
    ids.dedup();
    let system = identity.kind.to_ascii_lowercase().contains("systemassigned");
    let kind = match (system, ids.is_empty()) {
        (true, true) => "SystemAssigned",
        (true, false) => "SystemAssigned,UserAssigned",
        (false, false) => "UserAssigned",
        (false, true) => "None",
    };
    if ids.is_empty() { kind.into() } else { format!("{kind}: {}", ids.join(", ")) }
}
