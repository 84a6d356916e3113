use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place::stays;
use super::scalar::{between, goes_down};
use super::{
    AzureIdentity, Drift, EnvironmentVariables, Management, NetworkAccess, Period, Reference, Tags, form,
};
use crate::azure::model::Operation;

/// One endpoint, and the version that it should serve.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "bindery.dev",
    version = "v1alpha1",
    kind = "DeploymentBinding",
    namespaced,
    status = "DeploymentBindingStatus",
    derive = "PartialEq",
    shortname = "amlbind",
    category = "bindery",
    doc = "One endpoint, and the version that it should serve.",
    printcolumn(name = "Workspace", type_ = "string", json_path = ".spec.workspaceRef.name"),
    printcolumn(name = "Endpoint", type_ = "string", json_path = ".spec.online.endpoint.name"),
    printcolumn(name = "Version", type_ = "string", json_path = ".spec.model.versionRef.name"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Traffic", type_ = "string", json_path = ".status.trafficSummary"),
    printcolumn(
        name = "Drifted",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Drifted\")].status",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.online)").message("give online: what serves the version"),
    validation = Rule::new(stays("workspaceRef")).message("workspaceRef cannot be changed: an endpoint stays in its workspace; make a new DeploymentBinding"),
    validation = Rule::new("!has(self.online) || !has(oldSelf.online) || self.online.endpoint.name == oldSelf.online.endpoint.name").message("online.endpoint.name cannot be changed: make a new DeploymentBinding for another endpoint"),
    validation = between("interval", "1m", "24h")
)]
pub struct DeploymentBindingSpec {
    /// The workspace that the endpoint is in. It cannot be changed to another one.
    pub workspace_ref: Reference,
    /// The version to serve.
    pub model: ModelToServe,
    /// Serve from a managed online endpoint. Required.
    #[serde(default, skip_serializing_if = "Online::is_absent")]
    pub online: Online,
    /// How a new version takes over.
    #[serde(default)]
    pub strategy: Strategy,
    /// Manage (default): Azure is made to match. Observe: differences are only reported.
    #[serde(default)]
    pub management: Management,
    /// What happens in Azure when this object is deleted. Delete (default): the deployments that Bindery made and, when nothing else is on it, the endpoint; unless another binding claims the endpoint. Retain: nothing.
    #[serde(default)]
    pub deletion_policy: BindingDeletion,
    /// Stop changing Azure until this is false again: a rollout stays where it is. Reading goes on. Default: false.
    #[serde(default)]
    pub suspend: bool,
    /// How often Azure is compared with the manifest, `1m` to `24h`. Default: `10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Period>,
}

/// The version to serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.versionRef)").message("give versionRef: the ModelVersion to serve"))]
pub struct ModelToServe {
    /// The ModelVersion to serve. To release another version, change this reference. Required.
    #[serde(default, skip_serializing_if = "Reference::is_absent")]
    pub version_ref: Reference,
}

/// A managed online endpoint and what runs on it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Online {
    /// The endpoint: its name, and how clients reach it.
    pub endpoint: Endpoint,
    /// The deployment that serves the version. Every field but instanceCount and tags is part of the revision: a change of it is rolled out.
    pub deployment: Deployment,
}

impl Online {
    /// The manifest asks for another kind of endpoint, which this version does not know.
    pub fn is_absent(&self) -> bool {
        self.endpoint.name.is_empty()
    }
}

/// The endpoint: its name, and how clients reach it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// 3 to 32 letters, digits and single dashes, beginning with a letter; unique in its Azure region. Immutable.
    #[schemars(schema_with = "form::endpoint_name")]
    pub name: String,
    /// How clients authenticate: with endpoint keys (Key), Azure ML tokens (AMLToken) or Microsoft Entra tokens (AADToken). If not set, a new endpoint gets Key, and an existing one stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_mode: Option<AuthMode>,
    /// Whether the endpoint can be reached from public networks. Without it, a new endpoint is made with Enabled, and one that exists stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_network_access: Option<NetworkAccess>,
    /// The endpoint's own identity in Azure, which reads models and images. Without it, a new endpoint gets a system-assigned identity, and one that exists keeps what it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<AzureIdentity>,
    /// Tags in Azure. Keys that are not named here are left alone.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// How clients authenticate at an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum AuthMode {
    #[default]
    Key,
    AMLToken,
    AADToken,
}

impl AuthMode {
    /// The word that Azure uses too.
    pub fn word(self) -> &'static str {
        match self {
            Self::Key => "Key",
            Self::AMLToken => "AMLToken",
            Self::AADToken => "AADToken",
        }
    }
}

/// What runs behind the endpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = goes_down("environment"))]
pub struct Deployment {
    /// The virtual machine size, such as `Standard_DS3_v2`. Default: Azure's, `Standard_F4s_v2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::instance_type")]
    pub instance_type: Option<String>,
    /// The number of instances, 1 to 50. Applied to the deployment of the current revision at once, without a rollout. Without it, a new deployment is made with 1, and the count of one that exists is left to whoever scales it in Azure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 50))]
    pub instance_count: Option<i32>,
    /// The id of the Azure ML environment: an ARM id, or `azureml://registries/…/environments/…/versions/…`. Not needed for MLflow and Triton models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::environment")]
    pub environment: Option<String>,
    /// The scoring code. MLflow and Triton models need none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ScoringCode>,
    /// Environment variables of the scoring container. Not for secrets: everybody who may read this object sees them.
    #[serde(default, skip_serializing_if = "EnvironmentVariables::is_empty")]
    pub environment_variables: EnvironmentVariables,
    /// Limits of a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_settings: Option<RequestSettings>,
    /// Restarts an instance that fails it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liveness_probe: Option<Probe>,
    /// Keeps requests from an instance that fails it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness_probe: Option<Probe>,
    /// Holds the other probes back until it succeeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup_probe: Option<Probe>,
    /// Whether the deployment may reach public networks. Default: Azure's, `Enabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress_public_network_access: Option<NetworkAccess>,
    /// Tags of the deployment in Azure. Keys that are not named here are left alone.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// The code that answers requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = goes_down("id"), validation = goes_down("scoringScript"))]
pub struct ScoringCode {
    /// The ARM id of the code asset.
    #[schemars(schema_with = "form::code")]
    pub id: String,
    /// The script in it that has `init()` and `run()`.
    #[schemars(schema_with = "form::script")]
    pub scoring_script: String,
}

/// Limits of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = between("requestTimeout", "1s", "180s"))]
pub struct RequestSettings {
    /// How many requests an instance works on at once. Default: Azure's, 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_concurrent_requests_per_instance: Option<i32>,
    /// How long a request may take, `1s` to `180s`, which is the most that Azure takes. Default: Azure's, `5s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_timeout: Option<Period>,
}

/// A probe of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = between("timeout", "1s", "1h"),
    validation = between("period", "1s", "1h"),
    validation = between("initialDelay", "0s", "1h")
)]
pub struct Probe {
    /// Failures in a row after which the probe has failed. Default: Azure's, 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub failure_threshold: Option<i32>,
    /// Successes in a row after which the probe has succeeded. Default: Azure's, 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub success_threshold: Option<i32>,
    /// How long one probe may take, `1s` to `1h`. Default: Azure's, `2s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Period>,
    /// Time between two probes, `1s` to `1h`. Default: Azure's, `10s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Time from the start of the container to the first probe, at most `1h`. Default: Azure's, `10s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_delay: Option<Period>,
}

/// How a new version takes over.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.steps) || self.steps.filter(s, has(s.setTraffic)).all(s, self.steps.filter(t, has(t.setTraffic) && t.setTraffic == s.setTraffic).size() == 1)").message("each setTraffic of steps must have another weight: put the pauses of one weight together"),
    validation = Rule::new("!has(self.steps) || self.steps.filter(s, has(s.setTraffic)).map(s, s.setTraffic).isSorted()").message("the weights of setTraffic must rise from step to step"),
    validation = between("keepPrevious", "0s", "720h"),
    validation = between("keepFailed", "0s", "720h"),
    validation = between("progressDeadline", "1m", "24h"),
    validation = between("handover", "0s", "24h")
)]
pub struct Strategy {
    /// What happens, in this order, before the new version has all the traffic. Default: no steps, all at once. Steps are skipped for the first version on an endpoint, and when the manifest goes back to the previous version while its deployment is still kept (keepPrevious).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub steps: Vec<Step>,
    /// How long the previous deployment is kept without traffic, ready to take it back, at most `720h`. Default: `1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_previous: Option<Period>,
    /// How long a failed deployment is kept, for its logs, at most `720h`. Default: `1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_failed: Option<Period>,
    /// How long Azure may take to create a deployment. After that the revision counts as failed: traffic goes back, and it is not tried again. `1m` to `24h`. Default: `60m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_deadline: Option<Period>,
    /// How long the deletion of this binding waits for another binding in the same namespace that names the same endpoint, before anything is deleted in Azure. With this wait, a binding that is renamed in Git keeps its endpoint, keys and traffic. `0s` to `24h`; `0s`: no wait. Default: the operator's `--handover`, which is `2m` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handover: Option<Period>,
}

/// One step of a rollout. Exactly one of its fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.setTraffic) != has(self.pause)").message("a step is exactly one of setTraffic and pause"))]
pub struct Step {
    /// The share of the traffic that goes to the new version, in percent, 1 to 100; the rest stays with the stable deployment. Weights must increase from step to step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub set_traffic: Option<i32>,
    /// Wait before the next step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
}

/// A wait in a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("has(self.__for__)").message("give for: how long the pause is"), validation = between("__for__", "1s", "720h"))]
pub struct Pause {
    /// How long, from the moment that Azure has moved the traffic: `1s` to `720h`. Required.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
}

impl Pause {
    /// How long it lasts. One that ends by something that this version does not know lasts for years.
    pub fn duration(&self) -> Duration {
        self.period.as_ref().map_or(Duration::from_secs(10 * 365 * 86_400), Period::duration)
    }
}

/// What becomes of an endpoint in Azure when its binding is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum BindingDeletion {
    #[default]
    Delete,
    Retain,
}

/// What is true of a binding.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentBindingStatus {
    /// The `metadata.generation` that this status describes; -1 until Bindery has processed the object.
    #[serde(default)]
    pub observed_generation: i64,
    /// The value of the annotation `bindery.dev/reconcile` that was last answered: since it was set, Bindery has compared the object with Azure and tried again what had failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub last_handled_reconcile: Option<String>,
    /// Conditions: Ready, Available, EndpointReady, CandidateReady, Progressing, Reconciling, Stalled, Drifted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Where the rollout stands, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The revision that the manifest asks for: a hash of the version's asset id and of `online.deployment` without instanceCount and tags, 10 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The stable deployment: the last one whose rollout was completed, or the one that Bindery found with all the traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<Stable>,
    /// The rollout in progress; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Candidate>,
    /// The rollouts that have ended, the latest first, at most 10. A revision whose latest entry is `Failed` is not tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub history: Vec<PastRollout>,
    /// The endpoint, as Azure has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<EndpointStatus>,
    /// The deployments on the endpoint, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub deployments: Vec<DeploymentStatus>,
    /// The traffic of each deployment in one line, such as `v2-1a2b3c4d5e 90%, v3-5e6f7a8b90 10%`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic_summary: Option<String>,
    /// What differs from the manifest now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["field".into()]))]
    pub drift: Vec<Drift>,
    /// The tag keys that Bindery has set on the endpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owned_tags: Vec<String>,
    /// The tag keys that Bindery has set on each deployment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub owned_deployment_tags: BTreeMap<String, Vec<String>>,
    /// The change that Azure is working on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
}

/// Where a rollout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// Nothing serves yet, or something has to happen first.
    Pending,
    /// A deployment is being made ready.
    Preparing,
    /// Traffic moves by the steps.
    Shifting,
    /// A step's pause.
    Pausing,
    /// A failed or unwanted candidate loses its traffic.
    TakingBack,
    /// The revision that the manifest asks for has all the traffic.
    Serving,
    /// The revision failed; what was stable serves on, if there was anything.
    Failed,
    /// The endpoint is being taken down.
    Deleting,
}

/// A rollout that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The deployment.
    pub deployment: String,
    /// The revision.
    pub revision: String,
    /// Its share of the traffic, in percent.
    pub weight: i32,
    /// When this rollout began, as far as this status knows.
    pub started_at: Timestamp,
    /// When Azure had given it this share: the pauses that follow count from here.
    pub since: Timestamp,
    /// The step at which the rollout stands. Absent while the deployment is being created, and while Bindery puts back traffic that somebody else has moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<CandidateStep>,
}

/// The step at which a rollout stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CandidateStep {
    /// How many steps are done: the index, from 0, of the one that goes on or comes next.
    #[schemars(range(min = 0, max = 20))]
    pub index: i32,
    /// How many steps there are.
    #[schemars(range(min = 0, max = 20))]
    pub count: i32,
    /// A hash of `spec.strategy.steps`. When they are edited, the rollout goes on from the step that gave it its share of the traffic.
    #[schemars(length(max = 16))]
    pub steps_hash: String,
    /// Since when it stands at this step.
    pub since: Timestamp,
}

/// The deployment that serves for certain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stable {
    /// The deployment.
    pub deployment: String,
    /// The revision. Absent for a deployment that Bindery did not make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The number of the model's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The asset that it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_id: Option<String>,
    /// Since when it is the stable one, as far as this status knows.
    pub since: Timestamp,
}

/// A rollout that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PastRollout {
    /// The revision.
    pub revision: String,
    /// The number of the model's version. Absent where the deployment was gone before this was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it failed, in a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<FailureReason>,
    /// Why it failed, in Azure's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When the rollout began. Absent where the status was lost meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When Bindery saw the end. Absent where the status was lost meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

/// How a rollout ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Outcome {
    /// The revision got all the traffic and became the stable one.
    Promoted,
    /// The revision failed.
    Failed,
    /// The manifest asked for another revision before the end.
    Superseded,
}

/// Why a revision failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FailureReason {
    /// Azure could not make its deployment, or the deployment broke.
    CandidateFailed,
    /// Azure did not make its deployment ready within `spec.strategy.progressDeadline`.
    ProgressDeadlineExceeded,
}

/// The endpoint, as Azure has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndpointStatus {
    /// The ARM id.
    pub id: String,
    /// Where requests go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scoring_uri: Option<String>,
    /// `provisioningState`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// What a deployment is to this binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Role {
    /// It serves for certain.
    Stable,
    /// It is on its way.
    Candidate,
    /// It served before, and is kept warm for a while.
    Previous,
    /// Its rollout was given up for another.
    Superseded,
    /// It failed, and is kept for a while for its logs.
    Failed,
    /// It is not Bindery's; it is left alone.
    Foreign,
}

/// A deployment on the endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentStatus {
    /// Its name: `v`, the version, and the revision.
    pub name: String,
    /// What it is to this binding.
    pub role: Role,
    /// The asset that it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_id: Option<String>,
    /// Its share of the traffic, in percent.
    pub weight: i32,
    /// `provisioningState`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<i32>,
    /// Since when it has this role.
    pub since: Timestamp,
}
