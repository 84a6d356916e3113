//! How to reach Azure, and as whom.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::Secret;

use super::accounts::Accounts;
use super::pace::Pace;

/// Azure Resource Manager of the public cloud.
pub const PUBLIC_ARM: &str = "https://management.azure.com";

/// Entra ID of the public cloud.
pub const PUBLIC_AUTHORITY: &str = "https://login.microsoftonline.com";

const CLIENT_ID: &str = "AZURE_CLIENT_ID";
const TENANT_ID: &str = "AZURE_TENANT_ID";
const CLIENT_SECRET: &str = "AZURE_CLIENT_SECRET";
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";
const AUTHORITY_HOST: &str = "AZURE_AUTHORITY_HOST";

/// Everything that an [`Azure`](super::Azure) is made from.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where Azure Resource Manager is: `https://host[:port]`. Default [`PUBLIC_ARM`]. Tokens are
    /// asked for the scope `<arm>/.default`, as Microsoft's own clients do in every cloud.
    pub arm: String,
    /// Where Entra ID is: `https://host[:port]`, or the host alone. Default [`PUBLIC_AUTHORITY`].
    /// A path in it has no effect (`azure_identity` drops it).
    pub authority: String,
    /// A file with PEM certificates that are trusted besides the system's. Default none.
    pub ca_bundle: Option<PathBuf>,
    /// As whom we act where nothing else is said.
    pub credential: CredentialConfig,
    /// The service accounts that places act as. Default none: then only [`credential`](Self::credential) acts.
    pub accounts: Option<Arc<dyn Accounts>>,
    /// Hosts that may see an ARM token besides Azure's own and [`arm`](Self::arm): `host` (port
    /// 443), `host:port`, or `*.suffix`. Default none.
    pub trusted_hosts: Vec<String>,
    /// How long one request may take, from the connection to the last byte. Default 30 s; the
    /// connection alone may take 10 s.
    pub request_timeout: Duration,
    /// How fast we may go. Default [`Pace::documented`].
    pub pace: Pace,
}

/// As whom Bindery acts in Azure.
#[derive(Debug, Clone)]
pub enum CredentialConfig {
    /// A Kubernetes service account that Entra trusts (AKS workload identity).
    WorkloadIdentity {
        /// The tenant's id, a GUID.
        tenant: String,
        /// The client id of the managed identity or application.
        client: String,
        /// The file with the service account's token. Read anew for every token.
        token_file: PathBuf,
    },
    /// The identity of the virtual machine or App Service that Bindery runs on.
    ManagedIdentity {
        /// The client id of a user-assigned identity; needed when the machine has several.
        client: Option<String>,
    },
    /// A service principal with a secret.
    ClientSecret {
        /// The tenant's id, a GUID.
        tenant: String,
        /// The application's client id.
        client: String,
        /// Never printed: its `Debug` says only that there is one.
        secret: Secret,
    },
}

/// Why no client could be made. Each says what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// An environment variable is needed and missing or empty.
    #[error("{name} is not set, but {because}")]
    MissingVariable {
        /// The variable.
        name: &'static str,
        /// What asks for it.
        because: &'static str,
    },
    /// A URL that is none, or that is not https.
    #[error("{what} {text:?} is not usable: {why}")]
    Url {
        /// Which setting.
        what: &'static str,
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// The CA bundle cannot be read.
    #[error("the CA bundle {path:?} is not usable: {why}")]
    CaBundle {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The credential is not complete.
    #[error("the Azure credential is not usable: {0}")]
    Credential(String),
    /// The HTTP client could not be made, for example because the machine has no CA certificates.
    #[error("no HTTPS client: {0}")]
    Http(String),
}

impl Config {
    /// The public cloud, at the documented pace.
    pub fn new(credential: CredentialConfig) -> Self {
        Self {
            arm: PUBLIC_ARM.into(),
            authority: PUBLIC_AUTHORITY.into(),
            ca_bundle: None,
            credential,
            accounts: None,
            trusted_hosts: Vec::new(),
            request_timeout: Duration::from_secs(30),
            pace: Pace::documented(),
        }
    }

    /// [`Config::new`] with [`CredentialConfig::from_env`] and `AZURE_AUTHORITY_HOST`.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(&variable)
    }

    fn from_variables(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut config = Self::new(CredentialConfig::from_variables(variable)?);
        if let Some(authority) = variable(AUTHORITY_HOST) {
            config.authority = authority;
        }
        Ok(config)
    }
}

impl CredentialConfig {
    /// The credential that the environment describes, by the variables of Azure's own SDKs:
    /// `AZURE_FEDERATED_TOKEN_FILE` set → workload identity; else `AZURE_CLIENT_SECRET` set →
    /// client secret; both with `AZURE_CLIENT_ID` and `AZURE_TENANT_ID`. Else managed identity,
    /// which takes `AZURE_CLIENT_ID` where it is set. An empty variable counts as missing.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(&variable)
    }

    fn from_variables(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let need = |name, because| variable(name).ok_or(ConfigError::MissingVariable { name, because });
        if let Some(token_file) = variable(TOKEN_FILE) {
            let because = "AZURE_FEDERATED_TOKEN_FILE asks for workload identity";
            return Ok(Self::WorkloadIdentity {
                tenant: need(TENANT_ID, because)?,
                client: need(CLIENT_ID, because)?,
                token_file: token_file.into(),
            });
        }
        if let Some(secret) = variable(CLIENT_SECRET) {
            let because = "AZURE_CLIENT_SECRET asks for a client secret";
            return Ok(Self::ClientSecret {
                tenant: need(TENANT_ID, because)?,
                client: need(CLIENT_ID, because)?,
                secret: secret.into(),
            });
        }
        Ok(Self::ManagedIdentity { client: variable(CLIENT_ID) })
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(variables: &[(&str, &str)]) -> Result<CredentialConfig, ConfigError> {
        CredentialConfig::from_variables(&|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_chooses_the_credential() {
        let (tenant, client) = ((TENANT_ID, "t"), (CLIENT_ID, "c"));
        let file = (TOKEN_FILE, "/var/run/token");
        let secret = (CLIENT_SECRET, "hush");
        let cases: [(&[(&str, &str)], &str); 7] = [
            (
                &[tenant, client, file, secret],
                "WorkloadIdentity { tenant: \"t\", client: \"c\", token_file: \"/var/run/token\" }",
            ),
            (&[tenant, client, secret], "ClientSecret { tenant: \"t\", client: \"c\", secret: Secret }"),
            (&[client], "ManagedIdentity { client: Some(\"c\") }"),
            (&[], "ManagedIdentity { client: None }"),
            (
                &[tenant, file],
                "AZURE_CLIENT_ID is not set, but AZURE_FEDERATED_TOKEN_FILE asks for workload identity",
            ),
            (
                &[client, file],
                "AZURE_TENANT_ID is not set, but AZURE_FEDERATED_TOKEN_FILE asks for workload identity",
            ),
            (
                &[client, secret],
                "AZURE_TENANT_ID is not set, but AZURE_CLIENT_SECRET asks for a client secret",
            ),
        ];
        for (variables, expected) in cases {
            let said = match credential(variables) {
                Ok(credential) => format!("{credential:?}"),
                Err(error) => error.to_string(),
            };
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn the_authority_follows_the_environment() {
        let config = Config::from_variables(&|name| {
            (name == AUTHORITY_HOST).then(|| "https://login.microsoftonline.us/".to_owned())
        });
        assert_eq!(config.expect("complete").authority, "https://login.microsoftonline.us/");
    }
}
