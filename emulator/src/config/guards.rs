//! What whoever owns a subscription puts before writes: locks and policies.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rights::anything;

/// A lock on a scope and all that is under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lock {
    /// An ARM id, in any case: of a subscription, a resource group or a resource.
    pub scope: String,
    /// What it stops.
    pub level: LockLevel,
}

/// What a lock stops, in Azure's words. What is stopped is a 409 `ScopeLocked`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LockLevel {
    /// DELETE.
    CanNotDelete,
    /// DELETE, PUT, PATCH, and POST of any action, as `listKeys` or `publish`.
    ReadOnly,
}

/// An assignment of an Azure Policy: asked about every PUT and PATCH over ARM, not about deletions and actions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    /// The assignment's name, which a refusal tells.
    pub name: String,
    /// An ARM id, in any case: there, and everywhere under it. Default: everywhere.
    #[serde(default)]
    pub scope: String,
    /// Such as `Microsoft.MachineLearningServices/registries`, in any case; `*` stands for any text. Default `*`.
    #[serde(default = "anything")]
    pub resource_type: String,
    /// What it does to a request.
    pub effect: PolicyEffect,
}

/// What a policy does to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PolicyEffect {
    /// Refuses it: 403 `RequestDisallowedByPolicy`.
    Deny,
    /// Changes its body by a JSON merge patch, without a word to the client.
    Modify(Value),
}
