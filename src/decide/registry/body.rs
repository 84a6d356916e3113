//! Regions and identities as Azure writes them.

use serde_json::{Map, json};

use crate::api::{AzureIdentity, Region};
use crate::azure::resource::{Identity, RegionDetails};

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
