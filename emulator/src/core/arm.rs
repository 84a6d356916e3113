//! The front door: tokens, api-versions, scopes, rights, routing, and the headers that every answer has.

use serde_json::{Value, json};

use super::address::{Address, NoAddress};
use super::error::{Answer, ArmError};
use super::{
    Core, asset, deployment, discovery, endpoint, ids, job, keys, mlflow, model, operation, publish,
    registry, registry_regions, rights, scoring, throttle, token, workspace,
};
use crate::wire::{Identity, Principal, Request, Response};

/// What clients are known to send (§A, §E.2). One superset of the schema is served for all.
pub const API_VERSIONS: [&str; 26] = [
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
    /// The body, which must be a JSON object.
    pub fn body(&self) -> Result<Value, ArmError> {
        let refused = |why: String| {
            ArmError::front(
                400,
                "InvalidRequestContent",
                format!("The request content was invalid and could not be deserialized: '{why}'."),
            )
        };
        match serde_json::from_slice(&self.request.body) {
            Ok(body @ Value::Object(_)) => Ok(body),
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
    let parsed = Address::parse(path);
    let region = parsed
        .as_ref()
        .ok()
        .and_then(|address| region_of(core, address))
        .unwrap_or_else(|| "eastus".to_owned());
    let result = admit(core, principal, request, parsed, door).and_then(|call| {
        throttle::spend(core, &call)?;
        dispatch(core, &call)
    });
    let refused = result.is_err();
    let response = result.unwrap_or_else(|error| error.into_response(core, &region));
    decorate(core, request, response, &region, refused)
}

fn beside_arm(core: &mut Core, principal: &Principal, request: &Request) -> Option<Response> {
    let path = request.path.as_str();
    if let Some(rest) = path.strip_prefix("/inference/") {
        return Some(scoring::answer(core, principal, request, rest));
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

fn admit<'a>(
    core: &Core,
    principal: &'a Principal,
    request: &'a Request,
    parsed: Result<Address, NoAddress>,
    door: Door,
) -> Result<Call<'a>, ArmError> {
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

/// What is asked of an address.
enum Verb<'a> {
    List,
    Get,
    Put,
    Patch,
    Delete,
    Act(&'a str),
    Ask(&'a str),
}

fn dispatch(core: &mut Core, call: &Call) -> Answer {
    let shape = call.address.shape();
    let action = call.address.action.as_deref().map(str::to_ascii_lowercase);
    let verb = match (call.request.method.as_str(), action.as_deref(), call.address.collection) {
        ("GET" | "HEAD", None, Some(_)) => Verb::List,
        ("GET" | "HEAD", Some(action), None) => Verb::Ask(action),
        ("GET" | "HEAD", None, None) => Verb::Get,
        ("PUT", None, None) => Verb::Put,
        ("PATCH", None, None) => Verb::Patch,
        ("DELETE", None, None) => Verb::Delete,
        ("POST", Some(action), None) => Verb::Act(action),
        _ => return Err(no_such_method(call)),
    };
    owner_exists(core, call)?;
    match (shape.as_str(), verb) {
        ("registries", Verb::List) => registry::list(core, call),
        ("registries", Verb::Get) => registry::get(core, call),
        ("registries", Verb::Put) => registry::put(core, call),
        ("registries", Verb::Patch) => registry::patch(core, call),
        ("registries", Verb::Delete) => registry::delete(core, call),
        ("registries", Verb::Act("removeregions")) => registry_regions::start(core, call),
        ("registries", Verb::Act("import")) if call.door == Door::Mfe => publish::import(core, call),
        ("workspaces", Verb::List) => workspace::list(core, call),
        ("workspaces", Verb::Get) => workspace::get(core, call),
        ("registries/models" | "workspaces/models", Verb::List) => model::list_containers(core, call),
        ("registries/models" | "workspaces/models", Verb::Get) => model::get_container(core, call),
        ("registries/models" | "workspaces/models", Verb::Put) => model::put_container(core, call),
        ("registries/models" | "workspaces/models", Verb::Delete) => Ok(model::delete_container(core, call)),
        ("registries/models/versions" | "workspaces/models/versions", Verb::List) => {
            model::list_versions(core, call)
        }
        ("registries/models/versions" | "workspaces/models/versions", Verb::Get) => {
            model::get_version(core, call)
        }
        ("registries/models/versions" | "workspaces/models/versions", Verb::Put) => {
            model::put_version(core, call)
        }
        ("registries/models/versions" | "workspaces/models/versions", Verb::Delete) => {
            Ok(model::delete_version(core, call))
        }
        ("registries/models/versions", Verb::Act("startpendingupload")) => {
            asset::start_pending_upload(core, call)
        }
        ("workspaces/models/versions", Verb::Act("publish")) => publish::start(core, call),
        ("workspaces/jobs", Verb::List) => job::list(core, call),
        ("workspaces/jobs", Verb::Get) => job::get(core, call),
        ("workspaces/jobs", Verb::Put) => job::put(core, call),
        ("workspaces/jobs", Verb::Delete) => Ok(job::delete(core, call)),
        ("workspaces/jobs", Verb::Act("cancel")) => job::cancel(core, call),
        ("workspaces/onlineEndpoints", Verb::List) => endpoint::list(core, call),
        ("workspaces/onlineEndpoints", Verb::Get) => endpoint::get(core, call),
        ("workspaces/onlineEndpoints", Verb::Put) => endpoint::put(core, call),
        ("workspaces/onlineEndpoints", Verb::Patch) => endpoint::patch(core, call),
        ("workspaces/onlineEndpoints", Verb::Delete) => endpoint::delete(core, call),
        ("workspaces/onlineEndpoints", Verb::Act("listkeys")) => keys::list(core, call),
        ("workspaces/onlineEndpoints", Verb::Act("regeneratekeys")) => keys::regenerate(core, call),
        ("workspaces/onlineEndpoints", Verb::Act("token")) => keys::token(core, call),
        ("workspaces/onlineEndpoints/deployments", Verb::List) => deployment::list(core, call),
        ("workspaces/onlineEndpoints/deployments", Verb::Get) => deployment::get(core, call),
        ("workspaces/onlineEndpoints/deployments", Verb::Put) => deployment::put(core, call),
        ("workspaces/onlineEndpoints/deployments", Verb::Patch) => deployment::patch(core, call),
        ("workspaces/onlineEndpoints/deployments", Verb::Delete) => deployment::delete(core, call),
        ("workspaces/onlineEndpoints/deployments", Verb::Act("getlogs")) => deployment::logs(core, call),
        ("workspaces/onlineEndpoints/deployments", Verb::Ask("skus")) => deployment::skus(core, call),
        (
            "locations/mfeOperationsStatus"
            | "locations/mfeOperationResults"
            | "locations/registryOperationsStatus",
            Verb::Get,
        ) => operation::answer(core, call),
        _ => Err(no_such_method(call)),
    }
}

fn no_such_method(call: &Call) -> ArmError {
    ArmError::front(
        405,
        "MethodNotAllowed",
        format!("The method {} is not supported on '{}'.", call.request.method, call.address.arm_type()),
    )
}

/// What is asked for lives in a registry or workspace, which must exist.
fn owner_exists(core: &Core, call: &Call) -> Result<(), ArmError> {
    let nested = call.address.steps.len() > 1
        || (call.address.steps.len() == 1
            && (call.address.collection.is_some() || call.address.action.is_some()));
    let owner =
        Address { steps: call.address.steps.iter().take(1).cloned().collect(), ..call.address.clone() };
    if !nested || call.address.steps[0].0 == "locations" || core.store.has(&owner.key()) {
        return Ok(());
    }
    Err(not_found(&Address { collection: None, action: None, ..owner }))
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
    Some(super::json::text(document, "location")?.to_owned())
}

fn decorate(core: &mut Core, request: &Request, response: Response, region: &str, refused: bool) -> Response {
    let request_id = ids::guid(&mut core.rng);
    let routing_id = ids::guid(&mut core.rng);
    let correlation = request
        .headers
        .get("x-ms-correlation-request-id")
        .cloned()
        .unwrap_or_else(|| ids::guid(&mut core.rng));
    let stamp = core.now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let app = ids::stable_guid(core.config.seed, "appId");
    let mut response = response
        .header("Cache-Control", "no-cache")
        .header("Pragma", "no-cache")
        .header("Expires", "-1")
        .header("Request-Context", format!("appId=cid-v1:{app}"))
        .header("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        .header("X-Cache", "CONFIG_NOCACHE")
        .header("X-Content-Type-Options", "nosniff")
        .header("azureml-served-by-cluster", format!("vienna-{region}-02"))
        .header("x-ms-correlation-request-id", correlation)
        .header(
            "x-ms-operation-identifier",
            format!("tenantId={},objectId={app}/{region}/{request_id}", core.config.tenant),
        )
        .header("x-ms-routing-request-id", format!("{}:{stamp}:{routing_id}", region.to_ascii_uppercase()))
        .header("x-ms-request-id", request_id)
        .header("x-ms-response-type", if refused { "error" } else { "standard" })
        .header("X-MSEdge-Ref", "Ref A: EMULATOR")
        .header("x-request-time", "0.042");
    throttle::headers(core, request, &mut response);
    if let Some(id) = request.headers.get("x-ms-client-request-id") {
        response.headers.insert("x-ms-client-request-id".to_owned(), id.clone());
    }
    response
}

/// One page of a list, with `nextLink` when there is more. `render` turns a stored document into an item,
/// or leaves it out.
pub fn page(
    core: &Core,
    call: &Call,
    order: super::store::Order,
    mut render: impl FnMut(&Value) -> Option<Value>,
) -> Answer {
    let token = call.request.parameter("$skip").filter(|token| !token.is_empty());
    let after = token.as_deref().and_then(|token| u64::from_str_radix(token.strip_prefix("aml")?, 16).ok());
    if token.is_some() && after.is_none() {
        return Err(ArmError::validation("$skip", "The continuation token is not valid."));
    }
    let limit = call.request.parameter("$top").or_else(|| call.request.parameter("count"));
    let limit = limit.and_then(|text| text.parse::<usize>().ok()).unwrap_or(usize::MAX);
    let size = core.config.page_size.max(1).min(limit.max(1));
    let mut items = Vec::new();
    let mut last = None;
    let mut more = false;
    for (sequence, document) in core.store.list(core.now(), &call.address.collection_key(), order, after) {
        let Some(item) = render(document) else { continue };
        if items.len() == size {
            more = true;
            break;
        }
        items.push(item);
        last = Some(sequence);
    }
    let mut body = json!({"value": items});
    // `$top` and `count` say how many are wanted in all, and then there is no next page.
    if let (true, true, Some(last)) = (more, limit > size, last) {
        body["nextLink"] = next_link(core, call.request, last).into();
    }
    Ok(Response::json(200, &body))
}

fn next_link(core: &Core, request: &Request, last: u64) -> String {
    let kept: Vec<&str> = request
        .query
        .split('&')
        .filter(|pair| {
            let key = pair.split('=').next().unwrap_or_default();
            !key.eq_ignore_ascii_case("$skip") && !key.eq_ignore_ascii_case("%24skip")
        })
        .collect();
    format!("{}{}?{}&%24skip=aml{last:016x}", core.base(), request.path, kept.join("&"))
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
