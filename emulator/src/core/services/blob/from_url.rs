//! Put Block From URL: the store itself fetches a block, from another blob by its signed URL [DOC put-block-from-url].

use bytes::Bytes;
use http::Method;

use super::requests::{md5_of, range_of};
use super::{Refusal, refusal, sas, target};
use crate::core::Core;
use crate::wire::{Principal, Request};

const UNVERIFIED: Refusal =
    refusal(404, "CannotVerifyCopySource", "The copy source could not be read: it is not there.");

/// The bytes that the request names: a range of the blob at `url`, or all of it. The emulator's own storage is the only one
/// that it fetches from.
pub fn fetch(core: &Core, request: &Request, url: &str) -> Result<Bytes, Refusal> {
    if !request.body.is_empty() {
        return Err(refusal(400, "InvalidInput", "The body of a copy from a URL must be empty."));
    }
    let invalid =
        refusal(400, "InvalidHeaderValue", "The value of x-ms-copy-source is not the URL of a blob.");
    let Some((host, rest)) = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')) else {
        return Err(invalid);
    };
    let read = Request::new(Method::GET, &format!("/{rest}")).header("host", host);
    let source = target(core, &read).ok_or(UNVERIFIED)?;
    // Whoever asks for the copy has no rights at its source but those in the URL. How that is refused nobody has recorded [INF].
    let denied = refusal(
        403,
        "CannotVerifyCopySource",
        "The copy source could not be read: its signature does not let in.",
    );
    sas::admit(core, &Principal::Anonymous, &read, &source).map_err(|_| denied)?;
    let blob = core.blobs.container(&source.account, &source.container);
    let blob = blob.and_then(|container| container.blobs.get(&source.blob)).ok_or(UNVERIFIED)?;
    if request.headers.get("x-ms-source-if-match").is_some_and(|tag| tag.trim_matches('"') != blob.etag) {
        return Err(refusal(
            412,
            "SourceConditionNotMet",
            "The source condition specified using HTTP conditional header(s) is not met.",
        ));
    }
    let content = match request.headers.get("x-ms-source-range").and_then(|range| range_of(range)) {
        None => blob.content.clone(),
        Some((first, last)) if first <= last && first < blob.content.len() => {
            blob.content.slice(first..=last.min(blob.content.len() - 1))
        }
        Some(_) => {
            return Err(refusal(
                416,
                "InvalidRange",
                "The range specified is invalid for the current size of the resource.",
            ));
        }
    };
    if request.headers.get("x-ms-source-content-md5").is_some_and(|said| *said != md5_of(&content)) {
        return Err(refusal(
            400,
            "Md5Mismatch",
            "The MD5 value specified in the request did not match with the MD5 value calculated by the server.",
        ));
    }
    Ok(content)
}
