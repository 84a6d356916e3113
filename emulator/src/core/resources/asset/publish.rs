//! Promotion from a workspace to a registry (§C.2): ARM's `publish`, and the SDK's `import`.

use serde_json::Value;

use super::{reference, under_way, version};
use crate::config::Work;
use crate::core::Core;
use crate::core::machinery::address::{Address, KINDS_OF_ASSETS};
use crate::core::machinery::call::{Call, not_found};
use crate::core::machinery::error::{Answer, ArmError};
use crate::core::machinery::operation::{self, Deed, Failure, Family, Order, Start};
use crate::core::machinery::{json as at, rights};
use crate::core::resources::{asset, registry};
use crate::wire::Response;

/// POST publish: `{registryName, destinationName, destinationVersion}`.
pub fn start(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    let source_address = Address { action: None, ..call.address.clone() };
    check_source(core, call, &source_address)?;
    let Some(source) = core.store.take(&source_address.key()) else {
        return Err(version::missing(&source_address));
    };
    let Some(registry) = at::text(&body, "registryName") else {
        return Err(ArmError::validation("registryName", "The registryName field is required."));
    };
    let registry = registry_named(core, registry)?;
    let name = at::text(&body, "destinationName").unwrap_or(source_address.name(1));
    let version = at::text(&body, "destinationVersion").unwrap_or(source_address.leaf());
    let destination = registry.child(source_address.steps[1].0, name).child("versions", version);
    copy(core, call, source, destination)
}

/// POST import, at the registry: what azure-ai-ml's `share` does.
pub fn import(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    let registry = Address { action: None, ..call.address.clone() };
    let asked = at::text(&body, "properties.sourceAssetId").unwrap_or_default();
    let missing = || ArmError::missing("AssetNotFound", format!("Asset {asked} was not found."));
    let source_address = source_of(core, asked).ok_or_else(missing)?;
    check_source(core, call, &source_address)?;
    let source = core.store.take(&source_address.key()).ok_or_else(missing)?;
    let word = |path: &str, default: &str| at::text(&body, path).unwrap_or(default).to_owned();
    let name = word("properties.destinationName", "");
    let version = word("properties.destinationVersion", source_address.leaf());
    let destination = registry.child(source_address.steps[1].0, &name).child("versions", &version);
    copy(core, call, source, destination)
}

/// Refuses who may not read what is to be copied.
fn check_source(core: &Core, call: &Call, source: &Address) -> Result<(), ArmError> {
    rights::check(core, call.identity, &source.id(), &rights::action(source, "GET"))
}

/// The version that `azureml://locations/{loc}/workspaces/{guid}/models/N/versions/V` or an ARM id names, whether
/// there is one or not; none when it is no version of an asset.
fn source_of(core: &Core, asset: &str) -> Option<Address> {
    let address = match reference::parse(asset) {
        None => Address::parse(asset).ok()?,
        Some(named) => {
            let [("locations", _), ("workspaces", guid), ..] = named.steps.as_slice() else { return None };
            let workspace =
                core.store.everywhere("/workspaces").map(|(_, workspace)| workspace).find(|workspace| {
                    at::text(workspace, "properties.workspaceId")
                        .is_some_and(|own| own.eq_ignore_ascii_case(guid))
                })?;
            named.moved_to(&Address::parse(workspace["id"].as_str()?).ok()?, 2)
        }
    };
    let version =
        matches!(address.steps[..], [_, (kind, _), ("versions", _)] if KINDS_OF_ASSETS.contains(&kind));
    (address.is_resource() && version).then_some(address)
}

fn registry_named(core: &Core, name: &str) -> Result<Address, ArmError> {
    registry::named(core, name)
        .ok_or_else(|| ArmError::missing("RegistryNotFound", format!("Registry {name} was not found.")))
}

fn copy(core: &mut Core, call: &Call, source: Value, address: Address) -> Answer {
    version::check_names(&address)?;
    let registry = address.parent().parent();
    if !core.store.has(&registry.key()) {
        return Err(not_found(&registry));
    }
    rights::check_destination(core, call.identity, &registry)?;
    let destination = address.key();
    version::refuse_tombstone(core, &destination, &address)?;
    let status = core.config.inferred.publish_conflict_status;
    let asset = version::asset_id(&address);
    if core.store.has(&destination) {
        return Err(ArmError::user(
            status,
            "The destination asset exists.",
            "AssetAlreadyExists",
            format!("Asset {asset} already exists."),
        ));
    }
    if core.publishing.contains_key(&destination) {
        return Err(ArmError::user(
            status,
            "The destination asset is being published.",
            "AssetPublishInProgress",
            format!("Asset {asset} is being published."),
        ));
    }
    let location = under_way::location_of(core, &registry);
    let order = Order { destination: destination.clone(), address, source, identity: call.identity.clone() };
    let urls = operation::start(
        core,
        call,
        Start {
            family: Family::Registry,
            location: &location,
            workspace_id: "",
            work: Work::Publish,
            deed: Deed::Publish(order),
            shows: None,
            model: "",
        },
    );
    core.publishing.insert(destination, urls.bare);
    let mut response =
        Response::empty(202).header("Location", urls.result).header("x-ms-async-operation-timeout", "PT30M");
    if core.config.inferred.publish_names_status_url {
        response = response.header("Azure-AsyncOperation", urls.status);
    }
    Ok(operation::with_retry_after(core, response))
}

/// The copy appears, unless something else has its name by now.
pub fn finish(core: &mut Core, order: &Order, fate: Result<(), Failure>) -> Result<(), Failure> {
    core.publishing.remove(&order.destination);
    fate?;
    let failed =
        |code: &str, message: &str| Err(Failure { code: code.to_owned(), message: message.to_owned() });
    if core.store.has(&order.destination) {
        return failed("AssetAlreadyExists", "The destination asset exists.");
    }
    if !core.store.has(&order.address.key_to(1)) {
        return failed("RegistryNotFound", "The registry is gone.");
    }
    asset::copy::make(core, &order.identity, &order.source, &order.address);
    Ok(())
}
