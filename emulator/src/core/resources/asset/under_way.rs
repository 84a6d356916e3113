//! Changes of a registry's assets that take their time: they are operations.

use serde_json::Value;

use super::shown;
use crate::config::Work;
use crate::core::Core;
use crate::core::machinery::call::Call;
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
