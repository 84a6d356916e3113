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
    ActionTold, Analysis, AzureIdentity, Drift, EnvironmentVariables, Hold, Management, Measurement, Metric,
    MetricRun, NetworkAccess, OnInconclusive, Period, Reference, Tags, TakenAction, Window, WindowStatus,
    form,
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
    /// The Workspace object for the workspace that the endpoint is in. It cannot be changed to another one: make a new DeploymentBinding.
    pub workspace_ref: Reference,
    /// The model version to serve, by its ModelVersion object.
    pub model: ModelToServe,
    /// A managed online endpoint and what runs behind it. Required.
    #[serde(default, skip_serializing_if = "Online::is_absent")]
    pub online: Online,
    /// How a new version takes over from the one that serves. Default: at once, when its deployment is ready.
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
    /// How often Azure is compared with the manifest: hours, minutes and seconds, such as `10m` or `1h30m`, from `1m` to `24h`. Default: `10m`.
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
    /// The endpoint's name in Azure: 3 to 32 letters (a-z, A-Z), digits and single dashes, beginning with a letter and not ending with a dash, such as `taxi-fare`. Unique in its Azure region. Immutable.
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
    /// Tags of the endpoint in Azure, at most 40, such as `team: fares`. Keys have up to 256 characters, in which case does not count, and do not begin with `bindery-`; values are one line of up to 256 characters. Other tags that Azure has are left alone.
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
    /// The environment that the model runs in, by the id of its version: `/subscriptions/…/workspaces/…/environments/…/versions/…` of this workspace, or `azureml://registries/…/environments/…/versions/…`. The short form `azureml:name:version` is not taken. Not needed for MLflow and Triton models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::environment")]
    pub environment: Option<String>,
    /// The code that answers requests. Not needed for MLflow and Triton models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ScoringCode>,
    /// Environment variables of the scoring container, at most 100, such as `LOG_LEVEL: info`. Names have no spaces and no `=`; values have up to 4096 characters and may have line breaks. Not for secrets: everybody who may read this object sees them.
    #[serde(default, skip_serializing_if = "EnvironmentVariables::is_empty")]
    pub environment_variables: EnvironmentVariables,
    /// Limits of requests: how many at once, and for how long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_settings: Option<RequestSettings>,
    /// The probe that tells when an instance hangs: Azure restarts an instance that fails it. If not set, Azure decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liveness_probe: Option<Probe>,
    /// The probe that tells when an instance can take requests: one that fails it gets none. If not set, Azure decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness_probe: Option<Probe>,
    /// The probe that tells when an instance has started: until it succeeds, the other probes wait. If not set, Azure decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup_probe: Option<Probe>,
    /// Whether the deployment may reach public networks. Default: Azure's, `Enabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress_public_network_access: Option<NetworkAccess>,
    /// Tags of the deployment in Azure, at most 40, such as `team: fares`. Keys have up to 256 characters, in which case does not count, and do not begin with `bindery-`; values are one line of up to 256 characters. Other tags that Azure has are left alone. A change is no rollout.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// The code that answers requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = goes_down("id"), validation = goes_down("scoringScript"))]
pub struct ScoringCode {
    /// The code asset, by the id of its version: `/subscriptions/…/workspaces/…/codes/…/versions/…` of this workspace, or `azureml://registries/…/codes/…/versions/…`.
    #[schemars(schema_with = "form::code")]
    pub id: String,
    /// The script in the code asset that has `init()` and `run()`, as a path below its folder, such as `src/score.py`.
    #[schemars(schema_with = "form::script")]
    pub scoring_script: String,
}

/// Limits of requests: how many at once, and for how long.
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

/// How a new version takes over from the one that serves. Default: at once, when its deployment is ready.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.steps) || self.steps.filter(s, has(s.setTraffic)).all(s, self.steps.filter(t, has(t.setTraffic) && t.setTraffic == s.setTraffic).size() == 1)").message("each setTraffic of steps must have another weight: put the pauses of one weight together"),
    validation = Rule::new("!has(self.steps) || self.steps.filter(s, has(s.setTraffic)).map(s, s.setTraffic).isSorted()").message("the weights of setTraffic must rise from step to step"),
    validation = Rule::new("!has(self.steps) || self.steps.filter(s, has(s.mirror)).map(s, s.mirror).isSorted() && self.steps.filter(s, has(s.mirror)).all(s, self.steps.filter(t, has(t.mirror) && t.mirror == s.mirror).size() == 1)").message("the shares of mirror must rise from step to step"),
    validation = Rule::new("!has(self.steps) || self.steps.map(s, has(s.setTraffic) ? 2 : has(s.mirror) ? 1 : 0).filter(kind, kind > 0).isSorted()").message("mirror comes before the first setTraffic: Azure copies no requests to a deployment that has traffic"),
    validation = Rule::new("!has(self.steps) || self.steps.filter(s, has(s.name)).all(s, self.steps.filter(t, has(t.name) && t.name == s.name).size() == 1)").message("each step must have another name"),
    validation = Rule::new("!has(self.steps) || self.steps.all(s, !has(s.analysis) || (has(self.metrics) && s.analysis.metrics.all(m, self.metrics.exists(known, known.name == m))))").message("each metric that an analysis names must be one of strategy.metrics"),
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
    /// The times in which a rollout may go on, at most 16. While it may not, no weight rises and no candidate is made; it can be taken back at any time. The windows of the workspace's policy count besides. Default: at any time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub windows: Vec<Window>,
    /// What can be measured during a rollout, at most 10. Nothing is measured that no step names in its `analysis`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub metrics: Vec<Metric>,
    /// What happens when a metric had more inconclusive measurements than its `inconclusiveLimit` allows. Pause (default): the candidate keeps what it has, until a person promotes the step or aborts. Abort: the candidate has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_inconclusive: Option<OnInconclusive>,
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

/// One step of a rollout: exactly one of setTraffic, mirror, analysis and pause, and a name where one is needed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.setTraffic), has(self.mirror), has(self.analysis), has(self.pause)].filter(given, given).size() == 1").message("a step is exactly one of setTraffic, mirror, analysis and pause"),
    validation = Rule::new("!has(self.mirror) || has(self.name)").message("give the step a name: status and history call a mirror step by its name"),
    validation = Rule::new("!has(self.analysis) || has(self.name)").message("give the step a name: status and history call an analysis by its name"),
    validation = Rule::new("!has(self.pause) || has(self.pause.__for__) || has(self.name)").message("give the step a name: a person ends a pause without for by promoting the step of that name")
)]
pub struct Step {
    /// The step's name, such as `shadow`: up to 63 lower-case letters, digits and dashes, another one for each step. Needed for mirror, for analysis and for a pause without `for`: status, history and RolloutActions call the step by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::step_name")]
    pub name: Option<String>,
    /// The share of the traffic that goes to the new version, in percent, 1 to 100; the rest stays with the stable deployment. Weights must increase from step to step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub set_traffic: Option<i32>,
    /// The share of the live requests that Azure copies to the new version, in percent, 1 to 50; clients never see its answers to them. Before the first setTraffic, and increasing from step to step. The copies end when the version gets traffic of its own. Azure copies requests to one deployment only: copies that somebody else has sent to another one end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 50))]
    pub mirror: Option<i32>,
    /// Measure the new version before the next step, or from here on. A version that is measured badly loses its traffic and its shadow, and has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<Analysis>,
    /// Wait before the next step: for some time (`pause: {for: 10m}`), or until a person promotes it (`pause: {}`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
}

/// A wait in a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = between("__for__", "1s", "720h"))]
pub struct Pause {
    /// How long, from the moment that Azure has moved the traffic: `1s` to `720h`. Without it, until a person promotes the step (a RolloutAction with `action: Promote`).
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
}

impl Pause {
    /// How long it lasts; none where it lasts until a person ends it.
    pub fn duration(&self) -> Option<Duration> {
        self.period.as_ref().map(Period::duration)
    }
}

/// What becomes of an endpoint in Azure when its binding is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum BindingDeletion {
    #[default]
    Delete,
    Retain,
}

/// What Bindery has found and done, for people and for tools that wait. Bindery alone writes it.
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
    /// Conditions, for `kubectl wait`. `Ready`: what the manifest asks for serves. `Admitted`: the workspace's policy lets it serve; `Unknown` while the workspace or the version cannot be looked at. `ApprovalExpiring`: an approval that it needs ends soon; absent otherwise. `Available`: something healthy has all the traffic. `EndpointReady`: Azure has the endpoint, and it works. `CandidateReady`: the deployment of the wanted revision can serve. `Progressing`: a rollout moves. `Drifted`: somebody changed in Azure what the manifest says. `Reconciling`: work goes on. `Stalled`: only a person or a change of the manifest can help.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// What the workspace's policy asks of the version and its deployment, one entry for each rule: what it asks, what Bindery found, and, where that is not enough, what would be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["rule".into()]))]
    pub admission: Vec<Admission>,
    /// The approvals of the version that serves, and of the one that is wanted, at most 50: those that are enough or, when they are not any more, the last ones that were. One of these that is deleted stays here with `withdrawnAt`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub approvals: Vec<KnownApproval>,
    /// Where the rollout stands, in one word. Empty while nobody has been able to read the endpoint, and while it belongs to another object.
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
    /// The revision that is held back because somebody has rolled it back; absent where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// Whether rollouts may go on now, where the binding or its workspace has windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowStatus>,
    /// What has become of the RolloutActions for this binding, the latest first, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub actions: Vec<TakenAction>,
    /// The rollouts that have ended, the latest first, at most 10. A revision whose latest entry is `Failed` is not tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub history: Vec<PastRollout>,
    /// The endpoint as Azure has it: its id, its address and its state.
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
    /// The fields in which Azure differs from the manifest now, at most 100; empty when it does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["field".into()]))]
    pub drift: Vec<Drift>,
    /// The keys of the tags that Bindery has set on the endpoint: one that leaves the manifest is removed in Azure too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owned_tags: Vec<String>,
    /// The keys of the tags that Bindery has set on each deployment, by the deployment's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub owned_deployment_tags: BTreeMap<String, Vec<String>>,
    /// The change that Azure is working on now; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
}

/// One rule of a workspace's policy, held against a binding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct Admission {
    /// The rule: `Sources`, `Lineage`, `Gate/` with the name of a gate, `Approvals`, `Soak`, `Deployment` or `Retirement`.
    #[schemars(length(max = 68))]
    pub rule: String,
    /// Whether what was found is enough, or the rule is waived.
    pub admitted: bool,
    /// What the policy of the workspace asks.
    pub asks: String,
    /// What Bindery found of the version or the deployment.
    pub found: String,
    /// Why that is not enough, and what would be; absent where it is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Who waives the rule, where what was found is not enough and `admitted` is true all the same; at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub waivers: Vec<Waiver>,
}

/// An Approval that waives a rule of a workspace's policy for a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Waiver {
    /// The rule that is waived, such as `Soak`.
    #[schemars(length(max = 68))]
    pub rule: String,
    /// The namespace of the Approval object.
    pub namespace: String,
    /// The name of the Approval object.
    pub name: String,
    /// Who waives it, as `spec.by` of the Approval says.
    pub by: String,
    /// When the waiver ends: from then on the rule holds again.
    pub expires_at: Timestamp,
    /// The first 256 characters of the reason that the Approval gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub reason: Option<String>,
}

/// An approval that a version has, or had.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KnownApproval {
    /// The asset that the Approval is about.
    pub asset_id: String,
    /// The namespace of the Approval object.
    pub namespace: String,
    /// The name of the Approval object.
    pub name: String,
    /// Who decided, as `spec.by` of the Approval says.
    pub by: String,
    /// When the decision ends; absent where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Since when it is known to be deleted. Five minutes later that counts as withdrawn, if it has not come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_at: Option<Timestamp>,
}

/// Where the rollout stands; empty while nobody has been able to read the endpoint, and while it belongs to another object. `Pending`: nothing serves yet, or something has to happen first. `Preparing`: a deployment is being made ready. `Shifting`: traffic moves by the steps. `Analyzing`: the rollout stays at a step until the candidate is measured. `Pausing`: a step's pause, or the workspace's policy holds the candidate where it is. `TakingBack`: a failed or unwanted candidate loses its traffic. `Serving`: the stable deployment serves, and no rollout is in progress; `Ready` says whether it is the revision that the manifest asks for. `Failed`: the revision failed; the stable deployment, if there is one, goes on serving. `Deleting`: the endpoint is being taken down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// Nothing serves yet, or something has to happen first.
    Pending,
    /// A deployment is being made ready.
    Preparing,
    /// Traffic moves by the steps.
    Shifting,
    /// The rollout stays at a step until the candidate is measured.
    Analyzing,
    /// A step's pause, or the workspace's policy holds the candidate where it is.
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The name of the deployment that takes over, such as `v3-5e6f7a8b90`.
    pub deployment: String,
    /// The revision that takes over, 10 hexadecimal digits.
    pub revision: String,
    /// The deployment's share of the traffic, in percent, 0 to 100.
    pub weight: i32,
    /// The share of the live requests that Azure copies to the deployment, in percent, 1 to 50; absent where it copies none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 50))]
    pub mirror: Option<i32>,
    /// When this rollout began, as far as this status knows.
    pub started_at: Timestamp,
    /// When Azure had given it this share: the pauses that follow count from here.
    pub since: Timestamp,
    /// The step at which the rollout stands. Absent while the deployment is being created, and while Bindery puts back traffic that somebody else has moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<CandidateStep>,
    /// The rules that were waived while this rollout went on, by whom; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub waivers: Vec<Waiver>,
    /// The RolloutActions that had a part in this rollout so far, in their order, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub actions: Vec<ActionTold>,
    /// The steps that a RolloutAction had this rollout skip, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub skipped: Vec<String>,
    /// The metrics that are measured, or were at earlier steps, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["step".into(), "metric".into()]))]
    pub metrics: Vec<MetricRun>,
    /// The last measurements, the latest first, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub measurements: Vec<Measurement>,
}

/// The step at which a rollout stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CandidateStep {
    /// How many steps are done: the index, from 0, of the one that goes on or comes next.
    #[schemars(range(min = 0, max = 20))]
    pub index: i32,
    /// How many steps `spec.strategy.steps` has.
    #[schemars(range(min = 0, max = 20))]
    pub count: i32,
    /// The name of the step that goes on or comes next; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub name: Option<String>,
    /// A hash of `spec.strategy.steps`. When they are edited, the rollout goes on from the step that gave it its share of the traffic.
    #[schemars(length(max = 16))]
    pub steps_hash: String,
    /// Since when the rollout stands at this step.
    pub since: Timestamp,
}

/// The deployment that serves for certain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stable {
    /// The name of the stable deployment, such as `v2-1a2b3c4d5e`.
    pub deployment: String,
    /// The revision of the deployment, 10 hexadecimal digits. Absent for a deployment that Bindery did not make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The version of the model that the deployment serves, such as `2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The id of the model version that the deployment serves: an ARM id, or `azureml://registries/…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_id: Option<String>,
    /// Since when the deployment is the stable one, as far as this status knows.
    pub since: Timestamp,
}

/// A rollout that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PastRollout {
    /// The revision that the rollout was for, 10 hexadecimal digits.
    pub revision: String,
    /// The number of the model's version. Absent where the deployment was gone before this was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The id of the model version that the rollout was for: an ARM id, or `azureml://registries/…`. Absent where the deployment was gone before this was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_id: Option<String>,
    /// How the rollout ended. `Promoted`: the revision got all the traffic. `Failed`: the revision failed. `Superseded`: the manifest asked for another revision before the end. `RolledBack`: the revision, which was stable before, got all the traffic again, because what served was not approved any more, or because somebody rolled it back.
    pub outcome: Outcome,
    /// Why it failed, in a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<FailureReason>,
    /// Why the rollout failed, in Azure's words where those tell it; absent when it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When the rollout began. Absent where the status was lost meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When Bindery saw the end. Absent where the status was lost meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// When the revision was the stable one. Absent while it is, and where Bindery did not see the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served: Option<StableTime>,
    /// The rules that were waived during the rollout, by whom; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub waivers: Vec<Waiver>,
    /// The RolloutActions that had a part in it, in their order, at most 20: who promoted, aborted, retried or rolled back, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub actions: Vec<ActionTold>,
    /// The steps that a RolloutAction had the rollout skip, such as `watch` or `step 3 of 5`, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub skipped: Vec<String>,
    /// The measurement that decided that it failed; absent where none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measurement: Option<Measurement>,
}

/// A time in which a revision was the stable one, as far as the status knew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StableTime {
    /// Since when it was the stable one.
    pub since: Timestamp,
    /// When another took over from it.
    pub until: Timestamp,
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
    /// What served was not approved any more, or somebody rolled it back, and this revision became the stable one again.
    RolledBack,
}

impl Outcome {
    /// The revision became the stable one.
    pub fn serves(self) -> bool {
        matches!(self, Self::Promoted | Self::RolledBack)
    }
}

/// Why the rollout failed; absent when it did not. `CandidateFailed`: Azure could not make its deployment, or the deployment broke. `ProgressDeadlineExceeded`: the deployment was not ready within `spec.strategy.progressDeadline`. `AnalysisFailed`: it was measured badly, or could not be measured. `Aborted`: somebody aborted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FailureReason {
    /// Azure could not make its deployment, or the deployment broke.
    CandidateFailed,
    /// Azure did not make its deployment ready within `spec.strategy.progressDeadline`.
    ProgressDeadlineExceeded,
    /// It was measured badly, or could not be measured.
    AnalysisFailed,
    /// Somebody has aborted it.
    Aborted,
}

/// The endpoint as Azure has it: its id, its address and its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndpointStatus {
    /// The ARM id of the endpoint: `/subscriptions/…/workspaces/…/onlineEndpoints/…`.
    pub id: String,
    /// The URL that clients send their requests to, such as `https://taxi-fare.eastus.inference.ml.azure.com/score`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scoring_uri: Option<String>,
    /// Azure's `provisioningState` of the endpoint, such as `Succeeded` or `Updating`.
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
    /// The deployment's name. Bindery's own are `v`, the version, a dash and the revision, such as `v3-5e6f7a8b90`.
    pub name: String,
    /// What the deployment is to this binding. `Stable`: the last one whose rollout was completed, or the one that Bindery found with all the traffic. `Candidate`: it is being rolled out. `Previous`: it served before, and is kept for a while. `Superseded`: its rollout was given up for another. `Failed`: it failed, and is kept for a while for its logs. `Foreign`: it is not Bindery's, and is left alone.
    pub role: Role,
    /// The id of the model version that the deployment serves: an ARM id, or `azureml://registries/…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_id: Option<String>,
    /// The deployment's share of the traffic, in percent, 0 to 100.
    pub weight: i32,
    /// Azure's `provisioningState` of the deployment, such as `Succeeded` or `Updating`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The number of instances that Azure has for the deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<i32>,
    /// Since when the deployment has this role, as far as this status knows.
    pub since: Timestamp,
}
