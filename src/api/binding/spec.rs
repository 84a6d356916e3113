use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Batch, Deployment, DeploymentBindingStatus, Step, Strategy};
use crate::api::place::stays;
use crate::api::scalar::between;
use crate::api::{AzureIdentity, Management, NetworkAccess, Period, Reference, Tags, form};
use crate::azure::model::resource::EndpointKind;

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
    printcolumn(name = "Endpoint", type_ = "string", json_path = ".spec['online','batch'].endpoint.name"),
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
    validation = Rule::new("[has(self.online), has(self.batch)].filter(given, given).size() == 1").message("give exactly one of online and batch: what serves the version"),
    validation = Rule::new("!(has(self.online) && has(oldSelf.batch)) && !(has(self.batch) && has(oldSelf.online))").message("the kind of the endpoint cannot be changed: make a new DeploymentBinding for another endpoint"),
    validation = Rule::new("!has(self.batch) || !has(self.strategy) || !has(self.strategy.steps) || self.strategy.steps.size() == 0").message("a batch endpoint has no traffic to move in steps: leave strategy.steps out"),
    validation = Rule::new("!has(self.batch) || !has(self.strategy) || !has(self.strategy.metrics) || self.strategy.metrics.size() == 0").message("a batch endpoint has no requests to measure: leave strategy.metrics out"),
    validation = Rule::new(stays("workspaceRef")).message("workspaceRef cannot be changed: an endpoint stays in its workspace; make a new DeploymentBinding"),
    validation = Rule::new("(!has(self.online) || !has(oldSelf.online) || self.online.endpoint.name == oldSelf.online.endpoint.name) && (!has(self.batch) || !has(oldSelf.batch) || self.batch.endpoint.name == oldSelf.batch.endpoint.name)").message("endpoint.name cannot be changed: make a new DeploymentBinding for another endpoint"),
    validation = Rule::new("!has(self.online) || !has(oldSelf.online) || (has(self.online.endpoint.compute) ? self.online.endpoint.compute : '') == (has(oldSelf.online.endpoint.compute) ? oldSelf.online.endpoint.compute : '')").message("online.endpoint.compute cannot be changed: Azure moves no endpoint; make a new DeploymentBinding for another one"),
    validation = Rule::new("!has(self.online) || !has(self.online.endpoint.compute) || !has(self.strategy.steps) || self.strategy.steps.all(step, !has(step.mirror))").message("Azure mirrors no requests on Kubernetes: leave out the steps with mirror"),
    validation = Rule::new("!has(self.online) || !has(self.online.endpoint.compute) || !has(self.strategy.metrics) || self.strategy.metrics.all(metric, !has(metric.smokeTest))").message("smokeTest asks managed endpoints only: Bindery shows the key of an endpoint to no address of a cluster"),
    validation = between("interval", "1m", "24h")
)]
pub struct DeploymentBindingSpec {
    /// The Workspace object for the workspace that the endpoint is in. It cannot be changed to another one: make a new DeploymentBinding.
    pub workspace_ref: Reference,
    /// The model version to serve, by its ModelVersion object.
    pub model: ModelToServe,
    /// An online endpoint, managed by Azure or on a Kubernetes cluster, and what runs behind it. Exactly one of online and batch is given.
    #[serde(default, skip_serializing_if = "Online::is_absent")]
    pub online: Online,
    /// A batch endpoint and what its jobs run. The version takes over by becoming the endpoint's default deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Batch>,
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

impl DeploymentBindingSpec {
    /// The kind of the endpoint.
    pub fn kind(&self) -> EndpointKind {
        if self.batch.is_some() { EndpointKind::Batch } else { EndpointKind::Online }
    }

    /// The manifest asks for another kind of endpoint, which this version does not know.
    pub fn names_no_endpoint(&self) -> bool {
        self.online.is_absent() && self.batch.is_none()
    }

    /// The field that says what serves, such as `online`.
    pub fn serving_field(&self) -> &'static str {
        match self.kind() {
            EndpointKind::Online => "online",
            EndpointKind::Batch => "batch",
        }
    }

    /// The endpoint's name.
    pub fn endpoint_name(&self) -> &str {
        self.batch.as_ref().map_or(&self.online.endpoint.name, |batch| &batch.endpoint.name)
    }

    /// Where the workspace has the endpoint, such as `onlineEndpoints/taxi-fare`.
    pub fn endpoint_path(&self) -> String {
        format!("{}/{}", self.kind().collection(), self.endpoint_name())
    }

    /// The tags of the endpoint.
    pub fn endpoint_tags(&self) -> &Tags {
        self.batch.as_ref().map_or(&self.online.endpoint.tags, |batch| &batch.endpoint.tags)
    }

    /// The tags of the deployment.
    pub fn deployment_tags(&self) -> &Tags {
        self.batch.as_ref().map_or(&self.online.deployment.tags, |batch| &batch.deployment.tags)
    }

    /// The steps of a rollout. What has no traffic has none.
    pub fn steps(&self) -> &[Step] {
        if self.batch.is_some() { &[] } else { &self.strategy.steps }
    }
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

/// An online endpoint, managed by Azure or on a Kubernetes cluster, and what runs on it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("has(self.endpoint.compute) || !has(self.deployment.resources)").message("deployment.resources is for an endpoint on Kubernetes: give endpoint.compute, or an instanceType"),
    validation = Rule::new("!has(self.endpoint.compute) || !has(self.deployment.autoscale)").message("Azure Monitor scales nothing on Kubernetes: give instanceCount in place of autoscale")
)]
pub struct Online {
    /// The endpoint: its name, and how clients reach it.
    pub endpoint: Endpoint,
    /// The deployment that serves the version. Every field but instanceCount, autoscale and tags is part of the revision: a change of it is rolled out.
    pub deployment: Deployment,
}

impl Online {
    /// The manifest asks for another kind of endpoint, which this version does not know.
    pub fn is_absent(&self) -> bool {
        self.endpoint.name.is_empty()
    }
}

/// The endpoint: its name, and how clients reach it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.keysSecret) || !has(self.authMode) || self.authMode == 'Key'").message("keysSecret is for authMode Key: an endpoint of another mode has no keys"),
    validation = Rule::new("!has(self.compute) || !has(self.authMode) || self.authMode != 'AADToken'").message("an endpoint on Kubernetes takes no Microsoft Entra tokens: set authMode to Key or AMLToken")
)]
pub struct Endpoint {
    /// The endpoint's name in Azure: 3 to 32 letters (a-z, A-Z), digits and single dashes, beginning with a letter and not ending with a dash, such as `taxi-fare`. Unique in its Azure region. Immutable.
    #[schemars(schema_with = "form::endpoint_name")]
    pub name: String,
    /// The Kubernetes cluster that the endpoint is on, by the ARM id of the attached compute: `/subscriptions/…/workspaces/…/computes/…`. Without it, Azure manages the machines. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::compute")]
    pub compute: Option<String>,
    /// How clients authenticate: with endpoint keys (Key), Azure ML tokens (AMLToken) or Microsoft Entra tokens (AADToken). If not set, a new endpoint gets Key, and an existing one stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_mode: Option<AuthMode>,
    /// Have Bindery write the keys of the endpoint into a Secret of this namespace, and follow when they change in Azure; for authMode Key only. Whoever runs the operator has listed this namespace (`endpointKeys.namespaces` in the chart's values).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_secret: Option<KeysSecret>,
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

/// The Secret that Bindery writes the keys of the endpoint into.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeysSecret {
    /// The name of the Secret, such as `taxi-fare-keys`. Bindery makes it with the keys `primaryKey`, `secondaryKey` and `scoringUri`, and removes it with this object or when this field goes. A Secret that is there without the label `bindery.dev/endpoint-keys` and the name of this object is left alone.
    #[schemars(schema_with = "form::object_name")]
    pub name: String,
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

/// What becomes of an endpoint in Azure when its binding is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum BindingDeletion {
    #[default]
    Delete,
    Retain,
}
