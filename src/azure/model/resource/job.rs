use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Rest, Strings, null_is_default};

/// The property of a batch job that names its endpoint. No document says that there is one.
pub const JOB_ENDPOINT: &str = "azureml.endpointname";
/// The property of a batch job that names its deployment. The same holds.
pub const JOB_DEPLOYMENT: &str = "azureml.deploymentname";

/// A job in a workspace: where a model came from. Only ever read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    pub properties: JobProperties,
    #[serde(flatten)]
    pub rest: Rest,
}

impl Job {
    /// The job's name, as the envelope gives it.
    pub fn name(&self) -> &str {
        self.rest.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// Has it not come to its end yet?
    pub fn goes_on(&self) -> bool {
        let over = |status: &str| ["Completed", "Failed", "Canceled"].contains(&status);
        !self.properties.status.as_deref().is_some_and(over)
    }

    /// Does one of its outputs lie below this path?
    pub fn writes_to(&self, path: &str) -> bool {
        let uri = |output: &Value| output.get("uri").and_then(Value::as_str).map(str::to_owned);
        self.properties.outputs.values().filter_map(uri).any(|uri| uri.contains(path))
    }

    /// Where a person can look at it, where Azure says so.
    pub fn studio(&self) -> Option<&str> {
        self.properties.rest.get("services")?.get("Studio")?.get("endpoint")?.as_str()
    }

    /// When it was made, by Azure's own clock; none where Azure does not say.
    pub fn created(&self) -> Option<Timestamp> {
        self.rest.get("systemData")?.get("createdAt")?.as_str()?.parse().ok()
    }
}

/// The property bag of a job, as far as lineage needs it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobProperties {
    /// `Completed`, `Running`, `Failed`, …
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub experiment_name: Option<String>,
    #[serde(default)]
    pub environment_id: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub inputs: BTreeMap<String, Value>,
    /// By name; `uri` is null where the service chooses the place.
    #[serde(default, deserialize_with = "null_is_default")]
    pub outputs: BTreeMap<String, Value>,
    /// What git knew: `mlflow.source.git.repoURL`, `…commit`, `azureml.git.dirty`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub properties: Strings,
    #[serde(flatten)]
    pub rest: Rest,
}

/// The MLflow run behind a job: its parameters, and its last metrics, as text (`NaN` and `Infinity` are possible).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Run {
    /// The run's id, which is the job's name.
    pub id: String,
    /// Who started it (`mlflow.user`), where the run says so.
    pub user: Option<String>,
    /// When it began.
    pub began: Option<Timestamp>,
    /// When it ended; none while it goes on.
    pub ended: Option<Timestamp>,
    /// The last value of every metric, by name, as the service printed it.
    pub metrics: BTreeMap<String, String>,
    /// Its parameters, by name.
    pub parameters: BTreeMap<String, String>,
    /// The run that it is a part of, such as a pipeline's.
    pub parent: Option<String>,
}
