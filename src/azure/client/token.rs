//! The token that every request carries: one at a time, renewed before it ends, and asked for with
//! restraint when Entra ID refuses.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use serde_json::Value;
use tokio::time::Instant;

use super::metrics::Metrics;
use crate::azure::model::{Class, Error};
use crate::outage::{Outages, Patience, lasted};

/// How long Entra ID may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A token that lasts for less is of no use.
const SHORTEST: Duration = Duration::from_secs(30);

/// No token is used for longer, whatever is said of it.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A token that is younger is new enough to tell whose fault it is that it is refused.
const ENOUGH: Duration = Duration::from_secs(60);

/// Asks for a new token.
pub(crate) type Fetch =
    Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Fetched, Error>> + Send>> + Send + Sync>;

/// A token as it came. Has no `Debug`, so that it cannot be logged.
pub(crate) struct Fetched {
    pub(crate) secret: String,
    pub(crate) lifetime: Duration,
}

impl Fetched {
    /// A token that can be used for a while: one that ends at once would be asked for again with every request.
    fn in_time(self) -> Result<Self, Error> {
        if self.lifetime < SHORTEST {
            let message = format!(
                "Entra ID gave a token that ends in {} s, or has ended. The clock of this machine may be wrong.",
                self.lifetime.as_secs()
            );
            return Err(Error::new(Class::Credential, message));
        }
        Ok(Self { lifetime: self.lifetime.min(LONGEST), ..self })
    }
}

/// A token to use now. Has no `Debug`, so that it cannot be logged.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) secret: Arc<str>,
    number: u64,
}

/// The claims by which a token names its owner [INF: which of them `createdBy` shows, nobody has recorded].
const NAMES: [&str; 4] = ["oid", "appid", "azp", "app_displayname"];

impl Token {
    /// By what names Azure may know its owner: none where the token is not one that can be read.
    pub(crate) fn names(&self) -> Vec<String> {
        let claims = self.secret.split('.').nth(1).and_then(|part| BASE64URL.decode(part).ok());
        let claims = claims.and_then(|json| serde_json::from_slice::<Value>(&json).ok()).unwrap_or_default();
        NAMES.iter().filter_map(|name| claims[name].as_str()).map(str::to_owned).collect()
    }
}

/// Hands out a valid token, and asks for a new one
/// - when none is left, while the callers wait for the one request,
/// - in the background when three quarters of its life are over, while callers use the old one,
/// - when Azure refused the one in use, and that may be the token's fault.
///
/// A refusal by Entra ID is remembered and handed out again until its back-off is over: 5 s
/// doubling to 2 min, or 1 s doubling to 30 s when there was no answer.
#[derive(Clone)]
pub(crate) struct TokenSource(Arc<Inner>);

struct Inner {
    /// For the log.
    whose: String,
    fetch: Fetch,
    /// Held by whoever asks Entra ID.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    metrics: Metrics,
}

struct State {
    held: Option<Held>,
    renewing: bool,
    failure: Option<Failure>,
    /// Whether the log was told that Entra ID refuses.
    refusals: Outages<()>,
    /// Fetches that failed in a row.
    failures: u32,
    /// Tokens fetched so far: the number of the last one.
    fetched: u64,
}

struct Held {
    token: Token,
    since: Instant,
    /// Somebody has taken it.
    accepted: bool,
    renew_at: Instant,
    ends_at: Instant,
}

struct Failure {
    error: Error,
    until: Instant,
}

impl TokenSource {
    /// `whose` the tokens are, for the log.
    pub(crate) fn new(whose: String, fetch: Fetch, metrics: Metrics) -> Self {
        let (turn, state) = (tokio::sync::Mutex::default(), Mutex::new(State::new()));
        Self(Arc::new(Inner { whose, fetch, turn, state, metrics }))
    }

    /// A token that is valid now, or why there is none.
    pub(crate) async fn get(&self) -> Result<Token, Error> {
        if let Some(known) = self.known() {
            return known;
        }
        let _turn = self.0.turn.lock().await;
        // Whoever had the turn before us may have brought one.
        match self.known() {
            Some(known) => known,
            None => self.0.renew().await,
        }
    }

    fn known(&self) -> Option<Result<Token, Error>> {
        let now = Instant::now();
        let mut state = self.0.state();
        let failing = state.failing(now);
        let renewing = state.renewing;
        let Some(held) = state.held.as_ref().filter(|held| now < held.ends_at) else {
            return failing.map(Err);
        };
        let token = held.token.clone();
        if now >= held.renew_at && !renewing && failing.is_none() {
            state.renewing = true;
            let inner = Arc::clone(&self.0);
            tokio::spawn(async move {
                let _turn = inner.turn.lock().await;
                // A failure is remembered; until the old token ends nobody has to know.
                let _ = inner.renew().await;
                inner.state().renewing = false;
            });
        }
        Some(Ok(token))
    }

    /// Azure answered 401 to this token. The answer is whether there is another one now that may be taken.
    ///
    /// A token that others have taken is good, whatever one of them says: it stays in use while a new one is asked for, and
    /// no other is asked for within a minute of the last. `runs_out`: Azure says itself that it has run out or was taken
    /// back; then nobody uses it any more. `first`: whoever refused it had not refused the last one.
    pub(crate) async fn refused(&self, token: &Token, runs_out: bool, first: bool) -> bool {
        {
            let mut state = self.0.state();
            let Some(held) = state.held.as_ref().filter(|held| held.token.number == token.number) else {
                return true;
            };
            let old = held.since.elapsed() >= ENOUGH;
            if !(old || first && (runs_out || !held.accepted)) {
                return false;
            }
            if runs_out {
                state.held = None;
                return true;
            }
        }
        let _turn = self.0.turn.lock().await;
        let replaced = self.0.state().held.as_ref().is_none_or(|held| held.token.number != token.number);
        replaced || self.0.renew().await.is_ok()
    }

    /// Azure took the token.
    pub(crate) fn accepted(&self, token: &Token) {
        if let Some(held) = self.0.state().held.as_mut().filter(|held| held.token.number == token.number) {
            held.accepted = true;
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks Entra ID, and remembers what it said. Only with the turn.
    async fn renew(&self) -> Result<Token, Error> {
        let result = tokio::time::timeout(TIMEOUT, (self.fetch)()).await;
        let result = result.unwrap_or_else(|_| {
            let message = format!("Entra ID gave no token within {} s.", TIMEOUT.as_secs());
            Err(Error::new(Class::Transient, message))
        });
        let result = result.and_then(Fetched::in_time);
        self.metrics.token(result.is_ok());
        let now = Instant::now();
        let mut state = self.state();
        state.tell(&self.whose, &result, now);
        match result {
            Ok(fetched) => {
                state.fetched += 1;
                state.failures = 0;
                state.failure = None;
                let token = Token { secret: fetched.secret.into(), number: state.fetched };
                // The clocks differ, and a request takes time.
                let margin = (fetched.lifetime / 10).min(Duration::from_secs(60));
                state.held = Some(Held {
                    token: token.clone(),
                    since: now,
                    accepted: false,
                    renew_at: now + fetched.lifetime / 4 * 3,
                    ends_at: now + fetched.lifetime.saturating_sub(margin),
                });
                Ok(token)
            }
            Err(error) => {
                state.failures += 1;
                let wait = back_off(error.class, state.failures);
                tracing::debug!(%error, retry_after_seconds = wait.as_secs(), "no token");
                state.failure = Some(Failure { error: error.clone(), until: now + wait });
                Err(error)
            }
        }
    }
}

impl State {
    fn new() -> Self {
        Self {
            held: None,
            renewing: false,
            failure: None,
            refusals: Outages::new(Patience::None),
            failures: 0,
            fetched: 0,
        }
    }

    /// Tells the log when Entra ID begins to refuse, and when that is over. That it does not answer, or answers only with
    /// errors of its own, is told by whoever sends the request.
    fn tell(&mut self, whose: &str, fetched: &Result<Fetched, Error>, now: Instant) {
        let now = now.into_std();
        match fetched {
            Ok(_) => {
                if let Some(time) = self.refusals.worked((), now) {
                    tracing::info!("{whose} has a token for Azure again, after {}.", lasted(time));
                }
            }
            Err(error) if error.class == Class::Transient => {}
            Err(error) => {
                if self.refusals.failed((), now, now) {
                    let why = error.to_string();
                    tracing::warn!(
                        "{whose} has no token for Azure: {}. Bindery tries again, and says when there is one.",
                        why.trim_end_matches('.')
                    );
                }
            }
        }
    }

    /// The error to hand out while its back-off lasts.
    fn failing(&self, now: Instant) -> Option<Error> {
        let failure = self.failure.as_ref().filter(|failure| now < failure.until)?;
        let mut error = failure.error.clone();
        if let Class::Throttled(wait) = &mut error.class {
            *wait = failure.until - now;
        }
        Some(error)
    }
}

/// How long to leave Entra ID alone after so many failures in a row.
fn back_off(class: Class, failures: u32) -> Duration {
    let (first, longest) = match class {
        Class::Throttled(wait) => return wait,
        Class::Credential => (5, 120),
        _ => (1, 30),
    };
    let doubled = 1u64.checked_shl(failures.saturating_sub(1).min(16)).unwrap_or(1);
    Duration::from_secs((first * doubled).min(longest))
}

#[cfg(test)]
mod tests;
