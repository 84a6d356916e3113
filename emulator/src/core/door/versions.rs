//! The api-versions that requests may name.

use crate::core::machinery::address::Address;
use crate::core::machinery::error::ArmError;
use crate::wire::Request;

/// What clients are known to send (§A, §E.2). One superset of the schema is served for all.
const API_VERSIONS: [&str; 28] = [
    "2020-09-01-dataplanepreview",
    "2020-08-01",
    "2021-10-01-dataplanepreview",
    "2022-02-01-preview",
    "2022-10-01",
    "2022-10-01-preview",
    "2023-04-01",
    "2023-04-01-preview",
    "2023-08-01-preview",
    "2023-10-01",
    "2024-01-01-preview",
    "2024-04-01",
    "2024-10-01",
    "2024-10-01-preview",
    "2025-01-01-preview",
    "2025-04-01",
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
    "2024-04-01-preview",
    "2025-04-01-preview",
];

/// The version that a request names, which must be one of those.
pub fn admit(request: &Request, address: &Address) -> Result<String, ArmError> {
    let Some(version) = request.parameter("api-version").filter(|version| !version.is_empty()) else {
        return Err(missing());
    };
    if API_VERSIONS.iter().any(|known| known.eq_ignore_ascii_case(&version)) {
        return Ok(version);
    }
    let supported = API_VERSIONS.join(", ");
    if !is_dated(&version) {
        return Err(invalid(&version, &format!(" The supported versions are '{supported}'.")));
    }
    Err(ArmError::front(
        400,
        "NoRegisteredProviderFound",
        format!(
            "No registered resource provider found for location 'eastus' and API version '{version}' for type '{}'. The supported api-versions are '{supported}'.",
            address.shape()
        ),
    ))
}

/// ARM's 400 of a request that names none.
pub fn missing() -> ArmError {
    ArmError::front(
        400,
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
    )
}

/// ARM's 400 of a version that is none, with those that there are.
pub fn invalid(version: &str, known: &str) -> ArmError {
    let message = format!("The api-version '{version}' is invalid.{known}");
    ArmError::front(400, "InvalidApiVersionParameter", message)
}

/// Whether a version begins with a day, as all do.
pub fn is_dated(version: &str) -> bool {
    let day = version.bytes().take(10).enumerate();
    version.len() >= 10
        && day
            .into_iter()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() })
}
