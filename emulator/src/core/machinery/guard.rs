//! What stands before a write beside rights: locks and policies of whoever owns the subscription. Azure Resource Manager
//! asks both before the resource provider sees the request; the other door does not know them.

use serde_json::{Value, json};

use super::address::Address;
use super::call::{Call, Door};
use super::error::ArmError;
use super::rights::covers;
use super::tags::same;
use super::{ids, json as at};
use crate::config::{Lock, LockLevel, Policy, PolicyEffect, like};
use crate::core::Core;
use crate::wire::Request;

/// Refuses what a lock forbids, and what a policy denies.
pub fn check(core: &Core, call: &Call) -> Result<(), ArmError> {
    let method = call.request.method.as_str();
    if call.door == Door::Mfe || ["GET", "HEAD"].contains(&method) {
        return Ok(());
    }
    refuse_locked(core, &call.address, method)?;
    let denial = policies(core, call).find(|policy| policy.effect == PolicyEffect::Deny);
    denial.map_or(Ok(()), |policy| Err(disallowed(core, call, policy)))
}

/// A `CanNotDelete` stops a DELETE, a `ReadOnly` every write, POST too; both of what is under their scope, and of what
/// their scope is under when that would go as well.
fn refuse_locked(core: &Core, address: &Address, method: &str) -> Result<(), ArmError> {
    let scope = address.id();
    let deletes = method == "DELETE";
    let stops = |lock: &&Lock| {
        (deletes || lock.level == LockLevel::ReadOnly)
            && (covers(&lock.scope, &scope) || (deletes && covers(&scope, &lock.scope)))
    };
    let found: Vec<String> =
        core.config.locks.iter().filter(stops).map(|lock| format!("'{}'", lock.scope)).collect();
    if found.is_empty() {
        return Ok(());
    }
    let kind = if deletes { "delete" } else { "write" };
    let message = format!(
        "The scope '{scope}' cannot perform {kind} operation because following scope(s) are locked: {}. Please remove the lock and try again.",
        found.join(",")
    );
    Err(ArmError::front(409, "ScopeLocked", message))
}

/// The policies about a write of a resource. They are not asked about deletions and actions.
fn policies<'a>(core: &'a Core, call: &Call) -> impl Iterator<Item = &'a Policy> {
    let writes = ["PUT", "PATCH"].contains(&call.request.method.as_str()) && call.door == Door::Arm;
    let (scope, kind) = (call.address.id(), call.address.arm_type());
    core.config
        .policies
        .iter()
        .filter(move |policy| writes && covers(&policy.scope, &scope) && like(&policy.resource_type, &kind))
}

fn disallowed(core: &Core, call: &Call, policy: &Policy) -> ArmError {
    let name = call.address.leaf();
    let guid = |what: &str| ids::stable_guid(core.config.seed, &format!("policy {what} {}", policy.name));
    let scope = if policy.scope.is_empty() {
        format!("/subscriptions/{}", call.address.subscription)
    } else {
        policy.scope.clone()
    };
    let assignment =
        format!("{scope}/providers/Microsoft.Authorization/policyAssignments/{}", guid("assignment"));
    let definition = format!("/providers/Microsoft.Authorization/policyDefinitions/{}", guid("definition"));
    let identifiers = json!([{
        "policyAssignment": {"name": policy.name, "id": assignment},
        "policyDefinition": {"name": policy.name, "id": definition},
    }]);
    let message = format!("Resource '{name}' was disallowed by policy. Policy identifiers: '{identifiers}'.");
    let violation = json!({
        "type": "PolicyViolation",
        "info": {
            "policyAssignmentDisplayName": policy.name,
            "policyAssignmentId": assignment,
            "policyDefinitionDisplayName": policy.name,
            "policyDefinitionEffect": "Deny",
            "policyDefinitionId": definition,
        },
    });
    ArmError::front(403, "RequestDisallowedByPolicy", message)
        .with("target", name.into())
        .with("additionalInfo", json!([violation]))
        .header("x-ms-failure-cause", "gateway")
}

/// The request as policies make it; none when they leave it alone.
pub fn modified(core: &Core, call: &Call) -> Option<Request> {
    let mut patches = policies(core, call)
        .filter_map(|policy| match &policy.effect {
            PolicyEffect::Modify(patch) => Some(patch),
            PolicyEffect::Deny => None,
        })
        .peekable();
    patches.peek()?;
    let mut body: Value = serde_json::from_slice(&call.request.body).ok().filter(Value::is_object)?;
    for patch in patches {
        // A tag is the policy's in whatever case the client spelled it.
        let tags = at::object(patch, "tags");
        if let Some(sent) = body.get_mut("tags").and_then(Value::as_object_mut) {
            sent.retain(|name, _| !tags.keys().any(|own| same(own, name)));
        }
        at::merge(&mut body, patch);
    }
    Some(Request { body: body.to_string().into_bytes(), ..call.request.clone() })
}
