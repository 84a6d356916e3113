//! Signed URLs: asked for when they are needed, used for a minute, and shown to nobody.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;
use tokio::time::Instant;

use super::super::rest::Azure;
use crate::azure::model::{Class, Error, Principal, ResourceId, presentable};

/// For so long a signature is used again. Nobody has documented how long one lasts, and a pass of the operator takes
/// seconds; one that is refused is forgotten at once.
const USED_FOR: Duration = Duration::from_secs(60);

/// Whose, for which version, and for which of its paths or uploads.
type Key = (Principal, ResourceId, String);

/// The signatures that were asked for within the last minute.
#[derive(Default)]
pub(crate) struct Signatures(Mutex<HashMap<Key, (Signed, Instant)>>);

/// A container with the signature that opens it. Prints as its host and path alone.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Signed(Url);

/// Whether a signature is a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    /// It was asked for just now.
    Now,
    /// It was asked for before.
    Before,
}

/// What both doors answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Granted {
    blob_reference_for_consumption: Reference,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(default)]
    credential: Credential,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Credential {
    #[serde(default)]
    credential_type: String,
    #[serde(default)]
    sas_uri: Option<String>,
}

impl Azure {
    /// The container that an answer opens: the one of a minute ago, or of the answer to this question.
    pub(super) async fn signed(
        &self,
        version: &ResourceId,
        which: &str,
        ask: impl Future<Output = Result<Granted, Error>>,
    ) -> Result<(Signed, Given), Error> {
        let key = (self.1.principal.clone(), version.clone(), which.to_owned());
        if let Some(signed) = self.0.signatures.recall(&key) {
            return Ok((signed, Given::Before));
        }
        let Credential { credential_type, sas_uri } = ask.await?.blob_reference_for_consumption.credential;
        let Some(url) = sas_uri.filter(|_| credential_type.eq_ignore_ascii_case("SAS")) else {
            let message = format!(
                "Azure gives no shared access signature for the storage of {version}, but a credential of type '{credential_type}'. Bindery copies only with such signatures."
            );
            return Err(Error::new(Class::Permanent, presentable(&message)));
        };
        let url = self.0.storage.check(&url)?;
        let signed = Signed(url);
        self.0.signatures.all().insert(key, (signed.clone(), Instant::now()));
        Ok((signed, Given::Now))
    }
}

impl Signatures {
    fn all(&self) -> MutexGuard<'_, HashMap<Key, (Signed, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recall(&self, key: &Key) -> Option<Signed> {
        let mut all = self.all();
        all.retain(|_, (_, at)| at.elapsed() < USED_FOR);
        all.get(key).map(|(signed, _)| signed.clone())
    }

    /// The next request asks anew.
    pub(super) fn forget(&self, principal: &Principal, version: &ResourceId, which: &str) {
        self.all().remove(&(principal.clone(), version.clone(), which.to_owned()));
    }

    /// The same of one that was refused.
    pub(super) fn forget_one(&self, refused: &Signed) {
        self.all().retain(|_, (signed, _)| signed != refused);
    }
}

impl Signed {
    /// The container's URL with this query.
    pub(super) fn container(&self, query: &[(&str, &str)]) -> Url {
        let mut url = self.0.clone();
        url.query_pairs_mut().extend_pairs(query);
        url
    }

    /// The URL of a blob with this query. A name that a URL would change is refused: it would lead somewhere else.
    pub(super) fn blob(&self, name: &str, query: &[(&str, &str)]) -> Result<Url, Error> {
        let strange = |segment: &str| {
            matches!(segment, "" | "." | "..") || segment.contains(|c: char| c.is_control() || c == '\\')
        };
        if name.split('/').any(strange) {
            let message = format!("A file named {name:?} cannot be copied: a URL cannot carry its name.");
            return Err(Error::new(Class::Permanent, presentable(&message)));
        }
        let mut url = self.container(query);
        if let Ok(mut path) = url.path_segments_mut() {
            // Each segment is encoded on its own.
            path.pop_if_empty().extend(name.split('/'));
        }
        Ok(url)
    }

    /// The container's URL without its signature.
    pub(super) fn unsigned(&self) -> String {
        let mut url = self.0.clone();
        url.set_query(None);
        url.to_string().trim_end_matches('/').to_owned()
    }
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signed").field(&self.unsigned()).finish()
    }
}

#[cfg(test)]
impl Signed {
    pub(super) fn of(url: &str) -> Self {
        Self(Url::parse(url).expect("a URL"))
    }
}
