//! Regions and identities as Azure writes them.

use serde_json::{Map, Value, json};

use crate::api::{AzureIdentity, Drift, Region};
use crate::azure::model::resource::{Identity, RegionDetails};
use crate::decide::drift::Differences;

pub(super) fn region_details(region: &Region) -> RegionDetails {
    let storage = &region.storage;
    RegionDetails {
        location: region.location.clone(),
        storage_account_details: vec![json!({"systemCreatedStorageAccount": {
            "storageAccountType": storage.account_type,
            "storageAccountHnsEnabled": storage.hierarchical_namespace,
            "allowBlobPublicAccess": storage.allow_blob_public_access,
        }})],
        acr_details: vec![
            json!({"systemCreatedAcrAccount": {"acrAccountSku": region.container_registry.sku}}),
        ],
        rest: Map::new(),
    }
}

/// What of a region's accounts is otherwise than the manifest says. Azure never changes it. An account that
/// a user brought has none of these fields, and what Azure does not tell is not compared.
pub(super) fn fixed_differences(region: &Region, found: &RegionDetails) -> Vec<Drift> {
    let mut all = Differences::default();
    let mut field = |name: &str, wanted: &str, found: Option<String>| {
        let found = found.unwrap_or_else(|| wanted.to_string());
        if !wanted.eq_ignore_ascii_case(&found) {
            all.field(&format!("regions[{}].{name}", region.location), wanted, &found);
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
    let wanted = &region.storage;
    field("storage.accountType", &format!("{:?}", wanted.account_type), storage("storageAccountType"));
    let hierarchical = wanted.hierarchical_namespace.to_string();
    field("storage.hierarchicalNamespace", &hierarchical, storage("storageAccountHnsEnabled"));
    let public = wanted.allow_blob_public_access.to_string();
    field("storage.allowBlobPublicAccess", &public, storage("allowBlobPublicAccess"));
    let sku = said(&found.acr_details, "systemCreatedAcrAccount", "acrAccountSku");
    field("containerRegistry.sku", &format!("{:?}", region.container_registry.sku), sku);
    all.0
}

pub(super) fn system_assigned() -> AzureIdentity {
    AzureIdentity { system_assigned: true, user_assigned: vec![] }
}

/// The identity as Azure writes it.
pub(in crate::decide) fn to_azure(identity: &AzureIdentity) -> Identity {
    let kind = match (identity.system_assigned, identity.user_assigned.is_empty()) {
        (true, true) => "SystemAssigned",
        (true, false) => "SystemAssigned,UserAssigned",
        (false, false) => "UserAssigned",
        (false, true) => "None",
    };
    Identity {
        kind: kind.into(),
        user_assigned_identities: identity.user_assigned.iter().map(|id| (id.clone(), json!({}))).collect(),
        rest: Map::new(),
    }
}

/// An identity for comparison: the service changes the case of ids and the spaces of the type.
pub(in crate::decide) fn identity_in_words(identity: Option<&Identity>) -> String {
    let Some(identity) = identity else { return "None".into() };
    let mut ids: Vec<String> = identity.user_assigned_identities.keys().map(|id| id.to_lowercase()).collect();
    ids.sort();
    let kind = identity.kind.replace(' ', "");
    if ids.is_empty() { kind } else { format!("{kind}: {}", ids.join(", ")) }
}
