//! Fetches issuers' keys from where they are published, as Entra does (§H.6).

use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::config::Published;
use crate::core::door::assertion::Wanted;

/// For so long keys are used without asking again; a key that is not among them is asked for at once.
const FRESH: Duration = Duration::from_secs(300);
/// How long an issuer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// When each issuer's keys were fetched.
#[derive(Debug, Default)]
pub(crate) struct Issuers {
    fetched: Mutex<BTreeMap<String, Instant>>,
}

impl Issuers {
    /// An issuer's keys, or why there are none; nothing when those that are known will do.
    pub(crate) async fn keys(&self, wanted: &Wanted) -> Option<Result<Value, String>> {
        let issuer = &wanted.issuer;
        let fetched = || self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted.known && fetched().get(issuer).is_some_and(|at| at.elapsed() < FRESH) {
            return None;
        }
        let keys = fetch(issuer, &wanted.published).await;
        match &keys {
            Ok(_) => drop(fetched().insert(issuer.clone(), Instant::now())),
            Err(why) => tracing::warn!(%issuer, %why, "the issuer's keys cannot be fetched"),
        }
        // What is known and stale is better than nothing.
        (keys.is_ok() || !wanted.known).then_some(keys)
    }
}

async fn fetch(issuer: &str, published: &Published) -> Result<Value, String> {
    let client = client(published)?;
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let configuration = get(&client, &url, published.token.as_deref()).await?;
    if configuration["issuer"] != issuer {
        return Err(format!("{url} is of another issuer: {}.", configuration["issuer"]));
    }
    let Some(keys) = configuration["jwks_uri"].as_str() else {
        return Err(format!("{url} has no jwks_uri."));
    };
    // The token is for the issuer, and not for whatever host its document names.
    let token = published.token.as_deref().filter(|_| origin(keys) == origin(&url));
    get(&client, keys, token).await
}

/// Scheme, host and port of a URL; none when it is none.
fn origin(url: &str) -> Option<String> {
    Some(reqwest::Url::parse(url).ok()?.origin().ascii_serialization())
}

fn client(published: &Published) -> Result<reqwest::Client, String> {
    let builder = reqwest::Client::builder().https_only(true).timeout(PATIENCE);
    let pem = match (&published.ca, &published.ca_file) {
        (Some(pem), _) => pem.clone(),
        (None, Some(file)) => std::fs::read_to_string(file)
            .map_err(|error| format!("The issuer's caFile cannot be read: {error}."))?,
        (None, None) => return builder.build().map_err(|error| told(&error)),
    };
    let authorities = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(|error| told(&error))?;
    if authorities.is_empty() {
        return Err("The issuer's ca holds no certificate.".to_owned());
    }
    builder.tls_certs_only(authorities).build().map_err(|error| told(&error))
}

async fn get(client: &reqwest::Client, url: &str, token: Option<&str>) -> Result<Value, String> {
    // A Kubernetes API server serves its keys as nothing but the second.
    let mut request = client.get(url).header("Accept", "application/json, application/jwk-set+json");
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.and_then(reqwest::Response::error_for_status);
    answer.map_err(|error| told(&error))?.json().await.map_err(|error| told(&error))
}

/// An error of the HTTP client with its reasons, of which the last says most.
fn told(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut reason = error.source();
    while let Some(why) = reason {
        text = format!("{text}: {why}");
        reason = why.source();
    }
    text + "."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn stale_keys_are_kept_when_the_issuer_does_not_answer() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let wanted =
            |known| Wanted { issuer: "https://127.0.0.1:1".into(), published: Published::default(), known };
        assert_eq!(Issuers::default().keys(&wanted(true)).await, None);
        assert!(matches!(Issuers::default().keys(&wanted(false)).await, Some(Err(_))));
    }
}
