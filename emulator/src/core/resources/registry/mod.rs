//! Registries (§B.2): PUT answers 202 with nothing in it (or, by a switch, 201), and there is no provisioningState to look at.

mod changes;
pub mod regions;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::workspace;
use crate::config::Work;
use crate::core::Core;
use crate::core::machinery::address::Address;
use crate::core::machinery::call::{Call, not_found};
use crate::core::machinery::error::{Answer, ArmError};
use crate::core::machinery::operation::{Deed, Failure};
use crate::core::machinery::order::Order;
use crate::core::machinery::paging::page_of;
use crate::core::machinery::schema::word;
use crate::core::machinery::{ids, json as at, tags};
use crate::wire::Response;
use changes::accepted;

/// Who has a registry's name, which is unique in the tenant.
#[derive(Debug, Clone)]
pub struct Name {
    key: String,
    /// When the name of a deleted registry is free again.
    free_at: Option<Timestamp>,
}

/// GET of one.
pub fn get(core: &Core, call: &Call) -> Answer {
    match core.store.get(&call.address.key()) {
        Some(document) if visible(core, &document) => Ok(Response::json(200, &document)),
        _ => Err(not_found(&call.address)),
    }
}

/// The registry of a name, which is one in the whole tenant, in any case.
pub fn named(core: &Core, name: &str) -> Option<Address> {
    let mut all = core.store.everywhere("/registries").map(|(_, registry)| registry);
    let found =
        all.find(|registry| registry["name"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(name)))?;
    Address::parse(found["id"].as_str()?).ok()
}

fn visible(core: &Core, document: &Value) -> bool {
    core.config.inferred.registry_visible_while_creating || regions::complete(document)
}

/// GET of all in a resource group, or in a subscription.
pub fn list(core: &Core, call: &Call) -> Answer {
    page_of(core, call, &workspace::collections(core, call), Order::OLDEST_FIRST, |document| {
        visible(core, &document).then(|| document.into_owned())
    })
}

/// PUT: makes or replaces.
pub fn put(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    let name = call.address.leaf();
    if !valid_name(name) {
        return Err(ArmError::validation(
            "RegistryName",
            format!(
                "Registry name '{name}' is not valid: 3 to 33 letters, digits, '-' and '_', the first a letter or digit."
            ),
        ));
    }
    let location = at::text(&body, "location").unwrap_or_default();
    let key = call.address.key();
    let before = core.store.take(&key);
    claim_name(core, name, &key)?;
    let document = match &before {
        None => created(core, call, &body, location)?,
        Some(before) => replaced(core, before, &body, location, name)?,
    };
    let now = core.now();
    core.store.put(now, &key, document.clone());
    core.registry_names.insert(name.to_ascii_lowercase(), Name { key: key.clone(), free_at: None });
    let work = if before.is_some() { Work::RegistryUpdate } else { Work::RegistryCreate };
    let deed = Deed::FinishRegistry { key: key.clone(), before };
    let accepted = accepted(core, call, location, work, deed, Some(key));
    if core.config.inferred.registry_put_accepted {
        return Ok(accepted);
    }
    let mut made = Response::json(201, &document);
    made.headers.extend(accepted.headers);
    Ok(made)
}

fn valid_name(name: &str) -> bool {
    (3..=33).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn claim_name(core: &Core, name: &str, key: &str) -> Result<(), ArmError> {
    match core.registry_names.get(&name.to_ascii_lowercase()) {
        Some(taken) if taken.free_at.is_some_and(|free| free > core.now()) => Err(ArmError::user(
            409,
            "The registry name is not available.",
            "RegistryNameUnavailable",
            format!("Registry {name} was deleted and its name is still being released. Try again later."),
        )),
        Some(taken) if taken.free_at.is_none() && taken.key != key => Err(ArmError::user(
            409,
            "The registry name is not available.",
            "RegistryNameUnavailable",
            format!("A registry with the name {name} already exists in the tenant."),
        )),
        _ => Ok(()),
    }
}

fn created(core: &mut Core, call: &Call, body: &Value, location: &str) -> Result<Value, ArmError> {
    let name = call.address.leaf();
    let location = location.to_ascii_lowercase();
    let managed = format!("azureml-rg-{name}_{}", ids::guid(&mut core.rng));
    let managed = format!("/subscriptions/{}/resourceGroups/{managed}", call.address.subscription);
    let id = call.address.id();
    let mut document = json!({
        "id": id,
        "name": name,
        "type": "Microsoft.MachineLearningServices/registries",
        "location": location,
        "properties": {
            "regionDetails": [],
            "discoveryUrl": format!("{}/registrymanagement/v1.0/registries/{name}/discovery", core.base()),
            "mlFlowRegistryUri": format!("azureml://{}/mlflow/v1.0{id}", core.host()),
            "managedResourceGroup": {"resourceId": managed},
            "privateEndpointConnections": [],
        },
        "systemData": null,
    });
    fill(core, &mut document, body)?;
    regions::merge(core, &mut document, body)?;
    Ok(document)
}

fn replaced(
    core: &mut Core,
    before: &Value,
    body: &Value,
    location: &str,
    name: &str,
) -> Result<Value, ArmError> {
    let was = at::text(before, "location").unwrap_or_default();
    if !was.eq_ignore_ascii_case(location) {
        return Err(ArmError::front(
            409,
            "InvalidResourceLocation",
            format!(
                "The resource '{name}' already exists in location '{was}'. A resource with the same name cannot be created in location '{location}'. Please select a new resource name."
            ),
        ));
    }
    let mut document = before.clone();
    fill(core, &mut document, body)?;
    regions::merge(core, &mut document, body)?;
    Ok(document)
}

/// What a PUT says replaces what was; what it does not say goes back to its default.
fn fill(core: &mut Core, document: &mut Value, body: &Value) -> Result<(), ArmError> {
    document["tags"] = tags::kept(core, Some(document), body);
    document["identity"] = identity(core, document, at::at(body, "identity"))?;
    for field in ["kind", "sku"] {
        match at::at(body, field) {
            Some(value) => document[field] = value.clone(),
            None => {
                if let Some(fields) = document.as_object_mut() {
                    fields.remove(field);
                }
            }
        }
    }
    document["properties"]["publicNetworkAccess"] =
        word(&["Enabled", "Disabled"], at::text(body, "properties.publicNetworkAccess")).into();
    document["properties"]["intellectualPropertyPublisher"] =
        at::or(body, "properties.intellectualPropertyPublisher", Value::Null);
    Ok(())
}

/// The identity, with what Azure fills in; of one that is not given, the system's own [REC].
pub fn identity(core: &mut Core, document: &Value, wanted: Option<&Value>) -> Result<Value, ArmError> {
    let sent = wanted.and_then(|identity| at::text(identity, "type")).map(|kind| kind.replace(' ', ""));
    let kind =
        word(&["SystemAssigned", "None", "UserAssigned", "SystemAssigned,UserAssigned"], sent.as_deref());
    let mut identity = json!({"type": kind});
    if kind.starts_with("SystemAssigned") {
        let principal = match at::text(document, "identity.principalId") {
            Some(principal) => principal.to_owned(),
            None => ids::guid(&mut core.rng),
        };
        identity["principalId"] = principal.into();
        identity["tenantId"] = core.config.tenant.clone().into();
    }
    if kind.ends_with("UserAssigned") {
        let mut assigned = at::object(wanted.unwrap_or(&Value::Null), "userAssignedIdentities");
        if assigned.is_empty() {
            return Err(ArmError::front(
                400,
                "InvalidIdentityType",
                "userAssignedIdentities is required for the identity type 'UserAssigned'.",
            ));
        }
        for (id, value) in &mut assigned {
            let seed = core.config.seed;
            *value = json!({
                "principalId": ids::stable_guid(seed, &format!("principal {id}")),
                "clientId": ids::stable_guid(seed, &format!("client {id}")),
            });
        }
        identity["userAssignedIdentities"] = assigned.into();
    }
    Ok(identity)
}

/// PATCH: tags, identity and sku, at once; nothing else.
pub fn patch(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    let key = call.address.key();
    let Some(mut document) = core.store.take(&key) else { return Err(not_found(&call.address)) };
    if at::at(&body, "tags").is_some() {
        document["tags"] = tags::kept(core, Some(&document), &body);
    }
    if at::at(&body, "sku").is_some() {
        let sku = at::over(&document, &body, "sku");
        if at::text(&sku, "name").is_none() {
            return Err(ArmError::validation("sku.name", "The name field is required."));
        }
        document["sku"] = sku;
    }
    if let Some(wanted) = at::at(&body, "identity") {
        document["identity"] = identity(core, &document, Some(wanted))?;
    }
    let now = core.now();
    core.store.put(now, &key, document.clone());
    Ok(Response::json(200, &document))
}

/// DELETE: takes its time, and the name stays taken even longer.
pub fn delete(core: &mut Core, call: &Call) -> Answer {
    let key = call.address.key();
    let Some(document) = core.store.get(&key) else { return Ok(Response::empty(204)) };
    let location = at::text(&document, "location").unwrap_or_default().to_owned();
    let holds_assets = core.store.holds(&key, "/versions");
    if holds_assets && !core.config.inferred.registry_delete_with_assets {
        return Err(ArmError::user(
            409,
            "The registry cannot be deleted.",
            "RegistryNotEmpty",
            format!("Registry {} holds assets.", call.address.leaf()),
        ));
    }
    Ok(accepted(core, call, &location, Work::RegistryDelete, Deed::RemoveRegistry { key }, None))
}

/// The end of a PUT: the accounts are there, or everything is as before.
pub fn finish(
    core: &mut Core,
    key: &str,
    before: Option<Value>,
    fate: Result<(), Failure>,
) -> Result<(), Failure> {
    let now = core.now();
    match (&fate, before) {
        (Ok(()), _) => {
            if let Some(mut document) = core.store.take(key) {
                regions::make_accounts(core, &mut document);
                core.store.put(now, key, document);
            }
        }
        (Err(_), Some(before)) => core.store.put(now, key, before),
        (Err(_), None) if core.config.inferred.registry_failed_creation_stays => {}
        (Err(_), None) => {
            core.store.remove(now, key);
            core.registry_names.retain(|_, name| name.key != key);
        }
    }
    fate
}

/// The end of a DELETE.
pub fn remove(core: &mut Core, key: &str) {
    let now = core.now();
    core.store.remove(now, key);
    let free_at = ids::after(now, core.config.durations.registry_name_release);
    for name in core.registry_names.values_mut().filter(|name| name.key == key) {
        name.free_at = Some(free_at);
    }
    let gone = format!("{key}/");
    core.tombstones.retain(|path, _| !path.starts_with(&gone));
}
