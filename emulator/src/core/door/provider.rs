//! The resource provider in a subscription: it is registered, and clients that are told that it is not can register it.

use serde_json::json;

use super::versions;
use crate::core::Core;
use crate::core::machinery::address::{Address, PROVIDER};
use crate::core::machinery::call::subscription_missing;
use crate::core::machinery::error::{Answer, ArmError};
use crate::core::machinery::rights;
use crate::wire::{Identity, Request, Response};

/// GET of the provider, and POST of `register` (§B.8), in any version of Azure Resource Manager's own.
pub fn answer(core: &Core, identity: &Identity, request: &Request, address: &Address) -> Answer {
    let subscription = &address.subscription;
    if core.subscription(subscription).is_none() {
        return Err(subscription_missing(subscription));
    }
    match request.parameter("api-version").filter(|version| !version.is_empty()) {
        None => return Err(versions::missing()),
        Some(version) if !versions::is_dated(&version) => return Err(versions::invalid(&version, "")),
        Some(_) => {}
    }
    let action = match (request.method.as_str(), address.action.is_some()) {
        ("GET" | "HEAD", false) => "Microsoft.Resources/subscriptions/providers/read",
        ("POST", true) => "Microsoft.MachineLearningServices/register/action",
        (method, _) => {
            let message = format!("The method {method} is not supported on '{PROVIDER}'.");
            return Err(ArmError::front(405, "MethodNotAllowed", message));
        }
    };
    rights::check(core, identity, &format!("/subscriptions/{subscription}"), action)?;
    Ok(Response::json(
        200,
        &json!({
            "id": format!("/subscriptions/{subscription}/providers/{PROVIDER}"),
            "namespace": PROVIDER,
            "registrationState": "Registered",
        }),
    ))
}
