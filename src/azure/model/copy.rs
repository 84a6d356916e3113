//! A copy of a version's files from one registry into another, as data. No address in it is signed: the client asks for
//! signatures when it makes a request, and keeps them to itself.

use super::{Principal, ResourceId};

/// A file, as storage lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The path from the folder that the model's own path is in: `model/MLmodel` of a model at `…/container/x/model`.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// What changes with every change of the file, without quotes.
    pub etag: String,
    /// `Content-MD5`, in base64, where storage has one.
    pub md5: Option<String>,
}

/// What is in the container of a pending upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// The URL of the container, without a signature.
    pub container: String,
    /// The files that are complete.
    pub files: Vec<File>,
}

/// A block of a file that is in storage and that no list of blocks has made part of the file yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its id, in base64.
    pub id: String,
    /// In bytes.
    pub size: u64,
}

/// Parts of files that the storage of one registry is to fetch from that of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The version whose files they are.
    pub from: ResourceId,
    /// Its `modelUri`.
    pub uri: String,
    /// As whom the files are read.
    pub reader: Principal,
    /// The pending upload that they go into.
    pub upload: String,
    /// What is fetched now.
    pub parts: Vec<Part>,
}

/// What is fetched now of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The file, as its storage listed it: one that has changed since is not fetched.
    pub file: File,
    /// The blocks that are not there yet.
    pub pieces: Vec<Piece>,
    /// The ids of all blocks of the file in their order, where it is complete with these pieces; else none.
    pub complete: Option<Vec<String>>,
}

/// A block that is to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its id, in base64. All ids of a file have one length.
    pub id: String,
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// In bytes; at least 1.
    pub size: u64,
}
