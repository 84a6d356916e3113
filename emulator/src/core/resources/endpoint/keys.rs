//! An endpoint's keys, and tokens for it.

use serde_json::{Value, json};

use super::{accepted, begin, missing, refuse_busy};
use crate::config::Work;
use crate::core::Core;
use crate::core::machinery::call::Call;
use crate::core::machinery::error::{Answer, ArmError};
use crate::core::machinery::operation::Deed;
use crate::core::machinery::{ids, json as at};
use crate::wire::Response;

/// The keys of an endpoint, and the AML tokens issued for it with the second they run out.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The first key.
    pub primary: String,
    /// The second key.
    pub secondary: String,
    /// Tokens of mode AMLToken.
    pub tokens: Vec<(String, i64)>,
}

/// Keys of a new endpoint: those in the body, or new ones.
pub fn make(core: &mut Core, endpoint: &str, body: &Value) {
    let mut given = |path| match at::text(body, path) {
        Some(key) => key.to_owned(),
        None => ids::hex(&mut core.rng, 32),
    };
    let keys = Keys {
        primary: given("properties.keys.primaryKey"),
        secondary: given("properties.keys.secondaryKey"),
        tokens: Vec::new(),
    };
    core.endpoint_keys.insert(endpoint.to_owned(), keys);
}

fn mode(core: &Core, key: &str) -> Result<String, ArmError> {
    let document = core.store.get(key).ok_or_else(missing)?;
    Ok(at::text(&document, "properties.authMode").unwrap_or("Key").to_owned())
}

/// POST listKeys.
pub fn list(core: &Core, call: &Call) -> Answer {
    let key = call.address.key();
    if mode(core, &key)? != "Key" {
        return Err(ArmError::plain_user(400, "Keys can be listed only for endpoints with authMode Key."));
    }
    let keys = core.endpoint_keys.get(&key).ok_or_else(missing)?;
    Ok(Response::json(200, &json!({"primaryKey": keys.primary, "secondaryKey": keys.secondary})))
}

/// POST regenerateKeys: `{keyType, keyValue?}`.
pub fn regenerate(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    let key = call.address.key();
    mode(core, &key)?;
    let primary = match at::text(&body, "keyType") {
        Some(kind) if kind.eq_ignore_ascii_case("Primary") => true,
        Some(kind) if kind.eq_ignore_ascii_case("Secondary") => false,
        _ => return Err(ArmError::validation("keyType", "keyType must be Primary or Secondary.")),
    };
    refuse_busy(core, &key)?;
    // The Python client sends the key that is to be replaced as its own new value, and gets another one [CLI, INF].
    let present =
        core.endpoint_keys.get(&key).map(|keys| if primary { &keys.primary } else { &keys.secondary });
    let value = match at::text(&body, "keyValue") {
        Some(value) if present.is_none_or(|present| present != value) => value.to_owned(),
        _ => ids::hex(&mut core.rng, 32),
    };
    let deed = Deed::ReplaceKey { key: key.clone(), primary, value };
    let urls = begin(core, call, Work::EndpointUpdate, deed, Some(key), "");
    Ok(accepted(core, &urls))
}

/// The end of it.
pub fn replace(core: &mut Core, endpoint: &str, primary: bool, value: String) {
    if let Some(keys) = core.endpoint_keys.get_mut(endpoint) {
        *(if primary { &mut keys.primary } else { &mut keys.secondary }) = value;
    }
}

/// POST token: for endpoints of mode AMLToken an own token, for AADToken nothing that we could issue.
pub fn token(core: &mut Core, call: &Call) -> Answer {
    let key = call.address.key();
    if mode(core, &key)? != "AMLToken" {
        return Err(ArmError::plain_user(
            400,
            "Tokens are issued only for endpoints with authMode AMLToken.",
        ));
    }
    let token = ids::hex(&mut core.rng, 64);
    let now = core.now().as_second();
    // What clients' clocks call an hour is more of ours when time runs faster here.
    #[allow(clippy::cast_possible_truncation)]
    let lifetime = (f64::from(core.config.token_lifetime) * core.scale()) as i64;
    let keys = core.endpoint_keys.get_mut(&key).ok_or_else(missing)?;
    keys.tokens.retain(|(_, expiry)| *expiry > now);
    keys.tokens.push((token.clone(), now + lifetime));
    Ok(Response::json(
        200,
        &json!({
            "accessToken": token,
            "expiryTimeUtc": now + lifetime,
            "refreshAfterTimeUtc": now + lifetime / 2,
            "tokenType": "Bearer",
        }),
    ))
}
