//! Versions: immutable where it matters. At once in a workspace; in a registry an operation, and burnt when deleted.

use serde_json::{Value, json};

use super::container::{self, count_version, recount};
use super::kinds::Kind;
use super::lists::{ContentHash, ListView, VersionFilter};
use super::{
    check_name, fill_resource_base, in_registry, normalised, set_state, shown, shown_as_stored, source,
    under_way,
};
use crate::config::Work;
use crate::core::Core;
use crate::core::machinery::address::Address;
use crate::core::machinery::call::{self, Call, Door};
use crate::core::machinery::error::{Answer, ArmError};
use crate::core::machinery::json as at;
use crate::core::machinery::operation::{self, Deed, Failure};
use crate::core::machinery::order::Order;
use crate::core::machinery::paging::{page, page_of};
use crate::wire::{Identity, Response};

/// The 404.
pub fn missing(address: &Address) -> ArmError {
    Kind::of(address).version_missing(address)
}

/// `azureml://registries/{r}/{kind}/{n}/versions/{v}`.
pub fn asset_id(address: &Address) -> String {
    let kind = address.steps.get(1).map_or("models", |(kind, _)| kind);
    format!("azureml://registries/{}/{kind}/{}/versions/{}", address.name(0), address.name(1), address.leaf())
}

/// GET of all of a container; of codes by their `hash`, all of a workspace that have it, whatever their name [PY].
pub fn list(core: &Core, call: &Call) -> Answer {
    if let Some(hash) = ContentHash::of(call.request) {
        let codes = core.store.beneath(&format!("{}/codes", call.address.key_to(1)), "/versions");
        let order = Order::of_versions(call.request, Order::NEWEST_FIRST);
        return page_of(core, call, &codes, order, |document| {
            (ListView::ActiveOnly.shows(&document) && hash.is_of(&document)).then(|| document.into_owned())
        });
    }
    if !core.store.has(&call.address.key()) {
        // The same list through the other door is empty, and no error [REC].
        return match call.door {
            Door::Mfe => Ok(Response::json(200, &json!({"value": []}))),
            Door::Arm => Err(Kind::of(&call.address).container_missing(call.address.leaf())),
        };
    }
    let view = ListView::of(call.request);
    let filter = VersionFilter::of(call.request);
    let order = Order::of_versions(call.request, Order::NEWEST_FIRST);
    page(core, call, order, |document| {
        (view.shows(&document) && filter.shows(&document)).then(|| shown(core, call, document.into_owned()))
    })
}

/// GET of one, or of the latest by the word that stands for it.
pub fn get(core: &Core, call: &Call) -> Answer {
    let asked = || missing(&call.address);
    let key = match Kind::of(&call.address).latest {
        Some(word) if word == call.address.leaf() => {
            container::latest(core, &call.address.parent()).ok_or_else(asked)?.key()
        }
        _ => call.address.key(),
    };
    let found = if shown_as_stored(core, call) {
        core.store.text(&key)
    } else {
        core.store.take(&key).map(|document| shown(core, call, document).to_string())
    };
    found.map(|document| Response::json_text(200, document)).ok_or_else(asked)
}

/// PUT: makes, or replaces everything but what is immutable.
pub fn put(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    let address = &call.address;
    let kind = Kind::of(address);
    check_names(address)?;
    let key = address.key();
    let registry = in_registry(address);
    if kind.numbered && !registry && !positive_integer(address.leaf()) {
        return Err(ArmError::validation(
            "version",
            format!(
                "{} version '{}' is not valid: it must be a positive integer.",
                kind.noun,
                address.leaf()
            ),
        ));
    }
    let Some(before) = core.store.take(&key) else {
        if registry {
            refuse_tombstone(core, &key, address)?;
        }
        let document = created(core, call, kind, &body)?;
        let operation = registry && core.config.inferred.registry_asset_create_asynchronous;
        return Ok(if operation {
            operate(core, call, 201, document)
        } else {
            settle(core, call, 201, document)
        });
    };
    let mut document = replaced(core, call, kind, &before, &body)?;
    call::touch(core, call.identity, &mut document, &before);
    if registry && core.config.inferred.registry_asset_update_asynchronous {
        return Ok(operate(core, call, 200, document));
    }
    Ok(settle(core, call, 200, document))
}

fn settle(core: &mut Core, call: &Call, status: u16, document: Value) -> Response {
    place(core, call.identity, &call.address, &document);
    if under_way::is_accepted(core, call) {
        return under_way::accepted(core, call, false);
    }
    let response = Response::json(status, &shown(core, call, document));
    if status == 201 { response.header("Location", under_way::resource_url(core, call)) } else { response }
}

fn operate(core: &mut Core, call: &Call, status: u16, mut document: Value) -> Response {
    set_state(&mut document, if status == 201 { "Creating" } else { "Updating" });
    place(core, call.identity, &call.address, &document);
    if under_way::is_accepted(core, call) {
        return under_way::accepted(core, call, true);
    }
    under_way::answer(core, call, status, document)
}

/// Refuses names of a container and a version that cannot be, and a version whose name stands for the latest one.
pub fn check_names(address: &Address) -> Result<(), ArmError> {
    check_name(address.name(1))?;
    check_name(address.leaf())?;
    let kind = Kind::of(address);
    if kind.latest != Some(address.leaf()) {
        return Ok(());
    }
    Err(ArmError::validation(
        "version",
        format!(
            "{} version '{}' is not valid: the name stands for the latest version.",
            kind.noun,
            address.leaf()
        ),
    ))
}

fn positive_integer(version: &str) -> bool {
    !version.starts_with('0') && version.len() <= 10 && version.bytes().all(|byte| byte.is_ascii_digit())
}

/// A deleted version of a registry can never be made again [ISS azureml-assets#2919].
pub fn refuse_tombstone(core: &Core, key: &str, address: &Address) -> Result<(), ArmError> {
    let Some(deleted) = core.tombstones.get(key) else { return Ok(()) };
    let stamp = deleted.strftime("%m/%d/%Y %H:%M:%S");
    let asset = asset_id(address);
    Err(ArmError::plain_user(
        400,
        format!(
            "Asset {asset} was deleted at {stamp} +00:00, it cannot be recreated. Please try again with a different version."
        ),
    ))
}

/// Only environments have it, and the service sets it.
const READ_ONLY: &str = "environmentType";

fn created(core: &Core, call: &Call, kind: &Kind, body: &Value) -> Result<Value, ArmError> {
    let mut properties = at::object(&json!({"p": kind.defaults()}), "p");
    for (name, value) in at::object(body, "properties") {
        if properties.contains_key(&name) && name != READ_ONLY && !value.is_null() {
            properties.insert(name, value);
        }
    }
    // Only tables have it.
    if properties.get("dataType").is_some_and(|data| data != "mltable") {
        properties.remove("referencedUris");
    }
    if let Some(path) = kind.path {
        let uri = at::text(body, &format!("properties.{path}")).filter(|uri| !uri.is_empty());
        let Some(uri) = uri else {
            return Err(ArmError::validation(path, format!("The {path} field is required.")));
        };
        source::check_path(kind, path, uri)?;
        let uri = normalised(uri);
        source::check(core, call, body, &uri)?;
        properties.insert(path.to_owned(), uri.into());
    }
    properties.insert("isAnonymous".to_owned(), at::or(body, "properties.isAnonymous", false));
    if kind.has_state {
        properties.insert("provisioningState".to_owned(), "Succeeded".into());
    }
    let mut document = json!({
        "id": call.address.id(),
        "name": call.address.leaf(),
        "type": call.address.arm_type(),
        "properties": properties,
        "systemData": call::system_data(core, call.identity, true),
    });
    fill_mutable(&mut document, kind, body);
    Ok(document)
}

fn replaced(core: &Core, call: &Call, kind: &Kind, before: &Value, body: &Value) -> Result<Value, ArmError> {
    let inferred = &core.config.inferred;
    let mut document = before.clone();
    if let Some(path) = kind.path.map(|path| format!("properties.{path}"))
        && let Some(uri) = at::text(body, &path)
        && Some(normalised(uri).as_str()) != at::text(before, &path)
    {
        return Err(ArmError::plain_user(inferred.asset_path_status, "Asset paths cannot be updated."));
    }
    for field in kind.fixed.iter().chain(&["isAnonymous"]) {
        let told = at::at(body, &format!("properties.{field}")).is_some();
        let same = || at::same(&kind.filled(body, field), &kind.filled(before, field), WORDS.contains(field));
        if told && !same() {
            // The client takes the next version when this one exists, which to it is a 409 alone [CLI].
            return Err(ArmError::user(
                inferred.asset_fixed_field_status,
                "The asset already exists.",
                "AssetAlreadyExists",
                format!("{field} cannot be changed without increasing the version."),
            ));
        }
    }
    let properties = &mut document["properties"];
    if let (Some(wanted), true) =
        (at::text(body, "properties.modelType"), properties.get("modelType").is_some())
    {
        if in_registry(&call.address) && properties["modelType"] != wanted {
            return Err(ArmError::plain_user(
                400,
                format!(
                    "Value of property modelType for model {} cannot be replaced to {wanted} without increasing the version.",
                    call.address.name(1)
                ),
            ));
        }
        properties["modelType"] = wanted.into();
    }
    if properties.get("jobName").is_some() {
        match at::at(body, "properties.jobName") {
            Some(job) => properties["jobName"] = job.clone(),
            None if inferred.absent_job_name_clears => properties["jobName"] = Value::Null,
            None => {}
        }
    }
    if properties.get("stage").is_some() {
        match at::text(body, "properties.stage") {
            Some(stage) => properties["stage"] = stage.into(),
            None if inferred.absent_stage_resets => properties["stage"] = "Development".into(),
            None => {}
        }
    }
    fill_mutable(&mut document, kind, body);
    Ok(document)
}

/// The fixed fields that are words, and so compare without regard to case; `condaFile` or an image does not.
const WORDS: &[&str] = &["dataType", "osType", "autoRebuild"];

fn fill_mutable(document: &mut Value, kind: &Kind, body: &Value) {
    fill_resource_base(document, body);
    if let Some(properties) = document["properties"].as_object_mut() {
        properties.retain(|name, _| !kind.told.contains(&name.as_str()));
        let told = kind.told.iter().map(|name| (*name, at::at(body, &format!("properties.{name}"))));
        properties.extend(told.filter_map(|(name, value)| Some((name.to_owned(), value?.clone()))));
    }
    if document["properties"].get("flavors").is_none() {
        return;
    }
    // The service reads an MLmodel file for what the client leaves out, and never answers null [REC].
    let flavors = match at::at(body, "properties.flavors") {
        Some(flavors) => flavors.clone(),
        None if at::text(document, "properties.modelType") == Some("mlflow_model") => {
            json!({"python_function": {"data": {"loader_module": "mlflow.sklearn"}}})
        }
        None => json!({}),
    };
    document["properties"]["flavors"] = flavors;
}

/// Stores a version, makes its container if there is none, and keeps latestVersion and nextVersion.
pub fn place(core: &mut Core, identity: &Identity, address: &Address, document: &Value) {
    let now = core.now();
    let container_address = address.parent();
    let container_key = container_address.key();
    let is_new = !core.store.has(&address.key());
    core.store.put(now, &address.key(), document.clone());
    if is_new {
        let mut container = match core.store.take(&container_key) {
            Some(container) => container,
            None => container::rendered(core, identity, &container_address, None),
        };
        if let (Some(kind), None) =
            (at::at(document, "properties.dataType"), at::at(&container, "properties.dataType"))
        {
            container["properties"]["dataType"] = kind.clone();
        }
        count_version(&mut container, address.leaf());
        core.store.put(now, &container_key, container);
    }
}

/// DELETE: at once in a workspace; as an operation, and for ever, in a registry.
pub fn delete(core: &mut Core, call: &Call) -> Response {
    let key = call.address.key();
    if !core.store.has(&key) {
        return Response::empty(204);
    }
    let now = core.now();
    if !in_registry(&call.address) {
        core.store.remove(now, &key);
        recount(core, &call.address.parent().key());
        return Response::empty(200);
    }
    core.store.change(now, &key, |document| set_state(document, "Deleting"));
    let deed = Deed::RemoveVersion { key, container: call.address.parent().key() };
    let urls = under_way::begin(core, call, Work::RegistryAssetDelete, deed, None);
    let response = Response::empty(202)
        .header("Location", urls.result)
        .header("Azure-AsyncOperation", urls.status)
        .header("x-ms-async-operation-timeout", "PT30M");
    operation::with_retry_after(core, response)
}

/// A registry's version or container is ready, or failed.
pub fn finish(core: &mut Core, key: &str, fate: Result<(), Failure>) -> Result<(), Failure> {
    let state = if fate.is_ok() { "Succeeded" } else { "Failed" };
    let now = core.now();
    core.store.change(now, key, |document| set_state(document, state));
    fate
}

/// A registry's version is gone, and its number is burnt; or it stays, and its state tells.
pub fn remove_for_ever(
    core: &mut Core,
    key: &str,
    container: &str,
    fate: Result<(), Failure>,
) -> Result<(), Failure> {
    if fate.is_err() {
        return finish(core, key, fate);
    }
    let now = core.now();
    core.store.remove(now, key);
    core.tombstones.insert(key.to_owned(), now);
    recount(core, container);
    Ok(())
}
