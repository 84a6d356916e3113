//! Instance types, and the quota of their processors. What is wrong with them comes from behind the resource provider: as
//! JSON inside of a string.

use serde_json::json;

use super::endpoint;
use crate::core::Core;
use crate::core::machinery::call::Call;
use crate::core::machinery::error::ArmError;
use crate::core::machinery::json as at;

/// Refuses what cannot be the name of an instance type: of a virtual machine's size on Managed, of a resource in the cluster
/// on Kubernetes (§N).
pub(super) fn check_name(compute: &str, size: &str) -> Result<(), ArmError> {
    let more: &[u8] = if compute == "Kubernetes" { b"-." } else { b"_" };
    let fine = size.starts_with(|first: char| first.is_ascii_alphanumeric())
        && size.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || more.contains(&byte));
    if fine {
        return Ok(());
    }
    Err(refused(&format!("'{}' is not the name of an instance type.", size.escape_default())))
}

/// Refuses what the quota has no processors for.
pub(super) fn refuse_cores(
    core: &Core,
    call: &Call,
    location: &str,
    size: &str,
    count: u64,
) -> Result<(), ArmError> {
    let Some(limit) = core.config.quotas.cores else { return Ok(()) };
    let subscription = &call.address.subscription;
    let own = call.address.key();
    let own = core.store.get(&own);
    let of = |deployment: &serde_json::Value| {
        needed(size, deployment["sku"]["capacity"].as_u64().unwrap_or_default())
    };
    let same = |deployment: &serde_json::Value| {
        at::text(deployment, "properties.instanceType").is_some_and(|other| other.eq_ignore_ascii_case(size))
    };
    let used: u64 = core
        .store
        .everywhere("/deployments")
        .filter(|(path, other)| {
            path.contains("/onlineEndpoints/")
                && endpoint::in_subscription(path, subscription)
                && other["location"] == *location
                && same(other)
        })
        .map(|(_, other)| of(&other))
        .sum();
    let before = own.as_deref().filter(|own| same(own)).map_or(0, of);
    let more = needed(size, count).saturating_sub(before);
    if more == 0 || used + more <= limit {
        return Ok(());
    }
    Err(refused(&format!(
        "Not enough quota available for {size} in SubscriptionId {subscription}. Current usage/limit: {used}/{limit}. Additional needed: {more} Please see troubleshooting guide, available here: https://aka.ms/oe-tsg#error-outofquota"
    )))
}

/// The processors of so many instances and of the fifth more that Azure holds ready for upgrades [ISS].
fn needed(size: &str, count: u64) -> u64 {
    (count * 6).div_ceil(5) * processors(size)
}

/// How many processors an instance has: the first number in the name of its type, as in `Standard_F4s_v2`.
fn processors(size: &str) -> u64 {
    let digits: String =
        size.chars().skip_while(|letter| !letter.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(1)
}

/// A refusal as it was reported (mslearn-azure-ml#30): the answer of a service behind this one, inside of a string.
fn refused(why: &str) -> ArmError {
    let inner = json!({
        "errors": {"VmSize": [why]},
        "title": "One or more validation errors occurred.",
        "status": 400,
    });
    let message = format!("InferencingClient HttpRequest error, error detail: {inner}");
    let mut error =
        ArmError::user(400, "The request is invalid.", "InferencingClientCreateDeploymentFailed", message);
    "BadRequest".clone_into(&mut error.code);
    error
}
