//! Azure Blob Storage, as far as Azure Machine Learning's clients use it to upload and to read back: the hosts
//! `{account}.blob.{suffix}`, where the suffix is in the cloud's metadata. Contents are kept in memory.
//!
//! It knows nothing of assets; [`storage`] says where theirs are.

mod from_url;
mod listing;
mod requests;
mod sas;

use crate::core::Core;
use crate::core::machinery::ids;
use crate::core::resources::storage;
use crate::wire::{Principal, Request, Response, decode};

/// A container of an account, and what of it a request names.
struct Target {
    account: String,
    container: String,
    /// Empty: the container itself.
    blob: String,
}

/// A refusal in storage's shape.
struct Refusal {
    status: u16,
    code: &'static str,
    message: &'static str,
}

const fn refusal(status: u16, code: &'static str, message: &'static str) -> Refusal {
    Refusal { status, code, message }
}

impl Refusal {
    fn into_response(self) -> Response {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{}</Code><Message>{}</Message></Error>",
            self.code, self.message
        );
        Response::bytes(self.status, "application/xml", body.into_bytes())
            .header("x-ms-error-code", self.code)
    }
}

/// Answers what is asked of a storage account; none when it is asked of another host.
pub fn answer(core: &mut Core, principal: &Principal, request: &Request) -> Option<Response> {
    let target = target(core, request)?;
    let response = sas::admit(core, principal, request, &target)
        .and_then(|()| requests::answer(core, request, &target))
        .unwrap_or_else(Refusal::into_response);
    let mut response = response
        .header("x-ms-version", request.headers.get("x-ms-version").map_or("2023-11-03", String::as_str))
        .header("x-ms-request-id", ids::guid(&mut core.rng));
    if let Some(id) = request.headers.get("x-ms-client-request-id") {
        response.headers.insert("x-ms-client-request-id".to_owned(), id.clone());
    }
    Some(response)
}

fn target(core: &Core, request: &Request) -> Option<Target> {
    let host = |text: &str| text.rsplit_once(':').map_or(text, |(host, _)| host).to_ascii_lowercase();
    let asked = host(request.headers.get("host")?);
    let (account, suffix) = asked.split_once(".blob.")?;
    if suffix != host(&storage::suffix(core)) {
        return None;
    }
    let path = request.path.trim_start_matches('/');
    let (container, blob) = path.split_once('/').unwrap_or((path, ""));
    Some(Target { account: account.to_owned(), container: decode(container), blob: decode(blob) })
}
