//! What all assets share: names, the base of their properties, containers that count versions, lists.

use serde_json::{Value, json};

use super::address::Address;
use super::arm::{self, Call};
use super::error::{Answer, ArmError};
use super::store::Order;
use super::{Core, ids, json as at};
use crate::wire::{Identity, Request, Response};

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

/// Refuses what is not an object of strings.
pub fn check_strings(body: &Value, path: &str) -> Result<(), ArmError> {
    let strings = |fields: &serde_json::Map<String, Value>| {
        fields.values().all(|value| value.is_string() || value.is_null())
    };
    match at::at(body, path) {
        None => Ok(()),
        Some(Value::Object(fields)) if strings(fields) => Ok(()),
        Some(_) => {
            Err(ArmError::validation(path, format!("{path} must be an object whose values are strings.")))
        }
    }
}

/// description, tags and properties: what is absent is cleared, for PUT replaces.
pub fn fill_resource_base(document: &mut Value, body: &Value) -> Result<(), ArmError> {
    check_strings(body, "properties.tags")?;
    check_strings(body, "properties.properties")?;
    let properties = &mut document["properties"];
    properties["description"] = at::or(body, "properties.description", Value::Null);
    properties["tags"] = at::or(body, "properties.tags", json!({}));
    properties["properties"] = at::or(body, "properties.properties", json!({}));
    Ok(())
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

/// A path without files [ISS azure-docs#103778].
pub fn path_missing(uri: &str) -> ArmError {
    ArmError::user(
        400,
        "The request is invalid.",
        "ModelAssetPathNotFoundInStorage",
        format!("The asset path {uri} was not found in storage."),
    )
}

/// A container's document, new or with what was.
pub fn container(core: &Core, identity: &Identity, address: &Address, before: Option<&Value>) -> Value {
    if let Some(before) = before {
        let mut document = before.clone();
        arm::touch(core, identity, &mut document, before);
        return document;
    }
    json!({
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
            "provisioningState": "Succeeded",
        },
        "systemData": arm::system_data(core, identity, true),
    })
}

/// A new version is the latest, for latest means last made; the next one is above all numbers so far.
pub fn count_version(container: &mut Value, version: &str) {
    container["properties"]["latestVersion"] = version.into();
    let next =
        at::text(container, "properties.nextVersion").and_then(|next| next.parse::<u64>().ok()).unwrap_or(1);
    if let Ok(number) = version.parse::<u64>() {
        container["properties"]["nextVersion"] = next.max(number.saturating_add(1)).to_string().into();
    }
}

/// After a deletion: the latest is the last made of those left.
pub fn recount(core: &mut Core, container: &str) {
    let latest =
        core.store.all(&format!("{container}/versions")).last().map(|version| version["name"].clone());
    let now = core.now();
    core.store.change(now, container, |document| {
        document["properties"]["latestVersion"] = latest.unwrap_or(Value::Null);
    });
}

/// `listViewType`, read leniently: azure-ai-ml sends `ListViewType.ACTIVE_ONLY` [OBS].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListView {
    /// The default.
    ActiveOnly,
    /// Only what is archived.
    ArchivedOnly,
    /// Both.
    All,
}

impl ListView {
    /// What a request asks for.
    pub fn of(request: &Request) -> Self {
        let text = request.parameter("listViewType").unwrap_or_default();
        let word: String = text
            .rsplit('.')
            .next()
            .unwrap_or_default()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_ascii_lowercase();
        match word.as_str() {
            "all" => Self::All,
            "archivedonly" => Self::ArchivedOnly,
            _ => Self::ActiveOnly,
        }
    }

    /// Whether an asset is in the list.
    pub fn shows(self, document: &Value) -> bool {
        let archived = document["properties"]["isArchived"] == true;
        match self {
            Self::ActiveOnly => !archived,
            Self::ArchivedOnly => archived,
            Self::All => true,
        }
    }
}

/// The further parameters of a list of versions.
#[derive(Debug, Default)]
pub struct VersionFilter {
    version: Option<String>,
    stage: Option<String>,
    description: Option<String>,
    tags: Vec<String>,
    properties: Vec<String>,
    oldest_first: bool,
}

impl VersionFilter {
    /// What a request asks for.
    pub fn of(request: &Request) -> Self {
        let list = |name| {
            let text: String = request.parameter(name).unwrap_or_default();
            text.split(',').filter(|pair| !pair.is_empty()).map(ToOwned::to_owned).collect()
        };
        let order = request.parameter("$orderBy").unwrap_or_default().to_ascii_lowercase();
        Self {
            version: request.parameter("version"),
            stage: request.parameter("stage"),
            description: request.parameter("description"),
            tags: list("tags"),
            properties: list("properties"),
            oldest_first: order.ends_with("asc"),
        }
    }

    /// The latest first, unless asked otherwise.
    pub fn order(&self) -> Order {
        if self.oldest_first { Order::OldestFirst } else { Order::NewestFirst }
    }

    /// Whether a version is in the list.
    pub fn shows(&self, document: &Value) -> bool {
        let properties = &document["properties"];
        let equal = |wanted: &Option<String>, value: &Value| {
            wanted.as_deref().is_none_or(|wanted| value.as_str() == Some(wanted))
        };
        equal(&self.version, &document["name"])
            && equal(&self.stage, &properties["stage"])
            && equal(&self.description, &properties["description"])
            && has_all(&properties["tags"], &self.tags)
            && has_all(&properties["properties"], &self.properties)
    }
}

/// Whether an object has all of `k1,k2=v2`.
pub fn has_all(fields: &Value, wanted: &[String]) -> bool {
    wanted.iter().all(|pair| match pair.split_once('=') {
        Some((key, value)) => fields[key].as_str() == Some(value),
        None => fields.get(pair).is_some(),
    })
}

/// POST startPendingUpload: a place to upload to, in the registry's own storage.
pub fn start_pending_upload(core: &mut Core, call: &Call) -> Answer {
    let body = if call.request.body.is_empty() { json!({}) } else { call.body()? };
    let id = match at::text(&body, "pendingUploadId") {
        Some(id) => id.to_owned(),
        None => ids::guid(&mut core.rng),
    };
    let container = format!("{}-{}", call.address.name(1).to_ascii_lowercase(), ids::guid(&mut core.rng));
    let uri = format!("https://registry.blob.core.windows.net/{container}");
    let signature = ids::hex(&mut core.rng, 43);
    let storage = core
        .store
        .get(&call.address.key_to(1))
        .and_then(|registry| {
            registry.pointer("/properties/regionDetails/0/storageAccountDetails/0/systemCreatedStorageAccount/armResourceId/resourceId").cloned()
        })
        .unwrap_or_default();
    Ok(Response::json(
        200,
        &json!({
            "pendingUploadId": id,
            "pendingUploadType": "TemporaryBlobReference",
            "blobReferenceForConsumption": {
                "blobUri": uri,
                "storageAccountArmId": storage,
                "credential": {"credentialType": "SAS", "sasUri": format!("{uri}?sv=2021-08-06&sr=c&sp=rwl&sig={signature}")},
            },
        }),
    ))
}
