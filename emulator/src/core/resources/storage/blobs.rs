//! What has been uploaded.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;

/// Everything, by `{account}/{container}`.
#[derive(Debug, Default)]
pub struct Blobs {
    containers: BTreeMap<String, Container>,
    changes: u64,
}

/// The blobs of a container, and blocks that are not part of one yet.
#[derive(Debug, Default)]
pub struct Container {
    /// By name.
    pub blobs: BTreeMap<String, Blob>,
    blocks: BTreeMap<String, BTreeMap<String, Bytes>>,
}

/// A block blob.
#[derive(Debug, Clone, Default)]
pub struct Blob {
    /// What is in it. Copies share it.
    pub content: Bytes,
    /// `Content-Type` as uploaded.
    pub content_type: String,
    /// By name in lower case, as headers come.
    pub metadata: BTreeMap<String, String>,
    /// Emulated time of the last change.
    pub modified: Timestamp,
    /// Changes with every change; without quotes.
    pub etag: String,
    /// `Content-MD5` in base64: of what was put as a whole, and of what was put in blocks only where the client says it.
    pub md5: Option<String>,
}

impl Blobs {
    /// Makes a container, unless it is there.
    pub fn make(&mut self, account: &str, container: &str) {
        self.containers.entry(key(account, container)).or_default();
    }

    /// A container.
    pub fn container(&self, account: &str, container: &str) -> Option<&Container> {
        self.containers.get(&key(account, container))
    }

    /// A container, to be changed.
    pub fn container_mut(&mut self, account: &str, container: &str) -> Option<&mut Container> {
        self.containers.get_mut(&key(account, container))
    }

    /// The next entity tag.
    pub fn next_etag(&mut self) -> String {
        self.changes += 1;
        format!("0x{:015X}", self.changes)
    }
}

fn key(account: &str, container: &str) -> String {
    format!("{account}/{container}")
}

impl Container {
    /// Keeps a block for a blob that will be committed.
    pub fn stage(&mut self, blob: &str, id: String, content: Bytes) {
        self.blocks.entry(blob.to_owned()).or_default().insert(id, content);
    }

    /// The blocks that were staged for a blob and are not part of it yet: their ids and lengths.
    pub fn staged(&self, blob: &str) -> Vec<(String, usize)> {
        let blocks = self.blocks.get(blob).into_iter().flatten();
        blocks.map(|(id, content)| (id.clone(), content.len())).collect()
    }

    /// The staged blocks in an order, as one; they are forgotten then. None when one of them is missing.
    pub fn commit(&mut self, blob: &str, ids: &[String]) -> Option<Bytes> {
        let staged = self.blocks.get(blob);
        let blocks = ids.iter().map(|id| staged?.get(id)).collect::<Option<Vec<_>>>()?;
        let content: Vec<u8> = blocks.into_iter().flatten().copied().collect();
        self.blocks.remove(blob);
        Some(content.into())
    }

    /// The blob of this name, or all of the folder of this name.
    pub fn beneath(&self, path: &str) -> Vec<(String, Blob)> {
        let folder = format!("{}/", path.trim_end_matches('/'));
        let inside = |name: &str| name == path || name.starts_with(&folder);
        self.blobs
            .iter()
            .filter(|(name, _)| inside(name))
            .map(|(name, blob)| (name.clone(), blob.clone()))
            .collect()
    }
}
