use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Identity, Rest, Strings, null_is_default, put_body};

/// `Microsoft.MachineLearningServices/registries`. It has no `provisioningState` in any api-version.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registry {
    /// The primary region; the service answers in lower case.
    pub location: String,
    /// Absent when the registry has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    #[serde(default, deserialize_with = "null_is_default")]
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
    /// A property of the system-created storage account, such as `storageAccountName`.
    pub fn storage(&self, property: &str) -> Option<&Value> {
        self.storage_account_details.first()?.get("systemCreatedStorageAccount")?.get(property)
    }

    /// A property of the system-created container registry, such as `acrAccountName`.
    pub fn container_registry(&self, property: &str) -> Option<&Value> {
        self.acr_details.first()?.get("systemCreatedAcrAccount")?.get(property)
    }

    /// True once Azure has named both accounts.
    pub fn provisioned(&self) -> bool {
        let named =
            |account: Option<&Value>| account.and_then(|a| a.get("resourceId")).is_some_and(Value::is_string);
        named(self.storage("armResourceId")) && named(self.container_registry("armResourceId"))
    }
}

impl Registry {
    /// The body of a PUT of this registry.
    pub fn to_put(&self) -> Value {
        put_body(self, &["privateEndpointConnections"])
    }
}
