//! The front door: tokens, api-versions, scopes, rights, routing, and the headers that every answer has.

use super::{discovery, groups, headers, provider, route, throttle, token, versions};
use crate::core::Core;
use crate::core::machinery::address::{Address, NoAddress};
use crate::core::machinery::authentication::authenticated;
use crate::core::machinery::call::{Call, Door, no_such_type, subscription_missing};
use crate::core::machinery::error::{Answer, ArmError};
use crate::core::machinery::{guard, rights};
use crate::core::services::{autoscale, batch, blob, history, mlflow, monitor, scoring};
use crate::wire::{Identity, Principal, Request, Response};

/// Answers anything, wherever it points.
pub fn answer(core: &mut Core, principal: &Principal, request: &Request) -> Response {
    if let Some(response) = beside_arm(core, principal, request) {
        return response;
    }
    let (door, path) = match request.path.strip_prefix("/mferp/managementfrontend") {
        Some(rest) => (Door::Mfe, rest),
        None => (Door::Arm, request.path.as_str()),
    };
    let measured = monitor::resource(path);
    let parsed = Address::parse(measured.unwrap_or(path));
    let region = parsed
        .as_ref()
        .ok()
        .and_then(|address| region_of(core, address))
        .unwrap_or_else(|| "eastus".to_owned());
    let scaled = autoscale::asked(&request.path);
    let result = match groups::asked(&request.path) {
        _ if scaled.is_some() => {
            authenticated(core, principal, door).and_then(|identity| scale(core, &identity, request, scaled))
        }
        Some(asked) => authenticated(core, principal, door)
            .and_then(|identity| groups::answer(core, &identity, request, &asked)),
        None => admit(core, principal, request, parsed, door).and_then(|(identity, address)| {
            if measured.is_some() {
                return monitor::answer(core, &identity, request, &address);
            }
            if address.is_provider() {
                return provider::answer(core, &identity, request, &address);
            }
            let call = admit_call(core, &identity, request, address, door)?;
            throttle::spend(core, &call)?;
            guard::check(core, &call)?;
            match guard::modified(core, &call) {
                Some(request) => route::dispatch(core, &Call { request: &request, ..call }),
                None => route::dispatch(core, &call),
            }
        }),
    };
    let refused = result.is_err();
    let response = result.unwrap_or_else(|error| error.into_response(core, &region));
    headers::decorate(core, request, response, &region, refused)
}

/// What is asked of an autoscale setting, in a resource group that is there.
fn scale(core: &mut Core, identity: &Identity, request: &Request, asked: Option<autoscale::Asked>) -> Answer {
    let Some(asked) = asked else { return Err(no_such_type("autoscalesettings")) };
    let Some(known) = core.subscription(&asked.subscription) else {
        return Err(subscription_missing(&asked.subscription));
    };
    match &asked.group {
        Some(group) if !known.iter().any(|it| it.eq_ignore_ascii_case(group)) => {
            Err(groups::group_missing(group))
        }
        _ => autoscale::answer(core, identity, request, &asked),
    }
}

fn beside_arm(core: &mut Core, principal: &Principal, request: &Request) -> Option<Response> {
    if let Some(response) = blob::answer(core, principal, request) {
        return Some(response);
    }
    let path = request.path.as_str();
    if let Some(rest) = path.strip_prefix("/inference/") {
        return Some(scoring::answer(core, principal, request, rest));
    }
    if let Some(rest) = path.strip_prefix("/batch/") {
        return Some(batch::answer(core, principal, request, rest));
    }
    if let Some(rest) = path.strip_prefix("/mlflow/") {
        return Some(match authenticated(core, principal, Door::Arm) {
            Ok(identity) => mlflow::answer(core, &identity, request, rest),
            Err(error) => error.into_response(core, "eastus"),
        });
    }
    history::answer(core, principal, request)
        .or_else(|| discovery::answer(core, principal, request))
        .or_else(|| token::answer(core, request))
}

/// Who asks, and for what.
fn admit(
    core: &Core,
    principal: &Principal,
    request: &Request,
    parsed: Result<Address, NoAddress>,
    door: Door,
) -> Result<(Identity, Address), ArmError> {
    let identity = authenticated(core, principal, door)?;
    let through = |address: Address| match door {
        Door::Arm if address.acts("import") => Err(NoAddress::Type("registries/import".to_owned())),
        Door::Arm | Door::Mfe => Ok(address),
    };
    let address = parsed.and_then(through).map_err(|why| match why {
        NoAddress::Elsewhere => {
            ArmError::front(404, "ResourceNotFound", format!("No route for '{}'.", request.path))
        }
        NoAddress::Segment => {
            ArmError::front(400, "InvalidResourceName", "A segment of the resource's path is not a name.")
        }
        NoAddress::Type(kind) => no_such_type(&kind),
    })?;
    Ok((identity, address))
}

/// Whether what is asked for can be, in this version, and may be by whom asks.
fn admit_call<'a>(
    core: &Core,
    identity: &'a Identity,
    request: &'a Request,
    address: Address,
    door: Door,
) -> Result<Call<'a>, ArmError> {
    let Some(groups) = core.subscription(&address.subscription) else {
        return Err(subscription_missing(&address.subscription));
    };
    let api_version = versions::admit(request, &address)?;
    if !address.group.is_empty() && !groups.iter().any(|group| group.eq_ignore_ascii_case(&address.group)) {
        return Err(groups::group_missing(&address.group));
    }
    let action = rights::action(&address, request.method.as_str());
    if address.steps.first().is_none_or(|(kind, _)| *kind != "locations") {
        rights::check(core, identity, &address.id(), &action)?;
    }
    Ok(Call { request, identity, address, api_version, door })
}

fn region_of(core: &Core, address: &Address) -> Option<String> {
    let document = core.store.get(&address.key_to(1))?;
    Some(crate::core::machinery::json::text(&document, "location")?.to_owned())
}
