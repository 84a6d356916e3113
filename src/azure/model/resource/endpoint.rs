use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use super::{EndpointKind, Identity, Provisioning, Rest, Strings, null_is_default, put_body, tags};

/// `Microsoft.MachineLearningServices/workspaces/onlineEndpoints`, or `…/batchEndpoints`. A batch endpoint is one whose default
/// deployment has all the traffic.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnlineEndpoint {
    /// By the resource's type.
    #[serde(rename = "type", default)]
    pub kind: EndpointKind,
    pub location: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    #[serde(default, deserialize_with = "tags")]
    pub tags: Strings,
    pub properties: OnlineEndpointProperties,
    /// id, name, kind, sku, systemData.
    #[serde(flatten)]
    pub rest: Rest,
}

/// The property bag of an endpoint.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", remote = "Self")]
pub struct OnlineEndpointProperties {
    /// `Key`, `AMLToken` or `AADToken`.
    pub auth_mode: String,
    /// Of a batch endpoint: all to its default deployment.
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
    /// description, compute, defaults and what later api-versions add.
    #[serde(flatten)]
    pub rest: Rest,
}

impl<'de> Deserialize<'de> for OnlineEndpointProperties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut read = Self::deserialize(deserializer)?;
        let default = read.rest.get("defaults").and_then(|it| it.get("deploymentName")?.as_str());
        if let Some(name) = default.filter(|name| !name.is_empty()) {
            read.traffic = [(name.to_string(), 100)].into();
        }
        Ok(read)
    }
}

impl Serialize for OnlineEndpointProperties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
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

    /// The deployment that gets most of the traffic, which is all of it on a batch endpoint.
    fn default_deployment(&self) -> Option<&String> {
        let serving = self.properties.traffic.iter().filter(|(_, weight)| **weight > 0);
        serving.max_by_key(|(_, weight)| **weight).map(|(name, _)| name)
    }

    /// The cluster that it is on, by the ARM id of the attached compute; none where Azure manages the machines.
    pub fn compute(&self) -> Option<&str> {
        self.properties.rest.get("compute")?.as_str().filter(|id| !id.is_empty())
    }

    /// The body of a PUT of this endpoint.
    pub fn to_put(&self) -> Value {
        let mut body = put_body(self, &["provisioningState", "scoringUri", "swaggerUri"]);
        if self.kind == EndpointKind::Batch {
            for only_online in ["traffic", "mirrorTraffic", "publicNetworkAccess"] {
                body["properties"].as_object_mut().map(|properties| properties.remove(only_online));
            }
            if !body["properties"]["defaults"].is_object() {
                body["properties"]["defaults"] = json!({});
            }
            body["properties"]["defaults"]["deploymentName"] = json!(self.default_deployment());
        }
        body
    }
}
