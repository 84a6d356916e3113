//! List Blobs: by prefix, on pages of `maxresults` blobs; or by folder when there is a delimiter, and then on one page.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Target;
use crate::core::resources::storage::blobs::{Blob, Container};
use crate::wire::{Request, Response};

/// Blobs on a page, where nobody asks for fewer [DOC list-blobs].
const MOST: usize = 5000;

/// GET of a container's blobs.
pub fn answer(container: &Container, request: &Request, target: &Target) -> Response {
    let prefix = request.parameter("prefix").unwrap_or_default();
    let delimiter = request.parameter("delimiter").filter(|delimiter| !delimiter.is_empty());
    let with_metadata = request.parameter("include").is_some_and(|include| include.contains("metadata"));
    let asked: Option<usize> = request.parameter("maxresults").and_then(|number| number.parse().ok());
    let most = if delimiter.is_some() { usize::MAX } else { asked.unwrap_or(MOST).clamp(1, MOST) };
    let from = request.parameter("marker").unwrap_or_default();
    let mut inside = container.blobs.range(from..).filter(|(name, _)| name.starts_with(&prefix)).peekable();
    let mut folders = BTreeSet::new();
    let mut items = String::new();
    for (name, blob) in inside.by_ref().take(most) {
        let rest = &name[prefix.len()..];
        match delimiter.as_deref().and_then(|delimiter| Some((rest.split_once(delimiter)?.0, delimiter))) {
            Some((folder, delimiter)) => {
                folders.insert(format!("{prefix}{folder}{delimiter}"));
            }
            None => item(&mut items, name, blob, with_metadata),
        }
    }
    for folder in folders {
        let _ = write!(items, "<BlobPrefix><Name>{}</Name></BlobPrefix>", escaped(&folder));
    }
    let next = inside.peek().map_or_else(String::new, |(name, _)| escaped(name));
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ContainerName=\"{}\"><Prefix>{}</Prefix>\
         <Blobs>{items}</Blobs><NextMarker>{next}</NextMarker></EnumerationResults>",
        escaped(&target.container),
        escaped(&prefix)
    );
    Response::bytes(200, "application/xml", body.into_bytes())
}

fn item(items: &mut String, name: &str, blob: &Blob, with_metadata: bool) {
    let _ = write!(
        items,
        "<Blob><Name>{}</Name><Properties><Last-Modified>{}</Last-Modified><Etag>{}</Etag>\
         <Content-Length>{}</Content-Length><Content-Type>{}</Content-Type>\
         <Content-MD5>{}</Content-MD5><BlobType>BlockBlob</BlobType></Properties>",
        escaped(name),
        blob.modified.strftime("%a, %d %b %Y %H:%M:%S GMT"),
        blob.etag,
        blob.content.len(),
        escaped(&blob.content_type),
        blob.md5.as_deref().unwrap_or_default(),
    );
    if with_metadata {
        items.push_str("<Metadata>");
        for (name, value) in &blob.metadata {
            let _ = write!(items, "<{name}>{}</{name}>", escaped(value));
        }
        items.push_str("</Metadata>");
    }
    items.push_str("</Blob>");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
