//! Applications that Entra knows, and how they prove who they are.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::bounds;

/// An application that Entra knows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Client {
    /// Application (client) id, a GUID.
    pub client_id: String,
    /// What the log, `createdBy` and rights call it. Default: the client id.
    pub name: String,
    /// The client secret; none: secrets are refused.
    pub secret: Option<String>,
    /// The secret is right but has run out (AADSTS7000222). Default false.
    pub secret_expired: bool,
    /// Certificates in PEM, one in each text, whose keys the client may sign assertions with instead of sending a secret.
    /// Default none.
    #[serde(deserialize_with = "bounds::certificates")]
    pub certificates: Vec<String>,
    /// Whose assertions are taken instead of a secret. Default: nobody's.
    pub federated: Vec<Federated>,
}

/// A federated credential: issuer, subject and audience must all be equal, and the case matters.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Federated {
    /// The `iss` of the assertion, exactly.
    pub issuer: String,
    /// The `sub` of the assertion, for example `system:serviceaccount:ml:bindery`.
    pub subject: String,
    /// The `aud` of the assertion. Default `api://AzureADTokenExchange`.
    #[serde(default = "token_exchange")]
    pub audience: String,
    /// The issuer's key set (JWKS), against which RS256 signatures are checked. Default none: the issuer is asked, as
    /// Entra does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<serde_json::Value>,
    /// How the issuer is asked for its keys, where there are no `keys`. Default: as anybody may ask it, trusting the
    /// authorities that the system trusts.
    #[serde(default, skip_serializing_if = "Published::is_default")]
    pub published: Published,
}

impl Default for Federated {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            subject: String::new(),
            audience: token_exchange(),
            keys: None,
            published: Published::default(),
        }
    }
}

/// How to reach what an issuer publishes: `{issuer}/.well-known/openid-configuration`, and the `jwks_uri` in it. Both by
/// https only; each is waited for 5 real seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Published {
    /// Certificates of authorities in PEM, to be trusted for this issuer instead of the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// The same in a file, which is read whenever keys are fetched; used when there is no `ca`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Bearer token for both requests, for a Kubernetes API server that does not answer the anonymous.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl Published {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn token_exchange() -> String {
    "api://AzureADTokenExchange".to_owned()
}
