use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AllowedNamespaces, AzurePlace, Period};

/// A workspace of Azure Machine Learning: where models run and jobs train. Bindery reads it and never
/// changes it.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "bindery.dev",
    version = "v1alpha1",
    kind = "Workspace",
    namespaced,
    status = "WorkspaceStatus",
    derive = "PartialEq",
    shortname = "amlws",
    category = "bindery",
    validation = Rule::new("has(self.spec.azure.name) || self.metadata.name.matches('^[a-z0-9][a-z0-9-]{2,32}$')").message("metadata.name is also the name in Azure, which has 3 to 33 letters, digits and dashes: choose another, or give spec.azure.name"),
    doc = "A workspace of Azure Machine Learning: where models run and jobs train. Bindery reads it and never changes it.",
    printcolumn(name = "Tier", type_ = "string", json_path = ".spec.tier"),
    printcolumn(name = "Location", type_ = "string", json_path = ".status.location")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.interval) || duration(self.interval) >= duration('1m')").message("interval must be at least 1m"))]
pub struct WorkspaceSpec {
    /// Where the workspace is in Azure.
    pub azure: AzurePlace,
    /// A word of the team's own, such as `production`, shown in reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub tier: Option<String>,
    /// What may serve here. Default: everything that is registered.
    #[serde(default)]
    pub policy: Policy,
    /// Who may register and serve here. Default: its own namespace.
    #[serde(default)]
    pub allowed_namespaces: AllowedNamespaces,
    /// How often the workspace is looked up, at least `1m`. Default: `10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Period>,
}

/// What a version must bring to serve in a workspace. The policy belongs to the place, so no other
/// object can relax it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Only versions whose training job is known, by `status.lineage.job`. Default: false.
    #[serde(default)]
    pub require_lineage: bool,
    /// Only versions from registries with these names in Azure. Default: any registry, and the workspace itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 3, max = 33)))]
    pub allowed_registries: Vec<String>,
}

/// What is true of a workspace.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceStatus {
    /// The generation that this status speaks of; -1 before the first look.
    #[serde(default)]
    pub observed_generation: i64,
    /// Ready, Reconciling, Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The ARM id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The GUID that Azure Machine Learning knows the workspace by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_id: Option<String>,
    /// The region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The MLflow tracking URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mlflow_tracking_uri: Option<String>,
}
