//! Resource groups, which are there when something is in them, or when a seed names them. They are read, never made:
//! clients look whether a group exists, and where it is.

use serde_json::{Value, json};

use super::versions;
use crate::core::Core;
use crate::core::machinery::call::subscription_missing;
use crate::core::machinery::error::{Answer, ArmError};
use crate::core::machinery::rights;
use crate::wire::{Identity, Request, Response, decode};

/// What a path asks for.
pub struct Asked {
    subscription: String,
    /// None: all groups of the subscription.
    group: Option<String>,
}

/// `/subscriptions/{id}/resourceGroups`, and one of them; none when a path is something else.
pub fn asked(path: &str) -> Option<Asked> {
    let segments: Vec<String> = path.trim_matches('/').split('/').map(decode).collect();
    let fits = (3..=4).contains(&segments.len())
        && segments[0].eq_ignore_ascii_case("subscriptions")
        && segments[2].eq_ignore_ascii_case("resourceGroups")
        && segments.iter().all(|segment| !segment.is_empty());
    fits.then(|| Asked { subscription: segments[1].clone(), group: segments.get(3).cloned() })
}

/// GET of one or all; HEAD of one tells by its status alone whether it is there.
pub fn answer(core: &Core, identity: &Identity, request: &Request, asked: &Asked) -> Answer {
    let Asked { subscription, group } = asked;
    let Some(groups) = core.subscription(subscription) else {
        return Err(subscription_missing(subscription));
    };
    versions::dated(request, "")?;
    let method = request.method.as_str();
    if !["GET", "HEAD"].contains(&method) {
        let message = format!("The method {method} is not supported on resource groups.");
        return Err(ArmError::front(405, "MethodNotAllowed", message));
    }
    let scope = match group {
        Some(group) => format!("/subscriptions/{subscription}/resourceGroups/{group}"),
        None => format!("/subscriptions/{subscription}"),
    };
    rights::check(core, identity, &scope, "Microsoft.Resources/subscriptions/resourceGroups/read")?;
    let Some(asked) = group else {
        let all: Vec<Value> = groups.iter().map(|group| shown(core, subscription, group)).collect();
        return Ok(Response::json(200, &json!({"value": all})));
    };
    let found = groups.iter().find(|known| known.eq_ignore_ascii_case(asked));
    let found = found.ok_or_else(|| group_missing(asked))?;
    Ok(if method == "HEAD" {
        Response::empty(204)
    } else {
        Response::json(200, &shown(core, subscription, found))
    })
}

/// ARM's 404 of a resource group.
pub fn group_missing(group: &str) -> ArmError {
    let message = format!("Resource group '{group}' could not be found.");
    ArmError::front(404, "ResourceGroupNotFound", message)
}

fn shown(core: &Core, subscription: &str, group: &str) -> Value {
    json!({
        "id": format!("/subscriptions/{subscription}/resourceGroups/{group}"),
        "name": group,
        "type": "Microsoft.Resources/resourceGroups",
        "location": location_of(core, subscription, group),
        "tags": {},
        "properties": {"provisioningState": "Succeeded"},
    })
}

/// Where the first thing in it is: a group's own place is known to nobody.
fn location_of(core: &Core, subscription: &str, group: &str) -> String {
    let place = format!("{subscription}/{group}/").to_ascii_lowercase();
    let mut within = ["/workspaces", "/registries"]
        .into_iter()
        .flat_map(|ending| core.store.everywhere(ending))
        .filter(|(path, _)| path.starts_with(&place));
    let location = within.next().and_then(|(_, first)| first["location"].as_str().map(ToOwned::to_owned));
    location.unwrap_or_else(|| "eastus".to_owned())
}
