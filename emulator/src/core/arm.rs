//! The front door: tokens, api-versions, scopes, rights, routing, and the headers that every answer has.

use super::address::{Address, NoAddress};
use super::call::{Call, Door, authenticated, no_such_type};
use super::error::ArmError;
use super::{
    Core, batch, blob, discovery, headers, history, mlflow, monitor, provider, rights, route, scoring,
    throttle, token,
};
use crate::wire::{Identity, Principal, Request, Response};

/// What clients are known to send (§A, §E.2). One superset of the schema is served for all.
pub const API_VERSIONS: [&str; 28] = [
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

/// Answers anything, wherever it points.
pub fn answer(core: &mut Core, principal: &Principal, request: &Request) -> Response {
    if let Some(response) = beside_arm(core, principal, request) {
        return response;
    }
    let (door, path) = match request.path.strip_prefix("/mferp/managementfrontend") {
        Some(rest) => (Door::Mfe, rest),
        None => (Door::Arm, request.path.as_str()),
    };
    let measured = monitor::resource(path);
    let parsed = Address::parse(measured.unwrap_or(path));
    let region = parsed
        .as_ref()
        .ok()
        .and_then(|address| region_of(core, address))
        .unwrap_or_else(|| "eastus".to_owned());
    let result = admit(core, principal, request, parsed, door).and_then(|(identity, address)| {
        if measured.is_some() {
            return monitor::answer(core, &identity, request, &address);
        }
        if address.is_provider() {
            return provider::answer(core, &identity, request, &address);
        }
        let call = admit_call(core, &identity, request, address, door)?;
        throttle::spend(core, &call)?;
        route::dispatch(core, &call)
    });
    let refused = result.is_err();
    let response = result.unwrap_or_else(|error| error.into_response(core, &region));
    headers::decorate(core, request, response, &region, refused)
}

fn beside_arm(core: &mut Core, principal: &Principal, request: &Request) -> Option<Response> {
    if let Some(response) = blob::answer(core, principal, request) {
        return Some(response);
    }
    let path = request.path.as_str();
    if let Some(rest) = path.strip_prefix("/inference/") {
        return Some(scoring::answer(core, principal, request, rest));
    }
    if let Some(rest) = path.strip_prefix("/batch/") {
        return Some(batch::invoke::answer(core, principal, request, rest));
    }
    if let Some(rest) = path.strip_prefix("/mlflow/") {
        return Some(match authenticated(core, principal, Door::Arm) {
            Ok(identity) => mlflow::answer(core, &identity, request, rest),
            Err(error) => error.into_response(core, "eastus"),
        });
    }
    history::answer(core, principal, request)
        .or_else(|| discovery::answer(core, principal, request))
        .or_else(|| token::answer(core, request))
}

/// Who asks, and for what.
fn admit(
    core: &Core,
    principal: &Principal,
    request: &Request,
    parsed: Result<Address, NoAddress>,
    door: Door,
) -> Result<(Identity, Address), ArmError> {
    let identity = authenticated(core, principal, door)?;
    let through = |address: Address| match door {
        Door::Arm if address.acts("import") => Err(NoAddress::Type("registries/import".to_owned())),
        Door::Arm | Door::Mfe => Ok(address),
    };
    let address = parsed.and_then(through).map_err(|why| match why {
        NoAddress::Elsewhere => {
            ArmError::front(404, "ResourceNotFound", format!("No route for '{}'.", request.path))
        }
        NoAddress::Segment => {
            ArmError::front(400, "InvalidResourceName", "A segment of the resource's path is not a name.")
        }
        NoAddress::Type(kind) => no_such_type(&kind),
    })?;
    Ok((identity, address))
}

/// Whether what is asked for can be, in this version, and may be by whom asks.
fn admit_call<'a>(
    core: &Core,
    identity: &'a Identity,
    request: &'a Request,
    address: Address,
    door: Door,
) -> Result<Call<'a>, ArmError> {
    let Some(groups) = core.subscription(&address.subscription) else {
        return Err(subscription_missing(&address.subscription));
    };
    let api_version = admit_version(request, &address)?;
    if !address.group.is_empty() && !groups.iter().any(|group| group.eq_ignore_ascii_case(&address.group)) {
        return Err(ArmError::front(
            404,
            "ResourceGroupNotFound",
            format!("Resource group '{}' could not be found.", address.group),
        ));
    }
    let action = rights::action(&address, request.method.as_str());
    if address.steps.first().is_none_or(|(kind, _)| *kind != "locations") {
        rights::check(core, identity, &address.id(), &action)?;
    }
    Ok(Call { request, identity, address, api_version, door })
}

fn admit_version(request: &Request, address: &Address) -> Result<String, ArmError> {
    let Some(version) = request.parameter("api-version").filter(|version| !version.is_empty()) else {
        return Err(version_missing());
    };
    if API_VERSIONS.iter().any(|known| known.eq_ignore_ascii_case(&version)) {
        return Ok(version);
    }
    let supported = API_VERSIONS.join(", ");
    if !is_dated(&version) {
        return Err(version_invalid(&version, &format!(" The supported versions are '{supported}'.")));
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

pub(super) fn subscription_missing(subscription: &str) -> ArmError {
    let message = format!("The subscription '{subscription}' could not be found.");
    ArmError::front(404, "SubscriptionNotFound", message)
}

pub(super) fn version_missing() -> ArmError {
    ArmError::front(
        400,
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
    )
}

pub(super) fn version_invalid(version: &str, known: &str) -> ArmError {
    let message = format!("The api-version '{version}' is invalid.{known}");
    ArmError::front(400, "InvalidApiVersionParameter", message)
}

/// Whether a version begins with a day, as all do.
pub(super) fn is_dated(version: &str) -> bool {
    let day = version.bytes().take(10).enumerate();
    version.len() >= 10
        && day
            .into_iter()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() })
}

fn region_of(core: &Core, address: &Address) -> Option<String> {
    let document = core.store.get(&address.key_to(1))?;
    Some(super::json::text(&document, "location")?.to_owned())
}
