//! Datastores (§B.8): where a workspace keeps its files. The files of those in blob storage are in [`crate::core::services::blob`].

use serde_json::{Value, json};

use super::{asset, storage};
use crate::core::Core;
use crate::core::machinery::address::Address;
use crate::core::machinery::call::{self, Call};
use crate::core::machinery::error::{Answer, ArmError};
use crate::core::machinery::order::Order;
use crate::core::machinery::paging::page;
use crate::core::machinery::schema::word;
use crate::core::machinery::{ids, json as at};
use crate::wire::Response;

/// The kinds of stores.
const TYPES: [&str; 5] = ["AzureBlob", "AzureDataLakeGen1", "AzureDataLakeGen2", "AzureFile", "OneLake"];
/// The kinds of credentials.
const CREDENTIALS: [&str; 5] = ["AccountKey", "Certificate", "None", "Sas", "ServicePrincipal"];

/// What can be said only once [PY].
const CREATE_ONLY: [&str; 9] = [
    "datastoreType",
    "accountName",
    "containerName",
    "endpoint",
    "filesystem",
    "fileShareName",
    "oneLakeWorkspaceName",
    "protocol",
    "storeName",
];

/// The one of a workspace's datastores that is used when none is named.
const DEFAULT: &str = "workspaceblobstore";

fn missing(name: &str) -> ArmError {
    ArmError::missing("DatastoreNotFound", format!("Could not find datastore with name: {name}."))
}

/// GET of one: never its secrets.
pub fn get(core: &Core, call: &Call) -> Answer {
    let found = core.store.get(&call.address.key());
    found.map(|document| Response::json(200, &document)).ok_or_else(|| missing(call.address.leaf()))
}

/// GET of all in a workspace, by `isDefault`, `names` and `searchText`.
pub fn list(core: &Core, call: &Call) -> Answer {
    let default = call.request.parameter("isDefault").filter(|flag| !flag.is_empty());
    let names = call.request.parameter("names").filter(|names| !names.is_empty());
    let text = call.request.parameter("searchText").unwrap_or_default();
    page(core, call, Order::of_datastores(call.request), |document| {
        let name = document["name"].as_str().unwrap_or_default();
        let is_default = document["properties"]["isDefault"] == true;
        let fits = default.as_deref().is_none_or(|flag| flag.eq_ignore_ascii_case("true") == is_default)
            && names.as_deref().is_none_or(|names| names.split(',').any(|wanted| wanted.trim() == name))
            && name.contains(&text);
        fits.then(|| document.into_owned())
    })
}

/// PUT: at once. What is create-only refuses a change; secrets are taken and not shown again.
pub fn put(core: &mut Core, call: &Call) -> Answer {
    let mut body = call.body()?;
    asset::check_name(call.address.leaf())?;
    let secrets = body["properties"]["credentials"]
        .as_object_mut()
        .and_then(|credentials| credentials.remove("secrets"));
    let key = call.address.key();
    let before = core.store.take(&key);
    let mut document = rendered(core, &call.address, &body);
    if let Some(before) = &before {
        refuse_changes(before, &document)?;
        document["properties"]["isDefault"] = before["properties"]["isDefault"].clone();
        call::touch(core, call.identity, &mut document, before);
    } else {
        document["systemData"] = call::system_data(core, call.identity, true);
    }
    match secrets {
        Some(secrets) => core.datastore_secrets.insert(key.clone(), secrets),
        None => core.datastore_secrets.remove(&key),
    };
    make_container(core, &document);
    let now = core.now();
    core.store.put(now, &key, document.clone());
    Ok(Response::json(if before.is_some() { 200 } else { 201 }, &document))
}

fn refuse_changes(before: &Value, after: &Value) -> Result<(), ArmError> {
    for field in CREATE_ONLY {
        let path = format!("properties.{field}");
        if at::at(before, &path) != at::at(after, &path) {
            return Err(ArmError::validation(&path, format!("{field} of a datastore cannot be changed.")));
        }
    }
    Ok(())
}

/// Storage is made where a datastore points at it; the service would want it to be there.
fn make_container(core: &mut Core, document: &Value) {
    let text = |field: &str| at::text(document, &format!("properties.{field}")).unwrap_or_default();
    if text("datastoreType") == "AzureBlob" {
        core.blobs.make(text("accountName"), text("containerName"));
    }
}

fn rendered(core: &Core, address: &Address, body: &Value) -> Value {
    let mut properties = at::object(body, "properties");
    let kind = word(&TYPES, at::text(body, "properties.datastoreType"));
    let credentials = word(&CREDENTIALS, at::text(body, "properties.credentials.credentialsType"));
    let defaults = json!({
        "description": null, "tags": {}, "properties": {}, "serviceDataAccessAuthIdentity": "None",
    });
    let owner = json!({"subscriptionId": address.subscription, "resourceGroup": address.group});
    let account = json!({"endpoint": storage::suffix(core), "protocol": storage::scheme(core)});
    let in_an_account = kind != "OneLake" && kind != "AzureDataLakeGen1";
    let in_azure = kind != "OneLake";
    let filled = [Some(&defaults), in_azure.then_some(&owner), in_an_account.then_some(&account)];
    for (field, value) in filled.into_iter().flatten().filter_map(Value::as_object).flatten() {
        let entry = properties.entry(field.clone()).or_insert(Value::Null);
        if entry.is_null() {
            *entry = value.clone();
        }
    }
    properties.insert("datastoreType".to_owned(), kind.into());
    properties.insert("isDefault".to_owned(), false.into());
    let mut document = json!({
        "id": address.id(), "name": address.leaf(), "type": address.arm_type(), "properties": properties,
    });
    document["properties"]["credentials"]["credentialsType"] = credentials.into();
    document
}

/// DELETE: at once.
pub fn delete(core: &mut Core, call: &Call) -> Response {
    let key = call.address.key();
    let now = core.now();
    core.datastore_secrets.remove(&key);
    Response::empty(if core.store.remove(now, &key) { 200 } else { 204 })
}

/// POST listSecrets: `{expirableSecret?, expireAfterHours?}`. For an account's key it gives a SAS when an expirable
/// secret is wanted, as the client expects [CLI].
pub fn secrets(core: &Core, call: &Call) -> Answer {
    let wanted = if call.request.body.is_empty() { json!({}) } else { call.body()? };
    let key = call.address.key();
    let name = call.address.leaf();
    let Some(document) = core.store.get(&key) else { return Err(missing(name)) };
    let kind = at::text(&document, "properties.credentials.credentialsType").unwrap_or("None");
    let Some(secrets) = core.datastore_secrets.get(&key).filter(|_| kind != "None") else {
        return Err(ArmError::plain_user(400, format!("Datastore {name} has no credentials.")));
    };
    if kind == "AccountKey" && wanted["expirableSecret"] == true {
        let hours = wanted["expireAfterHours"].as_f64().unwrap_or(1.0);
        let text = |field: &str| at::text(&document, &format!("properties.{field}")).unwrap_or_default();
        let token = storage::signature::issue(
            core,
            text("accountName"),
            text("containerName"),
            storage::signature::TO_WRITE,
            hours,
        );
        return Ok(Response::json(200, &json!({"secretsType": "Sas", "sasToken": token})));
    }
    let mut secrets = secrets.clone();
    secrets["secretsType"] = kind.into();
    Ok(Response::json(200, &secrets))
}

/// The datastores of a new workspace, all in its one storage account [DOC]; the first is its default.
pub fn make_defaults(core: &mut Core, workspace: &Address, workspace_id: &str) {
    let id: String = workspace_id.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    let name = workspace.leaf().to_ascii_lowercase().replace(['-', '_'], "");
    // Names of accounts have at most 24 characters.
    let account = format!("{}{id}", name.chars().take(12).collect::<String>());
    let blob = |container: String| json!({"datastoreType": "AzureBlob", "containerName": container});
    let share = |share: String| json!({"datastoreType": "AzureFile", "fileShareName": share});
    for (name, mut properties) in [
        (DEFAULT, blob(format!("azureml-blobstore-{workspace_id}"))),
        ("workspacefilestore", share(format!("azureml-filestore-{workspace_id}"))),
        ("workspaceartifactstore", blob("azureml".to_owned())),
        // The same share in every account.
        ("workspaceworkingdirectory", share("code-391ff5ac-6576-460f-ba4d-7e03433c68b6".to_owned())),
    ] {
        properties["accountName"] = account.clone().into();
        properties["credentials"] = json!({"credentialsType": "AccountKey"});
        make(core, &workspace.child("datastores", name), &properties);
    }
}

fn make(core: &mut Core, address: &Address, properties: &Value) {
    let key = address.key();
    let mut document = rendered(core, address, &json!({"properties": properties}));
    document["properties"]["isDefault"] = (address.leaf() == DEFAULT).into();
    let now = core.now();
    let time = ids::iso(now);
    document["systemData"] = json!({
        "createdAt": time, "createdBy": "seed", "createdByType": "Application",
        "lastModifiedAt": time, "lastModifiedBy": "seed", "lastModifiedByType": "Application",
    });
    let account = at::text(properties, "accountName").unwrap_or_default();
    let secret = ids::stable_guid(core.config.seed, &format!("account key {account}"));
    core.datastore_secrets.insert(key.clone(), json!({"secretsType": "AccountKey", "key": secret}));
    make_container(core, &document);
    core.store.put(now, &key, document);
}
