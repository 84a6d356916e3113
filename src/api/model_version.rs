use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place::stays;
use super::scalar::{self, between, goes_down};
use super::{
    ApprovalDecision, Drift, FlavorData, Gate, LoosenedGate, Management, MeasuredGate, Period, Reference,
    Role, Tags, form,
};
use crate::azure::model::Operation;

/// One immutable version of one model, in a workspace or in a registry.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "bindery.dev",
    version = "v1alpha1",
    kind = "ModelVersion",
    namespaced,
    status = "ModelVersionStatus",
    derive = "PartialEq",
    shortname = "amlmv",
    category = "bindery",
    doc = "One immutable version of one model, in a workspace or in a registry.",
    printcolumn(name = "Place", type_ = "string", json_path = ".spec['registryRef','workspaceRef'].name"),
    printcolumn(name = "Model", type_ = "string", json_path = ".spec.model"),
    printcolumn(name = "Version", type_ = "string", json_path = ".spec.version"),
    printcolumn(name = "Gates", type_ = "string", json_path = ".status.gatesSummary"),
    printcolumn(name = "Serving", type_ = "string", json_path = ".status.servingSummary"),
    printcolumn(name = "Job", type_ = "string", json_path = ".status.lineage.job", priority = 1),
    printcolumn(name = "Team", type_ = "string", json_path = ".spec.owner.team", priority = 1),
    printcolumn(name = "Retirement", type_ = "string", json_path = ".spec.retirement.at", priority = 1)
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.registryRef) != has(self.workspaceRef)").message("give exactly one of registryRef and workspaceRef: the place where the version lives"),
    validation = Rule::new(format!("has(self.registryRef) == has(self.workspaceRef) || !({}) || has(self.source.existing) || has(self.registryRef) == has(self.source.modelVersionRef)", one_source("self.source"))).message("a version comes into a registry by source.modelVersionRef, and into a workspace by source.job or source.uri; source.existing, for what Azure has already, goes with both"),
    validation = Rule::new(format!("has(self.registryRef) == has(self.workspaceRef) || ({} && {})", stays("registryRef"), stays("workspaceRef"))).message("registryRef and workspaceRef cannot be changed: a version stays where it is; make a new ModelVersion"),
    validation = Rule::new("self.model == oldSelf.model && self.version == oldSelf.version && (!has(self.type) || !has(oldSelf.type) || self.type == oldSelf.type)").message("model, version and type cannot be changed: a version is immutable; make a new ModelVersion"),
    validation = Rule::new(format!("has(self.registryRef) != has(oldSelf.registryRef) || !({}) || self.source == oldSelf.source", one_source("self.source"))).message("source cannot be changed: a version is immutable; make a new ModelVersion with the next version"),
    validation = between("interval", "1m", "24h")
)]
pub struct ModelVersionSpec {
    /// The Registry object for the registry that the version lives in. Exactly one of registryRef and workspaceRef. It cannot be changed to another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry_ref: Option<Reference>,
    /// The Workspace object for the workspace that the version lives in. Exactly one of registryRef and workspaceRef. It cannot be changed to another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_ref: Option<Reference>,
    /// The model's name in Azure: 1 to 255 letters (a-z, A-Z), digits, dashes and underscores, beginning with a letter or digit, such as `nyc-taxi-fare`. Immutable.
    #[schemars(schema_with = "form::model_name")]
    pub model: String,
    /// The version's number in Azure: a whole number from 1, in quotes, such as `"3"`. Immutable.
    #[schemars(schema_with = "form::version")]
    pub version: String,
    /// The format of the model's files. It cannot be changed to another one, only taken out of the manifest. If not set, a new version from a job or a path is MLflow, a promoted version has the format of its source, and the format of an existing version is not checked.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<ModelType>,
    /// Where the model comes from: exactly one of job, uri, modelVersionRef and existing. Immutable.
    pub source: Source,
    /// The description in Azure: free text of up to 4096 characters, which may have line breaks. If not set, Azure's is left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::description")]
    pub description: Option<String>,
    /// Tags of the version in Azure, at most 40, such as `team: fares`. Keys have up to 256 characters, in which case does not count, and do not begin with `bindery-`; values are one line of up to 256 characters. Other tags that Azure has are left alone.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// Properties of the version in Azure, at most 40, such as `flavor: sklearn`. Keys have up to 256 characters, in which case does not count, and do not begin with `bindery-`; values are one line of up to 256 characters. Other properties that Azure has are left alone.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub properties: Tags,
    /// The flavors in Azure, at most 8: the ways in which the files can be loaded, as MLflow names them. A flavor is set as a whole; others that Azure has, and one that leaves the manifest, are left alone. A copy from another registry has those of its source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub flavors: Vec<Flavor>,
    /// The stage that Azure shows: one line of up to 63 characters, such as `Production`. It has no other effect. If not set, Azure's is left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::stage")]
    pub stage: Option<String>,
    /// Whether the version is archived: hidden from lists, and without new deployments and more traffic. What serves it goes on. Without it, a new version is not archived, and one that exists stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    /// Gates, at most 20: what has to be true of the version's metrics. They are measured and shown in `status.gates`; a Workspace says in `policy.gates.require` which of them a version must pass to serve there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub gates: Vec<Gate>,
    /// When the version goes out of use, and what happens then. From 14 days before, the condition `RetiringSoon` and an event say so. What serves the version then goes on serving it. If not set, never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retirement: Option<Retirement>,
    /// Who answers for the version: tags of the version and of the deployments that serve it, and in every report. At least one of team, contact and costCenter. A change rolls nothing out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<VersionOwner>,
    /// Manage (default): Azure is made to match. Observe: differences are only reported.
    #[serde(default)]
    pub management: Management,
    /// What happens in Azure when this object is deleted. Retain (default): nothing. Archive: the version is archived. Delete: it is deleted; in a registry its number can never be used again.
    #[serde(default)]
    pub deletion_policy: VersionDeletion,
    /// Stop changing Azure until this is false again. Reading goes on. Default: false.
    #[serde(default)]
    pub suspend: bool,
    /// How often Azure is compared with the manifest: hours, minutes and seconds, such as `10m` or `1h30m`, from `1m` to `24h`. Default: `10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Period>,
}

/// A way in which a model's files can be loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Flavor {
    /// The flavor's name, such as `python_function` or `sklearn`: up to 63 letters (a-z, A-Z), digits, dashes, underscores and dots, beginning with a letter or digit.
    #[schemars(schema_with = "form::flavor_name")]
    pub name: String,
    /// What the flavor says of the files, at most 20 keys, such as `sklearn_version: "1.5"`. Keys have up to 128 letters, digits, dashes, underscores and dots; values are one line of up to 256 characters.
    pub data: FlavorData,
}

/// The format of a model's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum ModelType {
    #[default]
    MLflow,
    Custom,
    Triton,
}

impl ModelType {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::MLflow, Self::Custom, Self::Triton];

    /// The word that Azure uses.
    pub fn in_azure(self) -> &'static str {
        match self {
            Self::MLflow => "mlflow_model",
            Self::Custom => "custom_model",
            Self::Triton => "triton_model",
        }
    }
}

/// The rule, in CEL, that a source is one of its kinds. The rules about a version's source say nothing of one that is not.
fn one_source(source: &str) -> String {
    let kinds = ["job", "uri", "modelVersionRef", "existing"].map(|kind| format!("has({source}.{kind})"));
    format!("[{}].filter(given, given).size() == 1", kinds.join(", "))
}

/// Where a model comes from. Exactly one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(one_source("self")).message("give exactly one of job, uri, modelVersionRef and existing"), validation = goes_down("uri"))]
pub struct Source {
    /// For a version in a workspace: register the output of this training job. The lineage is read from the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobSource>,
    /// For a version in a workspace: register this datastore path, such as `azureml://datastores/models/paths/taxi/3`. The path must be in the same workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::model_uri")]
    pub uri: Option<String>,
    /// For a version in a registry: the ModelVersion object of the version that is copied into the registry. One in a workspace is published by Azure; the files of one in another registry are copied by the storage of the two registries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_version_ref: Option<Reference>,
    /// Use a version that is already in Azure, written `{}`. Bindery creates nothing; if Azure does not have the version, the reason is `NotInAzure`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<Existing>,
}

/// What is in Azure already.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Existing {}

/// The output of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = goes_down("path"))]
pub struct JobSource {
    /// The training job's name in Azure (not its display name), such as `taxi-train-3`.
    #[schemars(schema_with = "form::job_name")]
    pub name: String,
    /// The folder of the model among the job's artifacts, without a slash at either end, such as `outputs/model`. Default: `model`.
    #[serde(default = "model_folder")]
    #[schemars(schema_with = "form::job_folder")]
    pub path: String,
}

fn model_folder() -> String {
    "model".into()
}

/// When a version goes out of use, and what happens then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Retirement {
    /// From when on the version gets no new deployment and no more traffic, such as `2027-03-31T00:00:00Z`. A time in the past counts at once; a later one ends the retirement until then.
    #[serde(deserialize_with = "scalar::written_time")]
    #[schemars(schema_with = "form::end")]
    pub at: Timestamp,
    /// BlockNewDeployments (default): nothing else. Archive: the version is archived in Azure too, whatever `archived` says; a later change of `at` does not take it out of the archive, `archived: false` does.
    #[serde(default)]
    pub action: RetirementAction,
}

/// What happens to a version that goes out of use, besides that it gets no new deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum RetirementAction {
    #[default]
    BlockNewDeployments,
    Archive,
}

/// Who answers for a version. At least one of the fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.team) || has(self.contact) || has(self.costCenter)").message("give at least one of team, contact and costCenter"))]
pub struct VersionOwner {
    /// The team: one line of up to 63 characters, such as `fares`. The tag `bindery-team`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::owner_team")]
    pub team: Option<String>,
    /// Whom to ask: one line of up to 253 characters, such as `fares-oncall@fares.example` or `#fares`. The tag `bindery-contact`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::owner_contact")]
    pub contact: Option<String>,
    /// Who pays: one line of up to 63 characters, such as `4711`. The tag `bindery-cost-center`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::cost_center")]
    pub cost_center: Option<String>,
}

/// What becomes of a version in Azure when its object is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum VersionDeletion {
    #[default]
    Retain,
    Archive,
    Delete,
}

/// What Bindery has found and done, for people and for tools that wait. Bindery alone writes it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelVersionStatus {
    /// The `metadata.generation` that this status describes; -1 until Bindery has processed the object.
    #[serde(default)]
    pub observed_generation: i64,
    /// The value of the annotation `bindery.dev/reconcile` that was last answered: since it was set, Bindery has compared the object with Azure and tried again what had failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub last_handled_reconcile: Option<String>,
    /// Conditions, for `kubectl wait`. `Ready`: Azure has the version as the manifest says. `Registered`: Azure has the version. `Drifted`: somebody changed in Azure what the manifest says. `RetiringSoon` and `Retired`: `spec.retirement.at` is at most 14 days ahead, or has passed; the message names the deployments that hold the version. `Reconciling`: work goes on. `Stalled`: only a person or a change of the manifest can help.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The ARM id of the version: `/subscriptions/…/models/…/versions/…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The id that deployments use: `azureml://registries/…` for a registry, the ARM id for a workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_id: Option<String>,
    /// When Azure made the version, by Azure's own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// The stage that Azure shows of the version, such as `Production`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Whether Azure has the version archived: then it gets no new deployment and no more traffic.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub archived: bool,
    /// The format of the model's files, as Azure has it; absent for a format that is none of the three.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<ModelType>,
    /// The origin of the model, as Azure tells it: job, experiment, metrics, data, code; nobody typed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<Lineage>,
    /// When Bindery read the training job and its run, which are read once. Absent while one of them could not be read, and where no job is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traced_at: Option<Timestamp>,
    /// How many bytes the files have together. Known of a version that Bindery copied from another registry, and absent otherwise: Azure does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
    /// The gates of the manifest, measured: the values beside the bounds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub gates: Vec<MeasuredGate>,
    /// How many of the gates the version passes, such as `2 of 3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub gates_summary: Option<String>,
    /// The gates that ask less than they did when the version was registered, the latest first, at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub loosened_gates: Vec<LoosenedGate>,
    /// The deployments that hold this version, at most 50, from the status of the DeploymentBindings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub served_by: Vec<ServedBy>,
    /// The decisions about this version that count in some Workspace that may use it, the latest first, at most 20. Bindery writes them as tags on the version in Azure, too: `bindery-approved-by`, `-at`, `-until`, `bindery-rejected-by`, `-at`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub approvals: Vec<VersionApproval>,
    /// Who deploys this version, and as what, such as `fares/taxi-fare Stable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serving_summary: Option<String>,
    /// The fields in which Azure differs from the manifest now, at most 100; empty when it does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["field".into()]))]
    pub drift: Vec<Drift>,
    /// The keys of the tags that Bindery has set: one that leaves the manifest is removed in Azure too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owned_tags: Vec<String>,
    /// The keys of the properties that Bindery has set: one that leaves the manifest is removed in Azure too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owned_properties: Vec<String>,
    /// The publish request that Bindery sends next or has sent. It is recorded first, so that it is not repeated if the answer is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publishing: Option<Publishing>,
    /// The copy from another registry that is under way: recorded before its first file is copied, and absent once Azure has the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copying: Option<Copying>,
    /// The change that Azure is working on now; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
}

/// A publish that was asked for, or is about to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Publishing {
    /// The ARM id of the version in a workspace that is copied.
    pub from: String,
    /// When Bindery recorded the request, just before it was sent.
    pub since: Timestamp,
}

/// A copy of a version's files from another registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Copying {
    /// The ARM id of the version in the other registry.
    pub from: String,
    /// The id of the pending upload in the version's own registry that the files go into. It is made from the source and its files, so the same copy always has the same one.
    #[schemars(length(max = 36))]
    pub upload: String,
    /// The URL of the container that Azure has given to this upload, without a signature; absent until Bindery has looked into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// When the copy began; later, where it began again because the source had changed.
    pub since: Timestamp,
    /// How many files the version in the other registry has.
    pub files: i64,
    /// How many of these files have been copied and are complete.
    pub files_copied: i64,
    /// How many bytes the files of the version in the other registry have together.
    pub bytes: i64,
    /// How many of these bytes have been copied, those of incomplete files included.
    pub bytes_copied: i64,
}

/// Where a model comes from: nobody typed this.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lineage {
    /// The training job, as Azure names it; absent until the job itself was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The workspace that the job ran in, by ARM id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// The name of the experiment that the job belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// The id of the MLflow run of the job, which its metrics are read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The last value of each metric of the run, by the metric's name, at most 50, such as `rmse: "3.2"`. Where the run has more, those that gates name come first: `spec.gates` of this version, then those of the versions that are promoted from it, then the gates of Workspaces.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 50))]
    pub metrics: BTreeMap<String, String>,
    /// How many metrics the run has; absent where `metrics` shows them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_count: Option<i64>,
    /// The metrics that gates name and that the run did not have when it was read, at most 50; only where the run has more metrics than `metrics` shows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub absent_metrics: Vec<String>,
    /// The parameters of the run, by their names, at most 50, such as `learning_rate: "0.1"`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 50))]
    pub parameters: BTreeMap<String, String>,
    /// How many parameters the run has; absent where `parameters` shows them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter_count: Option<i64>,
    /// The pipeline jobs that the job is a step of, the nearest first, at most 5, as Azure names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub pipelines: Vec<String>,
    /// The data that the job read, at most 20 inputs; for a step of a pipeline also what the outermost pipeline began with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub datasets: Vec<Dataset>,
    /// The id of the environment that the job ran in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The code that the job ran, where it came from a Git repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// Who started the job, as Azure names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_by: Option<String>,
    /// When the training ended, by its run; of a run without an end when that began, and without a run when the job was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_at: Option<Timestamp>,
    /// The versions that this one was promoted from, the nearest first, by ARM id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub promoted_from: Vec<String>,
    /// Whether Azure itself shows that the files are this job's. Of a version in a workspace: they are in an output of the job. Of a version in a registry: Bindery published it, or copied it, from a verified version. What is not verified is what the manifest says, and says nothing certain of the files.
    #[serde(default)]
    pub verified: bool,
}

/// An input of a training job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dataset {
    /// The name of the input in the job, such as `trips`.
    pub name: String,
    /// Where the data is, without credentials.
    pub uri: String,
    /// The version of the data asset, where the input is one, such as `4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub version: Option<String>,
    /// The pipeline job that has this input; absent where the training job itself has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub pipeline: Option<String>,
}

/// The code that a job ran.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Code {
    /// The URL of the Git repository, without credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The hash of the Git commit that the job ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether the working tree had uncommitted changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirty: Option<bool>,
}

/// A decision about this version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionApproval {
    /// When the Approval was created, by the clock of the API server.
    pub created: Timestamp,
    /// The namespace of the Approval object.
    #[schemars(length(max = 63))]
    pub namespace: String,
    /// The name of the Approval object.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Whether it approves or rejects: Approved or Rejected.
    pub decision: ApprovalDecision,
    /// Who decided, as `spec.by` of the Approval says.
    #[schemars(length(max = 253))]
    pub by: String,
    /// The tiers that the decision is about; all, where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub tiers: Vec<String>,
    /// When the decision ends; absent where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// A deployment that holds this version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct ServedBy {
    /// The namespace of the DeploymentBinding.
    #[schemars(length(max = 63))]
    pub namespace: String,
    /// The name of the DeploymentBinding.
    #[schemars(length(max = 253))]
    pub name: String,
    /// The name of the endpoint in Azure.
    pub endpoint: String,
    /// The name of the deployment at the endpoint, such as `v3-5e6f7a8b90`.
    pub deployment: String,
    /// What the deployment is to its binding.
    pub role: Role,
    /// The Workspace of the endpoint, as namespace/name of its object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 317))]
    pub workspace: Option<String>,
    /// The tier of that Workspace, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub tier: Option<String>,
}
