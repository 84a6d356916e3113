//! The front door: tokens, api-versions, scopes, rights, routing, and the headers that every answer has.

use serde_json::{Value, json};

use super::address::{Address, NoAddress};
use super::error::ArmError;
use super::{
    Core, batch, blob, discovery, headers, ids, mlflow, monitor, rights, route, schema, scoring, throttle,
    token,
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

/// Which way a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Azure Resource Manager.
    Arm,
    /// `/mferp/managementfrontend`: the way of azure-ai-ml to a registry's assets (§C.2).
    Mfe,
}

/// A request that got through the door.
pub struct Call<'a> {
    /// The request itself.
    pub request: &'a Request,
    /// Who asks.
    pub identity: &'a Identity,
    /// What for.
    pub address: Address,
    /// In which version.
    pub api_version: String,
    /// Through which door.
    pub door: Door,
}

impl Call<'_> {
    /// The body, which must be a JSON object, as the service spells it.
    pub fn body(&self) -> Result<Value, ArmError> {
        let refused = |why: String| {
            ArmError::front(
                400,
                "InvalidRequestContent",
                format!("The request content was invalid and could not be deserialized: '{why}'."),
            )
        };
        match serde_json::from_slice(&self.request.body) {
            Ok(body @ Value::Object(_)) => {
                Ok(schema::taken(&self.request.method, &self.address.shape(), body))
            }
            Ok(_) => Err(refused("Expected a JSON object".to_owned())),
            Err(error) => Err(refused(error.to_string())),
        }
    }
}

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
            return monitor::answer(core, identity, request, &address);
        }
        let call = admit_call(core, identity, request, address, door)?;
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
        return Some(match authenticated(core, principal) {
            Ok(identity) => mlflow::answer(core, &identity, request, rest),
            Err(error) => error.into_response(core, "eastus"),
        });
    }
    discovery::answer(core, principal, request).or_else(|| token::answer(core, request))
}

/// The identity behind a token that is in order.
pub fn authenticated(core: &Core, principal: &Principal) -> Result<Identity, ArmError> {
    let challenge = format!(
        "Bearer authorization_uri=\"{}/{}\", error=\"invalid_token\"",
        core.base(),
        core.config.tenant
    );
    let refused = |code: &str, message: &str| {
        Err(ArmError::front(401, code, message).header("WWW-Authenticate", challenge.clone()))
    };
    match principal {
        Principal::Known(identity) => Ok(identity.clone()),
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

/// Who asks, and for what.
fn admit<'a>(
    core: &Core,
    principal: &'a Principal,
    request: &Request,
    parsed: Result<Address, NoAddress>,
    door: Door,
) -> Result<(&'a Identity, Address), ArmError> {
    authenticated(core, principal)?;
    let Principal::Known(identity) = principal else {
        return Err(ArmError::front(401, "AuthenticationFailed", "Authentication failed."));
    };
    if door == Door::Arm && identity.audience.contains("ml.azure.") {
        return Err(ArmError::front(
            401,
            "InvalidAuthenticationTokenAudience",
            format!(
                "The access token has been obtained for wrong audience or resource '{}'.",
                identity.audience
            ),
        ));
    }
    let address = parsed.map_err(|why| match why {
        NoAddress::Elsewhere => ArmError::front(404, "ResourceNotFound", format!("No route for '{}'.", request.path)),
        NoAddress::Segment => ArmError::front(400, "InvalidResourceName", "A segment of the resource's path is not a name."),
        NoAddress::Type(kind) => ArmError::front(
            404,
            "InvalidResourceType",
            format!("The resource type '{kind}' could not be found in the namespace 'Microsoft.MachineLearningServices'."),
        ),
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
        return Err(ArmError::front(
            404,
            "SubscriptionNotFound",
            format!("The subscription '{}' could not be found.", address.subscription),
        ));
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
        return Err(ArmError::front(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        ));
    };
    if API_VERSIONS.iter().any(|known| known.eq_ignore_ascii_case(&version)) {
        return Ok(version);
    }
    let supported = API_VERSIONS.join(", ");
    let dated = version.len() >= 10
        && version
            .bytes()
            .take(10)
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    Err(if dated {
        ArmError::front(
            400,
            "NoRegisteredProviderFound",
            format!(
                "No registered resource provider found for location 'eastus' and API version '{version}' for type '{}'. The supported api-versions are '{supported}'.",
                address.shape()
            ),
        )
    } else {
        ArmError::front(
            400,
            "InvalidApiVersionParameter",
            format!("The api-version '{version}' is invalid. The supported versions are '{supported}'."),
        )
    })
}

/// ARM's 404.
pub fn not_found(address: &Address) -> ArmError {
    ArmError::front(
        404,
        "ResourceNotFound",
        format!(
            "The Resource '{}/{}' under resource group '{}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
            address.arm_type(),
            address.leaf(),
            address.group
        ),
    )
}

fn region_of(core: &Core, address: &Address) -> Option<String> {
    let document = core.store.get(&address.key_to(1))?;
    Some(super::json::text(&document, "location")?.to_owned())
}

/// `systemData` of something new; the parts that only some resources have are asked for [REC].
pub fn system_data(core: &Core, identity: &Identity, full: bool) -> Value {
    let now = ids::iso(core.now());
    let mut data = json!({"createdAt": now, "createdBy": identity.name, "lastModifiedAt": now});
    if full {
        let kind = if identity.application { "Application" } else { "User" };
        data["createdByType"] = kind.into();
        data["lastModifiedBy"] = identity.name.clone().into();
        data["lastModifiedByType"] = kind.into();
    }
    data
}

/// Marks a document as changed now, keeping who made it and when.
pub fn touch(core: &Core, identity: &Identity, document: &mut Value, before: &Value) {
    let mut data = before["systemData"].clone();
    data["lastModifiedAt"] = ids::iso(core.now()).into();
    if data.get("lastModifiedBy").is_some() {
        data["lastModifiedBy"] = identity.name.clone().into();
    }
    document["systemData"] = data;
}
