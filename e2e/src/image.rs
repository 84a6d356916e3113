//! Container images without a container engine: an OCI archive is a tar of blobs that are named by their digests, and an
//! index that leads to them. `podman load`, `skopeo copy` and `ctr image import` read it.
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What is in an image. Two that are equal give the same bytes, on whatever machine.
#[derive(Clone, Debug)]
pub struct Image {
    /// The whole name with its tag, under which containerd imports it: `docker.io/library/bindery:0.1.0`.
    pub name: String,
    /// The processor: `amd64`, `arm64`.
    pub architecture: &'static str,
    /// What the image says to whoever runs it: `User`, `Entrypoint`, `Env`, `Labels`.
    pub config: Value,
    /// The files, all of them root's, by their absolute paths.
    pub files: Vec<ImageFile>,
}

/// A file of an image.
#[derive(Clone, Debug)]
pub struct ImageFile {
    /// An absolute path.
    pub path: &'static str,
    /// Whether it is a program.
    pub executable: bool,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Image {
    /// The configuration, with the digest of the layer's tar.
    fn configuration(&self, layer: &str) -> Value {
        json!({
            "architecture": self.architecture,
            "os": "linux",
            "config": self.config,
            "rootfs": {"type": "layers", "diff_ids": [layer]},
        })
    }

    /// The archive's bytes.
    ///
    /// # Errors
    /// When a path does not fit into a tar.
    pub fn archive(&self) -> io::Result<Vec<u8>> {
        let mut files = BTreeMap::new();
        let tar = layer(&self.files)?;
        let configuration = self.configuration(&digest(&tar)).to_string().into_bytes();
        let layer = blob(&mut files, "application/vnd.oci.image.layer.v1.tar+gzip", gzip(&tar)?);
        let configuration = blob(&mut files, "application/vnd.oci.image.config.v1+json", configuration);
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest =
            json!({"schemaVersion": 2, "mediaType": kind, "config": configuration, "layers": [layer]});
        let mut manifest = blob(&mut files, kind, manifest.to_string().into_bytes());
        let tag = self.name.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        manifest["platform"] = json!({"os": "linux", "architecture": self.architecture});
        manifest["annotations"] =
            json!({"org.opencontainers.image.ref.name": tag, "io.containerd.image.name": self.name});
        let kind = "application/vnd.oci.image.index.v1+json";
        let index = json!({"schemaVersion": 2, "mediaType": kind, "manifests": [manifest]});
        files.insert("index.json".into(), index.to_string().into_bytes());
        files.insert("oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec());

        let mut archive = tar::Builder::new(vec![]);
        for folder in ["blobs/", "blobs/sha256/"] {
            archive.append_data(&mut header(tar::EntryType::Directory, 0o755, 0), folder, io::empty())?;
        }
        for (path, bytes) in &files {
            let mut header = header(tar::EntryType::Regular, 0o644, bytes.len());
            archive.append_data(&mut header, path, bytes.as_slice())?;
        }
        archive.into_inner()
    }
}

/// The tar of the only layer: folders before what is in them.
fn layer(files: &[ImageFile]) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(vec![]);
    let mut made = BTreeSet::new();
    for file in files {
        for (at, _) in file.path.match_indices('/').skip(1) {
            let folder = &file.path[1..=at];
            if made.insert(folder) {
                tar.append_data(&mut header(tar::EntryType::Directory, 0o755, 0), folder, io::empty())?;
            }
        }
        let mode = if file.executable { 0o755 } else { 0o644 };
        let mut header = header(tar::EntryType::Regular, mode, file.bytes.len());
        tar.append_data(&mut header, file.path.trim_start_matches('/'), file.bytes.as_slice())?;
    }
    tar.into_inner()
}

/// Compressed without a name or a time in it.
fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut gzip = GzBuilder::new().mtime(0).write(vec![], Compression::new(6));
    gzip.write_all(bytes)?;
    gzip.finish()
}

/// Root's, of the beginning of 1970.
fn header(kind: tar::EntryType, mode: u32, size: usize) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size as u64);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// Adds a blob; what leads to it.
fn blob(files: &mut BTreeMap<String, Vec<u8>>, kind: &str, bytes: Vec<u8>) -> Value {
    let digest = digest(&bytes);
    let descriptor = json!({"mediaType": kind, "digest": digest, "size": bytes.len()});
    files.insert(format!("blobs/{}", digest.replace(':', "/")), bytes);
    descriptor
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Read;
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use crate::{folders, process};

    fn image() -> Image {
        let file = |path, executable, text: &str| ImageFile { path, executable, bytes: text.into() };
        Image {
            name: "docker.io/library/one:1.2".into(),
            architecture: "amd64",
            config: json!({"User": "65532:65532", "Entrypoint": ["/program"], "Env": ["A=b"], "Labels": {"c": "d"}}),
            files: vec![
                file("/program", true, "a program"),
                file("/etc/ssl/one", false, "1"),
                file("/etc/ssl/two", false, ""),
            ],
        }
    }

    fn unpack(tar: &[u8]) -> Vec<(String, tar::Header, Vec<u8>)> {
        let mut archive = tar::Archive::new(tar);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut bytes = vec![];
            entry.read_to_end(&mut bytes).unwrap();
            (entry.path().unwrap().display().to_string(), entry.header().clone(), bytes)
        });
        entries.collect()
    }

    #[test]
    fn every_descriptor_leads_to_a_blob_of_its_digest_and_size() {
        let files: BTreeMap<String, Vec<u8>> =
            unpack(&image().archive().unwrap()).into_iter().map(|(path, _, bytes)| (path, bytes)).collect();
        let follow = |descriptor: &Value| {
            let named = descriptor["digest"].as_str().unwrap();
            let bytes = &files[&format!("blobs/{}", named.replace(':', "/"))];
            assert_eq!(
                (digest(bytes).as_str(), bytes.len()),
                (named, usize::try_from(descriptor["size"].as_u64().unwrap()).unwrap())
            );
            bytes.clone()
        };
        let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
        assert_eq!(json(&files["oci-layout"]), json!({"imageLayoutVersion": "1.0.0"}));
        let manifest = json(&follow(&json(&files["index.json"])["manifests"][0]));
        let mut layer = vec![];
        let compressed = follow(&manifest["layers"][0]);
        flate2::read::GzDecoder::new(compressed.as_slice()).read_to_end(&mut layer).unwrap();
        assert_eq!(json(&follow(&manifest["config"])), image().configuration(&digest(&layer)));
        let inside: Vec<_> = unpack(&layer)
            .into_iter()
            .map(|(path, header, bytes)| (path, header.mode().unwrap(), header.mtime().unwrap(), bytes.len()))
            .collect();
        assert_eq!(
            inside,
            [
                ("program".to_string(), 0o755, 0, 9),
                ("etc/".to_string(), 0o755, 0, 0),
                ("etc/ssl/".to_string(), 0o755, 0, 0),
                ("etc/ssl/one".to_string(), 0o644, 0, 1),
                ("etc/ssl/two".to_string(), 0o644, 0, 0),
            ]
        );
        // The folders, the layout, the index, and three blobs: nothing that nobody leads to.
        assert_eq!(files.len(), 7, "{:?}", files.keys());
    }

    #[test]
    fn the_same_contents_give_the_same_bytes() {
        assert_eq!(digest(&image().archive().unwrap()), digest(&image().archive().unwrap()));
    }

    #[test]
    fn skopeo_reads_it() {
        if process::find_program(Path::new("skopeo")).is_none() {
            println!(
                "SKIPPED: there is no skopeo to read the image with; the step node imports one into containerd"
            );
            return;
        }
        let folder = folders::TemporaryFolder::new("bindery-image-test").unwrap();
        let path = folder.path().join("bindery.tar");
        std::fs::write(&path, image().archive().unwrap()).unwrap();
        let from = format!("oci-archive:{}", path.display());
        let inspect = Command::new("skopeo").args(["inspect", "--config", &from]).output().unwrap();
        assert!(inspect.status.success(), "{}", String::from_utf8_lossy(&inspect.stderr));
        let read: Value = serde_json::from_slice(&inspect.stdout).unwrap();
        assert_eq!(read["config"], image().config);
        // A copy reads every blob and compares its digest.
        let to = format!("dir:{}", folder.path().join("copy").display());
        let copy = Command::new("skopeo").args(["--insecure-policy", "copy", &from, &to]).output().unwrap();
        assert!(copy.status.success(), "{}", String::from_utf8_lossy(&copy.stderr));
    }
}
