//! Online endpoints (§B.4): PUT replaces, one change at a time, a name is unique in its region.

use serde_json::{Map, Value, json};

use super::asset::lists::Having;
use super::call::{self, Call};
use super::error::{Answer, ArmError};
use super::operation::{self, Deed, Failure, Family, Start, Started};
use super::order::Order;
use super::paging::page;
use super::schema::word;
use super::{Core, json as at, keys, registry, traffic, workspace};
use crate::config::Work;
use crate::wire::Response;

/// `kind` of an endpoint that has a compute of its own, and of all others.
const KUBERNETES: &str = "K8S";
const MANAGED: &str = "Managed";

const AUTH_MODES: [&str; 3] = ["Key", "AMLToken", "AADToken"];

/// The endpoint's 404 [ISS azure-cli-extensions#7107].
pub fn missing() -> ArmError {
    let mut error = ArmError::missing("InferencingClientCallFailed", "{\"title\":\"Not Found\"}");
    "NotFound".clone_into(&mut error.code);
    error
}

/// GET of one.
pub fn get(core: &Core, call: &Call) -> Answer {
    match core.store.get(&call.address.key()) {
        Some(document) => Ok(Response::json(200, &shown(call, &document))),
        None => Err(missing()),
    }
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

/// What endpoints of a compute type have as their `kind`; none when there is no such type.
fn kind_of(compute_type: &str) -> Option<&'static str> {
    let kinds = [("Managed", MANAGED), ("Kubernetes", KUBERNETES), ("AzureMLCompute", "AzureMLCompute")];
    let found = kinds.into_iter().find(|(kind, _)| kind.eq_ignore_ascii_case(compute_type))?;
    Some(found.1)
}

/// GET of all in a workspace, by `name`, `computeType`, `tags` and `properties`.
pub fn list(core: &Core, call: &Call) -> Answer {
    let same =
        |wanted: &str, value: &Value| value.as_str().is_some_and(|value| value.eq_ignore_ascii_case(wanted));
    let name = call.request.parameter("name");
    let kind = call.request.parameter("computeType").and_then(|kind| kind_of(&kind));
    let (tags, properties) = (Having::of(call.request, "tags"), Having::of(call.request, "properties"));
    page(core, call, Order::of_endpoints(call.request), |document| {
        let fits = name.as_deref().is_none_or(|name| same(name, &document["name"]))
            && kind.is_none_or(|kind| document["kind"] == kind)
            && tags.all_in(&document["tags"])
            && properties.all_in(&document["properties"]["properties"]);
        fits.then(|| shown(call, &document))
    })
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

fn refuse_taken_name(core: &Core, name: &str, location: &str) -> Result<(), ArmError> {
    let taken = core.store.everywhere("/onlineEndpoints").any(|(_, other)| {
        other["name"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(name))
            && at::text(&other, "location").is_some_and(|region| region.eq_ignore_ascii_case(location))
    });
    if taken {
        return Err(ArmError::validation(
            "Name",
            "There is already an endpoint with this name, Endpoint name needs to be unique within a region. Try some other name.",
        ));
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

/// PUT: makes, or replaces; what is absent is cleared.
pub fn put(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    let key = call.address.key();
    check_name(call.address.leaf())?;
    let before = core.store.take(&key);
    let location = located(core, call, &body, before.as_ref())?;
    if before.is_none() {
        refuse_taken_name(core, call.address.leaf(), &location)?;
        refuse_quota(core, call, &location)?;
    }
    refuse_busy(core, &key)?;
    let (live, mirrored) = traffic::checked(core, &key, &body)?;
    let is_new = before.is_none();
    let uris = before.as_ref().map_or((Value::Null, Value::Null), |before| {
        (
            at::or(before, "properties.scoringUri", Value::Null),
            at::or(before, "properties.swaggerUri", Value::Null),
        )
    });
    let identity =
        registry::identity(core, before.as_ref().unwrap_or(&Value::Null), at::at(&body, "identity"))?;
    let mut properties = added(before.as_ref(), &body);
    properties.insert("azureml.onlineendpointid".to_owned(), call.address.id().to_ascii_lowercase().into());
    let kubernetes = at::text(&body, "properties.compute").is_some();
    let mut document = json!({
        "id": before.as_ref().map_or_else(|| call.address.id().into(), |before| before["id"].clone()),
        "name": before.as_ref().map_or_else(|| call.address.leaf().into(), |before| before["name"].clone()),
        "type": call.address.arm_type(),
        "location": location,
        "kind": if kubernetes { KUBERNETES } else { MANAGED },
        "tags": at::or(&body, "tags", json!({})),
        "identity": identity,
        "properties": {
            "description": at::or(&body, "properties.description", Value::Null),
            "properties": properties,
            "scoringUri": uris.0,
            "swaggerUri": uris.1,
            "authMode": word(&AUTH_MODES, at::text(&body, "properties.authMode")),
            "provisioningState": if is_new { "Creating" } else { "Updating" },
            "compute": at::or(&body, "properties.compute", Value::Null),
            "publicNetworkAccess": access(&body, "properties.publicNetworkAccess"),
            "traffic": live,
            "mirrorTraffic": mirrored,
        },
        "systemData": call::system_data(core, call.identity, false),
    });
    if let Some(before) = &before {
        call::touch(core, call.identity, &mut document, before);
    } else {
        keys::make(core, &key, &body);
    }
    let work = if is_new { Work::EndpointCreate } else { Work::EndpointUpdate };
    let started = begin(core, call, work, Deed::FinishEndpoint { key: key.clone() }, Some(key.clone()), "");
    show_operation(&mut document, &started);
    let now = core.now();
    core.store.put(now, &key, document.clone());
    Ok(long_running(core, call, if is_new { 201 } else { 200 }, &document, &started))
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
) -> Started {
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
pub fn show_operation(document: &mut Value, started: &Started) {
    document["properties"]["properties"]["AzureAsyncOperationUri"] = started.bare_url.clone().into();
}

/// The answer to a PUT: the resource, and both headers, `Location` being the resource itself [REC].
pub fn long_running(core: &Core, call: &Call, status: u16, document: &Value, started: &Started) -> Response {
    let response = Response::json(status, &shown(call, document))
        .header("Azure-AsyncOperation", &started.status_url)
        .header("Location", format!("{}{}?api-version={}", core.base(), call.request.path, call.api_version))
        .header("x-ms-async-operation-timeout", "PT30M");
    operation::with_retry_after(core, response)
}

/// The answer to a DELETE or action: 202, the literal `null`, both headers [REC].
pub fn accepted(core: &Core, started: &Started) -> Response {
    let response = Response::json(202, &Value::Null)
        .header("Azure-AsyncOperation", &started.status_url)
        .header("Location", &started.result_url)
        .header("x-ms-async-operation-timeout", "PT30M");
    operation::with_retry_after(core, response)
}

/// PATCH: tags and identity, nothing else; the rest of the body is ignored. The answer is that of a DELETE [INF].
pub fn patch(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    let key = call.address.key();
    let Some(before) = core.store.take(&key) else { return Err(missing()) };
    refuse_busy(core, &key)?;
    let mut document = before.clone();
    if let Some(tags) = at::at(&body, "tags") {
        document["tags"] = tags.clone();
    }
    if let Some(wanted) = at::at(&body, "identity") {
        document["identity"] = registry::identity(core, &before, Some(wanted))?;
    }
    call::touch(core, call.identity, &mut document, &before);
    document["properties"]["provisioningState"] = "Updating".into();
    let started = begin(
        core,
        call,
        Work::EndpointUpdate,
        Deed::FinishEndpoint { key: key.clone() },
        Some(key.clone()),
        "",
    );
    show_operation(&mut document, &started);
    let now = core.now();
    core.store.put(now, &key, document);
    Ok(accepted(core, &started))
}

/// DELETE: with its deployments, or only without any [INF-strong].
pub fn delete(core: &mut Core, call: &Call) -> Answer {
    let key = call.address.key();
    if !core.store.has(&key) {
        return Ok(Response::empty(204));
    }
    refuse_busy(core, &key)?;
    let deployments = core.store.all(&format!("{key}/deployments")).count();
    if deployments > 0 && !core.config.inferred.endpoint_delete_cascades {
        return Err(ArmError::user(
            409,
            "The endpoint cannot be deleted.",
            "EndpointNotEmpty",
            format!("The endpoint has deployments ({deployments}). Delete them first."),
        ));
    }
    let now = core.now();
    core.store.change(now, &key, |document| document["properties"]["provisioningState"] = "Deleting".into());
    let started = begin(core, call, Work::EndpointDelete, Deed::RemoveEndpoint { key }, None, "");
    Ok(accepted(core, &started))
}

/// A change of the endpoint has ended.
pub fn finish(core: &mut Core, key: &str, fate: Result<(), Failure>) -> Result<(), Failure> {
    let now = core.now();
    let base = core.base().to_owned();
    core.store.change(now, key, |document| {
        let properties = &mut document["properties"];
        if fate.is_err() {
            properties["provisioningState"] = "Failed".into();
            return;
        }
        properties["provisioningState"] = "Succeeded".into();
        let (name, location) = (
            document["name"].as_str().unwrap_or_default(),
            document["location"].as_str().unwrap_or_default(),
        );
        let root = format!("{base}/inference/{location}/{name}");
        document["properties"]["scoringUri"] = format!("{root}/score").into();
        document["properties"]["swaggerUri"] = format!("{root}/swagger.json").into();
    });
    fate
}

/// A deletion has ended.
pub fn remove(core: &mut Core, key: &str, fate: Result<(), Failure>) -> Result<(), Failure> {
    let now = core.now();
    if fate.is_err() {
        core.store.change(now, key, |document| document["properties"]["provisioningState"] = "Failed".into());
        return fate;
    }
    core.store.remove(now, key);
    core.endpoint_keys.remove(key);
    let beneath = format!("{key}/");
    core.serving.retain(|deployment, _| !deployment.starts_with(&beneath));
    core.watch.forget(key);
    Ok(())
}
