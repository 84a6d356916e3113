use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PastRollout, VerificationJob};
use crate::api::{
    ActionTold, AutoscaleStatus, Drift, Hold, Measurement, MetricRun, TakenAction, WindowStatus,
};
use crate::azure::model::Operation;

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
    /// The revision that the manifest asks for: a hash of the version's asset id and of `online.deployment` without instanceCount, autoscale and tags, or of `batch.deployment` without tags; 10 hexadecimal digits.
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
    /// The Secret with the keys of the endpoint, where Bindery has made one or is about to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_secret: Option<KeysSecretStatus>,
    /// The deployments on the endpoint, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub deployments: Vec<DeploymentStatus>,
    /// What Bindery cannot know of the jobs that run on deployments of a batch endpoint, in a sentence; absent where nothing depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_jobs: Option<String>,
    /// The batch jobs that Bindery has started to verify deployments and that still run or are waited for, at most 5. One that has ended is in `history`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub verification_jobs: Vec<VerificationJob>,
    /// The autoscale settings in Azure Monitor that Bindery has made for deployments of the endpoint, or is about to make.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["deployment".into()]))]
    pub autoscale: Vec<AutoscaleStatus>,
    /// The traffic of each deployment in one line, such as `v2-1a2b3c4d5e 90%, v3-5e6f7a8b90 10%`; of a batch endpoint its default deployment, such as `v3-5e6f7a8b90 (default)`.
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
    /// The rule: `Sources`, `Lineage`, `Gate/` with the name of a gate, `Approvals`, `Soak`, `Windows`, `Deployment` or `Retirement`.
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

/// Where the rollout stands; empty while nobody has been able to read the endpoint, and while it belongs to another object. `Pending`: nothing serves yet, or something has to happen first. `Preparing`: a deployment is being made ready. `Shifting`: traffic moves by the steps. `Analyzing`: the rollout stays at a step until the candidate is measured. `Verifying`: a batch job runs on the candidate before it becomes the default. `Pausing`: a step's pause, or the workspace's policy holds the candidate where it is. `TakingBack`: a failed or unwanted candidate loses its traffic. `Serving`: the stable deployment serves, and no rollout is in progress; `Ready` says whether it is the revision that the manifest asks for. `Failed`: the revision failed; the stable deployment, if there is one, goes on serving. `Deleting`: the endpoint is being taken down.
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
    /// A batch job runs on the candidate before it becomes the default.
    Verifying,
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
    /// The revision of the Git repository that the manifest was applied from when this rollout began, as the annotation `bindery.dev/git-revision` of the binding named it. Absent where it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub git_revision: Option<String>,
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
    /// Since when nothing is measured, because the binding is suspended or only observed; absent while the candidate is measured, or need not be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_measured_since: Option<Timestamp>,
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

/// The endpoint as Azure has it: its id, its address and its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndpointStatus {
    /// The ARM id of the endpoint: `/subscriptions/…/workspaces/…/onlineEndpoints/…`, or `…/batchEndpoints/…`.
    pub id: String,
    /// The URL that clients send their requests to, such as `https://taxi-fare.eastus.inference.ml.azure.com/score`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scoring_uri: Option<String>,
    /// Azure's `provisioningState` of the endpoint, such as `Succeeded` or `Updating`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// The Secret with the keys of the endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeysSecretStatus {
    /// The name of the Secret in this namespace, such as `taxi-fare-keys`.
    #[schemars(length(max = 253))]
    pub name: String,
    /// When Bindery last changed the Secret: when it was made, or when the keys in Azure had changed. Absent while it has not been made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_at: Option<Timestamp>,
    /// The Secrets that the manifest named before, at most 5. They go when this one has been written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub replaces: Vec<String>,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentStatus {
    /// The deployment's name. Bindery's own are `v`, the version, a dash and the revision, such as `v3-5e6f7a8b90`.
    pub name: String,
    /// What the deployment is to this binding. `Stable`: the last one whose rollout was completed, or the one that Bindery found with all the traffic. `Candidate`: it is being rolled out. `Previous`: it served before, and is kept for a while. `Superseded`: its rollout was given up for another. `Failed`: it failed, and is kept for a while for its logs. `Foreign`: it is not Bindery's, and is left alone.
    pub role: Role,
    /// The id of the model version that the deployment serves: an ARM id, or `azureml://registries/…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_id: Option<String>,
    /// The deployment's share of the traffic, in percent, 0 to 100. On a batch endpoint 100 for the default deployment, and 0 for any other.
    pub weight: i32,
    /// Azure's `provisioningState` of the deployment, such as `Succeeded` or `Updating`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The number of instances that Azure has for the deployment; absent for batch, whose jobs take their nodes from a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<i32>,
    /// The batch jobs that run on the deployment although it is not the default any more, as far as the workspace's jobs say so, at most 10. While there is one, the deployment stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub jobs: Vec<String>,
    /// Since when the deployment has this role, as far as this status knows.
    pub since: Timestamp,
}
