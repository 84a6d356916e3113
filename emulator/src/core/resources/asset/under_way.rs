//! Changes of a registry's assets that take their time: they are operations.

use serde_json::Value;

use super::{in_registry, shown};
use crate::config::Work;
use crate::core::Core;
use crate::core::machinery::call::{Call, Door};
use crate::core::machinery::operation::{self, Deed, Family, Start};
use crate::core::machinery::{address::Address, json as at};
use crate::wire::Response;

/// The answer to a PUT of a registry's version or container that an operation finishes.
pub fn answer(core: &mut Core, call: &Call, status: u16, document: Value) -> Response {
    let key = call.address.key();
    let urls = begin(core, call, Work::RegistryAsset, Deed::FinishVersion { key: key.clone() }, Some(key));
    let response = Response::json(status, &shown(core, call, document))
        .header("Azure-AsyncOperation", urls.status)
        .header("Location", resource_url(core, call))
        .header("x-ms-async-operation-timeout", "PT30M");
    operation::with_retry_after(core, response)
}

/// The 202 of a PUT of a registry's version, where that is what a door answers: nothing in it, and a `Location` that
/// answers 202 until the version is there, and then shows it. `later`: an operation finishes it.
pub fn accepted(core: &mut Core, call: &Call, later: bool) -> Response {
    let location = if later {
        let key = call.address.key();
        begin(core, call, Work::RegistryAsset, Deed::FinishVersion { key: key.clone() }, Some(key)).result
    } else {
        resource_url(core, call)
    };
    let response =
        Response::empty(202).header("Location", location).header("x-ms-async-operation-timeout", "PT30M");
    operation::with_retry_after(core, response)
}

/// Whether a PUT of a version is answered so [INF].
pub fn is_accepted(core: &Core, call: &Call) -> bool {
    let inferred = &core.config.inferred;
    in_registry(&call.address)
        && match call.door {
            Door::Arm => inferred.registry_asset_put_accepted,
            Door::Mfe => inferred.data_plane_put_accepted,
        }
}

/// Starts an operation on a registry's asset.
pub fn begin(core: &mut Core, call: &Call, work: Work, deed: Deed, shows: Option<String>) -> operation::Urls {
    let location = location_of(core, &call.address);
    operation::start(
        core,
        call,
        Start {
            family: Family::Registry,
            location: &location,
            workspace_id: "",
            work,
            deed,
            shows,
            model: "",
        },
    )
}

/// `Location` of a PUT: the resource itself.
pub fn resource_url(core: &Core, call: &Call) -> String {
    format!("{}{}?api-version={}", core.base(), call.request.path, call.api_version)
}

/// The location of the registry or workspace that an address is in.
pub fn location_of(core: &Core, address: &Address) -> String {
    let owner = core.store.get(&address.key_to(1));
    owner.as_deref().and_then(|owner| at::text(owner, "location")).unwrap_or("eastus").to_owned()
}
