//! Containers: made with their first version, they count.

use serde_json::{Value, json};

use super::kinds::Kind;
use super::lists::ListView;
use super::{check_name, fill_resource_base, in_registry, set_state, shown, under_way};
use crate::core::Core;
use crate::core::machinery::address::Address;
use crate::core::machinery::call::{self, Call, Door};
use crate::core::machinery::error::{Answer, ArmError};
use crate::core::machinery::json as at;
use crate::core::machinery::order::Order;
use crate::core::machinery::paging::page;
use crate::wire::{Identity, Response};

/// GET of all.
pub fn list(core: &Core, call: &Call) -> Answer {
    let view = ListView::of(call.request);
    page(core, call, Order::OLDEST_FIRST, |document| {
        view.shows(&document).then(|| shown(core, call, document.into_owned()))
    })
}

/// GET of one.
pub fn get(core: &Core, call: &Call) -> Answer {
    match core.store.take(&call.address.key()) {
        Some(document) => Ok(Response::json(200, &shown(core, call, document))),
        None => Err(Kind::of(&call.address).container_missing(call.address.leaf())),
    }
}

/// PUT: makes or replaces, at once; in a registry perhaps as an operation [INF].
pub fn put(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    check_name(call.address.leaf())?;
    let key = call.address.key();
    let before = core.store.take(&key);
    let mut document = rendered(core, call.identity, &call.address, before.as_ref());
    fill_resource_base(&mut document, &body);
    if let Some(kind) = at::at(&body, "properties.dataType") {
        let known = at::at(&document, "properties.dataType");
        if known.is_some_and(|known| !at::same(kind, known, true)) {
            return Err(ArmError::validation("dataType", "dataType cannot be changed."));
        }
        if known.is_none() {
            document["properties"]["dataType"] = kind.clone();
        }
    }
    let made = before.is_none() || (call.door == Door::Mfe && core.config.inferred.data_plane_put_accepted);
    let status = if made { 201 } else { 200 };
    let now = core.now();
    if in_registry(&call.address) && core.config.inferred.registry_container_asynchronous {
        let state = if before.is_some() { "Updating" } else { "Creating" };
        set_state(&mut document, state);
        core.store.put(now, &key, document.clone());
        return Ok(under_way::answer(core, call, status, document));
    }
    core.store.put(now, &key, document.clone());
    Ok(Response::json(status, &shown(core, call, document)))
}

/// DELETE, with all versions.
pub fn delete(core: &mut Core, call: &Call) -> Response {
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

/// A container's document, new or with what was.
pub(super) fn rendered(core: &Core, identity: &Identity, address: &Address, before: Option<&Value>) -> Value {
    if let Some(before) = before {
        let mut document = before.clone();
        call::touch(core, identity, &mut document, before);
        return document;
    }
    let mut document = json!({
        "id": address.id(),
        "name": address.leaf(),
        "type": address.arm_type(),
        "properties": {
            "description": null,
            "tags": {},
            "properties": {},
            "isArchived": false,
            "latestVersion": null,
            "nextVersion": "1",
        },
        "systemData": call::system_data(core, identity, true),
    });
    if Kind::of(address).has_state {
        document["properties"]["provisioningState"] = "Succeeded".into();
    }
    document
}

/// A new version is the latest, for latest means last made; the next one is above all numbers so far.
pub(super) fn count_version(container: &mut Value, version: &str) {
    container["properties"]["latestVersion"] = version.into();
    let next =
        at::text(container, "properties.nextVersion").and_then(|next| next.parse::<u64>().ok()).unwrap_or(1);
    if let Ok(number) = version.parse::<u64>() {
        container["properties"]["nextVersion"] = next.max(number.saturating_add(1)).to_string().into();
    }
}

/// The latest version, if there is any.
pub fn latest(core: &Core, container: &Address) -> Option<Address> {
    let found = core.store.get(&container.key())?;
    Some(container.child("versions", at::text(&found, "properties.latestVersion")?))
}

/// After a deletion: the latest is the last made of those left.
pub(super) fn recount(core: &mut Core, container: &str) {
    let latest =
        core.store.all(&format!("{container}/versions")).last().map(|version| version["name"].clone());
    let now = core.now();
    core.store.change(now, container, |document| {
        document["properties"]["latestVersion"] = latest.unwrap_or(Value::Null);
    });
}
