//! One request to one deployment of an online endpoint, whatever the traffic is (azure-ml.md H.3).
//!
//! Keys and tokens go to scoring hosts of the cloud only, and are kept in memory for some minutes: otherwise each measurement
//! would be one more write in the subscription's bucket, as ARM counts them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use azure_core::Uuid;
use reqwest::header::HeaderValue;
use reqwest::{RequestBuilder, Url};
use serde_json::Value;

use super::audience::Audience;
use super::config::{Config, ConfigError};
use super::error_body::Head;
use super::hosts::Hosts;
use super::rest::{Azure, text};
use super::token::{Token, TokenSource};
use super::transport::{self, Http, Ways};
use crate::azure::model::{Class, EndpointKeys, Errand, Error, Principal, ResourceId, word};

/// How long a connection to an endpoint may take. One that does not come about says nothing of the deployment, so it has to be
/// over before the answer is late.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A longer answer is not read to its end.
const MOST_BYTES: usize = 1024 * 1024;

/// For so long a key or a token of an endpoint is used again. One that is refused is asked for again at once, so nobody has to
/// know when a token ends.
const USED_FOR: Duration = Duration::from_secs(300);

/// For so long nobody asks again for one that was not given.
const FAILED_FOR: Duration = Duration::from_secs(10);

/// How an endpoint lets callers in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum EndpointAuth {
    /// By one of its keys.
    Key,
    /// By a token that Azure Machine Learning gives out.
    AmlToken,
    /// By a token of Entra ID.
    AadToken,
}

/// A request to one deployment.
#[derive(Clone, Copy)]
pub(crate) struct Score<'a> {
    pub(crate) endpoint: &'a ResourceId,
    /// Its `scoringUri`.
    pub(crate) uri: &'a str,
    pub(crate) auth: EndpointAuth,
    pub(crate) deployment: &'a str,
    /// JSON.
    pub(crate) body: &'a str,
    /// How long the answer may take.
    pub(crate) timeout: Duration,
}

/// What a deployment answered. Has no `Debug`, so that no body is logged.
pub(crate) enum Scored {
    /// All of an answer.
    Answer {
        status: u16,
        /// From the request to the last byte.
        millis: u64,
        body: Vec<u8>,
    },
    /// Nothing, or not all of it, in the time that it may take.
    Late,
}

/// What scoring needs besides Azure Resource Manager.
pub(crate) struct Scoring {
    http: Http,
    hosts: Hosts,
    secrets: Mutex<HashMap<Key, Arc<Slot>>>,
}

/// Whose, for which endpoint, and of which kind.
type Key = (Principal, ResourceId, EndpointAuth);

/// One secret. Held by whoever asks for it.
type Slot = tokio::sync::Mutex<Option<Kept>>;

struct Kept {
    secret: Result<Arc<str>, Error>,
    until: Instant,
}

/// What a request shows.
enum Shown {
    /// Of the endpoint; `fresh` when it was asked for just now.
    Secret { secret: Arc<str>, slot: Arc<Slot>, fresh: bool },
    /// Of Entra ID.
    Token { token: Token, source: TokenSource },
}

impl Scoring {
    pub(crate) fn new(config: &Config, ways: &Ways) -> Result<Self, ConfigError> {
        let (http, hosts) = (ways.http(CONNECT_TIMEOUT, &[])?, config.cloud.scoring_hosts()?);
        Ok(Self { http, hosts, secrets: Mutex::default() })
    }

    /// The URL, if keys and tokens of endpoints may go there.
    pub(super) fn check(&self, url: &str, what: &str) -> Result<Url, Error> {
        self.hosts.check(url, what)
    }

    fn slot(&self, key: Key) -> Arc<Slot> {
        let mut all = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains_key(&key) {
            // Those that nobody uses and that are of no use any more.
            let now = Instant::now();
            let kept = |slot: &Arc<Slot>| {
                slot.try_lock().map_or(true, |kept| kept.as_ref().is_some_and(|kept| now < kept.until))
            };
            all.retain(|_, slot| Arc::strong_count(slot) > 1 || kept(slot));
        }
        Arc::clone(all.entry(key).or_default())
    }
}

impl Azure {
    /// Asks one deployment. Any answer is one, whatever its status, but for 401 and 403: these are the endpoint's and not the
    /// deployment's, whose own failures arrive as 424 [DOC], and mean that nothing could be measured.
    ///
    /// A key or token that was kept and is refused is asked for once more before anybody complains.
    pub(crate) async fn score(&self, errand: &Errand, score: &Score<'_>) -> Result<Scored, Error> {
        let azure = self.on(errand);
        let url = azure.0.scoring.hosts.check(score.uri, "the scoring URI")?;
        let deployment = HeaderValue::from_str(score.deployment).map_err(|_| {
            Error::new(Class::Permanent, "The deployment's name is none that a request could carry.")
        })?;
        let mut shown = azure.shown(score).await?;
        let mut again = true;
        loop {
            let scored = azure.score_once(&url, &deployment, score, &shown).await?;
            let Scored::Answer { status: status @ (401 | 403), .. } = scored else {
                if let Shown::Token { token, source } = &shown {
                    source.accepted(token);
                }
                return Ok(scored);
            };
            if !std::mem::take(&mut again) || !shown.replaceable(status).await {
                return Err(azure.refused(&url, status, score));
            }
            shown = azure.shown(score).await?;
        }
    }

    async fn score_once(
        &self,
        url: &Url,
        deployment: &HeaderValue,
        score: &Score<'_>,
        shown: &Shown,
    ) -> Result<Scored, Error> {
        let Scoring { http, .. } = &self.0.scoring;
        let (host, server) = (url.host_str().unwrap_or_default().to_owned(), url.authority().to_owned());
        tracing::debug!(%host, deployment = score.deployment, "scoring");
        // A connection that does not come about is to be seen as such.
        let longest = score.timeout.max(CONNECT_TIMEOUT + Duration::from_millis(500));
        let request = http
            .request(reqwest::Method::POST, url.clone())
            .timeout(longest)
            .bearer_auth(shown.text())
            .header("azureml-model-deployment", deployment)
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .header("x-ms-client-request-id", Uuid::new_v4().to_string())
            .body(score.body.to_owned());
        let asked = Instant::now();
        let answer = match answer(request).await {
            Ok(answer) => answer,
            Err(error) if error.is_timeout() && !error.is_connect() => return Ok(Scored::Late),
            Err(error) => {
                let error = http.no_answer(&error, &host);
                self.0.reach.unanswered(&server, asked, &error);
                return Err(error);
            }
        };
        let took = asked.elapsed();
        // Whatever the status: what a deployment answers is no outage of its host.
        self.0.reach.answered(&server, asked, 200);
        let (head, body) = answer;
        tracing::debug!(status = head.status, correlation = head.correlation, "scored");
        let Some(body) = body else { return Err(Head { host, ..head }.too_long(MOST_BYTES)) };
        if took > score.timeout {
            return Ok(Scored::Late);
        }
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Ok(Scored::Answer { status: head.status, millis, body })
    }

    async fn shown(&self, score: &Score<'_>) -> Result<Shown, Error> {
        if score.auth == EndpointAuth::AadToken {
            let source = self.tokens(Audience::MachineLearning).await?;
            let token = source.get().await.map_err(|e| e.asked_as(&self.1.principal))?;
            return Ok(Shown::Token { token, source });
        }
        let slot = self.0.scoring.slot((self.1.principal.clone(), score.endpoint.clone(), score.auth));
        let mut held = slot.lock().await;
        let known = held.as_ref().filter(|kept| Instant::now() < kept.until).map(|kept| kept.secret.clone());
        let fresh = known.is_none();
        let secret = if let Some(known) = known {
            known
        } else {
            let secret = self.secret_of(score.endpoint, score.auth).await;
            let used_for = if secret.is_ok() { USED_FOR } else { FAILED_FOR };
            *held = Some(Kept { secret: secret.clone(), until: Instant::now() + used_for });
            secret
        };
        drop(held);
        Ok(Shown::Secret { secret: secret?, slot, fresh })
    }

    /// Both keys of an endpoint, as they are now.
    ///
    /// # Errors
    ///
    /// Azure refuses, as for an endpoint that lets callers in by tokens, or gives no answer with two keys.
    pub async fn endpoint_keys(&self, errand: &Errand, endpoint: &ResourceId) -> Result<EndpointKeys, Error> {
        let azure = self.on(errand);
        let path = format!("{endpoint}/listKeys");
        let keys: EndpointKeys = azure.ask_for(&path, endpoint.subscription(), &Value::Null).await?;
        if keys.primary_key.is_empty() || keys.secondary_key.is_empty() {
            let message =
                format!("Azure answered listKeys of the endpoint {} without keys.", endpoint.name());
            return Err(Error::new(Class::Transient, message));
        }
        Ok(keys)
    }

    /// A key or token of an endpoint. What is wrong with the answer is said without it.
    async fn secret_of(&self, endpoint: &ResourceId, auth: EndpointAuth) -> Result<Arc<str>, Error> {
        let (action, field) = match auth {
            EndpointAuth::Key => ("listKeys", "primaryKey"),
            EndpointAuth::AmlToken | EndpointAuth::AadToken => ("token", "accessToken"),
        };
        let answer: Value =
            self.ask_for(&format!("{endpoint}/{action}"), endpoint.subscription(), &Value::Null).await?;
        let secret = answer.get(field).and_then(Value::as_str).filter(|secret| !secret.is_empty());
        secret.map(Into::into).ok_or_else(|| {
            let message =
                format!("Azure answered {action} of the endpoint {} without {field}.", endpoint.name());
            Error::new(Class::Transient, message)
        })
    }

    /// The error for an endpoint that does not let us in.
    fn refused(&self, url: &Url, status: u16, score: &Score<'_>) -> Error {
        let advice = match score.auth {
            EndpointAuth::Key | EndpointAuth::AmlToken => {
                "Its keys may have just been changed; and it may not be reachable from outside of its network."
            }
            EndpointAuth::AadToken => {
                "Give who asks the role AzureML Data Scientist on the workspace, for the action onlineEndpoints/score; and the endpoint may not be reachable from outside of its network."
            }
        };
        let host = url.host_str().unwrap_or_default();
        let message = format!("The endpoint at {host} does not let us in. {advice}");
        let error = Error { status: Some(status), ..Error::new(Class::Unauthorized, message) };
        error.asked_as(&self.1.principal)
    }
}

impl Shown {
    fn text(&self) -> &str {
        match self {
            Self::Secret { secret, .. } => secret,
            Self::Token { token, .. } => &token.secret,
        }
    }

    /// It was refused. Whether there may be another one now.
    async fn replaceable(&self, status: u16) -> bool {
        match self {
            Self::Secret { secret, slot, fresh } => {
                let mut held = slot.lock().await;
                let is_it = |kept: &Kept| kept.secret.as_ref().is_ok_and(|kept| kept == secret);
                if held.as_ref().is_some_and(is_it) {
                    *held = None;
                }
                !fresh
            }
            // 403 is about rights, which no other token has.
            Self::Token { token, source } => status == 401 && source.refused(token, false, true).await,
        }
    }
}

/// The head of an answer, and its body unless that is too long.
async fn answer(request: RequestBuilder) -> reqwest::Result<(Head, Option<Vec<u8>>)> {
    let answer = request.send().await?;
    let correlation = text(answer.headers(), "x-ms-request-id").map(word);
    let head = Head { status: answer.status().as_u16(), correlation, ..Head::default() };
    Ok((head, transport::body(answer, MOST_BYTES).await?))
}
