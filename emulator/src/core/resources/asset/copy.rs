//! Copies of a workspace's versions in a registry, as publish and import make them (§C.2).

use serde_json::{Map, Value, json};

use super::kinds::Kind;
use super::{upload, version};
use crate::core::Core;
use crate::core::machinery::address::Address;
use crate::core::machinery::{call, json as at};
use crate::core::resources::storage;
use crate::wire::Identity;

/// Makes the copy, of files and document.
pub fn make(core: &mut Core, identity: &Identity, source: &Value, address: &Address) {
    let kind = Kind::of(address);
    let uri = kind.path.and_then(|path| copied_files(core, source, address, path));
    let document = copied(core, identity, source, address, uri);
    version::place(core, identity, address, &document);
}

/// The files get a place of their own in the registry's storage; answers with its URI.
fn copied_files(core: &mut Core, source: &Value, address: &Address, path: &str) -> Option<String> {
    let uri = source["properties"][path].as_str()?;
    let owner = Address::parse(source["id"].as_str()?).ok()?;
    let name = uri.trim_end_matches('/').rsplit('/').next().unwrap_or("files");
    let target = upload::files_of(core, address).0.at(name);
    if let Some(from) = storage::of_uri(core, &owner, uri) {
        storage::copy(core, &from, &target);
    }
    Some(target.uri(core))
}

/// Metadata stays behind.
fn copied(core: &Core, identity: &Identity, source: &Value, address: &Address, uri: Option<String>) -> Value {
    let kind = Kind::of(address);
    let mut properties: Map<String, Value> = at::object(source, "properties");
    if let (Some(path), Some(uri)) = (kind.path, uri) {
        properties.insert(path.to_owned(), uri.into());
    }
    properties.insert("isArchived".to_owned(), false.into());
    if kind.has_state {
        properties.insert("provisioningState".to_owned(), "Succeeded".into());
    }
    if properties.contains_key("jobName") && !core.config.inferred.publish_copies_job_name {
        properties.insert("jobName".to_owned(), Value::Null);
    }
    if !core.config.inferred.publish_copies_metadata {
        properties.insert("description".to_owned(), Value::Null);
        properties.insert("tags".to_owned(), json!({}));
        properties.insert("properties".to_owned(), json!({}));
        if properties.contains_key("stage") {
            properties.insert("stage".to_owned(), "Development".into());
        }
    }
    json!({
        "id": address.id(),
        "name": address.leaf(),
        "type": address.arm_type(),
        "properties": properties,
        "systemData": call::system_data(core, identity, true),
    })
}
