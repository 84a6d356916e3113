//! Assets: models, data, environments, components and codes, in workspaces (at once) and registries (as
//! operations) (§B.3, §C.1). Their differences are in [`kinds`]; everything else is written once.

pub mod container;
pub mod copy;
mod kinds;
pub mod lists;
pub mod publish;
pub mod reference;
mod source;
mod under_way;
pub mod upload;
pub mod version;

use serde_json::{Value, json};

use crate::core::Core;
use crate::core::machinery::address::Address;
use crate::core::machinery::call::Call;
use crate::core::machinery::error::ArmError;
use crate::core::machinery::{asset_id, json as at};

/// Whether an address is in a registry rather than a workspace.
fn in_registry(address: &Address) -> bool {
    address.steps.first().is_some_and(|(kind, _)| *kind == "registries")
}

/// `^[a-zA-Z0-9][a-zA-Z0-9\-_]{0,254}$` on paths of writes [SWG]; a dot is let through, as the service does.
pub fn check_name(name: &str) -> Result<(), ArmError> {
    let fine = name.len() <= 255
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if fine {
        return Ok(());
    }
    Err(ArmError::validation(
        "name",
        format!("'{name}' does not match the pattern ^[a-zA-Z0-9][a-zA-Z0-9\\-_]{{0,254}}$."),
    ))
}

/// Says how far an asset is, if it is of a kind that says so.
fn set_state(document: &mut Value, state: &str) {
    if let Some(known) = document.pointer_mut("/properties/provisioningState") {
        *known = state.into();
    }
}

/// description, tags, properties and isArchived: what is absent is cleared, for PUT replaces.
fn fill_resource_base(document: &mut Value, body: &Value) {
    let properties = &mut document["properties"];
    properties["description"] = at::or(body, "properties.description", Value::Null);
    properties["tags"] = at::or(body, "properties.tags", json!({}));
    let mut texts = at::object(body, "properties.properties");
    for value in texts.values_mut().filter(|value| value.is_number()) {
        *value = value.to_string().into();
    }
    properties["properties"] = texts.into();
    properties["isArchived"] = at::or(body, "properties.isArchived", false);
}

/// A stored document as this request sees it.
fn shown(core: &Core, call: &Call, document: Value) -> Value {
    asset_id::shown(core, call.door, document)
}

/// Whether [`shown`] changes nothing.
fn shown_as_stored(core: &Core, call: &Call) -> bool {
    !(in_registry(&call.address) && asset_id::is_short(core, call.door))
}

/// Datastore URIs come back with `resourceGroups` spelled so [REC].
pub fn normalised(uri: &str) -> String {
    let wrong = uri.to_ascii_lowercase().find("/resourcegroups/");
    match wrong {
        Some(start) if uri.starts_with("azureml:") => {
            format!("{}/resourceGroups/{}", &uri[..start], &uri[start + "/resourcegroups/".len()..])
        }
        _ => uri.to_owned(),
    }
}
