use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::{EndpointKind, Identity, Provisioning, Rest, Strings, null_is_default, put_body, tags};

/// `Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments`, or `…/batchEndpoints/deployments`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnlineDeployment {
    /// By the resource's type.
    #[serde(rename = "type", default)]
    pub kind: EndpointKind,
    pub location: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    #[serde(default, deserialize_with = "tags")]
    pub tags: Strings,
    /// The instance count lives here, as `capacity`. A batch deployment has none: its jobs take their nodes from a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<Sku>,
    pub properties: OnlineDeploymentProperties,
    /// id, name, kind, systemData.
    #[serde(flatten)]
    pub rest: Rest,
}

/// `{name: Default, capacity: N}`; the service adds the tier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sku {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<i32>,
    #[serde(flatten)]
    pub rest: Rest,
}

/// The property bag of a deployment. What Bindery only writes once, at creation,
/// is in `rest`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnlineDeploymentProperties {
    /// `Managed` or `Kubernetes`; empty for a batch deployment.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub endpoint_compute_type: String,
    /// An ARM id or `azureml://registries/…`. A batch deployment refers to it by an object that has the id.
    #[serde(default, deserialize_with = "asset_id", skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioning_state: Option<String>,
    /// Can be added to, never removed from. Holds `AzureAsyncOperationUri`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub properties: Strings,
    /// environmentId, codeConfiguration, environmentVariables, requestSettings, probes, ….
    #[serde(flatten)]
    pub rest: Rest,
}

impl OnlineDeployment {
    /// When Azure made it, by its own clock; none where it does not say.
    pub fn created_at(&self) -> Option<Timestamp> {
        self.rest.get("systemData")?.get("createdAt")?.as_str()?.parse().ok()
    }

    /// The deployment's name, as the envelope gives it.
    pub fn name(&self) -> &str {
        self.rest.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// Where the last change stands.
    pub fn provisioning(&self) -> Provisioning {
        Provisioning::of(self.properties.provisioning_state.as_deref())
    }

    /// The number of instances.
    pub fn instance_count(&self) -> Option<i32> {
        self.sku.as_ref()?.capacity
    }

    /// The body of a PUT of this deployment.
    pub fn to_put(&self) -> Value {
        let mut body = put_body(self, &["provisioningState"]);
        if let (EndpointKind::Batch, Some(id)) = (self.kind, &self.properties.model) {
            body["properties"]["model"] = json!({"referenceType": "Id", "assetId": id});
        }
        body
    }
}

/// The id of a model, or of what an object refers to by an id. What is referred to by a path has none.
fn asset_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let model = Option::<Value>::deserialize(deserializer)?;
    let id = |model: Value| match model {
        Value::String(id) => Some(id),
        other => other.get("assetId").and_then(Value::as_str).map(ToString::to_string),
    };
    Ok(model.and_then(id))
}
