//! Entra's v2 token endpoint: client credentials with a secret, a certificate or a federated assertion.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use super::assertion;
use super::jwt::Signer;
use crate::config::Client;
use crate::core::Core;
use crate::core::machinery::ids;
use crate::wire::{Identity, Principal, Request, Response};

/// Scopes that are no resource's.
const OPENID: [&str; 4] = ["openid", "offline_access", "profile", "email"];

/// Tokens that were issued, and the key that signs them.
#[derive(Debug)]
pub struct Tokens {
    issued: BTreeMap<String, (Identity, Timestamp)>,
    signer: Signer,
}

impl Tokens {
    /// None yet; the key follows from the seed.
    pub fn of(seed: u64) -> Self {
        Self { issued: BTreeMap::new(), signer: Signer::of(seed) }
    }

    /// Makes every token so far one that nobody knows.
    pub fn revoke_all(&mut self) {
        self.issued.clear();
    }

    /// Makes every token so far one that has run out.
    pub fn expire_all(&mut self) {
        for (_, expiry) in self.issued.values_mut() {
            *expiry = Timestamp::MIN;
        }
    }
}

impl Core {
    /// Who a request's bearer token stands for.
    pub fn principal(&self, now: Timestamp, request: &Request) -> Principal {
        let Some(token) = request.bearer() else { return Principal::Anonymous };
        match self.tokens.issued.get(token) {
            Some((identity, expiry)) if *expiry > now => Principal::Known(identity.clone()),
            Some(_) => Principal::Expired,
            None if self.config.any_token => Principal::application("any"),
            None => Principal::Unknown,
        }
    }
}

/// Answers Entra's paths; none when it is none of them.
pub fn answer(core: &mut Core, request: &Request) -> Option<Response> {
    let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", [tenant, "v2.0", ".well-known", "openid-configuration"]) => Some(configuration(core, tenant)),
        ("GET", [_, "discovery", "v2.0", "keys"]) => {
            Some(Response::json(200, &core.tokens.signer.published()))
        }
        ("GET", ["common", "discovery", "instance"]) => Some(instance(core)),
        ("POST", [tenant, "oauth2", "v2.0", "token"]) => Some(issue(core, tenant, request)),
        _ => None,
    }
}

fn configuration(core: &Core, tenant: &str) -> Response {
    let root = format!("{}/{tenant}", core.base());
    Response::json(
        200,
        &json!({
            "issuer": format!("{root}/v2.0"),
            "token_endpoint": format!("{root}/oauth2/v2.0/token"),
            "authorization_endpoint": format!("{root}/oauth2/v2.0/authorize"),
            "device_authorization_endpoint": format!("{root}/oauth2/v2.0/devicecode"),
            "jwks_uri": format!("{root}/discovery/v2.0/keys"),
            "response_types_supported": ["code", "id_token", "token"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "tenant_region_scope": null,
            "cloud_instance_name": core.host(),
        }),
    )
}

fn instance(core: &Core) -> Response {
    let host = core.host();
    Response::json(
        200,
        &json!({
            "tenant_discovery_endpoint": format!("{}/{}/v2.0/.well-known/openid-configuration", core.base(), core.config.tenant),
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }),
    )
}

/// A refusal with the number by which Entra's errors are known.
fn refused(core: &mut Core, status: u16, error: &str, number: u32, message: &str) -> Response {
    let trace = ids::guid(&mut core.rng);
    let correlation = ids::guid(&mut core.rng);
    let stamp = core.now().strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    Response::json(
        status,
        &json!({
            "error": error,
            "error_description": format!("AADSTS{number}: {message}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {stamp}"),
            "error_codes": [number],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("{}/error?code={number}", core.base()),
        }),
    )
}

/// The one resource of a scope. Scopes of OpenID Connect beside it are nothing: MSAL sends them for Go and Java.
fn resource_of(scope: &str) -> Result<String, (u32, String)> {
    let asked: Vec<&str> = scope.split_whitespace().filter(|scope| !OPENID.contains(scope)).collect();
    if asked.len() > 1 {
        let message = format!(
            "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid."
        );
        return Err((70_011, message));
    }
    let resource = asked.first().and_then(|one| one.strip_suffix("/.default"));
    resource.filter(|resource| !resource.trim_matches('/').is_empty()).map(str::to_owned).ok_or_else(|| {
        let message = format!(
            "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."
        );
        (1_002_012, message)
    })
}

fn issue(core: &mut Core, tenant: &str, request: &Request) -> Response {
    let form = Request { query: String::from_utf8_lossy(&request.body).into_owned(), ..request.clone() };
    let field = |name: &str| form.parameter(name).unwrap_or_default();
    if !tenant.eq_ignore_ascii_case(&core.config.tenant) {
        let message =
            format!("Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID.");
        return refused(core, 400, "invalid_request", 90_002, &message);
    }
    if field("grant_type") != "client_credentials" {
        return refused(
            core,
            400,
            "unsupported_grant_type",
            70_003,
            "The app requested an unsupported grant type.",
        );
    }
    let resource = match resource_of(&field("scope")) {
        Ok(resource) => resource,
        Err((number, message)) => return refused(core, 400, "invalid_scope", number, &message),
    };
    let id = field("client_id");
    let Some(client) =
        core.config.clients.iter().find(|client| client.client_id.eq_ignore_ascii_case(&id)).cloned()
    else {
        let message =
            format!("Application with identifier '{id}' was not found in the directory '{tenant}'.");
        return refused(core, 400, "unauthorized_client", 700_016, &message);
    };
    let assertion = field("client_assertion");
    let verdict = if assertion.is_empty() {
        check_secret(&client, &field("client_secret"))
    } else {
        assertion::check(core, &client, &assertion)
    };
    if let Err((assertion::UNREACHABLE, message)) = &verdict {
        return refused(core, 400, "invalid_request", assertion::UNREACHABLE, message);
    }
    if let Err((number, message)) = verdict {
        return refused(core, 401, "invalid_client", number, &message);
    }
    let name = if client.name.is_empty() { client.client_id.clone() } else { client.name.clone() };
    let identity = Identity {
        object_id: ids::stable_guid(core.config.seed, &format!("object {}", client.client_id)),
        name,
        application: true,
        audience: resource.trim_end_matches('/').to_owned(),
    };
    let lifetime = core.config.token_lifetime;
    let now = core.now();
    let expiry = ids::after(now, f64::from(lifetime) * core.scale());
    let token = core.tokens.signer.sign(&json!({
        "aud": resource,
        "iss": format!("{}/{tenant}/v2.0", core.base()),
        "iat": now.as_second(),
        "nbf": now.as_second(),
        "exp": expiry.as_second(),
        "appid": client.client_id,
        "app_displayname": identity.name,
        "idtyp": "app",
        "oid": identity.object_id,
        "sub": identity.object_id,
        "tid": core.config.tenant,
        "uti": ids::hex(&mut core.rng, 22),
        "ver": "2.0",
    }));
    core.tokens.issued.retain(|_, (_, expiry)| ids::after(*expiry, 86_400.0) > now);
    core.tokens.issued.insert(token.clone(), (identity, expiry));
    Response::json(
        200,
        &json!({"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token}),
    )
}

fn check_secret(client: &Client, sent: &str) -> Result<(), (u32, String)> {
    let id = &client.client_id;
    if client.secret.as_deref() != Some(sent) {
        return Err((
            7_000_215,
            format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{id}'."
            ),
        ));
    }
    if client.secret_expired {
        return Err((7_000_222, format!("The provided client secret keys for app '{id}' are expired.")));
    }
    Ok(())
}
