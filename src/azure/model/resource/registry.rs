use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Identity, Rest, Strings, null_is_default, put_body, tags};

/// `Microsoft.MachineLearningServices/registries`. It has no `provisioningState` in any api-version.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registry {
    /// The primary region; the service answers in lower case.
    pub location: String,
    /// Absent when the registry has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    #[serde(default, deserialize_with = "tags")]
    pub tags: Strings,
    pub properties: RegistryProperties,
    /// id, name, type, kind, sku, systemData.
    #[serde(flatten)]
    pub rest: Rest,
}

/// The property bag of a registry.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistryProperties {
    /// Filled by the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovery_url: Option<String>,
    /// Filled by the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ml_flow_registry_uri: Option<String>,
    /// `Enabled` (default) or `Disabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_network_access: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub region_details: Vec<RegionDetails>,
    /// managedResourceGroup, privateEndpointConnections and the rest.
    #[serde(flatten)]
    pub rest: Rest,
}

/// One region of a registry with the accounts that Azure made there.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegionDetails {
    pub location: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub storage_account_details: Vec<Value>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub acr_details: Vec<Value>,
    #[serde(flatten)]
    pub rest: Rest,
}

impl RegionDetails {
    /// The ARM id of the storage account, once Azure has named it: its own, or one that a user brought.
    pub fn storage_account(&self) -> Option<&str> {
        account_ids(&self.storage_account_details).next().flatten()
    }

    /// The ARM id of the container registry, once Azure has named it.
    pub fn container_registry(&self) -> Option<&str> {
        account_ids(&self.acr_details).next().flatten()
    }

    /// True once Azure has named the accounts that it lists, and lists any storage.
    pub fn provisioned(&self) -> bool {
        let mut all = account_ids(&self.storage_account_details).chain(account_ids(&self.acr_details));
        !self.storage_account_details.is_empty() && all.all(|id| id.is_some())
    }
}

/// The ARM ids of accounts: each entry holds one, as `systemCreated…` or `userCreated…`.
fn account_ids(details: &[Value]) -> impl Iterator<Item = Option<&str>> {
    details.iter().map(|entry| {
        let accounts = entry.as_object()?.values();
        accounts.into_iter().find_map(|account| account.pointer("/armResourceId/resourceId")?.as_str())
    })
}

impl Registry {
    /// The body of a PUT of this registry.
    pub fn to_put(&self) -> Value {
        put_body(self, &["privateEndpointConnections"])
    }
}
