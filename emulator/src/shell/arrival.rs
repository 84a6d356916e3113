//! A request from its head to its answer: its body, what has to be fetched for it, and the core. However that ends, it
//! is in the log.

use std::panic::{AssertUnwindSafe, catch_unwind};

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::json;

use super::Shared;
use crate::config::{Time, TimeChange};
use crate::control::http as control;
use crate::core::Core;
use crate::core::door::refused::Refused;
use crate::wire::{Principal, Request, Response};

/// Bodies larger than this are refused.
const LARGEST_BODY: usize = 16 << 20;
/// The same for storage accounts: the largest blob that azure-storage-blob sends at once.
const LARGEST_BLOB: usize = 64 << 20;

/// Answers a request. It is worked on to the end even if its client hangs up, as in the service.
pub(super) async fn answer(shared: &Shared, request: hyper::Request<Incoming>) -> Response {
    let (parts, body) = request.into_parts();
    let headers = parts.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let mut request = Request {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: Vec::new(),
    };
    let refused = match read(&request, body).await {
        Ok(body) => {
            request.body = body;
            None
        }
        Err(why) => Some(why),
    };
    let response = shared.dated(handle(shared, &request, refused).await);
    tracing::info!(method = %request.method, path = %request.path, status = response.status, "answered");
    response
}

async fn read(request: &Request, body: Incoming) -> Result<Vec<u8>, Refused> {
    let host = request.headers.get("host").map(String::as_str).unwrap_or_default();
    let largest = if host.contains(".blob.") { LARGEST_BLOB } else { LARGEST_BODY };
    let body = Limited::new(body, largest).collect().await;
    let body = body
        .map_err(|error| if error.is::<LengthLimitError>() { Refused::TooLarge } else { Refused::Broken })?;
    Ok(body.to_bytes().to_vec())
}

async fn handle(shared: &Shared, request: &Request, refused: Option<Refused>) -> Response {
    if refused.is_none() && request.path.starts_with("/_emulator") {
        if is_of_a_page(request) {
            let why = "The control API is not for web pages: a request with `Origin` is refused.";
            return control::refused(403, why);
        }
        if !is_for_this_machine(request, &shared.present().config.public_url) {
            let why = "The control API answers to 127.0.0.1, localhost and the host of `publicUrl`: another name in `Host` may be one of a web page that leads here.";
            return control::refused(403, why);
        }
    }
    let of_time = request.path.trim_end_matches('/') == "/_emulator/time";
    if refused.is_none() && of_time && matches!(request.method, http::Method::GET | http::Method::POST) {
        return time(shared, request).unwrap_or_else(|response| response);
    }
    if refused.is_none() {
        shared.know_issuer(request).await;
    }
    let now = shared.now();
    let mut core = shared.present();
    let principal = core.principal(now, request);
    match refused {
        // What is left of the body is not read, so that no other request can follow.
        Some(why) => core.refuse(&principal, request, why).header("Connection", "close"),
        None => guarded(&mut core, &principal, request, |core| core.handle(now, &principal, request)),
    }
}

/// Whether a page of another origin, in somebody's browser, asks the control API, which wants no token. What a page embeds
/// comes without `Origin`.
fn is_of_a_page(request: &Request) -> bool {
    let cross =
        request.headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site" || site == "same-site");
    cross || request.headers.contains_key("origin")
}

/// Whether the host that is asked is called as this machine is. A page whose own host's name was made to lead here would be
/// of the same origin, and so without `Origin`.
fn is_for_this_machine(request: &Request, public_url: &str) -> bool {
    let Some(host) = request.headers.get("host") else { return true };
    let name = |authority: &str| {
        let url = format!("http://{authority}/").parse::<http::Uri>().ok()?;
        Some(url.host()?.to_ascii_lowercase())
    };
    let public = public_url.split_once("://").map_or(public_url, |(_, rest)| rest);
    let public = public.split('/').next().and_then(name);
    name(host).is_some_and(|host| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok() || Some(&host) == public.as_ref()
    })
}

/// The answer of a handler, or what is answered when it panics.
fn guarded(
    core: &mut Core,
    principal: &Principal,
    request: &Request,
    handle: impl FnOnce(&mut Core) -> Response,
) -> Response {
    let handled = catch_unwind(AssertUnwindSafe(|| handle(core)));
    handled.unwrap_or_else(|_| core.refuse(principal, request, Refused::Panicked))
}

/// `/_emulator/time`: `{seconds}` moves it, `{scale}` changes its pace. Both are done, or neither.
fn time(shared: &Shared, request: &Request) -> Result<Response, Response> {
    if request.method == http::Method::POST {
        let TimeChange { seconds, scale } = control::body(request)?;
        if (seconds, scale) == (None, None) {
            return Err(control::refused(400, "`seconds` or `scale` must say what is to change."));
        }
        let mut core = shared.present();
        let mut clock = shared.clock();
        let mut changed = clock.clone();
        let paced = scale.map_or(Ok(()), |scale| changed.set_scale(scale));
        let moved = paced.and_then(|()| seconds.map_or(Ok(()), |seconds| changed.advance(seconds)));
        moved.map_err(|error| control::refused(400, &error.to_string()))?;
        *clock = changed;
        if let Some(scale) = scale {
            core.config.time = Time::Real { scale };
        }
    }
    let core = shared.present();
    let scale = shared.clock().scale();
    Ok(Response::json(200, &json!({"now": crate::core::machinery::ids::iso(core.now()), "scale": scale})))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_handler_that_panics_is_answered_for_and_in_the_log() {
        let mut core = Core::new(Config::default(), jiff::Timestamp::UNIX_EPOCH);
        let (principal, request) = (Principal::application("bindery"), Request::get("/subscriptions/s"));
        let answer = guarded(&mut core, &principal, &request, |_| panic!("a mistake of ours"));
        assert_eq!((answer.status, &answer.value()["error"]["code"]), (500, &json!("InternalServerError")));
        let logged: Vec<_> = core.log().map(|entry| (entry.status, entry.principal.as_str())).collect();
        assert_eq!(logged, [(500, "bindery")]);
        assert_eq!(core.handle(core.now(), &principal, &request).status, 404, "it goes on");
    }
}
