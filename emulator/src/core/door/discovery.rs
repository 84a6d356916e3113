//! How clients find their way: cloud metadata, and where a registry's assets are served.

use serde_json::json;

use crate::core::Core;
use crate::core::machinery::call::Door;
use crate::core::machinery::error::RootError;
use crate::core::machinery::{authentication, ids, json as at, rights};
use crate::core::resources::{registry, storage};
use crate::wire::{Principal, Request, Response};

/// Answers `/metadata/endpoints` and `/registrymanagement/v1.0/registries/{r}/discovery`.
pub fn answer(core: &mut Core, principal: &Principal, request: &Request) -> Option<Response> {
    let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["metadata", "endpoints"]) => Some(metadata(core)),
        // A workspace's `discoveryUrl`: where its other doors are [CLI].
        ("GET", ["discovery"]) => Some(Response::json(200, &json!({"api": core.base()}))),
        ("GET", ["registrymanagement", "v1.0", "registries", name, "discovery"]) => {
            Some(registry(core, principal, name))
        }
        _ => None,
    }
}

/// What `ARM_CLOUD_METADATA_URL` and `az cloud register` read [CLI].
fn metadata(core: &Core) -> Response {
    let base = core.base();
    Response::json(
        200,
        &json!([{
            "name": "AzureMLEmulator",
            "portal": base,
            "resourceManager": format!("{base}/"),
            "authentication": {
                "loginEndpoint": base,
                "audiences": authentication::ARM,
                "tenant": "common",
                "identityProvider": "AAD",
            },
            "graph": format!("{base}/graph/"),
            "graphAudience": "https://graph.microsoft.com/",
            "media": base,
            "suffixes": {"storage": storage::suffix(core), "acrLoginServer": "azurecr.io", "keyVaultDns": "vault.azure.net"},
        }]),
    )
}

fn registry(core: &mut Core, principal: &Principal, name: &str) -> Response {
    let identity = match authentication::authenticated(core, principal, Door::Mfe) {
        Ok(identity) => identity,
        Err(error) => return error.into_response(core, "eastus"),
    };
    let found = registry::named(core, name).and_then(|address| core.store.take(&address.key()));
    let Some(registry) = found else {
        let format = "Registry {feedName} was not found.";
        return RootError { status: 404, format, registry: name, inner: &[] }.into_response(core);
    };
    let id = registry["id"].as_str().unwrap_or_default();
    if rights::check(core, &identity, id, "Microsoft.MachineLearningServices/registries/read").is_err() {
        let format = "User/tenant/subscription is not allowed to access registry {feedName}";
        let inner = &["Auth", "Authorization", "UnAuthorizedRegistryAccess"];
        return RootError { status: 403, format, registry: name, inner }.into_response(core);
    }
    let mut segments = id.split('/').skip(2).step_by(2);
    let (subscription, group) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
    let regions: Vec<&str> = registry["properties"]["regionDetails"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|region| region["location"].as_str())
        .collect();
    let uris: serde_json::Map<String, serde_json::Value> =
        regions.iter().map(|region| ((*region).to_owned(), json!({"uri": core.base()}))).collect();
    Response::json(
        200,
        &json!({
            "registryId": ids::stable_guid(core.config.seed, id),
            "registryName": registry["name"],
            "tenantId": core.config.tenant,
            "primaryRegion": at::text(&registry, "location"),
            "regions": regions,
            "subscriptionId": subscription,
            "resourceGroup": group,
            "workspaceName": null,
            "primaryRegionResourceProviderUri": format!("{}/", core.base()),
            "registryFqdns": uris,
            "intellectualPropertyPublisher": null,
        }),
    )
}
