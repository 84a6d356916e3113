//! Lists: pages, and links to the next one.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::call::Call;
use super::error::{Answer, ArmError};
use super::order::{Order, Position};
use crate::core::Core;
use crate::wire::{Request, Response, decode};

/// How many items a list shows.
struct Extent {
    /// On a page.
    page: usize,
    /// In all, and the parameter that says so.
    most: Option<(&'static str, usize)>,
}

impl Extent {
    /// `$top` and `count` are how many are wanted in all; but `count` of endpoints is the length of a page [PY]. A
    /// number that is none says nothing.
    fn of(core: &Core, call: &Call) -> Self {
        let page = core.config.page_size.max(1);
        let asked = |name| Some((name, number(call.request, name).filter(|number| *number > 0)?));
        if call.address.collection.is_some_and(|kind| kind.ends_with("Endpoints")) {
            let asked = asked("count").map_or(page, |(_, count)| count);
            return Self { page: page.min(asked), most: None };
        }
        let most = asked("$top").or_else(|| asked("count"));
        Self { page: most.map_or(page, |(_, most)| page.min(most)), most }
    }
}

fn number(request: &Request, name: &str) -> Option<usize> {
    request.parameter(name)?.parse().ok()
}

/// One page of the list that is asked for, with `nextLink` when there is more. `render` turns a stored document into
/// an item, or leaves it out.
pub fn page(
    core: &Core,
    call: &Call,
    order: Order,
    render: impl FnMut(Cow<Value>) -> Option<Value>,
) -> Answer {
    page_of(core, call, &[call.address.collection_key()], order, render)
}

/// The same of several collections together.
pub fn page_of(
    core: &Core,
    call: &Call,
    collections: &[String],
    order: Order,
    mut render: impl FnMut(Cow<Value>) -> Option<Value>,
) -> Answer {
    let token = call.request.parameter("$skip").filter(|token| !token.is_empty());
    let after = token.as_deref().and_then(Position::parse);
    if token.is_some() && after.is_none() {
        return Err(ArmError::validation("$skip", "The continuation token is not valid."));
    }
    let extent = Extent::of(core, call);
    let mut offset = number(call.request, "offset").unwrap_or(0);
    let mut items = Vec::new();
    let mut last = None;
    let mut more = false;
    for (position, document) in core.store.list(core.now(), collections, order, after.as_ref()) {
        let Some(item) = render(document) else { continue };
        if offset > 0 {
            offset -= 1;
            continue;
        }
        if items.len() == extent.page {
            more = true;
            break;
        }
        items.push(item);
        last = Some(position);
    }
    let mut body = json!({"value": items});
    let left = extent.most.map(|(name, most)| (name, most - extent.page));
    if let (true, Some(last)) = (more && left.is_none_or(|(_, left)| left > 0), last) {
        body["nextLink"] = next_link(core, call.request, &last, left).into();
    }
    Ok(Response::json(200, &body))
}

/// The same request from a position on: what was passed over is not passed over again, and only what is left of a
/// number in all is wanted.
fn next_link(core: &Core, request: &Request, last: &Position, left: Option<(&str, usize)>) -> String {
    let mut gone = vec!["$skip", "offset"];
    gone.extend(left.map(|(name, _)| name));
    let mut query: Vec<String> = request
        .query
        .split('&')
        .filter(|pair| {
            let name = decode(pair.split('=').next().unwrap_or_default());
            !gone.iter().any(|gone| gone.eq_ignore_ascii_case(&name))
        })
        .map(ToOwned::to_owned)
        .collect();
    query.extend(left.map(|(name, left)| format!("{}={left}", name.replace('$', "%24"))));
    format!("{}{}?{}&%24skip={}", core.base(), request.path, query.join("&"), last.token())
}
