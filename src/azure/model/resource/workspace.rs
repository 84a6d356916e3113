use serde::{Deserialize, Serialize};

use super::Rest;

/// `Microsoft.MachineLearningServices/workspaces`. Only ever read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workspace {
    #[serde(default)]
    pub location: String,
    pub properties: WorkspaceProperties,
    #[serde(flatten)]
    pub rest: Rest,
}

/// The property bag of a workspace, as far as Bindery reads it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceProperties {
    /// The GUID that source asset ids and operation ids carry.
    #[serde(default)]
    pub workspace_id: String,
    /// `azureml://<host>/mlflow/v1.0<arm id>`: names the host of the MLflow API.
    #[serde(default)]
    pub ml_flow_tracking_uri: Option<String>,
    #[serde(default)]
    pub discovery_url: Option<String>,
    #[serde(flatten)]
    pub rest: Rest,
}
