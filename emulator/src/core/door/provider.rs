//! The resource provider in a subscription: it is registered, and clients that are told that it is not can register it.

use serde_json::{Value, json};

use super::versions;
use crate::core::Core;
use crate::core::machinery::address::{self, Address, PROVIDER};
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
    versions::dated(request, "")?;
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
            "registrationPolicy": "RegistrationRequired",
            "registrationState": "Registered",
            "resourceTypes": resource_types(),
        }),
    ))
}

/// Regions as Azure displays them. The emulator takes any; a client that offers a choice, or checks one, needs some.
const REGIONS: [&str; 12] = [
    "East US",
    "East US 2",
    "West US",
    "West US 2",
    "West US 3",
    "Central US",
    "North Europe",
    "West Europe",
    "UK South",
    "Germany West Central",
    "Southeast Asia",
    "Australia East",
];

/// The types that are served, with where and in which versions: what clients look up before they make something.
fn resource_types() -> Vec<Value> {
    let types = address::served_types().into_iter().map(|kind| {
        let tracked = matches!(kind.as_str(), "workspaces" | "registries")
            || kind.ends_with("Endpoints")
            || kind.ends_with("Endpoints/deployments");
        let capabilities =
            if tracked { "CrossResourceGroupResourceMove, SupportsTags, SupportsLocation" } else { "None" };
        json!({
            "resourceType": kind,
            "locations": REGIONS,
            "apiVersions": versions::KNOWN.iter().rev().collect::<Vec<_>>(),
            "capabilities": capabilities,
        })
    });
    types.collect()
}
