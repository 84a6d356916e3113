use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scalar::between;
use super::{
    Adoption, AllowedNamespaces, AzurePlace, Credentials, GatePolicy, Period, Reference, Window,
    WorkspacePublisher, form,
};
use crate::azure::model::resource::EndpointKind;

/// A workspace of Azure Machine Learning: where models run and jobs train. Bindery reads it and never changes it.
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
#[x_kube(validation = between("interval", "1m", "24h"))]
pub struct WorkspaceSpec {
    /// Where the workspace is in Azure. The workspace must exist: Bindery makes none.
    pub azure: AzurePlace,
    /// Whose identity in Azure reads and changes what is in this place. Default: the operator's own, where the operator's administrator lists this namespace and place (`operatorIdentity.allow` in the chart's values).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Your own word for the purpose of the workspace, such as `production`: up to 63 letters, digits, dashes, underscores and dots. An Approval may be about certain tiers only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::tier")]
    pub tier: Option<String>,
    /// Which model versions may serve here, and what their deployments may bring. Default: every version that is registered, with anything.
    #[serde(default)]
    pub policy: Policy,
    /// The namespaces whose objects may refer to this workspace, to observe what is in it. To change anything there they have to be in `publishers`. Default: only its own namespace. Publishers may refer to it without being named here.
    #[serde(default)]
    pub allowed_namespaces: AllowedNamespaces,
    /// Who may register versions in this workspace and make endpoints in it, and of which names. Without a list, its own namespace, every name. A list replaces that: name the own namespace in it (`from: Same`) if it does either.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 24))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub publishers: Vec<WorkspacePublisher>,
    /// Whether objects may take over versions and endpoints that exist in this workspace without an owner. Refuse (default): such an object says `AdoptionRefused` and changes nothing.
    #[serde(default)]
    pub adoption: Adoption,
    /// How often the workspace is looked up in Azure: hours, minutes and seconds, such as `10m` or `1h30m`, from `1m` to `24h`. Default: `10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Period>,
}

/// What a version and its deployment must be to serve in a workspace. The policy belongs to the place, so no other
/// object can relax it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Where versions may come from: a version must match one of these entries. Without a list, from anywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub sources: Vec<PolicySource>,
    /// What must be known about the origin of a version. If not set, nothing has to be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<LineagePolicy>,
    /// What has to be true of the metrics of a version. If not set, nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gates: Option<GatePolicy>,
    /// Whose approval a version needs. If not set, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals: Option<ApprovalPolicy>,
    /// Where a version must have served before, and for how long. If not set, nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soak: Option<SoakPolicy>,
    /// The times in which rollouts may go on here, at most 16. While they may not, no weight rises and no candidate is made; traffic can be taken back at any time. Default: at any time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub windows: Vec<Window>,
    /// What a deployment may bring besides the model. If not set, anything; if set, no user-assigned identity that `identities` does not name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<DeploymentPolicy>,
    /// Whether an endpoint in this workspace may be taken down when its DeploymentBinding is deleted. Allow (default): the `deletionPolicy` of the binding decides. Forbid: Bindery only lets go, whatever the binding says: traffic, deployments, settings and keys stay as they are in Azure, and an event says what stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_deletion: Option<EndpointDeletion>,
}

/// Whether an endpoint may be taken down when its binding is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum EndpointDeletion {
    #[default]
    Allow,
    Forbid,
}

/// Whose approval a version needs before it may serve. Approvals are objects of the kind Approval; each is about one asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalPolicy {
    /// How many different people have to approve, 1 to 10. Default: 1. Without the chart's admission policy for approvals nobody can say who has written one, so the approvals of one namespace then count as one person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10))]
    pub count: Option<i32>,
    /// The namespaces whose Approvals count, such as `model-risk`. Whoever may create Approvals there decides, so a team's own namespace does not belong here.
    #[schemars(schema_with = "form::namespaces", length(min = 1))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub from_namespaces: Vec<String>,
    /// What happens when a version that serves is rejected, or its approval is withdrawn or expires. KeepServing (default): it goes on serving, and the condition `Admitted` says so. RollBack: the traffic goes back to the deployment that was stable before, while that is warm, and is itself neither rejected nor withdrawn; where the approvals of both have expired, it stays where it is. A candidate that is rejected, or whose approval is withdrawn, is taken back in either case; one whose approval has expired keeps what it has and gets no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_withdrawal: Option<OnWithdrawal>,
    /// The rules of this policy that an Approval may waive by `spec.waives`, until that Approval ends: `Soak`, `Windows`, or `Gate/` and the name of a gate. It takes as many different people as `count` says. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "form::waivable_rules", length(min = 1))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub waivable: Vec<String>,
}

impl ApprovalPolicy {
    /// How many people have to approve.
    pub fn people(&self) -> usize {
        self.count.and_then(|count| usize::try_from(count).ok()).unwrap_or(1)
    }
}

/// Where a version must have served before, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = between("__for__", "1s", "2160h"))]
pub struct SoakPolicy {
    /// The Workspaces of which one counts, at most 8, such as `[{name: fares-staging}]`: by references from this Workspace's own namespace. In one of them, one DeploymentBinding must have had the version (the same asset) as its stable one. A Workspace that does not exist or does not let this namespace in admits nothing.
    #[serde(rename = "in")]
    #[schemars(length(min = 1, max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub places: Vec<Reference>,
    /// For how long without a break: hours, minutes and seconds, such as `24h`, from `1s` to `2160h`. It may be over: what the history of the DeploymentBinding still shows counts.
    #[serde(rename = "for")]
    pub period: Period,
}

/// What becomes of a version that serves and is not approved any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum OnWithdrawal {
    #[default]
    KeepServing,
    RollBack,
}

/// What a deployment may bring besides the model. What is refused is not begun; what serves already goes on serving.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentPolicy {
    /// Whether a DeploymentBinding may give `online.deployment.code`. Forbid: only models serve that need no scoring code, such as MLflow models; variables that begin with `AZUREML_` or `AML_`, by which Azure's server is told what to run, are refused too. What the image and the model's own files run is for `environments` and `sources`. Default: Allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CodePolicy>,
    /// The environments that a DeploymentBinding may give in `online.deployment.environment`, by their ids, in which `*` stands for any characters: `azureml://registries/shared/environments/*/versions/*`, or `/subscriptions/…/workspaces/fares-prod/environments/sklearn/versions/4`. Case counts in the names of environments, and nowhere else. Without a list, every environment. A deployment without an environment of its own is not asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "form::environment_globs", length(min = 1))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub environments: Vec<String>,
    /// The user-assigned identities that a DeploymentBinding may give its endpoint in `online.endpoint.identity`, by their ARM ids, in which `*` stands for any characters; `*` alone allows all. Case does not count. Default: none. A system-assigned identity is always allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "form::identity_globs")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub identities: Vec<String>,
    /// The virtual machine sizes that a DeploymentBinding may name in `online.deployment.instanceType`, such as `Standard_DS3_v2`. Case does not count. With a list, every DeploymentBinding has to name one of them. Without a list, every size.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "form::instance_types", length(min = 1))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub instance_types: Vec<String>,
    /// The most instances that a DeploymentBinding may ask for in `online.deployment`, by `instanceCount` or `autoscale.maxInstances`, 1 to 50. Each deployment counts by itself. Default: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 50))]
    pub max_instances: Option<i32>,
}

impl DeploymentPolicy {
    /// What is allowed, in words.
    pub fn in_words(&self) -> String {
        let list = |what: &str, all: &[String]| {
            (!all.is_empty()).then(|| format!("{what} of {} allowed", all.len()))
        };
        let no_code = self.code == Some(CodePolicy::Forbid);
        let identities = match self.identities.len() {
            0 => "no user-assigned identity".to_string(),
            some => format!("an identity of {some} allowed"),
        };
        [
            no_code.then(|| "no code of its own".to_string()),
            list("an environment", &self.environments),
            Some(identities),
            list("a size", &self.instance_types),
            self.max_instances.map(|most| format!("at most {most} instances")),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
    }
}

/// Whether a deployment may bring scoring code of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum CodePolicy {
    #[default]
    Allow,
    Forbid,
}

/// A place that versions may come from. Exactly one of registryRef and thisWorkspace.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.registryRef) != has(self.thisWorkspace)").message("give exactly one of registryRef and thisWorkspace"))]
pub struct PolicySource {
    /// A name of this entry, which messages use: up to 63 lower-case letters, digits and dashes, such as `released`.
    #[schemars(schema_with = "form::entry_name")]
    pub name: String,
    /// Versions in this registry. Nothing comes from a Registry that does not exist, or that does not allow the workspace's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry_ref: Option<Reference>,
    /// Versions in this workspace itself, written `{}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub this_workspace: Option<ThisWorkspace>,
    /// Only models with one of these names. `*` stands for any characters, `?` for one. Without a list, every model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "form::model_globs", length(min = 1))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub models: Vec<String>,
}

/// The workspace that the policy is of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ThisWorkspace {}

/// What must be known of where a version comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineagePolicy {
    /// `Named`: Azure knows the training job, and the version's `status.lineage.job` names it. `Verified`: besides, Azure shows that the version's files are that job's: they are in an output of the job, or Bindery published the version from one of which that is true. Bindery reads this from Azure before traffic rises.
    pub require: LineageRequirement,
}

/// How much must be known of where a version comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LineageRequirement {
    Named,
    Verified,
}

/// What Bindery has found and done, for people and for tools that wait. Bindery alone writes it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceStatus {
    /// The `metadata.generation` that this status describes; -1 until Bindery has processed the object.
    #[serde(default)]
    pub observed_generation: i64,
    /// The value of the annotation `bindery.dev/reconcile` that was last answered: since it was set, Bindery has compared the object with Azure and tried again what had failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub last_handled_reconcile: Option<String>,
    /// Conditions, for `kubectl wait`. `Ready`: the workspace exists in Azure, and Bindery may read it. `Reconciling`: work goes on. `Stalled`: only a person or a change of the manifest can help.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The ARM id of the workspace: `/subscriptions/…/workspaces/…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The GUID that Azure Machine Learning knows the workspace by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_id: Option<String>,
    /// The region by its short name in Azure, such as `eastus`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The URI to give to MLflow for tracking: `azureml://…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mlflow_tracking_uri: Option<String>,
    /// What is served in the workspace past Bindery: its endpoints that no DeploymentBinding of this cluster owns, and deployments on others that are not the binding's. Listed when the workspace is looked up; absent until it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmanaged: Option<Unmanaged>,
}

/// What is served in a workspace past Bindery.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct Unmanaged {
    /// How many endpoints there are with something that is not managed, also those that are not listed.
    #[schemars(range(min = 0))]
    pub count: i32,
    /// The endpoints, by name; of more than 50, the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub endpoints: Vec<UnmanagedEndpoint>,
    /// What Azure refuses to list, in a sentence; absent when it lists everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
}

/// An endpoint with something that is not managed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct UnmanagedEndpoint {
    /// Batch for a batch endpoint; absent for an online one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ServingKind>,
    /// The endpoint's name in Azure, such as `taxi-fare`.
    pub name: String,
    /// What its tag `bindery-owner` says, if it has one: another cluster's owner, or one whose object is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// True where a DeploymentBinding owns the endpoint, and only the deployments listed here are not its own.
    pub bound: bool,
    /// The deployments that are not managed, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub deployments: Vec<UnmanagedDeployment>,
}

/// The kind of the endpoint: `Online`, which is also meant where it is absent, or `Batch`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum ServingKind {
    /// It answers requests.
    #[default]
    Online,
    /// It starts jobs.
    Batch,
}

impl ServingKind {
    /// It answers requests, as most do.
    pub fn is_online(&self) -> bool {
        *self == Self::Online
    }

    /// What a deployment with this weight has, such as `90%`, or `default` on a batch endpoint.
    pub fn share(self, weight: i32) -> String {
        match (self, weight) {
            (Self::Online, weight) => format!("{weight}%"),
            (Self::Batch, 0) => "-".into(),
            (Self::Batch, _) => "default".into(),
        }
    }

    /// The same behind other words; nothing for what is not the default.
    pub fn and_share(self, weight: i32) -> String {
        match (self, weight) {
            (Self::Batch, 0) => String::new(),
            _ => format!(" {}", self.share(weight)),
        }
    }
}

impl From<EndpointKind> for ServingKind {
    fn from(kind: EndpointKind) -> Self {
        match kind {
            EndpointKind::Online => Self::Online,
            EndpointKind::Batch => Self::Batch,
        }
    }
}

/// A deployment that is not managed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnmanagedDeployment {
    /// The deployment's name in Azure, such as `blue`.
    pub name: String,
    /// The id of the model version that it serves; absent where it serves none that is registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_id: Option<String>,
    /// Its share of the traffic, in percent, 0 to 100; on a batch endpoint 100 for the default deployment.
    pub weight: i32,
    /// The number of instances that Azure has for it; absent for batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<i32>,
}
