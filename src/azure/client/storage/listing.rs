//! Storage's lists, which are XML of a fixed form: a program writes them, without attributes on what is read here but
//! `Encoded`, without CDATA and without comments.

use crate::azure::model::{Block, File};

/// The blobs of a page of List Blobs; none where it is no such page, or one of them is of another form. Folders, which
/// accounts with a hierarchical namespace list as well, are left out.
pub(super) fn blobs(body: &[u8]) -> Option<Vec<File>> {
    let body = std::str::from_utf8(body).ok()?;
    let all = inside(body, "EnumerationResults").and_then(|all| inside(all, "Blobs").or(Some("")))?;
    let files = elements(all, "Blob").filter(|blob| !is_folder(blob)).map(|blob| {
        let md5 = inside(blob, "Content-MD5").map(str::trim).filter(|md5| !md5.is_empty());
        Some(File {
            name: name(blob)?,
            size: inside(blob, "Content-Length")?.trim().parse().ok()?,
            etag: inside(blob, "Etag")?.trim().trim_matches('"').to_owned(),
            md5: md5.map(str::to_owned),
        })
    });
    files.collect()
}

/// Where the next page begins; none on the last one.
pub(super) fn next_marker(body: &[u8]) -> Option<String> {
    let marker = inside(std::str::from_utf8(body).ok()?, "NextMarker")?;
    Some(plain(marker)).filter(|marker| !marker.is_empty())
}

/// The blocks of Get Block List that are not part of the blob; none where it is no such list.
pub(super) fn uncommitted(body: &[u8]) -> Option<Vec<Block>> {
    let list = inside(std::str::from_utf8(body).ok()?, "BlockList")?;
    let blocks = elements(inside(list, "UncommittedBlocks").unwrap_or_default(), "Block");
    let block = |block| {
        let (id, size) = (inside(block, "Name")?, inside(block, "Size")?);
        Some(Block { id: plain(id), size: size.trim().parse().ok()? })
    };
    blocks.map(block).collect()
}

fn is_folder(blob: &str) -> bool {
    let says =
        |element: &str, word: &str| inside(blob, element).is_some_and(|it| it.eq_ignore_ascii_case(word));
    says("ResourceType", "directory") || says("hdi_isfolder", "true")
}

/// A name with characters that XML cannot have is percent-encoded, and says so.
fn name(blob: &str) -> Option<String> {
    const ENCODED: &str = "<Name Encoded=\"true\">";
    match blob.split_once(ENCODED) {
        // What cannot stand in XML cannot stand in a URL either.
        Some(_) => None,
        None => inside(blob, "Name").map(plain),
    }
}

/// What is between the first `<element>` and its end.
fn inside<'a>(text: &'a str, element: &str) -> Option<&'a str> {
    let at = text.match_indices(&format!("<{element}")).find_map(|(at, found)| {
        let rest = &text[at + found.len()..];
        rest.starts_with(['>', ' ']).then(|| rest.split_once('>')).flatten()
    });
    let (head, rest) = at?;
    if head.trim_end().ends_with('/') {
        return Some("");
    }
    Some(rest.split_once(&format!("</{element}>"))?.0)
}

/// What is in each `<element>`.
fn elements<'a>(text: &'a str, element: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(&open)?;
        let (content, after) = after.split_once(&close)?;
        rest = after;
        Some(content)
    })
}

/// Text without its entities.
fn plain(text: &str) -> String {
    let named =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'"), ("&amp;", "&")];
    named.iter().fold(text.to_owned(), |text, (entity, letter)| text.replace(entity, letter))
}
