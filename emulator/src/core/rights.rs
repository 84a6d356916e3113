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
    /// An ARM id, in any case: there, and everywhere under it. Default: everywhere.
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

/// Whether `text` is like `pattern`, where `*` stands for any text, without regard to case. Clients send patterns
/// too, so it takes no longer than the lengths of both multiplied: only the last star is ever tried again, since
/// whatever an earlier one could skip, a later one can.
pub(crate) fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut expected, mut read) = (0, 0);
    let mut star = None;
    while read < text.len() {
        match pattern.get(expected) {
            Some(b'*') => {
                star = Some((expected + 1, read));
                expected += 1;
            }
            Some(byte) if byte.eq_ignore_ascii_case(&text[read]) => {
                expected += 1;
                read += 1;
            }
            _ => {
                let Some((after, skipped)) = star else { return false };
                star = Some((after, skipped + 1));
                (expected, read) = (after, skipped + 1);
            }
        }
    }
    pattern[expected..].iter().all(|byte| *byte == b'*')
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

/// Whether a rule's scope is a resource, or what holds it.
fn covers(rule: &str, scope: &str) -> bool {
    let (rule, scope) = (rule.trim_end_matches('/').to_ascii_lowercase(), scope.to_ascii_lowercase());
    scope.strip_prefix(&rule).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Refuses with ARM's 403 what the rules do not permit.
pub fn check(core: &Core, identity: &Identity, scope: &str, action: &str) -> Result<(), ArmError> {
    let applies = |rule: &RightsRule| covers(&rule.scope, scope) && like(&rule.action, action);
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

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn stars_stand_for_any_text() {
        for pattern in ["*", "a*", "*C", "a*b*c", "abc", "**a**b*c**", "A*C"] {
            assert!(like(pattern, "abc"), "{pattern}");
        }
        for pattern in ["", "a", "ab", "abcd", "*b", "b*", "a*d*c", "a*c*c"] {
            assert!(!like(pattern, "abc"), "{pattern}");
        }
        assert!(like("*ab*abc", "ababxabc") && like("", "") && like("*", "") && !like("a", ""));
    }

    #[test]
    fn many_stars_take_no_time() {
        assert!(!like(&format!("{}b", "*a".repeat(30)), &"a".repeat(2000)));
    }
}
