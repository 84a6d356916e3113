//! Endpoints and deployments, online and batch, with what is theirs alone: traffic, keys, and bounds of their numbers.
//! Here is what all of them share: names, quotas, one change at a time, and operations of the resource provider.

pub mod batch;
pub mod bounds;
pub mod deployment;
pub mod keys;
pub mod online;
pub mod serving;
pub mod traffic;

use serde_json::{Map, Value};

use crate::config::Work;
use crate::core::Core;
use crate::core::machinery::address::Address;
use crate::core::machinery::call::Call;
use crate::core::machinery::error::ArmError;
use crate::core::machinery::json as at;
use crate::core::machinery::operation::{self, Deed, Family, Start, Urls};
use crate::core::machinery::schema::word;
use crate::core::resources::workspace;
use crate::wire::Response;

/// The endpoint's 404 [ISS azure-cli-extensions#7107].
pub fn missing() -> ArmError {
    let mut error = ArmError::missing("InferencingClientCallFailed", "{\"title\":\"Not Found\"}");
    "NotFound".clone_into(&mut error.code);
    error
}

/// The stored document with its operation's URL in the api-version of the request [REC].
pub fn shown(call: &Call, document: &Value) -> Value {
    let mut document = document.clone();
    if let Some(uri) = at::text(&document, "properties.properties.AzureAsyncOperationUri")
        && let Some((path, _)) = uri.split_once('?')
    {
        let uri = format!("{path}?api-version={}", call.api_version);
        document["properties"]["properties"]["AzureAsyncOperationUri"] = uri.into();
    }
    document
}

/// 3 to 32 characters, a letter first, letters, digits and dashes, no dash last [DOC, CLI].
pub fn check_name(name: &str) -> Result<(), ArmError> {
    let fine = (3..=32).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && !name.ends_with('-')
        && !name.contains("--")
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if fine {
        return Ok(());
    }
    Err(ArmError::validation(
        "Name",
        format!(
            "The name '{name}' is not valid: 3 to 32 characters, a letter first, then letters, digits and single dashes, no dash last."
        ),
    ))
}

/// Refuses while something runs on the endpoint.
pub fn refuse_busy(core: &Core, endpoint: &str) -> Result<(), ArmError> {
    if !core.operations.busy(endpoint) {
        return Ok(());
    }
    Err(ArmError::user(
        core.config.inferred.busy_status,
        "The endpoint is being changed by another operation.",
        "OperationInProgress",
        "Another operation runs on this endpoint or one of its deployments. Wait until it is done and try again.",
    ))
}

/// Refuses a deployment that names an asset of another workspace: those of its own workspace can be used, and those of
/// registries. `fields` are below `properties`.
pub fn refuse_foreign(call: &Call, body: &Value, fields: &[&str]) -> Result<(), ArmError> {
    let own = call.address.key_to(1);
    for field in fields {
        let Some(reference) = at::text(body, &format!("properties.{field}")) else { continue };
        let Ok(named) = Address::parse(reference) else { continue };
        if named.kinds().first() == Some(&"workspaces") && named.key_to(1) != own {
            return Err(ArmError::validation(
                field,
                format!(
                    "{reference} is of another workspace: a deployment can use what is in its own workspace, {}, or in a registry.",
                    call.address.name(0)
                ),
            ));
        }
    }
    Ok(())
}

/// Whether a collection is in a subscription: its path begins with it.
pub fn in_subscription(path: &str, subscription: &str) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    first.eq_ignore_ascii_case(subscription)
}

/// Endpoints of all kinds together have one quota per subscription and region (§C.5).
pub fn refuse_quota(core: &Core, call: &Call, location: &str) -> Result<(), ArmError> {
    let quota = core.config.quotas.endpoints;
    let count = ["/onlineEndpoints", "/batchEndpoints"]
        .into_iter()
        .flat_map(|ending| core.store.everywhere(ending))
        .filter(|(path, other)| {
            in_subscription(path, &call.address.subscription) && other["location"] == *location
        })
        .count();
    if count >= quota {
        return Err(ArmError::user(
            400,
            "The request is invalid.",
            "OutOfQuota",
            format!("Not enough quota for endpoints: {quota} per subscription and region."),
        ));
    }
    Ok(())
}

/// Property bags to which keys can be added, but whose values stay [SWG]; what a client changes is let pass
/// and not taken, because the SDK sends back what it was shown, and more (§E.3).
pub fn added(before: Option<&Value>, body: &Value) -> Map<String, Value> {
    let mut properties = at::object(body, "properties.properties");
    properties.remove("AzureAsyncOperationUri");
    properties.remove("azureml.onlineendpointid");
    if let Some(before) = before {
        properties.extend(at::object(before, "properties.properties"));
    }
    properties
}

/// Where it is to be: where it was, and where its workspace is.
pub fn located(core: &Core, call: &Call, body: &Value, before: Option<&Value>) -> Result<String, ArmError> {
    let (_, region) = workspace::place(core, &call.address);
    let location = at::text(body, "location").unwrap_or_default();
    let location = location.replace(' ', "").to_ascii_lowercase();
    if let Some(was) = before.and_then(|before| at::text(before, "location"))
        && was != location
    {
        return Err(ArmError::front(
            409,
            "InvalidResourceLocation",
            format!(
                "The resource '{}' already exists in location '{was}'. A resource with the same name cannot be created in location '{location}'. Please select a new resource name.",
                call.address.leaf()
            ),
        ));
    }
    if location != region {
        return Err(ArmError::validation(
            "Location",
            format!("The location '{location}' must be that of the workspace, '{region}'."),
        ));
    }
    Ok(location)
}

/// Enabled or Disabled, in whatever case it was sent. Default Enabled.
pub fn access(body: &Value, path: &str) -> &'static str {
    word(&["Enabled", "Disabled"], at::text(body, path))
}

/// Starts an operation of the resource provider on an endpoint or deployment.
pub fn begin(
    core: &mut Core,
    call: &Call,
    work: Work,
    deed: Deed,
    shows: Option<String>,
    model: &str,
) -> Urls {
    let (workspace_id, location) = workspace::place(core, &call.address);
    let prefix = if call.address.steps.len() > 2 { "odidp" } else { "oeidp" };
    operation::start(
        core,
        call,
        Start {
            family: Family::Mfe(prefix),
            location: &location,
            workspace_id: &workspace_id,
            work,
            deed,
            shows,
            model,
        },
    )
}

/// Puts the URL of the operation that is running into the property bag [REC].
pub fn show_operation(document: &mut Value, urls: &Urls) {
    document["properties"]["properties"]["AzureAsyncOperationUri"] = urls.bare.clone().into();
}

/// The answer to a PUT: the resource, and both headers, `Location` being the resource itself [REC].
pub fn long_running(core: &Core, call: &Call, status: u16, document: &Value, urls: &Urls) -> Response {
    let response = Response::json(status, &shown(call, document))
        .header("Azure-AsyncOperation", &urls.status)
        .header("Location", format!("{}{}?api-version={}", core.base(), call.request.path, call.api_version))
        .header("x-ms-async-operation-timeout", "PT30M");
    operation::with_retry_after(core, response)
}

/// The answer to a DELETE or action: 202, the literal `null`, both headers [REC].
pub fn accepted(core: &Core, urls: &Urls) -> Response {
    let response = Response::json(202, &Value::Null)
        .header("Azure-AsyncOperation", &urls.status)
        .header("Location", &urls.result)
        .header("x-ms-async-operation-timeout", "PT30M");
    operation::with_retry_after(core, response)
}
