//! Who asks: whoever has a token that is in order and for the door that it was shown at.

use super::call::Door;
use super::error::ArmError;
use crate::core::Core;
use crate::wire::{Identity, Principal};

/// What Azure Resource Manager is called everywhere.
pub const ARM: [&str; 2] = ["https://management.core.windows.net/", "https://management.azure.com/"];

/// Azure Machine Learning itself, in each cloud [CLI].
const SERVICE: [&str; 3] = ["https://ml.azure.com", "https://ml.azure.cn", "https://ml.azure.us"];

/// Refuses a token for another resource. Azure Resource Manager is also called what the emulator's metadata call it, as a
/// client that found it there asks for. Azure Machine Learning's own door takes its own tokens too [CLI].
fn check(core: &Core, identity: &Identity, door: Door) -> Result<(), ArmError> {
    let audience = identity.audience.trim_end_matches('/');
    let own = core.base();
    let mut taken = ARM.into_iter().chain([own]).map(|name| name.trim_end_matches('/'));
    if taken.any(|name| name == audience) || (door == Door::Mfe && for_the_service(identity)) {
        return Ok(());
    }
    let [first, second] = ARM;
    Err(unauthorized(
        core,
        "InvalidAuthenticationTokenAudience",
        &format!(
            "The access token has been obtained for wrong audience or resource '{}'. It should exactly match with one of the allowed audiences '{first}','{second}','{own}/', with or without the last slash.",
            identity.audience
        ),
    ))
}

/// Whether a token is for Azure Machine Learning itself, in whichever cloud.
pub fn for_the_service(identity: &Identity) -> bool {
    SERVICE.contains(&identity.audience.trim_end_matches('/'))
}

/// ARM's 401, which says where to get a token.
pub fn unauthorized(core: &Core, code: &str, message: &str) -> ArmError {
    let challenge = format!(
        "Bearer authorization_uri=\"{}/{}\", error=\"invalid_token\"",
        core.base(),
        core.config.tenant
    );
    ArmError::front(401, code, message).header("WWW-Authenticate", challenge)
}

/// The identity behind a token that is in order, and that this door takes.
pub fn authenticated(core: &Core, principal: &Principal, door: Door) -> Result<Identity, ArmError> {
    let refused = |code: &str, message: &str| Err(unauthorized(core, code, message));
    match principal {
        Principal::Known(identity) => check(core, identity, door).map(|()| identity.clone()),
        Principal::Anonymous => {
            refused("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        }
        Principal::Unknown => refused("InvalidAuthenticationToken", "The access token is invalid."),
        Principal::Expired => refused(
            "ExpiredAuthenticationToken",
            "The access token expiry UTC time is earlier than current UTC time.",
        ),
    }
}
