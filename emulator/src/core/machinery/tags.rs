//! Tags of what Azure Resource Manager tracks: registries, endpoints and deployments. It checks them before the resource
//! provider sees them, and their names have no case. Tags of assets and jobs are none of these.

use serde_json::{Map, Value};

use super::error::ArmError;
use super::json as at;
use crate::core::Core;

/// The types that have such tags.
const TRACKED: [&str; 5] = [
    "registries",
    "workspaces/onlineEndpoints",
    "workspaces/onlineEndpoints/deployments",
    "workspaces/batchEndpoints",
    "workspaces/batchEndpoints/deployments",
];

/// Pairs on one resource [DOC].
const MOST: usize = 50;
/// Characters of a name [DOC].
const LONGEST_NAME: usize = 512;
/// Characters of a value [DOC].
const LONGEST_VALUE: usize = 256;
/// Not in a name [DOC].
const RESERVED: [char; 7] = ['<', '>', '%', '&', '\\', '?', '/'];

/// Refuses tags that cannot be, in the body of a PUT or PATCH of a resource of these types. Azure's codes for a value that
/// is too long and for a name are quoted by its own clients; that of too many tags is inferred.
pub fn check(kinds: &str, body: &Value) -> Result<(), ArmError> {
    if !TRACKED.contains(&kinds) {
        return Ok(());
    }
    let refused = |code: &str, message: String| Err(ArmError::front(400, code, message));
    let tags = at::object(body, "tags");
    for (name, value) in &tags {
        let shown: String = name.chars().take(80).collect();
        if name.trim().is_empty() {
            return refused("InvalidTagName", "The name of a tag must not be empty.".to_owned());
        }
        if name.contains(RESERVED) || name.contains(char::is_control) {
            return refused(
                "InvalidTagName",
                format!(
                    "The tag name '{}' has reserved characters '<,>,%,&,\\,?,/' or control characters.",
                    shown.escape_default()
                ),
            );
        }
        if name.chars().count() > LONGEST_NAME {
            return refused(
                "InvalidTagName",
                format!(
                    "Tag name too large. Following tag name '{shown}…' exceeded the maximum length. Maximum allowed length for tag name - '{LONGEST_NAME}' characters."
                ),
            );
        }
        let value = value.as_str().unwrap_or_default();
        if value.chars().count() > LONGEST_VALUE {
            return refused(
                "InvalidTagValueLength",
                format!(
                    "Tag value too large. Following tag value '{value}' exceeded the maximum length. Maximum allowed length for tag value - '{LONGEST_VALUE}' characters."
                ),
            );
        }
    }
    let count = single(&tags).len();
    if count > MOST {
        return refused(
            "TooManyTags",
            format!(
                "Too many tags on the resource/resource group. Requested tag count - '{count}'. Maximum number of tags allowed - '{MOST}'."
            ),
        );
    }
    Ok(())
}

/// The tags of a PUT or PATCH as they are kept: of names that differ in case alone there is one, with the last value.
/// `before`: the resource as it was.
pub fn kept(core: &Core, before: Option<&Value>, body: &Value) -> Value {
    let mut tags = single(&at::object(body, "tags"));
    if core.config.inferred.tag_spelling_stays {
        for (known, _) in before.map(|before| at::object(before, "tags")).unwrap_or_default() {
            let other = tags.keys().find(|sent| same(sent, &known)).filter(|sent| **sent != known).cloned();
            if let Some(value) = other.and_then(|other| tags.remove(&other)) {
                tags.insert(known, value);
            }
        }
    }
    tags.into()
}

/// One of those whose names differ in case alone.
fn single(tags: &Map<String, Value>) -> Map<String, Value> {
    let mut found: Map<String, Value> = Map::new();
    for (name, value) in tags {
        let known = found.keys().find(|known| same(known, name)).cloned();
        found.insert(known.unwrap_or_else(|| name.clone()), value.clone());
    }
    found
}

/// Whether two names are the same tag's.
pub fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}
