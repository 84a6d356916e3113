//! The storage of registries: what a version's files are, what has arrived of a copy, and the copy itself, which one store
//! makes from the other. No byte of a file passes through here.
//!
//! Who may use a container says a signature in its URL, which Azure Machine Learning gives for a while to whoever may use the
//! version. So nothing here sends a token, and no signed URL leaves this module.

mod listing;
mod signed;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use azure_core::Uuid;
use futures::{StreamExt as _, stream};
use reqwest::{Method, Url};
use serde_json::json;

use super::error_body::{self, Head};
use super::rest::{Azure, number, text};
use super::transport;
use crate::azure::model::{
    Block, Class, Error, File, Part, Piece, Reply, ResourceId, Transfer, Uploaded, presentable, word,
};
use listing::{blobs, next_marker, uncommitted};
use signed::{Given, Signed};

pub(super) use signed::Signatures;

/// The version of Blob Storage's interface: the first one with blocks of 4000 MiB is 2019-12-12.
const STORAGE_VERSION: &str = "2023-11-03";

/// No model has more files than this.
const MOST_FILES: usize = 20_000;

/// So many files of a copy are under way at once, and so many blocks of each.
const AT_ONCE: usize = 4;

impl Azure {
    /// The files of a version of a registry, whose path is `uri`. Folders, which some accounts list too, are left out.
    pub(super) async fn files(&self, version: &ResourceId, uri: &str) -> Result<Vec<File>, Error> {
        let path = path_in_container(uri).ok_or_else(|| {
            let message =
                format!("The modelUri of {version} is not a path in a storage account of its registry.");
            Error::new(Class::Permanent, message)
        })?;
        let all = self.list_blobs(|| self.readable(version, uri), path).await?;
        let above = path.rfind('/').map_or(0, |at| at + 1);
        let folder = format!("{}/", path.trim_end_matches('/'));
        let inside = all.into_iter().filter(|file| file.name == path || file.name.starts_with(&folder));
        Ok(inside.map(|file| File { name: file.name[above..].to_owned(), ..file }).collect())
    }

    /// What has arrived of an upload.
    pub(super) async fn uploaded(&self, version: &ResourceId, upload: &str) -> Result<Uploaded, Error> {
        let files = self.list_blobs(|| self.writable(version, upload), "").await?;
        let (signed, _) = self.writable(version, upload).await?;
        Ok(Uploaded { container: signed.unsigned(), files })
    }

    /// The blocks of a file that have arrived and are not part of it yet.
    pub(super) async fn blocks(
        &self,
        version: &ResourceId,
        upload: &str,
        file: &str,
    ) -> Result<Vec<Block>, Error> {
        let query = [("comp", "blocklist"), ("blocklisttype", "uncommitted")];
        let ask = |signed: Signed| async move {
            let url = signed.blob(file, &query)?;
            self.storage(Method::GET, url, &[], None).await
        };
        match self.with_signature(|| self.writable(version, upload), ask).await {
            Ok(answer) => {
                uncommitted(&answer.body).ok_or_else(|| answer.head.unexpected("no list of blocks"))
            }
            Err(error) if error.is_not_found() => Ok(vec![]),
            Err(error) => Err(error),
        }
    }

    /// Begins an upload. The signed URL that comes with the answer is kept here.
    pub(super) async fn begin_upload(&self, version: &ResourceId, upload: &str) -> Result<Reply, Error> {
        self.0.signatures.forget(&self.1.principal, version, upload);
        self.writable(version, upload).await?;
        Ok(Reply { status: 200, ..Reply::default() })
    }

    /// Has the version's storage fetch these parts, in no longer than one request may take. What is not begun after half of
    /// that time is left for the next call; an error is one only where nothing has arrived.
    pub(super) async fn fetch_parts(
        &self,
        version: &ResourceId,
        transfer: &Transfer,
    ) -> Result<Reply, Error> {
        let (arrived, most) = (AtomicUsize::new(0), self.0.http.timeout());
        let until = Instant::now() + most / 2;
        let parts =
            transfer.parts.iter().map(|part| self.fetch_part(version, transfer, part, (until, &arrived)));
        let parts = stream::iter(parts.collect::<Vec<_>>());
        // What is under way comes to its end, whatever becomes of the rest: what is cut off is fetched once more.
        let all = parts.buffer_unordered(AT_ONCE).collect::<Vec<Result<(), Error>>>();
        let all = tokio::time::timeout(most, all).await;
        let all: Result<(), Error> =
            all.map_or_else(|_| Err(too_slow(version, most)), |all| all.into_iter().collect());
        match all {
            Err(error) if arrived.load(Ordering::Relaxed) == 0 => Err(error),
            _ => Ok(Reply { status: 201, ..Reply::default() }),
        }
    }

    async fn fetch_part(
        &self,
        version: &ResourceId,
        transfer: &Transfer,
        part: &Part,
        (until, arrived): (Instant, &AtomicUsize),
    ) -> Result<(), Error> {
        let pieces = part.pieces.iter().map(|piece| async move {
            if Instant::now() >= until {
                return Ok(false);
            }
            self.fetch_piece(version, transfer, &part.file, piece).await?;
            arrived.fetch_add(1, Ordering::Relaxed);
            Ok(true)
        });
        let pieces = stream::iter(pieces.collect::<Vec<_>>());
        let fetched: Vec<Result<bool, Error>> = pieces.buffer_unordered(AT_ONCE).collect().await;
        let fetched = fetched.into_iter().collect::<Result<Vec<bool>, Error>>()?;
        if let Some(ids) = part.complete.as_ref().filter(|_| fetched.iter().all(|done| *done)) {
            self.complete(version, transfer, &part.file, ids).await?;
            arrived.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Put Block From URL. Refused where the file is not the one any more that was listed; where the block is the whole
    /// file, also where its MD5 is another one than the file's.
    async fn fetch_piece(
        &self,
        version: &ResourceId,
        transfer: &Transfer,
        file: &File,
        piece: &Piece,
    ) -> Result<(), Error> {
        let reader = self.acting_as(&transfer.reader);
        let folder = path_in_container(&transfer.uri).unwrap_or_default();
        let above = folder.rfind('/').map_or("", |at| &folder[..=at]);
        let name = format!("{above}{}", file.name);
        let last = piece.offset + piece.size - 1;
        let mut headers = vec![
            ("x-ms-source-range", format!("bytes={}-{last}", piece.offset)),
            ("x-ms-source-if-match", format!("\"{}\"", file.etag)),
        ];
        if let Some(md5) = file.md5.as_ref().filter(|_| piece.size == file.size) {
            headers.push(("x-ms-source-content-md5", md5.clone()));
        }
        let query = [("comp", "block"), ("blockid", piece.id.as_str())];
        let ask = |from: Signed, to: Signed| {
            let mut headers = headers.clone();
            let (name, query) = (&name, &query);
            async move {
                headers.push(("x-ms-copy-source", from.blob(name, &[])?.to_string()));
                self.storage(Method::PUT, to.blob(&file.name, query)?, &headers, None).await
            }
        };
        let (from, to) =
            (|| reader.readable(&transfer.from, &transfer.uri), || self.writable(version, &transfer.upload));
        let ((source, given), (target, also_given)) = (from().await?, to().await?);
        match ask(source, target).await {
            // It does not say which of the two has run out.
            Err(error) if is_refused(&error) && (given == Given::Before || also_given == Given::Before) => {
                self.0.signatures.forget(&transfer.reader, &transfer.from, &transfer.uri);
                self.0.signatures.forget(&self.1.principal, version, &transfer.upload);
                ask(from().await?.0, to().await?.0).await.map(drop)
            }
            answer => answer.map(drop),
        }
    }

    /// Put Block List: the file is there. Storage reckons no MD5 of what came in blocks, so it is told the source's.
    async fn complete(
        &self,
        version: &ResourceId,
        transfer: &Transfer,
        file: &File,
        ids: &[String],
    ) -> Result<(), Error> {
        let latest: Vec<String> = ids.iter().map(|id| format!("<Latest>{id}</Latest>")).collect();
        let latest = latest.concat();
        let list = &format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>{latest}</BlockList>");
        let md5 = file.md5.iter().map(|md5| ("x-ms-blob-content-md5", md5.clone()));
        let headers = &md5.collect::<Vec<_>>();
        let ask = |to: Signed| async move {
            let url = to.blob(&file.name, &[("comp", "blocklist")])?;
            self.storage(Method::PUT, url, headers, Some(list.clone())).await
        };
        self.with_signature(|| self.writable(version, &transfer.upload), ask).await.map(drop)
    }

    /// All blobs of a container whose names begin with this, over all pages.
    async fn list_blobs<F>(&self, signed: impl Fn() -> F, prefix: &str) -> Result<Vec<File>, Error>
    where
        F: Future<Output = Result<(Signed, Given), Error>>,
    {
        let (mut all, mut marker) = (vec![], String::new());
        loop {
            let query = [
                ("restype", "container"),
                ("comp", "list"),
                ("include", "metadata"),
                ("prefix", prefix),
                ("marker", &marker),
            ];
            let ask = |signed: Signed| async move {
                let given = query.iter().filter(|(_, value)| !value.is_empty()).copied();
                let url = signed.container(&given.collect::<Vec<_>>());
                self.storage(Method::GET, url, &[], None).await
            };
            let answer = self.with_signature(&signed, ask).await?;
            let page = blobs(&answer.body).ok_or_else(|| answer.head.unexpected("no list of blobs"))?;
            all.extend(page);
            if all.len() > MOST_FILES {
                let message = format!("The model has more than {MOST_FILES} files, and is not copied.");
                return Err(Error::new(Class::Permanent, message));
            }
            match next_marker(&answer.body) {
                Some(next) if next != marker => marker = next,
                _ => return Ok(all),
            }
        }
    }

    /// Asks with a signature; where that was given before and is refused, once more with a new one.
    async fn with_signature<F, A>(
        &self,
        signed: impl Fn() -> F,
        ask: impl Fn(Signed) -> A,
    ) -> Result<Answered, Error>
    where
        F: Future<Output = Result<(Signed, Given), Error>>,
        A: Future<Output = Result<Answered, Error>>,
    {
        let (first, given) = signed().await?;
        match ask(first.clone()).await {
            Err(error) if is_refused(&error) && given == Given::Before => {
                self.0.signatures.forget_one(&first);
                ask(signed().await?.0).await
            }
            answer => answer,
        }
    }

    /// The container of a version's files, to read.
    async fn readable(&self, version: &ResourceId, uri: &str) -> Result<(Signed, Given), Error> {
        self.signed(version, uri, async {
            let registry = version.parent().parent().parent().parent();
            let (model, number) = (version.segment("models").unwrap_or_default(), version.name());
            let path = registry.child("datareferences", model).child("versions", number);
            let body = json!({"assetId": version.asset_id(), "blobUri": uri});
            self.ask_for(path.as_str(), version.subscription(), &body).await
        })
        .await
    }

    /// The container of an upload, to read and to write.
    async fn writable(&self, version: &ResourceId, upload: &str) -> Result<(Signed, Given), Error> {
        self.signed(version, upload, async {
            let path = format!("{version}/startPendingUpload");
            let body = json!({"pendingUploadId": upload, "pendingUploadType": "TemporaryBlobReference"});
            self.ask_for(&path, version.subscription(), &body).await
        })
        .await
    }

    /// One request to storage. `Ok` where the status is one of success.
    async fn storage(
        &self,
        method: Method,
        url: Url,
        headers: &[(&'static str, String)],
        body: Option<String>,
    ) -> Result<Answered, Error> {
        let inner = &*self.0;
        let (host, server) = (url.host_str().unwrap_or_default().to_owned(), url.authority().to_owned());
        tracing::debug!(%method, %host, path = url.path(), "request to storage");
        let mut request = inner
            .http
            .request(method.clone(), url)
            .header("x-ms-version", STORAGE_VERSION)
            .header("x-ms-client-request-id", Uuid::new_v4().to_string());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if method == Method::PUT {
            let body = body.unwrap_or_default();
            request = request.header("content-length", body.len()).body(body);
        }
        let asked = Instant::now();
        let lost = |e: reqwest::Error| {
            let error = inner.http.no_answer(&e, &host);
            inner.reach.unanswered(&server, asked, &error);
            error
        };
        let answer = request.send().await.map_err(lost)?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = transport::body(answer, transport::MOST_BYTES).await.map_err(lost)?;
        inner.reach.answered(&server, asked, status);
        let head = Head {
            host,
            status,
            retry_after: number(&headers, "retry-after"),
            correlation: text(&headers, "x-ms-request-id").map(word),
        };
        tracing::debug!(status, correlation = head.correlation, "answer of storage");
        let Some(body) = body else { return Err(head.too_long(transport::MOST_BYTES)) };
        if (200..300).contains(&status) {
            return Ok(Answered { head, body });
        }
        let code = text(&headers, "x-ms-error-code");
        Err(refusal(&head, code, &body).asked_as(&self.1.principal))
    }
}

/// An answer of storage that is one of success.
struct Answered {
    head: Head,
    body: Vec<u8>,
}

/// The path in its container of a URL `https://account/container/path`; none where it has none.
fn path_in_container(uri: &str) -> Option<&str> {
    let (_, rest) = uri.strip_prefix("https://")?.split_once('/')?;
    let (_, path) = rest.split_once('/')?;
    Some(path.trim_end_matches('/')).filter(|path| !path.is_empty() && !path.contains(['?', '#']))
}

fn too_slow(version: &ResourceId, most: Duration) -> Error {
    let message = format!("The storage of {version} has fetched nothing within {} s.", most.as_secs());
    Error::new(Class::Transient, message)
}

/// Does it say that the signature is not one that lets in?
fn is_refused(error: &Error) -> bool {
    error.class == Class::Unauthorized
}

/// What storage says in its XML when something is wrong.
fn refusal(head: &Head, code: Option<&str>, body: &[u8]) -> Error {
    let body = String::from_utf8_lossy(body);
    let said = body.split_once("<Message>").and_then(|(_, rest)| rest.split_once("</Message>"));
    // The lines after the first have an id and a time.
    let said =
        said.and_then(|(message, _)| message.lines().next()).map(str::trim).filter(|said| !said.is_empty());
    let message = match said {
        Some(said) => format!("{} answered: {said}", head.host),
        None => format!("{} answered {} and said nothing more.", head.host, head.status),
    };
    Error {
        class: error_body::class_of(head, None),
        status: Some(head.status),
        code: code.map(word),
        message: presentable(&message),
        correlation: head.correlation.clone(),
        unsent: false,
        asked_as: None,
    }
}

#[cfg(test)]
mod tests;
