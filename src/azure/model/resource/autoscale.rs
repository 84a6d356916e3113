use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Rest, Strings, null_is_default, put_body, tags};
use crate::azure::model::ResourceId;

/// `Microsoft.Insights/autoscaleSettings`: how Azure Monitor scales one target. Azure keeps it when the target is deleted, and it
/// scales a later one of the same id.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AutoscaleSetting {
    /// Cannot be changed.
    pub location: String,
    #[serde(default, deserialize_with = "tags")]
    pub tags: Strings,
    pub properties: AutoscaleProperties,
    /// id, name, type, systemData.
    #[serde(flatten)]
    pub rest: Rest,
}

/// The property bag of an autoscale setting.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AutoscaleProperties {
    /// The name of the setting once more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Always sent: what holds without it is documented as both true and false.
    #[serde(default, deserialize_with = "null_is_default")]
    pub enabled: bool,
    /// The id of what is scaled. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_resource_uri: Option<String>,
    /// Between which counts, and by which rules.
    #[serde(default, deserialize_with = "null_is_default")]
    pub profiles: Vec<Value>,
    /// targetResourceLocation, notifications, predictiveAutoscalePolicy.
    #[serde(flatten)]
    pub rest: Rest,
}

impl AutoscaleSetting {
    /// The setting's name, as the envelope gives it.
    pub fn name(&self) -> &str {
        self.rest.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// What it scales.
    pub fn target(&self) -> Option<ResourceId> {
        self.properties.target_resource_uri.as_deref().map(ResourceId::new)
    }

    /// The body of a PUT of this setting.
    pub fn to_put(&self) -> Value {
        put_body(self, &[])
    }
}
