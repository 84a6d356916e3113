//! The storage of registries: the files of versions, and the uploads into which they are copied. Parts of a copy may arrive
//! while others do not, and whoever has asked may not hear of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::accept::done;
use super::{Cloud, conflict, not_found};
use crate::azure::model::{Block, Error, File, Part, Reply, ResourceId, Transfer, Uploaded};

/// A file of a model that comes in three blocks.
const LARGE: u64 = 150 << 20;

/// A pending upload.
#[derive(Debug, Default)]
pub struct Upload {
    /// What has arrived, each file with the tag that it had at its source.
    pub files: BTreeMap<String, File>,
    /// Blocks that are not part of a file yet, by the file's name and their own.
    pub blocks: BTreeMap<(String, String), u64>,
    /// What a request has brought whose process was dead.
    pub late: BTreeSet<(String, String)>,
}

impl Cloud {
    /// The files of a version; made when somebody first asks.
    pub fn files_of(&mut self, version: &ResourceId) -> Vec<File> {
        let rng = &mut self.rng;
        let files = self.files.entry(version.clone()).or_insert_with(|| {
            let mut file = |name: &str, size| File {
                name: format!("model/{name}"),
                size,
                etag: rng.u32(..).to_string(),
                md5: rng.bool().then(|| format!("md5-{name}")),
            };
            vec![
                file("MLmodel", 600),
                file("data/weights.bin", LARGE),
                file("empty", 0),
                file("python_env.yaml", 80),
            ]
        });
        files.clone()
    }

    /// The files of a version, if somebody has asked for them.
    pub fn files_known(&self, version: &ResourceId) -> Option<&[File]> {
        self.files.get(version).map(Vec::as_slice)
    }

    /// Somebody writes a file of a version anew.
    pub fn change_a_file(&mut self, version: &ResourceId) {
        self.files_of(version);
        let (now, tag) = (self.now, self.rng.u32(..).to_string());
        if let Some(file) = self.files.get_mut(version).and_then(|files| files.first_mut()) {
            (file.etag, file.size) = (tag, file.size + 1);
        }
        self.files_changed = Some(now);
    }

    pub(super) fn list_files(&mut self, version: &ResourceId) -> Result<Vec<File>, Error> {
        match (self.trouble(), self.resources.contains_key(version)) {
            (Some(error), _) => Err(error),
            (None, false) => Err(not_found()),
            (None, true) => Ok(self.files_of(version)),
        }
    }

    pub(super) fn list_uploaded(&mut self, version: &ResourceId, upload: &str) -> Result<Uploaded, Error> {
        if let Some(error) = self.trouble() {
            return Err(error);
        }
        // Whoever asks begins it, where that was never done.
        let found = self.uploads.entry((version.clone(), upload.into())).or_default();
        // Of what came in blocks, storage has only what it was told.
        let files = found.files.values().cloned();
        Ok(Uploaded { container: container_of(upload), files: files.collect() })
    }

    pub(super) fn list_blocks(
        &mut self,
        version: &ResourceId,
        upload: &str,
        file: &str,
    ) -> Result<Vec<Block>, Error> {
        if let Some(error) = self.trouble() {
            return Err(error);
        }
        let found = self.uploads.get(&(version.clone(), upload.into()));
        let blocks = found.into_iter().flat_map(|upload| &upload.blocks);
        let own = blocks.filter(|((name, _), _)| name == file);
        Ok(own.map(|((_, id), size)| Block { id: id.clone(), size: *size }).collect())
    }

    pub(super) fn begin_upload(&mut self, version: &ResourceId, upload: &str) -> Result<Reply, Error> {
        let registry = version.parent().parent().parent().parent();
        if !self.resources.contains_key(&registry) {
            return Err(not_found());
        }
        self.uploads.entry((version.clone(), upload.into())).or_default();
        Ok(done(200, None))
    }

    /// Blocks arrive one by one, and it may end between any two of them.
    pub(super) fn fetch(
        &mut self,
        version: &ResourceId,
        transfer: &Transfer,
        late: bool,
    ) -> Result<Reply, Error> {
        if !self.resources.contains_key(&transfer.from) {
            return Err(not_found());
        }
        let source = self.files_of(&transfer.from);
        let mut arrived = 0;
        for part in &transfer.parts {
            if !source.contains(&part.file) {
                let changed = Err(conflict("SourceConditionNotMet"));
                return if arrived > 0 { Ok(done(201, None)) } else { changed };
            }
            for piece in &part.pieces {
                if self.bad(1.0) {
                    let lost =
                        Err(Error::new(crate::azure::model::Class::Transient, "The storage was slow."));
                    return if arrived > 0 { Ok(done(201, None)) } else { lost };
                }
                let name = (part.file.name.clone(), piece.id.clone());
                let Some(upload) = self.uploads.get_mut(&(version.clone(), transfer.upload.clone())) else {
                    return Err(not_found());
                };
                if late {
                    upload.late.insert(name.clone());
                }
                upload.blocks.insert(name, piece.size);
                arrived += 1;
            }
            if self.bad(1.0) {
                break;
            }
            self.complete(version, transfer, part, late);
            arrived += 1;
        }
        Ok(done(201, None))
    }

    fn complete(&mut self, version: &ResourceId, transfer: &Transfer, part: &Part, late: bool) {
        let upload = self.uploads.get_mut(&(version.clone(), transfer.upload.clone()));
        let (Some(upload), Some(ids)) = (upload, &part.complete) else { return };
        let file = &part.file;
        let sizes: Option<Vec<u64>> =
            ids.iter().map(|id| upload.blocks.get(&(file.name.clone(), id.clone())).copied()).collect();
        let Some(size) = sizes.map(|sizes| sizes.iter().sum()) else { return };
        upload.blocks.retain(|(name, _), _| *name != file.name);
        upload.files.insert(file.name.clone(), File { size, ..file.clone() });
        if late {
            upload.late.insert((file.name.clone(), String::new()));
        }
    }

    /// The upload of this version that a path leads into.
    pub fn upload_at(&self, version: &ResourceId, body: &Value) -> Option<&Upload> {
        let uri = body["properties"]["modelUri"].as_str()?;
        let of_it = |((id, upload), _): &(&(ResourceId, String), &Upload)| {
            id == version && uri == format!("{}/model", container_of(upload))
        };
        self.uploads.iter().find(of_it).map(|(_, upload)| upload)
    }

    /// A version of a registry is made from what was uploaded for it. It takes its time, and may fail.
    pub(super) fn register_upload(&mut self, id: &ResourceId, mut body: Value) -> Reply {
        body["systemData"] = json!({"createdBy": super::US, "createdAt": self.now.to_string()});
        if self.rng.bool() {
            self.put_there(id, body.clone());
            return done(201, Some(body));
        }
        let whole = body.clone();
        body["properties"]["provisioningState"] = json!("Creating");
        self.put_there(id, body.clone());
        let fails = self.bad(0.3);
        let deed = if fails { super::Deed::State("Failed") } else { super::Deed::Become(whole) };
        self.start(id, deed, fails, (1, 30), Some(body))
    }
}

fn container_of(upload: &str) -> String {
    format!("https://store.blob.example/{upload}")
}
