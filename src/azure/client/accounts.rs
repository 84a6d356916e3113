//! The identities of places: who each service account is in Entra ID, and its token.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use futures::future::BoxFuture;
use tokio::time::Instant;

use super::audience::{self, Audience};
use super::config::{Config, ConfigError};
use super::entra::{self, Options};
use super::token::TokenSource;
use crate::azure::model::{ACCOUNT_NOT_FOUND, Account, Class, Error, Principal, presentable};

/// For so long an account is taken to be what it was when it was looked up.
const FRESH: Duration = Duration::from_secs(60);

/// For so long nobody asks again about an account that cannot be used.
const FAILED: Duration = Duration::from_secs(10);

/// An account that nobody acts as for so long is forgotten, and its tokens with it.
const FORGOTTEN: Duration = Duration::from_secs(2 * 3600);

/// The service accounts of the cluster, and whoever vouches for them.
pub trait Accounts: Send + Sync + fmt::Debug {
    /// Who an account is in Entra ID.
    fn who<'a>(&'a self, account: &'a Account) -> BoxFuture<'a, Result<Who, NoAccount>>;
    /// A token of the cluster for this account, as it is now, that Entra ID exchanges for one of its own.
    fn assertion<'a>(
        &'a self,
        account: &'a Account,
        uid: &'a str,
    ) -> BoxFuture<'a, Result<String, NoAccount>>;
}

/// Who an account is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// Its uid in the cluster: an account of the same name that is made later is another one.
    pub uid: String,
    /// The tenant's id, a GUID.
    pub tenant: String,
    /// The client id, a GUID.
    pub client: String,
}

/// Why nobody can act as an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAccount {
    /// There is none, or it is another one now.
    Gone,
    /// The cluster does not let the operator use it: sentences that say what to do. In a namespace that ends, the right may
    /// be gone before the account.
    Forbidden(String),
    /// It may not be used, or does not say who it is in Entra ID: sentences that say what to do.
    Unfit(String),
    /// The cluster gave no answer, for this reason.
    Unreachable(String),
}

impl NoAccount {
    fn into_error(self, account: &Account) -> Error {
        match self {
            Self::Gone => {
                let message = format!(
                    "There is no service account {account}. Apply it, or name another one in spec.credentials.serviceAccountName of the place."
                );
                let code = Some(ACCOUNT_NOT_FOUND.to_owned());
                Error { code, ..Error::new(Class::Credential, message) }
            }
            Self::Forbidden(message) | Self::Unfit(message) => {
                Error::new(Class::Credential, presentable(&message))
            }
            Self::Unreachable(why) => {
                let why = why.trim_end_matches('.');
                let message = format!("The cluster gave no token of service account {account}: {why}.");
                Error::new(Class::Transient, presentable(&message))
            }
        }
    }
}

/// All identities that requests go out as.
pub(crate) struct Identities {
    own: Sources,
    accounts: Option<Arc<dyn Accounts>>,
    options: Arc<Options>,
    scopes: Scopes,
    known: Mutex<HashMap<Account, Known>>,
}

/// The scope of each audience's tokens.
type Scopes = [String; audience::ALL.len()];

/// The tokens of one identity, for each audience.
#[derive(Clone)]
struct Sources([TokenSource; audience::ALL.len()]);

impl Sources {
    fn of(&self, audience: Audience) -> TokenSource {
        self.0[audience as usize].clone()
    }
}

/// What is known of one account.
struct Known {
    /// Held by whoever looks it up.
    turn: Arc<tokio::sync::Mutex<()>>,
    looked: Option<(Instant, Result<Who, NoAccount>)>,
    /// Whose tokens these are: what the account was when they were asked for.
    tokens: Option<(Who, Sources)>,
    used: Instant,
}

impl Known {
    fn new() -> Self {
        Self { turn: Arc::default(), looked: None, tokens: None, used: Instant::now() }
    }

    /// The tokens, where it was looked up a short time ago; or why there are none.
    fn tokens(&self, leaving: bool) -> Option<Result<Sources, NoAccount>> {
        let (at, who) = self.looked.as_ref()?;
        let fresh = if who.is_ok() { FRESH } else { FAILED };
        let tokens = self.tokens.as_ref().map(|(_, tokens)| tokens.clone());
        (at.elapsed() < fresh).then(|| match (who, tokens) {
            // An API server that does not answer takes no right away.
            (Ok(_) | Err(NoAccount::Unreachable(_)), Some(tokens)) => Ok(tokens),
            // Of an account that is gone, or is no longer the operator's to use because its namespace ends, the last token
            // lets go of what was made as it.
            (Err(NoAccount::Gone | NoAccount::Forbidden(_)), Some(tokens)) if leaving => Ok(tokens),
            (Err(why), _) => Err(why.clone()),
            (Ok(_), None) => Err(NoAccount::Gone),
        })
    }
}

impl Identities {
    pub(crate) fn new(config: &Config, options: Options) -> Result<Self, ConfigError> {
        let options = Arc::new(options);
        let scopes = audience::ALL.map(|audience| config.cloud.scope(audience));
        // What can be wrong from the start is the same for all of them.
        let own = |scope: &String| entra::fetch(&config.credential, &options, scope.clone());
        let [first, second, third] = scopes.each_ref().map(own);
        let whose = Principal::Operator.to_string();
        let source = |own| TokenSource::new(whose.clone(), own, options.metrics.clone());
        let own = [first?, second?, third?].map(source);
        Ok(Self {
            own: Sources(own),
            accounts: config.accounts.clone(),
            options,
            scopes,
            known: Mutex::default(),
        })
    }

    /// The tokens for an audience of whom a request goes out as. `leaving`: it lets go of something.
    pub(crate) async fn tokens(
        &self,
        principal: &Principal,
        leaving: bool,
        audience: Audience,
    ) -> Result<TokenSource, Error> {
        let account = match principal {
            Principal::Operator => return Ok(self.own.of(audience)),
            Principal::Account(account) => account,
        };
        let sources = self.of(account, leaving).await.map_err(|why| why.into_error(account))?;
        Ok(sources.of(audience))
    }

    async fn of(&self, account: &Account, leaving: bool) -> Result<Sources, NoAccount> {
        let Some(accounts) = &self.accounts else {
            return Err(NoAccount::Unfit("This program acts as no service accounts.".into()));
        };
        let (known, turn) = {
            let mut all = self.known();
            if !all.contains_key(account) {
                all.retain(|_, known| known.used.elapsed() < FORGOTTEN);
            }
            let known = all.entry(account.clone()).or_insert_with(Known::new);
            known.used = Instant::now();
            (known.tokens(leaving), Arc::clone(&known.turn))
        };
        if let Some(known) = known {
            return known;
        }
        let _turn = turn.lock().await;
        // Whoever had the turn before us may have looked.
        if let Some(known) = self.known().get(account).and_then(|known| known.tokens(leaving)) {
            return known;
        }
        let who = accounts.who(account).await;
        let mut all = self.known();
        let known = all.entry(account.clone()).or_insert_with(Known::new);
        if let Ok(who) = &who
            && known.tokens.as_ref().is_none_or(|(before, _)| before != who)
        {
            known.tokens = Some((who.clone(), self.sources(accounts, account, who)));
        }
        known.looked = Some((Instant::now(), who));
        known.tokens(leaving).unwrap_or(Err(NoAccount::Gone))
    }

    fn sources(&self, accounts: &Arc<dyn Accounts>, account: &Account, who: &Who) -> Sources {
        let assertion =
            Assertion { accounts: Arc::clone(accounts), account: account.clone(), uid: who.uid.clone() };
        Sources(self.scopes.each_ref().map(|scope| {
            let fetch =
                entra::exchange(who.clone(), assertion.clone(), Arc::clone(&self.options), scope.clone());
            let whose = Principal::Account(account.clone()).to_string();
            TokenSource::new(whose, fetch, self.options.metrics.clone())
        }))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Account, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The cluster's word for an account, as `azure_identity` asks for it.
#[derive(Debug, Clone)]
pub(crate) struct Assertion {
    accounts: Arc<dyn Accounts>,
    account: Account,
    uid: String,
}

impl ClientAssertion for Assertion {
    // What `#[async_trait]` makes of `async fn secret(&self, _: Option<ClientMethodOptions<'_>>)`.
    fn secret<'a, 'b, 'c>(
        &'a self,
        _: Option<ClientMethodOptions<'b>>,
    ) -> Pin<Box<dyn Future<Output = azure_core::Result<String>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async move {
            let word = self.accounts.assertion(&self.account, &self.uid).await;
            word.map_err(|why| entra::wrapped(why.into_error(&self.account)))
        })
    }
}
