//! Changes of a registry take their time: they are operations.

use crate::config::Work;
use crate::core::Core;
use crate::core::machinery::call::Call;
use crate::core::machinery::operation::{self, Deed, Family, Start, Urls};
use crate::wire::Response;

/// 202 with an empty body and two headers [REC].
pub fn accepted(
    core: &mut Core,
    call: &Call,
    location: &str,
    work: Work,
    deed: Deed,
    shows: Option<String>,
) -> Response {
    let Urls { status, result, .. } = operation::start(
        core,
        call,
        Start { family: Family::Registry, location, workspace_id: "", work, deed, shows, model: "" },
    );
    let response = Response::empty(202).header("Azure-AsyncOperation", status).header("Location", result);
    operation::with_retry_after(core, response)
}
