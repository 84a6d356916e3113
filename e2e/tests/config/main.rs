//! The files for Argo CD and Kustomize, and the samples that Argo CD syncs.

#![allow(clippy::unwrap_used)]

mod argo_cd;
mod kustomize;

use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}
