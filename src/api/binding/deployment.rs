use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::scalar::{between, goes_down, within_limits};
use crate::api::{Autoscale, EnvironmentVariables, NetworkAccess, Period, Tags, form};

/// What runs behind the endpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = goes_down("environment"),
    validation = Rule::new("!(has(self.instanceCount) && has(self.autoscale))").message("with autoscale Azure decides the number of instances: give instanceCount or autoscale, not both")
)]
pub struct Deployment {
    /// The virtual machine size, such as `Standard_DS3_v2`. Default: Azure's, `Standard_F4s_v2`. On Kubernetes (`endpoint.compute`) the name of an InstanceType of the cluster, by default `defaultinstancetype`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::instance_type")]
    pub instance_type: Option<String>,
    /// The number of instances, 1 to 50. Applied to the deployment of the current revision at once, without a rollout. Without it, a new deployment is made with 1, and the count of one that exists is left to whoever scales it in Azure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 50))]
    pub instance_count: Option<i32>,
    /// Have Azure Monitor change the number of instances with the load, in place of instanceCount. Applied to the deployment of the current revision at once, without a rollout; a candidate gets no traffic before it has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscale: Option<Autoscale>,
    /// What each instance asks of the cluster and may use at most. For endpoints on Kubernetes only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
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

impl Deployment {
    /// The most instances that it asks for; none where it leaves the count to others.
    pub fn most_instances(&self) -> Option<i32> {
        self.instance_count.or(self.autoscale.as_ref().map(|it| it.max_instances))
    }
}

/// What each instance asks of the cluster and may use at most.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = within_limits("cpu"),
    validation = within_limits("memory")
)]
pub struct Resources {
    /// What an instance needs to be placed on a node. Required.
    pub requests: Requests,
    /// What an instance may use at most. Without it, the limits of the InstanceType hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

/// What an instance needs to be placed on a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Requests {
    /// The processors that an instance needs, such as `2` or `500m`.
    #[schemars(schema_with = "form::processors")]
    pub cpu: String,
    /// The memory that an instance needs, such as `4Gi`.
    #[schemars(schema_with = "form::memory")]
    pub memory: String,
}

/// What an instance may use at most.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// The processors that an instance may use, such as `2` or `500m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::processors")]
    pub cpu: Option<String>,
    /// The memory that an instance may use, such as `4Gi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::memory")]
    pub memory: Option<String>,
    /// The number of NVIDIA GPUs for each instance, such as `"1"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::gpus")]
    pub gpu: Option<String>,
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
