use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Identity, Provisioning, Rest, Strings, null_is_default, put_body, tags};

/// `Microsoft.MachineLearningServices/workspaces/onlineEndpoints`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnlineEndpoint {
    pub location: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    #[serde(default, deserialize_with = "tags")]
    pub tags: Strings,
    pub properties: OnlineEndpointProperties,
    /// id, name, type, kind, sku, systemData.
    #[serde(flatten)]
    pub rest: Rest,
}

/// The property bag of an online endpoint.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnlineEndpointProperties {
    /// `Key`, `AMLToken` or `AADToken`.
    pub auth_mode: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub traffic: BTreeMap<String, i32>,
    /// Lost by any PUT that does not send it back.
    #[serde(default, deserialize_with = "null_is_default")]
    pub mirror_traffic: BTreeMap<String, i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_network_access: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scoring_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioning_state: Option<String>,
    /// Can be added to, never removed from. Holds `AzureAsyncOperationUri`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub properties: Strings,
    /// description, compute and what later api-versions add.
    #[serde(flatten)]
    pub rest: Rest,
}

impl OnlineEndpoint {
    /// Where the last change stands.
    pub fn provisioning(&self) -> Provisioning {
        Provisioning::of(self.properties.provisioning_state.as_deref())
    }

    /// The weight of a deployment, 0 where the map does not name it.
    pub fn weight(&self, deployment: &str) -> i32 {
        self.properties.traffic.get(deployment).copied().unwrap_or(0)
    }

    /// The cluster that it is on, by the ARM id of the attached compute; none where Azure manages the machines.
    pub fn compute(&self) -> Option<&str> {
        self.properties.rest.get("compute")?.as_str().filter(|id| !id.is_empty())
    }

    /// The body of a PUT of this endpoint.
    pub fn to_put(&self) -> Value {
        put_body(self, &["provisioningState", "scoringUri", "swaggerUri"])
    }
}
