//! The api-versions that requests may name.

use crate::core::machinery::address::Address;
use crate::core::machinery::api_version;
use crate::core::machinery::error::ArmError;
use crate::wire::Request;

/// What clients are known to send (§A, §E.2), for messages and for the provider's own description. Any other of 2018 or
/// later is taken too, and one superset of the schema is served for all.
pub const KNOWN: [&str; 34] = [
    "2020-08-01",
    "2020-09-01-dataplanepreview",
    "2021-10-01-dataplanepreview",
    "2022-01-01-preview",
    "2022-02-01-preview",
    "2022-05-01",
    "2022-10-01",
    "2022-10-01-preview",
    "2022-12-01-preview",
    "2023-02-01-preview",
    "2023-04-01",
    "2023-04-01-preview",
    "2023-06-01-preview",
    "2023-08-01-preview",
    "2023-10-01",
    "2024-01-01-preview",
    "2024-04-01",
    "2024-04-01-preview",
    "2024-07-01-preview",
    "2024-10-01",
    "2024-10-01-preview",
    "2025-01-01-preview",
    "2025-04-01",
    "2025-04-01-preview",
    "2025-06-01",
    "2025-07-01-preview",
    "2025-09-01",
    "2025-10-01-preview",
    "2025-12-01",
    "2026-01-15-preview",
    "2026-03-01",
    "2026-03-15-preview",
    "2026-05-01",
    "2026-05-15-preview",
];

/// The version that a request names.
pub fn admit(request: &Request, address: &Address) -> Result<String, ArmError> {
    let version = dated(request, &format!(" The supported versions are '{}'.", KNOWN.join(", ")))?;
    if api_version::is_taken(&version) {
        return Ok(version);
    }
    Err(ArmError::front(
        400,
        "NoRegisteredProviderFound",
        format!(
            "No registered resource provider found for location 'eastus' and API version '{version}' for type '{}'. The supported api-versions are '{}'.",
            address.shape(),
            KNOWN.join(", ")
        ),
    ))
}

/// The version that a request names, of whichever day. `known`: what is said of those that there are.
pub fn dated(request: &Request, known: &str) -> Result<String, ArmError> {
    let Some(version) = request.parameter("api-version").filter(|version| !version.is_empty()) else {
        return Err(ArmError::front(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        ));
    };
    if api_version::day_of(&version).is_some() {
        return Ok(version);
    }
    let message = format!("The api-version '{version}' is invalid.{known}");
    Err(ArmError::front(400, "InvalidApiVersionParameter", message))
}
