//! Who may do what, where: rules by principal, scope and action.

use serde::{Deserialize, Serialize};

/// Grants or takes a right. A principal that no granting rule names may do everything that no rule takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RightsRule {
    /// Name of a principal; `*` stands for any text. Default `*`.
    #[serde(default = "anything")]
    pub principal: String,
    /// An ARM id, in any case: there, and everywhere under it. Default: everywhere.
    #[serde(default)]
    pub scope: String,
    /// Such as `Microsoft.MachineLearningServices/workspaces/*/write`, in any case; `*` stands for any text. What is done
    /// with the assets of a registry, of whatever kind, is `…/registries/assets/read`, `write` or `delete`.
    #[serde(default = "anything")]
    pub action: String,
    /// Grant or take.
    pub effect: RightsEffect,
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RightsEffect {
    /// The principal may do this, and nothing that is not granted.
    Allow,
    /// The principal may not do this.
    Deny,
}

pub(super) fn anything() -> String {
    "*".to_owned()
}
