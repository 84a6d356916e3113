//! Who may use a container: holders of a shared access signature that was issued here, and bearers of a token.

use jiff::Timestamp;

use super::{Refusal, Target, refusal};
use crate::core::{Core, ids};
use crate::wire::{Principal, Request};

/// What an issued signature permits: read, add, create, write, list.
const PERMISSIONS: &str = "racwl";

/// A query that opens a container for so many hours of its holder's clock.
pub fn issue(core: &Core, account: &str, container: &str, hours: f64) -> String {
    let expiry = ids::after(core.now(), hours * 3600.0 * core.scale());
    let expiry = expiry.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let signature = sign(core, account, container, PERMISSIONS, &expiry);
    format!("sv=2023-11-03&sr=c&sp={PERMISSIONS}&se={}&sig={signature}", expiry.replace(':', "%3A"))
}

fn sign(core: &Core, account: &str, container: &str, permissions: &str, expiry: &str) -> String {
    ids::stable_guid(core.config.seed, &format!("sas {account}/{container} {permissions} {expiry}"))
}

/// Refuses whom neither a signature nor a token lets in.
pub fn admit(core: &Core, principal: &Principal, request: &Request, target: &Target) -> Result<(), Refusal> {
    if matches!(principal, Principal::Known(_)) {
        return Ok(());
    }
    let field = |name: &str| request.parameter(name).unwrap_or_default();
    let (permissions, expiry) = (field("sp"), field("se"));
    let signed = field("sig") == sign(core, &target.account, &target.container, &permissions, &expiry);
    if !signed || expiry.parse::<Timestamp>().is_ok_and(|expiry| expiry <= core.now()) {
        return Err(refusal(
            403,
            "AuthenticationFailed",
            "Server failed to authenticate the request. The emulator takes a shared access signature that it issued, \
             or a bearer token; it takes no account key.",
        ));
    }
    if !permissions.contains(needed(request, target)) {
        return Err(refusal(
            403,
            "AuthorizationPermissionMismatch",
            "This request is not authorized to perform this operation using this permission.",
        ));
    }
    Ok(())
}

fn needed(request: &Request, target: &Target) -> char {
    match request.method.as_str() {
        "GET" | "HEAD" if target.blob.is_empty() => 'l',
        "GET" | "HEAD" => 'r',
        "DELETE" => 'd',
        _ => 'w',
    }
}
