//! Who may do what, where: rules by principal, scope and action.

use super::address::Address;
use super::error::ArmError;
use crate::config::{RightsEffect, RightsRule, like};
use crate::core::Core;
use crate::wire::Identity;

const ASSETS: &str = "Microsoft.MachineLearningServices/registries/assets";

/// The action that a method on an address is.
pub fn action(address: &Address, method: &str) -> String {
    if let Some(verb) = asset_verb(address, method) {
        return format!("{ASSETS}/{verb}");
    }
    let verb = match (method, &address.action) {
        ("POST", Some(action)) => format!("{action}/action"),
        (_, Some(action)) => format!("{action}/read"),
        ("GET" | "HEAD", None) => "read".to_owned(),
        ("DELETE", None) => "delete".to_owned(),
        _ => "write".to_owned(),
    };
    format!("{}/{verb}", address.arm_type())
}

/// What a request is to a registry's assets, whose rights are the same for all kinds (§H.1); none when it is about
/// something else. Whoever asks for a place to upload to is about to write, and who asks for a reference reads.
fn asset_verb(address: &Address, method: &str) -> Option<&'static str> {
    match (address.kinds().as_slice(), method) {
        (["registries"], "POST") if address.acts("import") => Some("write"),
        ([] | [_], _) => None,
        (["registries", "datarefs" | "datareferences", ..], _) | (["registries", ..], "GET" | "HEAD") => {
            Some("read")
        }
        (["registries", ..], "DELETE") => Some("delete"),
        (["registries", ..], _) => Some("write"),
        _ => None,
    }
}

/// Refuses who may not put an asset into a registry: that takes the rights to read the registry and to write its assets.
pub fn check_destination(core: &Core, identity: &Identity, registry: &Address) -> Result<(), ArmError> {
    let id = registry.id();
    check(core, identity, &id, &action(registry, "GET"))?;
    check(core, identity, &id, &format!("{ASSETS}/write"))
}

/// Whether a rule's scope is a resource, or what holds it.
pub fn covers(rule: &str, scope: &str) -> bool {
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
