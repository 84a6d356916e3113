//! Federated assertions (§H.6): issuer, subject and audience exactly, the signature by the issuer's keys, the time. What
//! the client itself has issued is [`certificate`]'s.

use serde_json::Value;

use super::certificate;
use super::jwt::{part, signed};
use crate::config::Time;
use crate::config::{Client, Federated, Published};
use crate::core::Core;
use crate::wire::Request;

/// Entra's number, and what it says.
pub type Refusal = (u32, String);

/// The number of the refusal when an issuer's keys cannot be had, which Entra answers with 400.
pub const UNREACHABLE: u32 = 50_166;

/// Refuses with Entra's number what none of the client's credentials is for.
pub fn check(core: &Core, client: &Client, assertion: &str) -> Result<(), Refusal> {
    let malformed = || (50_027, "JWT token is invalid or malformed.".to_owned());
    let claims = part(assertion, 1).ok_or_else(malformed)?;
    let claim = |name: &str| claims[name].as_str().unwrap_or_default();
    if claim("iss").eq_ignore_ascii_case(&client.client_id) {
        return certificate::check(core, client, assertion, &claims);
    }
    let credential = matching(client, &claims)?;
    check_signature(assertion, keys_of(core, credential)?, claim("iss"))?;
    // The issuer's clock is not emulated, so it can be compared only when ours is true.
    let true_clock = core.config.time == Time::Real { scale: 1.0 };
    if true_clock && claims["exp"].as_i64().is_none_or(|expiry| expiry <= core.now().as_second()) {
        return Err((700_024, "Client assertion is not within its valid time range.".to_owned()));
    }
    Ok(())
}

fn matching<'a>(client: &'a Client, claims: &Value) -> Result<&'a Federated, Refusal> {
    let audience = |wanted: &str| match &claims["aud"] {
        Value::Array(all) => all.iter().any(|audience| audience == wanted),
        audience => audience == wanted,
    };
    let refused = |number, what: &str, value: &Value| {
        // Entra puts what it was given in single quotes.
        let given = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let message =
            format!("No matching federated identity record found for presented assertion {what} '{given}'.");
        (number, message)
    };
    let of_issuer = || client.federated.iter().filter(|credential| claims["iss"] == *credential.issuer);
    let of_subject = || of_issuer().filter(|credential| claims["sub"] == *credential.subject);
    of_issuer().next().ok_or_else(|| refused(700_211, "issuer", &claims["iss"]))?;
    of_subject().next().ok_or_else(|| refused(700_213, "subject", &claims["sub"]))?;
    let found = of_subject().find(|credential| audience(&credential.audience));
    found.ok_or_else(|| refused(700_212, "audience", &claims["aud"]))
}

/// The keys of a credential's issuer: those in the configuration, else those that were fetched.
fn keys_of<'a>(core: &'a Core, credential: &'a Federated) -> Result<&'a Value, Refusal> {
    if let Some(keys) = &credential.keys {
        return Ok(keys);
    }
    let failed = |why: &str| (UNREACHABLE, format!("Request to External OIDC endpoint failed. {why}"));
    match core.issuer_keys.get(&credential.issuer) {
        Some(Ok(keys)) => Ok(keys),
        Some(Err(why)) => Err(failed(why)),
        None => Err(failed("Its keys were not fetched.")),
    }
}

fn check_signature(assertion: &str, keys: &Value, issuer: &str) -> Result<(), Refusal> {
    let named = part(assertion, 0).map(|header| header["kid"].clone()).unwrap_or_default();
    if !has_key(keys, &named) {
        let named = named.as_str().unwrap_or_default();
        return Err((
            7_000_272,
            format!(
                "The certificate with identifier {named} used to sign the federated credential could not be found in the metadata of identity provider {issuer}. Please validate that your Identity Provider's metadata exposes the key used to sign the incoming token."
            ),
        ));
    }
    if signed(assertion, keys) {
        return Ok(());
    }
    Err((7_000_272, format!("Client assertion failed signature validation for issuer '{issuer}'.")))
}

fn has_key(keys: &Value, named: &Value) -> bool {
    keys["keys"].as_array().into_iter().flatten().any(|key| key["kid"] == *named)
}

/// An issuer whose keys a request for a token needs, and that must be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Its URL, as configured.
    pub(crate) issuer: String,
    /// How it is reached.
    pub(crate) published: Published,
    /// Whether the key that signed is among those known so far.
    pub(crate) known: bool,
}

impl Core {
    /// The issuer whose keys are to be fetched before a request is handled.
    pub(crate) fn wanted_issuer(&self, request: &Request) -> Option<Wanted> {
        if request.method != http::Method::POST || !request.path.ends_with("/oauth2/v2.0/token") {
            return None;
        }
        let form = Request { query: String::from_utf8_lossy(&request.body).into_owned(), ..request.clone() };
        let (id, assertion) = (form.parameter("client_id")?, form.parameter("client_assertion")?);
        let client = self.config.clients.iter().find(|client| client.client_id.eq_ignore_ascii_case(&id))?;
        let credential = matching(client, &part(&assertion, 1)?).ok()?;
        if credential.keys.is_some() {
            return None;
        }
        let key = part(&assertion, 0)?["kid"].clone();
        let known = matches!(self.issuer_keys.get(&credential.issuer), Some(Ok(keys)) if has_key(keys, &key));
        Some(Wanted { issuer: credential.issuer.clone(), published: credential.published.clone(), known })
    }

    /// What fetching the keys (JWKS) of an issuer came to, in the place of what was known: an error is told to
    /// whoever presents its assertions. A running [`Emulator`](crate::Emulator) does this itself.
    pub fn know_issuer(&mut self, issuer: &str, keys: Result<Value, String>) {
        self.issuer_keys.insert(issuer.to_owned(), keys);
    }
}
