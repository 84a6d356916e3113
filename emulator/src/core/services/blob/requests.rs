//! The requests that azure-storage-blob sends: Put Blob, Put Block, Put Block From URL, Put Block List, Get Block List, Set
//! Blob Metadata, Get Blob and its properties, Delete Blob, List Blobs.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use md5::{Digest as _, Md5};

use super::{Refusal, Target, from_url, listing, refusal};
use crate::core::Core;
use crate::core::resources::storage::blobs::{Blob, Container};
use crate::wire::{Request, Response};

const NO_CONTAINER: Refusal = refusal(404, "ContainerNotFound", "The specified container does not exist.");
const NO_BLOB: Refusal = refusal(404, "BlobNotFound", "The specified blob does not exist.");

/// Answers a request of somebody who may ask.
pub fn answer(core: &mut Core, request: &Request, target: &Target) -> Result<Response, Refusal> {
    let what = request.parameter("comp").unwrap_or_default();
    let container = core.blobs.container(&target.account, &target.container).ok_or(NO_CONTAINER)?;
    match (request.method.as_str(), what.as_str(), target.blob.is_empty()) {
        ("GET", "list", true) => Ok(listing::answer(container, request, target)),
        ("GET" | "HEAD", "", true) => Ok(Response::empty(200)),
        ("GET", "blocklist", false) => blocks(container, target),
        ("GET", "", false) => get(find(container, target)?, request),
        ("HEAD", "", false) => Ok(properties(find(container, target)?)),
        ("PUT", "", false) => {
            let content = Bytes::from(request.body.clone());
            let md5 = md5_of(&content);
            put(core, request, target, content, Some(md5))
        }
        ("PUT", "block", false) => stage(core, request, target),
        ("PUT", "blocklist", false) => commit(core, request, target),
        ("PUT", "metadata", false) => annotate(core, request, target),
        ("DELETE", "", false) => delete(core, target),
        _ => Err(refusal(400, "UnsupportedQueryParameter", "The emulator's storage does not do this.")),
    }
}

fn find<'a>(container: &'a Container, target: &Target) -> Result<&'a Blob, Refusal> {
    container.blobs.get(&target.blob).ok_or(NO_BLOB)
}

fn described(status: u16, blob: &Blob) -> Response {
    let modified = blob.modified.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    Response::empty(status).header("ETag", format!("\"{}\"", blob.etag)).header("Last-Modified", modified)
}

/// HEAD of a blob.
fn properties(blob: &Blob) -> Response {
    let mut response = described(200, blob)
        .header("Content-Type", blob.content_type.clone())
        .header("Content-Length", blob.content.len().to_string())
        .header("Accept-Ranges", "bytes")
        .header("x-ms-blob-type", "BlockBlob")
        .header("x-ms-lease-status", "unlocked")
        .header("x-ms-lease-state", "available");
    if let Some(md5) = &blob.md5 {
        response = response.header("Content-MD5", md5.clone());
    }
    for (name, value) in &blob.metadata {
        response.headers.insert(format!("x-ms-meta-{name}"), value.clone());
    }
    response
}

/// GET of a blob, or of a range of its bytes.
fn get(blob: &Blob, request: &Request) -> Result<Response, Refusal> {
    if request.headers.get("if-match").is_some_and(|tag| tag.trim_matches('"') != blob.etag) {
        return Err(refusal(
            412,
            "ConditionNotMet",
            "The condition specified using HTTP conditional header(s) is not met.",
        ));
    }
    let length = blob.content.len();
    let asked = request.headers.get("x-ms-range").or_else(|| request.headers.get("range"));
    let Some((first, last)) = asked.and_then(|range| range_of(range)) else {
        let mut whole = properties(blob);
        whole.body = blob.content.to_vec();
        return Ok(whole);
    };
    let last = last.min(length.saturating_sub(1));
    let Some(part) = blob.content.get(first..=last).filter(|part| !part.is_empty()) else {
        return Err(refusal(
            416,
            "InvalidRange",
            "The range specified is invalid for the current size of the resource.",
        ));
    };
    let mut response = properties(blob)
        .header("Content-Length", part.len().to_string())
        .header("Content-Range", format!("bytes {first}-{last}/{length}"));
    response.status = 206;
    response.body = part.to_vec();
    Ok(response)
}

/// `bytes=0-33554431`, or `bytes=5-`.
pub fn range_of(text: &str) -> Option<(usize, usize)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let last = if last.is_empty() { usize::MAX } else { last.parse().ok()? };
    Some((first.parse().ok()?, last))
}

/// `Content-MD5`, as storage reckons it of what is put as a whole.
pub fn md5_of(content: &[u8]) -> String {
    STANDARD.encode(Md5::digest(content))
}

/// PUT of a whole blob.
fn put(
    core: &mut Core,
    request: &Request,
    target: &Target,
    content: Bytes,
    md5: Option<String>,
) -> Result<Response, Refusal> {
    let (now, etag) = (core.now(), core.blobs.next_etag());
    let container = open(core, target)?;
    let only_new = request.headers.get("if-none-match").is_some_and(|tag| tag == "*");
    if only_new && container.blobs.contains_key(&target.blob) {
        return Err(refusal(409, "BlobAlreadyExists", "The specified blob already exists."));
    }
    let content_type = request.headers.get("x-ms-blob-content-type").cloned();
    let blob = Blob {
        content,
        content_type: content_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
        metadata: metadata(request),
        modified: now,
        etag,
        md5,
    };
    let response = described(201, &blob).header("x-ms-request-server-encrypted", "true");
    container.blobs.insert(target.blob.clone(), blob);
    Ok(response)
}

fn open<'a>(core: &'a mut Core, target: &Target) -> Result<&'a mut Container, Refusal> {
    core.blobs.container_mut(&target.account, &target.container).ok_or(NO_CONTAINER)
}

fn metadata(request: &Request) -> BTreeMap<String, String> {
    let fields = request.headers.iter();
    fields
        .filter_map(|(name, value)| Some((name.strip_prefix("x-ms-meta-")?.to_owned(), value.clone())))
        .collect()
}

/// PUT of a block: kept until a list of blocks names it.
fn stage(core: &mut Core, request: &Request, target: &Target) -> Result<Response, Refusal> {
    let Some(id) = request.parameter("blockid") else {
        return Err(refusal(
            400,
            "InvalidQueryParameterValue",
            "Value for one of the query parameters is invalid: blockid.",
        ));
    };
    let content = match request.headers.get("x-ms-copy-source") {
        Some(url) => from_url::fetch(core, request, url)?,
        None => request.body.clone().into(),
    };
    open(core, target)?.stage(&target.blob, id, content);
    Ok(Response::empty(201).header("x-ms-request-server-encrypted", "true"))
}

/// PUT of a list of blocks, which makes the blob of them.
fn commit(core: &mut Core, request: &Request, target: &Target) -> Result<Response, Refusal> {
    let list = String::from_utf8_lossy(&request.body);
    let ids: Vec<String> =
        ["Latest", "Uncommitted"].iter().find_map(|kind| named(&list, kind)).unwrap_or_default();
    let Some(content) = open(core, target)?.commit(&target.blob, &ids) else {
        return Err(refusal(400, "InvalidBlockList", "The specified block list is invalid."));
    };
    // Nobody has reckoned it: it is what the client says.
    let md5 = request.headers.get("x-ms-blob-content-md5").cloned();
    put(core, request, target, content, md5)
}

/// GET of the blocks that are not part of the blob yet. Those that are, the emulator does not keep apart.
fn blocks(container: &Container, target: &Target) -> Result<Response, Refusal> {
    let staged = container.staged(&target.blob);
    if staged.is_empty() && !container.blobs.contains_key(&target.blob) {
        return Err(NO_BLOB);
    }
    let block = |(id, length)| format!("<Block><Name>{id}</Name><Size>{length}</Size></Block>");
    let staged: String = staged.into_iter().map(block).collect();
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList><CommittedBlocks />\
         <UncommittedBlocks>{staged}</UncommittedBlocks></BlockList>"
    );
    Ok(Response::bytes(200, "application/xml", body.into_bytes()))
}

/// The contents of all elements of this name: block ids, which are base64 and need no decoding.
fn named(xml: &str, element: &str) -> Option<Vec<String>> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let found: Vec<String> =
        xml.split(&open).skip(1).filter_map(|rest| Some(rest.split_once(&close)?.0.to_owned())).collect();
    (!found.is_empty()).then_some(found)
}

/// PUT of metadata alone, in the place of what there was.
fn annotate(core: &mut Core, request: &Request, target: &Target) -> Result<Response, Refusal> {
    let (now, etag) = (core.now(), core.blobs.next_etag());
    let blob = open(core, target)?.blobs.get_mut(&target.blob).ok_or(NO_BLOB)?;
    blob.metadata = metadata(request);
    blob.modified = now;
    blob.etag = etag;
    Ok(described(200, blob))
}

fn delete(core: &mut Core, target: &Target) -> Result<Response, Refusal> {
    open(core, target)?.blobs.remove(&target.blob).ok_or(NO_BLOB)?;
    Ok(Response::empty(202))
}
