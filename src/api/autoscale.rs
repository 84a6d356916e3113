//! Autoscale: how Azure Monitor changes the number of instances of a deployment.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How Azure Monitor scales a deployment between two numbers of instances.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.minInstances <= self.maxInstances").message("minInstances must not be more than maxInstances"),
    validation = Rule::new("has(self.cpuPercent) != has(self.requestsPerInstance)").message("give exactly one of cpuPercent and requestsPerInstance: by what Azure scales")
)]
pub struct Autoscale {
    /// The fewest instances, 1 to 50, with which a new deployment begins. Azure takes many minutes to add one, so these have to carry the traffic until then.
    #[schemars(range(min = 1, max = 50))]
    pub min_instances: i32,
    /// The most instances, 1 to 50, and not fewer than minInstances.
    #[schemars(range(min = 1, max = 50))]
    pub max_instances: i32,
    /// Instances are added above this average use of the processors, 10 to 95 percent, and removed below half of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 95))]
    pub cpu_percent: Option<i32>,
    /// Instances are added above this number of requests a minute for each instance, 2 to 1000000, and removed below half of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 1_000_000))]
    pub requests_per_instance: Option<i32>,
}

/// An autoscale setting in Azure Monitor that Bindery has made for a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AutoscaleStatus {
    /// The name of the deployment that it scales.
    pub deployment: String,
    /// The ARM id of the setting: `/subscriptions/…/providers/Microsoft.Insights/autoscalesettings/…`.
    pub id: String,
}
