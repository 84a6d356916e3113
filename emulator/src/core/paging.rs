//! Lists: pages, and links to the next one.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::Core;
use super::arm::Call;
use super::error::{Answer, ArmError};
use super::order::{Order, Position};
use crate::wire::{Request, Response};

/// One page of a list, with `nextLink` when there is more. `render` turns a stored document into an item,
/// or leaves it out.
pub fn page(
    core: &Core,
    call: &Call,
    order: Order,
    mut render: impl FnMut(Cow<Value>) -> Option<Value>,
) -> Answer {
    let token = call.request.parameter("$skip").filter(|token| !token.is_empty());
    let after = token.as_deref().and_then(Position::parse);
    if token.is_some() && after.is_none() {
        return Err(ArmError::validation("$skip", "The continuation token is not valid."));
    }
    let limit = call.request.parameter("$top").or_else(|| call.request.parameter("count"));
    let limit = limit.and_then(|text| text.parse::<usize>().ok()).unwrap_or(usize::MAX);
    let size = core.config.page_size.max(1).min(limit.max(1));
    let mut items = Vec::new();
    let mut last = None;
    let mut more = false;
    for (position, document) in
        core.store.list(core.now(), &call.address.collection_key(), order, after.as_ref())
    {
        let Some(item) = render(document) else { continue };
        if items.len() == size {
            more = true;
            break;
        }
        items.push(item);
        last = Some(position);
    }
    let mut body = json!({"value": items});
    // `$top` and `count` say how many are wanted in all, and then there is no next page.
    if let (true, true, Some(last)) = (more, limit > size, last) {
        body["nextLink"] = next_link(core, call.request, &last).into();
    }
    Ok(Response::json(200, &body))
}

fn next_link(core: &Core, request: &Request, last: &Position) -> String {
    let kept: Vec<&str> = request
        .query
        .split('&')
        .filter(|pair| {
            let key = pair.split('=').next().unwrap_or_default();
            !key.eq_ignore_ascii_case("$skip") && !key.eq_ignore_ascii_case("%24skip")
        })
        .collect();
    format!("{}{}?{}&%24skip={}", core.base(), request.path, kept.join("&"), last.token())
}
