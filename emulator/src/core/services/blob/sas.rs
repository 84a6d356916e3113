//! Who may use a container: holders of a shared access signature that was issued here, and bearers of a token.

use jiff::Timestamp;

use super::{Refusal, Target, refusal};
use crate::core::Core;
use crate::core::resources::storage::signature;
use crate::wire::{Principal, Request};

/// Refuses whom neither a signature nor a token lets in.
pub fn admit(core: &Core, principal: &Principal, request: &Request, target: &Target) -> Result<(), Refusal> {
    if matches!(principal, Principal::Known(_)) {
        return Ok(());
    }
    let field = |name: &str| request.parameter(name).unwrap_or_default();
    let (permissions, expiry) = (field("sp"), field("se"));
    let signed =
        field("sig") == signature::sign(core, &target.account, &target.container, &permissions, &expiry);
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
