use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Provisioning, Rest, Strings, null_is_default, put_body, tags};

/// A model version, in a workspace or in a registry.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelVersion {
    pub properties: ModelVersionProperties,
    /// id, name, type, systemData.
    #[serde(flatten)]
    pub rest: Rest,
}

/// The property bag of a model version.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelVersionProperties {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, deserialize_with = "tags")]
    pub tags: Strings,
    #[serde(default, deserialize_with = "null_is_default")]
    pub properties: Strings,
    #[serde(default, deserialize_with = "null_is_default")]
    pub is_archived: bool,
    /// Immutable in the service; it may normalise the case of `resourceGroups`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_uri: Option<String>,
    /// `custom_model`, `mlflow_model`, `triton_model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_type: Option<String>,
    /// The job that made the model: the root of its lineage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
    /// The service says `Development` where nothing was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioning_state: Option<String>,
    /// By name: `{"data": {…}}`, and whatever else Azure has of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flavors: Option<Rest>,
    /// isAnonymous and what later api-versions add.
    #[serde(flatten)]
    pub rest: Rest,
}

impl ModelVersion {
    /// Where the last change stands.
    pub fn provisioning(&self) -> Provisioning {
        Provisioning::of(self.properties.provisioning_state.as_deref())
    }

    /// Who made it, by the name that Azure gives them.
    pub fn created_by(&self) -> Option<&str> {
        self.rest.get("systemData")?.get("createdBy")?.as_str()
    }

    /// When it was made, by Azure's own clock; none where Azure does not say.
    pub fn created(&self) -> Option<Timestamp> {
        self.rest.get("systemData")?.get("createdAt")?.as_str()?.parse().ok()
    }

    /// The body of a PUT of this version.
    pub fn to_put(&self) -> Value {
        put_body(self, &["provisioningState"])
    }
}
