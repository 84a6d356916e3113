//! A seed file, and what exists to begin with or is declared by a test later: subscriptions, workspaces
//! with their jobs, and any resource that a PUT can make.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Config;

impl Config {
    /// What a seed file says, in YAML or JSON. The error says where it is wrong.
    ///
    /// What has fields of its own, such as an [`Outcome`](crate::Outcome), is a map with one key in
    /// both: `outcome: {fail: {code: ResourceNotReady, message: "…"}}`.
    pub fn from_seed_file(text: &str) -> Result<Self, String> {
        // JSON is YAML, but for enums YAML's own way would be tags, which JSON has not.
        let document = serde_yaml::Deserializer::from_str(text);
        serde_yaml::with::singleton_map_recursive::deserialize(document).map_err(|error| error.to_string())
    }
}

/// A set of things that exist.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Seed {
    /// Resource groups by subscription. Those of workspaces and resources need not be named.
    pub subscriptions: BTreeMap<String, Vec<String>>,
    /// Workspaces.
    pub workspaces: Vec<WorkspaceSeed>,
    /// Anything else, in an order in which it can be made; it is there at once, in lists too, whatever rights,
    /// throttling, durations, faults, fates of operations and lag of lists there are.
    pub resources: Vec<ResourceSeed>,
}

/// A workspace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkspaceSeed {
    /// Subscription id.
    pub subscription: String,
    /// Resource group.
    pub resource_group: String,
    /// Name.
    pub name: String,
    /// Region, such as `eastus`.
    pub location: String,
    /// The GUID in `properties.workspaceId`. Default: one that follows from seed and name.
    pub workspace_id: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Jobs that have run, or run.
    pub jobs: Vec<JobSeed>,
}

/// A job that somebody ran. It stays in its status.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct JobSeed {
    /// Name, which is also the MLflow run's id.
    pub name: String,
    /// JobStatus. Default Completed.
    pub status: String,
    /// Experiment. Default `Default`.
    pub experiment_name: String,
    /// Who ran it.
    pub created_by: String,
    /// ARM id of the environment, which every job has. Default: one named `train`.
    pub environment_id: Option<String>,
    /// ARM id of the compute.
    pub compute_id: Option<String>,
    /// `{name: {jobInputType, uri}}`.
    pub inputs: BTreeMap<String, Value>,
    /// `{name: {jobOutputType, uri}}`.
    pub outputs: BTreeMap<String, Value>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Properties: `mlflow.source.git.commit`, `azureml.git.dirty` and so on.
    pub properties: BTreeMap<String, String>,
    /// By name, a value or a list of values; `"NaN"`, `"Infinity"` and `"-Infinity"` are strings.
    pub metrics: BTreeMap<String, Value>,
    /// Parameters.
    pub params: BTreeMap<String, String>,
}

impl Default for JobSeed {
    fn default() -> Self {
        Self {
            name: String::new(),
            status: "Completed".to_owned(),
            experiment_name: "Default".to_owned(),
            created_by: "data-scientist".to_owned(),
            environment_id: None,
            compute_id: None,
            inputs: BTreeMap::new(),
            outputs: BTreeMap::new(),
            tags: BTreeMap::new(),
            properties: BTreeMap::new(),
            metrics: BTreeMap::new(),
            params: BTreeMap::new(),
        }
    }
}

/// A resource by the PUT that makes it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceSeed {
    /// ARM id.
    pub id: String,
    /// Body of the PUT.
    pub body: Value,
}
