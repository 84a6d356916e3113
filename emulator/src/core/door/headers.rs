//! The headers that every answer of Azure Resource Manager has [REC 2026-03].

use super::throttle;
use crate::core::Core;
use crate::core::machinery::ids;
use crate::wire::{Request, Response};

/// Puts them on.
pub fn decorate(
    core: &mut Core,
    request: &Request,
    response: Response,
    region: &str,
    refused: bool,
) -> Response {
    let request_id = ids::guid(&mut core.rng);
    let routing_id = ids::guid(&mut core.rng);
    let correlation = request
        .headers
        .get("x-ms-correlation-request-id")
        .cloned()
        .unwrap_or_else(|| ids::guid(&mut core.rng));
    let stamp = core.now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let app = ids::stable_guid(core.config.seed, "appId");
    let mut response = response
        .header("Cache-Control", "no-cache")
        .header("Pragma", "no-cache")
        .header("Expires", "-1")
        .header("Request-Context", format!("appId=cid-v1:{app}"))
        .header("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        .header("X-Cache", "CONFIG_NOCACHE")
        .header("X-Content-Type-Options", "nosniff")
        .header("azureml-served-by-cluster", format!("vienna-{region}-02"))
        .header("x-ms-correlation-request-id", correlation)
        .header(
            "x-ms-operation-identifier",
            format!("tenantId={},objectId={app}/{region}/{request_id}", core.config.tenant),
        )
        .header("x-ms-routing-request-id", format!("{}:{stamp}:{routing_id}", region.to_ascii_uppercase()))
        .header("x-ms-request-id", request_id)
        .header("x-ms-response-type", if refused { "error" } else { "standard" })
        .header("X-MSEdge-Ref", "Ref A: EMULATOR")
        .header("x-request-time", "0.042");
    throttle::headers(core, request, &mut response);
    let asked = request.headers.get("x-ms-return-client-request-id");
    if asked.is_some_and(|asked| asked.eq_ignore_ascii_case("true"))
        && let Some(id) = request.headers.get("x-ms-client-request-id")
        && core.config.inferred.client_request_id_echoed
    {
        response.headers.insert("x-ms-client-request-id".to_owned(), id.clone());
    }
    response
}
