//! Models: containers and versions, in workspaces (at once) and registries (as operations) (§B.3, §C.1).

use serde_json::{Value, json};

use super::address::Address;
use super::arm::{self, Call, Door};
use super::asset;
use super::error::{Answer, ArmError};
use super::fault::Work;
use super::operation::{self, Deed, Failure, Family, Start};
use super::store::Order;
use super::{Core, ids, json as at};
use crate::wire::Response;

fn in_registry(address: &Address) -> bool {
    address.steps.first().is_some_and(|(kind, _)| *kind == "registries")
}

fn container_missing(name: &str) -> ArmError {
    ArmError::missing("ModelNotFound", format!("Model container with name: {name} not found."))
}

fn version_missing(address: &Address) -> ArmError {
    ArmError::missing(
        "ModelNotFound",
        format!("Model version with name: {} and version: {} not found.", address.name(1), address.leaf()),
    )
}

/// A stored document as this request sees it: a registry's assets have another id at the other door (§C.2).
fn shown(core: &Core, call: &Call, document: &Value) -> Value {
    let mut document = document.clone();
    if in_registry(&call.address) && (call.door == Door::Mfe || core.config.inferred.registry_asset_id_as_uri)
    {
        let registry = call.address.name(0);
        let id = document["id"].as_str().unwrap_or_default();
        if let Some((_, tail)) = id.split_once(&format!("/registries/{registry}/")) {
            document["id"] = format!("azureml://registries/{registry}/{tail}").into();
        }
    }
    document
}

/// GET of all containers.
pub fn list_containers(core: &Core, call: &Call) -> Answer {
    let view = asset::ListView::of(call.request);
    arm::page(core, call, Order::OldestFirst, |document| {
        view.shows(document).then(|| shown(core, call, document))
    })
}

/// GET of a container.
pub fn get_container(core: &Core, call: &Call) -> Answer {
    match core.store.get(&call.address.key()) {
        Some(document) => Ok(Response::json(200, &shown(core, call, document))),
        None => Err(container_missing(call.address.leaf())),
    }
}

/// PUT of a container: makes or replaces, at once also in a registry [INF].
pub fn put_container(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    asset::check_name(call.address.leaf())?;
    let key = call.address.key();
    let before = core.store.get(&key).cloned();
    let mut document = asset::container(core, call.identity, &call.address, before.as_ref());
    asset::fill_resource_base(&mut document, &body)?;
    document["properties"]["isArchived"] = at::or(&body, "properties.isArchived", false);
    let now = core.now();
    core.store.put(now, &key, document.clone());
    let status = if before.is_some() { 200 } else { 201 };
    Ok(Response::json(status, &shown(core, call, &document)))
}

/// DELETE of a container with its versions.
pub fn delete_container(core: &mut Core, call: &Call) -> Response {
    let key = call.address.key();
    if !core.store.has(&key) {
        return Response::empty(204);
    }
    let versions: Vec<String> = core
        .store
        .all(&format!("{key}/versions"))
        .filter_map(|version| Some(version["name"].as_str()?.to_owned()))
        .collect();
    let now = core.now();
    if in_registry(&call.address) {
        for version in versions {
            core.tombstones.insert(format!("{key}/versions/{version}"), now);
        }
    }
    core.store.remove(now, &key);
    Response::empty(200)
}

/// GET of the versions of a container.
pub fn list_versions(core: &Core, call: &Call) -> Answer {
    if !core.store.has(&call.address.key()) {
        // The same list through the other door is empty, and no error [REC].
        return match call.door {
            Door::Mfe => Ok(Response::json(200, &json!({"value": []}))),
            Door::Arm => Err(container_missing(call.address.leaf())),
        };
    }
    let view = asset::ListView::of(call.request);
    let filter = asset::VersionFilter::of(call.request);
    arm::page(core, call, filter.order(), |document| {
        (view.shows(document) && filter.shows(document)).then(|| shown(core, call, document))
    })
}

/// GET of a version.
pub fn get_version(core: &Core, call: &Call) -> Answer {
    match core.store.get(&call.address.key()) {
        Some(document) => Ok(Response::json(200, &shown(core, call, document))),
        None => Err(version_missing(&call.address)),
    }
}

/// PUT of a version: makes, or replaces everything but what is immutable.
pub fn put_version(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    let address = &call.address;
    asset::check_name(address.name(1))?;
    asset::check_name(address.leaf())?;
    let key = address.key();
    let registry = in_registry(address);
    if !registry && !positive_integer(address.leaf()) {
        return Err(ArmError::validation(
            "version",
            format!("Model version '{}' is not valid: it must be a positive integer.", address.leaf()),
        ));
    }
    let before = core.store.get(&key).cloned();
    if before.is_none() && registry {
        refuse_tombstone(core, &key, address)?;
    }
    let mut document = match &before {
        Some(before) => replaced(core, call, before, &body)?,
        None => created(core, call, &body)?,
    };
    if let Some(before) = &before {
        arm::touch(core, call.identity, &mut document, before);
    }
    if before.is_some() || !registry {
        store_version(core, call, &document);
        let status = if before.is_some() { 200 } else { 201 };
        let response = Response::json(status, &shown(core, call, &document));
        return Ok(if before.is_some() {
            response
        } else {
            response.header("Location", resource_url(core, call))
        });
    }
    document["properties"]["provisioningState"] = "Creating".into();
    store_version(core, call, &document);
    let location = location_of(core, address);
    let started = operation::start(
        core,
        call,
        Start {
            family: Family::Registry,
            location: &location,
            workspace_id: "",
            work: Work::RegistryAsset,
            deed: Deed::FinishVersion { key: key.clone() },
            shows: Some(key),
            model: "",
        },
    );
    Ok(Response::json(201, &shown(core, call, &document))
        .header("Azure-AsyncOperation", started.status_url)
        .header("Location", resource_url(core, call))
        .header("x-ms-async-operation-timeout", "PT30M"))
}

fn resource_url(core: &Core, call: &Call) -> String {
    format!("{}{}?api-version={}", core.base(), call.request.path, call.api_version)
}

pub(super) fn location_of(core: &Core, address: &Address) -> String {
    core.store
        .get(&address.key_to(1))
        .and_then(|owner| at::text(owner, "location"))
        .unwrap_or("eastus")
        .to_owned()
}

fn positive_integer(version: &str) -> bool {
    !version.starts_with('0') && version.len() <= 10 && version.bytes().all(|byte| byte.is_ascii_digit())
}

/// A deleted version of a registry can never be made again [ISS azureml-assets#2919].
pub(super) fn refuse_tombstone(core: &Core, key: &str, address: &Address) -> Result<(), ArmError> {
    let Some(deleted) = core.tombstones.get(key) else { return Ok(()) };
    Err(ArmError::plain_user(
        400,
        format!(
            "Asset azureml://registries/{}/models/{}/versions/{} was deleted at {} +00:00, it cannot be recreated. Please try again with a different version.",
            address.name(0),
            address.name(1),
            address.leaf(),
            deleted.strftime("%m/%d/%Y %H:%M:%S")
        ),
    ))
}

fn created(core: &mut Core, call: &Call, body: &Value) -> Result<Value, ArmError> {
    let Some(uri) = at::text(body, "properties.modelUri") else {
        return Err(ArmError::validation("modelUri", "The modelUri field is required."));
    };
    let uri = asset::normalised(uri);
    check_source(core, call, body, &uri)?;
    let mut document = json!({
        "id": call.address.id(),
        "name": call.address.leaf(),
        "type": call.address.arm_type(),
        "properties": {
            "isAnonymous": at::or(body, "properties.isAnonymous", false),
            "modelUri": uri,
            "modelType": at::text(body, "properties.modelType").unwrap_or("custom_model"),
            "jobName": at::or(body, "properties.jobName", Value::Null),
            "stage": at::text(body, "properties.stage").unwrap_or("Development"),
            "provisioningState": "Succeeded",
        },
        "systemData": arm::system_data(core, call.identity, true),
    });
    fill_mutable(&mut document, body)?;
    Ok(document)
}

fn replaced(core: &Core, call: &Call, before: &Value, body: &Value) -> Result<Value, ArmError> {
    let inferred = &core.config.inferred;
    let mut document = before.clone();
    if let Some(uri) = at::text(body, "properties.modelUri")
        && Some(asset::normalised(uri).as_str()) != at::text(before, "properties.modelUri")
    {
        return Err(ArmError::plain_user(inferred.asset_path_status, "Asset paths cannot be updated."));
    }
    if let Some(anonymous) = at::at(body, "properties.isAnonymous")
        && Some(anonymous) != at::at(before, "properties.isAnonymous")
    {
        return Err(ArmError::validation("isAnonymous", "isAnonymous cannot be changed."));
    }
    if let Some(kind) = at::text(body, "properties.modelType") {
        if in_registry(&call.address) && Some(kind) != at::text(before, "properties.modelType") {
            return Err(ArmError::plain_user(
                400,
                format!(
                    "Value of property modelType for model {} cannot be replaced to {kind} without increasing the version.",
                    call.address.name(1)
                ),
            ));
        }
        document["properties"]["modelType"] = kind.into();
    }
    match at::at(body, "properties.jobName") {
        Some(job) => document["properties"]["jobName"] = job.clone(),
        None if inferred.absent_job_name_clears => document["properties"]["jobName"] = Value::Null,
        None => {}
    }
    match at::text(body, "properties.stage") {
        Some(stage) => document["properties"]["stage"] = stage.into(),
        None if inferred.absent_stage_resets => document["properties"]["stage"] = "Development".into(),
        None => {}
    }
    fill_mutable(&mut document, body)?;
    Ok(document)
}

fn fill_mutable(document: &mut Value, body: &Value) -> Result<(), ArmError> {
    asset::fill_resource_base(document, body)?;
    document["properties"]["isArchived"] = at::or(body, "properties.isArchived", false);
    // The service reads an MLmodel file for what the client leaves out, and never answers null [REC].
    let flavors = match at::at(body, "properties.flavors") {
        Some(flavors) => flavors.clone(),
        None if at::text(document, "properties.modelType") == Some("mlflow_model") => {
            json!({"python_function": {"data": {"loader_module": "mlflow.sklearn"}}})
        }
        None => json!({}),
    };
    document["properties"]["flavors"] = flavors;
    Ok(())
}

/// Where a new version's files come from must be somewhere that it may take them from.
fn check_source(core: &Core, call: &Call, body: &Value, uri: &str) -> Result<(), ArmError> {
    let job_of_uri = uri.strip_prefix("azureml://jobs/").and_then(|rest| rest.split('/').next());
    if in_registry(&call.address) {
        let foreign = job_of_uri.is_some() || uri.contains("/datastores/") || uri.starts_with("runs:");
        if foreign && core.config.inferred.registry_refuses_foreign_paths {
            return Err(ArmError::plain_user(
                400,
                format!("The asset path {uri} is not in the storage of registry {}.", call.address.name(0)),
            ));
        }
    } else if core.config.inferred.job_uri_must_exist {
        let named = at::text(body, "properties.jobName");
        for job in job_of_uri.into_iter().chain(named) {
            if !core.store.has(&format!("{}/jobs/{job}", call.address.key_to(1))) {
                return Err(ArmError::user(
                    400,
                    "The request is invalid.",
                    "JobNotFound",
                    format!("Job {job} was not found."),
                ));
            }
        }
    }
    if core.missing_paths.iter().any(|missing| uri.contains(missing.as_str())) {
        return Err(asset::path_missing(uri));
    }
    Ok(())
}

/// Stores a version, makes its container if there is none, and keeps latestVersion and nextVersion.
fn store_version(core: &mut Core, call: &Call, document: &Value) {
    place_version(core, call.identity, &call.address, document);
}

pub(super) fn place_version(
    core: &mut Core,
    identity: &crate::wire::Identity,
    address: &Address,
    document: &Value,
) {
    let now = core.now();
    let container_address = address.parent();
    let container_key = container_address.key();
    let is_new = !core.store.has(&address.key());
    core.store.put(now, &address.key(), document.clone());
    let mut container = match core.store.get(&container_key) {
        Some(container) => container.clone(),
        None => asset::container(core, identity, &container_address, None),
    };
    if is_new {
        asset::count_version(&mut container, address.leaf());
        core.store.put(now, &container_key, container);
    }
}

/// DELETE of a version: at once in a workspace; as an operation, and for ever, in a registry.
pub fn delete_version(core: &mut Core, call: &Call) -> Response {
    let key = call.address.key();
    if !core.store.has(&key) {
        return Response::empty(204);
    }
    let now = core.now();
    if !in_registry(&call.address) {
        core.store.remove(now, &key);
        asset::recount(core, &call.address.parent().key());
        return Response::empty(200);
    }
    core.store.change(now, &key, |document| document["properties"]["provisioningState"] = "Deleting".into());
    let location = location_of(core, &call.address);
    let deed = Deed::RemoveVersion { key, id: call.address.parent().key() };
    let started = operation::start(
        core,
        call,
        Start {
            family: Family::Registry,
            location: &location,
            workspace_id: "",
            work: Work::RegistryAssetDelete,
            deed,
            shows: None,
            model: "",
        },
    );
    Response::empty(202)
        .header("Location", started.result_url)
        .header("Azure-AsyncOperation", started.status_url)
        .header("x-ms-async-operation-timeout", "PT30M")
}

/// A registry's version is ready, or failed.
pub fn finish(core: &mut Core, key: &str, fate: Result<(), Failure>) -> Result<(), Failure> {
    let state = if fate.is_ok() { "Succeeded" } else { "Failed" };
    let now = core.now();
    core.store.change(now, key, |document| document["properties"]["provisioningState"] = state.into());
    fate
}

/// A registry's version is gone, and its number is burnt.
pub fn remove_for_ever(core: &mut Core, key: &str, container: &str) {
    let now = core.now();
    core.store.remove(now, key);
    core.tombstones.insert(key.to_owned(), now);
    asset::recount(core, container);
}

/// A registry's version as publish and import make it: metadata stays behind (§C.2).
pub fn copied(core: &Core, identity: &crate::wire::Identity, source: &Value, address: &Address) -> Value {
    let properties = &source["properties"];
    let blob = ids::stable_guid(core.config.seed, &address.id());
    let registry = core.store.get(&address.key_to(1)).cloned().unwrap_or_default();
    let account = registry
        .pointer("/properties/regionDetails/0/storageAccountDetails/0/systemCreatedStorageAccount/storageAccountName")
        .and_then(Value::as_str)
        .unwrap_or("registry");
    let path =
        at::text(source, "properties.modelUri").and_then(|uri| uri.rsplit('/').next()).unwrap_or("model");
    let mut document = json!({
        "id": address.id(),
        "name": address.leaf(),
        "type": address.arm_type(),
        "properties": {
            "description": null,
            "tags": {},
            "properties": {},
            "isArchived": false,
            "isAnonymous": false,
            "flavors": properties["flavors"],
            "modelType": properties["modelType"],
            "modelUri": format!("https://{account}.blob.core.windows.net/{}-{blob}/{path}", address.name(1)),
            "jobName": null,
            "provisioningState": "Succeeded",
            "stage": "Development",
        },
        "systemData": arm::system_data(core, identity, true),
    });
    if core.config.inferred.publish_copies_metadata {
        for field in ["description", "tags", "properties", "stage"] {
            document["properties"][field] = properties[field].clone();
        }
    }
    document
}
