use std::time::Duration;

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ScoringCode;
use crate::api::scalar::{between, goes_down};
use crate::api::{EnvironmentVariables, Period, Tags, form};

/// A batch endpoint and what its jobs run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Batch {
    /// The endpoint: its name, and how clients authenticate.
    pub endpoint: BatchEndpoint,
    /// The deployment that becomes the endpoint's default. Every field but tags is part of the revision: a change of it makes a new deployment.
    pub deployment: BatchDeployment,
    /// A batch job that a new deployment has to complete before it becomes the default. Default: none, the deployment becomes the default when Azure has made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
}

/// A batch job on a new deployment, before that becomes the default. It is started once for each try of a revision. When it completes, the deployment becomes the default; when it fails, is canceled or takes too long, the revision has failed. Not for a version that the endpoint goes back to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = goes_down("input"), validation = between("timeout", "1m", "168h"))]
pub struct Verify {
    /// What the job scores, a path in a datastore of the workspace: `azureml://datastores/<datastore>/paths/<path>`. Signed URLs are not allowed: everybody who may read this object sees them.
    #[schemars(schema_with = "form::datastore_path")]
    pub input: String,
    /// Whether `input` is a folder (UriFolder) or one file (UriFile). Default: UriFolder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_type: Option<InputType>,
    /// How long the job may take, from the moment that Azure has it: `1m` to `168h`. The time that it waits for nodes of the cluster counts. After that the job is canceled, and the revision has failed. Default: `30m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Period>,
}

impl Verify {
    /// How long the job may take.
    pub fn longest(&self) -> Duration {
        self.timeout.as_ref().map_or(Duration::from_secs(1800), Period::duration)
    }
}

/// Whether `input` is a folder, all of whose files are scored (UriFolder), or one file (UriFile). Default: UriFolder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum InputType {
    /// All files of a folder.
    #[default]
    UriFolder,
    /// One file.
    UriFile,
}

impl InputType {
    /// The word that Azure uses too.
    pub fn word(self) -> &'static str {
        match self {
            Self::UriFolder => "UriFolder",
            Self::UriFile => "UriFile",
        }
    }
}

/// A batch job that Bindery has started to verify a deployment, or is about to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerificationJob {
    /// The name of the job in the workspace.
    #[schemars(length(max = 255))]
    pub name: String,
    /// The name that Bindery asked for, where Azure has given the job another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub requested_name: Option<String>,
    /// The deployment that the job runs on.
    pub deployment: String,
    /// The revision that the job verifies, 10 hexadecimal digits.
    pub revision: String,
    /// What the job reads, as `spec.batch.verify.input` was when it was started.
    #[schemars(length(max = 2048))]
    pub input: String,
    /// When Bindery asked for the job, or was about to.
    pub asked_at: Timestamp,
    /// When Azure made the job. Absent until Azure shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// The job's status in Azure's word, such as `Running` or `Completed`; `Missing` where Azure does not show the job any more. Absent until Azure has answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub status: Option<String>,
    /// Nothing waits for the job any more: its revision has failed or was given up, or a person has promoted it. A job that still runs is canceled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given_up: bool,
}

/// The batch endpoint: its name, and how clients authenticate.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchEndpoint {
    /// The endpoint's name in Azure: 3 to 32 letters (a-z, A-Z), digits and single dashes, beginning with a letter and not ending with a dash, such as `taxi-fare-batch`. Unique among the batch endpoints of its Azure region. Immutable.
    #[schemars(schema_with = "form::endpoint_name")]
    pub name: String,
    /// How clients authenticate: with Microsoft Entra tokens (AADToken). If not set, a new endpoint gets AADToken, and an existing one stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_mode: Option<BatchAuthMode>,
    /// Tags of the endpoint in Azure, at most 40, such as `team: fares`. Keys have up to 256 characters, in which case does not count, and do not begin with `bindery-`; values are one line of up to 256 characters. Other tags that Azure has are left alone.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// How clients authenticate at a batch endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum BatchAuthMode {
    #[default]
    AADToken,
}

impl BatchAuthMode {
    /// The word that Azure uses too.
    pub fn word(self) -> &'static str {
        match self {
            Self::AADToken => "AADToken",
        }
    }
}

/// What the jobs of the endpoint run, and on which cluster.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = goes_down("environment"),
    validation = Rule::new("has(self.code) == has(self.environment)").message("give code and environment together, or neither of them: an MLflow model needs neither, and any other model needs both")
)]
pub struct BatchDeployment {
    /// The cluster that runs the jobs, by its ARM id: `/subscriptions/…/workspaces/…/computes/…` of this workspace. Nothing runs there, and nothing is paid for, while there is no job.
    #[schemars(schema_with = "form::cluster")]
    pub compute: String,
    /// The number of the cluster's nodes that a job uses, 1 to 1000. Azure takes it only when a deployment is made, so it is part of the revision. Default: Azure's, 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub instance_count: Option<i32>,
    /// The environment that the model runs in, by the id of its version: `/subscriptions/…/workspaces/…/environments/…/versions/…` of this workspace, or `azureml://registries/…/environments/…/versions/…`. Azure's curated environments do not work for batch. Not needed for MLflow models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::environment")]
    pub environment: Option<String>,
    /// The code that scores a batch of files. Not needed for MLflow models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ScoringCode>,
    /// How many files, or rows of a table, one call of the scoring code gets, from 1. Default: Azure's, 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub mini_batch_size: Option<i32>,
    /// How many processes score at once on each node, 1 to 1000. Default: Azure's, 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_concurrency_per_instance: Option<i32>,
    /// What becomes of the output. AppendRow: all of it in one file. SummaryOnly: the scoring code writes it. Default: Azure's, `AppendRow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_action: Option<OutputAction>,
    /// The name of the file that AppendRow writes, such as `predictions.csv`, which is Azure's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::output_file")]
    pub output_file_name: Option<String>,
    /// How many failures of files, or of rows of a table, a job takes before it is given up; -1: any number. Default: Azure's, -1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1, max = 2_147_483_647))]
    pub error_threshold: Option<i32>,
    /// When one call of the scoring code is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_settings: Option<RetrySettings>,
    /// Environment variables of the scoring code, at most 100, such as `LOG_LEVEL: info`. Names have no spaces and no `=`; values have up to 4096 characters and may have line breaks. Not for secrets: everybody who may read this object sees them.
    #[serde(default, skip_serializing_if = "EnvironmentVariables::is_empty")]
    pub environment_variables: EnvironmentVariables,
    /// Tags of the deployment in Azure, at most 40, such as `team: fares`. Keys have up to 256 characters, in which case does not count, and do not begin with `bindery-`; values are one line of up to 256 characters. Other tags that Azure has are left alone. A change is no rollout.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What becomes of the output of a batch job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OutputAction {
    /// All of it in one file.
    AppendRow,
    /// The scoring code writes it.
    SummaryOnly,
}

impl OutputAction {
    /// The word that Azure uses too.
    pub fn word(self) -> &'static str {
        match self {
            Self::AppendRow => "AppendRow",
            Self::SummaryOnly => "SummaryOnly",
        }
    }
}

/// When one call of the scoring code is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = between("timeout", "1s", "24h"))]
pub struct RetrySettings {
    /// How often a call that failed is tried again, 0 to 100. Default: Azure's, 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub max_retries: Option<i32>,
    /// How long one call may take, `1s` to `24h`. Default: Azure's, `30m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Period>,
}
