//! Whom a token is for: each door takes the tokens of its own resource.

use super::Core;
use super::call::{Door, unauthorized};
use super::error::ArmError;
use crate::wire::Identity;

/// What Azure Resource Manager is called everywhere.
pub const ARM: [&str; 2] = ["https://management.core.windows.net/", "https://management.azure.com/"];

/// Azure Machine Learning itself, in each cloud [CLI].
const SERVICE: [&str; 3] = ["https://ml.azure.com", "https://ml.azure.cn", "https://ml.azure.us"];

/// Refuses a token for another resource. Azure Resource Manager is also called what the emulator's metadata call it, as a
/// client that found it there asks for. Azure Machine Learning's own door takes its own tokens too [CLI].
pub fn check(core: &Core, identity: &Identity, door: Door) -> Result<(), ArmError> {
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
