//! Who may do what, where: rules by principal, scope and action.

use serde::{Deserialize, Serialize};

use super::Core;
use super::address::Address;
use super::error::ArmError;
use crate::wire::Identity;

/// Grants or takes a right. A principal that no granting rule names may do everything that no rule takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RightsRule {
    /// Name of a principal; `*` stands for any text. Default `*`.
    #[serde(default = "anything")]
    pub principal: String,
    /// Beginning of an ARM id, in any case. Default: everywhere.
    #[serde(default)]
    pub scope: String,
    /// Such as `Microsoft.MachineLearningServices/registries/*/write`, in any case; `*` stands for any text.
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

fn anything() -> String {
    "*".to_owned()
}

/// Whether `text` is like `pattern`, where `*` stands for any text, without regard to case.
pub(crate) fn like(pattern: &str, text: &str) -> bool {
    fn matches(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|skipped| matches(rest, &text[skipped..])),
            Some((expected, rest)) => text
                .split_first()
                .is_some_and(|(byte, tail)| byte.eq_ignore_ascii_case(expected) && matches(rest, tail)),
        }
    }
    matches(pattern.as_bytes(), text.as_bytes())
}

/// The action that a method on an address is.
pub fn action(address: &Address, method: &str) -> String {
    let verb = match (method, &address.action) {
        ("POST", Some(action)) => format!("{action}/action"),
        (_, Some(action)) => format!("{action}/read"),
        ("GET" | "HEAD", None) => "read".to_owned(),
        ("DELETE", None) => "delete".to_owned(),
        _ => "write".to_owned(),
    };
    format!("{}/{verb}", address.arm_type())
}

/// Refuses with ARM's 403 what the rules do not permit.
pub fn check(core: &Core, identity: &Identity, scope: &str, action: &str) -> Result<(), ArmError> {
    let applies = |rule: &RightsRule| {
        scope.to_ascii_lowercase().starts_with(&rule.scope.to_ascii_lowercase()) && like(&rule.action, action)
    };
    let mine = || core.config.rights.iter().filter(|rule| like(&rule.principal, &identity.name));
    let denied = mine().any(|rule| rule.effect == RightsEffect::Deny && applies(rule));
    let mut grants = mine().filter(|rule| rule.effect == RightsEffect::Allow).peekable();
    if !denied && (grants.peek().is_none() || grants.any(applies)) {
        return Ok(());
    }
    Err(ArmError::front(
        403,
        "AuthorizationFailed",
        format!(
            "The client '{}' with object id '{}' does not have authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
            identity.name, identity.object_id
        ),
    ))
}
