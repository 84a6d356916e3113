//! What becomes of asynchronous operations, and how long they take.

use serde::{Deserialize, Serialize};

use super::Durations;

/// The fate of asynchronous operations that are started while the rule is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OperationRule {
    /// Kind of work; none: any.
    #[serde(default)]
    pub work: Option<Work>,
    /// Part of the resource's path, such as `onlineEndpoints/fares/deployments/v2`; `*` stands for any text. Default: any.
    #[serde(default)]
    pub resource: String,
    /// Part of the `model` that a deployment is told to serve; `*` stands for any text. Default: any.
    #[serde(default)]
    pub model: String,
    /// How many operations it decides about; none: all.
    #[serde(default)]
    pub times: Option<u32>,
    /// What becomes of them.
    pub outcome: Outcome,
}

/// What becomes of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Outcome {
    /// What the deed itself makes of it.
    Succeed,
    /// It fails in the end, for a reason that only the operation tells.
    Fail {
        /// Such as `ResourceNotReady`.
        code: String,
        /// Such as `User container has crashed or terminated: Liveness probe failed`.
        message: String,
    },
    /// It never ends.
    Hang,
    /// It does its work, but its URL answers 404 from the start.
    Vanish,
}

/// Kinds of asynchronous work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum Work {
    RegistryCreate,
    RegistryUpdate,
    RegistryDelete,
    RegistryRemoveRegions,
    RegistryAsset,
    RegistryAssetDelete,
    Publish,
    EndpointCreate,
    EndpointUpdate,
    EndpointDelete,
    DeploymentCreate,
    DeploymentUpdate,
    DeploymentScale,
    DeploymentDelete,
    JobDelete,
}

impl Work {
    /// How long it takes, in emulated seconds.
    pub fn duration(self, durations: &Durations) -> f64 {
        match self {
            Self::RegistryCreate | Self::RegistryUpdate => durations.registry_create,
            Self::RegistryDelete => durations.registry_delete,
            Self::RegistryRemoveRegions => durations.registry_remove_regions,
            Self::RegistryAsset => durations.registry_asset,
            Self::RegistryAssetDelete => durations.registry_asset_delete,
            Self::Publish => durations.publish,
            Self::EndpointCreate => durations.endpoint_create,
            Self::EndpointUpdate => durations.endpoint_update,
            Self::EndpointDelete => durations.endpoint_delete,
            Self::DeploymentCreate => durations.deployment_create,
            Self::DeploymentUpdate => durations.deployment_update,
            Self::DeploymentScale => durations.deployment_scale,
            Self::DeploymentDelete => durations.deployment_delete,
            Self::JobDelete => durations.job_delete,
        }
    }
}
