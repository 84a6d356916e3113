//! Where files are: storage accounts of workspaces and registries, and the URIs by which assets name them.

pub mod blobs;
pub mod signature;

use serde_json::{Value, json};

use crate::core::Core;
use crate::core::machinery::address::Address;
use crate::core::machinery::{ids, json as at};
use crate::wire::encode;

/// Hours for which a registry's signature lasts [INF].
const HOURS: f64 = 1.0;

/// A path in a container; an empty one is the whole container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    account: String,
    container: String,
    path: String,
}

/// What follows `{account}.blob.` in the hosts of storage accounts. Storage has a name for each account, which an
/// address cannot have: then it is `localhost`, as in Azurite.
pub fn suffix(core: &Core) -> String {
    let host = core.host();
    let (name, port) = host.rsplit_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    let is_address = name.starts_with('[') || name.parse::<std::net::IpAddr>().is_ok();
    let name = if is_address { "localhost" } else { name };
    port.map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

/// `http` or `https`, as the emulator is served.
pub fn scheme(core: &Core) -> &str {
    core.base().split_once("://").map_or("https", |(scheme, _)| scheme)
}

impl Place {
    /// Its URL, without a signature.
    pub fn uri(&self, core: &Core) -> String {
        let base = format!("{}://{}.blob.{}/{}", scheme(core), self.account, suffix(core), self.container);
        if self.path.is_empty() { base } else { format!("{base}/{}", self.path) }
    }

    /// Its URL as a URL has it, with a signature that opens the container.
    pub fn signed(&self, core: &Core) -> String {
        let path = self.path.split('/').map(encode).collect::<Vec<String>>().join("/");
        let sas = signature::issue(core, &self.account, &self.container, signature::TO_WRITE, HOURS);
        format!("{}?{sas}", self.clone().at(&path).uri(core))
    }

    /// The same container, and a path in it.
    #[must_use]
    pub fn at(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    /// `blobReferenceForConsumption`: the container, and a signature that opens it to this.
    pub fn reference(&self, core: &Core, storage_id: &Value, permissions: &str) -> Value {
        let uri = self.uri(core);
        let sas = signature::issue(core, &self.account, &self.container, permissions, HOURS);
        let container = Self { path: String::new(), ..self.clone() }.uri(core);
        json!({
            "blobUri": uri,
            "storageAccountArmId": storage_id,
            "credential": {"credentialType": "SAS", "sasUri": format!("{container}?{sas}")},
        })
    }
}

/// A container of its own for something, such as a version's files, in the storage of its registry or workspace; made
/// if it is not there, and the same for the same words.
pub fn own(core: &mut Core, owner: &Address, words: &str) -> (Place, Value) {
    let (account, storage_id) = storage_of(core, owner);
    let container = format!("{}-{}", owner.steps[0].0, ids::stable_guid(core.config.seed, words));
    core.blobs.make(&account, &container);
    (Place { account, container, path: String::new() }, storage_id)
}

/// Account and ARM id of the storage of a registry or workspace.
fn storage_of(core: &Core, owner: &Address) -> (String, Value) {
    let registry = core.store.get(&owner.key_to(1));
    let account = registry.as_deref().and_then(|registry| {
        registry.pointer("/properties/regionDetails/0/storageAccountDetails/0/systemCreatedStorageAccount")
    });
    if let Some(account) = account {
        let name = at::text(account, "storageAccountName").unwrap_or("registry").to_owned();
        return (name, account.pointer("/armResourceId/resourceId").cloned().unwrap_or_default());
    }
    let default = core.store.get(&format!("{}/datastores/workspaceblobstore", owner.key_to(1)));
    let name = default
        .as_deref()
        .and_then(|default| at::text(default, "properties.accountName"))
        .unwrap_or("workspace");
    let Address { subscription, group, .. } = owner;
    let id = format!(
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/{name}"
    );
    (name.to_owned(), id.into())
}

/// Whether a URI names a storage account below the emulator that is not the owner's own.
pub fn is_elsewhere(core: &Core, owner: &Address, uri: &str) -> bool {
    let Some(host) = uri.split_once("://").and_then(|(_, rest)| rest.split('/').next()) else { return false };
    let below = format!(".blob.{}", suffix(core));
    host.strip_suffix(&below).is_some_and(|account| account != storage_of(core, owner).0)
}

/// Where the files of an asset's URI are, seen from its registry or workspace. None when no storage is named, as in
/// the URI of a job's output.
pub fn of_uri(core: &Core, owner: &Address, uri: &str) -> Option<Place> {
    if let Some(rest) = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://")) {
        let (host, rest) = rest.split_once('/')?;
        let (container, path) = rest.split_once('/').unwrap_or((rest, ""));
        let account = host.split_once(".blob.")?.0.to_owned();
        return Some(Place { account, container: container.to_owned(), path: path.to_owned() });
    }
    let (before, path) = uri.strip_prefix("azureml://")?.split_once("/paths/")?;
    let (workspace, datastore) = before.rsplit_once("datastores/")?;
    let owner = if workspace.is_empty() { owner.key_to(1) } else { long_form(workspace)? };
    let document = core.store.get(&format!("{owner}/datastores/{datastore}"))?;
    let text = |field: &str| at::text(&document, &format!("properties.{field}")).map(ToOwned::to_owned);
    Some(Place { account: text("accountName")?, container: text("containerName")?, path: path.to_owned() })
}

/// The key of `subscriptions/S/resourcegroups/G/workspaces/W/`.
fn long_form(workspace: &str) -> Option<String> {
    let parts: Vec<&str> = workspace.trim_end_matches('/').split('/').collect();
    let [_, subscription, _, group, _, name] = parts[..] else { return None };
    let address = Address {
        subscription: subscription.to_owned(),
        group: group.to_owned(),
        steps: vec![("workspaces", name.to_owned())],
        collection: None,
        action: None,
    };
    Some(address.key())
}

/// The files of a folder, by their paths in it.
pub fn files(core: &Core, folder: &Place) -> Vec<(String, Place)> {
    let Some(container) = core.blobs.container(&folder.account, &folder.container) else { return Vec::new() };
    let inside = |name: &str| Some(name.strip_prefix(folder.path.as_str())?.strip_prefix('/')?.to_owned());
    let names = container.beneath(&folder.path).into_iter().map(|(name, _)| name);
    names.filter_map(|name| Some((inside(&name)?, folder.clone().at(&name)))).collect()
}

/// Copies a blob, or a folder of them. What was never uploaded is not there to be copied.
pub fn copy(core: &mut Core, from: &Place, to: &Place) {
    let Some(source) = core.blobs.container(&from.account, &from.container) else { return };
    let found = source.beneath(&from.path);
    core.blobs.make(&to.account, &to.container);
    let Some(target) = core.blobs.container_mut(&to.account, &to.container) else { return };
    for (name, blob) in found {
        target.blobs.insert(format!("{}{}", to.path, &name[from.path.len()..]), blob);
    }
}
